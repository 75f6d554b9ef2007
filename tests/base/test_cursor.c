#include "support/test.h"

#include <stdlib.h>

#include "base/cursor.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xF8};

static void reads_little_endian_numbers(void **unused) {
    struct cursor cursor = ktki_cursor(bytes, sizeof(bytes));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    int32_t i32 = 0;
    int64_t i64 = 0;

    (void)unused;
    assert_true(ktki_cursor_u8(&cursor, &u8));
    assert_int_equal(u8, 1);
    assert_true(ktki_cursor_u16le(&cursor, &u16));
    assert_int_equal(u16, 0x0302);
    assert_true(ktki_cursor_u32le(&cursor, &u32));
    assert_int_equal(u32, 0x07060504);
    assert_int_equal(ktki_cursor_left(&cursor), 1);
    cursor = ktki_cursor(bytes, sizeof(bytes));
    assert_true(ktki_cursor_u64le(&cursor, &u64));
    assert_true(u64 == 0xF807060504030201u);
    assert_true(ktki_cursor_is_done(&cursor));
    cursor = ktki_cursor(bytes, sizeof(bytes));
    assert_true(ktki_cursor_i64le(&cursor, &i64));
    assert_true(i64 == -574483808854539775);
    cursor = ktki_cursor(bytes + 4, 4);
    assert_true(ktki_cursor_i32le(&cursor, &i32));
    assert_int_equal(i32, -133757435);
}

static void borrows_and_splits(void **unused) {
    struct cursor cursor = ktki_cursor(bytes, sizeof(bytes));
    struct cursor part;
    const uint8_t *at = NULL;
    uint8_t copy[3] = {0};

    (void)unused;
    assert_true(ktki_cursor_bytes(&cursor, 2, &at));
    assert_ptr_equal(at, bytes);
    assert_true(ktki_cursor_split(&cursor, 3, &part));
    assert_ptr_equal(part.at, bytes + 2);
    assert_int_equal(ktki_cursor_left(&part), 3);
    assert_true(ktki_cursor_copy(&part, copy, 3));
    assert_memory_equal(copy, bytes + 2, 3);
    assert_true(ktki_cursor_is_done(&part));
    assert_true(ktki_cursor_skip(&cursor, 2));
    assert_int_equal(ktki_cursor_left(&cursor), 1);
    assert_true(ktki_cursor_skip(&cursor, 0));
    assert_true(ktki_cursor_skip(&cursor, 1));
    assert_true(ktki_cursor_is_done(&cursor));
}

/* Every reader on every size that is too small: false, and nothing has moved. The block ends with
 * the data, so that a read behind it is seen. */
static void stays_where_it_was_when_bytes_are_missing(void **unused) {
    (void)unused;
    for (size_t size = 0; size < 8; size++) {
        uint8_t *data = malloc(size == 0 ? 1 : size);
        struct cursor cursor;
        struct cursor part = {TEST_POISON, TEST_POISON};
        const uint8_t *at = TEST_POISON;
        uint8_t out[16];
        uint64_t u64 = 77;
        uint32_t u32 = 77;
        uint16_t u16 = 77;
        uint8_t u8 = 77;

        assert_non_null(data);
        memset(data, 0x80, size);
        memset(out, 0x77, sizeof(out));
        cursor = ktki_cursor(data, size);
        assert_false(ktki_cursor_u64le(&cursor, &u64));
        assert_true(size >= 4 || !ktki_cursor_u32le(&cursor, &u32));
        assert_true(size >= 2 || !ktki_cursor_u16le(&cursor, &u16));
        assert_true(size >= 1 || !ktki_cursor_u8(&cursor, &u8));
        assert_false(ktki_cursor_bytes(&cursor, size + 1, &at));
        assert_false(ktki_cursor_bytes(&cursor, SIZE_MAX, &at));
        assert_false(ktki_cursor_split(&cursor, size + 1, &part));
        assert_false(ktki_cursor_copy(&cursor, out, size + 1));
        assert_false(ktki_cursor_skip(&cursor, SIZE_MAX));
        assert_false(ktki_cursor_varint(&cursor, &u64));
        assert_true(u64 == 77 && u32 == 77 && u16 == 77 && u8 == 77);
        assert_true(at == TEST_POISON && part.at == TEST_POISON && out[0] == 0x77);
        assert_ptr_equal(cursor.at, data);
        assert_int_equal(ktki_cursor_left(&cursor), size);
        free(data);
    }
}

static void is_empty_over_nothing(void **unused) {
    struct cursor cursor = ktki_cursor(NULL, 0);
    const uint8_t *at = NULL;
    uint8_t out[1];

    (void)unused;
    assert_true(ktki_cursor_is_done(&cursor));
    assert_true(ktki_cursor_bytes(&cursor, 0, &at));
    assert_non_null(at);
    assert_true(ktki_cursor_copy(&cursor, out, 0));
    assert_false(ktki_cursor_u8(&cursor, out));
}

struct varint_case {
    const char *bytes;
    size_t size;
    uint64_t value;
    int64_t zigzag;
};

static void reads_variable_length_numbers(void **unused) {
    static const struct varint_case cases[] = {
        {"\x00", 1, 0, 0},
        {"\x01", 1, 1, -1},
        {"\x02", 1, 2, 1},
        {"\x7F", 1, 127, -64},
        {"\x80\x01", 2, 128, 64},
        {"\xAC\x02", 2, 300, 150},
        {"\x80\x00", 2, 0, 0}, /* longer than it must be */
        {"\xFF\xFF\xFF\xFF\x0F", 5, 0xFFFFFFFFu, INT32_MIN},
        {"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, UINT64_MAX - 1, INT64_MAX},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, UINT64_MAX, INT64_MIN},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cursor cursor = ktki_cursor(cases[i].bytes, cases[i].size + 1);
        uint64_t value = 77;
        int64_t zigzag = 77;
        assert_true(ktki_cursor_varint(&cursor, &value));
        assert_true(value == cases[i].value);
        assert_int_equal(ktki_cursor_left(&cursor), 1);
        cursor = ktki_cursor(cases[i].bytes, cases[i].size);
        assert_true(ktki_cursor_zigzag(&cursor, &zigzag));
        assert_true(zigzag == cases[i].zigzag);
        assert_true(ktki_cursor_is_done(&cursor));
    }
}

static void refuses_variable_length_numbers_beyond_64_bits(void **unused) {
    static const char *const texts[] = {
        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02",
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        "\x80",
        "\xFF\xFF\xFF",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cursor cursor = ktki_cursor(texts[i], strlen(texts[i]));
        uint64_t value = 77;
        int64_t zigzag = 77;
        assert_false(ktki_cursor_varint(&cursor, &value));
        assert_false(ktki_cursor_zigzag(&cursor, &zigzag));
        assert_true(value == 77 && zigzag == 77);
        assert_ptr_equal(cursor.at, texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_little_endian_numbers),
        cmocka_unit_test(borrows_and_splits),
        cmocka_unit_test(stays_where_it_was_when_bytes_are_missing),
        cmocka_unit_test(is_empty_over_nothing),
        cmocka_unit_test(reads_variable_length_numbers),
        cmocka_unit_test(refuses_variable_length_numbers_beyond_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
