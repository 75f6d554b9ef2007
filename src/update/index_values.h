/** The values of a column that has an index: what they are, and where they are read. */
#ifndef KTKI_UPDATE_INDEX_VALUES_H
#define KTKI_UPDATE_INDEX_VALUES_H

#include "arrow/array.h"
#include "dataset/snapshot.h"

struct index_column {
    const char *name;
    ktk_store *store;
    struct field field; /* name NULL: not found yet */
    bool is_key;        /* a partition key: its values are in the keys of files */
};

/** Take name and type from the schema of a table, NULL allowed, unless they are known. False if it
 * has no such column. The texts are borrowed from it. */
bool ktki_index_column_take(struct index_column *column, const struct schema *schema);

/** Take them from the stored schemas. `*is_there` false: no table has it. */
ktk_status ktki_index_column_find(struct index_column *column, ktk_dataset *dataset, bool *is_there,
                                  ktk_error *err);

/** A data file, and what is in it. */
struct index_file {
    uint32_t partition; /* as the caller numbers them */
    const char *key;
    struct ArrowArray values;
};

/** Who is told how many files have been read; false ends it. NULL: nobody. */
struct index_progress {
    bool (*tell)(void *state, int64_t files, int64_t file_count);
    void *state;
};

/** Fill the `values` of files, several at a time: the distinct ones without nulls; zeroed if there
 * are none. Errors name the file; KTK_E_CANCELLED if who is told said so. */
ktk_status ktki_index_files_read(struct index_file *files, size_t count,
                                 const struct index_column *column,
                                 const struct index_progress *progress, ktk_error *err);

#endif
