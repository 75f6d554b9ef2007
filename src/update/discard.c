#include "update/discard.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "store/backend.h"

void ktki_discard(ktk_store *store, const char *const *keys, size_t count) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    struct removal *removals = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*removals), &removals, NULL));
    for (size_t i = 0; i < count; i++) {
        removals[i].key = keys[i];
    }
    status = ktki_store_remove_many(store, removals, count, NULL);
    for (size_t i = 0; i < count && status == KTK_E_CANCELLED; i++) {
        if (!removals[i].is_gone) {
            KTKI_IGNORE(ktk_store_remove(store, keys[i], NULL));
        }
    }
out:
    ktki_free_array(allocator, removals, count, sizeof(*removals));
}
