/** A store in whose calls a test can take part: to let somebody else act at a chosen moment. */
#ifndef KTK_TESTS_SUPPORT_HOOKED_STORE_H
#define KTK_TESTS_SUPPORT_HOOKED_STORE_H

#include <kartothek/store.h>

/** Owned by the test; must outlive the store. */
struct hooked_store {
    const char *key_suffix;          /**< puts of keys that end so are what is waited for */
    void (*before_put)(void *state); /**< called once, before the first of them; may be NULL */
    void (*after_put)(void *state);  /**< called once, after it; may be NULL */
    void *state;
    bool is_unconditional; /**< the store says that it has no conditional put */
    bool creates_only;     /**< it says that it knows of no versions, but puts where nothing is */
};

/** A store over `base`, which gets another reference; the result is the caller's. */
ktk_store *hooked_store_new(struct hooked_store *hooked, ktk_store *base);

#endif
