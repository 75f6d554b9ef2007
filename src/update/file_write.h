/** Writing data files: what is small is encoded in memory and put as a whole; what is not goes into
 * the store as it comes. */
#ifndef KTKI_UPDATE_FILE_WRITE_H
#define KTKI_UPDATE_FILE_WRITE_H

#include "arrow/batch.h"
#include "parquet/writer.h"
#include "store/store_put.h"
#include "update/update_internal.h"

/** One file after the other, of one schema and one table. Several may be at work for one update on
 * different threads: the update is not changed. All zero: empty. */
struct file_write {
    const struct ktk_update *update;
    const char *table;
    ktk_parquet_writer *writer;
    /* of the file at hand: */
    struct written_file *file;
    bool is_given; /* see ktki_file_write_begin() */
    int64_t row_count;
    struct page_output *output; /* its bytes, as long as it is small */
    struct store_put *put;      /* as soon as it is not: it is on its way */
    char *key;                  /* with it */
    bool is_reserved;           /* something is there under the key, which is ours */
};

/** `update` and `schema` must outlive it; `table` is one of the update's, by position. */
ktk_status ktki_file_write_init(struct file_write *out, const struct ktk_update *update,
                                int32_t table, struct schema *schema, ktk_error *err);

/**
 * The rows that follow are of `file`, which has its label set, and is borrowed until it is put. A
 * file that was begun and not put is dropped.
 *
 * @param is_given the label is the caller's, so that there may be a file of that name: it is left
 * alone, and the new one gets a name of its own beside it (a live file is never overwritten).
 */
void ktki_file_write_begin(struct file_write *write, struct written_file *file, bool is_given);

/** Add rows to the file at hand; on success the batch has moved. */
ktk_status ktki_file_write_take(struct file_write *write, struct batch *batch, ktk_error *err);

/** Complete the file and put it under the key of its label; the entry gets key, rows and size. */
ktk_status ktki_file_write_put(struct file_write *write, ktk_error *err);

void ktki_file_write_clear(struct file_write *write);

#endif
