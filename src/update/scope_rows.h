/** Delete scopes on the rows of a partition: those that go, and a new file for those that stay. */
#ifndef KTKI_UPDATE_SCOPE_ROWS_H
#define KTKI_UPDATE_SCOPE_ROWS_H

#include "update/update_internal.h"

/**
 * Let the scope of the update come down to partitions of a dataset: its change removes those of
 * `positions` that hold rows of the scope. Where the scope goes by rows (KTK_DELETE_ROWS) and some
 * rows of a partition stay, these are written as a partition of their own. Partitions that the
 * change removes already are passed over.
 *
 * @param positions NULL: all partitions.
 */
ktk_status ktki_scope_resolve(struct ktk_update *update, ktk_dataset *dataset,
                              const int64_t *positions, size_t count, ktk_error *err);

#endif
