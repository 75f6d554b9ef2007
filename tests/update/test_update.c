#include "support/counting_store.h"
#include "support/frame.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "arrow/stream.h"
#include "store/backend.h"

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(3);
    memory = test_store_open(context);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

/* ---- helpers ---- */

static ktk_update *begun(ktk_store *store, const char *uuid, ktk_update_mode mode,
                         const char *partition_on) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = &partition_on;
    options.partition_on_count = partition_on != NULL;
    CHECK_OK(ktk_update_begin(&update, store, uuid, &options, &err));
    return update;
}

static ktk_status add(ktk_update *update, const char *columns, const char *rows, const char *label,
                      ktk_error *err) {
    struct ArrowArrayStream stream = {0};
    ktk_status status = test_frame(&stream, context, columns, rows, 2, NULL, err);

    assert_int_equal(status, KTK_OK);
    status = ktk_update_add(update, &stream, label, err);
    assert_null(stream.release);
    return status;
}

static void committed(ktk_update *update, ktk_commit *commit) {
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, commit, &err));
    ktk_update_free(update);
}

static bool has_key(const char *key) {
    ktk_store_entry entry;

    return ktk_store_head(memory, key, &entry, NULL) == KTK_OK;
}

/* ---- begin ---- */

static void check_begin(const ktk_update_options *options, const char *uuid, ktk_status wanted,
                        const char *part) {
    ktk_update *update = TEST_POISON;
    ktk_error err;

    CHECK_STATUS(ktk_update_begin(&update, memory, uuid, options, &err), wanted);
    CHECK_MESSAGE(part);
    assert_ptr_equal(update, TEST_POISON);
}

/* D-18 */
static void checks_everything_before_anything(void **unused) {
    static const char *const twice[] = {"a", "b", "a"};
    static const char *const nameless[] = {""};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;

    (void)unused;
    check_begin(NULL, "a b", KTK_E_INVALID, "'a b'");
    options.table = "indices";
    check_begin(&options, "u", KTK_E_INVALID, "'indices'");
    options = (ktk_update_options)KTK_UPDATE_OPTIONS_INIT;
    options.partition_on = twice;
    options.partition_on_count = 3;
    check_begin(&options, "u", KTK_E_INVALID, "'a'");
    options.partition_on = nameless;
    options.partition_on_count = 1;
    check_begin(&options, "u", KTK_E_INVALID, "name");
    options = (ktk_update_options)KTK_UPDATE_OPTIONS_INIT;
    options.metadata = "[1]";
    check_begin(&options, "u", KTK_E_INVALID, "map");
    options.metadata = "{\"a\": NaN}";
    check_begin(&options, "u", KTK_E_INVALID, "metadata");
    options.metadata = "{\"a\": ";
    check_begin(&options, "u", KTK_E_INVALID, "metadata");
    options = (ktk_update_options)KTK_UPDATE_OPTIONS_INIT;
    options.mode = (ktk_update_mode)7;
    check_begin(&options, "u", KTK_E_INVALID, "mode");
    options = (ktk_update_options)KTK_UPDATE_OPTIONS_INIT;
    options.file.row_group_rows_max = -1;
    check_begin(&options, "u", KTK_E_INVALID, "row group");
    options = (ktk_update_options)KTK_UPDATE_OPTIONS_INIT;
    options.size = 1;
    check_begin(&options, "u", KTK_E_INVALID, "KTK_UPDATE_OPTIONS_INIT");
    assert_int_equal(test_key_count(memory, ""), 0);
}

static void does_not_create_what_exists_in_either_format(void **unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(memory, "j.by-dataset-metadata.json", "", 0, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(memory, "m.by-dataset-metadata.msgpack.zstd", "", 0, NULL, NULL, &err));
    check_begin(NULL, "j", KTK_E_EXISTS, "'j' already exists");
    check_begin(NULL, "m", KTK_E_EXISTS, "overwrite is not permitted");
}

/* ---- writing ---- */

static void writes_one_file_an_input(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, NULL);
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "b:int8,a:string", "1,x;2,y;3,", "first", &err));
    CHECK_OK(add(update, "a:string,b:int64", "z,4", NULL, &err));
    CHECK_OK(add(update, "b:int64,a:string", "", "none", &err));
    committed(update, &commit);
    assert_int_equal(strspn(commit.id, "0123456789abcdef"), 32);
    assert_int_equal(commit.attempts, 1);
    assert_int_equal(commit.partition_count, 3);
    assert_int_equal(commit.row_count, 4);
    test_check_dataset(memory, "u", "a,b|x,1;y,2;,3;z,4");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    assert_true(ktk_dataset_is_explicit(dataset));
    assert_int_equal(ktk_dataset_partition_key_count(dataset), 0);
    assert_string_equal(ktk_dataset_partition_label(dataset, 0), "first");
    assert_string_equal(ktk_dataset_partition_file(dataset, 0, "table"), "u/table/first.parquet");
    assert_int_equal(strlen(ktk_dataset_partition_label(dataset, 1)), 32);
    ktk_dataset_free(dataset);
}

static void writes_one_file_a_group(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, "p");
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "v:int64,p:string", "1,b/c;2,a b;3,b/c;4,\xC3\xBC", "x", &err));
    CHECK_OK(add(update, "v:int64,p:string", "5,b/c", "y", &err));
    committed(update, &commit);
    assert_int_equal(commit.partition_count, 4);
    test_check_dataset(memory, "u", "p,v|b/c,1;b/c,3;a b,2;\xC3\xBC,4;b/c,5");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    assert_string_equal(ktk_dataset_partition_label(dataset, 0), "p=b%2Fc/x");
    assert_string_equal(ktk_dataset_partition_label(dataset, 1), "p=a%20b/x");
    assert_string_equal(ktk_dataset_partition_label(dataset, 2), "p=%C3%BC/x");
    assert_string_equal(ktk_dataset_partition_file(dataset, 0, "table"),
                        "u/table/p=b%2Fc/x.parquet");
    assert_string_equal(ktk_dataset_partition_key(dataset, 0), "p");
    ktk_dataset_free(dataset);
}

static void groups_come_in_order_of_first_appearance(void **unused) {
    static const char *const keys[] = {"q", "p"};
    static const char *const labels[] = {"q=1/p=b/x", "q=1/p=a/x", "q=2/p=b/x"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct counting_store counting = {0};
    ktk_store *store = counting_store_new(&counting, memory);
    ktk_update *update = NULL;
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.partition_on = keys;
    options.partition_on_count = 2;
    CHECK_OK(ktk_update_begin(&update, store, "u", &options, &err));
    CHECK_OK(add(update, "p:string,q:int64,v:int64", "b,1,1;a,1,2;b,2,3;b,1,4", "x", &err));
    committed(update, &commit);
    test_check_dataset(memory, "u", "q,p,v|1,b,1;1,b,4;1,a,2;2,b,3");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    for (int64_t i = 0; i < 3; i++) {
        assert_string_equal(ktk_dataset_partition_label(dataset, i), labels[i]);
    }
    ktk_dataset_free(dataset);
    /* One put a file, two for the document, two for the schema; nothing is listed or removed. */
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_PUT]), 3 + 4);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_LIST]), 0);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_REMOVE]), 0);
    ktk_store_free(store);
}

static void keys_of_every_kind_come_back(void **unused) {
    static const struct {
        const char *columns;
        const char *rows;
        const char *wanted;
    } cases[] = {
        {"p:bool,v:int64", "true,1;false,2;true,3", "p,v|true,1;true,3;false,2"},
        {"p:double,v:int64", "1e16,1;-0.5,2;1e16,3", "p,v|1e+16,1;1e+16,3;-0.5,2"},
        {"p:int8,v:int64", "-5,1;7,2", "p,v|-5,1;7,2"},
        {"p:date32,v:int64", "2020-02-29,1;0001-01-01,2", "p,v|2020-02-29,1;0001-01-01,2"},
        {"p:timestamp,v:int64", "2020-01-01 01:02:03.000000004,1",
         "p,v|2020-01-01 01:02:03.000000004,1"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_update *update = begun(memory, "u", KTK_UPDATE_OVERWRITE, "p");
        ktk_commit commit;
        ktk_error err;

        CHECK_OK(add(update, cases[i].columns, cases[i].rows, NULL, &err));
        committed(update, &commit);
        test_check_dataset(memory, "u", cases[i].wanted);
    }
}

static void inputs_without_rows_leave_their_schema(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, "p");
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "v:int8,p:string", "", NULL, &err));
    committed(update, &commit);
    assert_int_equal(commit.partition_count, 0);
    test_check_dataset(memory, "u", "p,v|");
}

static void nothing_at_all_can_be_stored_if_asked_for(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, NULL);
    ktk_commit commit = {.attempts = 77};
    ktk_dataset *dataset = NULL;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    CHECK_MESSAGE("empty");
    assert_int_equal(commit.attempts, 77);
    CHECK_OK(ktk_update_add_nothing(update, &err));
    committed(update, &commit);
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    assert_true(ktk_dataset_is_explicit(dataset));
    assert_int_equal(ktk_dataset_partition_count(dataset), 0);
    assert_int_equal(ktk_dataset_table_count(dataset), 0);
    ktk_dataset_free(dataset);
    assert_int_equal(test_key_count(memory, ""), 2); /* the document, and as it is kept */
}

static void index_columns_are_stored_but_not_data(void **unused) {
    static const char pandas[] =
        "{\"index_columns\": [\"i\"], \"columns\": [{\"name\": \"v\", \"field_name\": \"v\", "
        "\"pandas_type\": \"int64\", \"numpy_type\": \"int64\", \"metadata\": null}, {\"name\": "
        "null, \"field_name\": \"i\", \"pandas_type\": \"int64\", \"numpy_type\": \"int64\", "
        "\"metadata\": null}]}";
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, NULL);
    struct ArrowArrayStream stream = {0};
    ktk_dataset *dataset = NULL;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(test_frame(&stream, context, "v:int64,i:int64", "1,7", 0, pandas, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    committed(update, &commit);
    test_check_dataset(memory, "u", "v|1");
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    CHECK_OK(ktk_dataset_open_partition(&file, dataset, 0, NULL, &err));
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.leaf_count, 2);
    ktk_parquet_file_free(file);
    ktk_dataset_free(dataset);
}

static void many_groups_are_written_in_order(void **unused) {
    enum { GROUPS = 300 };
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, "p");
    char *rows = malloc(GROUPS * 32);
    ktk_dataset *dataset = NULL;
    ktk_commit commit;
    size_t size = 0;
    ktk_error err;

    (void)unused;
    assert_non_null(rows);
    for (int i = 0; i < 2 * GROUPS; i++) {
        size +=
            (size_t)sprintf(rows + size, "%s%d,%d", i == 0 ? "" : ";", i % GROUPS * 7 % GROUPS, i);
    }
    {
        struct ArrowArrayStream stream = {0};

        CHECK_OK(test_frame(&stream, context, "p:int64,v:int64", rows, 0, NULL, &err));
        CHECK_OK(ktk_update_add(update, &stream, "x", &err));
    }
    committed(update, &commit);
    assert_int_equal(commit.partition_count, GROUPS);
    assert_int_equal(commit.row_count, 2 * GROUPS);
    CHECK_OK(ktk_dataset_open(&dataset, memory, "u", &err));
    for (int i = 0; i < GROUPS; i++) {
        char label[32];

        (void)snprintf(label, sizeof(label), "p=%d/x", i * 7 % GROUPS);
        assert_string_equal(ktk_dataset_partition_label(dataset, i), label);
    }
    ktk_dataset_free(dataset);
    free(rows);
}

/* ---- bad input ---- */

/* An input that is refused; nothing of the update stays. */
static void check_refused(const char *partition_on, const char *columns, const char *rows,
                          const char *label, ktk_status wanted, const char *part) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, partition_on);
    ktk_commit commit;
    ktk_error err;

    CHECK_OK(add(update, "p:string,v:int64", "a,1;b,2", "before", &err));
    CHECK_STATUS(add(update, columns, rows, label, &err), wanted);
    CHECK_MESSAGE(part);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);
}

static void refuses_inputs_that_do_not_fit(void **unused) {
    (void)unused;
    check_refused("p", "q:string,v:int64", "a,1", NULL, KTK_E_INVALID,
                  "Partition column(s) missing: p");
    check_refused("p", "p:string", "a", NULL, KTK_E_INVALID,
                  "No data left to save outside partition columns");
    check_refused("p", "p:string,v:int64", "a,1;,2", NULL, KTK_E_INVALID, "(2 rows)");
    check_refused(NULL, "p:string,v:double", "a,1", NULL, KTK_E_SCHEMA, "column 'v'");
    check_refused("p", "p:int64,v:int64", "1,1", NULL, KTK_E_SCHEMA, "'table/before'");
    check_refused(NULL, "p:string,v:int64,w:int64", "a,1,1", NULL, KTK_E_SCHEMA, "'w'");
    check_refused(NULL, "p:string,v:int64,v:int64", "a,1,1", NULL, KTK_E_INVALID, "twice");
    check_refused(NULL, "p:string,v:int64", "a,1", "before", KTK_E_INVALID,
                  "the labels 'before' are duplicated");
    check_refused("p", "p:string,v:int64", "b,1;c,2;a,3", "before", KTK_E_INVALID,
                  "'p=a/before', 'p=b/before'");
    check_refused("p", "p:string,v:int64", "a,1", "x/y", KTK_E_INVALID, "'x/y'");
    check_refused(NULL, "p:string,v:int64", "a,1", "../x", KTK_E_INVALID, "'../x'");
    check_refused(NULL, "p:string,v:int64", "a,1", "", KTK_E_INVALID, "label");
    check_refused(NULL, "p:string,v:int64", "a,1", "a:b", KTK_E_INVALID, "a:b");
}

/* Two labels come again, the later one first; one of them comes a third time. */
static void names_all_repeated_labels_and_writes_no_more(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    size_t keys;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(add(update, "v:int64", "1", "first", &err));
    CHECK_OK(add(update, "v:int64", "1", "second", &err));
    CHECK_OK(add(update, "v:int64", "1", "third", &err));
    assert_null(ktk_update_repeated_label(update, 0));
    keys = test_key_count(memory, "");
    CHECK_STATUS(add(update, "v:int64", "1", "third", &err), KTK_E_INVALID);
    assert_string_equal(err.subject, "third");
    CHECK_STATUS(add(update, "v:int64", "1", "other", &err), KTK_E_INVALID);
    assert_string_equal(err.subject, "third");
    CHECK_STATUS(add(update, "v:int64", "1", "first", &err), KTK_E_INVALID);
    CHECK_STATUS(add(update, "v:int64", "1", "third", &err), KTK_E_INVALID);
    assert_int_equal(err.reason, KTK_REASON_DUPLICATE_LABELS);
    assert_string_equal(err.subject, "first, third");
    CHECK_MESSAGE("the labels 'first', 'third' are duplicated");
    assert_string_equal(ktk_update_repeated_label(update, 0), "first");
    assert_string_equal(ktk_update_repeated_label(update, 1), "third");
    assert_null(ktk_update_repeated_label(update, 2));
    assert_int_equal(test_key_count(memory, ""), keys);
    CHECK_STATUS(ktk_update_commit(update, &commit, &err), KTK_E_INVALID);
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);
}

static void names_all_missing_partition_columns(void **unused) {
    static const char *const columns[] = {"z", "p", "b"};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    options.partition_on = columns;
    options.partition_on_count = 3;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_STATUS(add(update, "p:string,v:int64", "a,1", NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("Partition column(s) missing: b, z");
    ktk_update_free(update);
}

static ktk_status fail_later(void *state, struct batch *out, ktk_error *err) {
    (void)state;
    (void)out;
    return ktk_error_set(err, KTK_E_CORRUPT, "the source broke");
}

/* D-19 */
static void a_failing_source_leaves_nothing(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, NULL);
    struct ArrowArrayStream stream = {0};
    struct schema *schema = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = (struct field){.name = "v", .type = {.id = TYPE_INT64}, .nullable = true};
    CHECK_OK(ktki_stream_new(&stream, context, schema, fail_later, NULL, NULL, &err));
    ktki_schema_free(schema);
    CHECK_OK(add(update, "v:int64", "1", NULL, &err));
    CHECK_STATUS(ktk_update_add(update, &stream, NULL, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("the source broke");
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);
}

static void an_update_that_is_given_up_leaves_nothing(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_CREATE, "p");
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "p:string,v:int64", "a,1;b,2", NULL, &err));
    /* From afar they are on their way. */
    assert_true(ktki_store_is_far(memory) || test_key_count(memory, "") == 2);
    ktk_update_free(update);
    assert_int_equal(test_key_count(memory, ""), 0);
    ktk_update_free(NULL);
}

/* ---- progress ---- */

struct progress {
    int64_t calls;
    int64_t files;
    int64_t rows;
    int64_t bytes;
    int64_t cancel_at;
    pthread_t thread;
};

static bool note_progress(void *state, int64_t files, int64_t rows, int64_t bytes) {
    struct progress *progress = state;

    assert_int_equal(files, ++progress->calls);
    assert_true(pthread_equal(pthread_self(), progress->thread));
    assert_true(rows >= progress->rows && bytes > progress->bytes);
    progress->files = files;
    progress->rows = rows;
    progress->bytes = bytes;
    return files != progress->cancel_at;
}

static void tells_of_each_file_and_can_be_cancelled(void **unused) {
    static const char *const column = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct progress progress = {.thread = pthread_self()};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    options.partition_on = &column;
    options.partition_on_count = 1;
    options.progress = note_progress;
    options.progress_state = &progress;
    CHECK_OK(ktk_update_begin(&update, memory, "u", &options, &err));
    CHECK_OK(add(update, "p:string,v:int64", "a,1;b,2;c,3;a,4", NULL, &err));
    committed(update, &commit);
    assert_int_equal(progress.files, 3);
    assert_int_equal(progress.rows, 4);

    progress = (struct progress){.thread = pthread_self(), .cancel_at = 2};
    CHECK_OK(ktk_update_begin(&update, memory, "v", &options, &err));
    CHECK_STATUS(add(update, "p:string,v:int64", "a,1;b,2;c,3;a,4", NULL, &err), KTK_E_CANCELLED);
    ktk_update_free(update);
    assert_false(has_key("v.by-dataset-metadata.json"));
    assert_int_equal(test_key_count(memory, ""), 7);
}

/* ---- overwriting ---- */

static void overwrites_without_touching_live_files(void **unused) {
    ktk_update *update = begun(memory, "u", KTK_UPDATE_OVERWRITE, NULL);
    ktk_dataset *old = NULL;
    ktk_dataset *new = NULL;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_commit commit;
    const char *key;
    ktk_error err;

    (void)unused;
    CHECK_OK(add(update, "v:int64", "1;2", "x", &err));
    committed(update, &commit);
    CHECK_OK(ktk_dataset_open(&old, memory, "u", &err));
    update = begun(memory, "u", KTK_UPDATE_OVERWRITE, NULL);
    CHECK_OK(add(update, "w:string", "a", "x", &err));
    committed(update, &commit);
    test_check_dataset(memory, "u", "w|a");
    /* The label is the same, the file is not; the old snapshot still has its own. */
    CHECK_OK(ktk_dataset_open(&new, memory, "u", &err));
    assert_string_equal(ktk_dataset_partition_label(new, 0), "x");
    key = ktk_dataset_partition_file(new, 0, "table");
    assert_memory_equal(key, "u/table/x-", 10);
    CHECK_OK(ktk_dataset_open_partition(&file, old, 0, NULL, &err));
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.row_count, 2);
    ktk_parquet_file_free(file);
    ktk_dataset_free(new);
    ktk_dataset_free(old);
}

static void overwriting_removes_the_twin_in_the_other_format(void **unused) {
    ktk_update *update;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_put(memory, "u.by-dataset-metadata.msgpack.zstd", "x", 1, NULL, NULL, &err));
    update = begun(memory, "u", KTK_UPDATE_OVERWRITE, NULL);
    CHECK_OK(add(update, "v:int64", "1", NULL, &err));
    assert_true(has_key("u.by-dataset-metadata.msgpack.zstd"));
    committed(update, &commit);
    assert_false(has_key("u.by-dataset-metadata.msgpack.zstd"));
    test_check_dataset(memory, "u", "v|1");
}

static void refuses_to_write_into_a_read_only_store(void **unused) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_store *readonly = NULL;
    ktk_update *update = NULL;
    ktk_status status;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_readonly(&readonly, memory, &err));
    status = ktk_update_begin(&update, readonly, "u", &options, &err);
    if (status == KTK_OK) { /* there was nothing to be tried out */
        status = add(update, "v:int64", "1", NULL, &err);
    }
    assert_int_equal(status, KTK_E_READ_ONLY);
    ktk_update_free(update);
    ktk_store_free(readonly);
}

/* A table without partitions: its schema holds for whoever adds rows. */
static void a_schema_needs_no_rows(void **unused) {
    struct ArrowArrayStream stream = {0};
    ktk_update *update;
    ktk_commit commit;
    ktk_error err;

    (void)unused;
    update = begun(memory, "u", KTK_UPDATE_CREATE, "p");
    CHECK_OK(test_frame(&stream, context, "p:string,v:int64", "a,1", 0, NULL, &err));
    CHECK_OK(ktk_update_add_schema(update, &stream, &err));
    assert_null(stream.release);
    committed(update, &commit);
    assert_int_equal(commit.partition_count, 0);
    update = begun(memory, "u", KTK_UPDATE_UPDATE, NULL);
    CHECK_STATUS(add(update, "p:string,v:string", "a,x", NULL, &err), KTK_E_SCHEMA);
    ktk_update_free(update);
    update = begun(memory, "u", KTK_UPDATE_UPDATE, NULL);
    CHECK_OK(add(update, "p:string,v:int64", "a,1", NULL, &err));
    committed(update, &commit);
    test_check_dataset(memory, "u", "p,v|a,1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(checks_everything_before_anything),
        CASE(does_not_create_what_exists_in_either_format),
        CASE(writes_one_file_an_input),
        CASE(writes_one_file_a_group),
        CASE(groups_come_in_order_of_first_appearance),
        CASE(keys_of_every_kind_come_back),
        CASE(inputs_without_rows_leave_their_schema),
        CASE(nothing_at_all_can_be_stored_if_asked_for),
        CASE(index_columns_are_stored_but_not_data),
        CASE(many_groups_are_written_in_order),
        CASE(refuses_inputs_that_do_not_fit),
        CASE(names_all_repeated_labels_and_writes_no_more),
        CASE(names_all_missing_partition_columns),
        CASE(a_failing_source_leaves_nothing),
        CASE(an_update_that_is_given_up_leaves_nothing),
        CASE(tells_of_each_file_and_can_be_cancelled),
        CASE(overwrites_without_touching_live_files),
        CASE(overwriting_removes_the_twin_in_the_other_format),
        CASE(refuses_to_write_into_a_read_only_store),
        CASE(a_schema_needs_no_rows),
    };
    return cmocka_run_group_tests_name("update/update", tests, NULL, NULL);
}
