/** Writing DELTA_BINARY_PACKED: blocks of 128 numbers in four miniblocks, as other writers have
 * them. */
#ifndef KTKI_PARQUET_ENCODE_DELTA_H
#define KTKI_PARQUET_ENCODE_DELTA_H

#include "base/buffer.h"

#define DELTA_BLOCK 128

struct delta_encoder {
    struct buffer *out;
    bool is_narrow; /* numbers of 32 bits; else of 64 */
    bool is_begun;  /* the first number is in the header */
    uint64_t count; /* of all numbers, as the header says */
    uint64_t last;
    size_t delta_count;
    uint64_t deltas[DELTA_BLOCK]; /* of the block under way */
};

/** `width` is 4 or 8 bytes; `count` numbers will come. */
void ktki_delta_encoder_begin(struct delta_encoder *encoder, struct buffer *out, size_t width,
                              size_t count);

/** Append numbers of the width, `count` of them. */
ktk_status ktki_delta_encode(struct delta_encoder *encoder, const void *numbers, size_t count,
                             ktk_error *err);

/** Append what is left. */
ktk_status ktki_delta_encoder_finish(struct delta_encoder *encoder, ktk_error *err);

#endif
