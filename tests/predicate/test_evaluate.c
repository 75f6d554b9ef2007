#include "support/test.h"

#include <math.h>
#include <stdio.h>

#include "predicate/column_model.h"
#include "predicate/evaluate.h"

#define NO_LAYOUT ((struct layout_choice){0, TYPE_NULL, false})
#define ALL_LAYOUTS 8

/* Low, mid and high of a type, and the middle one as a value that fits it. */
static void example(const struct type_case *type, struct cell cells[3], ktk_value *mid,
                    char text[64]) {
    static const int64_t nanos[] = {1000000000, 1000000, 1000, 1};
    int64_t unit = nanos[type->type.unit];

    for (int i = 0; i < 3; i++) {
        cells[i] = whole_cell(10 * i - (type->group == GROUP_UNSIGNED ? 0 : 5));
    }
    *mid = (ktk_value){.kind = KTK_VALUE_INT, .integer = (int64_t)cells[1].whole};
    switch (type->group) {
    case GROUP_REAL:
        *mid = (ktk_value){.kind = KTK_VALUE_FLOAT, .real = 5};
        break;
    case GROUP_TEXT:
        cells[0] = text_cell("a~");
        cells[1] = text_cell("b\x01");
        cells[2] = text_cell("\xC3\xA9");
        *mid = (ktk_value){.kind = KTK_VALUE_TEXT, .bytes = "b\x01", .bytes_size = 2};
        break;
    case GROUP_DATE:
        mid->kind = KTK_VALUE_DATE;
        for (int i = 0; i < 3 && type->type.id == TYPE_DATE64; i++) {
            cells[i].whole *= 86400000;
        }
        break;
    case GROUP_TIME:
        cells[0].whole = 0;
        (void)snprintf(text, 64, "00:00:%02d.%09d", (int)(5 * unit / 1000000000),
                       (int)(5 * unit % 1000000000));
        *mid = (ktk_value){.kind = KTK_VALUE_UNTYPED, .bytes = text, .bytes_size = strlen(text)};
        break;
    case GROUP_TIMESTAMP:
        *mid = (ktk_value){.kind = KTK_VALUE_TIMESTAMP, .integer = 5 * unit};
        break;
    case GROUP_DECIMAL:
        *mid = (ktk_value){.kind = KTK_VALUE_UNTYPED, .bytes = "+0.050", .bytes_size = 6};
        break;
    default:
        break;
    }
}

static struct layout_choice layout_number(int i) {
    static const struct layout_choice layouts[ALL_LAYOUTS] = {
        {0, TYPE_NULL, false},  {3, TYPE_NULL, false}, {64, TYPE_NULL, false},
        {0, TYPE_INT8, false},  {5, TYPE_INT32, true}, {9, TYPE_UINT16, false},
        {1, TYPE_INT64, false}, {0, TYPE_UINT8, true},
    };
    return layouts[i];
}

/* Evaluate one literal on one column and compare with a text of 0 and 1. */
static void check_pattern(ktk_context *context, const struct column *column, ktk_operator op,
                          const ktk_value *values, size_t value_count, const char *wanted) {
    ktk_literal literal = {column->field.name, op, values, value_count};
    const struct field *field = &column->field;
    const struct ArrowArray *array = &column->array;
    struct schema *schema = model_schema(context, &field, 1);
    struct bound_predicate *bound = NULL;
    ktk_predicate *predicate = NULL;
    uint8_t mask[16];
    size_t one = 1;
    ktk_error err;

    memset(mask, 0xEE, sizeof(mask));
    CHECK_OK(ktk_predicate_new(&predicate, context, &literal, &one, 1, &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, schema, &err));
    ktk_predicate_free(predicate);
    ktki_schema_free(schema);
    CHECK_OK(ktki_bound_evaluate(bound, &field, &array, column->count, mask, &err));
    for (int64_t i = 0; i < column->count; i++) {
        if ((mask[i / 8] >> i % 8 & 1) != (wanted[i] == '1')) {
            fail_msg("column of type %d, operator %s: row %d is not %c", (int)column->field.type.id,
                     ktki_operator_text(op), (int)i, wanted[i]);
        }
    }
    for (int64_t i = column->count; i < (column->count + 7) / 8 * 8; i++) {
        assert_int_equal(mask[i / 8] >> i % 8 & 1, 0);
    }
    ktki_bound_free(bound);
}

/* ---- hand-written tables ---- */

static void follows_the_table_for_every_type_and_operator(void **unused) {
    static const struct {
        ktk_operator op;
        const char *wanted; /* for low, mid, high, null asked about mid */
    } table[] = {
        {KTK_OP_EQ, "0100"}, {KTK_OP_NE, "1011"}, {KTK_OP_LT, "1000"}, {KTK_OP_LE, "1100"},
        {KTK_OP_GT, "0010"}, {KTK_OP_GE, "0110"}, {KTK_OP_IN, "0100"}, {KTK_OP_NOT_IN, "1011"},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t t = 0; t < MODEL_TYPE_COUNT; t++) {
        struct cell cells[4];
        ktk_value values[2];
        char text[64];

        if (model_types[t].group == GROUP_NULL || model_types[t].group == GROUP_BOOL) {
            continue;
        }
        example(&model_types[t], cells, &values[0], text);
        values[1] = (ktk_value){.kind = KTK_VALUE_NULL};
        cells[3] = (struct cell){.is_null = true};
        for (int l = 0; l < ALL_LAYOUTS; l++) {
            struct column column;

            column_init(&column, "c", model_types[t].type, cells, 4, layout_number(l));
            for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                check_pattern(context, &column, table[i].op, values, 1, table[i].wanted);
            }
            check_pattern(context, &column, KTK_OP_EQ, values + 1, 1, "0001");
            check_pattern(context, &column, KTK_OP_NE, values + 1, 1, "1110");
            check_pattern(context, &column, KTK_OP_IN, values, 2, "0101");
            check_pattern(context, &column, KTK_OP_NOT_IN, values, 2, "1010");
            check_pattern(context, &column, KTK_OP_IN, values + 1, 1, "0001");
            check_pattern(context, &column, KTK_OP_NOT_IN, values + 1, 1, "1110");
            check_pattern(context, &column, KTK_OP_IN, NULL, 0, "0000");
            check_pattern(context, &column, KTK_OP_NOT_IN, NULL, 0, "1111");
            column_clear(&column);
        }
    }
    test_context_free(context);
}

static void follows_the_table_for_bools(void **unused) {
    static const struct {
        ktk_operator op;
        const char *wanted[2]; /* for false, true, null asked about false, about true */
    } table[] = {
        {KTK_OP_EQ, {"100", "010"}}, {KTK_OP_NE, {"011", "101"}},     {KTK_OP_LT, {"000", "100"}},
        {KTK_OP_LE, {"100", "110"}}, {KTK_OP_GT, {"010", "000"}},     {KTK_OP_GE, {"110", "010"}},
        {KTK_OP_IN, {"100", "010"}}, {KTK_OP_NOT_IN, {"011", "101"}},
    };
    const struct cell cells[3] = {whole_cell(0), whole_cell(1), {.is_null = true}};
    const ktk_value values[3] = {{.kind = KTK_VALUE_BOOL, .integer = 0},
                                 {.kind = KTK_VALUE_BOOL, .integer = 1},
                                 {.kind = KTK_VALUE_NULL}};
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (int l = 0; l < ALL_LAYOUTS; l++) {
        struct column column;

        column_init(&column, "c", (struct data_type){.id = TYPE_BOOL}, cells, 3, layout_number(l));
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            check_pattern(context, &column, table[i].op, values, 1, table[i].wanted[0]);
            check_pattern(context, &column, table[i].op, values + 1, 1, table[i].wanted[1]);
        }
        check_pattern(context, &column, KTK_OP_IN, values, 2, "110");
        check_pattern(context, &column, KTK_OP_IN, values + 1, 2, "011");
        check_pattern(context, &column, KTK_OP_NOT_IN, values, 3, "000");
        check_pattern(context, &column, KTK_OP_EQ, values + 2, 1, "001");
        column_clear(&column);
    }
    test_context_free(context);
}

static void takes_a_column_of_nulls_as_nulls(void **unused) {
    const struct cell cells[2] = {{.is_null = true}, {.is_null = true}};
    const ktk_value null = {.kind = KTK_VALUE_NULL};
    const ktk_value one = {.kind = KTK_VALUE_INT, .integer = 1};
    ktk_context *context = test_context_new(1);
    struct column column;

    (void)unused;
    column_init(&column, "c", (struct data_type){.id = TYPE_NULL}, cells, 2, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_EQ, &null, 1, "11");
    check_pattern(context, &column, KTK_OP_NE, &null, 1, "00");
    check_pattern(context, &column, KTK_OP_EQ, &one, 1, "00");
    check_pattern(context, &column, KTK_OP_NE, &one, 1, "11");
    check_pattern(context, &column, KTK_OP_GT, &one, 1, "00");
    check_pattern(context, &column, KTK_OP_LT, &one, 1, "00");
    check_pattern(context, &column, KTK_OP_IN, &one, 1, "00");
    check_pattern(context, &column, KTK_OP_NOT_IN, &one, 1, "11");
    check_pattern(context, &column, KTK_OP_IN, &null, 1, "11");
    column_clear(&column);
    test_context_free(context);
}

static void takes_nan_as_null_and_both_zeros_as_one(void **unused) {
    static const enum type_id ids[] = {TYPE_FLOAT16, TYPE_FLOAT32, TYPE_FLOAT64};
    static const double reals[8] = {-INFINITY, -1.5, -0.0, 0.0, 1.5, INFINITY, NAN, 0};
    const ktk_value zero = {.kind = KTK_VALUE_FLOAT, .real = 0.0};
    const ktk_value minus_zero = {.kind = KTK_VALUE_FLOAT, .real = -0.0};
    const ktk_value nan_value = {.kind = KTK_VALUE_FLOAT, .real = NAN};
    const ktk_value infinite = {.kind = KTK_VALUE_FLOAT, .real = INFINITY};
    ktk_context *context = test_context_new(1);
    struct cell cells[8];

    (void)unused;
    for (int i = 0; i < 8; i++) {
        cells[i] = (struct cell){.real = reals[i], .is_null = i == 7};
    }
    for (int i = 0; i < 3; i++) {
        struct column column;

        column_init(&column, "c", (struct data_type){.id = ids[i]}, cells, 8, NO_LAYOUT);
        check_pattern(context, &column, KTK_OP_EQ, &zero, 1, "00110000");
        check_pattern(context, &column, KTK_OP_EQ, &minus_zero, 1, "00110000");
        check_pattern(context, &column, KTK_OP_IN, &minus_zero, 1, "00110000");
        check_pattern(context, &column, KTK_OP_LT, &zero, 1, "11000000");
        check_pattern(context, &column, KTK_OP_GT, &minus_zero, 1, "00001100");
        check_pattern(context, &column, KTK_OP_GE, &zero, 1, "00111100");
        check_pattern(context, &column, KTK_OP_NE, &zero, 1, "11001111");
        check_pattern(context, &column, KTK_OP_EQ, &nan_value, 1, "00000011");
        check_pattern(context, &column, KTK_OP_NE, &nan_value, 1, "11111100");
        check_pattern(context, &column, KTK_OP_IN, &nan_value, 1, "00000011");
        check_pattern(context, &column, KTK_OP_NOT_IN, &nan_value, 1, "11111100");
        check_pattern(context, &column, KTK_OP_EQ, &infinite, 1, "00000100");
        check_pattern(context, &column, KTK_OP_LE, &infinite, 1, "11111100");
        column_clear(&column);
    }
    test_context_free(context);
}

/* ---- values that a column cannot hold ---- */

static void places_values_outside_and_between(void **unused) {
    const struct cell cells[3] = {whole_cell(INT64_MIN), whole_cell(INT64_MAX), {.is_null = true}};
    const struct cell unsigned_cells[2] = {whole_cell(0), whole_cell(UINT64_MAX)};
    const ktk_value huge = {.kind = KTK_VALUE_UINT, .unsigned_integer = UINT64_MAX};
    const ktk_value negative = {.kind = KTK_VALUE_INT, .integer = -1};
    const ktk_value above = {
        .kind = KTK_VALUE_UNTYPED, .bytes = "99999999999999999999", .bytes_size = 20};
    const ktk_value below = {
        .kind = KTK_VALUE_UNTYPED, .bytes = "-99999999999999999999", .bytes_size = 21};
    const ktk_value maximum = {
        .kind = KTK_VALUE_UNTYPED, .bytes = "18446744073709551615", .bytes_size = 20};
    ktk_context *context = test_context_new(1);
    struct column column;

    (void)unused;
    column_init(&column, "c", (struct data_type){.id = TYPE_INT64}, cells, 3, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_LT, &huge, 1, "110");
    check_pattern(context, &column, KTK_OP_GE, &huge, 1, "000");
    check_pattern(context, &column, KTK_OP_NE, &huge, 1, "111");
    check_pattern(context, &column, KTK_OP_EQ, &above, 1, "000");
    check_pattern(context, &column, KTK_OP_LE, &above, 1, "110");
    check_pattern(context, &column, KTK_OP_GT, &below, 1, "110");
    check_pattern(context, &column, KTK_OP_LE, &below, 1, "000");
    check_pattern(context, &column, KTK_OP_IN, &above, 1, "000");
    check_pattern(context, &column, KTK_OP_NOT_IN, &above, 1, "111");
    column_clear(&column);
    column_init(&column, "c", (struct data_type){.id = TYPE_UINT64}, unsigned_cells, 2, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_GT, &negative, 1, "11");
    check_pattern(context, &column, KTK_OP_LE, &negative, 1, "00");
    check_pattern(context, &column, KTK_OP_EQ, &huge, 1, "01");
    check_pattern(context, &column, KTK_OP_EQ, &maximum, 1, "01");
    check_pattern(context, &column, KTK_OP_LT, &maximum, 1, "10");
    check_pattern(context, &column, KTK_OP_IN, &maximum, 1, "01");
    column_clear(&column);
    test_context_free(context);
}

static void compares_doubles_with_integers_exactly(void **unused) {
    const int64_t big = INT64_C(9007199254740992); /* 2^53; the next integer is no double */
    const struct cell cells[4] = {
        {.real = 0x1p53}, {.real = 0x1p53 + 2}, {.real = -0x1p53 - 2}, {.real = 0x1p64}};
    ktk_value value = {.kind = KTK_VALUE_INT, .integer = big + 1};
    ktk_context *context = test_context_new(1);
    struct column column;

    (void)unused;
    column_init(&column, "c", (struct data_type){.id = TYPE_FLOAT64}, cells, 4, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_EQ, &value, 1, "0000");
    check_pattern(context, &column, KTK_OP_LT, &value, 1, "1010");
    check_pattern(context, &column, KTK_OP_GE, &value, 1, "0101");
    value.integer = big;
    check_pattern(context, &column, KTK_OP_EQ, &value, 1, "1000");
    value.integer = -big - 1;
    check_pattern(context, &column, KTK_OP_LT, &value, 1, "0010");
    check_pattern(context, &column, KTK_OP_IN, &value, 1, "0000");
    value = (ktk_value){.kind = KTK_VALUE_UINT, .unsigned_integer = UINT64_MAX};
    check_pattern(context, &column, KTK_OP_GT, &value, 1, "0001");
    check_pattern(context, &column, KTK_OP_NE, &value, 1, "1111");
    column_clear(&column);
    test_context_free(context);
}

static void compares_times_beyond_nanoseconds(void **unused) {
    /* 9999-12-31 and 0001-01-01, which no nanosecond count of 64 bits reaches. */
    const struct cell cells[3] = {whole_cell((wide)-62135596800 * 1000000), whole_cell(0),
                                  whole_cell((wide)253402214400 * 1000000)};
    const ktk_value late = {.kind = KTK_VALUE_UNTYPED, .bytes = "9999-12-31", .bytes_size = 10};
    const ktk_value early = {
        .kind = KTK_VALUE_UNTYPED, .bytes = "0001-01-01 00:00:00.000000001", .bytes_size = 29};
    const struct cell nanos[2] = {whole_cell(INT64_MIN), whole_cell(INT64_MAX)};
    ktk_context *context = test_context_new(1);
    struct column column;

    (void)unused;
    column_init(&column, "c", (struct data_type){.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO}, cells,
                3, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_EQ, &late, 1, "001");
    check_pattern(context, &column, KTK_OP_LT, &late, 1, "110");
    check_pattern(context, &column, KTK_OP_LT, &early, 1, "100");
    check_pattern(context, &column, KTK_OP_LE, &early, 1, "100");
    check_pattern(context, &column, KTK_OP_EQ, &early, 1, "000");
    column_clear(&column);
    column_init(&column, "c", (struct data_type){.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, nanos, 2,
                NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_LT, &late, 1, "11");
    check_pattern(context, &column, KTK_OP_GE, &late, 1, "00");
    check_pattern(context, &column, KTK_OP_GT, &early, 1, "11");
    column_clear(&column);
    test_context_free(context);
}

static void finds_in_large_sets(void **unused) {
    static ktk_value values[5000];
    static char texts[5000][8];
    struct cell cells[64];
    ktk_context *context = test_context_new(1);
    char wanted[65] = {0};
    struct column column;

    (void)unused;
    for (int i = 0; i < 5000; i++) {
        values[i] = (ktk_value){.kind = KTK_VALUE_INT, .integer = 3 * (i - 1000)};
    }
    for (int i = 0; i < 64; i++) {
        cells[i] = whole_cell(i - 20);
        wanted[i] = (i - 20) % 3 == 0 ? '1' : '0';
    }
    column_init(&column, "c", (struct data_type){.id = TYPE_INT16}, cells, 64, NO_LAYOUT);
    check_pattern(context, &column, KTK_OP_IN, values, 5000, wanted);
    column_clear(&column);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%d", 3 * i);
        values[i] =
            (ktk_value){.kind = KTK_VALUE_TEXT, .bytes = texts[i], .bytes_size = strlen(texts[i])};
    }
    for (int i = 0; i < 64; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", i);
        cells[i] = text_cell(text);
        wanted[i] = i % 3 == 0 ? '1' : '0';
    }
    column_init(&column, "c", (struct data_type){.id = TYPE_STRING}, cells, 64, layout_number(5));
    check_pattern(context, &column, KTK_OP_IN, values, 5000, wanted);
    column_clear(&column);
    test_context_free(context);
}

static void refuses_a_column_of_another_kind(void **unused) {
    const struct cell cell = whole_cell(1);
    ktk_context *context = test_context_new(1);
    ktk_predicate *predicate = NULL;
    struct bound_predicate *bound = NULL;
    struct column number;
    struct column text;
    const struct field *field;
    const struct ArrowArray *array;
    struct schema *schema;
    uint8_t mask = 0x55;
    ktk_error err;

    (void)unused;
    column_init(&number, "c", (struct data_type){.id = TYPE_INT64}, &cell, 1, NO_LAYOUT);
    column_init(&text, "c", (struct data_type){.id = TYPE_STRING}, &cell, 1, NO_LAYOUT);
    field = &number.field;
    schema = model_schema(context, &field, 1);
    CHECK_OK(ktk_predicate_parse(&predicate, context, "c == 1", &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, schema, &err));
    field = &text.field;
    array = &text.array;
    CHECK_STATUS(ktki_bound_evaluate(bound, &field, &array, 1, &mask, &err), KTK_E_SCHEMA);
    CHECK_MESSAGE("column 'c' is stored as string");
    assert_int_equal(mask, 0x55);
    ktki_bound_free(bound);
    ktk_predicate_free(predicate);
    ktki_schema_free(schema);
    column_clear(&text);
    column_clear(&number);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    const struct cell cells[2] = {{.text = "x", .text_size = 1}, {.is_null = true}};
    struct column column;
    bool done = false;

    (void)unused;
    column_init(&column, "c", (struct data_type){.id = TYPE_STRING}, cells, 2, layout_number(4));
    for (int64_t n = 0; !done; n++) {
        ktk_context *context = test_context_failing(n);
        const struct field *field = &column.field;
        const struct ArrowArray *array = &column.array;
        const struct ArrowArray *none = NULL;
        struct bound_predicate *bound = NULL;
        struct bound_predicate *reduced = NULL;
        ktk_predicate *predicate = NULL;
        struct schema *schema = NULL;
        ktk_status status;
        uint8_t mask = 0;
        bool always_false;
        ktk_error err;

        status = ktki_schema_new(&schema, context, 1, &err);
        if (status == KTK_OK) {
            status = ktki_field_copy(schema, &schema->fields[0], field, &err);
        }
        if (status == KTK_OK) {
            status = ktk_predicate_parse(&predicate, context, "c in (x, y) or c == null", &err);
        }
        if (status == KTK_OK) {
            status = ktki_predicate_bind(&bound, context, predicate, schema, &err);
        }
        if (status == KTK_OK) {
            status = ktki_bound_reduce(&reduced, &always_false, context, bound, &none, &err);
        }
        if (status == KTK_OK) {
            status = ktki_bound_evaluate(reduced, &field, &array, 2, &mask, &err);
        }
        done = status == KTK_OK;
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        assert_int_equal(mask, done ? 3 : 0);
        ktki_bound_free(reduced);
        ktki_bound_free(bound);
        ktk_predicate_free(predicate);
        ktki_schema_free(schema);
        test_context_free(context);
    }
    column_clear(&column);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_table_for_every_type_and_operator),
        cmocka_unit_test(follows_the_table_for_bools),
        cmocka_unit_test(takes_a_column_of_nulls_as_nulls),
        cmocka_unit_test(takes_nan_as_null_and_both_zeros_as_one),
        cmocka_unit_test(places_values_outside_and_between),
        cmocka_unit_test(compares_doubles_with_integers_exactly),
        cmocka_unit_test(compares_times_beyond_nanoseconds),
        cmocka_unit_test(finds_in_large_sets),
        cmocka_unit_test(refuses_a_column_of_another_kind),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
