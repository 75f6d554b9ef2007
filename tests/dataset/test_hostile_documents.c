/* Documents that nobody honest wrote: what is wrong is said, or what is odd is read as Python does;
 * nothing outside of the store is reached. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/context.h"
#include "dataset/snapshot.h"

static ktk_context *context; /* of the case that runs */
static ktk_store *store;
static char *folder;

static int set_up(void **unused) {
    char url[4096];
    ktk_error err;

    (void)unused;
    context = test_context_new(2);
    folder = test_folder_new();
    (void)snprintf(url, sizeof(url), "hfs://%s/inner", folder);
    CHECK_OK(ktk_store_open(&store, context, url, &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(store);
    test_folder_remove(folder);
    test_context_free(context);
    return 0;
}

#define BEGIN "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"d\""

static ktk_status open_text(ktk_dataset **out, const char *text, size_t size, ktk_error *err) {
    ktk_status status =
        ktk_store_put(store, "d.by-dataset-metadata.json", text, size, NULL, NULL, err);

    assert_int_equal(status, KTK_OK);
    return ktk_dataset_open(out, store, "d", err);
}

static ktk_dataset *opened(const char *text) {
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(open_text(&dataset, text, strlen(text), &err));
    return dataset;
}

/* ---- refused as a whole ---- */

#define VALUES 6

/* Each member with a value of each other kind. */
static void refuses_members_of_the_wrong_type(void **unused) {
    static const char *const values[VALUES] = {"1", "\"x\"", "true", "null", "[{}]", "{\"a\": 1}"};
    static const struct {
        const char *begin; /* up to the value */
        const char *end;
        const char *allowed; /* a letter for each value: '+' if it is one */
    } places[] = {
        {"{\"dataset_uuid\": \"d\", \"dataset_metadata_version\": ", "}", "------"},
        {"{\"dataset_metadata_version\": 4, \"dataset_uuid\": ", "}", "-+----"},
        {BEGIN ", \"metadata\": ", "}", "---+-+"},
        {BEGIN ", \"partition_keys\": ", "}", "---+--"},
        {BEGIN ", \"partition_keys\": [", "]}", "-+----"},
        {BEGIN ", \"indices\": ", "}", "------"},
        {BEGIN ", \"indices\": {\"c\": ", "}}", "-+---+"},
        {BEGIN ", \"partitions\": ", "}", "------"},
        {BEGIN ", \"partitions\": {\"p\": ", "}}", "-----+"},
        {BEGIN ", \"partitions\": {\"p\": {\"files\": ", "}}}", "------"},
        {BEGIN ", \"partitions\": {\"p\": {\"files\": {\"t\": ", "}}}}", "-+----"},
        {BEGIN ", \"anything\": ", "}", "++++++"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        for (size_t j = 0; j < VALUES; j++) {
            bool is_allowed = places[i].allowed[j] == '+';
            ktk_dataset *dataset = TEST_POISON;
            char text[512];
            ktk_status status;
            ktk_error err = {0};

            (void)snprintf(text, sizeof(text), "%s%s%s", places[i].begin, values[j], places[i].end);
            status = open_text(&dataset, text, strlen(text), &err);
            if (is_allowed) {
                CHECK_OK(status);
                ktk_dataset_free(dataset);
            } else if (status != KTK_E_CORRUPT && status != KTK_E_UNSUPPORTED) {
                fail_msg("%s: %s: %s", text, ktk_status_name(status), err.message);
            } else {
                CHECK_MESSAGE("metadata 'd.by-dataset-metadata.json'");
                assert_ptr_equal(dataset, TEST_POISON);
            }
        }
    }
}

static void refuses_names_that_lead_elsewhere(void **unused) {
    static const char *const uuids[] = {"", "..", "../d", "/d", "d/e", "d\\u0000", "d\\\\e", "d.e"};

    (void)unused;
    for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
        ktk_dataset *dataset = TEST_POISON;
        char text[512];
        ktk_error err;

        (void)snprintf(text, sizeof(text),
                       "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"%s\"}", uuids[i]);
        CHECK_STATUS(open_text(&dataset, text, strlen(text), &err), KTK_E_CORRUPT);
        CHECK_MESSAGE("dataset_uuid");
        assert_ptr_equal(dataset, TEST_POISON);
    }
}

static void refuses_names_with_nul(void **unused) {
    static const char *const texts[] = {
        BEGIN ", \"partitions\": {\"a\\u0000b\": {}}}",
        BEGIN ", \"partitions\": {\"a\": {\"files\": {\"t\\u0000\": \"k\"}}}}",
        BEGIN ", \"partitions\": {\"a\": {\"files\": {\"t\": \"d/t/a\\u0000\"}}}}",
        BEGIN ", \"partition_keys\": [\"\\u0000\"]}",
        BEGIN ", \"indices\": {\"\\u0000\": {}}}",
        BEGIN ", \"indices\": {\"c\": \"d/indices/c\\u0000\"}}",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ktk_dataset *dataset = TEST_POISON;
        ktk_error err;

        CHECK_STATUS(open_text(&dataset, texts[i], strlen(texts[i]), &err), KTK_E_CORRUPT);
        CHECK_MESSAGE("a name holds a NUL");
        assert_ptr_equal(dataset, TEST_POISON);
    }
}

static void refuses_deep_nesting(void **unused) {
    static const char *const places[] = {"metadata", "anything", "partitions", "indices"};

    (void)unused;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct buffer text;
        ktk_dataset *dataset = TEST_POISON;
        ktk_error err;

        ktki_buffer_init(&text, test_allocator(), 0);
        CHECK_OK(ktki_buffer_append_format(&text, &err, BEGIN ", \"%s\": ", places[i]));
        for (int level = 0; level < 300; level++) {
            CHECK_OK(ktki_buffer_append_text(&text, "{\"a\": ", &err));
        }
        CHECK_OK(ktki_buffer_append_text(&text, "1", &err));
        for (int level = 0; level <= 300; level++) {
            CHECK_OK(ktki_buffer_append_text(&text, "}", &err));
        }
        assert_int_not_equal(open_text(&dataset, (const char *)text.data, text.size, &err), KTK_OK);
        assert_ptr_equal(dataset, TEST_POISON);
        if (i < 2) { /* the others are wrong before they are deep */
            assert_int_equal(err.status, KTK_E_LIMIT);
            CHECK_MESSAGE("nested deeper than 64 levels");
        }
        ktki_buffer_clear(&text);
    }
}

/* ---- read, but no further than the store reaches ---- */

/* Other keys of the store may be named, the originals read them; what leads out of it is refused
 * when it is opened, and the file beside the store is not even looked at. */
static void reaches_nothing_outside_of_the_store(void **unused) {
    static const struct {
        const char *key; /* as JSON */
        ktk_status status;
    } cases[] = {
        {"../outside.parquet", KTK_E_INVALID},
        {"d/../../outside.parquet", KTK_E_INVALID},
        {"/etc/passwd", KTK_E_INVALID},
        {"d//table/a.parquet", KTK_E_INVALID},
        {"./d", KTK_E_INVALID},
        {"d/t\\u00e4ble/a.parquet", KTK_E_INVALID},
        {"a\\nb", KTK_E_INVALID},
        {"", KTK_E_INVALID},
        {"..\\\\outside.parquet", KTK_E_NOT_FOUND}, /* a plain name here */
        {"e/table/b.parquet", KTK_E_CORRUPT}, /* is there, of another dataset, and no Parquet */
        {"d.by-dataset-metadata.json", KTK_E_CORRUPT},
        {"e/table", KTK_E_NOT_FOUND}, /* a folder */
    };
    char path[4096];
    FILE *outside;
    ktk_error err;

    (void)unused;
    (void)snprintf(path, sizeof(path), "%s/outside.parquet", folder);
    outside = fopen(path, "w");
    assert_non_null(outside);
    assert_int_equal(fclose(outside), 0);
    CHECK_OK(ktk_store_put(store, "e/table/b.parquet", "text", 4, NULL, NULL, &err));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_parquet_file *file = TEST_POISON;
        ktk_dataset *dataset;
        ktk_status status;
        char text[512];

        (void)snprintf(text, sizeof(text),
                       BEGIN ", \"partitions\": {\"p\": {\"files\": {\"table\": \"%s\"}}}}",
                       cases[i].key);
        dataset = opened(text);
        status = ktk_dataset_open_partition(&file, dataset, 0, "table", &err);
        if (status != cases[i].status) {
            fail_msg("%s: %s: %s", cases[i].key, ktk_status_name(status), err.message);
        }
        assert_ptr_equal(file, TEST_POISON);
        ktk_dataset_free(dataset);
    }
}

static void schemas_of_odd_tables_are_not_looked_for_outside(void **unused) {
    static const char *const tables[] = {"../..", "", "/", "a//b", "../../outside"};

    (void)unused;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct schema *schema = TEST_POISON;
        ktk_dataset *dataset;
        char text[512];
        ktk_error err;

        (void)snprintf(text, sizeof(text),
                       BEGIN ", \"partitions\": {\"p\": {\"files\": {\"%s\": \"k\"}}}}", tables[i]);
        dataset = opened(text);
        CHECK_STATUS(ktki_dataset_table_schema(&schema, dataset, tables[i], &err), KTK_E_INVALID);
        assert_ptr_equal(schema, TEST_POISON);
        ktk_dataset_free(dataset);
    }
}

/* ---- read as Python does ---- */

static void the_last_of_equal_names_counts(void **unused) {
    ktk_dataset *dataset =
        opened(BEGIN ", \"partitions\": {\"x\": {}}, \"partitions\": {"
                     "\"p\": {\"files\": {\"t\": \"1\"}}, \"q\": {\"files\": {\"t\": \"2\", \"u\": "
                     "\"3\", \"t\": \"4\"}, \"files\": {\"u\": \"5\", \"t\": \"6\", \"u\": \"7\"}},"
                     "\"p\": {\"files\": {\"t\": \"8\"}}}, \"partition_keys\": [\"a\"], "
                     "\"partition_keys\": [\"b\"], \"indices\": {\"c\": \"9\", \"e\": \"10\", "
                     "\"c\": \"11\"}}");

    (void)unused;
    assert_int_equal(ktk_dataset_partition_count(dataset), 2);
    assert_string_equal(ktk_dataset_partition_label(dataset, 0), "p");
    assert_string_equal(ktk_dataset_partition_file(dataset, 0, "t"), "8");
    assert_string_equal(ktk_dataset_partition_label(dataset, 1), "q");
    assert_string_equal(ktk_dataset_partition_file(dataset, 1, "t"), "6");
    assert_string_equal(ktk_dataset_partition_file(dataset, 1, "u"), "7");
    assert_int_equal(ktki_dataset_document(dataset)->partitions[1].file_count, 2);
    assert_int_equal(ktk_dataset_partition_key_count(dataset), 1);
    assert_string_equal(ktk_dataset_partition_key(dataset, 0), "b");
    assert_int_equal(ktk_dataset_index_count(dataset), 2);
    assert_string_equal(ktk_dataset_index_column(dataset, 0), "c");
    assert_string_equal(ktk_dataset_index_key(dataset, 0), "11");
    assert_string_equal(ktk_dataset_index_column(dataset, 1), "e");
    ktk_dataset_free(dataset);
}

/* A map of many names must not take the square of their number; neither must equal labels. */
static void reads_many_names_of_each_kind(void **unused) {
    enum { COUNT = 200000 };
    static const struct {
        const char *begin;
        const char *item[2]; /* around the number of the item */
        const char *end;
    } cases[] = {
        {", \"partitions\": {", {"\"p", "\": {}"}, "}}"},
        {", \"partitions\": {", {"\"p\": {\"files\": {\"t", "\": \"k\"}}"}, "}}"},
        {", \"partitions\": {\"p\": {\"files\": {", {"\"t", "\": \"k\""}, "}}}}"},
        {", \"partitions\": {\"p\": {\"files\": {", {"\"t\": \"k", "\""}, "}}}}"},
        {", \"indices\": {", {"\"c", "\": \"k\""}, "}}"},
        {", \"partition_keys\": [", {"\"c", "\""}, "]}"},
    };
    static const int64_t partitions[] = {COUNT, 1, 1, 1, 0, 0};

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text;
        ktk_dataset *dataset;
        ktk_error err;

        ktki_buffer_init(&text, test_allocator(), 0);
        CHECK_OK(ktki_buffer_append_format(&text, &err, BEGIN "%s", cases[i].begin));
        for (int item = 0; item < COUNT; item++) {
            CHECK_OK(ktki_buffer_append_format(&text, &err, "%s%s%d%s", item > 0 ? ", " : "",
                                               cases[i].item[0], item, cases[i].item[1]));
        }
        CHECK_OK(ktki_buffer_append_text(&text, cases[i].end, &err));
        CHECK_OK(ktki_buffer_append_byte(&text, '\0', &err));
        dataset = opened((const char *)text.data);
        assert_int_equal(ktk_dataset_partition_count(dataset), partitions[i]);
        ktk_dataset_free(dataset);
        ktki_buffer_clear(&text);
    }
}

static void survives_lack_of_memory(void **unused) {
    const char text[] =
        BEGIN ", \"partitions\": {\"p\": {\"files\": {\"t\": \"1\", \"u\": \"2\", \"t\": \"3\"}}, "
              "\"p\": {}}, \"indices\": {\"c\": \"9\", \"e\": {}, \"c\": \"11\"}}";
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        ktk_context *failing = test_context_failing(n);
        struct document document = {.uuid = TEST_POISON};
        ktk_status status;
        ktk_error err;

        status = ktki_document_parse(&document, failing, text, strlen(text), &err);
        done = status == KTK_OK;
        if (done) {
            assert_int_equal(document.partition_count, 1);
            ktki_document_clear(&document);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(document.uuid, TEST_POISON);
        }
        test_context_free(failing);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(refuses_members_of_the_wrong_type),
        CASE(refuses_names_that_lead_elsewhere),
        CASE(refuses_names_with_nul),
        CASE(refuses_deep_nesting),
        CASE(reaches_nothing_outside_of_the_store),
        CASE(schemas_of_odd_tables_are_not_looked_for_outside),
        CASE(the_last_of_equal_names_counts),
        CASE(reads_many_names_of_each_kind),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
