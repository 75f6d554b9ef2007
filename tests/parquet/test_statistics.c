#include "support/test.h"

#include <math.h>
#include <stdio.h>

#include "parquet/statistics.h"

/* One leaf of a file, and what its bounds become: as text of hex digits, "-" for none. */
struct leaf_case {
    struct schema_element element;
    struct field field;
    const char *created_by;
    int order; /* of the column; 0: unknown, -1: the file names none */
};

static void render(const struct extents *extents, const struct ArrowArray *array, int64_t i,
                   char out[80]) {
    struct array_view view;
    const uint8_t *data;
    size_t size;

    ktki_array_view(array, &extents->field->type, &view);
    if (ktki_view_is_null(&view, i)) {
        strcpy(out, "-");
        return;
    }
    if (extents->field->type.id == TYPE_BOOL) {
        strcpy(out, ktki_bit_get(view.values, i) ? "true" : "false");
        return;
    }
    ktki_array_bytes(array, &extents->field->type, i, &data, &size);
    out[0] = '\0';
    for (size_t at = 0; at < size; at++) {
        (void)snprintf(out + 2 * at, 80 - 2 * at, "%02x", data[at]);
    }
}

static void check(const struct leaf_case *it, const struct parquet_statistics *statistics,
                  const char *min, const char *max) {
    const uint8_t order = (uint8_t)(it->order > 0);
    struct parquet_metadata metadata = {.created_by = it->created_by,
                                        .column_order_count = it->order >= 0,
                                        .column_orders = &order};
    struct parquet_leaf leaf = {.element = &it->element, .field = &it->field};
    struct stored_extent stored;
    struct statistics_rule rule;
    struct extents extents;
    struct arena arena;
    char text[80];
    ktk_error err;

    ktki_arena_init(&arena, test_allocator());
    ktki_statistics_rule(&rule, &metadata, &leaf, 0);
    stored = ktki_statistics_choose(&rule, statistics, 10);
    CHECK_OK(ktki_statistics_extents(&extents, &arena, &rule, &stored, 1, &err));
    render(&extents, &extents.min, 0, text);
    assert_string_equal(text, min);
    render(&extents, &extents.max, 0, text);
    assert_string_equal(text, max);
    ktki_arena_clear(&arena);
    assert_int_equal(test_allocator_live(), 0);
}

#define BYTES(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define NEW(low, high)                                                                             \
    &(const struct parquet_statistics){                                                            \
        .is_present = true, .min_value = BYTES(low), .max_value = BYTES(high), .null_count = -1}
#define OLD(low, high)                                                                             \
    &(const struct parquet_statistics){                                                            \
        .is_present = true, .old_min = BYTES(low), .old_max = BYTES(high), .null_count = -1}

static struct leaf_case leaf(enum parquet_type physical, int32_t length, struct data_type type) {
    return (struct leaf_case){
        {.type = physical, .has_type = true, .type_length = length, .name = "x"},
        {.name = "x", .type = type},
        NULL,
        1};
}

static void numbers_are_taken_as_stored(void **unused) {
    struct leaf_case it = leaf(PQ_INT32, 0, (struct data_type){.id = TYPE_INT32});

    (void)unused;
    check(&it, NEW("\1\2\3\4", "\5\6\7\x08"), "01020304", "05060708");
    check(&it, OLD("\1\2\3\4", "\5\6\7\x08"), "01020304", "05060708");
    check(&it, NEW("\1\2\3", "\5\6\7\x08"), "-", "-");
    it = leaf(PQ_BOOLEAN, 0, (struct data_type){.id = TYPE_BOOL});
    check(&it, NEW("\0", "\1"), "false", "true");
    check(&it, NEW("", "\1"), "-", "-");
}

static void old_bounds_of_unsigned_numbers_and_texts_say_nothing(void **unused) {
    struct leaf_case it = leaf(PQ_INT32, 0, (struct data_type){.id = TYPE_UINT32});

    (void)unused;
    check(&it, OLD("\1\2\3\4", "\5\6\7\x08"), "-", "-");
    check(&it, NEW("\1\2\3\4", "\5\6\7\xF8"), "01020304", "050607f8");
    it = leaf(PQ_BYTE_ARRAY, 0, (struct data_type){.id = TYPE_STRING});
    check(&it, OLD("a", "b"), "-", "-");
    check(&it, NEW("a", "bc"), "61", "6263");
    check(&it, NEW("", ""), "", "");
}

static void an_order_that_is_not_named_makes_new_bounds_worthless(void **unused) {
    struct leaf_case it = leaf(PQ_INT64, 0, (struct data_type){.id = TYPE_INT64});

    (void)unused;
    it.order = 0;
    check(&it, NEW("12345678", "23456789"), "-", "-");
    it.order = -1;
    check(&it, NEW("12345678", "23456789"), "-", "-");
    check(&it, OLD("12345678", "23456789"), "3132333435363738", "3233343536373839");
}

static void int96_has_no_order(void **unused) {
    struct leaf_case it =
        leaf(PQ_INT96, 0, (struct data_type){.id = TYPE_TIMESTAMP, .unit = UNIT_NANO});

    (void)unused;
    check(&it, NEW("123456789012", "223456789012"), "-", "-");
    check(&it, OLD("123456789012", "223456789012"), "-", "-");
}

static void narrow_numbers_must_fit(void **unused) {
    struct leaf_case it = leaf(PQ_INT32, 0, (struct data_type){.id = TYPE_INT8});

    (void)unused;
    check(&it, NEW("\xFE\xFF\xFF\xFF", "\x7F\0\0\0"), "fe", "7f");
    check(&it, NEW("\1\0\0\0", "\x80\0\0\0"), "-", "-");
    it = leaf(PQ_INT32, 0, (struct data_type){.id = TYPE_UINT8});
    check(&it, NEW("\1\0\0\0", "\xFF\0\0\0"), "01", "ff");
    check(&it, NEW("\xFF\xFF\xFF\xFF", "\xFF\0\0\0"), "-", "-");
}

static void decimals_of_writers_that_compared_bytes_say_nothing(void **unused) {
    const struct data_type type = {.id = TYPE_DECIMAL128, .precision = 4, .scale = 2};
    struct leaf_case it = leaf(PQ_FIXED_LEN_BYTE_ARRAY, 2, type);

    (void)unused;
    check(&it, NEW("\xFF\xFE", "\x01\x02"), "feffffffffffffffffffffffffffffff",
          "02010000000000000000000000000000");
    it.created_by = "parquet-cpp version 1.5.1-SNAPSHOT";
    check(&it, NEW("\xFF\xFE", "\x01\x02"), "-", "-");
    it.created_by = "parquet-cpp-arrow version 3.0.0";
    check(&it, NEW("\xFF\xFE", "\x01\x02"), "-", "-");
    it.created_by = "parquet-cpp-arrow version 14.0.1";
    check(&it, NEW("\xFF\xFE", "\x01\x02"), "feffffffffffffffffffffffffffffff",
          "02010000000000000000000000000000");
    it = leaf(PQ_INT32, 0, type);
    it.created_by = "parquet-cpp version 1.5.1-SNAPSHOT";
    check(&it, NEW("\xFF\xFF\xFF\xFF", "\1\0\0\0"), "ffffffffffffffffffffffffffffffff",
          "01000000000000000000000000000000");
    it = leaf(PQ_BYTE_ARRAY, 0, type);
    check(&it, NEW("\x80", "\x01\x02"), "80ffffffffffffffffffffffffffffff",
          "02010000000000000000000000000000");
}

static void a_bound_of_nan_makes_both_worthless(void **unused) {
    struct leaf_case it = leaf(PQ_FLOAT, 0, (struct data_type){.id = TYPE_FLOAT32});

    (void)unused;
    check(&it, NEW("\0\0\xC0\x7F", "\0\0\0\0"), "-", "-");
    check(&it, NEW("\0\0\0\0", "\0\0\xC0\xFF"), "-", "-");
    check(&it, NEW("\0\0\0\x80", "\0\0\x80\x7F"), "00000080", "0000807f");
}

static void null_counts_tell_what_rows_may_be(void **unused) {
    static const struct {
        struct stored_extent stored;
        bool may_be_null;
        bool may_be_filled;
    } cases[] = {
        {{.null_count = -1, .value_count = 10}, true, true},
        {{.null_count = 0, .value_count = 10}, false, true},
        {{.null_count = 3, .value_count = 10}, true, true},
        {{.null_count = 10, .value_count = 10}, true, false},
        {{.null_count = 10, .value_count = -1}, true, true},
        {{.null_count = -1, .value_count = -1, .is_null = true}, true, false},
        {{.null_count = 0, .value_count = 10, .is_null = true}, true, false},
    };
    struct leaf_case it = leaf(PQ_INT64, 0, (struct data_type){.id = TYPE_INT64});
    struct parquet_metadata metadata = {0};
    struct parquet_leaf leaf_of = {.element = &it.element, .field = &it.field};
    struct statistics_rule rule;
    struct extents extents;
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    ktki_statistics_rule(&rule, &metadata, &leaf_of, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_OK(ktki_statistics_extents(&extents, &arena, &rule, &cases[i].stored, 1, &err));
        assert_int_equal(extents.may_be_null[0] & 1, cases[i].may_be_null);
        assert_int_equal(extents.may_be_filled[0] & 1, cases[i].may_be_filled);
    }
    /* NaN counts as null, and no count tells of it. */
    it = leaf(PQ_DOUBLE, 0, (struct data_type){.id = TYPE_FLOAT64});
    ktki_statistics_rule(&rule, &metadata, &leaf_of, 0);
    CHECK_OK(ktki_statistics_extents(&extents, &arena, &rule, &cases[1].stored, 1, &err));
    assert_int_equal(extents.may_be_null[0] & 1, 1);
    ktki_arena_clear(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_taken_as_stored),
        cmocka_unit_test(old_bounds_of_unsigned_numbers_and_texts_say_nothing),
        cmocka_unit_test(an_order_that_is_not_named_makes_new_bounds_worthless),
        cmocka_unit_test(int96_has_no_order),
        cmocka_unit_test(narrow_numbers_must_fit),
        cmocka_unit_test(decimals_of_writers_that_compared_bytes_say_nothing),
        cmocka_unit_test(a_bound_of_nan_makes_both_worthless),
        cmocka_unit_test(null_counts_tell_what_rows_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
