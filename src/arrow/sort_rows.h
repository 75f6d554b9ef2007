/** The order of rows by their values. */
#ifndef KTKI_ARROW_SORT_ROWS_H
#define KTKI_ARROW_SORT_ROWS_H

#include "arrow/batch.h"

/**
 * Sort the rows of a batch by columns (indices into its schema), the first one first, ascending;
 * rows that are equal stay as they were. `rows` gets the numbers of all rows in their new order.
 *
 * Numbers and times by value, false before true, texts and binary values by bytes (of texts, that
 * is by code point), decimals by value, dictionaries by their values. Nulls and NaN come last;
 * -0.0 equals 0.0.
 *
 * @return KTK_E_UNSUPPORTED for nested columns and intervals.
 */
ktk_status ktki_sort_rows(int64_t *rows, ktk_context *context, const struct batch *batch,
                          const int32_t *columns, int32_t column_count, ktk_error *err);

#endif
