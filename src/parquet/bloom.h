/**
 * Bloom filters of column chunks: BloomFilter.md of parquet-format, the split-block filter over
 * XXH64.
 *
 * A filter tells of a value that it is surely not in the chunk, or that it may be. What is hashed
 * is the value as PLAIN encoding has it, a BYTE_ARRAY without its length.
 */
#ifndef KTKI_PARQUET_BLOOM_H
#define KTKI_PARQUET_BLOOM_H

#include "base/buffer.h"
#include "parquet/metadata.h"
#include "parquet/source.h"

/** Bytes of a block; each value sets bits in one of them. */
#define BLOOM_BLOCK_SIZE ((size_t)32)

/** A filter of a file; clear it with ktki_bloom_clear(). */
struct bloom {
    const uint8_t *blocks; /* of `bytes` or of what was decoded */
    uint32_t block_count;  /* >= 1 */
    ktk_bytes bytes;
};

/**
 * Read the filter of a chunk, `chunk->bloom` of its metadata; the size of older files is found out.
 * KTK_E_CORRUPT if it does not lie within the file or its parts do not fit together,
 * KTK_E_UNSUPPORTED for a filter of another kind.
 */
ktk_status ktki_bloom_read(struct bloom *out, const struct source *source,
                           const struct index_place *place, ktk_error *err);

/** The same out of memory, which must outlive the filter. */
ktk_status ktki_bloom_decode(struct bloom *out, const uint8_t *data, size_t size, ktk_error *err);

void ktki_bloom_clear(struct bloom *bloom);

/**
 * False: no value of the chunk equals this one. Zeroes of both signs are equal; NaN may always be
 * there, for its bits are not known. Only FLOAT16, which the physical type does not tell, is for
 * the caller to ask for both zeroes.
 */
bool ktki_bloom_may_hold(const struct bloom *bloom, enum parquet_type type, const void *value,
                         size_t size);

/* ---- building ---- */

/** A filter being filled. */
struct bloom_build {
    const ktk_allocator *allocator;
    uint32_t (*blocks)[BLOOM_BLOCK_SIZE / sizeof(uint32_t)];
    uint32_t block_count;     /* in use */
    uint32_t allocated_count; /* of blocks */
};

/** An empty filter for up to `value_count_max` distinct values, of which about the share `fpp` (0 …
 * 1, exclusive) of those that are not in the chunk passes for being there. */
ktk_status ktki_bloom_build_begin(struct bloom_build *out, const ktk_allocator *allocator,
                                  int64_t value_count_max, double fpp, ktk_error *err);

void ktki_bloom_build_add(struct bloom_build *build, const void *value, size_t size);

/** Halve the filter as often as it still keeps to `fpp`: when there were less distinct values than
 * thought. */
void ktki_bloom_build_fold(struct bloom_build *build, double fpp);

/** Append header and filter. */
ktk_status ktki_bloom_build_encode(const struct bloom_build *build, struct buffer *out,
                                   ktk_error *err);

void ktki_bloom_build_clear(struct bloom_build *build);

#endif
