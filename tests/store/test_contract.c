/* The same cases for every store. A case is named "<store>: <what holds>". */
#include "store/contract.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/backend.h"
#include "store/store_put.h"

#define THREADS 8
#define INCREMENTS 50
#define LARGE ((size_t)3 << 20)

/* ---- values ---- */

static void gives_back_what_was_put(void **state) {
    ktk_store *store = store_of(state);

    put(store, "a", "one");
    put(store, "folder/b c.txt", "");
    put(store, "folder/sub/%41~!\"#$&'()+,-.<=>?@[]^_{}`\\", "odd");
    check_value(store, "a", "one");
    check_value(store, "folder/b c.txt", "");
    check_value(store, "folder/sub/%41~!\"#$&'()+,-.<=>?@[]^_{}`\\", "odd");
    put(store, "a", "a longer value than before");
    check_value(store, "a", "a longer value than before");
    put(store, "a", "1");
    check_value(store, "a", "1");
}

static void misses_what_is_not_there(void **state) {
    ktk_store *store = store_of(state);
    ktk_error err;

    put(store, "a/b", "value");
    check_missing(store, "x");
    check_missing(store, "a");
    check_missing(store, "a/x");
    check_missing(store, "a/b/c");
    CHECK_OK(ktk_store_remove(store, "a/b", &err));
    check_missing(store, "a/b");
    CHECK_OK(ktk_store_remove(store, "a/b", &err));
    CHECK_OK(ktk_store_remove(store, "never/was", &err));
}

static void keeps_large_values_and_gives_parts(void **state) {
    ktk_store *store = store_of(state);
    uint8_t *data = malloc(LARGE);
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    assert_non_null(data);
    for (size_t i = 0; i < LARGE; i++) {
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    CHECK_OK(ktk_store_put(store, "large", data, LARGE, NULL, NULL, &err));
    CHECK_OK(ktk_store_get(store, "large", &bytes, NULL, &err));
    assert_int_equal(bytes.size, LARGE);
    assert_memory_equal(bytes.data, data, LARGE);
    ktk_bytes_clear(&bytes);
    for (size_t size = 1; size < LARGE; size *= 3) {
        size_t offset = LARGE / 3 + size % 4099;

        CHECK_OK(ktk_store_get_range(store, "large", (int64_t)offset, (int64_t)size, &bytes, &err));
        assert_int_equal(bytes.size, size < LARGE - offset ? size : LARGE - offset);
        assert_memory_equal(bytes.data, data + offset, bytes.size);
        ktk_bytes_clear(&bytes);
    }
    /* What was read stays after the value has gone. */
    CHECK_OK(ktk_store_get_range(store, "large", 1, (int64_t)LARGE, &bytes, &err));
    CHECK_OK(ktk_store_remove(store, "large", &err));
    assert_memory_equal(bytes.data, data + 1, LARGE - 1);
    ktk_bytes_clear(&bytes);
    free(data);
}

static void checks_ranges(void **state) {
    ktk_store *store = store_of(state);
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    put(store, "k", "0123456789");
    CHECK_OK(ktk_store_get_range(store, "k", 10, 5, &bytes, &err));
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_store_get_range(store, "k", 3, 0, &bytes, &err));
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_store_get_range(store, "k", 8, INT64_MAX, &bytes, &err));
    assert_int_equal(bytes.size, 2);
    assert_memory_equal(bytes.data, "89", 2);
    ktk_bytes_clear(&bytes);
    bytes.data = TEST_POISON;
    CHECK_STATUS(ktk_store_get_range(store, "k", 11, 1, &bytes, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_store_get_range(store, "k", -1, 1, &bytes, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_store_get_range(store, "k", 1, -1, &bytes, &err), KTK_E_INVALID);
    assert_ptr_equal(bytes.data, TEST_POISON);
}

static void check_end(ktk_store *store, int64_t size, const char *expected, int64_t value_size) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    int64_t whole = 77;
    ktk_error err;

    CHECK_OK(ktki_store_get_end(store, "k", size, &bytes, &whole, &err));
    assert_int_equal(bytes.size, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.size);
    assert_int_equal(whole, value_size);
    ktk_bytes_clear(&bytes);
}

static void reads_ends_and_many_ranges(void **state) {
    const struct object_range ranges[] = {{8, 5}, {0, 1}, {3, 4}, {9, 1}, {0, 10},
                                          {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}};
    static const char *const expected[] = {"89", "0", "3456", "9", "0123456789",
                                           "1",  "2", "3",    "4", "5"};
    const struct object_range beyond[] = {{0, 1}, {11, 1}};
    ktk_store *store = store_of(state);
    ktk_bytes out[10] = {KTK_BYTES_INIT};
    int64_t whole = 77;
    ktk_error err;

    CHECK_STATUS(ktki_store_get_end(store, "k", 5, &out[0], &whole, &err), KTK_E_NOT_FOUND);
    assert_int_equal(whole, 77);
    put(store, "k", "0123456789");
    check_end(store, 1, "9", 10);
    check_end(store, 9, "123456789", 10);
    check_end(store, 10, "0123456789", 10);
    check_end(store, 1 << 20, "0123456789", 10);
    CHECK_OK(ktki_store_get_ranges(store, "k", ranges, 10, out, &err));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(out[i].size, strlen(expected[i]));
        assert_memory_equal(out[i].data, expected[i], out[i].size);
        ktk_bytes_clear(&out[i]);
    }
    CHECK_STATUS(ktki_store_get_ranges(store, "k", beyond, 2, out, &err), KTK_E_INVALID);
    assert_null(out[0].data);
    put(store, "k", "");
    check_end(store, 10, "", 0);
}

static void tells_size_time_and_version(void **state) {
    ktk_store *store = store_of(state);
    ktk_store_version versions[3] = {{{0}}, {{0}}, {{0}}};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store_entry entry;
    ktk_error err;

    for (int i = 0; i < 3; i++) {
        const char *const texts[] = {"12345", "abcde", "54321"};

        CHECK_OK(ktk_store_put(store, "k", texts[i], 5, &deferred, &versions[i], &err));
    }
    CHECK_OK(ktk_store_head(store, "k", &entry, &err));
    assert_string_equal(entry.key, "k");
    assert_int_equal(entry.size, 5);
    if (ktk_store_has_conditional_put(store)) {
        assert_string_not_equal(versions[0].text, versions[1].text);
        assert_string_not_equal(versions[0].text, versions[2].text);
        assert_string_not_equal(versions[1].text, versions[2].text);
        assert_string_equal(entry.version.text, versions[2].text);
        CHECK_OK(ktk_store_get(store, "k", &bytes, &versions[0], &err));
        ktk_bytes_clear(&bytes);
        assert_string_equal(versions[0].text, versions[2].text);
        assert_true(entry.modified_us > ((int64_t)time(NULL) - 600) * 1000000);
        assert_true(entry.modified_us < ((int64_t)time(NULL) + 600) * 1000000);
    } else {
        assert_string_equal(entry.version.text, "");
        assert_int_equal(entry.modified_us, -1);
    }
}

/* ---- keys ---- */

static void refuses_illegal_keys(void **state) {
    static const char *const illegal[] = {"", "/"};
    static const char *const illegal_unless_encoded[] = {"a*b",  "a:b",   "a;b",     "a|b",
                                                         "a\nb", "a\x7f", "\xc3\xa4"};
    ktk_store *store = store_of(state);
    bool is_encoded = ktki_store_key_space(store) == KTKI_KEYS_ANY;
    ktk_bytes bytes = {TEST_POISON, 0, NULL, NULL};
    ktk_store_entry entry;
    ktk_error err;

    for (size_t i = is_encoded ? 2 : 0; i < 2; i++) {
        CHECK_STATUS(ktk_store_put(store, illegal[i], "", 0, NULL, NULL, &err), KTK_E_INVALID);
    }
    for (size_t i = 0; i < sizeof(illegal_unless_encoded) / sizeof(illegal_unless_encoded[0]);
         i++) {
        const char *key = illegal_unless_encoded[i];

        if (is_encoded) {
            put(store, key, key);
            check_value(store, key, key);
            continue;
        }
        CHECK_STATUS(ktk_store_put(store, key, "", 0, NULL, NULL, &err), KTK_E_INVALID);
        CHECK_STATUS(ktk_store_get(store, key, &bytes, NULL, &err), KTK_E_INVALID);
        CHECK_STATUS(ktk_store_get_range(store, key, 0, 1, &bytes, &err), KTK_E_INVALID);
        CHECK_STATUS(ktk_store_head(store, key, &entry, &err), KTK_E_INVALID);
        CHECK_STATUS(ktk_store_remove(store, key, &err), KTK_E_INVALID);
    }
    assert_ptr_equal(bytes.data, TEST_POISON);
}

/* ---- listing ---- */

static void lists_by_prefix_in_order(void **state) {
    static const char *const keys[] = {"abc_ext", "abc/z/1", "b",       "abc.json",   "abd",
                                       "ab",      "abc/a",   "abc d/x", "abc_ext2/y", "a"};
    ktk_store *store = store_of(state);

    check_listing(store, "", "");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        put(store, keys[i], keys[i]);
    }
    check_listing(store, "", "a|ab|abc d/x|abc.json|abc/a|abc/z/1|abc_ext|abc_ext2/y|abd|b|");
    check_listing(store, "abc", "abc d/x|abc.json|abc/a|abc/z/1|abc_ext|abc_ext2/y|");
    check_listing(store, "abc/", "abc/a|abc/z/1|");
    check_listing(store, "abc/z/1", "abc/z/1|");
    check_listing(store, "abc/z/1/", "");
    check_listing(store, "abc_ext", "abc_ext|abc_ext2/y|");
    check_listing(store, "nothing/here", "");
    check_listing(store, "/", "");
    check_listing(store, "abc//", "");
    check_listing(store, "abc/../", "");
}

static void lets_the_listener_stop_and_change_the_store(void **state) {
    struct seen seen = {"", 0, 2, NULL};
    ktk_store *store = store_of(state);
    ktk_error err;

    put(store, "x/1", "");
    put(store, "x/2", "");
    put(store, "x/3", "");
    CHECK_STATUS(ktk_store_list(store, "x", see, &seen, &err), KTK_E_CANCELLED);
    assert_string_equal(err.message, "enough");
    assert_string_equal(seen.text, "x/1|x/2|");
    seen = (struct seen){"", 0, 0, store};
    CHECK_OK(ktk_store_list(store, "x", see, &seen, &err));
    assert_int_equal(seen.count, 3);
    check_listing(store, "", "");
}

/* All but the first, and one that is not there. */
static void remove_many(ktk_store *store, char (*keys)[64], int key_count) {
    struct removal *removals = calloc((size_t)key_count, sizeof(*removals));
    ktk_error err;

    assert_non_null(removals);
    for (int i = 1; i < key_count; i++) {
        removals[i - 1].key = keys[i];
    }
    removals[key_count - 1].key = "never/was";
    CHECK_OK(ktki_store_remove_many(store, removals, (size_t)key_count, &err));
    for (int i = 0; i < key_count; i++) {
        assert_true(removals[i].is_gone);
    }
    free(removals);
}

static void lists_and_removes_many_keys(void **state) {
    int key_count = ((struct fixture *)*state)->kind->key_count;
    char(*keys)[64] = calloc((size_t)key_count, sizeof(*keys));
    struct seen seen = {"", 0, 0, NULL};
    ktk_store *store = store_of(state);
    ktk_error err;

    assert_non_null(keys);
    for (int i = 0; i < key_count; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "many/p=%d/%d.parquet", i % 100, i);
        put(store, keys[i], "x");
    }
    CHECK_OK(ktk_store_sync(store, &err));
    CHECK_OK(ktk_store_list(store, "many/", see, &seen, &err));
    assert_int_equal(seen.count, key_count);
    seen.count = 0;
    CHECK_OK(ktk_store_list(store, "many/p=7/", see, &seen, &err));
    assert_int_equal(seen.count, key_count / 100);
    remove_many(store, keys, key_count);
    check_listing(store, "", "many/p=0/0.parquet|");
    free(keys);
}

/* ---- conditions ---- */

static void keeps_conditions(void **state) {
    ktk_put_condition absent = {sizeof(absent), 0, true, NULL};
    ktk_put_condition match = {sizeof(match), 0, false, NULL};
    ktk_store *store = store_of(state);
    ktk_store_version first = {{0}};
    ktk_store_version second = {{0}};
    ktk_error err;

    match.matches = &first;
    if (!ktk_store_has_conditional_put(store)) {
        (void)snprintf(first.text, sizeof(first.text), "1");
        CHECK_STATUS(ktk_store_put(store, "k", "", 0, &absent, NULL, &err), KTK_E_UNSUPPORTED);
        CHECK_STATUS(ktk_store_put(store, "k", "", 0, &match, NULL, &err), KTK_E_UNSUPPORTED);
        check_missing(store, "k");
        return;
    }
    CHECK_OK(ktk_store_put(store, "d/k", "1", 1, &absent, &first, &err));
    (void)snprintf(second.text, sizeof(second.text), "poison");
    CHECK_STATUS(ktk_store_put(store, "d/k", "x", 1, &absent, &second, &err), KTK_E_EXISTS);
    assert_string_equal(second.text, "poison");
    CHECK_OK(ktk_store_put(store, "d/k", "2", 1, &match, &second, &err));
    CHECK_STATUS(ktk_store_put(store, "d/k", "x", 1, &match, NULL, &err), KTK_E_CONFLICT);
    check_value(store, "d/k", "2");
    match.matches = &second;
    CHECK_OK(ktk_store_remove(store, "d/k", &err));
    CHECK_STATUS(ktk_store_put(store, "d/k", "x", 1, &match, NULL, &err), KTK_E_CONFLICT);
    check_missing(store, "d/k");
    CHECK_OK(ktk_store_put(store, "d/k", "3", 1, &absent, NULL, &err));
    CHECK_STATUS(ktk_store_put(store, "d/k", "x", 1, &match, NULL, &err), KTK_E_CONFLICT);
    check_value(store, "d/k", "3");
}

static void refuses_senseless_conditions(void **state) {
    ktk_store_version version = {"1"};
    ktk_store_version unknown = {{0}};
    const ktk_put_condition bad[] = {
        {0, 0, false, NULL},
        {sizeof(bad[0]), 0x80, false, NULL},
        {sizeof(bad[0]), 0, true, &version},
        {sizeof(bad[0]), 0, false, &unknown},
    };
    ktk_store *store = store_of(state);
    ktk_error err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_STATUS(ktk_store_put(store, "k", "", 0, &bad[i], NULL, &err), KTK_E_INVALID);
    }
    check_missing(store, "k");
}

/* ---- threads ---- */

struct racer {
    ktk_store *store;
    int number;
    int won;
};

/* Reads a counter and writes it back one higher, until it has done so INCREMENTS times. */
static void *increment(void *state) {
    struct racer *racer = state;

    while (racer->won < INCREMENTS) {
        ktk_store_version version = {{0}};
        ktk_put_condition condition = {sizeof(condition), KTK_PUT_DEFER_SYNC, false, &version};
        ktk_bytes bytes = KTK_BYTES_INIT;
        char text[16];
        int value;

        if (ktk_store_get(racer->store, "counter", &bytes, &version, NULL) != KTK_OK) {
            return NULL;
        }
        memcpy(text, bytes.data, 8);
        text[8] = '\0';
        ktk_bytes_clear(&bytes);
        value = atoi(text);
        (void)snprintf(text, sizeof(text), "%08d", value + 1);
        if (ktk_store_put(racer->store, "counter", text, 8, &condition, NULL, NULL) == KTK_OK) {
            racer->won++;
        }
    }
    return NULL;
}

static void *create(void *state) {
    struct racer *racer = state;
    ktk_put_condition absent = {sizeof(absent), KTK_PUT_DEFER_SYNC, true, NULL};

    for (int i = 0; i < 100; i++) {
        char key[32];
        char text[16];
        int size = snprintf(text, sizeof(text), "%d", racer->number);

        (void)snprintf(key, sizeof(key), "race/%d", i);
        racer->won +=
            ktk_store_put(racer->store, key, text, (size_t)size, &absent, NULL, NULL) == KTK_OK;
    }
    return NULL;
}

static int race(ktk_store *store, void *(*run)(void *)) {
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    int won = 0;

    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){store, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].won;
    }
    return won;
}

static void loses_no_update_to_threads(void **state) {
    ktk_store *store = store_of(state);
    char text[16];

    if (!ktk_store_has_conditional_put(store)) {
        return;
    }
    put(store, "counter", "00000000");
    assert_int_equal(race(store, increment), THREADS * INCREMENTS);
    (void)snprintf(text, sizeof(text), "%08d", THREADS * INCREMENTS);
    check_value(store, "counter", text);
}

static void lets_one_thread_create(void **state) {
    ktk_store *store = store_of(state);

    if (!ktk_store_has_conditional_put(store)) {
        return;
    }
    assert_int_equal(race(store, create), 100);
}

/* Puts, reads and removes in a folder that comes and goes. */
static void *come_and_go(void *state) {
    struct racer *racer = state;
    char key[32];

    (void)snprintf(key, sizeof(key), "come/go/%d", racer->number);
    for (int i = 0; i < 100; i++) {
        ktk_bytes bytes = KTK_BYTES_INIT;
        ktk_error err = {.message = "another value"};

        if (ktk_store_put(racer->store, key, key, strlen(key), &deferred, NULL, &err) == KTK_OK &&
            ktk_store_get(racer->store, key, &bytes, NULL, &err) == KTK_OK &&
            bytes.size == strlen(key) && memcmp(bytes.data, key, bytes.size) == 0 &&
            ktk_store_remove(racer->store, key, &err) == KTK_OK) {
            racer->won++;
        } else {
            (void)fprintf(stderr, "# %s\n", err.message);
        }
        ktk_bytes_clear(&bytes);
    }
    return NULL;
}

static void may_be_shared_between_threads(void **state) {
    ktk_store *store = store_of(state);

    assert_int_equal(race(store, come_and_go), THREADS * 100);
    check_listing(store, "", "");
}

/* ---- faults ---- */

static ktk_status put_some_pieces(ktk_store *store, ktk_error *err) {
    struct store_put *pieces = NULL;
    ktk_status status = ktki_store_put_begin(&pieces, store, "f/k", &deferred, err);

    if (status == KTK_OK) {
        status = ktki_store_put_append(pieces, "val", 3, err);
    }
    if (status == KTK_OK) {
        status = ktki_store_put_append(pieces, "ue", 2, err);
    }
    if (status == KTK_OK) {
        status = ktki_store_put_finish(pieces, NULL, err);
    }
    ktki_store_put_free(pieces);
    return status;
}

static ktk_status run_everything(factory_fn make, ktk_context *context, const char *folder,
                                 ktk_error *err) {
    struct seen seen = {"", 0, 0, NULL};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_store *store = NULL;
    ktk_store_entry entry;
    ktk_status status = make(&store, context, folder, err);

    if (status == KTK_OK) {
        status = ktk_store_put(store, "f/k", "value", 5, &deferred, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_store_put(store, "f/l", "value", 5, NULL, NULL, err);
    }
    if (status == KTK_OK) {
        status = put_some_pieces(store, err);
    }
    if (status == KTK_OK) {
        status = ktk_store_get(store, "f/k", &bytes, NULL, err);
        ktk_bytes_clear(&bytes);
    }
    if (status == KTK_OK) {
        status = ktk_store_get_range(store, "f/k", 1, 2, &bytes, err);
        ktk_bytes_clear(&bytes);
    }
    if (status == KTK_OK) {
        status = ktk_store_head(store, "f/k", &entry, err);
    }
    if (status == KTK_OK) {
        status = ktk_store_list(store, "f/", see, &seen, err);
        assert_true(status != KTK_OK || seen.count == 2);
    }
    if (status == KTK_OK) {
        status = ktk_store_remove(store, "f/k", err);
    }
    if (status == KTK_OK) {
        status = ktk_store_sync(store, err);
    }
    ktk_store_free(store);
    return status;
}

static void reports_each_lack_of_memory(void **state) {
    struct fixture *fixture = *state;
    ktk_status status = KTK_E_NO_MEMORY;
    ktk_error err;
    int64_t n;

    /* One test context at a time. */
    ktk_store_free(fixture->store);
    fixture->store = NULL;
    test_context_free(fixture->context);
    fixture->context = NULL;
    for (n = 0; status != KTK_OK; n++) {
        ktk_context *context = test_context_failing(n);

        err.message[0] = '\0';
        status = run_everything(fixture->kind->make, context, fixture->folder, &err);
        if (status != KTK_OK) {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_true(err.message[0] != '\0');
        }
        test_context_free(context);
    }
    assert_true(n > 3);
    fixture->context = test_context_new(1);
    CHECK_OK(fixture->kind->make(&fixture->store, fixture->context, fixture->folder, &err));
}

#define CASE(function) {#function, function}

static const struct contract_case cases[] = {
    CASE(gives_back_what_was_put),
    CASE(misses_what_is_not_there),
    CASE(keeps_large_values_and_gives_parts),
    CASE(checks_ranges),
    CASE(reads_ends_and_many_ranges),
    CASE(tells_size_time_and_version),
    CASE(refuses_illegal_keys),
    CASE(lists_by_prefix_in_order),
    CASE(lets_the_listener_stop_and_change_the_store),
    CASE(lists_and_removes_many_keys),
    CASE(keeps_conditions),
    CASE(refuses_senseless_conditions),
    CASE(loses_no_update_to_threads),
    CASE(lets_one_thread_create),
    CASE(may_be_shared_between_threads),
    CASE(reports_each_lack_of_memory),
};

/* `KIND`: the cases for one store alone, which may need a server. */
int main(int argc, char **argv) {
    return run_contract(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
