/** Reading some rows of one row group: those in a range that match a predicate, some at a time.
 *
 * Pages are chosen by what is known of them; the columns that the predicate asks about are decoded
 * for the rows that are left, and the others only for those that match. */
#ifndef KTKI_PARQUET_ROW_SCAN_H
#define KTKI_PARQUET_ROW_SCAN_H

#include "parquet/file_handle.h"
#include "parquet/row_filter.h"
#include "parquet/row_read.h"

struct row_scan {
    ktk_parquet_file *file; /* borrowed */
    const struct row_group *group;
    const struct read_plan *plan;
    const struct row_filter *filter; /* NULL: all rows */
    struct memory_bound bound;       /* on the decoding of one piece */
    struct arena arena;
    struct page_table *tables; /* one for each leaf of the file; see `is_loaded` */
    int32_t *wanted;           /* flat leaves: those of the filter, then the others of the plan */
    size_t wanted_count;
    bool is_small;           /* all that is wanted comes from the store at once */
    struct row_ranges rows;  /* those still to be looked at */
    struct batch nested;     /* of the columns that are no flat ones, all rows, read when needed */
    int32_t *nested_columns; /* by column of the plan: index into `nested`, or -1 */
};

/**
 * Begin with rows [first_row, end_row) of a row group. `filter` may be NULL. Everything is
 * borrowed.
 */
ktk_status ktki_row_scan_init(struct row_scan *out, ktk_parquet_file *file, int32_t row_group,
                              const struct read_plan *plan, const struct row_filter *filter,
                              int64_t first_row, int64_t end_row, ktk_error *err);

/** The same with a piece of a row group (see row_pieces.h), one of several. `matching`: the rows of
 * the row group that may match, which the function above has found; NULL: all, as without a filter.
 */
ktk_status ktki_row_scan_init_piece(struct row_scan *out, ktk_parquet_file *file, int32_t row_group,
                                    const struct read_plan *plan, const struct row_filter *filter,
                                    const struct row_ranges *matching, int32_t piece,
                                    int32_t piece_count, ktk_error *err);
void ktki_row_scan_clear(struct row_scan *scan);

/** All rows have been looked at. */
static inline bool ktki_row_scan_is_done(const struct row_scan *scan) {
    return scan->rows.count == 0;
}

/** Look at the next rows, at most `rows_max`, and read those that match; may be none. */
ktk_status ktki_row_scan_next(struct row_scan *scan, int64_t rows_max, struct batch *out,
                              ktk_error *err);

/** The dictionary of a column of the filter, whose table is loaded, as an array of its values; is
 * left as it is if there is none. */
ktk_status ktki_row_scan_dictionary(struct row_scan *scan, const struct filter_column *column,
                                    struct ArrowArray *out, ktk_error *err);

/** The page table of a wanted leaf of the file, loaded when it is first asked for. Not for several
 * threads. */
ktk_status ktki_row_scan_table(struct row_scan *scan, int32_t number, const struct page_table **out,
                               ktk_error *err);

#endif
