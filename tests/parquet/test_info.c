#include "support/test.h"

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
        cmocka_unit_test(tells_facts_of_a_column_chunk),
        cmocka_unit_test(shows_statistics_of_every_type),
        cmocka_unit_test(exports_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
