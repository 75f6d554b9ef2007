/** Partitions that one process writes and another commits: their description as JSON text. */
#ifndef KTKI_UPDATE_WRITTEN_H
#define KTKI_UPDATE_WRITTEN_H

#include "update/update_internal.h"

/** Append the description of the files of the update; their schema is put beside the dataset. */
ktk_status ktki_written_describe(struct buffer *out, const struct ktk_update *update,
                                 ktk_error *err);

/** Take the files of a description into the update, as if it had written them; they stay the
 * describer's if it fails. */
ktk_status ktki_written_take(struct ktk_update *update, const char *json, size_t size,
                             ktk_error *err);

#endif
