/** Definition and repetition levels: which slots of a column hold a value. */
#ifndef KTKI_PARQUET_LEVELS_H
#define KTKI_PARQUET_LEVELS_H

#include "base/cursor.h"
#include "parquet/kernels.h"
#include "parquet/validity.h"

/** Levels 0 and 1 of `count` slots. The bits of packed runs are those of the result: no level is
 * ever unpacked. KTK_E_CORRUPT if there are fewer or others. */
ktk_status ktki_levels_flat(struct validity *out, struct cursor levels, int64_t count,
                            ktk_error *err);

/** Lists around the items of a leaf, being read. */
struct list_sink {
    int64_t row_count_max;
    bool is_large;           /* offsets of 64 instead of 32 bits */
    bool is_nullable;        /* level 0: the list is null */
    uint32_t item_level;     /* from this definition level on there is an item */
    uint32_t definition_max; /* from this one on it is not null */
    struct validity rows;
    void *offsets; /* row_count_max + 1 of them */
};

ktk_status ktki_list_init(struct list_sink *list, const ktk_allocator *allocator, int64_t row_count,
                          bool is_large, ktk_error *err);
void ktki_list_clear(struct list_sink *list);

/** Room for both kinds of levels of a page. */
struct level_scratch {
    uint8_t *repetition;
    uint8_t *definition;
};

/**
 * Levels of `count` entries of a list with one repetition level: rows go to `list`, items to
 * `items`. KTK_E_CORRUPT if a level is missing or out of range, or if there are too many rows.
 */
ktk_status ktki_levels_list(struct list_sink *list, struct validity *items,
                            struct cursor repetition, struct cursor definition, int64_t count,
                            const struct kernels *kernels, const struct level_scratch *scratch,
                            ktk_error *err);

/** The last offset. */
void ktki_list_finish(struct list_sink *list, const struct validity *items);

#endif
