/** How much memory rows take, told by the rows alone: what row groups are cut by. */
#ifndef KTKI_PARQUET_ROW_BYTES_H
#define KTKI_PARQUET_ROW_BYTES_H

#include "arrow/batch.h"

/**
 * Bytes of the values and offsets of rows [start, start + count), at least 4 for a number: the
 * index into a dictionary takes as much. Neither bitmaps nor the entries of dictionary columns
 * count, so that rows have the same size in whatever batches they come. The sum over parts is that
 * of the whole.
 */
int64_t ktki_row_bytes(const struct batch *batch, int64_t start, int64_t count);

/** The least number of rows from `start` on, at most `count`, that take `bytes` (> 0); they do
 * all together. */
int64_t ktki_rows_of_bytes(const struct batch *batch, int64_t start, int64_t count, int64_t bytes);

#endif
