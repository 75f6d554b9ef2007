/** Lists, maps and structs around a leaf: their slots, collected page by page from its levels. */
#ifndef KTKI_PARQUET_NEST_SINK_H
#define KTKI_PARQUET_NEST_SINK_H

#include "parquet/page.h"
#include "parquet/schema_read.h"

/** What has been collected of one nest. Nothing is for structs that are never null. */
struct nest_sink {
    const struct parquet_nest *nest;
    struct validity validity; /* its capacity and length are those of the offsets, too */
    void *offsets;            /* lists and maps; by ktki_nest_is_large() of 64 or 32 bits */
    size_t offsets_size;
    int64_t item_count; /* lists and maps */
};

/** All nests that are collected with one leaf, and how far its levels have been read. */
struct nest_reader {
    const struct parquet_leaf *leaf;
    struct nest_sink *sinks; /* from the depth `first` on to the innermost one */
    int32_t first;
    int32_t count;
    int64_t row_count; /* rows begun so far */
    int64_t row_count_max;
    uint8_t definition_last; /* definition level of the last entry */
};

/** Offsets of 64 instead of 32 bits. */
static inline bool ktki_nest_is_large(const struct parquet_nest *nest) {
    return nest->field->type.id == TYPE_LARGE_LIST;
}

/**
 * Begin with a leaf of `row_count` rows. `sinks` is the caller's: zeroed, one for each nest of the
 * leaf from the depth `first` on, to be cleared by the caller in any case.
 */
ktk_status ktki_nests_begin(struct nest_reader *out, const struct parquet_leaf *leaf,
                            struct nest_sink *sinks, int32_t first, int64_t row_count,
                            const ktk_allocator *allocator, ktk_error *err);

/**
 * Add the levels of a page of `count` entries; the slots of the leaf go to `leaf`. KTK_E_CORRUPT if
 * levels are missing or out of range, continue what has not begun, or begin too many rows.
 */
ktk_status ktki_nests_add(struct nest_reader *reader, struct validity *leaf,
                          const struct page_parts *parts, int64_t count,
                          struct read_scratch *scratch, ktk_error *err);

/** Behind the last page: checks the number of rows, and writes the last offsets. */
ktk_status ktki_nests_finish(struct nest_reader *reader, ktk_error *err);

void ktki_nest_clear(struct nest_sink *sink);

#endif
