/**
 * The hybrid of run-length and bit-packing that levels, booleans and dictionary indices are coded
 * in. What is handed out are runs, not values: a consumer fills or unpacks them whole.
 */
#ifndef KTKI_PARQUET_RLE_H
#define KTKI_PARQUET_RLE_H

#include "base/cursor.h"
#include "parquet/kernels.h"

struct rle_run {
    bool is_packed;
    size_t count;          /* values, at least 1 */
    uint32_t value;        /* not packed: the one value, below 2^bit_width */
    const uint8_t *packed; /* packed: `count` values lie within */
    size_t packed_size;
};

/** The next run; empty ones are passed over, a packed one that is cut short ends where the bytes
 * do. False at the end and for what is damaged. `bit_width` is at most 32. */
bool ktki_rle_run(struct cursor *cursor, unsigned bit_width, struct rle_run *out);

/** Indices are handed out in blocks of at most so many. */
#define INDEX_BLOCK ((size_t)1024)

/** Numbers below a bound, read from runs. */
struct index_reader {
    struct cursor cursor;
    const struct kernels *kernels;
    unsigned bit_width;
    uint32_t bound;
    struct rle_run run; /* what is left of it; count 0: none */
    size_t start;       /* numbers [start, end) of the block wait to be taken */
    size_t end;
    uint32_t block[2 * INDEX_BLOCK + 8];
};

void ktki_index_init(struct index_reader *reader, struct cursor cursor, unsigned bit_width,
                     uint32_t bound, const struct kernels *kernels);

/** Some of the next indices, at most `wanted` (>= 1) of them: `indices` NULL: `count` times
 * `value`.
 */
struct index_piece {
    const uint32_t *indices;
    size_t count;
    uint32_t value;
};

/** False: there are no more, or one is not below the bound. */
bool ktki_index_some(struct index_reader *reader, size_t wanted, struct index_piece *out);

/** Exactly `count` (at most INDEX_BLOCK) indices in one piece; valid until the next call. */
bool ktki_index_exactly(struct index_reader *reader, size_t count, const uint32_t **out);

#endif
