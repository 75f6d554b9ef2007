/**
 * Changing a dataset: everything between begin and commit becomes visible in one atomic step, or
 * not at all.
 */
#ifndef KARTOTHEK_UPDATE_H
#define KARTOTHEK_UPDATE_H

#include <kartothek/arrow_abi.h>
#include <kartothek/error.h>
#include <kartothek/parquet.h>
#include <kartothek/store.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_update_mode {
    KTK_UPDATE_CREATE = 0, /**< the dataset must not exist: KTK_E_EXISTS */
    KTK_UPDATE_OVERWRITE =
        1 /**< create, or replace the whole document; files of the old state stay until collected */
} ktk_update_mode;

typedef struct ktk_update_options {
    size_t size;
    ktk_update_mode mode;
    const char *table;               /**< NULL: "table" */
    const char *const *partition_on; /**< columns whose values go into the path, in this order */
    size_t partition_on_count;
    const char *
        metadata; /**< JSON map to keep in the document; NULL: none. NaN and Infinity are refused */
    ktk_parquet_write_options file; /**< how data files are written */
    /** Called after each data file, on the thread that called into the update; returning false
     * cancels. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t rows, int64_t bytes);
    void *progress_state;
} ktk_update_options;

#define KTK_UPDATE_OPTIONS_INIT                                                                    \
    {sizeof(ktk_update_options),                                                                   \
     KTK_UPDATE_CREATE,                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     KTK_PARQUET_WRITE_OPTIONS_INIT,                                                               \
     NULL,                                                                                         \
     NULL}

/** What a commit did. */
typedef struct ktk_commit {
    char id[33];      /**< the commit id, also in the document under metadata["ktk.commit"] */
    int32_t attempts; /**< conditional puts tried, >= 1 */
    int64_t partition_count; /**< partitions added */
    int64_t row_count;       /**< rows added */
} ktk_commit;

/**
 * Begin an update. Checks name, table, partition columns, metadata and existence before anything is
 * written. The update belongs to one thread at a time and keeps a reference to `store`.
 */
KTK_API ktk_status ktk_update_begin(ktk_update **out, ktk_store *store, const char *uuid,
                                    const ktk_update_options *options,
                                    ktk_error *err) KTK_CHECK_RESULT;

/**
 * Add the rows of a stream: one input partition, split by `partition_on`. Data files are written
 * now, under names no document refers to. The stream is consumed and released in every case.
 *
 * @param label base name of the files; NULL: a fresh one. A label must be unique within the update.
 * @return KTK_E_SCHEMA if the columns do not fit those added before; KTK_E_INVALID for a missing
 * partition column, a null in one, or no other column. After a failure the update can only be
 * freed.
 */
KTK_API ktk_status ktk_update_add(ktk_update *update, struct ArrowArrayStream *stream,
                                  const char *label, ktk_error *err) KTK_CHECK_RESULT;

/** An input without rows or schema: the dataset may end up with no partitions at all. */
KTK_API ktk_status ktk_update_add_nothing(ktk_update *update, ktk_error *err) KTK_CHECK_RESULT;

/**
 * Make it visible: schema file, then the document with one conditional put. Nothing was added:
 * KTK_E_INVALID.
 *
 * @return KTK_E_EXISTS if somebody else created the dataset meanwhile; KTK_E_CONFLICT if an
 * overwritten one changed; KTK_E_UNAVAILABLE if the outcome is unknown (the files are kept).
 */
KTK_API ktk_status ktk_update_commit(ktk_update *update, ktk_commit *out,
                                     ktk_error *err) KTK_CHECK_RESULT;

/** End the update. Without a commit the files written are removed as far as possible. NULL is
 * allowed. */
KTK_API void ktk_update_free(ktk_update *update);

/**
 * Remove a dataset: its documents first, then every key under `<uuid>/`, so that no reader sees
 * half of it. KTK_E_NOT_FOUND if there is none.
 */
KTK_API ktk_status ktk_dataset_drop(ktk_store *store, const char *uuid,
                                    ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
