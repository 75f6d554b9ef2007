/**
 * Looking after datasets: what is of no more use is removed, what is wrong is found.
 */
#ifndef KARTOTHEK_UPKEEP_H
#define KARTOTHEK_UPKEEP_H

#include <kartothek/error.h>
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
} ktk_gc_options;

#define KTK_GC_OPTIONS_INIT {sizeof(ktk_gc_options), false, 0, false, 0, NULL, NULL}

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
 * @return KTK_E_NOT_FOUND if there is no dataset `uuid`; KTK_E_CORRUPT if one of its documents does
 * not parse: nothing is removed then; KTK_E_INVALID for a grace that is too short, or if the clock
 * of this computer and that of the store differ by more than an hour. `*out` is then not written.
 */
KTK_API ktk_status ktk_gc(ktk_store *store, const char *uuid, const ktk_gc_options *options,
                          ktk_gc_result *out, ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
