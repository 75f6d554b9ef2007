#include "dataset/name.h"

#include <string.h>

#include "base/error.h"
#include "base/uuid.h"

_Static_assert(KTKI_UUID_TEXT_SIZE == 33, "ktk_uuid_generate() hands out 33 bytes");

/* Locale-free, unlike isalnum(). */
static bool is_alphanumeric(unsigned char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_verbatim(unsigned char byte) {
    return is_alphanumeric(byte) || byte == '_' || byte == '.' || byte == '-' || byte == '~';
}

ktk_status ktki_quote(struct buffer *out, const char *data, size_t size, bool keep_slash,
                      ktk_error *err) {
    static const char digits[] = "0123456789ABCDEF";
    ktk_status status = ktki_buffer_reserve(out, size, err);

    for (size_t i = 0; i < size && status == KTK_OK; i++) {
        unsigned char byte = (unsigned char)data[i];

        if (is_verbatim(byte) || (keep_slash && byte == '/')) {
            status = ktki_buffer_append_byte(out, byte, err);
        } else {
            const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            status = ktki_buffer_append(out, escape, sizeof(escape), err);
        }
    }
    return status;
}

/* Value of a hexadecimal digit, -1 if it is none. */
static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Decode into `to`, which has room for `size` bytes; returns the bytes written. */
static size_t unquote_into(char *to, const char *text, size_t size) {
    size_t written = 0;

    for (size_t i = 0; i < size; i++) {
        char byte = text[i];

        if (byte == '%' && size - i > 2) {
            int high = hex_value(text[i + 1]);
            int low = hex_value(text[i + 2]);

            if (high >= 0 && low >= 0) {
                byte = (char)(high << 4 | low);
                i += 2;
            }
        }
        to[written++] = byte;
    }
    return written;
}

ktk_status ktki_unquote(struct buffer *out, const char *text, size_t size, ktk_error *err) {
    ktk_status status = ktki_buffer_reserve(out, size, err);

    if (status == KTK_OK && size > 0) {
        out->size += unquote_into((char *)out->data + out->size, text, size);
    }
    return status;
}

ktk_status ktki_table_name_check(const char *table, ktk_error *err) {
    static const char legal[] = "\\`!\"#$%&'()+,-.<=>?@[]^_{}~ ";

    if (table[0] == '\0') {
        return ktk_error_set(err, KTK_E_INVALID, "the table name must not be empty");
    }
    for (const char *at = table; *at != '\0'; at++) {
        if (!is_alphanumeric((unsigned char)*at) && strchr(legal, *at) == NULL) {
            return ktk_error_set(err, KTK_E_INVALID,
                                 "table name '%s' holds a character that keys must not have; use "
                                 "letters, digits, '_' and '-'",
                                 table);
        }
    }
    if (strcmp(table, "indices") == 0 || strcmp(table, "_ktk") == 0 || strcmp(table, ".") == 0 ||
        strcmp(table, "..") == 0) {
        return ktk_error_set(err, KTK_E_INVALID, "table name '%s' is reserved; use another one",
                             table);
    }
    return KTK_OK;
}

ktk_status ktk_uuid_check(const char *uuid, ktk_error *err) {
    const char *at = uuid;

    while (is_alphanumeric((unsigned char)*at) || *at == '+' || *at == '-' || *at == '_') {
        at++;
    }
    if (*at != '\0') {
        return ktk_error_set(err, KTK_E_INVALID,
                             "UUID contains illegal character: dataset name '%s' may have letters, "
                             "digits, '+', '-' and '_'",
                             uuid);
    }
    return at == uuid ? ktk_error_set(err, KTK_E_INVALID, "the dataset name must not be empty")
                      : KTK_OK;
}

ktk_status ktk_uuid_generate(char out[33], ktk_error *err) {
    return ktki_uuid7(out, err);
}

/* One component `column=value` into `pair`; false if it does not have exactly one '='. `texts` has
 * room for the component, and is moved behind what was written. */
static bool decode_pair(struct key_pair *pair, char **texts, const char *text, size_t size) {
    const char *equals = memchr(text, '=', size);
    size_t column_size;

    if (equals == NULL || memchr(equals + 1, '=', size - (size_t)(equals + 1 - text)) != NULL) {
        return false;
    }
    column_size = (size_t)(equals - text);
    pair->column = *texts;
    pair->column_size = unquote_into(*texts, text, column_size);
    *texts += pair->column_size;
    pair->value = *texts;
    pair->value_size = unquote_into(*texts, equals + 1, size - column_size - 1);
    *texts += pair->value_size;
    return true;
}

static bool ends_with(const char *text, const char *suffix) {
    size_t size = strlen(text);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

bool ktki_key_is_csv(const char *key) {
    return ends_with(key, ".csv") || ends_with(key, ".csv.gz");
}

ktk_status ktki_key_decode(struct key_parts *out, struct arena *arena, const char *key,
                           ktk_error *err) {
    ktk_status status = KTK_OK;
    struct key_parts parts = {0};
    size_t size = strlen(key);
    const char *slash = memchr(key, '/', size);
    const char *middle = slash != NULL ? strchr(slash + 1, '/') : NULL;
    const char *last = strrchr(key, '/');
    size_t component_count = 0;
    char *texts;

    if (middle == NULL) {
        KTKI_TRY(ktki_arena_text(arena, key, size, &parts.uuid, err));
        *out = parts;
        goto out;
    }
    KTKI_TRY(ktki_arena_text(arena, key, (size_t)(slash - key), &parts.uuid, err));
    KTKI_TRY(ktki_arena_text(arena, slash + 1, (size_t)(middle - slash - 1), &parts.table, err));
    KTKI_TRY(ktki_arena_text(arena, last + 1, strlen(last + 1), &parts.file, err));
    for (const char *at = middle; at != last; at = strchr(at + 1, '/')) {
        component_count++;
    }
    KTKI_TRY(ktki_arena_array(arena, component_count, sizeof(*parts.pairs), &parts.pairs, err));
    KTKI_TRY(ktki_arena_array(arena, (size_t)(last - middle), 1, &texts, err));
    for (const char *at = middle; at != last;) {
        const char *next = strchr(at + 1, '/');

        parts.pair_count +=
            decode_pair(&parts.pairs[parts.pair_count], &texts, at + 1, (size_t)(next - at - 1));
        at = next;
    }
    *out = parts;
out:
    return status;
}
