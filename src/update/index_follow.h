/** Secondary indices along with a change of partitions: docs/indices.md. */
#ifndef KTKI_UPDATE_INDEX_FOLLOW_H
#define KTKI_UPDATE_INDEX_FOLLOW_H

#include "update/update_internal.h"

/**
 * Complete the change of an update with the indices that the document which it meets needs: those
 * that the document has, if partitions come or go, and those that the update builds or drops. Their
 * files are written under fresh names; asked again, with new files, for each document that is met.
 *
 * What the old file of an index knows is kept; of other partitions - the new ones, and those that a
 * writer forgot - the column is read.
 *
 * @param current NULL: there is none, or nothing of it stays.
 * @return KTK_E_NOT_FOUND for a column to build for that no table has; KTK_E_UNSUPPORTED for a
 * nested one.
 */
ktk_status ktki_index_follow(struct ktk_update *update, ktk_dataset *current, ktk_error *err);

/** The update shall build an index on a column, or drop it. Asked before anything is written. */
ktk_status ktki_index_wish(struct ktk_update *update, const char *column, bool is_drop,
                           ktk_error *err);

#endif
