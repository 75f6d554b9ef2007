#include "support/test.h"

#include <stdio.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "support/counting_store.h"
#include "support/frames.h"

struct fixture {
    ktk_context *context;
    ktk_store *store;
};

static int setup(void **state) {
    static struct fixture fixture;
    ktk_error err;

    fixture.context = test_context_new(3);
    CHECK_OK(ktk_store_open(&fixture.store, fixture.context, "hmemory://", &err));
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;

    ktk_store_free(fixture->store);
    test_context_free(fixture->context);
    return 0;
}

/* Create or overwrite `u` with the given frames (NULL-terminated list). */
static ktk_status store_frames(ktk_store *store, const ktk_update_options *options,
                               const char *const *frames, ktk_commit *commit, ktk_error *err) {
    ktk_update *update = NULL;
    ktk_status status = ktk_update_begin(&update, store, "u", options, err);

    for (; status == KTK_OK && *frames != NULL; frames++) {
        struct ArrowArrayStream stream = {0};
        status = frame_stream(&stream, ktk_store_context(store), *frames, err);
        if (status == KTK_OK) {
            status = ktk_update_add(update, &stream, NULL, err);
            assert_null(stream.release);
        }
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, commit, err);
    }
    ktk_update_free(update);
    return status;
}

static void check_rows(ktk_store *store, const char *wanted) {
    char *rows = NULL;
    ktk_error err;

    CHECK_OK(dataset_rows(&rows, store, "u", &err));
    assert_string_equal(rows, wanted);
    test_data_free(rows);
}

static void check_paths(ktk_store *store, const char *wanted) {
    char *paths = NULL;
    ktk_error err;

    CHECK_OK(dataset_paths(&paths, store, "u", &err));
    assert_string_equal(paths, wanted);
    test_data_free(paths);
}

static void one_file_a_frame_without_partition_columns(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a,1,10;b,2,20", "", "c,,30", NULL};
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(store_frames(f->store, NULL, frames, &commit, &err));
    assert_int_equal(commit.partition_count, 3);
    assert_int_equal(commit.row_count, 3);
    assert_int_equal(strlen(commit.id), 32);
    check_rows(f->store, "a,1,10;b,2,20;c,,30");
    assert_int_equal(store_key_count(f->store), 5);
}

static void groups_come_in_order_of_first_appearance(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"b,1,1;a,1,2;b,2,3;b,1,4", "a,1,5", NULL};
    const char *keys[] = {"p", "q"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 2;
    CHECK_OK(store_frames(f->store, &options, frames, &commit, &err));
    check_paths(f->store, "p=b/q=1 p=a/q=1 p=b/q=2 p=a/q=1");
    check_rows(f->store, "b,1,1;b,1,4;a,1,2;b,2,3;a,1,5");
}

static void values_are_quoted_in_paths(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a/b c,1,1;\xc3\xa4=%,1,2", NULL};
    const char *keys[] = {"p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 1;
    CHECK_OK(store_frames(f->store, &options, frames, &commit, &err));
    check_paths(f->store, "p=a%2Fb%20c p=%C3%A4%3D%25");
    check_rows(f->store, "a/b c,1,1;\xc3\xa4=%,1,2");
}

static void frames_without_rows_make_no_groups_but_count_as_schema(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"", NULL};
    const char *keys[] = {"q"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 1;
    CHECK_OK(store_frames(f->store, &options, frames, &commit, &err));
    assert_int_equal(commit.partition_count, 0);
    check_rows(f->store, "");
}

static void overwriting_replaces_the_document_alone(void **state) {
    struct fixture *f = *state;
    const char *before[] = {"a,1,1", NULL};
    const char *after[] = {"b,2,2", NULL};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(store_frames(f->store, &options, before, &commit, &err));
    CHECK_STATUS(store_frames(f->store, &options, after, &commit, &err), KTK_E_EXISTS);
    check_rows(f->store, "a,1,1");
    options.mode = KTK_UPDATE_OVERWRITE;
    CHECK_OK(store_frames(f->store, &options, after, &commit, &err));
    check_rows(f->store, "b,2,2");
    /* The old file stays until it is collected: document, schema, two files. */
    assert_int_equal(store_key_count(f->store), 4);
}

static void a_failed_or_abandoned_update_leaves_nothing(void **state) {
    struct fixture *f = *state;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(ktk_update_begin(&update, f->store, "u", NULL, &err));
    CHECK_OK(frame_stream(&stream, f->context, "a,1,1", &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    assert_int_equal(store_key_count(f->store), 1);
    CHECK_OK(frame_stream_text(&stream, f->context, "v", "a,1,x", &err));
    CHECK_STATUS(ktk_update_add(update, &stream, NULL, &err), KTK_E_SCHEMA);
    CHECK_MESSAGE("'v'");
    CHECK_MESSAGE("int64");
    assert_null(stream.release);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
    assert_int_equal(store_key_count(f->store), 0);
}

/* What ktk_update_begin() refuses, by the text of its error. */
static void check_refused(ktk_store *store, const char *uuid, const ktk_update_options *options,
                          ktk_status status, const char *part) {
    ktk_update *update = TEST_POISON;
    ktk_error err;

    CHECK_STATUS(ktk_update_begin(&update, store, uuid, options, &err), status);
    CHECK_MESSAGE(part);
    assert_ptr_equal(update, TEST_POISON);
    assert_int_equal(store_key_count(store), 0);
}

static void bad_calls_are_refused_before_anything_is_written(void **state) {
    struct fixture *f = *state;
    const char *twice[] = {"p", "p"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;

    check_refused(f->store, "a/b", &options, KTK_E_INVALID, "a/b");
    check_refused(f->store, "", &options, KTK_E_INVALID, "");
    options.table = "indices";
    check_refused(f->store, "u", &options, KTK_E_INVALID, "indices");
    options.table = "a/b";
    check_refused(f->store, "u", &options, KTK_E_INVALID, "a/b");
    options.table = NULL;
    options.partition_on = twice;
    options.partition_on_count = 2;
    check_refused(f->store, "u", &options, KTK_E_INVALID, "'p' is named twice");
    options.partition_on_count = 0;
    options.metadata = "[1]";
    check_refused(f->store, "u", &options, KTK_E_INVALID, "map");
    options.metadata = "{\"a\": NaN}";
    check_refused(f->store, "u", &options, KTK_E_INVALID, "NaN");
    options.metadata = NULL;
    options.size = 1;
    check_refused(f->store, "u", &options, KTK_E_INVALID, "KTK_UPDATE_OPTIONS_INIT");
}

static void check_add_refused(struct fixture *f, const char *const *keys, size_t key_count,
                              const char *rows, ktk_status wanted, const char *part) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    const char *frames[] = {rows, NULL};
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = key_count;
    CHECK_STATUS(store_frames(f->store, &options, frames, &commit, &err), wanted);
    CHECK_MESSAGE(part);
    assert_int_equal(store_key_count(f->store), 0);
}

static void frames_that_cannot_be_partitioned_are_refused(void **state) {
    struct fixture *f = *state;
    const char *missing[] = {"z", "p", "c"};
    const char *all[] = {"p", "q", "v"};
    const char *one[] = {"q"};

    check_add_refused(f, missing, 3, "a,1,1", KTK_E_INVALID, "missing: c, z");
    check_add_refused(f, all, 3, "a,1,1", KTK_E_INVALID, "No data left");
    check_add_refused(f, one, 1, "a,1,1;b,,2;c,,3", KTK_E_INVALID, "(3 rows)");
    check_add_refused(f, one, 1, "a,1,1;b,,2;c,,3", KTK_E_INVALID, "(1 rows)");
    check_add_refused(f, one, 1, "a,1,1;b,,2;c,,3", KTK_E_INVALID, "'q' hold null values");
}

static void labels_are_unique_and_never_write_over_live_files(void **state) {
    struct fixture *f = *state;
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_dataset *old = NULL;
    ktk_commit commit;
    char *rows = NULL;
    ktk_error err;

    options.mode = KTK_UPDATE_OVERWRITE;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktk_update_begin(&update, f->store, "u", &options, &err));
        CHECK_OK(frame_stream(&stream, f->context, i == 0 ? "a,1,1" : "b,2,2", &err));
        CHECK_OK(ktk_update_add(update, &stream, "mine", &err));
        CHECK_OK(ktk_update_commit(update, &commit, &err));
        ktk_update_free(update);
        if (i == 0) {
            CHECK_OK(ktk_dataset_open(&old, f->store, "u", &err));
        }
    }
    check_rows(f->store, "b,2,2");
    check_paths(f->store, "mine");
    assert_int_equal(store_key_count(f->store), 4);
    ktk_dataset_free(old);

    CHECK_OK(ktk_update_begin(&update, f->store, "w", &options, &err));
    CHECK_OK(frame_stream(&stream, f->context, "a,1,1", &err));
    CHECK_OK(ktk_update_add(update, &stream, "same", &err));
    CHECK_OK(frame_stream(&stream, f->context, "a,1,1", &err));
    CHECK_STATUS(ktk_update_add(update, &stream, "same", &err), KTK_E_INVALID);
    CHECK_MESSAGE("'same' is duplicated");
    ktk_update_free(update);
    CHECK_STATUS(dataset_rows(&rows, f->store, "w", &err), KTK_E_NOT_FOUND);
    assert_int_equal(store_key_count(f->store), 4);
}

static void the_document_says_who_committed(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a,1,1", NULL};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_commit first;
    ktk_commit second;
    const char *metadata;
    size_t metadata_size;
    char part[256];
    ktk_error err;

    options.metadata = "{\"b\": {\"x\": [1, null]}, \"ktk.commit\": \"mine\", \"a\": \"\\u00e4\"}";
    CHECK_OK(store_frames(f->store, &options, frames, &first, &err));
    options.mode = KTK_UPDATE_OVERWRITE;
    CHECK_OK(store_frames(f->store, &options, frames, &second, &err));
    assert_string_not_equal(first.id, second.id);
    CHECK_OK(ktk_dataset_open(&dataset, f->store, "u", &err));
    metadata = ktk_dataset_metadata(dataset, &metadata_size);
    assert_non_null(strstr(metadata, "\"b\": {\"x\": [1, null]}, \"a\": \"\\u00e4\", "));
    (void)snprintf(part, sizeof(part),
                   "\\\"id\\\": \\\"%s\\\", \\\"parent\\\": \\\"%s\\\", \\\"seq\\\": 2", second.id,
                   first.id);
    assert_non_null(strstr(metadata, part));
    assert_null(strstr(metadata, "mine"));
    ktk_dataset_free(dataset);
}

static bool stop_at_second(void *state, int64_t files, int64_t rows, int64_t bytes) {
    (void)state;
    assert_true(rows > 0 && bytes > 0);
    return files < 2;
}

static void progress_can_cancel(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a,1,1", "a,1,2", "a,1,3", NULL};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    options.progress = stop_at_second;
    CHECK_STATUS(store_frames(f->store, &options, frames, &commit, &err), KTK_E_CANCELLED);
    assert_int_equal(store_key_count(f->store), 0);
}

static void an_update_costs_one_put_a_file_and_two_more(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a,1,1;b,2,2;c,3,3", NULL};
    const char *keys[] = {"p"};
    struct counting_store counting = {0};
    ktk_store *counted = counting_store_new(&counting, f->store);
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_commit commit;
    ktk_error err;

    options.partition_on = keys;
    options.partition_on_count = 1;
    CHECK_OK(store_frames(counted, &options, frames, &commit, &err));
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 3 + 1 + 1);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_LIST]), 0);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_REMOVE]), 0);
    ktk_store_free(counted);
}

static void dropping_removes_a_dataset_and_nothing_else(void **state) {
    struct fixture *f = *state;
    const char *frames[] = {"a,1,1", NULL};
    ktk_commit commit;
    char *rows = NULL;
    ktk_error err;

    CHECK_OK(store_frames(f->store, NULL, frames, &commit, &err));
    CHECK_OK(ktk_store_put(f->store, "u_ext/table/x.parquet", "1", 1, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(f->store, "u.q.by-dataset-index.parquet", "1", 1, NULL, NULL, &err));
    CHECK_OK(ktk_dataset_drop(f->store, "u", &err));
    assert_int_equal(store_key_count(f->store), 1);
    CHECK_STATUS(ktk_dataset_drop(f->store, "u", &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(dataset_rows(&rows, f->store, "u", &err), KTK_E_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(one_file_a_frame_without_partition_columns),
        CASE(groups_come_in_order_of_first_appearance),
        CASE(values_are_quoted_in_paths),
        CASE(frames_without_rows_make_no_groups_but_count_as_schema),
        CASE(overwriting_replaces_the_document_alone),
        CASE(a_failed_or_abandoned_update_leaves_nothing),
        CASE(bad_calls_are_refused_before_anything_is_written),
        CASE(frames_that_cannot_be_partitioned_are_refused),
        CASE(labels_are_unique_and_never_write_over_live_files),
        CASE(the_document_says_who_committed),
        CASE(progress_can_cancel),
        CASE(an_update_costs_one_put_a_file_and_two_more),
        CASE(dropping_removes_a_dataset_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
