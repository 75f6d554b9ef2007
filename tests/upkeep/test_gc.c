#include "gc_case.h"

#include "query/golden.h"
#include "support/failing_store.h"

/* ---- which files ---- */

/* Where we differ from the originals, on purpose. */
static const char *repaired(const char *uuid) {
    return strcmp(uuid, "msgpack_twin") == 0           ? "D-14: the other document names them"
           : strcmp(uuid, "defect_table_indices") == 0 ? "D-21: they are data of a table"
                                                       : NULL;
}

static size_t check_golden(const char *folder, const char *uuid) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    const struct node *garbage;
    struct node *expected;
    struct seen seen = {0};
    ktk_store *golden;
    ktk_gc_result result;
    char path[256];
    ktk_error err;

    (void)snprintf(path, sizeof(path), "expected/%s/%s.json", folder, uuid);
    expected = golden_load(path);
    garbage = golden_member(expected, "garbage");
    if (garbage != NULL) {
        golden = golden_store(context, golden_member(expected, "store")->text);
        options.grace_ms = -1;
        options.allows_short_grace = true;
        options.report = see;
        options.report_state = &seen;
        CHECK_OK(ktk_gc(golden, uuid, &options, &result, &err));
        assert_int_equal(seen.count, repaired(uuid) == NULL ? garbage->count : 0);
        for (size_t i = 0; i < seen.count; i++) {
            assert_string_equal(seen.keys[i], garbage->items[i].text);
            assert_int_equal(seen.states[i], KTK_GC_DUE);
        }
        ktk_store_free(golden);
    }
    golden_free(expected);
    return seen.count;
}

static size_t check_golden_folder(const char *folder) {
    struct node *index;
    size_t count = 0;
    char path[256];

    (void)snprintf(path, sizeof(path), "expected/%s/_index.json", folder);
    index = golden_load(path);
    for (size_t i = 0; i < index->count; i++) {
        count += check_golden(folder, golden_member(&index->items[i], "dataset_uuid")->text);
    }
    golden_free(index);
    return count;
}

/* D-21, D-41: empty datasets and odd tables are among them. */
static void finds_what_the_originals_collect(void **unused) {
    static const char *const mixed[] = {
        "k_then_p_dates", "k_then_p_numbers", "k_then_p_string_dtype", "k_then_p_text",
        "p_then_k_list",  "p_then_k_msgpack", "p_then_k_string_dtype", "p_then_k_text_index",
    };
    size_t count;

    (void)unused;
    count = check_golden_folder("k53") + check_golden_folder("p46");
    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
        count += check_golden("mixed", mixed[i]);
    }
    assert_true(count > 40);
}

static bool note_progress(void *state, int64_t files, int64_t file_count) {
    int64_t *told = state;

    told[0]++;
    told[1] = files;
    told[2] = file_count;
    return told[0] > 1; /* the first call cancels */
}

static void tells_how_far_it_is_and_can_be_cancelled(void **unused) {
    ktk_store *copy = golden_copy(context, "stores/k53/updates", "upd_garbage");
    ktk_gc_options options = acting();
    ktk_gc_result result;
    int64_t told[3] = {0, 0, 0};
    ktk_error err;

    (void)unused;
    options.grace_ms = -1;
    options.allows_short_grace = true;
    options.progress = note_progress;
    options.progress_state = told;
    test_grow_old(copy);
    CHECK_STATUS(ktk_gc(copy, "upd_garbage", &options, &result, &err), KTK_E_CANCELLED);
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 4); /* as the recipe of the dataset has it */
    assert_int_equal(told[2], 4);
    ktk_store_free(copy);
}

static void removes_just_the_garbage(void **unused) {
    ktk_gc_options options = acting();
    struct node *expected = golden_load("expected/k53/upd_garbage.json");
    const struct node *keys = golden_member(expected, "keys");
    const struct node *garbage = golden_member(expected, "garbage");
    ktk_store *copy = golden_copy(context, "stores/k53/updates", "upd_garbage");
    ktk_gc_result result;
    ktk_error err;

    (void)unused;
    options.grace_ms = -1;
    options.allows_short_grace = true;
    test_grow_old(copy);
    CHECK_OK(ktk_gc(copy, "upd_garbage", &options, &result, &err));
    assert_int_equal(result.removed_count, garbage->count);
    assert_int_equal(result.waiting_count, 0);
    for (size_t i = 0; i < keys->count; i++) {
        bool is_garbage = false;
        ktk_store_entry entry;

        for (size_t j = 0; j < garbage->count; j++) {
            is_garbage = is_garbage || strcmp(keys->items[i].text, garbage->items[j].text) == 0;
        }
        CHECK_STATUS(ktk_store_head(copy, keys->items[i].text, &entry, &err),
                     is_garbage ? KTK_E_NOT_FOUND : KTK_OK);
    }
    ktk_store_free(copy);
    golden_free(expected);
}

/* D-14: whoever removes the JSON document brings the other one to light. */
static void keeps_what_the_twin_names(void **unused) {
    static const char twin[] = "\x82\xB8"
                               "dataset_metadata_version\x04\xAC"
                               "dataset_uuid\xA1u";
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    /* A twin that cannot be read: nobody knows what it names. */
    CHECK_OK(ktk_store_put(store, "u.by-dataset-metadata.msgpack.zstd", twin, sizeof(twin) - 1,
                           NULL, NULL, &err));
    put("u/table/orphan.parquet");
    {
        ktk_gc_options options = acting();
        ktk_gc_result result;

        CHECK_STATUS(ktki_gc(store, "u", &options, &test_clock, &result, &err), KTK_E_CORRUPT);
        CHECK_MESSAGE("msgpack");
    }
    assert_true(has("u/table/orphan.parquet"));
    assert_int_equal(test_key_count(memory, "u/_ktk/gc/"), 0);
}

static void touches_nothing_else(void **unused) {
    static const char *const others[] = {
        "u.by-dataset-metadata.json.bak",
        "u.x.by-dataset-index.parquet",
        "u/note.txt",
        "u/other/x.parquet",
        "u/table/_common_metadata",
        "u_ext/table/x.parquet",
        "u/other/_common_metadata",
        "u/_ktk/note",
        "u/_ktk/schema/table/x",
        "u/_ktk/v/note",
    };

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (!has(others[i])) {
            put(others[i]);
        }
    }
    put("u/table/sub/x.csv");
    put("u/indices/a/b");
    assert_int_equal(collect().waiting_count, 3); /* and the note, which is no document */
    pass(100);
    assert_int_equal(collect().removed_count, 3);
    for (size_t i = 0; i + 1 < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(has(others[i]));
    }
    test_check_dataset(memory, "u", "p,v|1,1");
}

/* ---- when ---- */

static void looking_changes_nothing(void **unused) {
    ktk_gc_options options = KTK_GC_OPTIONS_INIT;
    struct seen seen = {0};
    ktk_gc_result result;
    int64_t count;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    pass(1000);
    count = test_key_count(memory, "");
    options.report = see;
    options.report_state = &seen;
    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.keys[0], "u/table/orphan.parquet");
    assert_int_equal(seen.states[0], KTK_GC_WAITING);
    assert_int_equal(result.waiting_count, 1);
    assert_int_equal(result.waiting_bytes, 1);
    assert_int_equal(result.due_count + result.removed_count, 0);
    assert_int_equal(test_key_count(memory, ""), count);
}

static void removes_in_a_second_run_after_the_grace(void **unused) {
    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    pass(1000); /* old, but nobody knows since when it is of no use */
    assert_int_equal(collect().waiting_count, 1);
    pass(71);
    assert_int_equal(collect().waiting_count, 1);
    assert_true(has("u/table/orphan.parquet"));
    pass(1);
    assert_int_equal(collect().removed_count, 1);
    assert_false(has("u/table/orphan.parquet"));
    /* What was noted is gone with the next run. */
    assert_int_equal(test_key_count(memory, "u/_ktk/gc/"), 1);
    assert_int_equal(collect().removed_count, 0);
    assert_int_equal(test_key_count(memory, "u/_ktk/gc/"), 0);
}

/* The service rounds: what it tells to be 72 hours old may be so in a second only. */
static void whole_seconds_are_no_shorter(void **unused) {
    (void)unused;
    times->now_us += 500000;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    times->now_us += 1000000;
    assert_int_equal(collect().waiting_count, 1);
    pass(72);
    assert_int_equal(collect().waiting_count, 1);
    times->now_us += 1000000;
    assert_int_equal(collect().removed_count, 1);
}

/* A note of the same second may be of what was there before. */
static void a_file_of_the_second_of_the_note_is_another(void **unused) {
    (void)unused;
    times->now_us += 500000;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    assert_int_equal(collect().waiting_count, 1);
    pass(100);
    assert_int_equal(collect().waiting_count, 1);
    pass(73);
    assert_int_equal(collect().removed_count, 1);
}

static void a_file_written_again_is_another(void **unused) {
    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    (void)collect();
    pass(50);
    put("u/table/orphan.parquet");
    pass(73); /* old enough, but something may have named it just now */
    assert_int_equal(collect().waiting_count, 1);
    pass(72);
    assert_int_equal(collect().removed_count, 1);
}

/* Without times of the store those of the first run count, and those in names. */
/* The partitions of a document that lists none are what lies in the folder. */
static void collects_no_data_of_a_document_without_partitions(void **unused) {
    static const char document[] = "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", "
                                   "\"partition_keys\": []}";
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(store, "u.by-dataset-metadata.json", document, sizeof(document) - 1,
                           NULL, NULL, &err));
    put("u/table/x.parquet");
    put("u/table/x.csv");
    put("u/indices/a/b");
    assert_int_equal(collect().waiting_count, 1);
    pass(73);
    assert_int_equal(collect().removed_count, 1);
    assert_true(has("u/table/x.parquet"));
    assert_true(has("u/table/x.csv"));
}

static void works_without_times_of_the_store(void **unused) {
    (void)unused;
    times->is_unknown = true;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    pass(1000);
    assert_int_equal(collect().waiting_count, 1);
    pass(71);
    assert_int_equal(collect().waiting_count, 1);
    pass(1);
    assert_int_equal(collect().removed_count, 1);
}

/* A store with a poor clock: the name says that the file is young. */
static void believes_the_younger_time(void **unused) {
    char name[33];
    char key[80];
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    CHECK_OK(ktk_uuid_generate(name, &err));
    (void)snprintf(key, sizeof(key), "u/table/%s.parquet", name);
    times->now_us -= 1000 * HOUR_US;
    put(key);
    assert_int_equal(collect().waiting_count, 1);
    pass(1000);
    assert_int_equal(collect().waiting_count, 1); /* noted long ago, but young by its name */
    pass(73);
    assert_int_equal(collect().removed_count, 1);
}

static void damaged_notes_only_cost_time(void **unused) {
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    (void)collect();
    pass(100);
    CHECK_OK(
        ktk_store_put(store, "u/_ktk/gc/9.json", "{\"unnamed\": [{\"key\"", 19, NULL, NULL, &err));
    assert_int_equal(collect().waiting_count, 1);
    pass(72);
    assert_int_equal(collect().removed_count, 1);
}

static void refuses_what_is_dangerous(void **unused) {
    ktk_gc_options options = acting();
    ktk_gc_result result = {7, 7, 7, 7, 7, 7};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_gc(store, "u", &options, &result, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_gc(store, "a/b", &options, &result, &err), KTK_E_INVALID);
    write_rows(KTK_UPDATE_CREATE, "1,1");
    put("u/table/orphan.parquet");
    options.grace_ms = 3599999;
    CHECK_STATUS(ktk_gc(store, "u", &options, &result, &err), KTK_E_INVALID);
    CHECK_MESSAGE("grace");
    options.grace_ms = 0;
    (void)collect();
    pass(73);
    for (int sign = -1; sign <= 1; sign += 2) {
        skew_us = sign * 48 * HOUR_US;
        CHECK_STATUS(ktki_gc(store, "u", &options, &test_clock, &result, &err), KTK_E_INVALID);
        CHECK_MESSAGE("clock");
    }
    skew_us = 0;
    assert_true(has("u/table/orphan.parquet"));
    assert_int_equal(result.removed_count, 7);
}

/* ---- writers, readers and versions ---- */

/* D-02: files of a writer that has not committed yet. */
static void keeps_files_in_flight(void **unused) {
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    CHECK_OK(begin(&update, store, KTK_UPDATE_UPDATE, "2,2", &err));
    assert_int_equal(collect().waiting_count, 1);
    pass(71);
    assert_int_equal(collect().waiting_count, 1);
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
    pass(100);
    assert_int_equal(collect().waiting_count, 1); /* the document before */
    test_check_dataset(memory, "u", "p,v|1,1;2,2");
}

static void a_writer_that_came_too_late_is_told(void **unused) {
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    CHECK_OK(begin(&update, store, KTK_UPDATE_UPDATE, "2,2", &err));
    update->first_file_ms = now_ms(NULL);
    (void)collect();
    pass(73);
    assert_int_equal(collect().removed_count, 1);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_STALE_WRITER);
    ktk_update_free(update);
    test_check_dataset(memory, "u", "p,v|1,1");
}

static void keeps_earlier_versions_for_a_time(void **unused) {
    ktk_gc_options options = acting();
    ktk_gc_result result;
    ktk_error err;

    (void)unused;
    options.history_ms = 0; /* 30 days */
    write_rows(KTK_UPDATE_CREATE, "1,1");
    pass(10000); /* how long it was the newest does not count */
    write_rows(KTK_UPDATE_OVERWRITE, "2,2");
    pass(24 * 30 - 1);
    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
    assert_int_equal(result.waiting_count + result.removed_count, 0);
    pass(2);
    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
    assert_int_equal(result.waiting_count, 2); /* a document and a file */
    pass(72);
    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
    assert_int_equal(result.removed_count, 2);
    assert_int_equal(test_key_count(memory, "u/_ktk/v/"), 1);
    test_check_dataset(memory, "u", "p,v|2,2");
}

static void a_version_that_cannot_be_read_stops_it(void **unused) {
    ktk_gc_options options = acting();
    ktk_gc_result result;
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    write_rows(KTK_UPDATE_OVERWRITE, "2,2");
    put("u/_ktk/v/000000000001-00000000000000000000000000000000.json");
    CHECK_STATUS(ktki_gc(store, "u", &options, &test_clock, &result, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("u/_ktk/v/000000000001-00000000000000000000000000000000.json");
    pass(73); /* it is not kept any more */
    CHECK_OK(ktki_gc(store, "u", &options, &test_clock, &result, &err));
}

struct reviver {
    ktk_bytes document;
    bool is_done;
};

/* Between the note and the first removal somebody brings an old document back. */
static void revive(void *state, const char *key) {
    struct reviver *reviver = state;
    ktk_error err;

    if (!reviver->is_done && strstr(key, "/_ktk/gc/") != NULL && test_key_count(memory, key) > 0 &&
        key[strlen(key) - 1] == 'n') {
        reviver->is_done = true;
        CHECK_OK(ktk_store_put(memory, "u.by-dataset-metadata.json", reviver->document.data,
                               reviver->document.size, NULL, NULL, &err));
    }
}

static void reads_the_document_again_before_it_removes(void **unused) {
    struct reviver reviver = {KTK_BYTES_INIT, false};
    ktk_error err;

    (void)unused;
    write_rows(KTK_UPDATE_CREATE, "1,1");
    CHECK_OK(ktk_store_get(memory, "u.by-dataset-metadata.json", &reviver.document, NULL, &err));
    write_rows(KTK_UPDATE_OVERWRITE, "2,2");
    pass(73);
    assert_int_equal(collect().waiting_count, 2);
    pass(73);
    timed.before_call = revive;
    timed.state = &reviver;
    (void)collect();
    timed.before_call = NULL;
    assert_true(reviver.is_done);
    test_check_dataset(memory, "u", "p,v|1,1");
    ktk_bytes_clear(&reviver.document);
}

/* ---- whatever fails ---- */

static ktk_status copy_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = ktk_store_get(memory, entry->key, &bytes, NULL, err);

    if (status == KTK_OK) {
        status = ktk_store_put(state, entry->key, bytes.data, bytes.size, NULL, NULL, err);
    }
    ktk_bytes_clear(&bytes);
    return status;
}

/* A dataset of which the third version is current, and three files that nothing names; the first
 * run that acts is done, and the grace over. */
static void prepare(void) {
    write_rows(KTK_UPDATE_CREATE, "1,1");
    write_rows(KTK_UPDATE_OVERWRITE, "2,2");
    write_rows(KTK_UPDATE_UPDATE, "3,3");
    put("u/table/a.parquet");
    put("u/table/b.parquet");
    put("u/indices/c/d");
    pass(73);
    assert_int_equal(collect().waiting_count, 6);
    pass(73);
}

static void sweep(struct failing_store kind) {
    bool finished = false;

    prepare();
    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = kind;
        ktk_gc_options options = acting();
        ktk_store *base = NULL;
        ktk_store *over;
        ktk_store *faulty;
        ktk_gc_result result;
        ktk_error err;
        ktk_status status;

        failing.fail_at = n;
        CHECK_OK(ktk_store_open(&base, context, "hmemory://", &err));
        CHECK_OK(ktk_store_list(memory, "", copy_key, base, &err));
        over = timed_store_new(&timed, base);
        faulty = failing_store_new(&failing, over);
        status = ktki_gc(faulty, "u", &options, &test_clock, &result, &err);
        finished = atomic_load(&failing.failures) == 0;
        if (finished) {
            CHECK_OK(status);
            assert_int_equal(result.removed_count, 6);
        }
        test_check_dataset(base, "u", "p,v|2,2;3,3");
        /* The next run, or the one after the grace, does what is left. */
        CHECK_OK(ktki_gc(over, "u", &options, &test_clock, &result, &err));
        pass(73);
        CHECK_OK(ktki_gc(over, "u", &options, &test_clock, &result, &err));
        pass(-73);
        test_check_dataset(base, "u", "p,v|2,2;3,3");
        assert_int_equal(test_key_count(base, "u/table/"), 3);
        assert_int_equal(test_key_count(base, "u/indices/"), 0);
        assert_int_equal(test_key_count(base, "u/_ktk/v/"), 1);
        ktk_store_free(faulty);
        ktk_store_free(over);
        ktk_store_free(base);
        assert_true(n < 100);
    }
}

static void a_crash_at_any_call_does_no_harm(void **unused) {
    (void)unused;
    sweep((struct failing_store){0});
}

static void a_lost_answer_does_no_harm(void **unused) {
    (void)unused;
    sweep((struct failing_store){.is_applied = true, .fails_once = true});
}

static void any_allocation_may_fail(void **unused) {
    bool finished = false;
    ktk_error err;

    (void)unused;
    /* There is one counting context at a time: what is copied from has another. */
    CHECK_OK(ktk_context_new(&context, NULL, &err));
    make_world();
    prepare();
    for (int64_t n = 0; !finished; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_gc_options options = acting();
        ktk_gc_result result;
        ktk_store *base = NULL;
        ktk_status status = ktk_store_open(&base, failing, "hmemory://", &err);

        options.grace_ms = -1;
        options.allows_short_grace = true;
        if (status == KTK_OK) {
            status = ktk_store_list(memory, "", copy_key, base, &err);
        }
        if (status == KTK_OK) {
            status = ktk_gc(base, "u", &options, &result, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        if (finished) {
            assert_true(result.removed_count >= 3);
        }
        ktk_store_free(base);
        test_context_free(failing);
        assert_true(n < 5000);
    }
    end_world();
    ktk_context_free(context);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(finds_what_the_originals_collect),
        CASE(removes_just_the_garbage),
        CASE(tells_how_far_it_is_and_can_be_cancelled),
        CASE(keeps_what_the_twin_names),
        CASE(touches_nothing_else),
        CASE(looking_changes_nothing),
        CASE(removes_in_a_second_run_after_the_grace),
        CASE(whole_seconds_are_no_shorter),
        CASE(a_file_of_the_second_of_the_note_is_another),
        CASE(a_file_written_again_is_another),
        CASE(collects_no_data_of_a_document_without_partitions),
        CASE(works_without_times_of_the_store),
        CASE(believes_the_younger_time),
        CASE(damaged_notes_only_cost_time),
        CASE(refuses_what_is_dangerous),
        CASE(keeps_files_in_flight),
        CASE(a_writer_that_came_too_late_is_told),
        CASE(keeps_earlier_versions_for_a_time),
        CASE(a_version_that_cannot_be_read_stops_it),
        CASE(reads_the_document_again_before_it_removes),
        CASE(a_crash_at_any_call_does_no_harm),
        CASE(a_lost_answer_does_no_harm),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
