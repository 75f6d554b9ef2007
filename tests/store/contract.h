/** The stores that every contract is kept by, and the same cases for each of them. */
#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

#include "support/test.h"

#include <kartothek/store.h>

typedef ktk_status (*factory_fn)(ktk_store **out, ktk_context *context, const char *folder,
                                 ktk_error *err);

struct kind {
    const char *name;
    factory_fn make;
    int key_count;        /**< for the case with many */
    const char *variable; /**< names a server; NULL: none is needed */
};

/** What a case gets as its state. */
struct fixture {
    const struct kind *kind;
    ktk_context *context;
    char *folder;
    ktk_store *store;
};

static inline ktk_store *store_of(void **state) {
    return ((struct fixture *)*state)->store;
}

struct contract_case {
    const char *name;
    CMUnitTestFunction run;
};

/** Put, without waiting for the disk. */
extern const ktk_put_condition deferred;
void put(ktk_store *store, const char *key, const char *text);

/** Fail unless the key has this value, or none. */
void check_value(ktk_store *store, const char *key, const char *text);
void check_missing(ktk_store *store, const char *key);

struct seen {
    char text[1024]; /**< "key|" for each key */
    size_t count;
    size_t stop_at;
    ktk_store *store; /**< keys are removed from it meanwhile */
};

/** For ktk_store_list(); `state` is a struct seen. */
ktk_status see(void *state, const ktk_store_entry *entry, ktk_error *err);

/** Fail unless these keys are there: "a|b|". */
void check_listing(ktk_store *store, const char *prefix, const char *wanted);

/** The cases for each store that needs no server, or for the one that the first argument names: as
 * main() returns. A case is then named "<store>: <what holds>". */
int run_contract(int argc, char **argv, const struct contract_case *cases, size_t case_count);

#endif
