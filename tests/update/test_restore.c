#include "history_case.h"

#include "support/failing_store.h"
#include "support/hooked_store.h"

/* ---- bringing a version back ---- */

static ktk_commit restored(const char *version) {
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_dataset_restore(memory, "u", version, false, &commit, &err));
    return commit;
}

static void every_version_can_be_brought_back(void **unused) {
    struct past past = {0};
    char number[16];
    int count;

    (void)unused;
    live(&past);
    count = past.count;
    for (int i = 0; i < count; i++) {
        ktk_commit commit;

        (void)snprintf(number, sizeof(number), "%d", i + 1);
        commit = restored(number);
        test_check_dataset(memory, "u", past.rows[i]);
        remember(&past, &commit);
        assert_int_equal(commit.row_count, -1);
    }
    check_walk(1, "14 restore 2 +1 -0*\n");
    for (int i = 0; i < past.count; i++) {
        (void)snprintf(number, sizeof(number), "%d", i + 1);
        check_version(number, past.rows[i]);
    }
    /* Life goes on from there, with the schema of then. */
    (void)restored("5");
    (void)commit_to(memory, KTK_UPDATE_UPDATE, COLUMNS, "e,5", NULL, NULL);
    test_check_dataset(memory, "u", "p,v|c,3;b,20;d,4;e,5");
    forget(&past);
}

/* Readers that know of no stamps take the schema file as it lies there. */
static void the_schema_file_comes_back(void **unused) {
    struct past past = {0};
    ktk_bytes before = KTK_BYTES_INIT;
    ktk_bytes after = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    CHECK_OK(ktk_store_get(memory, "u/table/_common_metadata", &before, NULL, &err));
    (void)commit_to(memory, KTK_UPDATE_OVERWRITE, "p:string,w:double", "z,0.5", NULL, NULL);
    (void)restored("1");
    CHECK_OK(ktk_store_get(memory, "u/table/_common_metadata", &after, NULL, &err));
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    ktk_bytes_clear(&before);
    ktk_bytes_clear(&after);
    forget(&past);
}

static void metadata_and_indices_come_back(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct past past = {0};
    ktk_dataset *dataset = NULL;
    ktk_update *update = NULL;
    const char *metadata;
    ktk_commit commit;
    size_t size;
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, "{\"k\": \"then\"}");
    options.mode = KTK_UPDATE_UPDATE;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_build_index(update, "v", &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    (void)commit_to(memory, KTK_UPDATE_OVERWRITE, COLUMNS, "z,9", NULL, "{\"k\": \"now\"}");
    (void)restored("2");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    metadata = ktk_dataset_metadata(dataset, &size);
    assert_non_null(strstr(metadata, "\"k\": \"then\""));
    assert_null(strstr(metadata, "now"));
    assert_int_equal(ktk_dataset_index_count(dataset), 1);
    assert_string_equal(ktk_dataset_index_column(dataset, 0), "v");
    ktk_dataset_free(dataset);
    forget(&past);
}

static void a_document_in_messagepack_stays_one(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.document_format = KTK_DOCUMENT_MSGPACK;
    options.metadata = "{\"k\": 1}";
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(ktk_update_add_nothing(update, &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    (void)commit_to(memory, KTK_UPDATE_UPDATE, NULL, NULL, NULL, "{\"k\": 2}");
    (void)restored("1");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    assert_int_equal(ktk_dataset_document_format(dataset), KTK_DOCUMENT_MSGPACK);
    ktk_dataset_free(dataset);
    check_walk(1, "3 restore 0 +0 -0*\n");
}

static void what_cannot_be_restored_changes_nothing(void **unused) {
    struct past past = {0};
    ktk_dataset *dataset = NULL;
    ktk_commit commit = {.attempts = 77};
    int64_t keys;
    char key[128];
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_dataset_restore(memory, "u", "1", false, &commit, &err), KTK_E_NOT_FOUND);
    step(&past, KTK_UPDATE_CREATE, "a,1;b,2", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, NULL, "a", NULL);
    keys = test_key_count(memory, "");
    CHECK_STATUS(ktk_dataset_restore(memory, "u", "2", false, &commit, &err), KTK_E_INVALID);
    CHECK_MESSAGE("is its current state");
    CHECK_STATUS(ktk_dataset_restore(memory, "u", "9", false, &commit, &err), KTK_E_NOT_FOUND);
    assert_int_equal(commit.attempts, 77);
    CHECK_OK(ktk_dataset_restore(memory, "u", "1", true, &commit, &err));
    assert_int_equal(commit.partition_count, 1);
    assert_int_equal(commit.removed_count, 0);
    CHECK_OK(ktk_dataset_open_version(&dataset, memory, "u", "1", &err));
    (void)snprintf(key, sizeof(key), "%s", ktk_dataset_partition_file(dataset, 0, "table"));
    ktk_dataset_free(dataset);
    assert_int_equal(test_key_count(memory, ""), keys);
    CHECK_OK(ktk_store_remove(memory, key, &err));
    CHECK_STATUS(ktk_dataset_restore(memory, "u", "1", false, &commit, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(key);
    test_check_dataset(memory, "u", past.rows[1]);
    assert_int_equal(test_key_count(memory, ""), keys - 1);
    forget(&past);
}

static void append_meanwhile(void *state) {
    (void)state;
    (void)commit_to(memory, KTK_UPDATE_UPDATE, COLUMNS, "m,7", NULL, NULL);
}

static void a_commit_in_between_is_not_undone(void **unused) {
    struct hooked_store hooked = {.key_suffix = DOCUMENT_KEY, .before_put = append_meanwhile};
    struct past past = {0};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    CHECK_STATUS(ktk_dataset_restore(store, "u", "1", false, &commit, &err), KTK_E_CONFLICT);
    test_check_dataset(memory, "u", "p,v|a,1;b,2;m,7");
    check_walk(0, "3 append 3 +1 -0*\n2 append 2 +1 -0\n1 create 1 +1 -0\n");
    ktk_store_free(store);
    forget(&past);
}

static void what_others_took_away_can_be_brought_back(void **unused) {
    struct past past = {0};

    (void)unused;
    step(&past, KTK_UPDATE_CREATE, "a,1", NULL, NULL);
    step(&past, KTK_UPDATE_UPDATE, "b,2", NULL, NULL);
    write_as_others_do(true);
    (void)restored("2");
    test_check_dataset(memory, "u", past.rows[1]);
    forget(&past);
}

/* One call of the store fails: the dataset is the old one or the one that came back. */
static void a_fault_at_any_call_leaves_one_state_or_the_other(void **unused) {
    bool is_finished = false;
    struct past past = {0};

    (void)unused;
    for (int64_t n = 0; !is_finished; n++) {
        struct failing_store failing = {.fail_at = n, .fails_once = true};
        ktk_store *store;
        char *rows = NULL;
        ktk_commit commit;
        ktk_status status;
        ktk_error err;

        step(&past, KTK_UPDATE_OVERWRITE, "a,1", NULL, NULL);
        remember(&past, &(ktk_commit){.attempts = 0});
        (void)commit_to(memory, KTK_UPDATE_OVERWRITE, "p:string,w:double", "z,0.5", NULL, NULL);
        store = failing_store_new(&failing, memory);
        status =
            ktk_dataset_restore(store, "u", past.commits[past.count - 2].id, false, &commit, &err);
        CHECK_OK(test_dataset_text(&rows, memory, "u", &err));
        assert_true(strcmp(rows, "p,v|a,1") == 0 || strcmp(rows, "p,w|z,0.5") == 0);
        if (status != KTK_E_UNKNOWN_OUTCOME) {
            assert_int_equal(strcmp(rows, "p,v|a,1") == 0, status == KTK_OK);
        }
        test_data_free(rows);
        is_finished = atomic_load(&failing.failures) == 0;
        if (is_finished) {
            assert_int_equal(status, KTK_OK);
        }
        ktk_store_free(store);
        forget(&past);
        past.count = 0;
        assert_true(n < 200);
    }
}

/* ---- letting versions go ---- */

static ktk_history_expired expired(int64_t keep_last, int64_t keep_since_us, bool dry_run) {
    const struct timespec pause = {0, 3000000};
    ktk_history_expire_options options = KTK_HISTORY_EXPIRE_OPTIONS_INIT;
    ktk_history_expired result;
    ktk_error err;

    (void)nanosleep(&pause, NULL);
    options.keep_last = keep_last;
    options.keep_since_us = keep_since_us;
    options.young_ms = 1;
    options.dry_run = dry_run;
    CHECK_OK(ktk_history_expire(memory, "u", &options, &result, &err));
    return result;
}

static void old_versions_are_let_go(void **unused) {
    ktk_history_expire_options options = KTK_HISTORY_EXPIRE_OPTIONS_INIT;
    ktk_history_expired result;
    struct past past = {0};
    ktk_error err;

    (void)unused;
    live(&past);
    CHECK_STATUS(ktk_history_expire(memory, "u", &options, &result, &err), KTK_E_INVALID);
    options.keep_last = 1;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktk_history_expire(memory, "u", &options, &result, &err));
        assert_int_equal(result.version_count, 0); /* all are young */
        options.young_ms = INT64_MAX;
    }
    assert_int_equal(expired(3, 0, true).version_count, 4);
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 7);
    result = expired(3, 0, false);
    assert_int_equal(result.version_count, 4);
    assert_true(result.byte_count > 400);
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 3);
    refuse_version("4", KTK_E_NOT_FOUND, "is not kept any more");
    check_version("5", past.rows[4]);
    check_walk(0, "7 append 2 +1 -0*\n"
                  "6 overwrite 1 +1 -3\n"
                  "5 metadata 3 +-1 --1\n"
                  "!4 replace -1 +-1 --1\n"
                  "!3 delete -1 +-1 --1\n"
                  "!2 append -1 +-1 --1\n"
                  "!1 create -1 +-1 --1\n");
    (void)expired(1, 0, false);
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 1);
    check_version("7", past.rows[6]);
    assert_int_equal(expired(1, 0, false).version_count, 0);
    forget(&past);
}

static void versions_of_a_time_are_kept(void **unused) {
    struct past past = {0};
    int64_t before = moment();
    int64_t after[4];

    (void)unused;
    for (int i = 0; i < 4; i++) {
        step(&past, i == 0 ? KTK_UPDATE_CREATE : KTK_UPDATE_UPDATE, "a,1", NULL, NULL);
        after[i] = moment();
    }
    assert_int_equal(expired(0, before, false).version_count, 0);
    assert_int_equal(expired(3, after[2], false).version_count, 1); /* either rule keeps */
    assert_int_equal(expired(0, after[2], false).version_count, 1);
    check_at(after[2], past.rows[2]);
    check_at(after[3], past.rows[3]);
    refuse_at(after[1], "is not kept any more");
    forget(&past);
}

/* ---- memory that runs out ---- */

/* Everything that can be done with a history, in a context whose allocations fail. */
static ktk_status look_with(ktk_store *store, ktk_error *err) {
    ktk_history_expire_options expire = KTK_HISTORY_EXPIRE_OPTIONS_INIT;
    struct lines *lines = calloc(1, sizeof(*lines));
    ktk_dataset *first = NULL;
    ktk_dataset *last = NULL;
    ktk_diff *diff = NULL;
    ktk_status status;

    assert_non_null(lines);
    status = ktk_history_walk(store, "u", 0, take_line, lines, err);
    free(lines);
    if (status == KTK_OK) {
        status = ktk_dataset_open_version(&first, store, "u", "1", err);
    }
    if (status == KTK_OK) {
        status = ktk_dataset_open_at(&last, store, "u", now_us(), err);
    }
    if (status == KTK_OK) {
        status = ktk_diff_new(&diff, first, last, err);
    }
    ktk_diff_free(diff);
    ktk_dataset_free(first);
    ktk_dataset_free(last);
    if (status == KTK_OK) {
        expire.keep_last = 100;
        status = ktk_history_expire(store, "u", &expire, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_dataset_restore(store, "u", "1", false, NULL, err);
    }
    return status;
}

static void every_allocation_may_fail(void **unused) {
    char *folder = test_folder_new();
    char url[512];
    struct past past = {0};
    ktk_status status = KTK_E_NO_MEMORY;
    ktk_error err;

    (void)unused;
    ktk_store_free(memory);
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    CHECK_OK(ktk_store_open(&memory, context, url, &err));
    live(&past);
    (void)tear_down(NULL); /* the blocks of one context are counted */
    for (int64_t n = 0; status == KTK_E_NO_MEMORY; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_store *store = NULL;

        status = ktk_store_open(&store, failing, url, &err);
        if (status == KTK_OK) {
            status = look_with(store, &err);
        }
        ktk_store_free(store);
        test_context_free(failing);
    }
    CHECK_OK(status);
    forget(&past);
    test_folder_remove(folder);
    (void)set_up(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_version_can_be_brought_back),
        CASE(the_schema_file_comes_back),
        CASE(metadata_and_indices_come_back),
        CASE(a_document_in_messagepack_stays_one),
        CASE(what_cannot_be_restored_changes_nothing),
        CASE(a_commit_in_between_is_not_undone),
        CASE(what_others_took_away_can_be_brought_back),
        CASE(a_fault_at_any_call_leaves_one_state_or_the_other),
        CASE(old_versions_are_let_go),
        CASE(versions_of_a_time_are_kept),
        CASE(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
