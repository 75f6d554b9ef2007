#include "support/far_store.h"
#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>

#include <kartothek/arrow.h>
#include <kartothek/dataset.h>
#include <kartothek/update.h>

/* The schema that comes with a document from afar, and when it does not count. */

#define DOCUMENT "u.by-dataset-metadata.json"
#define SCHEMA "u/table/_common_metadata"
#define TEXT_MAX 65536

struct fixture {
    ktk_context *context;
    ktk_store *base;
    ktk_store *store;
    struct far_store far;
};

static void write_rows(ktk_store *store, const char *uuid, ktk_update_mode mode,
                       const char *columns, const char *rows) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_error err;

    options.mode = mode;
    CHECK_OK(ktk_update_begin(&update, store, uuid, &options, &err));
    CHECK_OK(test_frame(&stream, ktk_store_context(store), columns, rows, 0, NULL, &err));
    CHECK_OK(ktk_update_add(update, &stream, NULL, &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
}

static void fixture_init(struct fixture *fixture, const char *columns, const char *rows) {
    ktk_error err;

    fixture->context = test_context_new(2);
    CHECK_OK(ktk_store_open(&fixture->base, fixture->context, "hmemory://", &err));
    fixture->store = far_store_new(&fixture->far, fixture->base);
    write_rows(fixture->store, "u", KTK_UPDATE_CREATE, columns, rows);
    fixture->far.schema_gets = 0;
}

static void fixture_clear(struct fixture *fixture) {
    ktk_store_free(fixture->store);
    ktk_store_free(fixture->base);
    test_context_free(fixture->context);
}

/* Opens the dataset and counts the columns of its schema, and how often its file was asked for. */
static void check_columns(struct fixture *fixture, int64_t columns, int gets) {
    struct ArrowSchema schema = {0};
    ktk_dataset *dataset = NULL;
    ktk_error err;

    fixture->far.schema_gets = 0;
    CHECK_OK(ktk_dataset_open(&dataset, fixture->store, "u", &err));
    CHECK_OK(ktk_dataset_schema(dataset, NULL, &schema, &err));
    assert_int_equal(schema.n_children, columns);
    assert_int_equal(fixture->far.schema_gets, gets);
    schema.release(&schema);
    ktk_dataset_free(dataset);
}

static void copy_object(ktk_store *store, const char *from, const char *to) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    CHECK_OK(ktk_store_get(store, from, &bytes, NULL, &err));
    CHECK_OK(ktk_store_put(store, to, bytes.data, bytes.size, NULL, NULL, &err));
    ktk_bytes_clear(&bytes);
}

/* Puts `inserted` behind the first `place` of the document, in place of so many bytes there. */
static void edit_document(struct fixture *fixture, const char *place, const char *inserted,
                          size_t replaced) {
    static char text[2 * TEXT_MAX];
    ktk_bytes bytes = KTK_BYTES_INIT;
    char *at;
    ktk_error err;

    CHECK_OK(ktk_store_get(fixture->base, DOCUMENT, &bytes, NULL, &err));
    assert_true(bytes.size < TEXT_MAX);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    ktk_bytes_clear(&bytes);
    at = strstr(text, place);
    assert_non_null(at);
    at += strlen(place);
    memmove(at + strlen(inserted), at + replaced, strlen(at + replaced) + 1);
    memcpy(at, inserted, strlen(inserted));
    CHECK_OK(ktk_store_put(fixture->base, DOCUMENT, text, strlen(text), NULL, NULL, &err));
}

static void schema_comes_with_the_document(void **unused) {
    struct fixture fixture;

    (void)unused;
    fixture_init(&fixture, "p:int64,x:int64", "1,1");
    check_columns(&fixture, 2, 0);
    write_rows(fixture.store, "u", KTK_UPDATE_UPDATE, "p:int64,x:int64", "2,2");
    assert_int_equal(fixture.far.schema_gets, 0);
    check_columns(&fixture, 2, 0);
    test_check_dataset(fixture.store, "u", "p,x|1,1;2,2");
    fixture_clear(&fixture);
}

/* What others remove stays with the document of a commit that adds nothing. */
static void a_commit_without_rows_keeps_it(void **unused) {
    struct fixture fixture;
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, "p:int64,x:int64", "1,1");
    options.mode = KTK_UPDATE_UPDATE;
    CHECK_OK(ktk_update_begin(&update, fixture.store, "u", &options, &err));
    CHECK_OK(ktk_update_set_metadata(update, "{\"a\":1}", &err));
    CHECK_OK(ktk_update_commit(update, NULL, &err));
    ktk_update_free(update);
    check_columns(&fixture, 2, 0);
    fixture_clear(&fixture);
}

/* As kartothek and plateau do: a wider schema at the fixed key, a partition more, and the metadata
 * as they were, our record among them. */
static void a_document_that_others_rewrote_goes_with_the_file(void **unused) {
    struct fixture fixture;

    (void)unused;
    fixture_init(&fixture, "p:int64,x:int64", "1,1");
    write_rows(fixture.base, "w", KTK_UPDATE_CREATE, "p:int64,x:int64,y:int64", "2,2,2");
    copy_object(fixture.base, "w/table/_common_metadata", SCHEMA);
    edit_document(&fixture, "\"partitions\": {",
                  "\"new\": {\"files\": {\"table\": \"u/table/new.parquet\"}}, ", 0);
    check_columns(&fixture, 3, 1);
    fixture_clear(&fixture);
}

/* A schema file that was put for a commit which never came is passed over without being read. */
static void a_file_without_its_commit_is_passed_over(void **unused) {
    struct fixture fixture;

    (void)unused;
    fixture_init(&fixture, "p:int64,x:int64", "1,1");
    write_rows(fixture.base, "w", KTK_UPDATE_CREATE, "p:int64,x:int64,y:int64", "2,2,2");
    copy_object(fixture.base, "w/table/_common_metadata", SCHEMA);
    check_columns(&fixture, 2, 0);
    fixture_clear(&fixture);
}

static void a_damaged_one_is_fetched(void **unused) {
    static const char place[] = "\\\"files\\\": {\\\"table\\\": \\\"";
    static const char *const damages[] = {"!", "AAAA", "KLUv/QBYAAAA", "\\\"}}\", \"z\": \"{{"};

    (void)unused;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct fixture fixture;

        fixture_init(&fixture, "p:int64,x:int64", "1,1");
        edit_document(&fixture, place, damages[i], strlen(damages[i]));
        check_columns(&fixture, 2, 1);
        fixture_clear(&fixture);
    }
}

/* Names of digits by chance, which do not shrink to less than half. */
static void a_long_one_stays_outside(void **unused) {
    static char columns[TEXT_MAX];
    struct fixture fixture;
    uint32_t random = 7;
    size_t size = 0;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 12; i++) {
        for (int j = 0; j < 100; j++) {
            random = random * 1664525u + 1013904223u;
            size += (size_t)snprintf(columns + size, sizeof(columns) - size, "%s%08x",
                                     i > 0 && j == 0 ? "," : "", (unsigned)random);
        }
        size += (size_t)snprintf(columns + size, sizeof(columns) - size, ":int64");
    }
    fixture_init(&fixture, columns, "1,1,1,1,1,1,1,1,1,1,1,1");
    CHECK_OK(ktk_store_get(fixture.base, DOCUMENT, &bytes, NULL, &err));
    assert_true(bytes.size < 2048);
    ktk_bytes_clear(&bytes);
    check_columns(&fixture, 12, 1);
    fixture_clear(&fixture);
}

/* A folder next door has no use for it. */
static void documents_nearby_do_not_have_it(void **unused) {
    struct fixture fixture;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, "p:int64,x:int64", "1,1");
    write_rows(fixture.base, "w", KTK_UPDATE_CREATE, "p:int64,x:int64", "2,2");
    CHECK_OK(ktk_store_get(fixture.base, "w.by-dataset-metadata.json", &bytes, NULL, &err));
    assert_null(memmem(bytes.data, bytes.size, "KLUv", 4));
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktk_store_get(fixture.base, DOCUMENT, &bytes, NULL, &err));
    assert_non_null(memmem(bytes.data, bytes.size, "KLUv", 4)); /* how ZSTD data begin */
    ktk_bytes_clear(&bytes);
    fixture_clear(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_comes_with_the_document),
        cmocka_unit_test(a_commit_without_rows_keeps_it),
        cmocka_unit_test(a_document_that_others_rewrote_goes_with_the_file),
        cmocka_unit_test(a_file_without_its_commit_is_passed_over),
        cmocka_unit_test(a_damaged_one_is_fetched),
        cmocka_unit_test(a_long_one_stays_outside),
        cmocka_unit_test(documents_nearby_do_not_have_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
