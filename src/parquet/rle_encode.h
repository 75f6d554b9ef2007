/** The hybrid of run-length and bit-packed runs that levels and dictionary indices are stored in.
 */
#ifndef KTKI_PARQUET_RLE_ENCODE_H
#define KTKI_PARQUET_RLE_ENCODE_H

#include "base/buffer.h"

/** Bits that hold all values up to `value_max`: 0 for 0. */
unsigned ktki_bit_width(uint32_t value_max);

/** Values that one call takes at most: a page holds no more. */
#define KTKI_RLE_COUNT_MAX ((size_t)1 << 30)

/** Append `count` values of `width` bits (0 to 32) each; higher bits must be 0. */
ktk_status ktki_rle_encode(struct buffer *out, const uint32_t *values, size_t count, unsigned width,
                           ktk_error *err);

/** Append `count` values of one bit each, taken from `bits` from bit 0 on. The bits behind the last
 * value are overwritten. */
ktk_status ktki_rle_encode_bits(struct buffer *out, uint8_t *bits, size_t count, ktk_error *err);

/** Append `count` times the same value. */
ktk_status ktki_rle_encode_run(struct buffer *out, uint32_t value, size_t count, unsigned width,
                               ktk_error *err);

#endif
