/**
 * Looking after datasets: what is of no more use is removed, what is wrong is found.
 */
#ifndef KARTOTHEK_UPKEEP_H
#define KARTOTHEK_UPKEEP_H

#include <kartothek/error.h>
#include <kartothek/predicate.h>
#include <kartothek/store.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- garbage collection (docs/garbage-collection.md) ---- */

typedef enum ktk_gc_state {
    KTK_GC_WAITING = 0, /**< nothing names it, but it is too young, or has not been seen unnamed for
                           long enough */
    KTK_GC_DUE = 1,     /**< a run that acts removes it */
    KTK_GC_REMOVED = 2
} ktk_gc_state;

/** A file that nothing names. */
typedef struct ktk_gc_item {
    const char *key;    /**< valid during the call that hands it out */
    int64_t size;       /**< bytes; -1: unknown */
    int64_t age_ms;     /**< since it was written; -1: unknown */
    int64_t unnamed_ms; /**< since a run first found that nothing names it; 0: this one */
    ktk_gc_state state;
} ktk_gc_item;

typedef ktk_status (*ktk_gc_report_fn)(void *state, const ktk_gc_item *item, ktk_error *err);

typedef struct ktk_gc_options {
    size_t size;
    bool acts;        /**< false: look only, nothing is written or removed */
    int64_t grace_ms; /**< how long a file stays after it was written, and after a run first found
                         it unnamed; 0: 72 hours, negative: not at all */
    bool allows_short_grace; /**< else less than an hour is KTK_E_INVALID */
    int64_t history_ms;      /**< how long documents of earlier commits are kept, with what they
                                name, after the next commit; at least the grace; 0: 30 days */
    ktk_gc_report_fn report; /**< called for each item; a status other than KTK_OK ends the run and
                                is returned. May be NULL. */
    void *report_state;
    /** If there is no dataset of that name, because it was dropped or never committed: collect
     * everything that lies under its name. */
    bool dropped;
    /** Called on the calling thread after some files have been removed, `file_count` of which are
     * to go; returning false cancels: what is removed stays so. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t file_count);
    void *progress_state;
} ktk_gc_options;

#define KTK_GC_OPTIONS_INIT                                                                        \
    {sizeof(ktk_gc_options), false, 0, false, 0, NULL, NULL, false, NULL, NULL}

/** What nothing names, in all. Sizes that are unknown count as 0. */
typedef struct ktk_gc_result {
    int64_t waiting_count;
    int64_t waiting_bytes;
    int64_t due_count; /**< of a run that only looks */
    int64_t due_bytes;
    int64_t removed_count;
    int64_t removed_bytes;
} ktk_gc_result;

/**
 * Remove files of a dataset that nothing names: data files of its tables, index files, and
 * documents of commits that are older than the history that is kept. Nothing else is touched, nor
 * is what either of its documents names, in JSON or MessagePack, or a document that is kept.
 *
 * It takes two runs that act: the first one notes the files in `<uuid>/_ktk/gc/`, a later one
 * removes those that are still unnamed when the grace is over. Stopped at whatever point, it can be
 * run again. Writers and readers may go on meanwhile, as docs/garbage-collection.md says.
 *
 * Files are removed by the threads of the context; the callback is called on the calling thread.
 *
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid` or, with `dropped`, nothing under its name
 * either; KTK_E_CORRUPT if one of its documents does
 * not parse: nothing is removed then; KTK_E_CANCELLED; KTK_E_INVALID for a grace that is too short,
 * or if the clock of this computer and that of the store differ by more than an hour. `*out` is
 * then not written.
 */
KTK_API ktk_status ktk_gc(ktk_store *store, const char *uuid, const ktk_gc_options *options,
                          ktk_gc_result *out, ktk_error *err) KTK_CHECK_RESULT;

/* ---- checking ---- */

typedef enum ktk_check_severity {
    KTK_CHECK_WARNING = 0, /**< it reads right, but something is not as it should be */
    KTK_CHECK_ERROR = 1    /**< rows are lost, cannot be read, or are read wrong by some reader */
} ktk_check_severity;

/** Something that is not as dataset.md 9.6 wants it; texts are valid during the call that hands
 * them out. */
typedef struct ktk_check_finding {
    ktk_check_severity severity;
    /** What kind it is, one of: document, unknown-member, other-document, foreign-commit, schema,
     * table-name, no-file, foreign-file, shared-file, missing-file, path, path-value, label, index,
     * embedded-index, index-label, index-gap, file, file-schema. */
    const char *what;
    const char *key;  /**< of the object in the store, or else the label it is about */
    const char *text; /**< one line for people */
} ktk_check_finding;

typedef ktk_status (*ktk_check_report_fn)(void *state, const ktk_check_finding *finding,
                                          ktk_error *err);

typedef struct ktk_check_options {
    size_t size;
    bool deep; /**< read the schema and all pages of all Parquet files, with checksums */
    ktk_check_report_fn report; /**< called on the calling thread; a status other than KTK_OK ends
                                   the check and is returned. May be NULL. */
    void *report_state;
    /** Called after some files have been read; returning false cancels. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t file_count);
    void *progress_state;
} ktk_check_options;

#define KTK_CHECK_OPTIONS_INIT {sizeof(ktk_check_options), false, NULL, NULL, NULL, NULL}

typedef struct ktk_check_result {
    int64_t error_count;
    int64_t warning_count;
    int64_t partition_count;
    int64_t file_count;
    int32_t index_count;
    int64_t row_count; /**< of all tables; -1 unless `deep` */
} ktk_check_result;

/**
 * Check that a dataset is what its format says: the document parses, all it names is there, paths
 * go with partition keys and types, indices know all partitions and no others; `deep`: files can be
 * read, and have the columns of their table. Nothing is changed. What is wrong is reported, not
 * returned.
 *
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid`; what the store or memory fails with.
 */
KTK_API ktk_status ktk_check(ktk_store *store, const char *uuid, const ktk_check_options *options,
                             ktk_check_result *out, ktk_error *err) KTK_CHECK_RESULT;

/* ---- copying ---- */

typedef struct ktk_copy_options {
    size_t size;
    /** Called after some files have been copied; returning false cancels. May be NULL. */
    bool (*progress)(void *state, int64_t files, int64_t file_count, int64_t bytes);
    void *progress_state;
} ktk_copy_options;

#define KTK_COPY_OPTIONS_INIT {sizeof(ktk_copy_options), NULL, NULL}

typedef struct ktk_copy_result {
    char id[33]; /**< of the commit that the copy begins with */
    int64_t partition_count;
    int64_t file_count; /**< of data and indices */
    int64_t byte_count; /**< of these */
} ktk_copy_result;

/**
 * Copy a dataset, as the snapshot `source` has it, under another name or into another store: its
 * files first, the document last, so that nobody sees half of it. Keys keep all but the name of
 * the dataset in front. The metadata of the user go with it; the history does not, and a dataset
 * without a list of partitions gets one. A service that both stores are in copies the files by
 * itself, if it does. After a failure, files that were copied stay, and are overwritten by another
 * try.
 *
 * @return KTK_E_EXISTS if there is a dataset `target_uuid`; KTK_E_NOT_FOUND if files of the source
 * are gone meanwhile; KTK_E_UNSUPPORTED if one is not in the folder of the dataset;
 * KTK_E_CANCELLED; KTK_E_UNKNOWN_OUTCOME if the document was sent and nobody can say whether it
 * arrived.
 */
KTK_API ktk_status ktk_dataset_copy(ktk_store *target, const char *target_uuid, ktk_dataset *source,
                                    const ktk_copy_options *options, ktk_copy_result *out,
                                    ktk_error *err) KTK_CHECK_RESULT;

/* ---- statistics ---- */

/** A row group of a data file, as its footer describes it. */
typedef struct ktk_row_group_statistics {
    const char *label; /**< of the partition; borrowed from the dataset */
    int32_t row_group; /**< from 0; -1: the file has none, and the numbers of one are 0 */
    int64_t row_count;
    int64_t compressed_size;
    int64_t uncompressed_size;
    int64_t file_row_count;
    int32_t file_row_group_count;
    int64_t footer_size; /**< bytes */
} ktk_row_group_statistics;

typedef ktk_status (*ktk_statistics_fn)(void *state, const ktk_row_group_statistics *row_group,
                                        ktk_error *err);

typedef struct ktk_statistics_options {
    size_t size;
    const char *table;          /**< NULL: the only one */
    const ktk_predicate *where; /**< partitions that may hold matching rows; NULL: all */
    double fraction; /**< of these partitions, chosen at random, at least one; 0 stands for 1 */
    uint64_t seed;   /**< of the choice: the same gives the same partitions */
} ktk_statistics_options;

#define KTK_STATISTICS_OPTIONS_INIT {sizeof(ktk_statistics_options), NULL, NULL, 0, 0}

/**
 * Call `fn` for each row group of a dataset's files, in the order of the document, on the calling
 * thread. Only the ends of files are read.
 *
 * @return KTK_E_INVALID for a fraction below 0 or above 1; as ktk_query_partitions(); what `fn`
 * returns.
 */
KTK_API ktk_status ktk_dataset_statistics(ktk_dataset *dataset,
                                          const ktk_statistics_options *options,
                                          ktk_statistics_fn fn, void *state,
                                          ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
