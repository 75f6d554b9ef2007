#include "support/test.h"

#include <math.h>
#include <stdlib.h>

#include <kartothek/arrow.h>

#include "arrow/format_value.h"
#include "base/context.h"

/* An array on the stack; `offset` rows come before the first one shown. */
struct made {
    struct ArrowArray array;
    const void *buffers[3];
    struct ArrowArray *children[2];
};

static void make(struct made *made, int64_t length, int64_t offset, const void *validity,
                 const void *second, const void *third) {
    *made = (struct made){.buffers = {validity, second, third}};
    made->array = (struct ArrowArray){.length = length,
                                      .offset = offset,
                                      .null_count = -1,
                                      .n_buffers = third != NULL ? 3 : 2,
                                      .buffers = made->buffers,
                                      .children = made->children};
}

static void check_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                       const char *wanted) {
    struct buffer out;
    bool is_null = true;
    ktk_error err;

    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&out, "<", &err));
    CHECK_OK(ktki_format_value(field, array, row, &out, &is_null, &err));
    CHECK_OK(ktki_buffer_append_byte(&out, '\0', &err));
    assert_string_equal((char *)out.data + 1, wanted == NULL ? "" : wanted);
    assert_int_equal(is_null, wanted == NULL);
    ktki_buffer_clear(&out);
}

static void check_json(const struct field *field, const struct ArrowArray *array, int64_t row,
                       const char *wanted) {
    struct json_values json;
    struct buffer out;
    ktk_error err;

    ktki_buffer_init(&out, test_allocator(), 0);
    ktki_json_values_init(&json, &out);
    CHECK_OK(ktki_format_value_json(&json, field, array, row, &err));
    CHECK_OK(ktki_buffer_append_byte(&out, '\0', &err));
    assert_string_equal((char *)out.data, wanted);
    ktki_json_values_clear(&json);
    ktki_buffer_clear(&out);
}

static void check(struct data_type type, const void *value, const char *text, const char *json) {
    const struct field field = {.name = "", .type = type};
    struct made made;

    make(&made, 1, 0, NULL, value, NULL);
    check_text(&field, &made.array, 0, text);
    check_json(&field, &made.array, 0, json);
}

#define VALUE(type, value) (&(type){value})
#define TYPE(...) ((struct data_type){__VA_ARGS__})

static void shows_integers(void **unused) {
    (void)unused;
    check(TYPE(.id = TYPE_INT8), VALUE(int8_t, -128), "-128", "-128");
    check(TYPE(.id = TYPE_INT16), VALUE(int16_t, -1), "-1", "-1");
    check(TYPE(.id = TYPE_INT32), VALUE(int32_t, INT32_MIN), "-2147483648", "-2147483648");
    check(TYPE(.id = TYPE_INT64), VALUE(int64_t, INT64_MIN), "-9223372036854775808",
          "-9223372036854775808");
    check(TYPE(.id = TYPE_UINT8), VALUE(uint8_t, 255), "255", "255");
    check(TYPE(.id = TYPE_UINT16), VALUE(uint16_t, 65535), "65535", "65535");
    check(TYPE(.id = TYPE_UINT32), VALUE(uint32_t, UINT32_MAX), "4294967295", "4294967295");
    check(TYPE(.id = TYPE_UINT64), VALUE(uint64_t, UINT64_MAX), "18446744073709551615",
          "18446744073709551615");
}

static void shows_floats_as_short_as_they_are_exact(void **unused) {
    static const struct {
        float value;
        const char *text;
    } floats[] = {
        {0.1f, "0.1"},
        {1.0f, "1.0"},
        {-0.0f, "-0.0"},
        {16777216.0f, "16777216.0"},
        {3.4028235e38f, "3.4028235e+38"},
        {1.1754944e-38f, "1.1754944e-38"},
        {0.33333334f, "0.33333334"},
        {1e10f, "10000000000.0"},
        {1e-45f, "1e-45"},
        {-2e-44f, "-2e-44"},
        {8.5e7f, "85000000.0"},
        {123456.79f, "123456.79"},
        {9.536743e-7f, "9.536743e-07"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
        check(TYPE(.id = TYPE_FLOAT32), &floats[i].value, floats[i].text, floats[i].text);
        assert_true(strtof(floats[i].text, NULL) == floats[i].value);
    }
    check(TYPE(.id = TYPE_FLOAT64), VALUE(double, 0.1), "0.1", "0.1");
    check(TYPE(.id = TYPE_FLOAT64), VALUE(double, INFINITY), "inf", "null");
    check(TYPE(.id = TYPE_FLOAT64), VALUE(double, -INFINITY), "-inf", "null");
    check(TYPE(.id = TYPE_FLOAT64), VALUE(double, NAN), "nan", "null");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0x3C00), "1.0", "1.0");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0xC000), "-2.0", "-2.0");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0x7BFF), "65504.0", "65504.0");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0x0200), "3.0517578125e-05",
          "3.0517578125e-05");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0x7C00), "inf", "null");
    check(TYPE(.id = TYPE_FLOAT16), VALUE(uint16_t, 0x7E00), "nan", "null");
}

static void shows_floats_so_that_they_read_back(void **unused) {
    const struct ArrowSchema schema = {.format = "f", .name = ""};
    uint64_t random = 1;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        uint32_t bits;
        float value;
        struct made made;
        char text[64];
        bool is_null;

        random = random * 6364136223846793005u + 1442695040888963407u;
        bits = (uint32_t)(random >> 32);
        memcpy(&value, &bits, sizeof(value));
        make(&made, 1, 0, NULL, &value, NULL);
        (void)ktk_format_value(&schema, &made.array, 0, text, sizeof(text), &is_null);
        assert_true(strtof(text, NULL) == value || (isnan(value) && strcmp(text, "nan") == 0));
        assert_true(strlen(text) <= 19); /* "-1234567900000000.0" */
    }
}

static void shows_dates_and_times(void **unused) {
    (void)unused;
    check(TYPE(.id = TYPE_DATE32), VALUE(int32_t, 18262), "2020-01-01", "\"2020-01-01\"");
    check(TYPE(.id = TYPE_DATE32), VALUE(int32_t, -1), "1969-12-31", "\"1969-12-31\"");
    check(TYPE(.id = TYPE_DATE64), VALUE(int64_t, -86400000), "1969-12-31", "\"1969-12-31\"");
    check(TYPE(.id = TYPE_DATE64), VALUE(int64_t, -1), "1969-12-31 23:59:59.999000",
          "\"1969-12-31T23:59:59.999000\"");
    check(TYPE(.id = TYPE_TIME32, .unit = UNIT_SECOND), VALUE(int32_t, 3661), "01:01:01",
          "\"01:01:01\"");
    check(TYPE(.id = TYPE_TIME64, .unit = UNIT_NANO), VALUE(int64_t, 1), "00:00:00.000000001",
          "\"00:00:00.000000001\"");
    check(TYPE(.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO), VALUE(int64_t, 1500000),
          "1970-01-01 00:00:01.500000", "\"1970-01-01T00:00:01.500000\"");
    check(TYPE(.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND, .timezone = "Europe/Berlin"),
          VALUE(int64_t, 0), "1970-01-01 00:00:00+00:00", "\"1970-01-01T00:00:00+00:00\"");
    check(TYPE(.id = TYPE_TIMESTAMP, .unit = UNIT_NANO), VALUE(int64_t, INT64_MIN),
          "1677-09-21 00:12:43.145224192", "\"1677-09-21T00:12:43.145224192\"");
    check(TYPE(.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND, .timezone = "UTC"),
          VALUE(int64_t, INT64_MAX), "292277026596-12-04 15:30:07+00:00",
          "\"292277026596-12-04T15:30:07+00:00\"");
}

/* Texts of str(pandas.Timedelta(…)). */
static void shows_durations_and_intervals(void **unused) {
    static const struct {
        int32_t days;
        int32_t milliseconds;
    } day_time = {-2, 5};
    static const struct {
        int32_t months;
        int32_t days;
        int64_t nanoseconds;
    } month_day_nano = {1, -2, 3};

    (void)unused;
    check(TYPE(.id = TYPE_DURATION, .unit = UNIT_SECOND), VALUE(int64_t, 93784), "1 days 02:03:04",
          "\"1 days 02:03:04\"");
    check(TYPE(.id = TYPE_DURATION, .unit = UNIT_MICRO), VALUE(int64_t, -1000000),
          "-1 days +23:59:59", "\"-1 days +23:59:59\"");
    check(TYPE(.id = TYPE_DURATION, .unit = UNIT_NANO), VALUE(int64_t, 1),
          "0 days 00:00:00.000000001", "\"0 days 00:00:00.000000001\"");
    check(TYPE(.id = TYPE_INTERVAL, .width = 4), VALUE(int32_t, -7), "-7 months", "\"-7 months\"");
    check(TYPE(.id = TYPE_INTERVAL, .width = 8), &day_time, "-2 days 5 ms", "\"-2 days 5 ms\"");
    check(TYPE(.id = TYPE_INTERVAL, .width = 16), &month_day_nano, "1 months -2 days 3 ns",
          "\"1 months -2 days 3 ns\"");
}

static void shows_decimals_and_bytes(void **unused) {
    const int64_t decimal128[2] = {-12345, -1};
    const int64_t decimal256[4] = {7, 0, 0, 0};
    const int32_t offsets[] = {0, 5};
    const struct field text = {.name = "", .type = {.id = TYPE_STRING}};
    const struct field binary = {.name = "", .type = {.id = TYPE_BINARY}};
    struct made made;

    (void)unused;
    check(TYPE(.id = TYPE_DECIMAL128, .precision = 9, .scale = 2), decimal128, "-123.45",
          "\"-123.45\"");
    check(TYPE(.id = TYPE_DECIMAL128, .precision = 9, .scale = 0), decimal128, "-12345",
          "\"-12345\"");
    check(TYPE(.id = TYPE_DECIMAL128, .precision = 9, .scale = -3), decimal128, "-12345e3",
          "\"-12345e3\"");
    check(TYPE(.id = TYPE_DECIMAL256, .precision = 9, .scale = 3), decimal256, "0.007",
          "\"0.007\"");
    check(TYPE(.id = TYPE_DECIMAL256, .precision = 9, .scale = INT32_MAX), decimal256,
          "7e-2147483647", "\"7e-2147483647\"");
    check(TYPE(.id = TYPE_FIXED_BINARY, .width = 3), "\x00\xAB\xFF", "00abff", "\"00abff\"");
    make(&made, 1, 0, NULL, offsets, "a\"\xC3\xBC,");
    check_text(&text, &made.array, 0, "a\"\xC3\xBC,");
    check_json(&text, &made.array, 0, "\"a\\\"\\u00fc,\"");
    check_text(&binary, &made.array, 0, "6122c3bc2c");
    check_json(&binary, &made.array, 0, "\"6122c3bc2c\"");
}

static void shows_bools_and_nulls_from_an_offset(void **unused) {
    const struct field field = {.name = "", .type = {.id = TYPE_BOOL}};
    const struct field null = {.name = "", .type = {.id = TYPE_NULL}};
    const struct ArrowArray nulls = {.length = 1, .null_count = 1};
    const uint8_t validity = 0x0B;
    const uint8_t bits = 0x02;
    struct made made;

    (void)unused;
    make(&made, 3, 1, &validity, &bits, NULL);
    check_text(&field, &made.array, 0, "true");
    check_text(&field, &made.array, 1, NULL);
    check_text(&field, &made.array, 2, "false");
    check_json(&field, &made.array, 0, "true");
    check_json(&field, &made.array, 1, "null");
    check_json(&field, &made.array, 2, "false");
    check_text(&null, &nulls, 0, NULL);
    check_json(&null, &nulls, 0, "null");
}

static void shows_dictionaries_by_value(void **unused) {
    struct field values = {.name = "", .type = {.id = TYPE_STRING}};
    const struct field field = {
        .name = "", .type = {.id = TYPE_DICTIONARY, .index = TYPE_INT8}, .dictionary = &values};
    const int8_t indices[] = {1, 0, 2, -1, 3};
    const int32_t offsets[] = {0, 1, 3, 3};
    const uint8_t validity = 0x03;
    struct made dictionary;
    struct made made;
    struct buffer out;
    bool is_null;
    ktk_error err;

    (void)unused;
    make(&dictionary, 3, 0, &validity, offsets, "abc");
    make(&made, 5, 0, NULL, indices, NULL);
    made.array.dictionary = &dictionary.array;
    check_text(&field, &made.array, 0, "bc");
    check_text(&field, &made.array, 1, "a");
    check_text(&field, &made.array, 2, NULL);
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_STATUS(ktki_format_value(&field, &made.array, 3, &out, &is_null, &err), KTK_E_INVALID);
    CHECK_MESSAGE("index -1 is not in [0, 3)");
    CHECK_STATUS(ktki_format_value(&field, &made.array, 4, &out, &is_null, &err), KTK_E_INVALID);
    ktki_buffer_clear(&out);
}

/* [{"x": [1, null], "m": {"k": 1.5}}, null] in every kind of nesting. */
static void shows_nested_values_as_json(void **unused) {
    struct field item = {.name = "item", .type = {.id = TYPE_INT32}};
    struct field entry[] = {{.name = "key", .type = {.id = TYPE_STRING}},
                            {.name = "value", .type = {.id = TYPE_FLOAT64}}};
    struct field entries = {
        .name = "entries", .type = {.id = TYPE_STRUCT}, .child_count = 2, .children = entry};
    struct field members[] = {
        {.name = "x", .type = {.id = TYPE_LIST}, .child_count = 1, .children = &item},
        {.name = "m", .type = {.id = TYPE_MAP}, .child_count = 1, .children = &entries}};
    const struct field row = {
        .name = "", .type = {.id = TYPE_STRUCT}, .child_count = 2, .children = members};
    const struct field fixed = {.name = "",
                                .type = {.id = TYPE_FIXED_LIST, .width = 2},
                                .child_count = 1,
                                .children = &item};
    const int32_t numbers[] = {7, 1, 9, 4};
    const uint8_t number_validity = 0x0B;
    const int32_t list_offsets[] = {1, 1, 3};
    const int32_t text_offsets[] = {0, 1, 2};
    const double values[] = {0.5, 1.5};
    const int32_t map_offsets[] = {0, 1, 2};
    const uint8_t row_validity = 0x02;
    struct made items;
    struct made lists;
    struct made keys;
    struct made doubles;
    struct made pairs;
    struct made maps;
    struct made rows;

    (void)unused;
    make(&items, 4, 0, &number_validity, numbers, NULL);
    make(&lists, 2, 0, NULL, list_offsets, NULL);
    lists.children[0] = &items.array;
    make(&keys, 2, 0, NULL, text_offsets, "jk");
    make(&doubles, 2, 0, NULL, values, NULL);
    make(&pairs, 2, 0, NULL, NULL, NULL);
    pairs.children[0] = &keys.array;
    pairs.children[1] = &doubles.array;
    make(&maps, 2, 0, NULL, map_offsets, NULL);
    maps.children[0] = &pairs.array;
    make(&rows, 1, 1, &row_validity, NULL, NULL);
    rows.children[0] = &lists.array;
    rows.children[1] = &maps.array;
    check_text(&row, &rows.array, 0, "{\"x\": [1, null], \"m\": {\"k\": 1.5}}");
    check_text(&members[0], &lists.array, 0, "[]");
    rows.array.offset = 0;
    check_text(&row, &rows.array, 0, NULL);
    make(&rows, 1, 1, NULL, NULL, NULL);
    rows.children[0] = &items.array;
    check_text(&fixed, &rows.array, 0, "[null, 4]");
}

static void refuses_list_offsets_out_of_range(void **unused) {
    struct field item = {.name = "item", .type = {.id = TYPE_INT8}};
    const struct field field = {
        .name = "", .type = {.id = TYPE_LARGE_LIST}, .child_count = 1, .children = &item};
    const int64_t offsets[] = {0, 3, 2, -1};
    struct made items;
    struct made lists;
    struct buffer out;
    bool is_null;
    ktk_error err;

    (void)unused;
    make(&items, 2, 0, NULL, "\1\2", NULL);
    make(&lists, 3, 0, NULL, offsets, NULL);
    lists.children[0] = &items.array;
    ktki_buffer_init(&out, test_allocator(), 0);
    for (int64_t i = 0; i < 3; i++) {
        CHECK_STATUS(ktki_format_value(&field, &lists.array, i, &out, &is_null, &err),
                     KTK_E_INVALID);
        CHECK_MESSAGE("list items");
    }
    ktki_buffer_clear(&out);
}

static void release_nothing(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void public_functions_cut_at_a_character(void **unused) {
    const struct ArrowSchema schema = {.format = "u", .name = "t", .release = release_nothing};
    const int32_t offsets[] = {0, 5};
    struct made made;
    char text[8];
    bool is_null = true;

    (void)unused;
    make(&made, 1, 0, NULL, offsets, "ab\xC3\xBC.");
    assert_int_equal(ktk_format_value(&schema, &made.array, 0, text, sizeof(text), &is_null), 5);
    assert_string_equal(text, "ab\xC3\xBC.");
    assert_false(is_null);
    memset(text, 'x', sizeof(text));
    assert_int_equal(ktk_format_value(&schema, &made.array, 0, text, 4, &is_null), 5);
    assert_string_equal(text, "ab");
    assert_int_equal(text[4], 'x');
    assert_int_equal(ktk_format_value(&schema, &made.array, 0, NULL, 0, &is_null), 5);
}

static void public_functions_show_nested_and_unknown_types(void **unused) {
    struct ArrowSchema item = {.format = "tsu:UTC",
                               .name = "item",
                               .flags = ARROW_FLAG_NULLABLE,
                               .release = release_nothing};
    struct ArrowSchema *children[] = {&item};
    const struct ArrowSchema list = {.format = "+l",
                                     .name = "l",
                                     .flags = ARROW_FLAG_NULLABLE,
                                     .n_children = 1,
                                     .children = children,
                                     .release = release_nothing};
    const struct ArrowSchema unknown = {.format = "?", .name = "", .release = release_nothing};
    const int32_t offsets[] = {0, 1};
    const int64_t zero = 0;
    struct made items;
    struct made lists;
    char text[64];
    bool is_null;

    (void)unused;
    make(&items, 1, 0, NULL, &zero, NULL);
    make(&lists, 1, 0, NULL, offsets, NULL);
    lists.children[0] = &items.array;
    (void)ktk_format_value(&list, &lists.array, 0, text, sizeof(text), &is_null);
    assert_string_equal(text, "[\"1970-01-01T00:00:00+00:00\"]");
    (void)ktk_format_type(&list, text, sizeof(text));
    assert_string_equal(text, "list<item: timestamp[us, tz=UTC]>");
    assert_int_equal(ktk_format_value(&unknown, &items.array, 0, text, sizeof(text), &is_null), 1);
    assert_string_equal(text, "?");
    assert_int_equal(ktk_format_type(&unknown, text, sizeof(text)), 1);
    assert_string_equal(text, "?");
}

static void survives_each_failing_allocation(void **unused) {
    struct field item = {.name = "item", .type = {.id = TYPE_STRING}};
    const struct field field = {
        .name = "", .type = {.id = TYPE_LIST}, .child_count = 1, .children = &item};
    const int32_t text_offsets[] = {0, 100};
    const int32_t list_offsets[] = {0, 1};
    char letters[100];
    struct made texts;
    struct made lists;
    bool done = false;
    int64_t n = 0;

    (void)unused;
    memset(letters, 'x', sizeof(letters));
    make(&texts, 1, 0, NULL, text_offsets, letters);
    make(&lists, 1, 0, NULL, list_offsets, NULL);
    lists.children[0] = &texts.array;
    for (; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct buffer out;
        bool is_null;
        ktk_error err;
        ktk_status status;

        ktki_buffer_init(&out, ktki_context_allocator(context), 0);
        status = ktki_format_value(&field, &lists.array, 0, &out, &is_null, &err);
        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&out);
        test_context_free(context);
    }
    assert_true(n > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_integers),
        cmocka_unit_test(shows_floats_as_short_as_they_are_exact),
        cmocka_unit_test(shows_floats_so_that_they_read_back),
        cmocka_unit_test(shows_dates_and_times),
        cmocka_unit_test(shows_durations_and_intervals),
        cmocka_unit_test(shows_decimals_and_bytes),
        cmocka_unit_test(shows_bools_and_nulls_from_an_offset),
        cmocka_unit_test(shows_dictionaries_by_value),
        cmocka_unit_test(shows_nested_values_as_json),
        cmocka_unit_test(refuses_list_offsets_out_of_range),
        cmocka_unit_test(public_functions_cut_at_a_character),
        cmocka_unit_test(public_functions_show_nested_and_unknown_types),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
