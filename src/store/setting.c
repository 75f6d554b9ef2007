#include "store/setting.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "net/url_encode.h"

ktk_status ktki_setting_replace(const ktk_allocator *allocator, char **out, const char *text,
                                size_t size, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (size > 0) {
        ktki_free_text(allocator, *out);
        *out = NULL;
        KTKI_TRY(ktki_copy_text(allocator, text, size, out, err));
    }
out:
    return status;
}

ktk_status ktki_setting_text(const ktk_allocator *allocator, char **out, const char *text,
                             ktk_error *err) {
    return ktki_setting_replace(allocator, out, text, text == NULL ? 0 : strlen(text), err);
}

ktk_status ktki_setting_prefix(const ktk_allocator *allocator, char **out, const char *location,
                               ktk_error *err) {
    const char *start = location + strspn(location, "/");
    size_t size = ktki_url_size_without_slashes(start, strlen(start));
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, allocator, 0);
    KTKI_TRY(ktki_buffer_append(&prefix, start, size, err));
    KTKI_TRY(size == 0 ? KTK_OK : ktki_buffer_append_byte(&prefix, '/', err));
    KTKI_TRY(ktki_copy_text(allocator, (const char *)prefix.data, prefix.size, out, err));
out:
    ktki_buffer_clear(&prefix);
    return status;
}
