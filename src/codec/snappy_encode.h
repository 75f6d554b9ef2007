/** Compression into snappy blocks, see snappy.c for why there is one of our own. */
#ifndef KTKI_CODEC_SNAPPY_ENCODE_H
#define KTKI_CODEC_SNAPPY_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#define SNAPPY_TABLE_SIZE 8192

/** Bytes of `out` that ktki_snappy_encode() wants: more than any block of `size` bytes takes. */
static inline size_t ktki_snappy_bound(size_t size) {
    return 32 + size + size / 6;
}

/**
 * Compress `size` (up to UINT32_MAX) bytes; returns the size of the block. `table` is working
 * memory of SNAPPY_TABLE_SIZE places, whose content does not matter. The block depends on the data
 * alone, on no processor and no build.
 */
size_t ktki_snappy_encode(const uint8_t *data, size_t size, uint16_t *table, uint8_t *out);

#endif
