/* Commits on a store that puts where nothing is, but knows of no versions. */
#include "support/test.h"

#include <stdio.h>

#include <kartothek/update.h>

#include "support/failing_store.h"
#include "support/frame.h"
#include "support/hooked_store.h"
#include "update/update_internal.h"

#define DOCUMENT_KEY "u.by-dataset-metadata.json"
#define MSGPACK_KEY "u.by-dataset-metadata.msgpack.zstd"
#define SCHEMA_KEY "u/table/_common_metadata"
#define CLAIM_KEY(number) "u/_ktk/claim/00000000000" #number

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;
static struct hooked_store plain = {.creates_only = true};
static ktk_store *store; /* over `memory` */
static int64_t now_ms;

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(1);
    CHECK_OK(ktk_store_open(&memory, context, "hmemory://", &err));
    store = hooked_store_new(&plain, memory);
    now_ms = 1000;
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(store);
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- helpers ---- */

static int64_t clock_now(void *unused) {
    (void)unused;
    return now_ms;
}

static void clock_sleep(void *unused, int64_t milliseconds) {
    (void)unused;
    now_ms += milliseconds;
}

static uint64_t clock_random(void *unused) {
    (void)unused;
    return 40;
}

static const struct time_source test_clock = {clock_now, clock_sleep, clock_random, NULL};

static ktk_status append_as(ktk_store *to, const char *columns, const char *row,
                            ktk_update_mode mode, ktk_document_format format, ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = mode;
    options.document_format = format;
    options.commit_attempts_max = 100;
    status = ktk_update_begin(&update, to, "u", &options, err);
    if (status == KTK_OK) {
        update->clock = &test_clock;
        status = test_frame(&stream, context, columns, row, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    ktk_update_free(update);
    return status;
}

static ktk_status append(ktk_store *to, const char *row, ktk_error *err) {
    return append_as(to, "v:int64", row, KTK_UPDATE_CREATE_OR_UPDATE, KTK_DOCUMENT_JSON, err);
}

static void keep_document(ktk_bytes *out) {
    ktk_error err;

    *out = (ktk_bytes)KTK_BYTES_INIT;
    CHECK_OK(ktk_store_get(memory, DOCUMENT_KEY, out, NULL, &err));
}

static void put_document(const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktk_store_put(memory, DOCUMENT_KEY, data, size, NULL, NULL, &err));
}

/* ---- one after the other ---- */

static void commits_go_by_claims(void **unused) {
    char row[8];
    ktk_error err;

    (void)unused;
    assert_false(ktk_store_has_conditional_put(store));
    for (int i = 0; i < 20; i++) {
        (void)snprintf(row, sizeof(row), "%d", i % 10);
        CHECK_OK(append(store, row, &err));
    }
    test_check_dataset(memory, "u", "v|0;1;2;3;4;5;6;7;8;9;0;1;2;3;4;5;6;7;8;9");
    assert_int_equal(now_ms, 1000); /* nobody waited for anybody */
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 20);
    assert_int_equal(test_key_count(memory, "u/_ktk/claim/"), 8); /* old ones are removed */
}

static void each_kind_of_document_is_claimed(void **unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(append_as(store, "v:int64", "1", KTK_UPDATE_CREATE, KTK_DOCUMENT_MSGPACK, &err));
    CHECK_STATUS(append_as(store, "v:int64", "1", KTK_UPDATE_CREATE, KTK_DOCUMENT_MSGPACK, &err),
                 KTK_E_EXISTS);
    CHECK_OK(append(store, "2", &err));
    test_check_dataset(memory, "u", "v|1;2");
    assert_int_equal(test_key_count(memory, MSGPACK_KEY), 1);
    CHECK_OK(append_as(store, "w:string", "x", KTK_UPDATE_OVERWRITE, KTK_DOCUMENT_JSON, &err));
    test_check_dataset(memory, "u", "w|x");
    assert_int_equal(test_key_count(memory, MSGPACK_KEY), 0);
    CHECK_OK(ktk_dataset_drop(store, "u", &err));
    CHECK_OK(append(store, "3", &err));
    test_check_dataset(memory, "u", "v|3");
}

static void documents_that_came_without_a_claim_are_joined(void **unused) {
    ktk_bytes first;
    ktk_error err;

    (void)unused;
    CHECK_OK(append(memory, "1", &err)); /* somebody who could compare versions */
    CHECK_OK(append(store, "2", &err));
    keep_document(&first);
    CHECK_OK(append(store, "3", &err));
    test_check_dataset(memory, "u", "v|1;2;3");
    ktk_bytes_clear(&first);
}

/* ---- two claimants ---- */

static void rival_commits(void *unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "7", &err));
}

/* Whenever the rival comes, both have committed. Where he finds our claim, he completes it. */
static void a_rival_at_any_moment_is_joined(void **unused) {
    static const char *const moments[] = {".parquet",     ".json",    CLAIM_KEY(1), CLAIM_KEY(2),
                                          ".arrowschema", SCHEMA_KEY, DOCUMENT_KEY};

    (void)unused;
    for (size_t i = 0; i < 2 * 2 * sizeof(moments) / sizeof(moments[0]); i++) {
        struct hooked_store hooked = {.key_suffix = moments[i / 4], .creates_only = true};
        bool exists = i % 2 == 0;
        ktk_store *mine = hooked_store_new(&hooked, memory);
        char *rows = NULL;
        ktk_error err;

        if (exists) {
            CHECK_OK(append(store, "0", &err));
        }
        if (i / 2 % 2 == 0) {
            hooked.before_put = rival_commits;
        } else {
            hooked.after_put = rival_commits;
        }
        CHECK_OK(append(mine, "1", &err));
        if (hooked.before_put == NULL && hooked.after_put == NULL) {
            CHECK_OK(test_dataset_text(&rows, memory, "u", &err));
            assert_non_null(strchr(rows, '1'));
            assert_non_null(strchr(rows, '7'));
            assert_int_equal(strchr(rows, '0') != NULL, exists);
            assert_int_equal(strlen(rows), exists ? strlen("v|0;1;7") : strlen("v|1;7"));
            assert_int_equal(test_key_count(memory, "u/_ktk/v/"), exists ? 3 : 2);
            test_data_free(rows);
        }
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(mine);
    }
}

/* ---- writers that die ---- */

/* From its first call to any that it makes, and from any put on whose answer it never hears. */
static void what_a_dead_writer_claimed_is_completed(void **unused) {
    bool is_finished = false;
    int completed = 0;

    (void)unused;
    for (int64_t n = 0; !is_finished; n++) {
        struct failing_store failing = {.fail_at = n / 2,
                                        .is_applied = n % 2 == 1,
                                        .kinds = 1u << STORE_CALL_PUT,
                                        .status = KTK_E_UNAVAILABLE};
        ktk_store *dying = failing_store_new(&failing, store);
        char *rows = NULL;
        ktk_error err;
        ktk_status status;

        CHECK_OK(append(store, "0", &err));
        status = append(dying, "1", &err);
        CHECK_OK(append(store, "2", &err));
        CHECK_OK(test_dataset_text(&rows, memory, "u", &err));
        if (status == KTK_OK) {
            assert_string_equal(rows, "v|0;1;2");
            is_finished = atomic_load(&failing.failures) == 0;
        } else if (status == KTK_E_UNKNOWN_OUTCOME) {
            completed += strcmp(rows, "v|0;1;2") == 0;
            assert_true(strcmp(rows, "v|0;1;2") == 0 || strcmp(rows, "v|0;2") == 0);
        } else {
            assert_string_equal(rows, "v|0;2");
        }
        test_data_free(rows);
        CHECK_OK(ktk_dataset_drop(memory, "u", &err));
        ktk_store_free(dying);
        assert_true(n < 100);
    }
    assert_true(completed > 0);
}

static void others_wait_for_a_writer_that_is_slow(void **unused) {
    struct failing_store failing = {
        .fail_at = 3, .kinds = 1u << STORE_CALL_PUT, .status = KTK_E_UNAVAILABLE};
    ktk_store *dying = failing_store_new(&failing, store);
    int64_t before_ms;
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "0", &err));
    /* Data file, version, claim; then the document is not put. */
    CHECK_STATUS(append(dying, "1", &err), KTK_E_UNKNOWN_OUTCOME);
    test_check_dataset(memory, "u", "v|0");
    assert_int_equal(test_key_count(memory, CLAIM_KEY(2)), 1);
    before_ms = now_ms;
    CHECK_OK(append(store, "2", &err));
    assert_true(now_ms - before_ms >= 1000);
    test_check_dataset(memory, "u", "v|0;1;2");
    ktk_store_free(dying);
}

/* A new dataset, with a schema file that its writer never put. */
static void a_dataset_is_created_for_a_dead_writer(void **unused) {
    struct failing_store failing = {
        .fail_at = 4, .kinds = 1u << STORE_CALL_PUT, .status = KTK_E_UNAVAILABLE};
    ktk_store *dying = failing_store_new(&failing, store);
    ktk_error err;

    (void)unused;
    CHECK_STATUS(append(dying, "1", &err), KTK_E_UNKNOWN_OUTCOME);
    assert_int_equal(test_key_count(memory, CLAIM_KEY(1)), 1);
    assert_int_equal(test_key_count(memory, SCHEMA_KEY), 0);
    CHECK_STATUS(append_as(store, "v:int64", "2", KTK_UPDATE_CREATE, KTK_DOCUMENT_JSON, &err),
                 KTK_E_EXISTS);
    test_check_dataset(memory, "u", "v|1");
    assert_int_equal(test_key_count(memory, SCHEMA_KEY), 1);
    ktk_store_free(dying);
}

/* ---- what comes late ---- */

static void a_late_put_is_put_right(void **unused) {
    ktk_bytes old;
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "1", &err));
    keep_document(&old);
    CHECK_OK(append(store, "2", &err));
    CHECK_OK(append(store, "3", &err));
    put_document(old.data, old.size);
    test_check_dataset(memory, "u", "v|1");
    CHECK_OK(append(store, "4", &err));
    test_check_dataset(memory, "u", "v|1;2;3;4");
    ktk_bytes_clear(&old);
}

/* More than what a document says of the commits before it. */
static void a_very_late_put_is_put_right(void **unused) {
    ktk_bytes old;
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "1", &err));
    keep_document(&old);
    for (int i = 0; i < 70; i++) {
        CHECK_OK(append(store, "2", &err));
    }
    put_document(old.data, old.size);
    CHECK_OK(append(store, "3", &err));
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 72);
    ktk_bytes_clear(&old);
    keep_document(&old);
    assert_non_null(strstr((const char *)old.data, "\"seq\\\": 72"));
    ktk_bytes_clear(&old);
}

/* Between our claim and our put another program writes, or the dataset becomes another one. */
static const char foreign[] =
    " {\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {}}";

static void clobber(void *unused) {
    (void)unused;
    put_document(foreign, strlen(foreign));
}

static void a_claim_on_another_document_is_passed_over(void **unused) {
    struct hooked_store hooked = {
        .key_suffix = CLAIM_KEY(2), .after_put = clobber, .creates_only = true};
    ktk_store *mine = hooked_store_new(&hooked, memory);
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "0", &err));
    CHECK_STATUS(append(mine, "1", &err), KTK_E_CONFLICT);
    assert_int_equal(test_key_count(memory, CLAIM_KEY(2)), 0); /* what failed is taken back */
    CHECK_OK(append(store, "2", &err));
    test_check_dataset(memory, "u", "v|2");
    /* The newest claim, which is done, is not done again on what another program made. */
    put_document(foreign + 1, strlen(foreign) - 1);
    CHECK_OK(append(store, "3", &err));
    test_check_dataset(memory, "u", "v|3");
    ktk_store_free(mine);
}

static void a_claim_that_says_nothing_is_named(void **unused) {
    static const char *const texts[] = {"", "x", "1 2 json none extra", "id x json none"};
    ktk_error err;

    (void)unused;
    CHECK_OK(append(store, "0", &err));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_OK(ktk_store_put(memory, CLAIM_KEY(9), texts[i], strlen(texts[i]), NULL, NULL, &err));
        CHECK_STATUS(append(store, "1", &err), KTK_E_UNAVAILABLE);
        assert_non_null(strstr(err.message, "_ktk/"));
        assert_non_null(strstr(err.message, "remove"));
        test_check_dataset(memory, "u", "v|0");
    }
    CHECK_OK(ktk_store_remove(memory, CLAIM_KEY(9), &err));
    CHECK_OK(append(store, "1", &err));
    test_check_dataset(memory, "u", "v|0;1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(commits_go_by_claims),
        CASE(each_kind_of_document_is_claimed),
        CASE(documents_that_came_without_a_claim_are_joined),
        CASE(a_rival_at_any_moment_is_joined),
        CASE(what_a_dead_writer_claimed_is_completed),
        CASE(others_wait_for_a_writer_that_is_slow),
        CASE(a_dataset_is_created_for_a_dead_writer),
        CASE(a_late_put_is_put_right),
        CASE(a_very_late_put_is_put_right),
        CASE(a_claim_on_another_document_is_passed_over),
        CASE(a_claim_that_says_nothing_is_named),
    };
    return cmocka_run_group_tests_name("update/claim", tests, NULL, NULL);
}
