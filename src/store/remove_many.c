/* Values removed in as few calls as the store can. */
#include "base/context.h"
#include "base/error.h"
#include "store/backend.h"

struct removals {
    ktk_store *store;
    struct removal *all;
};

static ktk_status remove_one(void *state, size_t item, ktk_error *err) {
    const struct removals *removals = state;
    struct removal *removal = &removals->all[item];
    ktk_status status = KTK_OK;

    if (!removal->is_gone) {
        status = ktk_store_remove(removals->store, removal->key, err);
        removal->is_gone = status == KTK_OK;
    }
    return status;
}

/* Up to KTKI_REMOVALS_AT_ONCE. */
static ktk_status remove_some(ktk_store *store, struct removal *removals, size_t count,
                              ktk_error *err) {
    struct removals one_by_one = {store, removals};
    bool are_left = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_store_remove_batch(store, removals, count, err));
    for (size_t i = 0; i < count; i++) {
        are_left = are_left || !removals[i].is_gone;
    }
    if (are_left) {
        status = ktki_store_run(store, count, remove_one, &one_by_one, err);
    }
out:
    return status;
}

ktk_status ktki_store_remove_many(ktk_store *store, struct removal *removals, size_t count,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        removals[i].is_gone = false;
    }
    for (size_t done = 0; done < count; done += KTKI_REMOVALS_AT_ONCE) {
        size_t left = count - done;

        KTKI_TRY(done == 0
                     ? KTK_OK
                     : ktki_pool_keep_going(ktki_context_pool(ktk_store_context(store)), err));
        KTKI_TRY(remove_some(store, removals + done,
                             left < KTKI_REMOVALS_AT_ONCE ? left : KTKI_REMOVALS_AT_ONCE, err));
    }
out:
    return status;
}
