/* The tools of tests/support do to a store what they say. */
#include "support/counting_store.h"
#include "support/failing_store.h"
#include "support/test.h"

#include "store/backend.h"
#include "store/memory.h"

static ktk_store *memory_new(ktk_context *context) {
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktki_store_memory_new(&store, context, KTKI_KEYS_EXTENDED, "hmemory://", &err));
    return store;
}

static ktk_status ignore(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)state;
    (void)entry;
    (void)err;
    return KTK_OK;
}

static void counts_calls_and_bytes(void **unused) {
    static const int64_t wanted[STORE_CALL_COUNT] = {1, 2, 1, 1, 1, 1, 1, 1};
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context);
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new_far(&counting, base);
    int64_t size = 0;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store_entry entry;
    ktk_error err;

    (void)unused;
    assert_true(ktk_store_has_conditional_put(store));
    CHECK_OK(ktk_store_put(store, "k", "12345", 5, NULL, NULL, &err));
    CHECK_OK(ktk_store_get(store, "k", &bytes, NULL, &err));
    ktk_bytes_clear(&bytes);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktk_store_get_range(store, "k", 3, 9, &bytes, &err));
        ktk_bytes_clear(&bytes);
    }
    CHECK_OK(ktki_store_get_end(store, "k", 3, &bytes, &size, &err));
    assert_int_equal(size, 5);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_store_head(store, "k", &entry, &err));
    CHECK_OK(ktk_store_list(store, "", ignore, NULL, &err));
    CHECK_OK(ktk_store_sync(store, &err));
    CHECK_OK(ktk_store_remove(store, "k", &err));
    for (int i = 0; i < STORE_CALL_COUNT; i++) {
        assert_int_equal(atomic_load(&counting.calls[i]), wanted[i]);
    }
    assert_int_equal(counting_store_calls(&counting), 9);
    assert_int_equal(atomic_load(&counting.bytes_read), 5 + 2 + 2 + 3);
    assert_int_equal(atomic_load(&counting.bytes_written), 5);
    ktk_store_free(store);
    ktk_store_free(base);
    test_context_free(context);
}

/* Put three keys; a bit of the result is set for each put that worked, and a bit above 8 for each
 * key that is there. */
static unsigned put_three(ktk_store *base, struct failing_store *failing) {
    static const char *const keys[] = {"0", "1", "2"};
    ktk_store *store = failing_store_new(failing, base);
    unsigned result = 0;
    ktk_store_entry entry;
    ktk_error err;

    for (unsigned i = 0; i < 3; i++) {
        CHECK_OK(ktk_store_remove(base, keys[i], &err));
        if (ktk_store_put(store, keys[i], "", 0, NULL, NULL, &err) == KTK_OK) {
            result |= 1u << i;
        } else {
            assert_int_equal(err.status, failing->status == KTK_OK ? KTK_E_IO : failing->status);
        }
        if (ktk_store_head(base, keys[i], &entry, &err) == KTK_OK) {
            result |= 0x10u << i;
        }
    }
    ktk_store_free(store);
    return result;
}

static void fails_as_asked(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *base = memory_new(context);
    struct failing_store never = {.fail_at = -1};
    struct failing_store crash = {.fail_at = 1};
    struct failing_store once = {.fail_at = 1, .fails_once = true, .status = KTK_E_UNAVAILABLE};
    struct failing_store lost = {.fail_at = 1, .fails_once = true, .is_applied = true};
    struct failing_store lost_crash = {.fail_at = 1, .is_applied = true};
    struct failing_store other = {.fail_at = 0, .kinds = 1u << STORE_CALL_GET};

    (void)unused;
    assert_int_equal(put_three(base, &never), 0x77);
    assert_int_equal(put_three(base, &crash), 0x11);
    assert_int_equal(atomic_load(&crash.failures), 2);
    assert_int_equal(put_three(base, &once), 0x55);
    assert_int_equal(put_three(base, &lost), 0x75);
    assert_int_equal(put_three(base, &lost_crash), 0x31);
    assert_int_equal(put_three(base, &other), 0x77);
    assert_int_equal(atomic_load(&other.calls), 0);
    assert_int_equal(atomic_load(&never.calls), 3);
    ktk_store_free(base);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_calls_and_bytes),
        cmocka_unit_test(fails_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
