/** Bits of Arrow buffers, 64 rows at a time: most words have no null, and then nothing is to be
 * done for 64 rows. */
#ifndef KARTOTHEK_PYTHON_VALIDITY_H
#define KARTOTHEK_PYTHON_VALIDITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VALIDITY_ROWS 64

/** `count` bits, 1 to 64, from bit `at` on, the first one in the lowest place; those above are 0.
 * No byte that holds none of them is read. */
static inline uint64_t validity_bits(const uint8_t *bits, int64_t at, int64_t count) {
    const uint8_t *from = bits + (at >> 3);
    int shift = (int)(at & 7);
    size_t size = (size_t)(count + shift + 7) >> 3;
    uint64_t word = 0;

    if (size >= 8) {
        memcpy(&word, from, 8);
    } else {
        memcpy(&word, from, size);
    }
    word >>= shift;
    if (size > 8) {
        word |= (uint64_t)from[8] << (64 - shift);
    }
    return count < 64 ? word & ((UINT64_C(1) << count) - 1) : word;
}

/** The same of rows that are null; `validity` NULL: none is. */
static inline uint64_t validity_nulls(const uint8_t *validity, int64_t at, int64_t count) {
    uint64_t all = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;

    return validity == NULL ? 0 : ~validity_bits(validity, at, count) & all;
}

/** How many rows of `length` from `row` on a word is of. */
static inline int64_t validity_step(int64_t row, int64_t length) {
    return length - row < VALIDITY_ROWS ? length - row : VALIDITY_ROWS;
}

/** A byte, 0 or 1, for each of `count` bits. */
static inline void validity_spread(uint64_t bits, int64_t count, uint8_t *out) {
    int64_t row = 0;

    for (; row + 8 <= count; row += 8, bits >>= 8) {
        /* Each byte keeps the bit of its own, which then becomes its lowest one. */
        uint64_t own =
            ((bits & 0xFF) * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
        uint64_t bytes = (own + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7 & UINT64_C(0x0101010101010101);

        memcpy(out + row, &bytes, 8);
    }
    for (; row < count; row++, bits >>= 1) {
        out[row] = bits & 1;
    }
}

#endif
