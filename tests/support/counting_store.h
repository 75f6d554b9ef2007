/** Counts the calls that go through to a store: what a read or an update costs. */
#ifndef KTK_TESTS_SUPPORT_COUNTING_STORE_H
#define KTK_TESTS_SUPPORT_COUNTING_STORE_H

#include <stdatomic.h>

#include <kartothek/store.h>

enum store_call {
    STORE_CALL_GET,
    STORE_CALL_GET_RANGE,
    STORE_CALL_GET_END,
    STORE_CALL_HEAD,
    STORE_CALL_PUT,
    STORE_CALL_REMOVE,
    STORE_CALL_LIST,
    STORE_CALL_SYNC,
    STORE_CALL_COUNT
};

/** Owned by the test; must outlive the store. May be zeroed between calls to count afresh. */
struct counting_store {
    atomic_int_fast64_t calls[STORE_CALL_COUNT];
    atomic_int_fast64_t bytes_read;
    atomic_int_fast64_t bytes_written;
};

/** A store over `base`, which gets another reference; the result is the caller's. Capabilities are
 * those of `base`, and so is what is known of its conditions. */
ktk_store *counting_store_new(struct counting_store *counting, ktk_store *base);

/** The same, as a store that is far away: the end of a value comes in one call. */
ktk_store *counting_store_new_far(struct counting_store *counting, ktk_store *base);

/** Calls of all kinds. */
int64_t counting_store_calls(const struct counting_store *counting);

#endif
