/** Data files: the rows of an input, as one file or one a group. */
#ifndef KTKI_UPDATE_WRITE_PARTITION_H
#define KTKI_UPDATE_WRITE_PARTITION_H

#include "arrow/stream.h"
#include "update/partition_rows.h"
#include "update/update_internal.h"

/** Write all batches of a reader into one file labelled `label`. */
ktk_status ktki_write_whole(ktk_update *update, struct stream_reader *reader, const char *label,
                            ktk_error *err);

/** Collect all batches of a reader, split the rows by the partition columns, and write a file for
 * each group; `label` is the last part of the files' labels. */
ktk_status ktki_write_groups(ktk_update *update, struct stream_reader *reader, const char *label,
                             ktk_error *err);

#endif
