/** What the stores of this layer take from the wrapper in store.c, beyond kartothek/sys/store.h. */
#ifndef KTKI_STORE_BACKEND_H
#define KTKI_STORE_BACKEND_H

#include <kartothek/sys/store.h>

#include "base/pool.h"

/** Which keys the wrapper lets through (dataset.md 10.3). */
enum key_space {
    KTKI_KEYS_BASIC,    /**< ASCII letters, digits and some punctuation; neither '/' nor space */
    KTKI_KEYS_EXTENDED, /**< those, '/' and space */
    KTKI_KEYS_ANY       /**< any UTF-8 text */
};

/** A piece of a value; of at least one byte. */
struct object_range {
    int64_t offset;
    int64_t size;
};

/** A value that is to go. */
struct removal {
    const char *key;
    bool is_gone; /**< it was removed, or was not there */
};

/** So many go in one call at most. */
#define KTKI_REMOVALS_AT_ONCE 1000

/** Whom a store speaks to; texts are constant or live as long as the store. */
struct store_origin {
    const char *provider;    /**< "S3" */
    const char *endpoint;    /**< which of its services; NULL: there is one alone */
    char region[64];         /**< "": there is none */
    const char *credentials; /**< where they came from, e.g. "environment"; NULL: it needs none */
    const char *missing;     /**< "bucket": its answers say that there is none; NULL: they do not */
    int64_t clock_ahead_ms;  /**< of the service's, where it differed too much for signatures */
};

/** How a store puts a value whose bytes come in pieces; see ktki_store_put_begin(). Its store must
 * be thread-safe; one put belongs to one thread at a time. */
struct put_ops {
    bool has_conditions; /**< it honours them as `put` of ktk_store_ops does */
    /** Nobody sees anything of it yet. `key` and `condition`, which is never NULL, are borrowed
     * until the end. */
    ktk_status (*begin)(void *state, const char *key, const ktk_put_condition *condition,
                        void **out, ktk_error *err);
    ktk_status (*append)(void *put, const void *data, size_t size, ktk_error *err);
    /** As `put` of ktk_store_ops, all at once. */
    ktk_status (*finish)(void *put, ktk_store_version *version, ktk_error *err);
    /** Called once in any case: what is not finished is given up, and leaves nothing behind. */
    void (*end)(void *put);
};

struct store_setup {
    const ktk_store_ops *ops; /**< must outlive the store */
    uint32_t caps;            /**< instead of ops->caps, which cannot follow a base store */
    void *state;              /**< owned by the store on success */
    const char *name;         /**< copied */
    int32_t calls_at_once;    /**< instead of ops->calls_at_once */
    enum key_space keys;
    bool slices;  /**< parts of values are cut out of whole ones, also without `get_range` */
    bool is_view; /**< errors come from a store below, which has named itself in them already */
    /** Wait for one's turn among those who ask with the same key, not for long. What ends it, or
     * -1: it did not come. NULL: there are no turns. */
    int (*take_turn)(void *state, const char *key);
    void (*end_turn)(void *state, int turn);
    /** As ops->list, but without what costs extra calls: size, time, version. NULL: there is no
     * such way. */
    ktk_status (*list_keys)(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                            ktk_error *err);
    /** See ktki_store_get_end(). NULL: there is no cheaper way than to look first. */
    ktk_status (*get_end)(void *state, const char *key, int64_t size, ktk_bytes *out,
                          int64_t *value_size, ktk_error *err);
    /** See ktki_store_get_ranges(). NULL: one after the other. */
    ktk_status (*get_ranges)(void *state, const char *key, const struct object_range *ranges,
                             size_t count, ktk_bytes *out, ktk_error *err);
    /** Remove what goes in few calls, of up to KTKI_REMOVALS_AT_ONCE, and say what is gone. What is
     * left is removed one by one, which is no failure here. NULL: all is. */
    ktk_status (*remove_many)(void *state, struct removal *removals, size_t count, ktk_error *err);
    /** See ktki_store_copy(); `source` is the state of a store with the same operation. NULL: there
     * is no such way. */
    ktk_status (*copy)(void *state, const char *key, void *source, const char *source_key,
                       int64_t *size, ktk_error *err);
    /** NULL: a value that comes in pieces is kept until it is whole, and then put. */
    const struct put_ops *puts;
    /** See ktki_store_describe(). NULL: there is nothing to say. */
    void (*describe)(void *state, struct store_origin *out);
};

/** The general form of ktk_store_new(). */
ktk_status ktki_store_new(ktk_store **out, ktk_context *context, const struct store_setup *setup,
                          ktk_error *err);

/**
 * As ktk_store_list(), for those who ask for size and time of few keys: `*is_bare` if the entries
 * come without them although the store knows them.
 */
ktk_status ktki_store_list_keys(ktk_store *store, const char *prefix, bool *is_bare,
                                ktk_store_list_fn fn, void *state, ktk_error *err);

/**
 * Whoever is about to look at a value and to replace it takes his turn, so that fewer of those who
 * look at the same time do it in vain. It is a courtesy, which nothing relies on: it may not come
 * (-1), ends with its process, and others may take none.
 */
int ktki_store_take_turn(ktk_store *store, const char *key);

/** -1 is allowed. */
void ktki_store_end_turn(ktk_store *store, int turn);

/** Keys that the wrapper of `store` lets through. */
enum key_space ktki_store_key_space(const ktk_store *store);

/** ktk_store_caps of `store`. */
uint32_t ktki_store_caps(const ktk_store *store);

/** How many calls should be under way at once; 0: as many as there are threads. 1 if the store is
 * not for several threads. */
int32_t ktki_store_calls_at_once(const ktk_store *store);

/** Whether a call takes longer than the bytes that it brings: it is worth while to ask for more at
 * a time, and for what may be wanted next. */
bool ktki_store_is_far(const ktk_store *store);

/** How much earlier or later a time of a value may have been than it is told, in microseconds:
 * services tell whole seconds, some cut off and some rounded up. */
int64_t ktki_store_told_within_us(int64_t modified_us);

/** Whether a part of a value takes as much as the whole of it. */
bool ktki_store_slices(const ktk_store *store);

/** Whether ktki_store_get_end() is one call, for values that are not much larger at least. */
bool ktki_store_has_end(const ktk_store *store);

/** The last `size` > 0 bytes of a value, or all of a shorter one, and how long the value is. */
ktk_status ktki_store_get_end(ktk_store *store, const char *key, int64_t size, ktk_bytes *out,
                              int64_t *value_size, ktk_error *err);

/** Ranges of one value, several at a time where the store can do so: each as
 * ktk_store_get_range() reads it. On failure none is left filled. */
ktk_status ktki_store_get_ranges(ktk_store *store, const char *key,
                                 const struct object_range *ranges, size_t count, ktk_bytes *out,
                                 ktk_error *err);

/**
 * As ktk_store_remove() for each, in as few calls as the store can, else several at a time. All say
 * whether they are gone, also on failure, after which some may not have been tried; the error is
 * about one that is left.
 */
ktk_status ktki_store_remove_many(ktk_store *store, struct removal *removals, size_t count,
                                  ktk_error *err);

/** What the store can of that in few calls, for ktki_store_remove_many(): see store_setup. */
ktk_status ktki_store_remove_batch(ktk_store *store, struct removal *removals, size_t count,
                                   ktk_error *err);

/** Whether it is worth while to try ktki_store_copy(). */
bool ktki_store_can_copy(const ktk_store *store, const ktk_store *source);

/**
 * Put what `source`, which may be the same store, has at `source_key`, without its bytes coming
 * here. KTK_E_UNSUPPORTED: it must be got and put, whatever there is at `key` by now.
 *
 * @param size of the value
 */
ktk_status ktki_store_copy(ktk_store *store, const char *key, ktk_store *source,
                           const char *source_key, int64_t *size, ktk_error *err);

/**
 * What store/store_put.h is made of: check as ktk_store_put() does, and begin where the store has a
 * way to put what comes in pieces under that condition; else `*ops` is NULL.
 */
ktk_status ktki_store_begin(ktk_store *store, const char *key, const ktk_put_condition *condition,
                            const struct put_ops **ops, void **put, ktk_error *err);

/** Hand the failure `inner` of an operation of the store's on `key` over to the caller. */
ktk_status ktki_store_tell(const ktk_store *store, const char *key, ktk_status status,
                           ktk_error *inner, ktk_error *err);

/** As ktki_pool_run(), for items that call the store and need little memory: in the threads of the
 * context, or where the store asks for more at once and the context has any, in as many. */
ktk_status ktki_store_run(ktk_store *store, size_t count, ktki_pool_fn fn, void *state,
                          ktk_error *err);

/** Whom the store speaks to, as far as its calls so far have told; all zero: nobody. */
void ktki_store_describe(const ktk_store *store, struct store_origin *out);

/** Add some; only before anybody else has the store. */
void ktki_store_add_caps(ktk_store *store, uint32_t caps);

/** What was found out about the conditions of its puts, by whoever asks that; -1: nothing yet. */
int ktki_store_level(const ktk_store *store);
void ktki_store_set_level(ktk_store *store, int level);

/** The lock that the caller gave the store; NULL: none. */
struct store_lock {
    const ktk_lock_ops *ops;
    void *state;
};
const struct store_lock *ktki_store_lock(const ktk_store *store);

#endif
