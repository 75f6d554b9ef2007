#include "net/url_encode.h"

#include "base/alloc.h"
#include "base/error.h"

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

ktk_status ktki_url_encode(struct buffer *out, const char *text, size_t size, bool keeps_slash,
                           ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        const char code[3] = {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};

        KTKI_TRY(is_unreserved(text[i]) || (keeps_slash && text[i] == '/')
                     ? ktki_buffer_append_byte(out, byte, err)
                     : ktki_buffer_append(out, code, sizeof(code), err));
    }
out:
    return status;
}

/* By name, then by value; all that is encoded sorts as what it stands for, bar '~' and what is
 * beyond it, which no name of a parameter holds. */
static int compare_params(const void *a, const void *b) {
    const struct call_param *left = *(const struct call_param *const *)a;
    const struct call_param *right = *(const struct call_param *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : strcmp(left->value, right->value);
}

ktk_status ktki_query_append(struct buffer *out, const struct call_param *params, size_t count,
                             const ktk_allocator *allocator, ktk_error *err) {
    const struct call_param **order = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(const struct call_param *), &order, err));
    for (size_t i = 0; i < count; i++) {
        order[i] = &params[i];
    }
    qsort(order, count, sizeof(const struct call_param *), compare_params);
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(i == 0 ? KTK_OK : ktki_buffer_append_byte(out, '&', err));
        KTKI_TRY(ktki_url_encode(out, order[i]->name, strlen(order[i]->name), false, err));
        KTKI_TRY(ktki_buffer_append_byte(out, '=', err));
        KTKI_TRY(ktki_url_encode(out, order[i]->value, strlen(order[i]->value), false, err));
    }
out:
    ktki_free_array(allocator, order, count, sizeof(const struct call_param *));
    return status;
}

size_t ktki_url_size_without_slashes(const char *text, size_t size) {
    while (size > 0 && text[size - 1] == '/') {
        size--;
    }
    return size;
}
