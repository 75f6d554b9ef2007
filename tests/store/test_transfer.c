/* Values that go from store to store: in one piece, in several, and not at all. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/sys/store.h>

#include "store/store_put.h"

#define MIB ((size_t)1 << 20)
#define WINDOW (16 * MIB) /* what is asked for first, and is all of a smaller value */
#define RANGE (8 * MIB)   /* of what follows */

/* ---- a source of one value, byte i of which is known ---- */

struct source {
    size_t size;
    int calls;      /* for bytes */
    int shrinks_at; /* from this call on it has `shrunk` bytes; -1: never */
    size_t shrunk;
    int fail_at;      /* this call for bytes fails; -1: none */
    bool has_no_head; /* it is removed before anybody asks how large it is */
};

static uint8_t byte_at(size_t offset) {
    return (uint8_t)((uint32_t)(offset >> 3) * 2654435761u >> 13);
}

static void release(ktk_bytes *bytes) {
    free(bytes->owner);
}

static ktk_status source_range(void *state, const char *key, int64_t offset, int64_t size,
                               ktk_bytes *out, ktk_error *err) {
    struct source *source = state;
    int call = source->calls++;
    size_t all =
        source->shrinks_at >= 0 && call >= source->shrinks_at ? source->shrunk : source->size;
    size_t start = (size_t)offset < all ? (size_t)offset : all;
    size_t count = (size_t)size < all - start ? (size_t)size : all - start;
    uint8_t *data = malloc(count + 1);

    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        data[i] = byte_at(start + i);
    }
    *out = (ktk_bytes){data, count, release, data};
    if (call == source->fail_at) {
        ktk_bytes_clear(out);
        return ktk_error_set(err, KTK_E_IO, "'%s' is not well", key);
    }
    return KTK_OK;
}

static ktk_status source_get(void *state, const char *key, ktk_bytes *out,
                             ktk_store_version *version, ktk_error *err) {
    (void)version;
    return source_range(state, key, 0, INT64_MAX, out, err);
}

static ktk_status source_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct source *source = state;

    if (source->has_no_head) {
        return ktk_error_set(err, KTK_E_NOT_FOUND, "there is no '%s'", key);
    }
    *out = (ktk_store_entry){.key = key, .size = (int64_t)source->size, .modified_us = -1};
    return KTK_OK;
}

static ktk_status source_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err) {
    (void)state;
    (void)prefix;
    (void)fn;
    (void)fn_state;
    (void)err;
    return KTK_OK;
}

static void source_free(void *state) {
    (void)state;
}

static const ktk_store_ops source_ops = {.size = sizeof(ktk_store_ops),
                                         .get = source_get,
                                         .get_range = source_range,
                                         .head = source_head,
                                         .list = source_list,
                                         .free = source_free};
/* The same, but of whole values. */
static const ktk_store_ops whole_ops = {.size = sizeof(ktk_store_ops),
                                        .get = source_get,
                                        .head = source_head,
                                        .list = source_list,
                                        .free = source_free};

/* ---- a source and a target ---- */

struct fixture {
    struct source source;
    ktk_context *context;
    char *folder;
    ktk_store *from;
    ktk_store *to;
};

static void set_up(struct fixture *fixture, ktk_context *context, const ktk_store_ops *ops,
                   bool is_folder) {
    char url[1024];
    ktk_error err;

    *fixture = (struct fixture){.source = {.shrinks_at = -1, .fail_at = -1},
                                .context = context,
                                .folder = test_folder_in_memory()};
    (void)snprintf(url, sizeof(url), "%s%s", is_folder ? "hfs://" : "hmemory://",
                   is_folder ? fixture->folder : "");
    CHECK_OK(ktk_store_new(&fixture->from, context, ops, &fixture->source, "source", &err));
    CHECK_OK(ktk_store_open(&fixture->to, context, url, &err));
}

static void tear_down(struct fixture *fixture) {
    ktk_store_free(fixture->from);
    ktk_store_free(fixture->to);
    test_folder_remove(fixture->folder);
}

/* The target has the first bytes of the source under "k", and nothing else. */
static void check_value(ktk_store *store, size_t size) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(store, "k", &bytes, NULL, &err));
    assert_int_equal(bytes.size, size);
    for (size_t i = 0; i < size; i++) {
        if (bytes.data[i] != byte_at(i)) {
            fail_msg("byte %zu of %zu differs", i, size);
        }
    }
    ktk_bytes_clear(&bytes);
}

static ktk_status count_entry(void *state, const ktk_store_entry *entry, ktk_error *err) {
    int *count = state;

    (void)entry;
    (void)err;
    ++*count;
    return KTK_OK;
}

static void check_empty(ktk_store *store) {
    int count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, "", count_entry, &count, &err));
    assert_int_equal(count, 0);
}

/* ---- cases ---- */

/* Calls for bytes: the window, then ranges; counted by hand. */
static void values_around_the_window_arrive(void **unused) {
    static const struct {
        size_t size;
        int calls;
    } cases[] = {{0, 1},
                 {1, 1},
                 {WINDOW - 1, 1},
                 {WINDOW, 1},
                 {WINDOW + 1, 2},
                 {WINDOW + RANGE, 2},
                 {WINDOW + RANGE + 1, 3},
                 {WINDOW + 2 * RANGE, 3},
                 {WINDOW + 2 * RANGE + 1, 4}};

    (void)unused;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        int64_t size = -1;
        ktk_error err;

        set_up(&fixture, test_context_new(1), &source_ops, i % 2 == 1);
        fixture.source.size = cases[i / 2].size;
        CHECK_OK(ktki_store_transfer(fixture.to, "k", fixture.from, "source/k", NULL, &size, &err));
        assert_int_equal(size, cases[i / 2].size);
        assert_int_equal(fixture.source.calls, cases[i / 2].calls);
        check_value(fixture.to, cases[i / 2].size);
        tear_down(&fixture);
        test_context_free(fixture.context);
    }
}

static void whole_values_are_asked_for_once(void **unused) {
    struct fixture fixture;
    int64_t size = -1;
    ktk_error err;

    (void)unused;
    set_up(&fixture, test_context_new(1), &whole_ops, true);
    fixture.source.size = WINDOW + RANGE + 7;
    CHECK_OK(ktki_store_transfer(fixture.to, "k", fixture.from, "k", NULL, &size, &err));
    assert_int_equal(size, fixture.source.size);
    assert_int_equal(fixture.source.calls, 1);
    check_value(fixture.to, fixture.source.size);
    tear_down(&fixture);
    test_context_free(fixture.context);
}

/* A transfer that fails: no size is told, and the target has nothing, or what it had before. */
static void check_failure(struct fixture *fixture, ktk_status wanted) {
    int64_t size = -7;
    ktk_error err;

    CHECK_STATUS(ktki_store_transfer(fixture->to, "k", fixture->from, "k", NULL, &size, &err),
                 wanted);
    assert_int_equal(size, -7);
    check_empty(fixture->to);
    tear_down(fixture);
    test_context_free(fixture->context);
}

static void a_source_that_gets_shorter_is_refused(void **unused) {
    const size_t shrunk[] = {0, 1, WINDOW, WINDOW + 1, WINDOW + RANGE, WINDOW + 2 * RANGE - 1};

    (void)unused;
    for (size_t i = 0; i < 2 * sizeof(shrunk) / sizeof(shrunk[0]); i++) {
        struct fixture fixture;

        set_up(&fixture, test_context_new(1), &source_ops, i % 2 == 1);
        fixture.source.size = WINDOW + 2 * RANGE;
        fixture.source.shrinks_at = 1;
        fixture.source.shrunk = shrunk[i / 2];
        check_failure(&fixture, KTK_E_IO);
    }
}

static void a_source_that_fails_leaves_nothing(void **unused) {
    (void)unused;
    for (int i = 0; i < 8; i++) {
        struct fixture fixture;

        set_up(&fixture, test_context_new(1), &source_ops, i % 2 == 1);
        fixture.source.size = WINDOW + 2 * RANGE + 1;
        fixture.source.fail_at = i / 2;
        check_failure(&fixture, KTK_E_IO);
        set_up(&fixture, test_context_new(1), &source_ops, i % 2 == 1);
        fixture.source.size = WINDOW;
        fixture.source.has_no_head = true;
        check_failure(&fixture, KTK_E_NOT_FOUND);
    }
}

/* The condition of the target holds for small values and large ones; what was there stays. */
static void a_target_that_refuses_keeps_what_it_has(void **unused) {
    const size_t sizes[] = {1, WINDOW + RANGE + 1};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
        struct fixture fixture;
        ktk_bytes bytes = KTK_BYTES_INIT;
        int64_t size = -7;
        ktk_error err;

        set_up(&fixture, test_context_new(1), &source_ops, i / 2 == 1);
        fixture.source.size = sizes[i % 2];
        CHECK_OK(ktk_store_put(fixture.to, "k", "old", 3, NULL, NULL, &err));
        condition.must_not_exist = true;
        CHECK_STATUS(
            ktki_store_transfer(fixture.to, "k", fixture.from, "k", &condition, &size, &err),
            KTK_E_EXISTS);
        assert_int_equal(size, -7);
        CHECK_OK(ktk_store_get(fixture.to, "k", &bytes, NULL, &err));
        assert_int_equal(bytes.size, 3);
        assert_memory_equal(bytes.data, "old", 3);
        ktk_bytes_clear(&bytes);
        tear_down(&fixture);
        test_context_free(fixture.context);
    }
}

static bool go_on_for(void *state) {
    int *asks = state;

    return (*asks)-- > 0;
}

/* Between pieces the caller is asked; at whatever question he says no, nothing is there. */
static void a_transfer_can_be_cancelled(void **unused) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    int cancelled = 0;
    bool is_done = false;

    (void)unused;
    for (int asks = 0; !is_done; asks++) {
        struct fixture fixture;
        ktk_context *context = NULL;
        int left = 1 << 20;
        int64_t size = -7;
        ktk_error err;
        ktk_status status;

        options.threads = 1;
        options.keep_going = go_on_for;
        options.keep_going_state = &left;
        CHECK_OK(ktk_context_new(&context, &options, &err));
        set_up(&fixture, context, &source_ops, true);
        fixture.source.size = WINDOW + 4 * RANGE + 1;
        left = asks;
        status = ktki_store_transfer(fixture.to, "k", fixture.from, "k", NULL, &size, &err);
        is_done = status == KTK_OK;
        if (!is_done) {
            assert_int_equal(status, KTK_E_CANCELLED);
            assert_int_equal(size, -7);
            check_empty(fixture.to);
            cancelled++;
        }
        tear_down(&fixture);
        ktk_context_free(context);
    }
    assert_true(cancelled >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_around_the_window_arrive),
        cmocka_unit_test(whole_values_are_asked_for_once),
        cmocka_unit_test(a_source_that_gets_shorter_is_refused),
        cmocka_unit_test(a_source_that_fails_leaves_nothing),
        cmocka_unit_test(a_target_that_refuses_keeps_what_it_has),
        cmocka_unit_test(a_transfer_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("store/transfer", tests, NULL, NULL);
}
