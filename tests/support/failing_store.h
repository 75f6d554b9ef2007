/** Makes calls to a store fail: what is left behind by a crash, a lost answer, a moment's fault. */
#ifndef KTK_TESTS_SUPPORT_FAILING_STORE_H
#define KTK_TESTS_SUPPORT_FAILING_STORE_H

#include "support/counting_store.h"

/**
 * Owned by the test; must outlive the store. All zero but `fail_at`: call number `fail_at` and all
 * later ones fail without effect, as if the process or its network had died there. Loop:
 *
 *     for (int64_t n = 0; !finished; n++) {
 *         struct failing_store failing = {.fail_at = n};
 *         ktk_store *store = failing_store_new(&failing, base);
 *         finished = work(store) == KTK_OK;
 *         … check what `base` holds …
 *         ktk_store_free(store);
 *     }
 */
struct failing_store {
    int64_t fail_at;           /**< counted from 0; -1: never */
    bool fails_once;           /**< later calls work again */
    bool is_applied;           /**< the first failing call takes effect, only its answer is lost */
    uint32_t kinds;            /**< bits 1u << store_call: the calls that count and fail; 0: all */
    ktk_status status;         /**< KTK_OK stands for KTK_E_IO */
    atomic_int_fast64_t calls; /**< that counted so far */
    atomic_int_fast64_t failures; /**< that were made to fail so far */
};

/** A store over `base`, which gets another reference; the result is the caller's. Capabilities are
 * those of `base`, and so is what is known of its conditions. */
ktk_store *failing_store_new(struct failing_store *failing, ktk_store *base);

#endif
