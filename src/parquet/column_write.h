/** The chunk of one column in a row group. */
#ifndef KTKI_PARQUET_COLUMN_WRITE_H
#define KTKI_PARQUET_COLUMN_WRITE_H

#include "base/pool.h"
#include "parquet/page_plan.h"

/** What is the same for all columns of a row group. */
struct column_settings {
    struct page_settings page;
    bool no_dictionary;
    struct pool *pool; /* NULL: pages are written one after the other */
    struct scratch_pool *scratches;
};

/** A column, kept with its memory from row group to row group. */
struct column_write {
    const struct write_leaf *leaf;
    struct page_list pages;
    struct write_page dictionary_page; /* used if has_dictionary */
    bool has_dictionary;
    bool has_plain;      /* some pages are not dictionary pages */
    int64_t value_count; /* levels: nulls and empty lists count */
    int64_t null_count;  /* likewise */
    bool has_bounds;
    size_t min_size;
    size_t max_size;
    struct buffer bounds;      /* the smallest value, then the largest, as statistics have them */
    int64_t uncompressed_size; /* of all pages with their headers */
    int64_t compressed_size;
};

void ktki_column_write_init(struct column_write *column, const struct write_leaf *leaf,
                            const ktk_allocator *allocator);
void ktki_column_write_clear(struct column_write *column);

/**
 * Encode the rows of the slices as one chunk: pages end up in `column`, to be written in order, the
 * dictionary page first. The result does not depend on threads, nor on how rows come in slices.
 */
ktk_status ktki_column_write(struct column_write *column, const struct row_slice *slices,
                             size_t slice_count, int64_t first_row,
                             const struct column_settings *settings, ktk_error *err);

#endif
