#include "parquet/text_check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "parquet/kernels.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Most texts are ASCII, and short. */
static bool is_ascii(const uint8_t *text, size_t size) {
    uint64_t seen = 0;
    uint64_t word;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        memcpy(&word, text + at, 8);
        seen |= word;
    }
    if (size >= 8) {
        memcpy(&word, text + size - 8, 8); /* overlaps */
        return ((seen | word) & HIGH_BITS) == 0;
    }
    for (; at < size; at++) {
        seen |= text[at];
    }
    return (seen & HIGH_BITS) == 0;
}

#define SHOWN_BYTES 16

static ktk_status refuse(const uint8_t *text, size_t size, const char *column, ktk_error *err) {
    char shown[3 * SHOWN_BYTES + 1] = "";

    for (size_t i = 0; i < size && i < SHOWN_BYTES; i++) {
        (void)snprintf(shown + 3 * i, sizeof(shown) - 3 * i, " %02x", text[i]);
    }
    return ktk_error_set(err, KTK_E_INVALID,
                         "column '%s': a text is not valid UTF-8; its %zu bytes begin with%s",
                         column, size, shown);
}

/* Whether the pieces lie one behind the other. */
static bool is_one_stretch(const struct value_block *block) {
    size_t gaps = 0;

    for (size_t i = 0; i + 1 < block->count; i++) {
        gaps += block->starts[i] + block->sizes[i] != block->starts[i + 1];
    }
    return gaps == 0;
}

ktk_status ktki_text_check(const struct value_block *block, const char *column, ktk_error *err) {
    size_t last = block->count - 1;

    if (block->count > 1 && is_one_stretch(block) &&
        ktki_kernels()->is_ascii(block->starts[0],
                                 (size_t)(block->starts[last] - block->starts[0]) +
                                     block->sizes[last])) {
        return KTK_OK;
    }
    for (size_t i = 0; i < block->count; i++) {
        const uint8_t *text = block->starts[i];
        size_t size = block->sizes[i];

        if (!is_ascii(text, size) && !ktki_utf8_is_valid(text, size)) {
            return refuse(text, size, column, err);
        }
    }
    return KTK_OK;
}
