/** Which bits of a bloom filter a value has. */
#ifndef KTKI_PARQUET_BLOOM_HASH_H
#define KTKI_PARQUET_BLOOM_HASH_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOOM_LANES 8

static inline uint64_t ktki_bloom_hash(const void *value, size_t size) {
    assert(value != NULL || size == 0);
    return XXH64(value, size, 0);
}

/** The block, of `count`. */
static inline size_t ktki_bloom_block(uint64_t hash, uint32_t count) {
    return (size_t)((hash >> 32) * count >> 32);
}

/** The bits within it, one in each lane. */
static inline void ktki_bloom_mask(uint64_t hash, uint32_t mask[BLOOM_LANES]) {
    static const uint32_t salts[BLOOM_LANES] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                                0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

    for (int i = 0; i < BLOOM_LANES; i++) {
        mask[i] = UINT32_C(1) << ((uint32_t)hash * salts[i] >> 27);
    }
}

#endif
