/**
 * Earlier states of a dataset.
 *
 * Every commit keeps the document that it made under `<uuid>/_ktk/v/`, so that the state of then
 * can be opened, compared and brought back for as long as the document is kept
 * (ktk_history_expire()) and its files are not collected. docs/history.md explains it.
 *
 * A version is named by a text: its number, as `ktk log` shows it (up to 12 decimal digits), or
 * else the first digits of its id, 4 at least, of 32 hex digits. Times are microseconds since
 * 1970-01-01 UTC.
 */
#ifndef KARTOTHEK_HISTORY_H
#define KARTOTHEK_HISTORY_H

#include <kartothek/dataset.h>
#include <kartothek/error.h>
#include <kartothek/store.h>
#include <kartothek/types.h>
#include <kartothek/update.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the commits of a dataset ---- */

typedef enum ktk_history_kind {
    KTK_HISTORY_COMMIT = 0,   /**< a commit whose document is kept */
    KTK_HISTORY_NOT_KEPT = 1, /**< a commit whose document is gone: it cannot be opened */
    /** The document was written by a program that keeps no history, once or several times: what it
     * held then is not known, unless it is the current state. */
    KTK_HISTORY_FOREIGN = 2
} ktk_history_kind;

typedef struct ktk_history_entry {
    ktk_history_kind kind;
    int64_t sequence;        /**< number of the version; 0: unknown */
    const char *id;          /**< of the commit; "": unknown */
    const char *parent;      /**< id of the commit before; "": none, or unknown */
    const char *time;        /**< UTC, ISO 8601; NULL: unknown */
    const char *writer;      /**< the program; NULL: unknown */
    const char *operation;   /**< "create", "append", …; NULL: unknown */
    int64_t partition_count; /**< -1: unknown */
    int64_t added_count;     /**< partitions that came with it; -1: unknown */
    int64_t removed_count;   /**< partitions that went with it; -1: unknown */
    bool is_current;         /**< it is the state that the dataset has now */
} ktk_history_entry;

/** Receives the entries; texts are valid during the call. */
typedef ktk_status (*ktk_history_fn)(void *state, const ktk_history_entry *entry, ktk_error *err);

/**
 * Call `fn` for what led to the current state, newest first: the commits that are linked to it.
 * What writers left behind who did not win is passed over.
 *
 * The walk ends where nothing older is known. Each version that is kept costs one read of its
 * document.
 *
 * @param limit of entries; 0: none. A status of `fn` other than KTK_OK ends the walk and is
 * returned.
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid`.
 */
KTK_API ktk_status ktk_history_walk(ktk_store *store, const char *uuid, int64_t limit,
                                    ktk_history_fn fn, void *state,
                                    ktk_error *err) KTK_CHECK_RESULT;

/* ---- opening them ---- */

/**
 * Open a version as a snapshot. Files of it that were collected since fail when they are read,
 * with KTK_E_NOT_FOUND and a text that says so.
 *
 * @return KTK_E_NOT_FOUND if the dataset never had that version, or it is not kept; KTK_E_INVALID
 * for a text that names none, or more than one.
 */
KTK_API ktk_status ktk_dataset_open_version(ktk_dataset **out, ktk_store *store, const char *uuid,
                                            const char *version, ktk_error *err) KTK_CHECK_RESULT;

/**
 * Open the state that the dataset had at a time, by the clocks of the writers.
 *
 * @return KTK_E_NOT_FOUND if it did not exist then, that version is not kept, or a program that
 * keeps no history wrote at a time that nobody knows, so that the state cannot be told.
 */
KTK_API ktk_status ktk_dataset_open_at(ktk_dataset **out, ktk_store *store, const char *uuid,
                                       int64_t time_us, ktk_error *err) KTK_CHECK_RESULT;

/** Read a time: `YYYY-MM-DD`, or that and `HH:MM[:SS[.ffffff]]` after a space or a T, and `Z` or
 * `+HH:MM`; UTC if no offset is given. KTK_E_INVALID for anything else, and for times out of the
 * years 0001 to 9999. */
KTK_API ktk_status ktk_time_parse(int64_t *out_us, const char *text,
                                  ktk_error *err) KTK_CHECK_RESULT;

/* ---- comparing them ---- */

/**
 * Compare two states, of one dataset or of two. Keeps a reference to both.
 *
 * A partition of which the files differ is among those added and those removed.
 */
KTK_API ktk_status ktk_diff_new(ktk_diff **out, ktk_dataset *from, ktk_dataset *to,
                                ktk_error *err) KTK_CHECK_RESULT;

/** NULL is allowed. */
KTK_API void ktk_diff_free(ktk_diff *diff);

/** Labels of the partitions of `to` that `from` has not; borrowed. */
KTK_API int64_t ktk_diff_added_count(const ktk_diff *diff);
KTK_API const char *ktk_diff_added(const ktk_diff *diff, int64_t index);

/** Labels of the partitions of `from` that `to` has not; borrowed. */
KTK_API int64_t ktk_diff_removed_count(const ktk_diff *diff);
KTK_API const char *ktk_diff_removed(const ktk_diff *diff, int64_t index);

/** Keys of the metadata that came, went or have another value; borrowed. Those that the library
 * keeps itself are left out. */
KTK_API int64_t ktk_diff_metadata_count(const ktk_diff *diff);
KTK_API const char *ktk_diff_metadata_key(const ktk_diff *diff, int64_t index);

/** Columns whose index came, went or was written anew; borrowed. */
KTK_API int64_t ktk_diff_index_count(const ktk_diff *diff);
KTK_API const char *ktk_diff_index_column(const ktk_diff *diff, int64_t index);

/** Tables that came, went or have another schema file; borrowed. */
KTK_API int64_t ktk_diff_table_count(const ktk_diff *diff);
KTK_API const char *ktk_diff_table(const ktk_diff *diff, int64_t index);

/* ---- bringing one back, and letting them go ---- */

/**
 * Make an earlier version the current state again: a commit like any other, which holds what the
 * version held, with its partitions, indices, metadata and schema. All files must still be there.
 * The state that it replaces stays in the history. A version that is older than the history that
 * ktk_gc() keeps may lose its files to a run that is at work: restore it when none is.
 *
 * @param dry_run check and count, but commit nothing.
 * @param out of a commit; partitions are counted against the state that is replaced, `row_count`
 * is -1. May be NULL.
 * @return as ktk_dataset_open_version() and ktk_update_commit(); KTK_E_NOT_FOUND if files are gone,
 * naming one; KTK_E_CONFLICT if anything was committed meanwhile; KTK_E_INVALID for the version
 * that is current.
 */
KTK_API ktk_status ktk_dataset_restore(ktk_store *store, const char *uuid, const char *version,
                                       bool dry_run, ktk_commit *out,
                                       ktk_error *err) KTK_CHECK_RESULT;

/** What stays. A version stays if either rule says so; with none of the two it is an error. */
typedef struct ktk_history_expire_options {
    size_t size;
    int64_t keep_last;     /**< so many of the newest versions; 0: no such rule */
    int64_t keep_since_us; /**< those that were current at some time since then; 0: no such rule */
    /** Younger ones stay in any case: commits that are under way may look for themselves there. 0:
     * an hour. */
    int64_t young_ms;
    bool dry_run; /**< count, but remove nothing */
} ktk_history_expire_options;

#define KTK_HISTORY_EXPIRE_OPTIONS_INIT {sizeof(ktk_history_expire_options), 0, 0, 0, false}

typedef struct ktk_history_expired {
    int64_t version_count; /**< documents removed, those of losers included */
    int64_t byte_count;
} ktk_history_expired;

/**
 * Remove the documents of old versions, which can then be neither opened nor restored. The newest
 * one always stays. Files that only these versions name become garbage. `out` may be NULL.
 */
KTK_API ktk_status ktk_history_expire(ktk_store *store, const char *uuid,
                                      const ktk_history_expire_options *options,
                                      ktk_history_expired *out, ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
