/** The chunk of one column in a row group. */
#ifndef KTKI_PARQUET_COLUMN_WRITE_H
#define KTKI_PARQUET_COLUMN_WRITE_H

#include "parquet/page_plan.h"

/** What is the same for all columns of a file. */
struct column_settings {
    struct page_settings page;
    bool no_dictionary;
};

/** A column, kept with its memory from row group to row group. */
struct column_write {
    const struct write_leaf *leaf;

    /* While the chunk is written. The scratch has the dictionary, the indices and the input's
     * tables. */
    struct write_scratch *scratch;
    struct leaf_input input;
    struct chunk_indices indices;
    bool has_index; /* of its pages */

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
    int64_t text_bytes;        /* of BYTE_ARRAY values without their lengths; -1: not known */
    struct buffer index;       /* the column index; empty: none */
    struct buffer bloom;       /* header and bloom filter; empty: there is none */
    int64_t bloom_offset;      /* in the file, once it is there */
    int64_t uncompressed_size; /* of all pages with their headers */
    int64_t compressed_size;
};

void ktki_column_write_init(struct column_write *column, const struct write_leaf *leaf,
                            const ktk_allocator *allocator);
void ktki_column_write_clear(struct column_write *column);

/**
 * A chunk of the rows of the slices in three steps. First: look at the rows, number them if a
 * dictionary pays and write its page, plan the data pages.
 *
 * What is written does not depend on threads, nor on how rows come in slices.
 */
ktk_status ktki_column_begin(struct column_write *column, const struct row_slice *slices,
                             size_t slice_count, int64_t first_row,
                             const struct column_settings *settings, struct scratch_pool *scratches,
                             ktk_error *err);

/** Second: write data page `index`; pages may be written at the same time, each with a scratch of
 * its own. */
ktk_status ktki_column_page(struct column_write *column, size_t index,
                            const struct column_settings *settings, struct scratch_pool *scratches,
                            struct write_scratch *scratch, ktk_error *err);

/** Third, when all pages are written, though not all may be in the file: statistics, the bloom
 * filter and sizes. */
ktk_status ktki_column_finish(struct column_write *column, struct scratch_pool *scratches,
                              ktk_error *err);

/** Give back whatever the chunk holds, finished or not. */
void ktki_column_release(struct column_write *column, struct scratch_pool *scratches);

#endif
