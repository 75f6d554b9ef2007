/** One input of an update: checked, split, written. */
#ifndef KTKI_UPDATE_INPUT_H
#define KTKI_UPDATE_INPUT_H

#include "arrow/stream.h"
#include "update/update_internal.h"

/**
 * Write the rows of streams, one a table, as data files of the update, and let their schemas join
 * the update's. Nothing is written before everything that can be known is checked: tables, columns,
 * types, labels and, with partition columns, all values of these.
 *
 * @param label as ktk_update_add() has it.
 */
ktk_status ktki_input_write(struct ktk_update *update, const ktk_table_stream *tables, size_t count,
                            const char *label, ktk_error *err);

/** Let the schemas of streams join the update's, and write nothing. */
ktk_status ktki_input_schema(struct ktk_update *update, const ktk_table_stream *tables,
                             size_t count, ktk_error *err);

#endif
