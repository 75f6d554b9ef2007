#include "support/failing_store.h"
#include "support/frame.h"
#include "support/test.h"

#include <kartothek/dataset.h>
#include <kartothek/update.h>

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    memory = test_store_open(context);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

static void put_all(const char *const *keys, size_t count) {
    ktk_error err;

    for (size_t i = 0; i < count; i++) {
        CHECK_OK(ktk_store_put(memory, keys[i], "x", 1, NULL, NULL, &err));
    }
}

static bool has_key(const char *key) {
    ktk_store_entry entry;

    return ktk_store_head(memory, key, &entry, NULL) == KTK_OK;
}

static const char *const of_dataset[] = {
    "abc.by-dataset-metadata.json",
    "abc.by-dataset-metadata.msgpack.zstd",
    "abc.column.by-dataset-index.parquet",
    "abc/_ktk/schema/table/x.arrowschema",
    "abc/_ktk/v/1.json",
    "abc/indices/c/x.by-dataset-index.parquet",
    "abc/table/_common_metadata",
    "abc/table/p=1/x.parquet",
    "abc/table/orphan.csv",
};
static const char *const of_others[] = {
    "abc_ext.by-dataset-metadata.json",     "abc_ext/table/x.parquet", "abc.note.txt", "ab/table/x",
    "abcd.column.by-dataset-index.parquet",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void removes_all_of_a_dataset_and_nothing_else(void **unused) {
    ktk_error err;

    (void)unused;
    put_all(of_dataset, COUNT(of_dataset));
    put_all(of_others, COUNT(of_others));
    CHECK_OK(ktk_dataset_drop(memory, "abc", &err));
    for (size_t i = 0; i < COUNT(of_dataset); i++) {
        assert_false(has_key(of_dataset[i]));
    }
    for (size_t i = 0; i < COUNT(of_others); i++) {
        assert_true(has_key(of_others[i]));
    }
    CHECK_STATUS(ktk_dataset_drop(memory, "abc", &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'abc'");
    CHECK_STATUS(ktk_dataset_drop(memory, "a/b", &err), KTK_E_INVALID);
}

static void drops_datasets_in_the_other_format(void **unused) {
    ktk_error err;

    (void)unused;
    put_all(&of_dataset[1], COUNT(of_dataset) - 1);
    CHECK_OK(ktk_dataset_drop(memory, "abc", &err));
    assert_false(has_key(of_dataset[1]));
    assert_false(has_key("abc/table/p=1/x.parquet"));
}

/* Whoever makes a dataset of that name while many files are still being removed puts schema files
 * under the same keys: these went before. */
static void schema_files_go_with_the_document(void **unused) {
    struct failing_store failing = {.fail_at = 4, .kinds = 1u << STORE_CALL_REMOVE};
    ktk_store *store = failing_store_new(&failing, memory);
    ktk_error err;

    (void)unused;
    put_all(of_dataset, COUNT(of_dataset));
    CHECK_STATUS(ktk_dataset_drop(store, "abc", &err), KTK_E_IO);
    assert_false(has_key("abc/_ktk/schema/table/x.arrowschema"));
    assert_false(has_key("abc/table/_common_metadata"));
    assert_true(has_key("abc/table/p=1/x.parquet"));
    assert_true(has_key("abc/_ktk/v/1.json"));
    assert_true(has_key("abc/indices/c/x.by-dataset-index.parquet"));
    ktk_store_free(store);
}

/* Wherever it stops: there is a document only while all of its files are there. */
static void no_reader_sees_half_of_it(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = {.fail_at = n};
        ktk_store *store = failing_store_new(&failing, memory);
        bool exists;
        ktk_error err;
        ktk_status status;

        put_all(of_dataset, COUNT(of_dataset));
        status = ktk_dataset_drop(store, "abc", &err);
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_IO);
        CHECK_OK(ktk_dataset_exists(&exists, memory, "abc", &err));
        for (size_t i = 2; i < COUNT(of_dataset) && exists; i++) {
            assert_true(has_key(of_dataset[i]));
        }
        /* The JSON document never leaves the other one, which may be older, to be found. */
        assert_true(has_key(of_dataset[0]) || !has_key(of_dataset[1]));
        ktk_store_free(store);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removes_all_of_a_dataset_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(drops_datasets_in_the_other_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schema_files_go_with_the_document, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_reader_sees_half_of_it, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("update/drop", tests, NULL, NULL);
}
