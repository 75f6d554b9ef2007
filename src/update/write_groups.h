/** Writing the groups of an input, a file each. */
#ifndef KTKI_UPDATE_WRITE_GROUPS_H
#define KTKI_UPDATE_WRITE_GROUPS_H

#include "update/partition_rows.h"
#include "update/update_internal.h"

/**
 * Write all groups, of a table of the update by position, into `files` (one a group, labels set),
 * in parallel on the context's pool; as many files are under way at a time as there are threads.
 * Each is counted, in order, on the calling thread.
 */
ktk_status ktki_write_groups(struct ktk_update *update, int32_t table,
                             const struct partition_rows *rows, struct written_file *const *files,
                             bool is_given, ktk_error *err);

#endif
