/** Which rows of a row group are wanted: disjoint ranges in ascending order. */
#ifndef KTKI_PARQUET_ROW_RANGES_H
#define KTKI_PARQUET_ROW_RANGES_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

/** Rows [start, end). */
struct row_range {
    int64_t start;
    int64_t end;
};

/** Ranges are not empty, and between two of them lies at least one row. */
struct row_ranges {
    const ktk_allocator *allocator;
    struct row_range *items;
    size_t count;
    size_t capacity;
    int64_t row_count; /* of all ranges */
};

/** No rows. Nothing is allocated yet. */
void ktki_ranges_init(struct row_ranges *ranges, const ktk_allocator *allocator);
void ktki_ranges_clear(struct row_ranges *ranges);

/** Forget the rows, keep the memory. */
void ktki_ranges_reset(struct row_ranges *ranges);

/** Add rows that begin nowhere before the end of the last range; none if start == end. */
ktk_status ktki_ranges_add(struct row_ranges *ranges, int64_t start, int64_t end, ktk_error *err);

/** The rows of both, added to the empty `out`. */
ktk_status ktki_ranges_intersect(struct row_ranges *out, const struct row_ranges *a,
                                 const struct row_ranges *b, ktk_error *err);

/** The rows of either, added to the empty `out`. */
ktk_status ktki_ranges_unite(struct row_ranges *out, const struct row_ranges *a,
                             const struct row_ranges *b, ktk_error *err);

/** Of the rows of `ranges`, counted through from 0, those whose bit is set in `mask`; added to the
 * empty `out`. */
ktk_status ktki_ranges_select(struct row_ranges *out, const struct row_ranges *ranges,
                              const uint8_t *mask, ktk_error *err);

/** Exchange two of the same allocator. */
void ktki_ranges_swap(struct row_ranges *a, struct row_ranges *b);

/** The first range that ends behind `row`; `count` if none does. */
size_t ktki_ranges_find(const struct row_ranges *ranges, int64_t row);

/** Some row of [start, end) is wanted. */
bool ktki_ranges_touch(const struct row_ranges *ranges, int64_t start, int64_t end);

#endif
