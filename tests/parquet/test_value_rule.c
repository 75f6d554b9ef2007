#include "support/test.h"

#include "parquet/leaf_reader.h"

#define ELEMENT(...) (&(const struct schema_element){.has_type = true, __VA_ARGS__})
#define TYPE(...) (&(const struct data_type){.id = __VA_ARGS__})
#define BYTES(...) ((const uint8_t[]){__VA_ARGS__})

static void chooses_the_buffers(void **unused) {
    struct value_rule rule;

    (void)unused;
    assert_int_equal(ktki_value_rule(ELEMENT(.type = PQ_BOOLEAN), TYPE(TYPE_BOOL)).kind, SINK_BITS);
    assert_int_equal(ktki_value_rule(ELEMENT(.type = PQ_INT32), TYPE(TYPE_NULL)).kind, SINK_NULLS);
    rule = ktki_value_rule(ELEMENT(.type = PQ_BYTE_ARRAY), TYPE(TYPE_STRING));
    assert_int_equal(rule.kind, SINK_TEXT_32);
    assert_true(rule.is_utf8);
    rule = ktki_value_rule(ELEMENT(.type = PQ_BYTE_ARRAY), TYPE(TYPE_LARGE_BINARY));
    assert_int_equal(rule.kind, SINK_TEXT_64);
    assert_false(rule.is_utf8);
    rule = ktki_value_rule(ELEMENT(.type = PQ_INT64), TYPE(TYPE_TIMESTAMP));
    assert_int_equal(rule.kind, SINK_FIXED);
    assert_int_equal(rule.width, 8);
    assert_null(rule.read);
    rule = ktki_value_rule(ELEMENT(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 2),
                           TYPE(TYPE_FLOAT16));
    assert_int_equal(rule.width, 2);
    assert_null(rule.read);
}

/* `count` plain values; true if they decode to exactly the wanted bytes and nothing is left. */
static void converts(const struct schema_element *element, const struct data_type *type,
                     const uint8_t *data, size_t size, size_t count, const void *wanted,
                     size_t wanted_size) {
    struct value_rule rule = ktki_value_rule(element, type);
    struct cursor cursor = ktki_cursor(data, size);
    uint8_t out[128];

    assert_int_equal(count * rule.width, wanted_size);
    assert_true(rule.read(&cursor, rule.plain_width, count, out, rule.width));
    assert_true(ktki_cursor_is_done(&cursor));
    assert_memory_equal(out, wanted, wanted_size);
    cursor = ktki_cursor(data, size - 1);
    assert_false(rule.read(&cursor, rule.plain_width, count, out, rule.width));
}

#define CONVERTS(element, type, data, count, wanted)                                               \
    converts((element), (type), (data), sizeof(data), (count), (wanted), sizeof(wanted))

static void narrows_integers(void **unused) {
    (void)unused;
    CONVERTS(ELEMENT(.type = PQ_INT32), TYPE(TYPE_INT8), BYTES(1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF),
             2, BYTES(1, 0xFE));
    CONVERTS(ELEMENT(.type = PQ_INT32), TYPE(TYPE_UINT16), BYTES(1, 2, 0, 0, 0xFE, 0xFF, 0, 0), 2,
             BYTES(1, 2, 0xFE, 0xFF));
}

static void reads_int96(void **unused) {
    static const int64_t wanted[] = {1, -86400000000000, 86400000000000 * 2 + 5};

    (void)unused;
    /* Julian day 2440588 = 0x253D8C is 1970-01-01. */
    CONVERTS(ELEMENT(.type = PQ_INT96), TYPE(TYPE_TIMESTAMP, .unit = UNIT_NANO),
             BYTES(1, 0, 0, 0, 0, 0, 0, 0, 0x8C, 0x3D, 0x25, 0, /* */
                   0, 0, 0, 0, 0, 0, 0, 0, 0x8B, 0x3D, 0x25, 0, /* */
                   5, 0, 0, 0, 0, 0, 0, 0, 0x8E, 0x3D, 0x25, 0),
             3, wanted);
}

/* The first and the last instant that fit, 1677-09-21 00:12:43.145224192 and 2262-04-11
 * 23:47:16.854775807, and those before and behind them. */
#define INT96_FIRST 0x00, 0x00, 0x00, 0xAF, 0xB1, 0, 0, 0, 0x8C, 0x9C, 0x23, 0
#define INT96_BEFORE 0xFF, 0xFF, 0xFF, 0xAE, 0xB1, 0, 0, 0, 0x8C, 0x9C, 0x23, 0
#define INT96_LAST 0xFF, 0xFF, 0x4E, 0xE2, 0xE2, 0x4D, 0, 0, 0x8B, 0xDE, 0x26, 0
#define INT96_BEHIND 0x00, 0x00, 0x4F, 0xE2, 0xE2, 0x4D, 0, 0, 0x8B, 0xDE, 0x26, 0

static void int96_has_the_range_of_nanoseconds(void **unused) {
    static const int64_t wanted[] = {INT64_MIN, INT64_MAX};
    static const uint8_t strangers[][24] = {
        {INT96_FIRST, INT96_BEFORE},
        {INT96_LAST, INT96_BEHIND},
        {INT96_LAST, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF},
        {INT96_LAST, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x8B, 0x3D, 0x25, 0},
        {INT96_LAST, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    };
    struct value_rule rule =
        ktki_value_rule(ELEMENT(.type = PQ_INT96), TYPE(TYPE_TIMESTAMP, .unit = UNIT_NANO));
    ktk_error err;

    (void)unused;
    CONVERTS(ELEMENT(.type = PQ_INT96), TYPE(TYPE_TIMESTAMP, .unit = UNIT_NANO),
             BYTES(INT96_FIRST, INT96_LAST), 2, wanted);
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        struct cursor cursor = ktki_cursor(strangers[i], 24);
        uint8_t out[16];

        assert_false(rule.read(&cursor, 12, 2, out, 8));
        assert_int_equal(ktki_value_fault(&rule, ktki_cursor(strangers[i], 24), 2, &err),
                         KTK_E_UNSUPPORTED);
        CHECK_MESSAGE("value 1, ");
    }
    assert_int_equal(ktki_value_fault(&rule, ktki_cursor(strangers[0], 12), 2, &err),
                     KTK_E_CORRUPT);
}

#define FF4 0xFF, 0xFF, 0xFF, 0xFF
#define FF12 FF4, FF4, FF4
#define OO4 0, 0, 0, 0
#define OO12 OO4, OO4, OO4

static void widens_decimals(void **unused) {
    (void)unused;
    CONVERTS(ELEMENT(.type = PQ_INT32), TYPE(TYPE_DECIMAL128, .precision = 9),
             BYTES(0x85, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0), 2,
             BYTES(0x85, 0xFF, 0xFF, 0xFF, FF12, 7, 0, 0, 0, OO12));
    CONVERTS(ELEMENT(.type = PQ_INT64), TYPE(TYPE_DECIMAL128, .precision = 18),
             BYTES(1, 2, 3, 4, 5, 6, 7, 0x80), 1, BYTES(1, 2, 3, 4, 5, 6, 7, 0x80, FF4, FF4));
    CONVERTS(ELEMENT(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 3),
             TYPE(TYPE_DECIMAL128, .precision = 5), BYTES(0x01, 0x02, 0x03, 0xFF, 0xFF, 0xFE), 2,
             BYTES(3, 2, 1, 0, OO12, 0xFE, 0xFF, 0xFF, 0xFF, FF12));
    CONVERTS(ELEMENT(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 17),
             TYPE(TYPE_DECIMAL256, .precision = 40), BYTES(0x80, OO4, OO12), 1,
             BYTES(OO4, OO12, 0x80, 0xFF, 0xFF, 0xFF, FF12));
    /* Values of any size, the first one empty. */
    CONVERTS(ELEMENT(.type = PQ_BYTE_ARRAY), TYPE(TYPE_DECIMAL128, .precision = 5),
             BYTES(0, 0, 0, 0, 2, 0, 0, 0, 0x80, 0x01), 2,
             BYTES(OO4, OO12, 0x01, 0x80, 0xFF, 0xFF, FF12));
    /* Longer than the result, by nothing but the sign. */
    CONVERTS(ELEMENT(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 18),
             TYPE(TYPE_DECIMAL128, .precision = 38), BYTES(0xFF, 0xFF, 0x80, 0, 0, 0, OO12), 1,
             BYTES(OO12, 0, 0, 0, 0x80));
}

static void refuses_decimals_that_do_not_fit(void **unused) {
    struct value_rule rule =
        ktki_value_rule(ELEMENT(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 17),
                        TYPE(TYPE_DECIMAL128, .precision = 38));
    const uint8_t too_large[] = {0x01, OO4, OO12};
    const uint8_t other_sign[] = {0x00, 0x80, 0, 0, 0, OO12};
    struct cursor cursor = ktki_cursor(too_large, sizeof(too_large));
    uint8_t out[16];

    (void)unused;
    assert_false(rule.read(&cursor, 17, 1, out, 16));
    cursor = ktki_cursor(other_sign, sizeof(other_sign));
    assert_false(rule.read(&cursor, 17, 1, out, 16));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_buffers), cmocka_unit_test(narrows_integers),
        cmocka_unit_test(reads_int96),         cmocka_unit_test(int96_has_the_range_of_nanoseconds),
        cmocka_unit_test(widens_decimals),     cmocka_unit_test(refuses_decimals_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
