/** Decompression of snappy blocks. */
#ifndef KTKI_CODEC_SNAPPY_DECODE_H
#define KTKI_CODEC_SNAPPY_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Exactly `out_size` bytes, or false: the data state another size or are damaged. Nothing outside
 * of `data` is read and nothing outside of `out` written. */
bool ktki_snappy_decode(const uint8_t *data, size_t size, uint8_t *out, size_t out_size);

/** The same, but only the first `wanted` bytes (at most `out_size`) are sure to be there: what
 * follows may be anything, and is not checked. */
bool ktki_snappy_decode_start(const uint8_t *data, size_t size, uint8_t *out, size_t out_size,
                              size_t wanted);

#endif
