/**
 * Reading DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY: pieces of bytes whose sizes stand in front
 * of them all, in the latter without the start that each shares with the one before it.
 */
#ifndef KTKI_PARQUET_DELTA_TEXT_H
#define KTKI_PARQUET_DELTA_TEXT_H

#include "parquet/scratch.h"

struct delta_text {
    size_t count;
    const uint32_t *sizes;    /* of the pieces, in scratch->sizes */
    const uint32_t *prefixes; /* how much of it is that of the one before; NULL: none */
    uint64_t size;            /* of all pieces together */
    struct cursor bytes;      /* what is not shared */
};

/** Read the sizes of `count` (>= 1) pieces. KTK_E_CORRUPT if they are damaged, of another number
 * or go beyond the bytes; KTK_E_LIMIT if all pieces take more than `size_max` bytes. */
ktk_status ktki_delta_text_begin(struct delta_text *out, struct cursor in, size_t count,
                                 bool has_prefixes, uint64_t size_max, struct read_scratch *scratch,
                                 ktk_error *err);

/** Bytes that ktki_delta_text_copy() writes. */
size_t ktki_delta_text_size(const struct delta_text *text, bool has_sizes);

/** Copy the pieces one behind the other; each with its size of 32 bits in front if `has_sizes`. */
void ktki_delta_text_copy(const struct delta_text *text, bool has_sizes, uint8_t *out);

#endif
