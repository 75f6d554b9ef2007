#include "support/test.h"

#include <stdio.h>

#include <kartothek/parquet.h>

#define STORES "tests/data/golden/stores/k53/"
#define GROUPS STORES "serialisers/row_groups/table/9cf7448d4b54450093449ec0394abc21.parquet"
#define NULLS STORES "types/types_nulls/table/0cc1b54f60004268ad620fe595e3a861.parquet"

struct fixture {
    ktk_context *context;
    ktk_parquet_file *file;
    uint8_t *data;
};

static void begin(struct fixture *fixture, const char *path) {
    size_t size = 0;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    fixture->context = test_context_new(1);
    fixture->data = test_read_source_file(path, &size);
    bytes.data = fixture->data;
    bytes.size = size;
    CHECK_OK(ktk_parquet_open_bytes(&fixture->file, fixture->context, &bytes, &err));
}

static void end(struct fixture *fixture) {
    ktk_parquet_file_free(fixture->file);
    test_data_free(fixture->data);
    test_context_free(fixture->context);
}

/* What pyarrow says of these files. */
static void tells_facts_of_a_file(void **unused) {
    struct fixture fixture;
    ktk_parquet_info info;
    ktk_parquet_row_group_info group;
    ktk_error err;

    (void)unused;
    begin(&fixture, GROUPS);
    ktk_parquet_file_info(fixture.file, &info);
    assert_int_equal(info.row_count, 40);
    assert_int_equal(info.row_group_count, 6);
    assert_int_equal(info.leaf_count, 4);
    assert_int_equal(info.version, 2);
    assert_int_equal(info.footer_size, 4495);
    assert_string_equal(info.created_by, "parquet-cpp-arrow version 6.0.1");
    CHECK_OK(ktk_parquet_row_group_info_get(fixture.file, 5, &group, &err));
    assert_int_equal(group.row_count, 5);
    CHECK_STATUS(ktk_parquet_row_group_info_get(fixture.file, 6, &group, &err), KTK_E_INVALID);
    CHECK_MESSAGE("no row group 6");
    CHECK_STATUS(ktk_parquet_row_group_info_get(fixture.file, -1, &group, &err), KTK_E_INVALID);
    end(&fixture);
}

/* D-27: compressed sizes are those of what is stored. */
static void tells_both_sizes_of_a_row_group(void **unused) {
    struct fixture fixture;
    ktk_parquet_column_info info;
    ktk_parquet_row_group_info group;
    int64_t compressed = 0;
    int64_t uncompressed = 0;
    ktk_error err;

    (void)unused;
    begin(&fixture, GROUPS);
    for (int32_t i = 0; i < 4; i++) {
        CHECK_OK(ktk_parquet_column_info_get(fixture.file, 1, i, &info, &err));
        compressed += info.compressed_size;
        uncompressed += info.uncompressed_size;
    }
    CHECK_OK(ktk_parquet_row_group_info_get(fixture.file, 1, &group, &err));
    assert_int_equal(group.compressed_size, compressed);
    assert_int_equal(group.uncompressed_size, uncompressed);
    assert_int_not_equal(compressed, uncompressed);
    end(&fixture);
}

static void tells_facts_of_a_column_chunk(void **unused) {
    struct fixture fixture;
    ktk_parquet_column_info info;
    ktk_parquet_column_info again;
    ktk_error err;

    (void)unused;
    begin(&fixture, GROUPS);
    CHECK_OK(ktk_parquet_column_info_get(fixture.file, 1, 2, &info, &err));
    assert_string_equal(info.path, "s");
    assert_string_equal(info.physical_type, "BYTE_ARRAY");
    assert_string_equal(info.logical_type, "STRING");
    assert_string_equal(info.codec, "SNAPPY");
    assert_string_equal(info.encodings, "RLE_DICTIONARY, PLAIN, RLE");
    assert_int_equal(info.value_count, 7);
    assert_int_equal(info.compressed_size, 89);
    assert_int_equal(info.uncompressed_size, 85);
    assert_int_equal(info.null_count, 1);
    assert_string_equal(info.minimum, "alpha");
    assert_string_equal(info.maximum, "gamma");
    CHECK_OK(ktk_parquet_column_info_get(fixture.file, 1, 2, &again, &err));
    assert_ptr_equal(again.minimum, info.minimum); /* made once */
    CHECK_OK(ktk_parquet_column_info_get(fixture.file, 1, 3, &info, &err));
    assert_string_equal(info.logical_type, "TIMESTAMP(MICROS, UTC=false)");
    assert_string_equal(info.minimum, "2020-01-01 14:11:45");
    CHECK_STATUS(ktk_parquet_column_info_get(fixture.file, 1, 4, &info, &err), KTK_E_INVALID);
    CHECK_MESSAGE("no leaf column 4");
    CHECK_STATUS(ktk_parquet_column_info_get(fixture.file, 9, 0, &info, &err), KTK_E_INVALID);
    end(&fixture);
}

static void shows_statistics_of_every_type(void **unused) {
    static const struct {
        int32_t leaf;
        const char *logical;
        const char *minimum;
        const char *maximum;
        int64_t null_count;
    } cases[] = {
        {0, "", "-inf", "inf", 1},
        {2, "", "true", "true", 2},
        {3, "STRING", "grüße 日本 😀", "plain", 2},
        {4, "", "0001ff", "plain", 2}, /* bytes: shown as text where they are one */
        {5, "DATE", "0001-01-01", "9999-12-31", 2},
        {6, "TIMESTAMP(MICROS, UTC=false)", "1677-09-21 00:12:43.145225",
         "2262-04-11 23:47:16.854775", 2},
        {9, "DECIMAL(5, 2)", "0.00", "999.99", 2},
        {11, "DECIMAL(38, 0)", "0", "99999999999999999999999999999999999999", 2},
        {12, "TIME(MICROS, UTC=true)", "00:00:00", "12:00:00", 2},
        {13, "STRING", "b", "c", 2},
        {18, "INTEGER(8, signed)", "-128", "127", 2},
        {21, "INTEGER(16, unsigned)", "0", "65535", 2},
        {25, "INTEGER(64, unsigned)", "0", "18446744073709551615", 2},
        {26, "", "false", "true", 2},
        {27, "STRING", "", "z", 2},
        {28, "NULL", NULL, NULL, -1},
        {29, "", NULL, NULL, 5},
    };
    struct fixture fixture;
    ktk_parquet_column_info info;
    ktk_error err;

    (void)unused;
    begin(&fixture, NULLS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_OK(ktk_parquet_column_info_get(fixture.file, 0, cases[i].leaf, &info, &err));
        assert_string_equal(info.logical_type, cases[i].logical);
        assert_int_equal(info.null_count, cases[i].null_count);
        if (cases[i].minimum == NULL) {
            assert_null(info.minimum);
            assert_null(info.maximum);
        } else {
            assert_string_equal(info.minimum, cases[i].minimum);
            assert_string_equal(info.maximum, cases[i].maximum);
        }
    }
    end(&fixture);
}

/* ---- nodes of the schema, metadata, pages ---- */

#define LISTS "tests/data/golden/parquet/arrow-compat/0.17.1.parquet"

static void tells_the_nodes_of_the_schema(void **unused) {
    static const ktk_parquet_element wanted[] = {
        {"schema", "", NULL, "", 0, -1, 27},
        {"array_float32", "OPTIONAL", NULL, "LIST", 0, -1, 1},
        {"list", "REPEATED", NULL, "", 0, -1, 1},
        {"item", "OPTIONAL", "FLOAT", "", 0, -1, 0},
    };
    struct fixture fixture;
    ktk_parquet_element element;
    ktk_parquet_element again;
    ktk_parquet_info info;
    ktk_error err;

    (void)unused;
    begin(&fixture, LISTS);
    ktk_parquet_file_info(fixture.file, &info);
    assert_int_equal(info.element_count, 1 + 11 * 3 + 16);
    for (int32_t i = 0; i < 4; i++) {
        CHECK_OK(ktk_parquet_element_get(fixture.file, i, &element, &err));
        assert_string_equal(element.name, wanted[i].name);
        assert_string_equal(element.repetition, wanted[i].repetition);
        assert_string_equal(element.logical_type, wanted[i].logical_type);
        assert_int_equal(element.child_count, wanted[i].child_count);
        if (wanted[i].physical_type == NULL) {
            assert_null(element.physical_type);
        } else {
            assert_string_equal(element.physical_type, wanted[i].physical_type);
        }
    }
    CHECK_OK(ktk_parquet_element_get(fixture.file, 3, &again, &err));
    assert_ptr_equal(again.logical_type, element.logical_type); /* made once */
    CHECK_STATUS(ktk_parquet_element_get(fixture.file, info.element_count, &element, &err),
                 KTK_E_INVALID);
    CHECK_STATUS(ktk_parquet_element_get(fixture.file, -1, &element, &err), KTK_E_INVALID);
    CHECK_MESSAGE("no schema element -1");
    end(&fixture);
}

static void tells_metadata_entries_by_number(void **unused) {
    struct fixture fixture;
    ktk_parquet_info info;
    const char *key = NULL;
    const char *value = NULL;
    size_t size = 0;
    ktk_error err;

    (void)unused;
    begin(&fixture, GROUPS);
    ktk_parquet_file_info(fixture.file, &info);
    assert_int_equal(info.key_value_count, 2);
    CHECK_OK(ktk_parquet_key_value_get(fixture.file, 0, &key, &value, &size, &err));
    assert_string_equal(key, "pandas");
    assert_ptr_equal(value, ktk_parquet_key_value(fixture.file, "pandas", NULL));
    assert_int_equal(size, strlen(value));
    CHECK_STATUS(ktk_parquet_key_value_get(fixture.file, 2, &key, &value, &size, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("no metadata entry 2");
    end(&fixture);
}

struct seen_pages {
    ktk_parquet_page pages[8];
    char minimum[32];
    size_t count;
    size_t stop_after;
};

static ktk_status see_page(void *state, const ktk_parquet_page *page, ktk_error *err) {
    struct seen_pages *seen = state;

    if (seen->count == seen->stop_after) {
        return ktk_error_set(err, KTK_E_CANCELLED, "enough");
    }
    assert_true(seen->count < sizeof(seen->pages) / sizeof(seen->pages[0]));
    seen->pages[seen->count++] = *page;
    if (page->minimum != NULL) {
        (void)snprintf(seen->minimum, sizeof(seen->minimum), "%s", page->minimum);
    }
    return KTK_OK;
}

/* The numbers are those of pyarrow's metadata: offsets of both pages, sizes that add up. */
static void lists_the_pages_of_a_chunk(void **unused) {
    struct fixture fixture;
    struct seen_pages seen = {.stop_after = 8};
    ktk_parquet_column_info info;
    ktk_error err;

    (void)unused;
    begin(&fixture, GROUPS);
    CHECK_OK(ktk_parquet_column_info_get(fixture.file, 1, 2, &info, &err));
    CHECK_OK(ktk_parquet_pages(fixture.file, 1, 2, see_page, &seen, &err));
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.pages[0].kind, "DICTIONARY_PAGE");
    assert_string_equal(seen.pages[0].encoding, "PLAIN");
    assert_int_equal(seen.pages[0].row_count, -1);
    assert_string_equal(seen.pages[1].kind, "DATA_PAGE");
    assert_string_equal(seen.pages[1].encoding, "RLE_DICTIONARY");
    assert_int_equal(seen.pages[1].value_count, 7);
    assert_int_equal(seen.pages[1].row_count, 7);
    assert_int_equal(seen.pages[1].null_count, 1);
    assert_string_equal(seen.minimum, "alpha");
    assert_int_equal(seen.pages[1].checksum, KTK_CHECKSUM_NONE);
    assert_int_equal(seen.pages[1].offset, seen.pages[0].offset + seen.pages[0].header_size +
                                               seen.pages[0].compressed_size);
    assert_int_equal(seen.pages[0].header_size + seen.pages[0].compressed_size +
                         seen.pages[1].header_size + seen.pages[1].compressed_size,
                     info.compressed_size);
    CHECK_STATUS(ktk_parquet_pages(fixture.file, 6, 0, see_page, &seen, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_parquet_pages(fixture.file, 0, 4, see_page, &seen, &err), KTK_E_INVALID);
    CHECK_MESSAGE("no leaf column 4");
    seen = (struct seen_pages){.stop_after = 1};
    CHECK_STATUS(ktk_parquet_pages(fixture.file, 1, 2, see_page, &seen, &err), KTK_E_CANCELLED);
    assert_int_equal(seen.count, 1);
    end(&fixture);
}

/* Files that parquet-testing says have wrong, right and no checksums, and a page index. */
static void checks_pages_of_other_writers(void **unused) {
    static const struct {
        const char *path;
        int32_t leaf;
        size_t page;
        ktk_parquet_checksum checksum;
    } cases[] = {
        {"datapage_v1-corrupt-checksum.parquet", 0, 0, KTK_CHECKSUM_WRONG},
        {"datapage_v1-corrupt-checksum.parquet", 1, 1, KTK_CHECKSUM_WRONG},
        {"datapage_v1-uncompressed-checksum.parquet", 1, 1, KTK_CHECKSUM_RIGHT},
        {"rle-dict-snappy-checksum.parquet", 0, 0, KTK_CHECKSUM_RIGHT},
    };
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        struct seen_pages seen = {.stop_after = 8};
        char path[256];

        (void)snprintf(path, sizeof(path), "../shared/golden/parquet-testing/data/%s",
                       cases[i].path);
        if (!test_source_file_exists(path)) {
            skip();
        }
        begin(&fixture, path);
        CHECK_OK(ktk_parquet_pages(fixture.file, 0, cases[i].leaf, see_page, &seen, &err));
        assert_true(cases[i].page < seen.count);
        assert_int_equal(seen.pages[cases[i].page].checksum, cases[i].checksum);
        end(&fixture);
    }
}

static void exports_the_schema(void **unused) {
    struct fixture fixture;
    struct ArrowSchema schema;
    ktk_error err;

    (void)unused;
    begin(&fixture, NULLS);
    CHECK_OK(ktk_parquet_file_schema(fixture.file, &schema, &err));
    assert_string_equal(schema.format, "+s");
    assert_string_equal(schema.children[8]->name, "ts_berlin");
    assert_string_equal(schema.children[8]->format, "tsu:Europe/Berlin");
    assert_non_null(schema.children[13]->dictionary);
    schema.release(&schema);
    assert_string_equal(ktk_parquet_codec_name(6), "ZSTD");
    assert_string_equal(ktk_parquet_codec_name(99), "UNKNOWN");
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_facts_of_a_file),
        cmocka_unit_test(tells_both_sizes_of_a_row_group),
        cmocka_unit_test(tells_facts_of_a_column_chunk),
        cmocka_unit_test(shows_statistics_of_every_type),
        cmocka_unit_test(tells_the_nodes_of_the_schema),
        cmocka_unit_test(tells_metadata_entries_by_number),
        cmocka_unit_test(lists_the_pages_of_a_chunk),
        cmocka_unit_test(checks_pages_of_other_writers),
        cmocka_unit_test(exports_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
