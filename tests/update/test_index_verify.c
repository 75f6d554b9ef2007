#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>

#include <kartothek/index.h>
#include <kartothek/update.h>

/* Indices that are wrong in a known way: the file of one state, or of another dataset, takes the
 * place of the right one. What must be found is worked out by hand. */

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(2);
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

static ktk_update *begun(const char *uuid, ktk_update_mode mode) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    options.partition_on = &partition_on;
    options.partition_on_count = mode == KTK_UPDATE_CREATE;
    CHECK_OK(ktk_update_begin(&update, memory, uuid, &options, &err));
    return update;
}

static void add(ktk_update *update, const char *label, const char *rows) {
    struct ArrowArrayStream stream = {0};
    ktk_error err;

    CHECK_OK(test_frame(&stream, context, "p:string,x:int64,t:string", rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, label, &err));
}

static void committed(ktk_update *update) {
    ktk_error err;

    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static void create(const char *uuid, const char *rows, const char *column) {
    ktk_update *update = begun(uuid, KTK_UPDATE_CREATE);
    ktk_error err;

    add(update, "l", rows);
    CHECK_OK(ktk_update_build_index(update, column, &err));
    committed(update);
}

static void append(const char *rows) {
    ktk_update *update = begun("u", KTK_UPDATE_UPDATE);

    add(update, "m", rows);
    committed(update);
}

static ktk_dataset *opened(const char *uuid) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, memory, uuid, &err));
    return dataset;
}

/* The index of `to` says what that of `from` does. */
static void swap_file(ktk_dataset *from, ktk_dataset *to) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(memory, ktk_dataset_index_key(from, 0), &bytes, NULL, &err));
    CHECK_OK(ktk_store_put(memory, ktk_dataset_index_key(to, 0), bytes.data, bytes.size, NULL, NULL,
                           &err));
    ktk_bytes_clear(&bytes);
}

struct found {
    ktk_dataset *dataset;
    char text[256];
};

static ktk_status take(void *state, const ktk_index_difference *difference, ktk_error *err) {
    struct found *found = state;
    size_t used = strlen(found->text);

    (void)err;
    (void)snprintf(found->text + used, sizeof(found->text) - used, "%s-%d+%d ",
                   ktk_dataset_partition_label(found->dataset, difference->partition),
                   (int)difference->missing_count, (int)difference->excess_count);
    return KTK_OK;
}

/* Both readings of the only index of a dataset. */
static void check_index(ktk_dataset *dataset, const char *differences, int64_t values,
                        int64_t labels, int64_t unknown, int64_t stale) {
    struct found found = {.dataset = dataset};
    ktk_store_entry entry;
    ktk_index_info info;
    ktk_error err;

    CHECK_OK(ktk_index_look(dataset, 0, &info, &err));
    CHECK_OK(ktk_store_head(memory, ktk_dataset_index_key(dataset, 0), &entry, &err));
    assert_int_equal(info.byte_count, entry.size);
    assert_int_equal(info.value_count, values);
    assert_int_equal(info.label_count, labels);
    assert_int_equal(info.unknown_count, unknown);
    assert_int_equal(info.stale_count, stale);
    CHECK_OK(ktk_index_verify(dataset, 0, NULL, take, &found, &err));
    assert_string_equal(found.text, differences);
}

/* ---- cases ---- */

static void finds_nothing_in_what_is_right(void **unused) {
    ktk_dataset *dataset;

    (void)unused;
    /* Partition c has nulls alone: no label of it is in the index, which covers it all the same. */
    create("u", "a,1,1;a,1,2;a,2,1;b,2,1;b,,1;c,,1", "x");
    dataset = opened("u");
    check_index(dataset, "", 2, 2, 0, 0);
    ktk_dataset_free(dataset);
    create("v", "a,1,1;b,2,2", "p");
    dataset = opened("v");
    check_index(dataset, "", 2, 2, 0, 0);
    ktk_dataset_free(dataset);
}

static void finds_partitions_that_are_not_known(void **unused) {
    ktk_dataset *before;
    ktk_dataset *after;

    (void)unused;
    create("u", "a,1,1;a,3,1", "x");
    before = opened("u");
    append("b,1,1;b,2,2;b,2,3;c,,1");
    after = opened("u");
    swap_file(before, after);
    check_index(after, "p=b/m-2+0 ", 2, 1, 2, 0);
    ktk_dataset_free(after);
    ktk_dataset_free(before);
}

static void finds_labels_that_are_gone(void **unused) {
    ktk_predicate *scope = NULL;
    ktk_dataset *before;
    ktk_dataset *after;
    ktk_update *update;
    ktk_error err;

    (void)unused;
    create("u", "a,1,1;b,1,1;b,2,2", "x");
    before = opened("u");
    update = begun("u", KTK_UPDATE_UPDATE);
    CHECK_OK(ktk_predicate_parse(&scope, context, "p == b", &err));
    CHECK_OK(ktk_update_delete(update, scope, &err));
    ktk_predicate_free(scope);
    committed(update);
    after = opened("u");
    swap_file(before, after);
    check_index(after, "", 2, 1, 0, 1);
    ktk_dataset_free(after);
    ktk_dataset_free(before);
}

static void finds_values_that_are_elsewhere(void **unused) {
    ktk_dataset *right;
    ktk_dataset *other;

    (void)unused;
    create("u", "a,1,1;a,2,1;b,3,1;c,4,1", "x");
    create("v", "a,2,1;a,5,1;a,6,1;b,1,1;c,4,1;c,1,1", "x");
    right = opened("u");
    other = opened("v");
    swap_file(other, right);
    check_index(right, "p=a/l-1+2 p=b/l-1+1 p=c/l-0+1 ", 5, 3, 0, 0);
    ktk_dataset_free(other);
    ktk_dataset_free(right);
}

static ktk_status refuse(void *state, const ktk_index_difference *difference, ktk_error *err) {
    (void)difference;
    ++*(int *)state;
    return ktk_error_set(err, KTK_E_CANCELLED, "enough");
}

static void ends_when_told(void **unused) {
    ktk_dataset *right;
    ktk_dataset *other;
    int count = 0;
    ktk_error err;

    (void)unused;
    create("u", "a,1,1;b,2,1", "x");
    create("v", "a,3,1;b,4,1", "x");
    right = opened("u");
    other = opened("v");
    swap_file(other, right);
    CHECK_STATUS(ktk_index_verify(right, 0, NULL, refuse, &count, &err), KTK_E_CANCELLED);
    assert_string_equal(err.message, "enough");
    assert_int_equal(count, 1);
    ktk_dataset_free(other);
    ktk_dataset_free(right);
}

struct told {
    int64_t files;
    int64_t file_count;
    int64_t limit; /* of files, after which it is enough */
    int calls;
};

static bool hear(void *state, int64_t files, int64_t file_count) {
    struct told *told = state;

    assert_true(files > told->files && files <= file_count);
    told->files = files;
    told->file_count = file_count;
    told->calls++;
    return files < told->limit;
}

/* More than the two threads of the context read together. */
#define FILE_COUNT 40

static void tells_how_far_it_is(void **unused) {
    ktk_index_verify_options options = KTK_INDEX_VERIFY_OPTIONS_INIT;
    struct told told = {.limit = INT64_MAX};
    char rows[FILE_COUNT * 16];
    ktk_dataset *dataset;
    size_t used = 0;
    int count = 0;
    ktk_error err;

    (void)unused;
    for (int i = 0; i < FILE_COUNT; i++) {
        used +=
            (size_t)snprintf(rows + used, sizeof(rows) - used, "%sp%d,1,1", i == 0 ? "" : ";", i);
    }
    create("u", rows, "x");
    dataset = opened("u");
    options.progress = hear;
    options.progress_state = &told;
    CHECK_OK(ktk_index_verify(dataset, 0, &options, refuse, &count, &err));
    assert_int_equal(told.files, FILE_COUNT);
    assert_int_equal(told.file_count, FILE_COUNT);
    assert_true(told.calls > 1);
    told = (struct told){.limit = 1};
    CHECK_STATUS(ktk_index_verify(dataset, 0, &options, refuse, &count, &err), KTK_E_CANCELLED);
    assert_int_equal(told.calls, 1);
    assert_true(told.files < FILE_COUNT);
    options.size = 1;
    CHECK_STATUS(ktk_index_verify(dataset, 0, &options, refuse, &count, &err), KTK_E_INVALID);
    CHECK_MESSAGE("KTK_INDEX_VERIFY_OPTIONS_INIT");
    assert_int_equal(count, 0);
    ktk_dataset_free(dataset);
}

static void names_what_is_no_index(void **unused) {
    ktk_dataset *dataset;
    ktk_dataset *texts;
    ktk_index_info info;
    const char *key;
    int count = 0;
    ktk_error err;

    (void)unused;
    create("u", "a,1,1", "x");
    dataset = opened("u");
    key = ktk_dataset_index_key(dataset, 0);
    CHECK_OK(ktk_store_put(memory, key, "PAR1", 4, NULL, NULL, &err));
    CHECK_STATUS(ktk_index_look(dataset, 0, &info, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE(key);
    CHECK_STATUS(ktk_index_verify(dataset, 0, NULL, refuse, &count, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE(key);
    CHECK_OK(ktk_store_remove(memory, key, &err));
    CHECK_STATUS(ktk_index_look(dataset, 0, &info, &err), KTK_E_NOT_FOUND);
    CHECK_STATUS(ktk_index_verify(dataset, 0, NULL, refuse, &count, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE(key);
    ktk_dataset_free(dataset);
    /* Texts in the place of numbers. */
    create("v", "a,1,x", "t");
    create("w", "a,1,x", "x");
    texts = opened("v");
    dataset = opened("w");
    swap_file(texts, dataset);
    CHECK_STATUS(ktk_index_verify(dataset, 0, NULL, refuse, &count, &err), KTK_E_SCHEMA);
    assert_int_equal(count, 0);
    ktk_dataset_free(texts);
    ktk_dataset_free(dataset);
}

static ktk_status all_steps(ktk_context *failing, ktk_index_info *info, struct found *found) {
    struct ArrowArrayStream stream = {0};
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_store *store = NULL;
    ktk_error err;
    ktk_status status;

    if ((status = test_frame(&stream, failing, "x:int64", "1;2;", 0, NULL, &err)) == KTK_OK &&
        (status = ktk_store_open(&store, failing, "hmemory://", &err)) == KTK_OK &&
        (status = ktk_update_begin(&update, store, "u", &options, &err)) == KTK_OK &&
        (status = ktk_update_add(update, &stream, NULL, &err)) == KTK_OK &&
        (status = ktk_update_build_index(update, "x", &err)) == KTK_OK &&
        (status = ktk_update_commit(update, NULL, &err)) == KTK_OK &&
        (status = ktk_dataset_open(&found->dataset, store, "u", &err)) == KTK_OK &&
        (status = ktk_index_look(found->dataset, 0, info, &err)) == KTK_OK) {
        status = ktk_index_verify(found->dataset, 0, NULL, take, found, &err);
    }
    ktk_dataset_free(found->dataset);
    ktk_update_free(update);
    ktk_store_free(store);
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    return status;
}

static void survives_allocation_failures(void **unused) {
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *failing = test_context_failing(n);
        struct found found = {.dataset = NULL};
        ktk_index_info info = {.value_count = -7};

        status = all_steps(failing, &info, &found);
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        assert_true(info.value_count == -7 || info.value_count == 2);
        assert_string_equal(found.text, "");
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_nothing_in_what_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_partitions_that_are_not_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_labels_that_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_values_that_are_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_when_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_how_far_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_what_is_no_index, set_up, tear_down),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
