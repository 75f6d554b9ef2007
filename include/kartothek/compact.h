/**
 * Putting the rows of many small files into few larger ones.
 */
#ifndef KARTOTHEK_COMPACT_H
#define KARTOTHEK_COMPACT_H

#include <kartothek/update.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ktk_compact_options {
    size_t size;
    const ktk_predicate *where; /**< over partition keys: what to compact; NULL: everything */
    int64_t target_bytes; /**< size of files to aim at; larger ones are left alone. 0: 128 MiB */
    /** Columns that the rows of each new file are sorted by, nulls last; single small files are
     * written anew for that, too. Such files are read into memory as a whole. */
    const char *const *sort_by;
    size_t sort_by_count;
    ktk_parquet_write_options file; /**< how new files are written */
    bool dry_run;                   /**< look only */
    /** As that of ktk_update_options. */
    bool (*progress)(void *state, int64_t files, int64_t rows, int64_t bytes);
    void *progress_state;
} ktk_compact_options;

#define KTK_COMPACT_OPTIONS_INIT                                                                   \
    {sizeof(ktk_compact_options),    NULL,  0,    NULL, 0,                                         \
     KTK_PARQUET_WRITE_OPTIONS_INIT, false, NULL, NULL}

typedef struct ktk_compact_result {
    int64_t input_count; /**< partitions that are (or would be) put together */
    int64_t input_bytes; /**< size of their files */
    int64_t group_count; /**< partitions that come of them, at most */
    ktk_commit commit;   /**< all zero if there was nothing to do, and of a dry run */
} ktk_compact_result;

/**
 * Put partitions of the same partition key values together, in the order of the document; those of
 * a dataset of several tables by the size of all their files, table by table. An
 * ordinary commit: rows, indices and other partitions stay what they are; readers of the state
 * before still find its files until they are collected.
 *
 * @return KTK_E_CONFLICT only if somebody removed or replaced one of the inputs meanwhile;
 * KTK_E_INVALID for a column in `where` that is no partition key; KTK_E_NOT_FOUND for a column to
 * sort by that a table does not have; KTK_E_UNSUPPORTED for one that cannot be sorted by; else as
 * ktk_update_commit().
 */
KTK_API ktk_status ktk_compact(ktk_compact_result *out, ktk_store *store, const char *uuid,
                               const ktk_compact_options *options, ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
