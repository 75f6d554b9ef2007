#include "support/test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/store.h>
#include <kartothek/sys/store.h>

#include "store/backend.h"

/* A backend that does what each case asks. */
struct scripted {
    ktk_status status;
    bool sets_error;
    size_t size;       /* of the value that get hands out */
    int frees;         /* calls of free */
    int releases;      /* values that were given back */
    int listed_before; /* keys that list hands out before it fails */
};

static uint8_t value[64];

static void release(ktk_bytes *bytes) {
    ((struct scripted *)bytes->owner)->releases++;
}

static ktk_status finish(const struct scripted *scripted, ktk_error *err) {
    return scripted->status != KTK_OK && scripted->sets_error
               ? ktk_error_set(err, scripted->status, "scripted")
               : scripted->status;
}

static ktk_status scripted_get(void *state, const char *key, ktk_bytes *out,
                               ktk_store_version *version, ktk_error *err) {
    struct scripted *scripted = state;

    (void)key;
    (void)version;
    if (scripted->status == KTK_OK) {
        *out = (ktk_bytes){value, scripted->size, release, scripted};
    }
    return finish(scripted, err);
}

static ktk_status scripted_put(void *state, const char *key, const void *data, size_t size,
                               const ktk_put_condition *condition, ktk_store_version *version,
                               ktk_error *err) {
    (void)key;
    (void)data;
    (void)size;
    (void)condition;
    (void)version;
    return finish(state, err);
}

static ktk_status scripted_remove(void *state, const char *key, ktk_error *err) {
    (void)key;
    return finish(state, err);
}

static ktk_status scripted_list(void *state, const char *prefix, ktk_store_list_fn fn,
                                void *fn_state, ktk_error *err) {
    struct scripted *scripted = state;
    const ktk_store_entry entry = {"key", -1, -1, {{0}}};
    ktk_status status = KTK_OK;

    (void)prefix;
    for (int i = 0; i < scripted->listed_before && status == KTK_OK; i++) {
        status = fn(fn_state, &entry, err);
    }
    return status == KTK_OK ? finish(scripted, err) : status;
}

static void scripted_free(void *state) {
    ((struct scripted *)state)->frees++;
}

static const ktk_store_ops scripted_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = KTK_STORE_THREAD_SAFE,
    .get = scripted_get,
    .put = scripted_put,
    .remove = scripted_remove,
    .list = scripted_list,
    .free = scripted_free,
};

static ktk_store *scripted_new(ktk_context *context, struct scripted *scripted) {
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktk_store_new(&store, context, &scripted_ops, scripted, "scripted://", &err));
    return store;
}

static void refuses_incomplete_operations(void **unused) {
    ktk_context *context = test_context_new(1);
    struct scripted scripted = {0};
    ktk_store_ops bad[6];
    ktk_store *store = TEST_POISON;
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 6; i++) {
        bad[i] = scripted_ops;
    }
    bad[0].size = 8;
    bad[1].get = NULL;
    bad[2].list = NULL;
    bad[3].free = NULL;
    bad[4].caps = 0x80;
    bad[5].calls_at_once = -1;
    for (int i = 0; i < 6; i++) {
        CHECK_STATUS(ktk_store_new(&store, context, &bad[i], &scripted, "x", &err), KTK_E_INVALID);
    }
    assert_ptr_equal(store, TEST_POISON);
    assert_int_equal(scripted.frees, 0);
    test_context_free(context);
}

static void ends_with_its_last_reference(void **unused) {
    ktk_context *context = test_context_new(1);
    struct scripted scripted = {0};
    ktk_store *store = scripted_new(context, &scripted);

    (void)unused;
    assert_string_equal(ktk_store_name(store), "scripted://");
    assert_ptr_equal(ktk_store_context(store), context);
    assert_false(ktk_store_has_conditional_put(store));
    assert_ptr_equal(ktk_store_ref(store), store);
    ktk_store_free(store);
    assert_int_equal(scripted.frees, 0);
    /* It has kept the context alive; here ends the use of the caller. */
    (void)ktk_context_ref(context);
    ktk_context_free(context);
    ktk_store_free(store);
    assert_int_equal(scripted.frees, 1);
    ktk_store_free(NULL);
    test_context_free(context);
}

static ktk_status refuse_calls(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)state;
    (void)err;
    fail_msg("listed '%s'", entry->key);
    return KTK_OK;
}

static void names_itself_in_errors(void **unused) {
    ktk_context *context = test_context_new(1);
    struct scripted scripted = {.status = KTK_E_DENIED, .sets_error = true, .listed_before = 3};
    ktk_store *store = scripted_new(context, &scripted);
    ktk_bytes bytes = {TEST_POISON, 0, NULL, NULL};
    ktk_store_version version = {"poison"};
    ktk_store_entry entry = {.key = TEST_POISON};
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 2; i++) {
        const char *wanted = i == 0 ? "scripted://: scripted" : "scripted://: denied";

        scripted.sets_error = i == 0;
        CHECK_STATUS(ktk_store_get(store, "k", &bytes, &version, &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        assert_int_equal(err.status, KTK_E_DENIED);
        CHECK_STATUS(ktk_store_get_range(store, "k", 0, 1, &bytes, &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        CHECK_STATUS(ktk_store_head(store, "k", &entry, &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        CHECK_STATUS(ktk_store_put(store, "k", "", 0, NULL, &version, &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        CHECK_STATUS(ktk_store_remove(store, "k", &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        CHECK_STATUS(ktk_store_list(store, "k", refuse_calls, NULL, &err), KTK_E_DENIED);
        assert_string_equal(err.message, wanted);
        assert_int_equal(ktk_store_remove(store, "k", NULL), KTK_E_DENIED);
    }
    assert_ptr_equal(bytes.data, TEST_POISON);
    assert_ptr_equal(entry.key, TEST_POISON);
    assert_string_equal(version.text, "poison");
    ktk_store_free(store);
    test_context_free(context);
}

static void is_read_only_without_put(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store_ops ops = scripted_ops;
    struct scripted scripted = {0};
    ktk_store *store = NULL;
    ktk_error err;

    (void)unused;
    ops.put = NULL;
    ops.remove = NULL;
    CHECK_OK(ktk_store_new(&store, context, &ops, &scripted, "fixed", &err));
    CHECK_STATUS(ktk_store_put(store, "k", "", 0, NULL, NULL, &err), KTK_E_READ_ONLY);
    CHECK_MESSAGE("fixed is read-only");
    CHECK_STATUS(ktk_store_remove(store, "k", &err), KTK_E_READ_ONLY);
    CHECK_STATUS(ktk_store_put(store, "*", "", 0, NULL, NULL, &err), KTK_E_INVALID);
    CHECK_OK(ktk_store_sync(store, &err));
    ktk_store_free(store);
    test_context_free(context);
}

static void limits_what_is_read_whole(void **unused) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    struct scripted scripted = {.size = 10};
    ktk_context *context = NULL;
    ktk_bytes bytes = {TEST_POISON, 0, NULL, NULL};
    ktk_store *store;
    ktk_error err;

    (void)unused;
    options.threads = 1;
    options.limits.object_bytes_max = 10;
    CHECK_OK(ktk_context_new(&context, &options, &err));
    store = scripted_new(context, &scripted);
    scripted.size = 11;
    CHECK_STATUS(ktk_store_get(store, "k", &bytes, NULL, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("object_bytes_max");
    assert_ptr_equal(bytes.data, TEST_POISON);
    assert_int_equal(scripted.releases, 1);
    scripted.size = 10;
    CHECK_OK(ktk_store_get(store, "k", &bytes, NULL, &err));
    ktk_bytes_clear(&bytes);
    assert_int_equal(scripted.releases, 2);
    ktk_store_free(store);
    ktk_context_free(context);
}

static void gives_back_what_fallbacks_fetched(void **unused) {
    ktk_context *context = test_context_new(1);
    struct scripted scripted = {.size = 10};
    ktk_store *store = scripted_new(context, &scripted);
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store_entry entry;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_get_range(store, "k", 3, 4, &bytes, &err));
    assert_ptr_equal(bytes.data, value + 3);
    assert_int_equal(bytes.size, 4);
    assert_int_equal(scripted.releases, 0);
    ktk_bytes_clear(&bytes);
    assert_int_equal(scripted.releases, 1);
    CHECK_STATUS(ktk_store_get_range(store, "k", 11, 4, &bytes, &err), KTK_E_INVALID);
    assert_int_equal(scripted.releases, 2);
    CHECK_OK(ktk_store_head(store, "k", &entry, &err));
    assert_int_equal(entry.size, 10);
    assert_int_equal(scripted.releases, 3);
    ktk_store_free(store);
    test_context_free(context);
}

/* Items that wait for each other, until `wanted` were inside at once. */
struct waiting {
    atomic_int inside;
    atomic_int most;
    atomic_int done;
    int wanted;
};

static ktk_status wait_for_others(void *state, size_t item, ktk_error *err) {
    const struct timespec pause = {0, 1000000};
    struct waiting *waiting = state;
    int inside = atomic_fetch_add(&waiting->inside, 1) + 1;
    int most = atomic_load(&waiting->most);

    while (inside > most && !atomic_compare_exchange_weak(&waiting->most, &most, inside)) {
    }
    for (int i = 0; i < 20000 && atomic_load(&waiting->most) < waiting->wanted; i++) {
        (void)nanosleep(&pause, NULL);
    }
    atomic_fetch_sub(&waiting->inside, 1);
    atomic_fetch_add(&waiting->done, 1);
    return item == 49 ? ktk_error_set(err, KTK_E_IO, "the last one") : KTK_OK;
}

static void runs_as_many_at_once_as_a_store_asks_for(void **unused) {
    static const struct {
        int32_t threads;
        int32_t asked;
        bool is_shared;
        int wanted;
    } cases[] = {{2, 7, true, 7}, {2, 0, true, 2},  {3, 2, true, 3},
                 {1, 7, true, 1}, {2, 7, false, 2}, {4, 99, true, 50}};

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_context *context = test_context_new(cases[i].threads);
        struct waiting waiting = {.wanted = cases[i].wanted};
        struct scripted scripted = {0};
        ktk_store_ops ops = scripted_ops;
        ktk_store *store = NULL;
        ktk_error err;

        ops.calls_at_once = cases[i].asked;
        ops.caps = cases[i].is_shared ? KTK_STORE_THREAD_SAFE : 0;
        CHECK_OK(ktk_store_new(&store, context, &ops, &scripted, "far://", &err));
        CHECK_STATUS(ktki_store_run(store, 50, wait_for_others, &waiting, &err), KTK_E_IO);
        CHECK_MESSAGE("the last one");
        assert_int_equal(atomic_load(&waiting.most), cases[i].wanted);
        assert_int_equal(atomic_load(&waiting.done), 50);
        ktk_store_free(store);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_incomplete_operations),
        cmocka_unit_test(ends_with_its_last_reference),
        cmocka_unit_test(names_itself_in_errors),
        cmocka_unit_test(is_read_only_without_put),
        cmocka_unit_test(limits_what_is_read_whole),
        cmocka_unit_test(gives_back_what_fallbacks_fetched),
        cmocka_unit_test(runs_as_many_at_once_as_a_store_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
