/** The files of a dataset in its store. */
#ifndef KTK_CLI_FILES_H
#define KTK_CLI_FILES_H

#include <kartothek/kartothek.h>

struct file {
    const char *key;
    int64_t size; /* -1: unknown */
    int64_t modified_us;
};

struct file_list {
    struct file *items; /* ascending by key */
    size_t count;
};

/** Every key that belongs to the dataset. KTK_E_NOT_FOUND if there is none. */
ktk_status cli_files_list(struct file_list *out, ktk_store *store, const char *uuid,
                          ktk_error *err);

/** Size of a file, -1 if it is not there. */
int64_t cli_files_size(const struct file_list *files, const char *key);

/** Rows of a partition in a table: what the end of a Parquet file says; CSV is read. */
ktk_status cli_count_rows(int64_t *out, ktk_dataset *dataset, int64_t partition, const char *table,
                          ktk_error *err);

/** The name of the table meant: the one named, or the only one. */
ktk_status cli_choose_table(const char **out, const ktk_dataset *dataset, const char *table,
                            ktk_error *err);

/** "2020-01-31 12:30:05" in UTC; NULL if unknown. */
const char *cli_time(int64_t microseconds);

#endif
