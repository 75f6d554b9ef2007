#include "support/test.h"

#include "parquet/thrift_read.h"

/* Bytes worked out by hand from the compact protocol specification. */

static struct thrift_reader reader_of(const uint8_t *data, size_t size) {
    return (struct thrift_reader){ktki_cursor(data, size), 4};
}

#define READER(...)                                                                                \
    const uint8_t bytes_[] = {__VA_ARGS__};                                                        \
    struct thrift_reader reader = reader_of(bytes_, sizeof(bytes_))

static void reads_short_and_long_field_headers(void **unused) {
    READER(0x15, 0x05, 0xD6);
    struct thrift_field field = {0};

    (void)unused;
    assert_true(ktki_thrift_read_field(&reader, &field));
    assert_int_equal(field.type, THRIFT_I32);
    assert_int_equal(field.id, 1);
    reader.cursor.at++; /* its value */
    assert_true(ktki_thrift_read_field(&reader, &field));
    assert_int_equal(field.type, THRIFT_I64);
    assert_int_equal(field.id, 14);
    assert_ptr_equal(reader.cursor.at, bytes_ + 3);
}

static void reads_field_ids_written_in_full(void **unused) {
    READER(0x05, 0x90, 0x03, 0x05, 0x03, 0x05, 0x80, 0x80, 0x80, 0x10);
    struct thrift_field field = {0};

    (void)unused;
    assert_true(ktki_thrift_read_field(&reader, &field));
    assert_int_equal(field.id, 200);
    assert_true(ktki_thrift_read_field(&reader, &field));
    assert_int_equal(field.id, -2);
    assert_false(ktki_thrift_read_field(&reader, &field));
}

static void reads_numbers(void **unused) {
    READER(0x01, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0x80, 0x80, 0x80, 0x80, 0x10);
    int32_t number = 0;

    (void)unused;
    assert_true(ktki_thrift_read_i32(&reader, &number));
    assert_int_equal(number, -1);
    assert_true(ktki_thrift_read_i32(&reader, &number));
    assert_int_equal(number, INT32_MAX);
    assert_false(ktki_thrift_read_i32(&reader, &number)); /* 2^31 */
    assert_int_equal(number, INT32_MAX);
}

static void reads_strings_within_the_input(void **unused) {
    READER(0x02, 'a', 'b', 0x02, 'c');
    const uint8_t *data = NULL;
    size_t size = 0;

    (void)unused;
    assert_true(ktki_thrift_read_bytes(&reader, &data, &size));
    assert_int_equal(size, 2);
    assert_memory_equal(data, "ab", 2);
    assert_false(ktki_thrift_read_bytes(&reader, &data, &size));
}

static void bounds_lists_by_the_bytes_left(void **unused) {
    enum thrift_type element = THRIFT_STOP;
    size_t count = 0;

    (void)unused;
    {
        READER(0x25, 0x02, 0x04);
        assert_true(ktki_thrift_read_list(&reader, &element, &count));
        assert_int_equal(element, THRIFT_I32);
        assert_int_equal(count, 2);
    }
    {
        READER(0xF8, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        assert_true(ktki_thrift_read_list(&reader, &element, &count));
        assert_int_equal(count, 16);
    }
    {
        READER(0xF8, 0x10, 0, 0, 0);
        assert_false(ktki_thrift_read_list(&reader, &element, &count));
    }
    {
        READER(0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01);
        assert_false(ktki_thrift_read_list(&reader, &element, &count));
    }
}

static void skips(enum thrift_type type, bool is_element, const uint8_t *data, size_t size) {
    struct thrift_reader reader = reader_of(data, size);

    assert_true(ktki_thrift_read_skip(&reader, type, is_element));
    assert_true(ktki_cursor_is_done(&reader.cursor));
    assert_int_equal(reader.depth_left, 4);
    for (size_t cut = 0; cut < size; cut++) {
        reader = reader_of(data, cut);
        assert_false(ktki_thrift_read_skip(&reader, type, is_element));
    }
}

#define SKIPS(type, is_element, ...)                                                               \
    skips((type), (is_element), (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void skips_values_of_every_type(void **unused) {
    (void)unused;
    skips(THRIFT_TRUE, false, (const uint8_t *)"", 0);
    skips(THRIFT_FALSE, false, (const uint8_t *)"", 0);
    SKIPS(THRIFT_TRUE, true, 1);
    SKIPS(THRIFT_BYTE, false, 0xFF);
    SKIPS(THRIFT_I16, false, 0x02);
    SKIPS(THRIFT_I64, false, 0xFF, 0xFF, 0x01);
    SKIPS(THRIFT_DOUBLE, false, 1, 2, 3, 4, 5, 6, 7, 8);
    SKIPS(THRIFT_UUID, false, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    SKIPS(THRIFT_BINARY, false, 3, 'a', 'b', 'c');
    SKIPS(THRIFT_LIST, false, 0x21, 1, 2);
    SKIPS(THRIFT_SET, false, 0x18, 1, 'a');
    SKIPS(THRIFT_MAP, false, 0x00);
    SKIPS(THRIFT_MAP, false, 0x01, 0x85, 1, 'k', 0x02);
    SKIPS(THRIFT_STRUCT, false, 0x15, 0x02, 0x1C, 0x11, 0x00, 0x00);
}

static void refuses_unknown_types_and_deep_nesting(void **unused) {
    (void)unused;
    {
        READER(0x00);
        assert_false(ktki_thrift_read_skip(&reader, (enum thrift_type)14, false));
        assert_false(ktki_thrift_read_skip(&reader, THRIFT_STOP, false));
    }
    {
        READER(0x19, 0x19, 0x19, 0x15, 0x00); /* four lists */
        assert_true(ktki_thrift_read_skip(&reader, THRIFT_LIST, false));
    }
    {
        READER(0x19, 0x19, 0x19, 0x19, 0x15, 0x00); /* five */
        assert_false(ktki_thrift_read_skip(&reader, THRIFT_LIST, false));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_short_and_long_field_headers),
        cmocka_unit_test(reads_field_ids_written_in_full),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(reads_strings_within_the_input),
        cmocka_unit_test(bounds_lists_by_the_bytes_left),
        cmocka_unit_test(skips_values_of_every_type),
        cmocka_unit_test(refuses_unknown_types_and_deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
