/** Memory of one thread that outlives pages and column chunks. */
#ifndef KTKI_PARQUET_SCRATCH_H
#define KTKI_PARQUET_SCRATCH_H

#include "codec/codec.h"
#include "parquet/levels.h"

/** A block that grows but does not keep its content. */
struct scratch_block {
    uint8_t *data;
    size_t capacity;
};

/** Rows that are decoded at once on their way into null-free buffers. */
#define DENSE_BLOCK INDEX_BLOCK
/** Bytes of levels in front of values that are decompressed into their slots. */
#define PLACED_LEVELS_MAX 64
/** Widest value that decoding converts (a decimal of 256 bits). */
#define DENSE_WIDTH_MAX 32

struct read_scratch {
    struct read_scratch *next;      /* for whoever keeps a list of them */
    const ktk_allocator *allocator; /* may be exchanged for another one that frees its blocks */
    const struct kernels *kernels;  /* the best ones; tests try others */
    struct codec_scratch codec;
    struct scratch_block page;            /* uncompressed bytes of a data page */
    struct scratch_block dictionary_page; /* of the dictionary page */
    struct scratch_block dictionary;      /* its entries */
    struct scratch_block pages;           /* struct page of the chunk */
    struct scratch_block bits;            /* booleans of a page */
    struct scratch_block old_repetition;  /* levels that were BIT_PACKED */
    struct scratch_block old_definition;
    struct scratch_block image; /* values of a page as PLAIN ones */
    struct scratch_block sizes; /* of the texts of a page */
    struct level_reader repetition;
    struct level_reader definition;
    uint8_t level_bits[LEVEL_BLOCK / 8 + 2 * sizeof(uint64_t)];
    struct index_reader index;
    uint8_t placed_levels[PLACED_LEVELS_MAX];
    uint8_t dense[DENSE_BLOCK * DENSE_WIDTH_MAX];
};

ktk_status ktki_scratch_new(struct read_scratch **out, const ktk_allocator *allocator,
                            ktk_error *err);
void ktki_scratch_free(struct read_scratch *scratch);

/** Bytes of its blocks. */
size_t ktki_scratch_bytes(const struct read_scratch *scratch);

/** Make the block hold `size` bytes and KERNEL_SLACK more. */
ktk_status ktki_scratch_reserve(const struct read_scratch *scratch, struct scratch_block *block,
                                size_t size, ktk_error *err);

/** The same, with the content kept. */
ktk_status ktki_scratch_grow(const struct read_scratch *scratch, struct scratch_block *block,
                             size_t size, ktk_error *err);

#endif
