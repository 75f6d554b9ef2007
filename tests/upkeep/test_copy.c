#include <kartothek/upkeep.h>

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/query.h>
#include <kartothek/update.h>

#include "query/golden.h"
#include "support/failing_store.h"
#include "support/frame.h"
#include "support/hooked_store.h"
#include "support/test.h"

static ktk_status copy(ktk_store *target, const char *target_uuid, ktk_store *source,
                       const char *uuid, ktk_copy_result *result, ktk_error *err) {
    ktk_copy_options options = KTK_COPY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, source, uuid, err);

    if (status == KTK_OK) {
        status = ktk_dataset_copy(target, target_uuid, dataset, &options, result, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

static ktk_status fail_on(void *state, const ktk_check_finding *finding, ktk_error *err) {
    (void)err;
    if (strcmp(finding->what, "embedded-index") != 0) {
        fail_msg("%s: %s: %s", (const char *)state, finding->key, finding->text);
    }
    return KTK_OK;
}

/* It is sound, and all of its keys are its own. */
static void check_copy(ktk_store *store, const char *uuid) {
    ktk_check_options options = KTK_CHECK_OPTIONS_INIT;
    ktk_gc_options look = KTK_GC_OPTIONS_INIT;
    ktk_check_result result;
    ktk_gc_result garbage;
    char folder[64];
    char beside[64];
    char document[64];
    ktk_error err;

    options.deep = true;
    options.report = fail_on;
    options.report_state = (void *)(uintptr_t)uuid;
    CHECK_OK(ktk_check(store, uuid, &options, &result, &err));
    CHECK_OK(ktk_gc(store, uuid, &look, &garbage, &err));
    assert_int_equal(garbage.waiting_count, 0);
    (void)snprintf(folder, sizeof(folder), "%s/", uuid);
    (void)snprintf(document, sizeof(document), "%s.by-dataset-metadata.", uuid);
    assert_int_equal(test_key_count(store, document), 1);
    (void)snprintf(beside, sizeof(beside), "%s.", uuid);
    assert_int_equal(test_key_count(store, ""),
                     test_key_count(store, folder) + test_key_count(store, beside));
}

/* The rows of a table are those that the description of the source lists. */
static void check_rows(ktk_store *store, const char *uuid, const char *table,
                       const struct node *wanted) {
    ktk_query_options query = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct golden_rows rows;
    ktk_dataset *dataset = NULL;
    ktk_error err;

    query.table = table;
    CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
    CHECK_OK(ktk_query_stream(&stream, dataset, &query, &err));
    CHECK_OK(golden_collect(&rows, &stream, &err));
    golden_check_rows(&rows, golden_member(wanted, "rows"), uuid);
    golden_rows_clear(&rows);
    ktk_dataset_free(dataset);
}

static void copies_are_what_the_source_is(void **unused) {
    static const struct {
        const char *store;
        const char *folder;
        const char *uuid;
    } sources[] = {
        {"stores/k53/updates", "k53", "upd_append"},
        {"stores/k53/updates", "k53", "upd_delete_all"},
        {"stores/k53/partitions", "k53", "part_multi"},
        {"stores/k53/partitions", "k53", "part_column_names"},
        {"stores/k53/storage", "k53", "msgpack_index"},
        {"stores/k53/legacy", "k53", "legacy_embedded_index"},
        {"stores/k53/legacy", "k53", "legacy_flat_index"},
        {"stores/p46/updates", "p46", "upd_append"},
    };
    ktk_context *context = test_context_new(2);
    int64_t copied = 0;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        ktk_store *source = golden_store(context, sources[i].store);
        ktk_store *target = test_store_open(context);
        ktk_copy_result result;
        struct node *expected;
        char path[200];
        bool exists;

        CHECK_OK(ktk_dataset_exists(&exists, source, sources[i].uuid, &err));
        if (!exists) {
            fail_msg("there is no %s", sources[i].uuid);
        }
        CHECK_OK(copy(target, "other", source, sources[i].uuid, &result, &err));
        (void)snprintf(path, sizeof(path), "expected/%s/%s.json", sources[i].folder,
                       sources[i].uuid);
        expected = golden_load(path);
        for (size_t j = 0; j < golden_member(expected, "rows")->count; j++) {
            check_rows(target, "other", golden_member(expected, "rows")->keys[j],
                       &golden_member(expected, "rows")->items[j]);
        }
        assert_int_equal(result.partition_count, golden_member(expected, "partitions")->count);
        check_copy(target, "other");
        copied += result.file_count;
        golden_free(expected);
        ktk_store_free(target);
        ktk_store_free(source);
    }
    assert_true(copied > 20);
    test_context_free(context);
}

static void write_dataset(ktk_store *store, const char *uuid, const char *table) {
    static const char *const keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    options.table = table;
    options.partition_on = keys;
    options.partition_on_count = 1;
    options.metadata = "{\"x\": [1, \"a/a\"]}";
    CHECK_OK(ktk_update_begin(&update, store, uuid, &options, &err));
    CHECK_OK(test_frame(&stream, ktk_store_context(store), "p:string,v:int64", "a,1;b,2", 0, NULL,
                        &err));
    CHECK_OK(ktk_update_add(update, &stream, "a", &err));
    CHECK_OK(ktk_update_commit(update, &commit, &err));
    ktk_update_free(update);
}

static bool has(ktk_store *store, const char *key) {
    ktk_store_entry entry;

    return ktk_store_head(store, key, &entry, NULL) == KTK_OK;
}

/* D-31: only the name in front is replaced, also where it occurs again. */
static void replaces_the_name_in_front_only(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = test_store_open(context);
    ktk_copy_result result;
    ktk_dataset *dataset = NULL;
    const char *metadata;
    size_t size;
    ktk_error err;

    (void)unused;
    write_dataset(store, "a", "a");
    CHECK_OK(copy(store, "bb", store, "a", &result, &err));
    assert_int_equal(result.file_count, 2);
    assert_true(has(store, "bb/a/p=a/a.parquet"));
    assert_true(has(store, "bb/a/p=b/a.parquet"));
    assert_true(has(store, "bb/a/_common_metadata"));
    test_check_dataset(store, "bb", "p,v|a,1;b,2");
    test_check_dataset(store, "a", "p,v|a,1;b,2");
    CHECK_OK(ktk_dataset_open(&dataset, store, "bb", &err));
    metadata = ktk_dataset_metadata(dataset, &size);
    assert_non_null(strstr(metadata, "\"x\": [1, \"a/a\"]"));
    assert_non_null(strstr(metadata, result.id));
    ktk_dataset_free(dataset);
    /* The copy stands alone. */
    CHECK_OK(ktk_dataset_drop(store, "a", &err));
    check_copy(store, "bb");
    ktk_store_free(store);
    test_context_free(context);
}

static void refuses_what_it_must_not_do(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = test_store_open(context);
    ktk_store *legacy = golden_store(context, "stores/k53/legacy");
    ktk_copy_result result = {"", 7, 7, 7};
    int64_t count;
    ktk_error err;

    (void)unused;
    write_dataset(store, "a", "t");
    write_dataset(store, "b", "t");
    count = test_key_count(store, "");
    CHECK_STATUS(copy(store, "a", store, "a", &result, &err), KTK_E_EXISTS);
    CHECK_STATUS(copy(store, "b", store, "a", &result, &err), KTK_E_EXISTS);
    CHECK_MESSAGE("'b' already exists");
    CHECK_STATUS(copy(store, "x/y", store, "a", &result, &err), KTK_E_INVALID);
    CHECK_STATUS(copy(store, "c", legacy, "legacy_foreign_files", &result, &err),
                 KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("file '");
    assert_int_equal(test_key_count(store, ""), count);
    assert_int_equal(result.file_count, 7);
    ktk_store_free(legacy);
    ktk_store_free(store);
    test_context_free(context);
}

static void create_meanwhile(void *state) {
    write_dataset(state, "b", "t");
}

/* Somebody else makes a dataset of the name right before the document is put. */
static void the_first_one_wins(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *memory = test_store_open(context);
    struct hooked_store hooked = {.key_suffix = "b.by-dataset-metadata.json",
                                  .before_put = create_meanwhile,
                                  .state = memory};
    ktk_store *store = hooked_store_new(&hooked, memory);
    ktk_copy_result result;
    ktk_error err;

    (void)unused;
    write_dataset(memory, "a", "t");
    CHECK_STATUS(copy(store, "b", memory, "a", &result, &err), KTK_E_EXISTS);
    test_check_dataset(memory, "b", "p,v|a,1;b,2");
    ktk_store_free(store);
    ktk_store_free(memory);
    test_context_free(context);
}

static void no_reader_sees_half_of_it(void **unused) {
    ktk_context *context = test_context_new(1);
    bool finished = false;
    ktk_store *source;
    ktk_error err;

    (void)unused;
    source = test_store_open(context);
    write_dataset(source, "a", "t");
    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = {.fail_at = n};
        ktk_store *target = test_store_open(context);
        ktk_store *store = failing_store_new(&failing, target);
        ktk_copy_result result;
        ktk_status status = copy(store, "b", source, "a", &result, &err);
        bool exists;

        finished = atomic_load(&failing.failures) == 0;
        assert_int_equal(status, finished ? KTK_OK : KTK_E_IO);
        CHECK_OK(ktk_dataset_exists(&exists, target, "b", &err));
        assert_int_equal(exists, finished);
        if (!exists) { /* once more, over what is left */
            CHECK_OK(copy(target, "b", source, "a", &result, &err));
        }
        test_check_dataset(target, "b", "p,v|a,1;b,2");
        ktk_store_free(store);
        ktk_store_free(target);
        assert_true(n < 100);
    }
    ktk_store_free(source);
    test_context_free(context);
}

/* Each put in turn fails, once, whether it was carried out or not: the copy is there if, and only
 * if, it is said to be. */
static void check_lost_answers(ktk_status failure) {
    ktk_context *context = test_context_new(1);
    ktk_store *source = test_store_open(context);
    ktk_error err;

    write_dataset(source, "a", "t");
    for (int64_t i = 0, left = 1; left > 0; i++) {
        struct failing_store failing = {.fail_at = i / 2,
                                        .fails_once = true,
                                        .is_applied = i % 2 == 1,
                                        .kinds = 1u << STORE_CALL_PUT,
                                        .status = failure};
        ktk_store *target = test_store_open(context);
        ktk_store *store = failing_store_new(&failing, target);
        ktk_copy_result result;
        ktk_status status = copy(store, "b", source, "a", &result, &err);
        bool is_last = test_key_count(target, "b.by-dataset-metadata.json") == 1;

        left = atomic_load(&failing.failures);
        assert_int_equal(status, is_last ? KTK_OK : failure);
        if (status == KTK_OK) {
            test_check_dataset(target, "b", "p,v|a,1;b,2");
        }
        assert_true(left == 0 || i < 100);
        ktk_store_free(store);
        ktk_store_free(target);
    }
    ktk_store_free(source);
    test_context_free(context);
}

static void lost_answers_are_resolved(void **unused) {
    (void)unused;
    check_lost_answers(KTK_E_UNAVAILABLE);
    check_lost_answers(KTK_E_EXISTS); /* of a put that arrived twice */
}

static void any_allocation_may_fail(void **unused) {
    bool finished = false;
    ktk_error err;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_copy_result result;
        ktk_store *golden = NULL;
        ktk_store *target = NULL;
        char url[600];
        ktk_status status;

        (void)snprintf(url, sizeof(url),
                       "hfs://%s/tests/data/golden/stores/k53/updates#wrap:readonly",
                       getenv("KTK_SOURCE_ROOT"));
        status = ktk_store_open(&golden, context, url, &err);
        if (status == KTK_OK) {
            status = ktk_store_open(&target, context, "hmemory://", &err);
        }
        if (status == KTK_OK) {
            status = copy(target, "b", golden, "upd_replace", &result, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        ktk_store_free(target);
        ktk_store_free(golden);
        test_context_free(context);
    }
}

static bool stop(void *state, int64_t files, int64_t file_count, int64_t bytes) {
    assert_int_equal(files, 2);
    assert_int_equal(file_count, 2);
    assert_true(bytes > 0);
    ++*(int *)state;
    return false;
}

static void can_be_stopped(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = test_store_open(context);
    ktk_copy_options options = KTK_COPY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_copy_result result;
    bool exists;
    int calls = 0;
    ktk_error err;

    (void)unused;
    write_dataset(store, "a", "t");
    CHECK_OK(ktk_dataset_open(&dataset, store, "a", &err));
    options.progress = stop;
    options.progress_state = &calls;
    CHECK_STATUS(ktk_dataset_copy(store, "b", dataset, &options, &result, &err), KTK_E_CANCELLED);
    assert_int_equal(calls, 1);
    CHECK_OK(ktk_dataset_exists(&exists, store, "b", &err));
    assert_false(exists);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_what_the_source_is),
        cmocka_unit_test(replaces_the_name_in_front_only),
        cmocka_unit_test(refuses_what_it_must_not_do),
        cmocka_unit_test(the_first_one_wins),
        cmocka_unit_test(no_reader_sees_half_of_it),
        cmocka_unit_test(lost_answers_are_resolved),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
