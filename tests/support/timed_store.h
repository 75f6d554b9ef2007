/** A store whose time is the test's, and in whose calls others can act. */
#ifndef KTK_TESTS_SUPPORT_TIMED_STORE_H
#define KTK_TESTS_SUPPORT_TIMED_STORE_H

#include <kartothek/store.h>

#define TIMED_KEYS_MAX 4096

/** When each key was last written. Owned by the test; all zero at first; shared by the stores over
 * one base; for one thread. */
struct timed_keys {
    int64_t now_us;
    bool is_unknown; /* the store does not say when anything was written */
    size_t count;
    struct {
        char key[120];
        int64_t written_us;
    } items[TIMED_KEYS_MAX];
};

struct timed_store {
    struct timed_keys *keys;
    void (*before_call)(void *state, const char *key); /* may use other stores; may be NULL */
    void *state;
};

/** Owned by the test, as `timed` and its keys, which must outlive it. A store over `base`, which
 * gets another reference. */
ktk_store *timed_store_new(struct timed_store *timed, ktk_store *base);

#endif
