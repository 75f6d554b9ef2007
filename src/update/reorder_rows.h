/** Bringing rows into the order of their groups. */
#ifndef KTKI_UPDATE_REORDER_ROWS_H
#define KTKI_UPDATE_REORDER_ROWS_H

#include "arrow/batch.h"

/**
 * The rows of all batches as one, row i of them (counted over the batches in order) at
 * `positions[i]`: a permutation of 0 … row_count-1. Columns are worked on in parallel on the
 * context's pool, and each is released from the batches as soon as it is done.
 *
 * Rows are read in order and written where they belong: with few hundred groups that is several
 * times faster than collecting the rows of each group.
 *
 * Text in one column must not pass 2 GiB. A batch with dictionary columns must come alone.
 */
ktk_status ktki_reorder_rows(struct batch *out, ktk_context *context, struct schema *schema,
                             struct batch *batches, size_t batch_count, const uint32_t *positions,
                             int64_t row_count, ktk_error *err);

#endif
