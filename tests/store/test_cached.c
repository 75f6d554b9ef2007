/* A cache gives what the store has, asks it less, and never gives what it must not. */
#include "support/counting_store.h"
#include "support/failing_store.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/store.h>

#include "store/backend.h"
#include "store/cache_entry.h"

#define NAMED "d/table/k=1/0123456789abcdef0123456789abcdef.parquet"
#define INDEX "d/indices/k/2020-01-01T00%3A00%3A00.by-dataset-index.parquet"
#define DOCUMENT "d.by-dataset-metadata.json"
#define BLOCK (256 * 1024)
#define SIZE (5 * BLOCK + 1000)
#define MUCH ((int64_t)1 << 40)

struct fixture {
    ktk_context *context;
    ktk_store *origin;              /* what the store has */
    struct counting_store counting; /* calls of the cache to it */
    ktk_store *base;
    ktk_store *files;
    ktk_store *cached;
    uint8_t *value; /* of NAMED, SIZE bytes */
};

static void put(ktk_store *store, const char *key, const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, data, size, NULL, NULL, &err));
}

static void open_cached(struct fixture *fixture, int64_t bytes_max) {
    ktk_error err;

    ktk_store_free(fixture->cached);
    CHECK_OK(ktk_store_cached(&fixture->cached, fixture->base, fixture->files, bytes_max, &err));
}

static int fixture_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    uint64_t random = test_seed();
    ktk_error err;

    assert_non_null(fixture);
    fixture->value = malloc(SIZE);
    assert_non_null(fixture->value);
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        fixture->value[i] = (uint8_t)(random >> 56);
    }
    fixture->context = test_context_new(1);
    CHECK_OK(ktk_store_open(&fixture->origin, fixture->context, "hmemory://", &err));
    CHECK_OK(ktk_store_open(&fixture->files, fixture->context, "hmemory://", &err));
    put(fixture->origin, NAMED, fixture->value, SIZE);
    put(fixture->origin, INDEX, "index", 5);
    put(fixture->origin, DOCUMENT, "{}", 2);
    fixture->base = counting_store_new_far(&fixture->counting, fixture->origin);
    open_cached(fixture, MUCH);
    *state = fixture;
    return 0;
}

static int fixture_down(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->cached);
    ktk_store_free(fixture->files);
    ktk_store_free(fixture->base);
    ktk_store_free(fixture->origin);
    test_context_free(fixture->context);
    free(fixture->value);
    free(fixture);
    return 0;
}

static ktk_status count_one(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)entry;
    (void)err;
    ++*(int *)state;
    return KTK_OK;
}

static int count_keys(ktk_store *store, const char *prefix) {
    int count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, prefix, count_one, &count, &err));
    return count;
}

/* Calls since the last time. */
static int64_t calls(struct fixture *fixture) {
    int64_t count = counting_store_calls(&fixture->counting);

    memset(&fixture->counting, 0, sizeof(fixture->counting));
    return count;
}

static void check_bytes(ktk_bytes *bytes, const void *wanted, size_t size) {
    assert_int_equal(bytes->size, size);
    assert_true(size == 0 || memcmp(bytes->data, wanted, size) == 0);
    ktk_bytes_clear(bytes);
}

static void check_range(struct fixture *fixture, int64_t offset, int64_t size) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t left = SIZE - offset;
    ktk_error err;

    CHECK_OK(ktk_store_get_range(fixture->cached, NAMED, offset, size, &bytes, &err));
    check_bytes(&bytes, fixture->value + offset, (size_t)(size < left ? size : left));
}

static void check_end(struct fixture *fixture, int64_t size) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t value_size = -7;
    int64_t wanted = size < SIZE ? size : SIZE;
    ktk_error err;

    CHECK_OK(ktki_store_get_end(fixture->cached, NAMED, size, &bytes, &value_size, &err));
    assert_int_equal(value_size, SIZE);
    check_bytes(&bytes, fixture->value + SIZE - wanted, (size_t)wanted);
}

static void check_value(struct fixture *fixture, const char *key, const void *wanted, size_t size) {
    ktk_store_version version = {{0}};
    ktk_store_entry entry;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(fixture->cached, key, &bytes, &version, &err));
    check_bytes(&bytes, wanted, size);
    CHECK_OK(ktk_store_head(fixture->origin, key, &entry, &err));
    assert_string_equal(version.text, entry.version.text);
}

static void asks_once_for_what_never_changes(void **state) {
    struct fixture *fixture = *state;

    for (int run = 0; run < 3; run++) {
        check_end(fixture, 1000);
        assert_int_equal(calls(fixture), run == 0 ? 1 : 0);
        check_value(fixture, NAMED, fixture->value, SIZE);
        assert_int_equal(calls(fixture), run == 0 ? 1 : 0);
        check_range(fixture, 10, BLOCK);
        assert_int_equal(calls(fixture), run == 0 ? 1 : 0);
        open_cached(fixture, MUCH);
    }
}

static void fetches_blocks_that_are_not_there(void **state) {
    struct fixture *fixture = *state;

    check_end(fixture, 10);
    (void)calls(fixture);
    check_range(fixture, BLOCK + 5, 10);
    assert_int_equal(atomic_load(&fixture->counting.bytes_read), BLOCK);
    check_range(fixture, 2 * BLOCK - 1, 1);
    assert_int_equal(calls(fixture), 1);
    check_range(fixture, BLOCK - 1, BLOCK + 2); /* the blocks on both sides of the one */
    assert_int_equal(atomic_load(&fixture->counting.bytes_read), 2 * BLOCK);
    assert_int_equal(calls(fixture), 2);
    check_range(fixture, 4 * BLOCK, MUCH); /* the last one is short */
    assert_int_equal(atomic_load(&fixture->counting.bytes_read), BLOCK + 1000);
    assert_int_equal(calls(fixture), 1);
    check_range(fixture, SIZE - 1, 1);
    check_range(fixture, SIZE, 5);
    check_range(fixture, 7, 0);
    assert_int_equal(calls(fixture), 0);
}

static void reads_any_ranges(void **state) {
    struct fixture *fixture = *state;
    uint64_t random = test_seed();

    for (uint64_t n = 0; n < test_scaled(200); n++) {
        struct object_range ranges[4];
        ktk_bytes bytes[4] = {KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT, KTK_BYTES_INIT};
        ktk_error err;

        for (size_t i = 0; i < 4; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            ranges[i].offset = (int64_t)((random >> 33) % SIZE);
            ranges[i].size = (int64_t)((random >> 17) % (n % 2 == 0 ? 100 : SIZE)) + 1;
        }
        CHECK_OK(ktki_store_get_ranges(fixture->cached, NAMED, ranges, 4, bytes, &err));
        for (size_t i = 0; i < 4; i++) {
            int64_t left = SIZE - ranges[i].offset;

            check_bytes(&bytes[i], fixture->value + ranges[i].offset,
                        (size_t)(ranges[i].size < left ? ranges[i].size : left));
        }
    }
    assert_true(calls(fixture) <= 7); /* a look, and each block once */
}

static void looks_at_what_may_change(void **state) {
    struct fixture *fixture = *state;
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t size;
    ktk_error err;

    for (int run = 0; run < 2; run++) {
        check_value(fixture, INDEX, "index", 5);
        CHECK_OK(ktki_store_get_end(fixture->cached, INDEX, 3, &bytes, &size, &err));
        assert_int_equal(size, 5);
        check_bytes(&bytes, "dex", 3);
        CHECK_OK(ktk_store_get_range(fixture->cached, INDEX, 1, 2, &bytes, &err));
        check_bytes(&bytes, "nd", 2);
        assert_int_equal(atomic_load(&fixture->counting.calls[STORE_CALL_HEAD]), 3);
        assert_int_equal(calls(fixture), run == 0 ? 4 : 3);
    }
    put(fixture->origin, INDEX, "other", 5);
    check_value(fixture, INDEX, "other", 5);
    CHECK_OK(ktk_store_remove(fixture->origin, INDEX, &err));
    CHECK_STATUS(ktk_store_get(fixture->cached, INDEX, &bytes, NULL, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktki_store_get_end(fixture->cached, INDEX, 3, &bytes, &size, &err),
                 KTK_E_NOT_FOUND);
}

static void keeps_nothing_else(void **state) {
    struct fixture *fixture = *state;

    for (int run = 0; run < 2; run++) {
        check_value(fixture, DOCUMENT, "{}", 2);
        assert_int_equal(calls(fixture), 1);
    }
    assert_int_equal(count_keys(fixture->files, ""), 0);
    put(fixture->cached, DOCUMENT, "{ }", 3);
    check_value(fixture, DOCUMENT, "{ }", 3);
}

static void refuses_what_the_store_refuses(void **state) {
    struct fixture *fixture = *state;
    static const char missing[] = "d/table/ffffffffffffffffffffffffffffffff.parquet";
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t size;
    ktk_error err;

    CHECK_STATUS(ktk_store_get(fixture->cached, missing, &bytes, NULL, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_store_get_range(fixture->cached, missing, 0, 1, &bytes, &err),
                 KTK_E_NOT_FOUND);
    CHECK_STATUS(ktki_store_get_end(fixture->cached, missing, 1, &bytes, &size, &err),
                 KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_store_get_range(fixture->cached, NAMED, SIZE + 1, 1, &bytes, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(ktk_store_get_range(fixture->cached, INDEX, 6, 1, &bytes, &err), KTK_E_INVALID);
    assert_null(bytes.data);
}

struct damage {
    ktk_store *files;
    int way;
};

static ktk_status damage_one(void *state, const ktk_store_entry *entry, ktk_error *err) {
    const struct damage *damage = state;
    ktk_bytes bytes = KTK_BYTES_INIT;
    uint8_t *copy;

    assert_int_equal(ktk_store_get(damage->files, entry->key, &bytes, NULL, err), KTK_OK);
    copy = malloc(bytes.size);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    if (damage->way == 0) {
        copy[bytes.size / 2] ^= 1;
    } else if (damage->way == 1) {
        copy[0] ^= 1;
    }
    put(damage->files, entry->key, copy, damage->way == 2 ? bytes.size - 1 : bytes.size);
    if (damage->way == 3) {
        put(damage->files, entry->key, "", 0);
    }
    free(copy);
    ktk_bytes_clear(&bytes);
    return KTK_OK;
}

static void fetches_damaged_files_again(void **state) {
    struct fixture *fixture = *state;
    ktk_error err;

    for (int way = -1; way <= 4; way++) {
        struct damage damage = {fixture->files, way};

        check_end(fixture, 1000);
        check_value(fixture, NAMED, fixture->value, SIZE);
        check_range(fixture, BLOCK, 1);
        check_value(fixture, INDEX, "index", 5);
        /* All are fetched, but for the run after the one that damaged nothing. */
        assert_int_equal(calls(fixture), way == 0 ? 1 : 5);
        CHECK_OK(ktk_store_list(fixture->files, "", damage_one, &damage, &err));
    }
}

static void keeps_stores_apart(void **state) {
    struct fixture *fixture = *state;
    ktk_store *below = NULL;
    ktk_store *cached = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    check_value(fixture, NAMED, fixture->value, SIZE);
    CHECK_OK(ktk_store_prefixed(&below, fixture->origin, "other/", &err));
    put(below, NAMED, "x", 1);
    CHECK_OK(ktk_store_cached(&cached, below, fixture->files, MUCH, &err));
    CHECK_OK(ktk_store_get(cached, NAMED, &bytes, NULL, &err));
    check_bytes(&bytes, "x", 1);
    ktk_store_free(cached);
    ktk_store_free(below);
}

static ktk_status add_size(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)err;
    *(int64_t *)state += entry->size;
    return KTK_OK;
}

static int64_t size_of_all(ktk_store *store) {
    int64_t size = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, "ktk-cache-1/", add_size, &size, &err));
    return size;
}

static void stays_within_its_bytes(void **state) {
    struct fixture *fixture = *state;
    const int64_t bytes_max = 4 * 1024 * 1024;
    int64_t highest = 0;
    char key[100];

    put(fixture->files, "of/somebody/else", fixture->value, SIZE);
    open_cached(fixture, bytes_max);
    for (int n = 0; n < 100; n++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_error err;

        (void)snprintf(key, sizeof(key), "d/t/%032x.parquet", n);
        put(fixture->origin, key, fixture->value, (size_t)BLOCK / 2);
        CHECK_OK(ktk_store_get(fixture->cached, key, &bytes, NULL, &err));
        check_bytes(&bytes, fixture->value, (size_t)BLOCK / 2);
        assert_true(size_of_all(fixture->files) <= bytes_max + bytes_max / 16 + BLOCK);
        highest = size_of_all(fixture->files) > highest ? size_of_all(fixture->files) : highest;
    }
    assert_true(highest > bytes_max / 2);
    assert_int_equal(count_keys(fixture->files, "of/somebody/else"), 1);
    (void)calls(fixture);
    check_value(fixture, key, fixture->value, (size_t)BLOCK / 2); /* the newest are there */
    assert_int_equal(calls(fixture), 0);
    /* What another one left is looked at by the first that adds to it; what is too large is not
     * kept. */
    open_cached(fixture, bytes_max / 4);
    check_value(fixture, NAMED, fixture->value, SIZE);
    assert_true(size_of_all(fixture->files) > bytes_max / 2);
    check_value(fixture, INDEX, "index", 5);
    assert_true(size_of_all(fixture->files) <= bytes_max / 4);
}

static void reads_without_its_files(void **state) {
    struct fixture *fixture = *state;

    for (int64_t n = 0; n < 40; n++) {
        struct failing_store failing = {.fail_at = n, .fails_once = n % 2 == 0};
        ktk_store *working = fixture->files;

        fixture->files = failing_store_new(&failing, working);
        open_cached(fixture, 3 * SIZE);
        check_end(fixture, 1000);
        check_range(fixture, n * 1000, 3 * BLOCK);
        check_value(fixture, NAMED, fixture->value, SIZE);
        check_value(fixture, INDEX, "index", 5);
        ktk_store_free(fixture->files);
        fixture->files = working;
    }
}

static ktk_status read_everything(ktk_context *context, ktk_error *err) {
    ktk_store *base = NULL;
    ktk_store *files = NULL;
    ktk_store *cached = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t size;
    ktk_status status = ktk_store_open(&base, context, "hmemory://", err);

    status = status == KTK_OK ? ktk_store_open(&files, context, "hmemory://", err) : status;
    status = status == KTK_OK ? ktk_store_put(base, NAMED, "value", 5, NULL, NULL, err) : status;
    status = status == KTK_OK ? ktk_store_put(base, INDEX, "index", 5, NULL, NULL, err) : status;
    status = status == KTK_OK ? ktk_store_cached(&cached, base, files, MUCH, err) : status;
    for (int i = 0; i < 2 && status == KTK_OK; i++) {
        status = ktk_store_get_range(cached, NAMED, 1, 2, &bytes, err);
        ktk_bytes_clear(&bytes);
        status =
            status == KTK_OK ? ktki_store_get_end(cached, INDEX, 1, &bytes, &size, err) : status;
        ktk_bytes_clear(&bytes);
        status = status == KTK_OK ? ktk_store_get(cached, NAMED, &bytes, NULL, err) : status;
        ktk_bytes_clear(&bytes);
    }
    ktk_store_free(cached);
    ktk_store_free(files);
    ktk_store_free(base);
    return status;
}

static void reports_each_lack_of_memory(void **state) {
    ktk_status status = KTK_E_NO_MEMORY;
    bool has_failed = true;
    int64_t n;
    ktk_error err;

    (void)state;
    for (n = 0; has_failed; n++) {
        ktk_context *context = test_context_failing(n);

        status = read_everything(context, &err);
        has_failed = test_context_has_failed();
        assert_true(status == KTK_OK || (has_failed && status == KTK_E_NO_MEMORY));
        test_context_free(context);
    }
    assert_int_equal(status, KTK_OK);
    assert_true(n > 10);
}

static void refuses_a_cache_without_room(void **state) {
    struct fixture *fixture = *state;
    ktk_store *cached = TEST_POISON;
    ktk_error err;

    CHECK_STATUS(ktk_store_cached(&cached, fixture->base, fixture->files, 0, &err), KTK_E_INVALID);
    assert_ptr_equal(cached, TEST_POISON);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_up, fixture_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(asks_once_for_what_never_changes),
        TEST(fetches_blocks_that_are_not_there),
        TEST(reads_any_ranges),
        TEST(looks_at_what_may_change),
        TEST(keeps_nothing_else),
        TEST(refuses_what_the_store_refuses),
        TEST(fetches_damaged_files_again),
        TEST(keeps_stores_apart),
        TEST(stays_within_its_bytes),
        TEST(reads_without_its_files),
        cmocka_unit_test(reports_each_lack_of_memory),
        TEST(refuses_a_cache_without_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
