#include "base/base64.h"

#include <string.h>

#include "base/error.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ktk_status ktki_base64_append(struct buffer *out, const void *data, size_t size, ktk_error *err) {
    const uint8_t *bytes = data;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < size; i += 3) {
        size_t count = size - i < 3 ? size - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        char text[4];

        group |= count > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= count > 2 ? bytes[i + 2] : 0;
        for (size_t j = 0; j < 4; j++) {
            text[j] = j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=';
        }
        KTKI_TRY(ktki_buffer_append(out, text, 4, err));
    }
out:
    return status;
}

ktk_status ktki_base64_decode(struct buffer *out, const char *text, ktk_error *err) {
    size_t size = strlen(text);
    size_t padding = 0;
    uint32_t group = 0;
    ktk_status status = KTK_OK;

    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') {
        padding++;
    }
    if (size % 4 != 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "base64 of %zu characters is cut", size);
    }
    for (size_t i = 0; i < size; i++) {
        const char *place = i < size - padding ? memchr(alphabet, text[i], 64) : alphabet;

        if (place == NULL) {
            KTKI_FAIL(err, KTK_E_INVALID, "character %zu is not base64", i + 1);
        }
        group = group << 6 | (uint32_t)(place - alphabet);
        if (i % 4 == 3) {
            const uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8),
                                      (uint8_t)group};

            KTKI_TRY(ktki_buffer_append(out, bytes, i + 1 == size ? 3 - padding : 3, err));
            group = 0;
        }
    }
out:
    return status;
}
