#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "store/memory.h"

#define KEYS 10000

static ktk_store *memory_new(ktk_context *context) {
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktki_store_memory_new(&store, context, KTKI_KEYS_EXTENDED, "hmemory://", &err));
    return store;
}

struct seen {
    char last[64];
    size_t count;
};

static ktk_status see(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct seen *seen = state;

    (void)err;
    assert_true(strcmp(seen->last, entry->key) < 0);
    (void)snprintf(seen->last, sizeof(seen->last), "%s", entry->key);
    seen->count++;
    return KTK_OK;
}

/* Keys come in an order that is neither sorted nor reversed: multiples of a number prime to KEYS.
 */
static void keeps_many_keys_in_order(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = memory_new(context);
    struct seen seen = {"", 0};
    char key[32];
    ktk_error err;

    (void)unused;
    for (int i = 0; i < KEYS; i++) {
        int length = snprintf(key, sizeof(key), "k/%05d", i * 7919 % KEYS);
        CHECK_OK(ktk_store_put(store, key, key, (size_t)length, NULL, NULL, &err));
    }
    CHECK_OK(ktk_store_list(store, "k/", see, &seen, &err));
    assert_int_equal(seen.count, KEYS);
    for (int i = 0; i < KEYS; i += 2) {
        (void)snprintf(key, sizeof(key), "k/%05d", i * 7919 % KEYS);
        CHECK_OK(ktk_store_remove(store, key, &err));
    }
    for (int i = 0; i < KEYS; i++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        (void)snprintf(key, sizeof(key), "k/%05d", i * 7919 % KEYS);
        CHECK_STATUS(ktk_store_get(store, key, &bytes, NULL, &err),
                     i % 2 == 0 ? KTK_E_NOT_FOUND : KTK_OK);
        if (i % 2 != 0) {
            assert_memory_equal(bytes.data, key, bytes.size);
        }
        ktk_bytes_clear(&bytes);
    }
    ktk_store_free(store);
    test_context_free(context);
}

static void hands_out_values_without_copying(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = memory_new(context);
    ktk_bytes first = KTK_BYTES_INIT;
    ktk_bytes second = KTK_BYTES_INIT;
    ktk_bytes part = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(store, "k", "value", 5, NULL, NULL, &err));
    CHECK_OK(ktk_store_get(store, "k", &first, NULL, &err));
    CHECK_OK(ktk_store_get(store, "k", &second, NULL, &err));
    CHECK_OK(ktk_store_get_range(store, "k", 1, 3, &part, &err));
    assert_ptr_equal(first.data, second.data);
    assert_ptr_equal(part.data, first.data + 1);
    /* What was handed out outlives a newer value, the key and the store. */
    CHECK_OK(ktk_store_put(store, "k", "other", 5, NULL, NULL, &err));
    CHECK_OK(ktk_store_remove(store, "k", &err));
    ktk_store_free(store);
    assert_memory_equal(first.data, "value", 5);
    assert_memory_equal(part.data, "alu", 3);
    ktk_bytes_clear(&first);
    ktk_bytes_clear(&second);
    ktk_bytes_clear(&part);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_many_keys_in_order),
        cmocka_unit_test(hands_out_values_without_copying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
