/** Which partitions the secondary indices of a dataset leave over for a predicate. */
#ifndef KTKI_QUERY_INDEX_PRUNE_H
#define KTKI_QUERY_INDEX_PRUNE_H

#include "query/plan.h"

/**
 * Ask the indices that the predicate has use for; the others are not read.
 *
 * @param where what `plan->where` was bound from.
 * @param bits one a partition, (count + 7) / 8 bytes: set for those that may hold matching rows;
 * undefined unless `*applies`.
 * @param applies false if no index can rule out anything.
 */
ktk_status ktki_index_prune(bool *applies, uint8_t *bits, const struct query_plan *plan,
                            const ktk_predicate *where, ktk_error *err);

#endif
