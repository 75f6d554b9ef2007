#include "support/test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "dataset/document.h"

static struct document parsed(ktk_context *context, const char *text) {
    struct document document = {0};
    ktk_error err;

    CHECK_OK(ktki_document_parse(&document, context, text, strlen(text), &err));
    return document;
}

static void check_written(ktk_context *context, const struct document *document, const char *wanted,
                          size_t wanted_size) {
    struct buffer out;
    ktk_error err;

    ktki_buffer_init(&out, ktki_context_allocator(context), 0);
    CHECK_OK(ktki_document_write(document, &out, &err));
    if (out.size != wanted_size || memcmp(out.data, wanted, wanted_size) != 0) {
        fail_msg("wrote %.*s\nwanted %.*s", (int)out.size, (const char *)out.data, (int)wanted_size,
                 wanted);
    }
    ktki_buffer_clear(&out);
}

/* The example of the format's text, byte for byte. */
static const char partitioned[] =
    "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"demo+sales_1\", \"indices\": "
    "{\"store\": "
    "\"demo+sales_1/indices/store/"
    "2021-12-10T08%3A15%3A30.000042.by-dataset-index.parquet\"}, \"metadata\": "
    "{\"creation_time\": \"2021-12-10T08:15:29.912345\", \"owner\": \"team-a\"}, \"partitions\": "
    "{\"day=2021-12-01/0f8fad5bd9cb469fa16570867728950e\": {\"files\": {\"table\": "
    "\"demo+sales_1/table/day=2021-12-01/0f8fad5bd9cb469fa16570867728950e.parquet\"}}}, "
    "\"partition_keys\": [\"day\"]}";

static void reads_all_members(void **unused) {
    ktk_context *context = test_context_new(1);
    struct document document = parsed(context, partitioned);

    (void)unused;
    assert_int_equal(strlen(partitioned), 445);
    assert_int_equal(document.version, 4);
    assert_string_equal(document.uuid, "demo+sales_1");
    assert_int_equal(document.index_count, 1);
    assert_string_equal(document.indices[0].column, "store");
    assert_string_equal(document.indices[0].key, "demo+sales_1/indices/store/2021-12-10T08%3A15%"
                                                 "3A30.000042.by-dataset-index.parquet");
    assert_null(document.indices[0].embedded);
    assert_string_equal(
        document.metadata,
        "{\"creation_time\": \"2021-12-10T08:15:29.912345\", \"owner\": \"team-a\"}");
    assert_int_equal(document.metadata_size, strlen(document.metadata));
    assert_true(document.has_partitions);
    assert_int_equal(document.partition_count, 1);
    assert_string_equal(document.partitions[0].label,
                        "day=2021-12-01/0f8fad5bd9cb469fa16570867728950e");
    assert_int_equal(document.partitions[0].file_count, 1);
    assert_string_equal(document.partitions[0].files[0].table, "table");
    assert_string_equal(
        document.partitions[0].files[0].key,
        "demo+sales_1/table/day=2021-12-01/0f8fad5bd9cb469fa16570867728950e.parquet");
    assert_true(document.has_partition_keys);
    assert_int_equal(document.partition_key_count, 1);
    assert_string_equal(document.partition_keys[0], "day");
    assert_int_equal(document.unknown_size, 0);
    check_written(context, &document, partitioned, strlen(partitioned));
    ktki_document_clear(&document);
    test_context_free(context);
}

static void reads_legacy_documents(void **unused) {
    ktk_context *context = test_context_new(1);
    struct document document = parsed(
        context, "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": "
                 "{\"p1\": {\"files\": {\"t\": \"u/t/i=1/j=2/f.parquet\"}}}, \"indices\": "
                 "{\"product\": {\"1\": [\"p1\"], \"34\":[\"p1\"]}, \"loc\": "
                 "\"u.loc.by-dataset-index.parquet\"}}");

    (void)unused;
    assert_false(document.has_partition_keys);
    assert_int_equal(document.index_count, 2);
    assert_string_equal(document.indices[0].column, "product");
    assert_null(document.indices[0].key);
    assert_string_equal(document.indices[0].embedded, "{\"1\": [\"p1\"], \"34\":[\"p1\"]}");
    assert_string_equal(document.indices[1].key, "u.loc.by-dataset-index.parquet");
    assert_string_equal(document.metadata, "{}");
    ktki_document_clear(&document);
    test_context_free(context);
}

static void an_absent_list_is_not_an_empty_one(void **unused) {
    static const char header[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"metadata\": "
        "{\"creation_time\": \"2000-01-01T01:01:01.000001\"}, \"partition_keys\": [\"a\"]}";
    static const char empty[] = "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", "
                                "\"partitions\": {}, \"partition_keys\": []}";
    ktk_context *context = test_context_new(1);
    struct document document = parsed(context, header);

    (void)unused;
    assert_false(document.has_partitions);
    assert_int_equal(document.partition_count, 0);
    check_written(context, &document, header, strlen(header));
    ktki_document_clear(&document);

    document = parsed(context, empty);
    assert_true(document.has_partitions);
    assert_true(document.has_partition_keys);
    assert_int_equal(document.partition_count, 0);
    check_written(context, &document, empty, strlen(empty));
    ktki_document_clear(&document);
    test_context_free(context);
}

static void keeps_what_it_does_not_know(void **unused) {
    static const char text[] =
        "{\"a\":[1,{\"b\":null}],\"dataset_metadata_version\":4,\"table_meta\":{\"x\":1},"
        "\"dataset_uuid\":\"u\",\"\\u00fc\":\"\xC3\xBC\",\"partitions\":{\"p\":{\"more\":[1],"
        "\"files\":{}}}}";
    static const char wanted[] =
        "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": {\"p\": "
        "{\"files\": {}}}, \"a\": [1, {\"b\": null}], \"\\u00fc\": \"\\u00fc\"}";
    ktk_context *context = test_context_new(1);
    struct document document = parsed(context, text);

    (void)unused;
    check_written(context, &document, wanted, strlen(wanted));
    ktki_document_clear(&document);
    test_context_free(context);
}

static void the_last_of_equal_labels_counts_in_the_place_of_the_first(void **unused) {
    ktk_context *context = test_context_new(1);
    struct document document = parsed(
        context, "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": "
                 "{\"p\": {\"files\": {\"t\": \"old\"}}, \"q\": {\"files\": {}}, "
                 "\"\\u0070\": {\"files\": {\"t\": \"new\"}}}}");

    (void)unused;
    assert_int_equal(document.partition_count, 2);
    assert_string_equal(document.partitions[0].label, "p");
    assert_string_equal(document.partitions[0].files[0].key, "new");
    assert_string_equal(document.partitions[1].label, "q");
    ktki_document_clear(&document);
    test_context_free(context);
}

/* D-32: the names in a million partitions cost no memory of their own. */
static void one_pointer_stands_for_each_table_name(void **unused) {
    ktk_context *context = test_context_new(1);
    struct document document = parsed(
        context, "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"partitions\": "
                 "{\"p\": {\"files\": {\"a\": \"1\", \"b\": \"2\"}}, \"q\": {\"files\": {\"b\": "
                 "\"3\", \"a\": \"4\"}}}}");

    (void)unused;
    assert_ptr_equal(document.partitions[0].files[0].table, document.partitions[1].files[1].table);
    assert_ptr_equal(document.partitions[0].files[1].table, document.partitions[1].files[0].table);
    assert_string_equal(document.partitions[1].files[0].table, "b");
    ktki_document_clear(&document);
    test_context_free(context);
}

/* D-40 */
static void nonfinite_metadata_is_read_but_not_written(void **unused) {
    ktk_context *context = test_context_new(1);
    struct document document =
        parsed(context, "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\", \"metadata\": "
                        "{\"x\": [NaN, -Infinity]}}");
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, ktki_context_allocator(context), 0);
    assert_string_equal(document.metadata, "{\"x\": [NaN, -Infinity]}");
    CHECK_STATUS(ktki_document_write(&document, &out, &err), KTK_E_INVALID);
    assert_int_equal(out.size, 0);
    ktki_buffer_clear(&out);
    ktki_document_clear(&document);
    test_context_free(context);
}

static void refuses_what_is_no_document(void **unused) {
    static const struct {
        const char *text;
        ktk_status wanted;
        const char *part;
    } cases[] = {
        {"", KTK_E_CORRUPT, ""},
        {"[]", KTK_E_CORRUPT, "map"},
        {"{}", KTK_E_CORRUPT, "dataset_metadata_version"},
        {"{\"dataset_metadata_version\": 4}", KTK_E_CORRUPT, "dataset_uuid"},
        {"{\"dataset_metadata_version\": 3, \"partitions\": {\"p\": \"x\"}}", KTK_E_UNSUPPORTED,
         "version 3"},
        {"{\"dataset_metadata_version\": 5}", KTK_E_UNSUPPORTED, "version 5"},
        {"{\"dataset_metadata_version\": 4.0}", KTK_E_CORRUPT, "whole number"},
        {"{\"dataset_metadata_version\": \"4\"}", KTK_E_CORRUPT, "dataset_metadata_version"},
        {"{\"dataset_uuid\": 4}", KTK_E_CORRUPT, "dataset_uuid"},
        {"{\"dataset_uuid\": \"a\\u0000b\"}", KTK_E_CORRUPT, "NUL"},
        {"{\"partitions\": []}", KTK_E_CORRUPT, "partitions"},
        {"{\"partitions\": {\"p\": \"file\"}}", KTK_E_CORRUPT, "partitions"},
        {"{\"partitions\": {\"p\": {\"files\": [1]}}}", KTK_E_CORRUPT, "files"},
        {"{\"partitions\": {\"p\": {\"files\": {\"t\": 1}}}}", KTK_E_CORRUPT, "file"},
        {"{\"partition_keys\": \"a\"}", KTK_E_CORRUPT, "partition_keys"},
        {"{\"partition_keys\": [1]}", KTK_E_CORRUPT, "partition_keys"},
        {"{\"indices\": {\"a\": 1}}", KTK_E_CORRUPT, "indices"},
        {"{\"metadata\": []}", KTK_E_CORRUPT, "metadata"},
        {"{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\"} x", KTK_E_CORRUPT, ""},
        {"{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"u\"", KTK_E_CORRUPT, ""},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct document document = {.uuid = TEST_POISON};
        ktk_error err;

        CHECK_STATUS(
            ktki_document_parse(&document, context, cases[i].text, strlen(cases[i].text), &err),
            cases[i].wanted);
        CHECK_MESSAGE(cases[i].part);
        assert_ptr_equal(document.uuid, TEST_POISON);
    }
    test_context_free(context);
}

static bool is_rewritten_differently(const char *path) {
    /* The one has members of its own, the other's NaN must not be written. */
    return strstr(path, "/legacy_minimal.") != NULL || strstr(path, "/meta_nan.") != NULL;
}

static void documents_of_the_originals_survive_byte_for_byte(void **unused) {
    ktk_context *context = test_context_new(1);
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    char pattern[4096];
    glob_t found;

    (void)unused;
    (void)snprintf(pattern, sizeof(pattern),
                   "%s/tests/data/golden/stores/*/*/*.by-dataset-metadata.json", root);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 200);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        size_t size;
        uint8_t *text = test_read_source_file(found.gl_pathv[i] + strlen(root) + 1, &size);
        struct document document = {0};
        ktk_error err;

        CHECK_OK(ktki_document_parse(&document, context, (const char *)text, size, &err));
        if (!is_rewritten_differently(found.gl_pathv[i])) {
            check_written(context, &document, (const char *)text, size);
        }
        ktki_document_clear(&document);
        test_data_free(text);
    }
    globfree(&found);
    test_context_free(context);
}

static void survives_lack_of_memory(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        struct document document = {0};
        struct buffer out;
        ktk_error err;
        ktk_status status =
            ktki_document_parse(&document, context, partitioned, strlen(partitioned), &err);

        ktki_buffer_init(&out, ktki_context_allocator(context), 0);
        if (status == KTK_OK) {
            status = ktki_document_write(&document, &out, &err);
            ktki_document_clear(&document);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&out);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_members),
        cmocka_unit_test(reads_legacy_documents),
        cmocka_unit_test(an_absent_list_is_not_an_empty_one),
        cmocka_unit_test(keeps_what_it_does_not_know),
        cmocka_unit_test(the_last_of_equal_labels_counts_in_the_place_of_the_first),
        cmocka_unit_test(one_pointer_stands_for_each_table_name),
        cmocka_unit_test(nonfinite_metadata_is_read_but_not_written),
        cmocka_unit_test(refuses_what_is_no_document),
        cmocka_unit_test(documents_of_the_originals_survive_byte_for_byte),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("dataset/document", tests, NULL, NULL);
}
