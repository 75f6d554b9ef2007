#include "support/test.h"

#include <math.h>

#include "arrow/builder.h"
#include "base/context.h"
#include "dataset/name.h"

static struct field field_of(enum type_id id) {
    return (struct field){.name = "P", .type = {.id = id}, .nullable = true};
}

static struct field timestamp_of(enum time_unit unit, const char *timezone) {
    return (struct field){.name = "P",
                          .type = {.id = TYPE_TIMESTAMP, .unit = unit, .timezone = timezone},
                          .nullable = true};
}

static struct field decimal_of(enum type_id id, int32_t precision, int32_t scale) {
    return (struct field){
        .name = "P", .type = {.id = id, .precision = precision, .scale = scale}, .nullable = true};
}

/* The text of row 1 of an array with another row in front, so that offsets count. */
static void check_text_of(ktk_context *context, const struct field *field,
                          struct array_builder *builder, const char *wanted) {
    struct ArrowArray array = {0};
    struct buffer text;
    ktk_error err;

    ktki_buffer_init(&text, ktki_context_allocator(context), 0);
    CHECK_OK(ktki_builder_finish(builder, &array, &err));
    CHECK_OK(ktki_partition_value_text(&text, field, &array, 1, &err));
    if (text.size != strlen(wanted) ||
        (text.size > 0 && memcmp(text.data, wanted, text.size) != 0)) {
        fail_msg("'%.*s' is not '%s'", (int)text.size, (const char *)text.data, wanted);
    }
    ktki_array_clear(&array);
    ktki_builder_clear(builder);
    ktki_buffer_clear(&text);
}

static void check_integer(ktk_context *context, struct field field, int64_t value,
                          const char *wanted) {
    struct array_builder builder = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_i64(&builder, 1, &err));
    CHECK_OK(ktki_builder_append_i64(&builder, value, &err));
    check_text_of(context, &field, &builder, wanted);
}

static void check_unsigned(ktk_context *context, struct field field, uint64_t value,
                           const char *wanted) {
    struct array_builder builder = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_u64(&builder, 1, &err));
    CHECK_OK(ktki_builder_append_u64(&builder, value, &err));
    check_text_of(context, &field, &builder, wanted);
}

static void check_float(ktk_context *context, struct field field, double value,
                        const char *wanted) {
    struct array_builder builder = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_f64(&builder, 1.5, &err));
    CHECK_OK(ktki_builder_append_f64(&builder, value, &err));
    check_text_of(context, &field, &builder, wanted);
}

static void check_bytes(ktk_context *context, struct field field, const void *value, size_t size,
                        const char *wanted) {
    struct array_builder builder = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, value, size, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, value, size, &err));
    check_text_of(context, &field, &builder, wanted);
}

static void shows_numbers_as_python_does(void **unused) {
    ktk_context *context = test_context_new(1);

    (void)unused;
    check_integer(context, field_of(TYPE_BOOL), 0, "False");
    check_integer(context, field_of(TYPE_BOOL), 1, "True");
    check_integer(context, field_of(TYPE_INT8), -128, "-128");
    check_integer(context, field_of(TYPE_INT16), -300, "-300");
    check_integer(context, field_of(TYPE_INT32), INT32_MIN, "-2147483648");
    check_integer(context, field_of(TYPE_INT64), INT64_MIN, "-9223372036854775808");
    check_unsigned(context, field_of(TYPE_UINT8), 255, "255");
    check_unsigned(context, field_of(TYPE_UINT16), 65535, "65535");
    check_unsigned(context, field_of(TYPE_UINT32), UINT32_MAX, "4294967295");
    check_unsigned(context, field_of(TYPE_UINT64), UINT64_MAX, "18446744073709551615");
    check_float(context, field_of(TYPE_FLOAT64), 1.0, "1.0");
    check_float(context, field_of(TYPE_FLOAT64), -0.0, "-0.0");
    check_float(context, field_of(TYPE_FLOAT64), 1e16, "1e+16");
    check_float(context, field_of(TYPE_FLOAT64), 1e15, "1000000000000000.0");
    check_float(context, field_of(TYPE_FLOAT64), 0.00001, "1e-05");
    check_float(context, field_of(TYPE_FLOAT64), 0.0001, "0.0001");
    check_float(context, field_of(TYPE_FLOAT64), (double)INFINITY, "inf");
    check_float(context, field_of(TYPE_FLOAT64), -(double)INFINITY, "-inf");
    check_float(context, field_of(TYPE_FLOAT32), (double)0.1f, "0.10000000149011612");
    test_context_free(context);
}

static void shows_dates_and_times(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field time = field_of(TYPE_TIME64);

    (void)unused;
    time.type.unit = UNIT_MICRO;
    check_integer(context, timestamp_of(UNIT_NANO, NULL), INT64_C(978307200000000000),
                  "2001-01-01 00:00:00");
    check_integer(context, timestamp_of(UNIT_NANO, NULL), INT64_C(978307200000001000),
                  "2001-01-01 00:00:00.000001");
    check_integer(context, timestamp_of(UNIT_NANO, NULL), INT64_C(978307200000000001),
                  "2001-01-01 00:00:00.000000001");
    check_integer(context, timestamp_of(UNIT_MICRO, NULL), INT64_C(978307200500000),
                  "2001-01-01 00:00:00.500000");
    check_integer(context, timestamp_of(UNIT_MILLI, NULL), INT64_C(-1),
                  "1969-12-31 23:59:59.999000");
    check_integer(context, timestamp_of(UNIT_SECOND, NULL), 978307200, "2001-01-01 00:00:00");
    check_integer(context, timestamp_of(UNIT_MICRO, "Europe/Berlin"), INT64_C(978307200000000),
                  "2001-01-01 00:00:00+00:00");
    check_integer(context, field_of(TYPE_DATE32), 0, "1970-01-01");
    check_integer(context, field_of(TYPE_DATE32), -719162, "0001-01-01");
    check_integer(context, field_of(TYPE_DATE32), 2932896, "9999-12-31");
    check_integer(context, field_of(TYPE_DATE64), -86400000, "1969-12-31");
    check_integer(context, field_of(TYPE_DATE64), -1, "1969-12-31");
    check_integer(context, time, INT64_C(3661000000), "01:01:01");
    check_integer(context, time, INT64_C(3661000001), "01:01:01.000001");
    test_context_free(context);
}

static void shows_texts_and_bytes_as_they_are(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field fixed = field_of(TYPE_FIXED_BINARY);

    (void)unused;
    fixed.type.width = 2;
    check_bytes(context, field_of(TYPE_STRING), "a b/\xC3\xBC", 6, "a b/\xC3\xBC");
    check_bytes(context, field_of(TYPE_STRING), "", 0, "");
    check_bytes(context, field_of(TYPE_LARGE_STRING), "x", 1, "x");
    check_bytes(context, field_of(TYPE_BINARY), "\xFF\x01", 2, "\xFF\x01");
    check_bytes(context, fixed, "\xFE\x02", 2, "\xFE\x02");
    test_context_free(context);
}

static void shows_decimals_as_python_does(void **unused) {
    static const struct {
        int64_t unscaled;
        int32_t scale;
        const char *wanted;
    } cases[] = {
        {123, 2, "1.23"},         {-5, 2, "-0.05"},   {0, 2, "0.00"},        {100, 0, "100"},
        {1, 6, "0.000001"},       {1, 7, "1E-7"},     {-123, 9, "-1.23E-7"}, {0, 8, "0E-8"},
        {100, 9, "1.00E-7"},      {0, 6, "0.000000"}, {0, 0, "0"},           {-10, 1, "-1.0"},
        {1000, 9, "0.000001000"},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value[4] = {cases[i].unscaled, 0, 0, 0};

        value[1] = value[2] = value[3] = cases[i].unscaled < 0 ? -1 : 0;
        check_bytes(context, decimal_of(TYPE_DECIMAL128, 38, cases[i].scale), value, 16,
                    cases[i].wanted);
        check_bytes(context, decimal_of(TYPE_DECIMAL256, 76, cases[i].scale), value, 32,
                    cases[i].wanted);
    }
    test_context_free(context);
}

static void refuses_values_that_no_key_can_hold(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field text = field_of(TYPE_STRING);
    struct field duration = field_of(TYPE_DURATION);
    struct array_builder builder = {0};
    struct ArrowArray array = {0};
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, ktki_context_allocator(context), 0);
    CHECK_OK(ktki_builder_init(&builder, context, &text, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, "a\0b", 3, &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    CHECK_STATUS(ktki_partition_value_text(&out, &text, &array, 0, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'P'");
    CHECK_MESSAGE("NUL");
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);

    CHECK_OK(ktki_builder_init(&builder, context, &duration, &err));
    CHECK_OK(ktki_builder_append_i64(&builder, 1, &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    CHECK_STATUS(ktki_partition_value_text(&out, &duration, &array, 0, &err), KTK_E_UNSUPPORTED);
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);
    ktki_buffer_clear(&out);
    test_context_free(context);
}

/* ---- parsing ---- */

static struct ArrowArray parsed(ktk_context *context, const struct field *field, const char *text) {
    struct ArrowArray array = {0};
    ktk_error err;

    CHECK_OK(ktki_partition_value_parse(&array, context, field, text, strlen(text), &err));
    assert_int_equal(array.length, 1);
    assert_int_equal(array.null_count, 0);
    return array;
}

static void check_parsed(ktk_context *context, struct field field, const char *text,
                         const void *wanted, size_t size) {
    struct ArrowArray array = parsed(context, &field, text);

    if (memcmp(array.buffers[1], wanted, size) != 0) {
        fail_msg("'%s' is parsed wrongly", text);
    }
    ktki_array_clear(&array);
}

static void check_parsed_i64(ktk_context *context, struct field field, const char *text,
                             int64_t wanted) {
    check_parsed(context, field, text, &wanted, sizeof(wanted));
}

static void check_bad(ktk_context *context, struct field field, const char *text) {
    struct ArrowArray array = {.length = 77};
    ktk_error err;

    CHECK_STATUS(ktki_partition_value_parse(&array, context, &field, text, strlen(text), &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("'P'");
    /* Bytes that are not UTF-8 come out as '?' in a message. */
    CHECK_MESSAGE((text[0] & 0x80) != 0 ? "'?'" : text);
    assert_int_equal(array.length, 77);
}

static void parses_numbers_in_their_full_range(void **unused) {
    ktk_context *context = test_context_new(1);
    const uint64_t largest = UINT64_MAX;
    const double real = 1e-5;
    const double negative_infinity = -(double)INFINITY;
    const int8_t small = -128;

    (void)unused;
    check_parsed_i64(context, field_of(TYPE_INT64), "-9223372036854775808", INT64_MIN);
    check_parsed_i64(context, field_of(TYPE_INT64), "007", 7);
    check_parsed(context, field_of(TYPE_INT8), "-128", &small, 1);
    check_parsed(context, field_of(TYPE_UINT64), "18446744073709551615", &largest, 8);
    check_parsed(context, field_of(TYPE_FLOAT64), "1e-05", &real, 8);
    check_parsed(context, field_of(TYPE_FLOAT64), "-inf", &negative_infinity, 8);
    check_bad(context, field_of(TYPE_INT64), "9223372036854775808");
    check_bad(context, field_of(TYPE_INT64), "1.0");
    check_bad(context, field_of(TYPE_INT8), "128");
    check_bad(context, field_of(TYPE_UINT64), "-1");
    check_bad(context, field_of(TYPE_FLOAT64), "1,5");
    check_bad(context, field_of(TYPE_INT64), "abc");
    test_context_free(context);
}

static void parses_bools_by_their_text(void **unused) {
    ktk_context *context = test_context_new(1);
    const uint8_t yes = 1;
    const uint8_t no = 0;

    (void)unused;
    check_parsed(context, field_of(TYPE_BOOL), "True", &yes, 1);
    check_parsed(context, field_of(TYPE_BOOL), "tRUE", &yes, 1);
    check_parsed(context, field_of(TYPE_BOOL), "False", &no, 1);
    check_bad(context, field_of(TYPE_BOOL), "1");
    check_bad(context, field_of(TYPE_BOOL), "yes");
    test_context_free(context);
}

static void parses_dates_and_times(void **unused) {
    ktk_context *context = test_context_new(1);
    const int32_t first_day = -719162;
    struct field time = field_of(TYPE_TIME64);

    (void)unused;
    time.type.unit = UNIT_NANO;
    check_parsed(context, field_of(TYPE_DATE32), "0001-01-01", &first_day, 4);
    check_parsed_i64(context, field_of(TYPE_DATE64), "1970-01-02", 86400000);
    check_parsed_i64(context, time, "01:01:01.000001", INT64_C(3661000001000));
    check_parsed_i64(context, timestamp_of(UNIT_NANO, NULL), "2001-01-01 00:00:00",
                     INT64_C(978307200000000000));
    check_parsed_i64(context, timestamp_of(UNIT_NANO, NULL), "2001-01-01T00:00:00.000000001",
                     INT64_C(978307200000000001));
    check_parsed_i64(context, timestamp_of(UNIT_NANO, NULL), "2001-01-01",
                     INT64_C(978307200000000000));
    check_parsed_i64(context, timestamp_of(UNIT_NANO, NULL), "1677-09-21 00:12:43.145224193",
                     -INT64_MAX);
    check_parsed_i64(context, timestamp_of(UNIT_NANO, NULL), "2262-04-11 23:47:16.854775807",
                     INT64_MAX);
    check_parsed_i64(context, timestamp_of(UNIT_SECOND, "UTC"), "2001-01-01 01:00:00+01:00",
                     978307200);
    check_bad(context, field_of(TYPE_DATE32), "2001-02-29");
    check_bad(context, timestamp_of(UNIT_NANO, NULL), "9999-01-01 00:00:00");
    check_bad(context, timestamp_of(UNIT_MILLI, NULL), "2001-01-01 00:00:00.000001");
    check_bad(context, timestamp_of(UNIT_NANO, NULL), "yesterday");
    check_bad(context, time, "25:00:00x");
    test_context_free(context);
}

static void parses_decimals_exactly(void **unused) {
    static const struct {
        const char *text;
        int64_t unscaled; /* at scale 2 */
    } cases[] = {
        {"1.23", 123}, {"-0.05", -5},   {"1", 100}, {"1E+1", 1000}, {"-1.2E-1", -12},
        {"0E-8", 0},   {"1.2300", 123}, {".5", 50}, {"5.", 500},    {"+2", 200},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value[4] = {cases[i].unscaled, 0, 0, 0};

        value[1] = value[2] = value[3] = cases[i].unscaled < 0 ? -1 : 0;
        check_parsed(context, decimal_of(TYPE_DECIMAL128, 10, 2), cases[i].text, value, 16);
        check_parsed(context, decimal_of(TYPE_DECIMAL256, 50, 2), cases[i].text, value, 32);
    }
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), "100.00");
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), "1.001");
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), "1.2.3");
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), "1E999999999");
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), "E1");
    check_bad(context, decimal_of(TYPE_DECIMAL128, 4, 2), ".");
    test_context_free(context);
}

static void parses_texts_and_bytes(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field text = field_of(TYPE_STRING);
    struct field bytes = field_of(TYPE_BINARY);
    struct field fixed = field_of(TYPE_FIXED_BINARY);
    struct ArrowArray array;
    const uint8_t *data;
    size_t size;

    (void)unused;
    fixed.type.width = 3;
    array = parsed(context, &text, "");
    ktki_array_bytes(&array, &text.type, 0, &data, &size);
    assert_int_equal(size, 0);
    ktki_array_clear(&array);
    array = parsed(context, &bytes, "\xFF\x01");
    ktki_array_bytes(&array, &bytes.type, 0, &data, &size);
    assert_int_equal(size, 2);
    assert_memory_equal(data, "\xFF\x01", 2);
    ktki_array_clear(&array);
    check_parsed(context, fixed, "abc", "abc", 3);
    check_bad(context, text, "\xFF");
    check_bad(context, fixed, "ab");
    test_context_free(context);
}

static void survives_lack_of_memory(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        struct field field = field_of(TYPE_STRING);
        struct ArrowArray array = {0};
        struct buffer text;
        ktk_error err;
        ktk_status status;

        ktki_buffer_init(&text, ktki_context_allocator(context), 0);
        status = ktki_partition_value_parse(&array, context, &field, "abc", 3, &err);
        if (status == KTK_OK) {
            status = ktki_partition_value_text(&text, &field, &array, 0, &err);
        }
        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        ktki_array_clear(&array);
        ktki_buffer_clear(&text);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_numbers_as_python_does),
        cmocka_unit_test(shows_dates_and_times),
        cmocka_unit_test(shows_texts_and_bytes_as_they_are),
        cmocka_unit_test(shows_decimals_as_python_does),
        cmocka_unit_test(refuses_values_that_no_key_can_hold),
        cmocka_unit_test(parses_numbers_in_their_full_range),
        cmocka_unit_test(parses_bools_by_their_text),
        cmocka_unit_test(parses_dates_and_times),
        cmocka_unit_test(parses_decimals_exactly),
        cmocka_unit_test(parses_texts_and_bytes),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("dataset/partition_value", tests, NULL, NULL);
}
