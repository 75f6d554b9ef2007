/**
 * Reading DELTA_BINARY_PACKED: whole numbers as packed differences, in blocks of miniblocks
 * (Encodings.md of the format). Arithmetic wraps, as writers' does.
 */
#ifndef KTKI_PARQUET_DELTA_H
#define KTKI_PARQUET_DELTA_H

#include "base/cursor.h"
#include "parquet/kernels.h"

/** Numbers of a miniblock that are decoded ahead of being asked for: a few groups of eight. */
#define DELTA_STAGE ((size_t)32)

/** A miniblock whose numbers are being handed out, always whole groups of eight but at its end. */
struct delta_miniblock {
    unsigned bit_width;
    uint64_t left; /* numbers */
    const uint8_t *packed;
};

struct delta_reader {
    struct cursor in; /* behind the current miniblock */
    const struct kernels *kernels;
    size_t width;            /* bytes of a number in memory: 4 or 8 */
    uint64_t count;          /* numbers altogether, as the header has it */
    uint64_t left;           /* numbers not decoded yet */
    uint64_t miniblock_size; /* numbers of a miniblock */
    size_t miniblock_count;  /* miniblocks of a block */
    bool is_first;           /* the number of the header waits */
    uint64_t last;           /* the number before */
    uint64_t min_delta;
    const uint8_t *bit_widths; /* of the miniblocks that are left of the block */
    size_t bit_width_count;
    struct delta_miniblock miniblock;
    size_t stage_start; /* numbers [stage_start, stage_end) of the stage wait */
    size_t stage_end;
    uint64_t stage[DELTA_STAGE]; /* numbers of `width` bytes */
};

/** Read the header. False: it is damaged, or its block sizes are not those that the format
 * allows. `in` is what the values may take. */
bool ktki_delta_begin(struct delta_reader *reader, struct cursor in, size_t width,
                      const struct kernels *kernels);

/** Decode the next `count` numbers. False: there are fewer, or their bytes end too early. */
bool ktki_delta_next(struct delta_reader *reader, size_t count, void *out);

/** What lies behind the numbers; all must have been decoded. */
static inline struct cursor ktki_delta_rest(const struct delta_reader *reader) {
    return reader->in;
}

#endif
