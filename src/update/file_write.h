/** Writing data files: encoded in memory, then put into the store as a whole. */
#ifndef KTKI_UPDATE_FILE_WRITE_H
#define KTKI_UPDATE_FILE_WRITE_H

#include "arrow/batch.h"
#include "parquet/writer.h"
#include "update/update_internal.h"

/** One file after the other, of one schema and one table. Several may be at work for one update on
 * different threads: the update is not changed. All zero: empty. */
struct file_write {
    const struct ktk_update *update;
    const char *table;
    struct page_output *output; /* the bytes of the file at hand */
    ktk_parquet_writer *writer;
    int64_t row_count; /* of the file at hand */
};

/** `update` and `schema` must outlive it; `table` is one of the update's, by position. */
ktk_status ktki_file_write_init(struct file_write *out, const struct ktk_update *update,
                                int32_t table, struct schema *schema, ktk_error *err);

/** Add rows to the file at hand; on success the batch has moved. */
ktk_status ktki_file_write_take(struct file_write *write, struct batch *batch, ktk_error *err);

/**
 * Complete the file and put it under the key of its label; the next one begins. `file` has its
 * label set, and gets the rest.
 *
 * @param is_given the label is the caller's, so that there may be a file of that name: it is left
 * alone, and the new one gets a name of its own beside it (a live file is never overwritten).
 */
ktk_status ktki_file_write_put(struct file_write *write, struct written_file *file, bool is_given,
                               ktk_error *err);

void ktki_file_write_clear(struct file_write *write);

#endif
