#include "arrow/cast.h"

#include "support/test.h"

#include <math.h>
#include <stdio.h>

#include "arrow/builder.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "random_arrays.h"

__extension__ typedef __int128 int128;

static struct field of_type(enum type_id id) {
    return (struct field){.name = "x", .type = {.id = id}, .nullable = true};
}

static struct field in_unit(enum type_id id, enum time_unit unit) {
    return (struct field){.name = "x", .type = {.id = id, .unit = unit}, .nullable = true};
}

/* Values of any integer-like type, null where a bit of `nulls` is set. */
static void build(struct ArrowArray *out, ktk_context *context, const struct field *field,
                  const int64_t *values, size_t count, uint32_t nulls) {
    struct array_builder builder;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, field, &err));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK((nulls >> i & 1) != 0 ? ktki_builder_append_null(&builder, &err)
                                       : ktki_builder_append_i64(&builder, values[i], &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, out, &err));
    ktki_builder_clear(&builder);
}

static int64_t number_at(const struct field *field, const struct ArrowArray *array, int64_t row) {
    int64_t value = 0;
    size_t width = ktki_type_width(&field->type);
    const uint8_t *at = (const uint8_t *)array->buffers[1] + (size_t)(array->offset + row) * width;

    memcpy(&value, at, width);
    if (width < 8 && !ktki_type_is_unsigned_integer(field->type.id)) {
        value = (int64_t)((uint64_t)value << (64 - 8 * width)) >> (64 - 8 * width);
    }
    return value;
}

/* The array moves on success only. */
static ktk_status cast(struct ArrowArray *array, ktk_context *context, const struct field *from,
                       const struct field *to, ktk_error *err) {
    struct ArrowArray out = {.private_data = TEST_POISON};
    ktk_status status = ktki_array_cast(&out, context, array, from, to, err);

    if (status == KTK_OK) {
        assert_null(array->release);
        assert_int_equal(ktki_array_check(&out, to, true, err), KTK_OK);
        *array = out;
    } else {
        assert_ptr_equal(out.private_data, TEST_POISON);
        assert_non_null(array->release);
    }
    return status;
}

static void widens_integers_and_floats(void **unused) {
    static const enum type_id kinds[3][5] = {
        {TYPE_INT8, TYPE_INT16, TYPE_INT32, TYPE_INT64, TYPE_COUNT},
        {TYPE_UINT8, TYPE_UINT16, TYPE_UINT32, TYPE_UINT64, TYPE_COUNT},
        {TYPE_FLOAT16, TYPE_FLOAT32, TYPE_FLOAT64, TYPE_COUNT, TYPE_COUNT},
    };
    static const int64_t values[2][4] = {{-128, 127, 0, -1}, {0, 255, 1, 128}};
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; kinds[kind][i] != TYPE_COUNT; i++) {
            for (int j = 0; kinds[kind][j] != TYPE_COUNT; j++) {
                struct field from = of_type(kinds[kind][i]);
                struct field to = of_type(kinds[kind][j]);
                struct ArrowArray array;

                assert_int_equal(ktki_cast_is_possible(&from, &to), j >= i);
                if (j <= i || kind == 2) {
                    continue;
                }
                build(&array, context, &from, values[kind], 4, 0x4);
                array.offset = 1;
                array.length = 3;
                array.null_count = -1;
                CHECK_OK(cast(&array, context, &from, &to, &err));
                assert_int_equal(array.null_count, 1);
                assert_int_equal(number_at(&to, &array, 0), values[kind][1]);
                assert_int_equal(number_at(&to, &array, 2), values[kind][3]);
                ktki_array_clear(&array);
            }
        }
    }
    test_context_free(context);
}

/* Each half-precision float, against the definition of IEEE 754. */
static void widens_every_half(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field halves = of_type(TYPE_FLOAT16);
    const struct field doubles = of_type(TYPE_FLOAT64);
    const struct field floats = of_type(TYPE_FLOAT32);
    uint16_t *values = (malloc)(65536 * sizeof(*values));
    const void *buffers[] = {NULL, values};
    struct ArrowArray array = {.length = 65536, .n_buffers = 2, .buffers = buffers};
    struct ArrowArray wide;
    struct ArrowArray wider;
    ktk_error err;

    (void)unused;
    for (unsigned i = 0; i < 65536; i++) {
        values[i] = (uint16_t)i;
    }
    CHECK_OK(ktki_array_cast(&wide, context, &array, &halves, &floats, &err));
    array = (struct ArrowArray){.length = 65536, .n_buffers = 2, .buffers = buffers};
    CHECK_OK(ktki_array_cast(&wider, context, &array, &halves, &doubles, &err));
    for (unsigned i = 0; i < 65536; i++) {
        double sign = (i & 0x8000) != 0 ? -1 : 1;
        int exponent = (int)(i >> 10 & 31);
        double mantissa = i & 1023;
        double value = exponent == 0    ? ldexp(mantissa, -24)
                       : exponent == 31 ? (mantissa == 0 ? HUGE_VAL : (double)NAN)
                                        : ldexp(1024 + mantissa, exponent - 25);
        float found_float = ((const float *)wide.buffers[1])[i];
        double found_double = ((const double *)wider.buffers[1])[i];
        if (isnan(value)) {
            assert_true(isnan(found_float) && isnan(found_double));
        } else {
            assert_true((double)found_float == sign * value && found_double == sign * value);
            assert_int_equal(signbit(found_double) != 0, sign < 0);
        }
    }
    ktki_array_clear(&wide);
    ktki_array_clear(&wider);
    (free)(values);
    test_context_free(context);
}

struct time_type {
    struct field field;
    int64_t tick_ns;
    int kind;
};

/* What 128-bit arithmetic says; false if it cannot be kept. */
static bool expected_time(const struct time_type *from, const struct time_type *to, int64_t value,
                          int64_t *wanted) {
    bool is_narrow = ktki_type_width(&to->field.type) == 4;
    int128 ns = (int128)value * from->tick_ns;
    int128 result = ns / to->tick_ns;

    *wanted = (int64_t)result;
    return ns % to->tick_ns == 0 && result >= (is_narrow ? INT32_MIN : INT64_MIN) &&
           result <= (is_narrow ? INT32_MAX : INT64_MAX);
}

/* True if the value was kept. */
static bool check_time(ktk_context *context, const struct time_type *from,
                       const struct time_type *to, int64_t value) {
    const int64_t values[] = {0, value};
    struct ArrowArray array;
    int64_t wanted;
    bool is_kept = expected_time(from, to, value, &wanted);
    char text[40];
    ktk_error err;

    build(&array, context, &from->field, values, 2, 0);
    if (is_kept) {
        CHECK_OK(cast(&array, context, &from->field, &to->field, &err));
        assert_true(number_at(&to->field, &array, 1) == wanted);
    } else {
        CHECK_STATUS(cast(&array, context, &from->field, &to->field, &err), KTK_E_INVALID);
        CHECK_MESSAGE("row 1");
        (void)snprintf(text, sizeof(text), "'%lld'", (long long)value);
        CHECK_MESSAGE(text);
    }
    ktki_array_clear(&array);
    return is_kept;
}

/* Each pair of a kind, values at all borders. */
static void converts_times_exactly_or_not_at_all(void **unused) {
    static const int64_t s = 1000000000;
    const struct time_type types[] = {
        {of_type(TYPE_DATE32), 86400 * s, 0},
        {of_type(TYPE_DATE64), s / 1000, 0},
        {in_unit(TYPE_TIMESTAMP, UNIT_SECOND), s, 1},
        {in_unit(TYPE_TIMESTAMP, UNIT_MILLI), s / 1000, 1},
        {in_unit(TYPE_TIMESTAMP, UNIT_MICRO), s / 1000000, 1},
        {in_unit(TYPE_TIMESTAMP, UNIT_NANO), 1, 1},
        {in_unit(TYPE_TIME32, UNIT_SECOND), s, 2},
        {in_unit(TYPE_TIME32, UNIT_MILLI), s / 1000, 2},
        {in_unit(TYPE_TIME64, UNIT_MICRO), s / 1000000, 2},
        {in_unit(TYPE_TIME64, UNIT_NANO), 1, 2},
        {in_unit(TYPE_DURATION, UNIT_SECOND), s, 3},
        {in_unit(TYPE_DURATION, UNIT_NANO), 1, 3},
    };
    static const int64_t values[] = {
        0,
        1,
        -1,
        86400,
        -86400,
        1000,
        -1000,
        1000000,
        86400000,
        -86400000,
        INT32_MAX,
        INT32_MIN,
        10000000,
        999999999,
        1000000000,
        INT64_C(86400000000000),
        INT64_C(9223372036854775),
        INT64_C(-9223372036854776),
        INT64_C(-9223372036854775),
        INT64_MAX,
        INT64_MIN,
    };
    ktk_context *context = test_context_new(1);
    int counts[2] = {0, 0}; /* lost, kept */

    (void)unused;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
            const struct time_type *from = &types[i];
            const struct time_type *to = &types[j];
            bool is_possible = from->kind == to->kind || (from->kind == 0 && to->kind == 1);

            assert_int_equal(ktki_cast_is_possible(&from->field, &to->field), is_possible);
            for (size_t v = 0; is_possible && v < sizeof(values) / sizeof(values[0]); v++) {
                if (ktki_type_width(&from->field.type) == 8 ||
                    (values[v] <= INT32_MAX && values[v] >= INT32_MIN)) {
                    counts[check_time(context, from, to, values[v])]++;
                }
            }
        }
    }
    assert_true(counts[0] > 200 && counts[1] > 200);
    test_context_free(context);
}

static void ignores_what_stands_below_nulls(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field from = in_unit(TYPE_TIMESTAMP, UNIT_SECOND);
    const struct field to = in_unit(TYPE_TIMESTAMP, UNIT_NANO);
    const int64_t values[] = {5, 6, 7};
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    build(&array, context, &from, values, 3, 0x2);
    ((int64_t *)(uintptr_t)array.buffers[1])[1] = INT64_MAX;
    CHECK_OK(cast(&array, context, &from, &to, &err));
    assert_int_equal(number_at(&to, &array, 2), INT64_C(7000000000));
    ktki_array_clear(&array);
    test_context_free(context);
}

static void converts_many_blocks(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field from = of_type(TYPE_DATE32);
    const struct field to = in_unit(TYPE_TIMESTAMP, UNIT_MICRO);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_builder_init(&builder, context, &from, &err));
    for (int64_t i = 0; i < 5000; i++) {
        CHECK_OK(ktki_builder_append_i64(&builder, i - 2500, &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    array.offset = 3;
    array.length = 4997;
    CHECK_OK(cast(&array, context, &from, &to, &err));
    for (int64_t i = 0; i < 4997; i++) {
        assert_int_equal(number_at(&to, &array, i), (i + 3 - 2500) * INT64_C(86400000000));
    }
    ktki_array_clear(&array);
    test_context_free(context);
}

static void keeps_time_zones_apart(void **unused) {
    struct field utc = in_unit(TYPE_TIMESTAMP, UNIT_MICRO);
    struct field naive = in_unit(TYPE_TIMESTAMP, UNIT_NANO);
    struct field date = of_type(TYPE_DATE32);

    (void)unused;
    utc.type.timezone = "UTC";
    assert_false(ktki_cast_is_possible(&utc, &naive));
    assert_false(ktki_cast_is_possible(&naive, &utc));
    assert_false(ktki_cast_is_possible(&date, &utc));
    assert_false(ktki_cast_is_possible(&naive, &date));
    naive.type.timezone = "UTC";
    assert_true(ktki_cast_is_possible(&utc, &naive));
}

/* Same text of each value before and after. */
static void check_kept(ktk_context *context, const struct field *from, const struct field *to,
                       uint32_t *random) {
    int64_t length = random_below(random, 50);
    struct ArrowArray array;
    struct ArrowArray copy;
    const struct ArrowArray *source = &array;
    ktk_error err;

    assert_true(ktki_cast_is_possible(from, to));
    random_array(&array, from, length, (int)random_below(random, 3) * 128, random);
    CHECK_OK(ktki_array_concat(&copy, context, from, &source, 1, &err));
    CHECK_OK(cast(&array, context, from, to, &err));
    for (int64_t row = 0; row < length; row++) {
        struct buffer texts[2];
        ktki_buffer_init(&texts[0], test_allocator(), 0);
        ktki_buffer_init(&texts[1], test_allocator(), 0);
        value_text(from, &copy, row, &texts[0]);
        value_text(to, &array, row, &texts[1]);
        assert_int_equal(texts[0].size, texts[1].size);
        assert_memory_equal(texts[0].data, texts[1].data, texts[0].size);
        ktki_buffer_clear(&texts[0]);
        ktki_buffer_clear(&texts[1]);
    }
    ktki_array_clear(&array);
    ktki_array_clear(&copy);
}

static void converts_texts_of_every_form(void **unused) {
    static const enum type_id kinds[2][3] = {
        {TYPE_STRING, TYPE_LARGE_STRING, TYPE_STRING_VIEW},
        {TYPE_BINARY, TYPE_LARGE_BINARY, TYPE_BINARY_VIEW},
    };
    ktk_context *context = test_context_new(1);
    uint32_t random = 41;

    (void)unused;
    for (int i = 0; i < 3 * 3 * 2 * 6; i++) {
        const struct field from = of_type(kinds[i / 9 % 2][i % 3]);
        const struct field to = of_type(kinds[i / 9 % 2][i / 3 % 3]);
        const struct field other = of_type(kinds[1 - i / 9 % 2][i / 3 % 3]);

        assert_false(ktki_cast_is_possible(&from, &other));
        check_kept(context, &from, &to, &random);
    }
    test_context_free(context);
}

static void decodes_dictionaries(void **unused) {
    static const enum type_id texts[] = {TYPE_STRING, TYPE_LARGE_STRING, TYPE_STRING_VIEW};
    ktk_context *context = test_context_new(1);
    uint32_t random = 43;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        const struct field *from = random_fields[f];
        for (int round = 0; round < 9 && from->dictionary != NULL; round++) {
            struct field to = ktki_type_is_text(from->dictionary->type.id)
                                  ? of_type(texts[round % 3])
                                  : of_type(from->dictionary->type.id);
            check_kept(context, from, &to, &random);
        }
    }
    test_context_free(context);
}

static void converts_items_of_lists(void **unused) {
    static const enum type_id lists[] = {TYPE_LIST, TYPE_LARGE_LIST, TYPE_LIST, TYPE_FIXED_LIST};
    struct field text = of_type(TYPE_STRING);
    struct field large = of_type(TYPE_LARGE_STRING);
    struct field inner = of_type(TYPE_LIST);
    struct field inner_large = of_type(TYPE_LARGE_LIST);
    ktk_context *context = test_context_new(1);
    uint32_t random = 47;

    (void)unused;
    inner.children = &text;
    inner.child_count = 1;
    inner_large.children = &large;
    inner_large.child_count = 1;
    for (int i = 0; i < 40; i++) {
        struct field from = of_type(lists[i % 4]);
        struct field to = of_type(lists[i % 4 == 3 ? 3 : (i + 1) % 3]);
        from.type.width = to.type.width = from.type.id == TYPE_FIXED_LIST ? 3 : 0;
        from.child_count = to.child_count = 1;
        from.children = i % 8 < 4 ? &text : &inner;
        to.children = i % 8 < 4 ? &large : &inner_large;
        check_kept(context, &from, &to, &random);
        to.type.width = 4;
        assert_int_equal(ktki_cast_is_possible(&from, &to), from.type.id != TYPE_FIXED_LIST);
    }
    test_context_free(context);
}

static void converts_children_of_structs_and_maps(void **unused) {
    struct field from_children[] = {of_type(TYPE_STRING), of_type(TYPE_LARGE_BINARY)};
    struct field to_children[] = {of_type(TYPE_LARGE_STRING), of_type(TYPE_BINARY)};
    struct field from = of_type(TYPE_STRUCT);
    struct field to = of_type(TYPE_STRUCT);
    struct field from_map = of_type(TYPE_MAP);
    struct field to_map = of_type(TYPE_MAP);
    ktk_context *context = test_context_new(1);
    uint32_t random = 48;

    (void)unused;
    from.children = from_children;
    to.children = to_children;
    from.child_count = to.child_count = 2;
    for (int i = 0; i < 10; i++) {
        check_kept(context, &from, &to, &random);
    }
    from.nullable = to.nullable = false;
    from_children[0].nullable = to_children[0].nullable = false;
    from_map.children = &from;
    to_map.children = &to;
    from_map.child_count = to_map.child_count = 1;
    for (int i = 0; i < 10; i++) {
        check_kept(context, &from_map, &to_map, &random);
    }
    assert_false(ktki_cast_is_possible(&from, &to_map));
    to_children[1].name = "other";
    assert_false(ktki_cast_is_possible(&from, &to));
    assert_false(ktki_cast_is_possible(&from_map, &to_map));
    to.child_count = 1;
    assert_false(ktki_cast_is_possible(&from, &to));
    test_context_free(context);
}

static void names_the_column_of_an_item_that_is_lost(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field items[] = {in_unit(TYPE_TIMESTAMP, UNIT_NANO),
                            in_unit(TYPE_TIMESTAMP, UNIT_MICRO)};
    struct field from = of_type(TYPE_LIST);
    struct field to = of_type(TYPE_LIST);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    from.children = &items[0];
    to.children = &items[1];
    from.child_count = to.child_count = 1;
    to.name = "times";
    CHECK_OK(ktki_builder_init(&builder, context, &from, &err));
    CHECK_OK(ktki_builder_append_i64(ktki_builder_item(&builder), 1001, &err));
    CHECK_OK(ktki_builder_end_list(&builder, &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    CHECK_STATUS(cast(&array, context, &from, &to, &err), KTK_E_INVALID);
    CHECK_MESSAGE("items of column 'times'");
    CHECK_MESSAGE("'1001'");
    ktki_array_clear(&array);
    test_context_free(context);
}

static void makes_anything_of_nulls(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field from = of_type(TYPE_NULL);
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        struct ArrowArray array;
        CHECK_OK(ktki_array_nulls(&array, context, &from, 7, &err));
        CHECK_OK(cast(&array, context, &from, random_fields[f], &err));
        assert_int_equal(array.length, 7);
        assert_int_equal(ktki_array_null_count(&array), 7);
        ktki_array_clear(&array);
    }
    test_context_free(context);
}

static void moves_arrays_of_equal_type(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field from = of_type(TYPE_INT64);
    struct field to = of_type(TYPE_INT64);
    const int64_t values[] = {1, 2};
    const void *buffer;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    to.name = "another";
    to.nullable = false;
    build(&array, context, &from, values, 2, 0);
    buffer = array.buffers[1];
    CHECK_OK(ktki_array_cast(&array, context, &array, &from, &to, &err)); /* in place, too */
    assert_ptr_equal(array.buffers[1], buffer);
    ktki_array_clear(&array);
    test_context_free(context);
}

static void refuses_pairs_it_does_not_know(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct field from = of_type(TYPE_INT64);
    const struct field to = of_type(TYPE_STRING);
    const int64_t values[] = {1, 2};
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    build(&array, context, &from, values, 2, 0);
    CHECK_STATUS(cast(&array, context, &from, &to, &err), KTK_E_SCHEMA);
    CHECK_MESSAGE("column 'x' of type int64 cannot become string");
    ktki_array_clear(&array);
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    static const struct field value = {NULL, {.id = TYPE_STRING}, .nullable = true};
    const struct field from = {"d",
                               {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                               .dictionary = (struct field *)(uintptr_t)&value};
    const struct field to = of_type(TYPE_LARGE_STRING);
    const struct field view = of_type(TYPE_STRING_VIEW);
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        uint32_t random = 53;
        struct ArrowArray array;
        ktk_error err;
        ktk_status status;

        random_array(&array, &from, 20, 100, &random);
        status = cast(&array, context, &from, &to, &err);
        if (status == KTK_OK) {
            status = cast(&array, context, &to, &view, &err);
        }
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_array_clear(&array);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widens_integers_and_floats),
        cmocka_unit_test(widens_every_half),
        cmocka_unit_test(converts_times_exactly_or_not_at_all),
        cmocka_unit_test(ignores_what_stands_below_nulls),
        cmocka_unit_test(converts_many_blocks),
        cmocka_unit_test(keeps_time_zones_apart),
        cmocka_unit_test(converts_texts_of_every_form),
        cmocka_unit_test(decodes_dictionaries),
        cmocka_unit_test(converts_items_of_lists),
        cmocka_unit_test(converts_children_of_structs_and_maps),
        cmocka_unit_test(names_the_column_of_an_item_that_is_lost),
        cmocka_unit_test(makes_anything_of_nulls),
        cmocka_unit_test(moves_arrays_of_equal_type),
        cmocka_unit_test(refuses_pairs_it_does_not_know),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
