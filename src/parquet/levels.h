/** Definition and repetition levels: which slots of a column hold a value. */
#ifndef KTKI_PARQUET_LEVELS_H
#define KTKI_PARQUET_LEVELS_H

#include "parquet/rle.h"
#include "parquet/validity.h"

/** Levels are bytes, and one more than the highest must be one, too. */
#define LEVEL_MAX 254

/** Levels 0 and 1 of `count` slots. The bits of packed runs are those of the result: no level is
 * ever unpacked. KTK_E_CORRUPT if there are fewer or others. */
ktk_status ktki_levels_flat(struct validity *out, struct cursor levels, int64_t count,
                            ktk_error *err);

/** Levels of one kind of a page, unpacked a block at a time. */
struct level_reader {
    struct cursor cursor;
    uint8_t level_max;
    unsigned bit_width;
    struct rle_run run; /* what is left of it; count 0: none */
    size_t start;       /* levels [start, end) wait to be taken */
    size_t end;
    uint8_t levels[LEVEL_BLOCK + 8 + LEVEL_SLACK]; /* packed runs are cut in groups of eight */
};

void ktki_levels_begin(struct level_reader *reader, struct cursor levels, int32_t level_max);

/** The next `count` (at most LEVEL_BLOCK) levels, at the start of `reader->levels`. False if there
 * are fewer, or one is above the maximum. */
bool ktki_levels_next(struct level_reader *reader, size_t count, const struct kernels *kernels);

/** KTK_E_CORRUPT for levels of that kind, "definition" or "repetition". */
ktk_status ktki_levels_damaged(const char *kind, ktk_error *err);

#endif
