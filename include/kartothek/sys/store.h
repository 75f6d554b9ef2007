/**
 * Extension interface: write a store of your own. Stable within a minor version.
 *
 * Only the wrapper in store.h calls these functions. It has checked the key, never passes NULL
 * outputs unless said so, and serialises calls when KTK_STORE_THREAD_SAFE is missing. Outputs are
 * written only on KTK_OK.
 */
#ifndef KARTOTHEK_SYS_STORE_H
#define KARTOTHEK_SYS_STORE_H

#include <kartothek/error.h>
#include <kartothek/store.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_store_caps {
    KTK_STORE_THREAD_SAFE = 1u << 0, /**< the operations may run in several threads at once */
    KTK_STORE_CONDITIONAL_PUT =
        1u << 1, /**< `put` honours all of ktk_put_condition atomically, over all processes */
    KTK_STORE_PROBED = 1u << 2, /**< with the former: whether that is so depends on what the store
                                   meets, and is tried out before the first update */
    KTK_STORE_SINGLE_WRITER =
        1u << 3, /**< the caller vouches that no two writers are at work at a time: updates go ahead
                    although a put cannot be made conditional */
    KTK_STORE_CONDITIONAL_CREATE = 1u << 4 /**< `put` honours `must_not_exist` atomically, over all
                                              processes, but not `matches`; listings show what was
                                              put. Commits then go by claims (docs/commits.md) */
} ktk_store_caps;

typedef struct ktk_store_ops {
    size_t size;   /**< sizeof(ktk_store_ops) */
    uint32_t caps; /**< ktk_store_caps or-ed */

    /** Whole value. `version` may be NULL. KTK_E_NOT_FOUND if there is none. Required. */
    ktk_status (*get)(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                      ktk_error *err);

    /** `size` bytes from `offset`; shorter only where the value ends. NULL: get and slice. */
    ktk_status (*get_range)(void *state, const char *key, int64_t offset, int64_t size,
                            ktk_bytes *out, ktk_error *err);

    /** Size, time and version without the value. KTK_E_NOT_FOUND if there is none. NULL: get. */
    ktk_status (*head)(void *state, const char *key, ktk_store_entry *out, ktk_error *err);

    /**
     * Replace the whole value in one step. Readers see the old value or the new one.
     * `condition` may be NULL; see ktk_store_put(). `version` may be NULL. NULL: a read-only store.
     * KTK_E_UNAVAILABLE if the value may have been written or may still come to be (no answer).
     */
    ktk_status (*put)(void *state, const char *key, const void *data, size_t size,
                      const ktk_put_condition *condition, ktk_store_version *version,
                      ktk_error *err);

    /** Forget a key; a missing key is no error. NULL: a read-only store. */
    ktk_status (*remove)(void *state, const char *key, ktk_error *err);

    /** Call `fn` for each key that starts with `prefix`, in any order, until it returns another
     * status than KTK_OK. Required. */
    ktk_status (*list)(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                       ktk_error *err);

    /** Make every earlier put that asked for KTK_PUT_DEFER_SYNC survive a power cut. NULL: puts
     * always do. */
    ktk_status (*sync)(void *state, ktk_error *err);

    /** Free the state. Required. */
    void (*free)(void *state);

    /** How many calls should be under way at once because each waits longer than it works, as over
     * a network: queries, and what else reads or removes many objects, do so many at a time, in
     * threads of their own. 0: no more than the context has threads. Only with
     * KTK_STORE_THREAD_SAFE: of other stores queries read one file after the other, in the thread
     * that wants the rows. */
    int32_t calls_at_once;
} ktk_store_ops;

/**
 * Make a store of your operations. On success the store owns `state` and calls `ops->free` once at
 * its end.
 *
 * `ops` must outlive the store. `name` is for messages, e.g. "hfs:///data"; it is copied.
 */
KTK_API ktk_status ktk_store_new(ktk_store **out, ktk_context *context, const ktk_store_ops *ops,
                                 void *state, const char *name, ktk_error *err) KTK_CHECK_RESULT;

/**
 * A lock from elsewhere - a file, a database, a service - for a store that cannot make a put
 * conditional: updates hold it while they commit. It is only as good as its word: one that lapses
 * while a put is under way lets that put go over the commit of the next holder.
 */
typedef struct ktk_lock_ops {
    size_t size; /**< sizeof(ktk_lock_ops) */

    /** Wait until nobody holds the lock called `name`, a dataset's uuid, and take it.
     * KTK_E_UNAVAILABLE if it could not be had in the time that the lock finds right: the commit
     * tries again within its limits. Required. */
    ktk_status (*acquire)(void *state, const char *name, ktk_error *err);

    /** Make it last for one more put. KTK_E_CONFLICT if it was lost. NULL: it lasts. */
    ktk_status (*renew)(void *state, const char *name, ktk_error *err);

    /** Give it up; it is held, or was lost. Required. */
    void (*release)(void *state, const char *name);
} ktk_lock_ops;

/**
 * Give a store a lock, before anybody else has it. `ops` and `state` must outlive it. Views that
 * are made of it later take the lock over. Stores that can make a put conditional do not ask for
 * it.
 *
 * @return KTK_E_INVALID for operations that are not complete.
 */
KTK_API ktk_status ktk_store_set_lock(ktk_store *store, const ktk_lock_ops *ops, void *state,
                                      ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
