#include "support/counting_store.h"
#include "support/failing_store.h"
#include "support/table.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/schema.h"
#include "base/context.h"
#include "base/json_read.h"
#include "dataset/snapshot.h"
#include "parquet/reader.h"

static ktk_context *context; /* of the case that runs */
static ktk_store *memory;

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(2);
    CHECK_OK(ktk_store_open(&memory, context, test_store_url(), &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(memory);
    test_context_free(context);
    return 0;
}

static void put(const char *key, const char *text) {
    ktk_error err;

    CHECK_OK(ktk_store_put(memory, key, text, strlen(text), NULL, NULL, &err));
}

static ktk_dataset *opened(ktk_store *store, const char *uuid) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
    return dataset;
}

/* ---- golden datasets ---- */

/* The dataset of the row before, which most rows are about too. */
static struct {
    char store_path[256];
    char uuid[128];
    ktk_store *store;
    ktk_dataset *dataset;
} current;

static void close_current(void) {
    ktk_dataset_free(current.dataset);
    ktk_store_free(current.store);
    memset(&current, 0, sizeof(current));
}

static ktk_dataset *golden(const char *store_path, const char *uuid) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    char url[4096];
    ktk_error err;

    if (strcmp(store_path, current.store_path) != 0 || strcmp(uuid, current.uuid) != 0) {
        close_current();
        (void)snprintf(current.store_path, sizeof(current.store_path), "%s", store_path);
        (void)snprintf(current.uuid, sizeof(current.uuid), "%s", uuid);
        (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/%s?create_if_missing=false",
                       root, store_path);
        CHECK_OK(ktk_store_open(&current.store, context, url, &err));
        current.dataset = opened(current.store, uuid);
    }
    return current.dataset;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_joined(const char *const *texts, int32_t count, const char *wanted) {
    char joined[1024] = "";

    for (int32_t i = 0; i < count; i++) {
        (void)strcat(joined, i == 0 ? "" : ",");
        (void)strcat(joined, texts[i]);
    }
    assert_string_equal(joined, wanted);
}

/* Store, dataset, explicit or not, partition keys, tables, number of partitions. */
static void check_dataset(const char *const *cells, size_t count) {
    ktk_dataset *dataset = golden(cells[0], cells[1]);
    const char *texts[16];
    int32_t table_count = ktk_dataset_table_count(dataset);

    (void)count;
    assert_string_equal(ktk_dataset_uuid(dataset), cells[1]);
    assert_string_equal(ktk_dataset_is_explicit(dataset) ? "explicit" : "implicit", cells[2]);
    assert_true(table_count < 16 && ktk_dataset_partition_key_count(dataset) < 16);
    for (int32_t i = 0; i < ktk_dataset_partition_key_count(dataset); i++) {
        texts[i] = ktk_dataset_partition_key(dataset, i);
        assert_int_equal(ktki_dataset_partition_key_find(dataset, texts[i]), i);
    }
    assert_int_equal(ktki_dataset_partition_key_find(dataset, "no such column"), -1);
    check_joined(texts, ktk_dataset_partition_key_count(dataset), cells[3]);
    for (int32_t i = 0; i < table_count; i++) {
        texts[i] = ktk_dataset_table(dataset, i);
    }
    qsort(texts, (size_t)table_count, sizeof(texts[0]), compare_names);
    check_joined(texts, table_count, cells[4]);
    assert_int_equal(ktk_dataset_partition_count(dataset), strtol(cells[5], NULL, 10));
}

/* Store, dataset, position, label, table, key. */
static void check_partition(const char *const *cells, size_t count) {
    ktk_dataset *dataset = golden(cells[0], cells[1]);
    int64_t position = strtol(cells[2], NULL, 10);

    (void)count;
    assert_string_equal(ktk_dataset_partition_label(dataset, position), cells[3]);
    assert_string_equal(ktk_dataset_partition_file(dataset, position, cells[4]), cells[5]);
    assert_null(ktk_dataset_partition_file(dataset, position, "no such table"));
}

/* One member of one entry of `columns` of the pandas metadata. */
static void check_pandas_type(const struct schema *schema, const char *column, const char *member,
                              const char *wanted) {
    const struct key_value *entry = ktki_schema_key_value(schema, "pandas");
    char found[128] = "";
    bool is_column = false;
    struct json_reader json;
    enum json_event event;
    ktk_error err;

    assert_non_null(entry);
    ktki_json_reader_init(&json, ktki_context_allocator(context), entry->value, entry->value_size,
                          64);
    do {
        CHECK_OK(ktki_json_next(&json, &event, &err));
        if (event == JSON_OBJECT_BEGIN) {
            found[0] = '\0';
        } else if (event == JSON_KEY && ktki_json_is(&json, "name")) {
            CHECK_OK(ktki_json_next(&json, &event, &err));
            is_column = event == JSON_STRING && ktki_json_is(&json, column);
        } else if (event == JSON_KEY && ktki_json_is(&json, member)) {
            CHECK_OK(ktki_json_next(&json, &event, &err));
            (void)snprintf(found, sizeof(found), "%.*s", (int)json.text_size, json.text);
        }
    } while (event != JSON_END && !(is_column && found[0] != '\0'));
    assert_string_equal(found, wanted);
    ktki_json_reader_clear(&json);
}

/* Store, dataset, table, position, column, type, pandas type, numpy type. */
static void check_column(const char *const *cells, size_t count) {
    ktk_dataset *dataset = golden(cells[0], cells[1]);
    int32_t position = (int32_t)strtol(cells[3], NULL, 10);
    struct schema *schema = NULL;
    struct buffer type;
    ktk_error err;

    (void)count;
    CHECK_OK(ktki_dataset_table_schema(&schema, dataset, cells[2], &err));
    assert_true(position < schema->field_count);
    assert_string_equal(schema->fields[position].name, cells[4]);
    ktki_buffer_init(&type, ktki_context_allocator(context), 0);
    CHECK_OK(ktki_field_type_text(&schema->fields[position], &type, &err));
    CHECK_OK(ktki_buffer_append_byte(&type, '\0', &err));
    assert_string_equal(type.data, cells[5]);
    ktki_buffer_clear(&type);
    if (strcmp(cells[6], "-") != 0) {
        check_pandas_type(schema, cells[4], "pandas_type", cells[6]);
        check_pandas_type(schema, cells[4], "numpy_type", cells[7]);
    }
}

static void shows_what_the_originals_wrote(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/dataset/golden_datasets.tsv", 6, check_dataset);
    test_for_each_row("tests/data/dataset/golden_partitions.tsv", 6, check_partition);
    close_current();
}

static void reads_the_schemas_that_the_originals_wrote(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/dataset/golden_columns.tsv", 8, check_column);
    close_current();
}

static void opens_the_files_of_partitions(void **unused) {
    ktk_dataset *dataset = golden("stores/k53/tutorial", "partitioned_dataset");
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_open_partition(&file, dataset, 0, NULL, &err));
    ktk_parquet_file_info(file, &info);
    assert_true(info.row_count > 0);
    ktk_parquet_file_free(file);
    file = TEST_POISON;
    CHECK_STATUS(ktk_dataset_open_partition(&file, dataset, 99, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_dataset_open_partition(&file, dataset, 0, "x", &err), KTK_E_NOT_FOUND);
    assert_ptr_equal(file, TEST_POISON);
    close_current();
}

/* ---- opening ---- */

static const char header[] = "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\"}";

static void opening_costs_one_get(void **unused) {
    struct counting_store counting = {0};
    ktk_store *store;
    ktk_dataset *dataset;
    const char *document;
    size_t size;
    ktk_error err;
    const char *text = "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": "
                       "{\"p\": {\"files\": {\"t\": \"u/t/p.parquet\"}}}}";

    (void)unused;
    put("u.by-dataset-metadata.json", text);
    store = counting_store_new(&counting, memory);
    dataset = opened(store, "u");
    assert_int_equal(counting_store_calls(&counting), 1);
    assert_string_equal(ktk_dataset_table(dataset, 0), "t");
    assert_ptr_equal(ktk_dataset_store(dataset), store);
    CHECK_OK(ktk_dataset_document(&document, &size, dataset, &err));
    assert_int_equal(size, strlen(text));
    assert_memory_equal(document, text, size);
    assert_string_equal(ktk_dataset_metadata(dataset, &size), "{}");
    assert_true(ktki_dataset_version(dataset)->text[0] != '\0');
    ktk_dataset_free(ktk_dataset_ref(dataset));
    ktk_dataset_free(dataset);
    ktk_store_free(store);
}

static void tells_a_missing_dataset_from_a_foreign_one(void **unused) {
    ktk_dataset *dataset = TEST_POISON;
    bool exists = true;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktk_dataset_open(&dataset, memory, "u", &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'u.by-dataset-metadata.json'");
    CHECK_MESSAGE("'u.by-dataset-metadata.msgpack.zstd'");
    CHECK_OK(ktk_dataset_exists(&exists, memory, "u", &err));
    assert_false(exists);
    put("u.by-dataset-metadata.msgpack.zstd", "x");
    CHECK_STATUS(ktk_dataset_open(&dataset, memory, "u", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("'u.by-dataset-metadata.msgpack.zstd': these are no ZSTD data");
    CHECK_OK(ktk_dataset_exists(&exists, memory, "u", &err));
    assert_true(exists);
    CHECK_STATUS(ktk_dataset_open(&dataset, memory, "a/b", &err), KTK_E_INVALID);
    put("u.by-dataset-metadata.json", "{\"dataset_uuid\": ");
    CHECK_STATUS(ktk_dataset_open(&dataset, memory, "u", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("'u.by-dataset-metadata.json'");
    assert_ptr_equal(dataset, TEST_POISON);
}

static void makes_a_snapshot_of_a_given_document(void **unused) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_from_document(&dataset, memory, header, strlen(header), &err));
    assert_string_equal(ktk_dataset_uuid(dataset), "u");
    assert_int_equal(ktki_dataset_version(dataset)->text[0], '\0');
    assert_false(ktk_dataset_is_explicit(dataset));
    ktk_dataset_free(dataset);
}

/* D-20: index files are no partitions. */
static void partitions_without_a_list_are_found_in_the_store(void **unused) {
    ktk_dataset *dataset;
    int64_t position;
    ktk_error err;

    (void)unused;
    put("u.by-dataset-metadata.json", header);
    put("u/core/A=1/B=a%20b/x.parquet", "");
    put("u/core/A=2/B=%2F/x.parquet.parquet", "");
    put("u/core/A=2/B=c/note.txt", "");
    put("u/core/_common_metadata", "");
    put("u/more/A=1/B=a%20b/x.parquet", "");
    put("u/indices/A/x.by-dataset-index.parquet", "");
    put("u/_ktk/v/x.parquet", "");
    put("u_ext/core/x.parquet", "");
    dataset = opened(memory, "u");
    assert_int_equal(ktk_dataset_partition_count(dataset), 2);
    assert_string_equal(ktk_dataset_partition_label(dataset, 0), "A=1/B=a%20b/x");
    assert_string_equal(ktk_dataset_partition_label(dataset, 1), "A=2/B=%2F/x");
    assert_string_equal(ktk_dataset_partition_file(dataset, 0, "more"),
                        "u/more/A=1/B=a%20b/x.parquet");
    assert_string_equal(ktk_dataset_partition_file(dataset, 1, "core"),
                        "u/core/A=2/B=%2F/x.parquet.parquet");
    assert_null(ktk_dataset_partition_file(dataset, 1, "more"));
    /* The first ones are looked for one by one. */
    for (int i = 0; i < 4; i++) {
        CHECK_OK(ktk_dataset_partition_find(&position, dataset, "A=2/B=%2F/x", &err));
        assert_int_equal(position, 1);
        CHECK_OK(ktk_dataset_partition_find(&position, dataset, "A=2/B=%2F", &err));
        assert_int_equal(position, -1);
    }
    assert_int_equal(ktk_dataset_table_count(dataset), 2);
    assert_int_equal(ktk_dataset_partition_key_count(dataset), 2);
    assert_string_equal(ktk_dataset_partition_key(dataset, 1), "B");
    ktk_dataset_free(dataset);
}

static void refuses_partitions_of_different_depth(void **unused) {
    ktk_dataset *dataset = TEST_POISON;
    ktk_error err;

    (void)unused;
    put("u.by-dataset-metadata.json", header);
    put("u/core/A=1/x.parquet", "");
    put("u/core/x.parquet", "");
    CHECK_STATUS(ktk_dataset_open(&dataset, memory, "u", &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("'u/core/x.parquet'");
    assert_ptr_equal(dataset, TEST_POISON);
}

static void tables_without_partitions_are_those_with_a_schema(void **unused) {
    ktk_dataset *dataset;

    (void)unused;
    put("u.by-dataset-metadata.json", "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", "
                                      "\"partitions\": {}, \"partition_keys\": []}");
    put("u/b/_common_metadata", "");
    put("u/a/_common_metadata", "");
    put("u/a/orphan.parquet", "");
    dataset = opened(memory, "u");
    assert_int_equal(ktk_dataset_table_count(dataset), 2);
    assert_string_equal(ktk_dataset_table(dataset, 0), "a");
    assert_string_equal(ktk_dataset_table(dataset, 1), "b");
    assert_int_equal(ktk_dataset_partition_count(dataset), 0);
    ktk_dataset_free(dataset);
}

static void derives_partition_keys_from_the_first_file(void **unused) {
    ktk_dataset *dataset;

    (void)unused;
    put("u.by-dataset-metadata.json",
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {\"p1\": "
        "{\"files\": {\"t\": \"u/t/i=1/j%20k=2/f.parquet\"}}}, \"indices\": {\"e\": {\"1\": "
        "[\"p1\"]}, \"loc\": \"u.loc.by-dataset-index.parquet\"}}");
    dataset = opened(memory, "u");
    assert_int_equal(ktk_dataset_partition_key_count(dataset), 2);
    assert_string_equal(ktk_dataset_partition_key(dataset, 0), "i");
    assert_string_equal(ktk_dataset_partition_key(dataset, 1), "j k");
    assert_int_equal(ktk_dataset_index_count(dataset), 2);
    assert_string_equal(ktk_dataset_index_column(dataset, 0), "e");
    assert_null(ktk_dataset_index_key(dataset, 0));
    assert_string_equal(ktk_dataset_index_key(dataset, 1), "u.loc.by-dataset-index.parquet");
    ktk_dataset_free(dataset);
}

/* ---- tables and schemas ---- */

static void put_two_tables(void) {
    put("u.by-dataset-metadata.json",
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {\"p1\": "
        "{\"files\": {\"core\": \"u/core/p1.parquet\", \"helper\": \"u/helper/p1.parquet\"}}}}");
}

static void a_table_must_be_named_if_there_are_several(void **unused) {
    const char *table = TEST_POISON;
    ktk_dataset *dataset;
    ktk_error err;

    (void)unused;
    put_two_tables();
    dataset = opened(memory, "u");
    CHECK_STATUS(ktki_dataset_resolve_table(&table, dataset, NULL, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'core', 'helper'");
    CHECK_STATUS(ktki_dataset_resolve_table(&table, dataset, "x", &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'x'");
    assert_ptr_equal(table, TEST_POISON);
    CHECK_OK(ktki_dataset_resolve_table(&table, dataset, "helper", &err));
    assert_string_equal(table, "helper");
    ktk_dataset_free(dataset);
}

static void schema_files_are_fetched_once_or_given(void **unused) {
    struct counting_store counting = {0};
    size_t size;
    uint8_t *bytes = test_read_source_file(
        "tests/data/golden/stores/k53/tutorial/my_dataset/table/_common_metadata", &size);
    struct schema *first = NULL;
    struct schema *second = NULL;
    ktk_dataset *dataset;
    struct ArrowSchema exported = {0};
    const void *data;
    size_t data_size;
    ktk_store *store;
    ktk_error err;

    (void)unused;
    put_two_tables();
    CHECK_OK(ktk_store_put(memory, "u/core/_common_metadata", bytes, size, NULL, NULL, &err));
    store = counting_store_new(&counting, memory);
    dataset = opened(store, "u");
    CHECK_OK(ktki_dataset_table_schema(&first, dataset, "core", &err));
    CHECK_OK(ktki_dataset_table_schema(&second, dataset, "core", &err));
    assert_ptr_equal(first, second);
    CHECK_OK(ktk_dataset_schema_file(dataset, "core", &data, &data_size, &err));
    assert_int_equal(data_size, size);
    assert_memory_equal(data, bytes, size);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_GET]), 2);

    CHECK_STATUS(ktki_dataset_table_schema(&second, dataset, "helper", &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'helper'");
    CHECK_OK(ktk_dataset_set_schema_file(dataset, "helper", bytes, size, &err));
    CHECK_OK(ktk_dataset_schema(dataset, "helper", &exported, &err));
    assert_int_equal(exported.n_children, first->field_count);
    exported.release(&exported);
    assert_int_equal(atomic_load(&counting.calls[STORE_CALL_GET]), 3);
    CHECK_STATUS(ktk_dataset_set_schema_file(dataset, "helper", bytes, 0, &err), KTK_E_INVALID);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_data_free(bytes);
}

static void *ask_for_schema(void *state) {
    struct schema *schema = NULL;

    return ktki_dataset_table_schema(&schema, state, NULL, NULL) == KTK_OK ? schema : NULL;
}

static void threads_share_one_schema(void **unused) {
    ktk_dataset *dataset = golden("stores/k53/tutorial", "my_dataset");
    pthread_t threads[8];
    void *schemas[8];

    (void)unused;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_schema, dataset), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &schemas[i]), 0);
    }
    assert_non_null(schemas[0]);
    for (size_t i = 1; i < 8; i++) {
        assert_ptr_equal(schemas[i], schemas[0]);
    }
    close_current();
}

/* ---- listing ---- */

struct list {
    char names[256];
    int32_t stop_after;
};

static ktk_status note(void *state, const char *uuid, ktk_error *err) {
    struct list *list = state;

    if (list->stop_after-- == 0) {
        return ktk_error_set(err, KTK_E_CANCELLED, "enough");
    }
    (void)strcat(list->names, uuid);
    (void)strcat(list->names, " ");
    return KTK_OK;
}

static void lists_each_dataset_once_by_name(void **unused) {
    struct list list = {.stop_after = -1};
    ktk_error err;

    (void)unused;
    put("a.by-dataset-metadata.json", "");
    put("a+b.by-dataset-metadata.msgpack.zstd", "");
    put("a-b.by-dataset-metadata.json", "");
    put("a.by-dataset-metadata.msgpack.zstd", "");
    put("folder/x.by-dataset-metadata.json", "");
    put(".by-dataset-metadata.json", "");
    put("b/table/x.parquet", "");
    put("Z.by-dataset-metadata.json", "");
    CHECK_OK(ktk_dataset_list(memory, note, &list, &err));
    assert_string_equal(list.names, "Z a a+b a-b ");
    list = (struct list){.stop_after = 2};
    CHECK_STATUS(ktk_dataset_list(memory, note, &list, &err), KTK_E_CANCELLED);
    assert_string_equal(list.names, "Z a ");
}

/* ---- faults ---- */

static ktk_status open_and_read(ktk_store *store, ktk_error *err) {
    struct schema *schema;
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, "u", err);

    if (status == KTK_OK) {
        status = ktki_dataset_table_schema(&schema, dataset, NULL, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

/* An implicit dataset with a schema: document, listing, schema file. */
static void put_implicit(ktk_store *store) {
    size_t size;
    uint8_t *bytes = test_read_source_file(
        "tests/data/golden/stores/k53/tutorial/my_dataset/table/_common_metadata", &size);
    ktk_error err;

    CHECK_OK(ktk_store_put(store, "u.by-dataset-metadata.json", header, strlen(header), NULL, NULL,
                           &err));
    CHECK_OK(ktk_store_put(store, "u/t/A=1/x.parquet", "", 0, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(store, "u/t/_common_metadata", bytes, size, NULL, NULL, &err));
    test_data_free(bytes);
}

static void passes_on_failures_of_the_store(void **unused) {
    bool finished = false;

    (void)unused;
    put_implicit(memory);
    for (int64_t n = 0; !finished; n++) {
        struct failing_store failing = {.fail_at = n};
        ktk_store *store = failing_store_new(&failing, memory);
        ktk_error err;
        ktk_status status = open_and_read(store, &err);

        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_IO);
        ktk_store_free(store);
    }
}

static void survives_lack_of_memory(void **unused) {
    char *folder = test_folder_new();
    bool finished = false;
    char url[4096];

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    {
        ktk_context *plain = test_context_new(1);
        ktk_store *store = NULL;
        ktk_error err;

        CHECK_OK(ktk_store_open(&store, plain, url, &err));
        put_implicit(store);
        ktk_store_free(store);
        test_context_free(plain);
    }
    for (int64_t n = 0; !finished; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_store *store = NULL;
        ktk_error err;
        ktk_status status = ktk_store_open(&store, failing, url, &err);

        if (status == KTK_OK) {
            status = open_and_read(store, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        ktk_store_free(store);
        test_context_free(failing);
    }
    test_folder_remove(folder);
}

/* ---- indices ---- */

static void put_indexed(ktk_store *store) {
    static const char document[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {\"p1\": "
        "{\"files\": {\"t\": \"u/t/p1.parquet\"}}}, \"partition_keys\": [], \"indices\": {"
        "\"ints\": {\"7\": [\"p1\", \"p2\"], \"-3\": [\"p2\"]}, \"floats\": {\"x\": [\"p1\"]}, "
        "\"nope\": {\"1\": []}, \"label\": \"u/missing.parquet\", \"bool\": \"u/bool.parquet\"}}";
    size_t size;
    uint8_t *bytes = test_read_source_file(
        "tests/data/golden/stores/k53/tutorial/my_dataset/table/_common_metadata", &size);
    ktk_error err;

    CHECK_OK(ktk_store_put(store, "u.by-dataset-metadata.json", document, strlen(document), NULL,
                           NULL, &err));
    CHECK_OK(ktk_store_put(store, "u/bool.parquet", "PAR1", 4, NULL, NULL, &err));
    CHECK_OK(ktk_store_put(store, "u/t/_common_metadata", bytes, size, NULL, NULL, &err));
    test_data_free(bytes);
}

static void an_embedded_index_is_a_stream(void **unused) {
    struct ArrowArrayStream stream = {.release = NULL};
    struct ArrowArray array = {.release = NULL};
    ktk_dataset *dataset;
    const int64_t *values;
    const int32_t *lists;
    const int32_t *texts;
    ktk_error err;

    (void)unused;
    put_indexed(memory);
    dataset = opened(memory, "u");
    CHECK_OK(ktk_dataset_index_stream(&stream, dataset, "ints", &err));
    ktk_dataset_free(dataset);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_int_equal(array.length, 2);
    assert_int_equal(array.n_children, 2);
    values = array.children[0]->buffers[1];
    lists = array.children[1]->buffers[1];
    texts = array.children[1]->children[0]->buffers[1];
    assert_int_equal(values[0], 7);
    assert_int_equal(values[1], -3);
    assert_int_equal(lists[1], 2);
    assert_int_equal(lists[2], 3);
    assert_int_equal(texts[3], 6);
    assert_memory_equal(array.children[1]->children[0]->buffers[2], "p1p2p2", 6);
    array.release(&array);
    stream.release(&stream);
}

static void an_index_that_cannot_be_read_is_named(void **unused) {
    static const struct {
        const char *column;
        ktk_status wanted;
        const char *part;
    } cases[] = {
        {"date", KTK_E_NOT_FOUND, "no index on column 'date'"},
        {"floats", KTK_E_CORRUPT, "index 'floats': 'x'"},
        {"nope", KTK_E_NOT_FOUND, "'nope'"},
        {"label", KTK_E_NOT_FOUND, "u/missing.parquet"},
        {"bool", KTK_E_CORRUPT, "u/bool.parquet"},
    };
    ktk_dataset *dataset;

    (void)unused;
    put_indexed(memory);
    dataset = opened(memory, "u");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ArrowArrayStream stream = {.release = NULL};
        ktk_error err;

        CHECK_STATUS(ktk_dataset_index_stream(&stream, dataset, cases[i].column, &err),
                     cases[i].wanted);
        CHECK_MESSAGE(cases[i].part);
        assert_null(stream.release);
    }
    ktk_dataset_free(dataset);
}

static void an_index_survives_lack_of_memory(void **unused) {
    char *folder = test_folder_new();
    bool finished = false;
    char url[4096];

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    for (int64_t n = -1; !finished; n++) {
        ktk_context *failing = n < 0 ? test_context_new(1) : test_context_failing(n);
        struct ArrowArrayStream stream = {.release = NULL};
        ktk_dataset *dataset = NULL;
        ktk_store *store = NULL;
        ktk_error err;
        ktk_status status = ktk_store_open(&store, failing, url, &err);

        if (n < 0) {
            put_indexed(store);
        }
        status = status != KTK_OK ? status : ktk_dataset_open(&dataset, store, "u", &err);
        status =
            status != KTK_OK ? status : ktk_dataset_index_stream(&stream, dataset, "ints", &err);
        finished = n >= 0 && status == KTK_OK;
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        if (stream.release != NULL) {
            stream.release(&stream);
        }
        ktk_dataset_free(dataset);
        ktk_store_free(store);
        test_context_free(failing);
    }
    test_folder_remove(folder);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(shows_what_the_originals_wrote),
        CASE(reads_the_schemas_that_the_originals_wrote),
        CASE(opens_the_files_of_partitions),
        CASE(opening_costs_one_get),
        CASE(tells_a_missing_dataset_from_a_foreign_one),
        CASE(makes_a_snapshot_of_a_given_document),
        CASE(partitions_without_a_list_are_found_in_the_store),
        CASE(refuses_partitions_of_different_depth),
        CASE(tables_without_partitions_are_those_with_a_schema),
        CASE(derives_partition_keys_from_the_first_file),
        CASE(a_table_must_be_named_if_there_are_several),
        CASE(schema_files_are_fetched_once_or_given),
        CASE(an_embedded_index_is_a_stream),
        CASE(an_index_that_cannot_be_read_is_named),
        cmocka_unit_test(an_index_survives_lack_of_memory),
        CASE(threads_share_one_schema),
        CASE(lists_each_dataset_once_by_name),
        CASE(passes_on_failures_of_the_store),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("dataset/snapshot", tests, NULL, NULL);
}
