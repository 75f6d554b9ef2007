/** Which partitions may hold matching rows, by the values of partition keys in their paths. */
#ifndef KTKI_QUERY_PATH_PRUNE_H
#define KTKI_QUERY_PATH_PRUNE_H

#include "query/plan.h"

/**
 * Leave in `partitions` those for which the plan's predicate may be true; `*count` becomes their
 * number, the order stays. All of them must have a file of the plan's table.
 *
 * @return KTK_E_CORRUPT, with the key, for a value that is none of its column's type.
 */
ktk_status ktki_path_prune(const struct query_plan *plan, int64_t *partitions, int64_t *count,
                           ktk_error *err);

#endif
