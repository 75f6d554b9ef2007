#include "support/test.h"

#include <math.h>

#include "predicate/evaluate.h"

/* A schema with one column of each type that can be asked about, and two that cannot. */
static const struct {
    const char *name;
    struct data_type type;
} columns[] = {
    {"null", {.id = TYPE_NULL}},
    {"bool", {.id = TYPE_BOOL}},
    {"int", {.id = TYPE_INT64}},
    {"uint", {.id = TYPE_UINT64}},
    {"float", {.id = TYPE_FLOAT64}},
    {"text", {.id = TYPE_STRING}},
    {"binary", {.id = TYPE_BINARY}},
    {"date", {.id = TYPE_DATE32}},
    {"time", {.id = TYPE_TIME64, .unit = UNIT_MICRO}},
    {"timestamp", {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}},
    {"decimal", {.id = TYPE_DECIMAL128, .precision = 5, .scale = 2}},
    {"duration", {.id = TYPE_DURATION, .unit = UNIT_NANO}},
    {"struct", {.id = TYPE_STRUCT}},
};

#define COLUMN_COUNT ((int32_t)(sizeof(columns) / sizeof(columns[0])))

static struct schema *schema_of_all(ktk_context *context) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, COLUMN_COUNT, &err));
    for (int32_t i = 0; i < COLUMN_COUNT; i++) {
        schema->fields[i].name = columns[i].name;
        schema->fields[i].type = columns[i].type;
        schema->fields[i].nullable = true;
    }
    return schema;
}

static ktk_status bind(ktk_context *context, struct schema *schema, const ktk_literal *literal,
                       ktk_error *err) {
    struct bound_predicate *bound = NULL;
    ktk_predicate *predicate = NULL;
    size_t one = 1;
    ktk_status status = ktk_predicate_new(&predicate, context, literal, &one, 1, err);

    if (status == KTK_OK) {
        status = ktki_predicate_bind(&bound, context, predicate, schema, err);
        assert_true((status == KTK_OK) == (bound != NULL));
    }
    ktki_bound_free(bound);
    ktk_predicate_free(predicate);
    return status;
}

#define TEXT(text) .bytes = (text), .bytes_size = sizeof(text) - 1

static const struct {
    const char *name;
    ktk_value value;
    const char *accepted_by; /* columns, each followed by a space */
} values[] = {
    {"null",
     {.kind = KTK_VALUE_NULL},
     "null bool int uint float text binary date time timestamp decimal "},
    {"bool", {.kind = KTK_VALUE_BOOL, .integer = 1}, "null bool "},
    {"int", {.kind = KTK_VALUE_INT, .integer = 7}, "null int uint float decimal "},
    {"negative", {.kind = KTK_VALUE_INT, .integer = -7}, "null int uint float decimal "},
    {"uint", {.kind = KTK_VALUE_UINT, .unsigned_integer = 7}, "null int uint float decimal "},
    {"float", {.kind = KTK_VALUE_FLOAT, .real = 1.0}, "null float "},
    {"nan", {.kind = KTK_VALUE_FLOAT, .real = NAN}, "null float "},
    {"text", {.kind = KTK_VALUE_TEXT, TEXT("x")}, "null text binary "},
    {"text of a date", {.kind = KTK_VALUE_TEXT, TEXT("2020-01-31")}, "null text binary date "},
    {"text of a number", {.kind = KTK_VALUE_TEXT, TEXT("1")}, "null text binary "},
    {"binary", {.kind = KTK_VALUE_BINARY, TEXT("\xFF")}, "null text binary "},
    {"date", {.kind = KTK_VALUE_DATE, .integer = 7}, "null date "},
    {"timestamp", {.kind = KTK_VALUE_TIMESTAMP, .integer = 7}, "null timestamp "},
    {"untyped number",
     {.kind = KTK_VALUE_UNTYPED, TEXT("12")},
     "null int uint float text binary decimal "},
    {"untyped fraction",
     {.kind = KTK_VALUE_UNTYPED, TEXT("-1.25")},
     "null float text binary decimal "},
    {"untyped exponent", {.kind = KTK_VALUE_UNTYPED, TEXT("1e3")}, "null float text binary "},
    {"untyped word", {.kind = KTK_VALUE_UNTYPED, TEXT("abc")}, "null text binary "},
    {"untyped bool", {.kind = KTK_VALUE_UNTYPED, TEXT("TRUE")}, "null bool text binary "},
    {"untyped date",
     {.kind = KTK_VALUE_UNTYPED, TEXT("2020-01-31")},
     "null text binary date timestamp "},
    {"untyped wrong date", {.kind = KTK_VALUE_UNTYPED, TEXT("2020-02-31")}, "null text binary "},
    {"untyped time", {.kind = KTK_VALUE_UNTYPED, TEXT("12:30:00")}, "null text binary time "},
    {"untyped timestamp",
     {.kind = KTK_VALUE_UNTYPED, TEXT("2020-01-31 12:30")},
     "null text binary timestamp "},
    {"untyped nothing", {.kind = KTK_VALUE_UNTYPED, TEXT("")}, "null text binary "},
    {"untyped sign", {.kind = KTK_VALUE_UNTYPED, TEXT("-")}, "null text binary "},
    {"untyped point", {.kind = KTK_VALUE_UNTYPED, TEXT(".")}, "null text binary "},
};

static bool is_accepted(const char *list, const char *column) {
    size_t size = strlen(column);

    for (const char *at = list; (at = strstr(at, column)) != NULL; at += size) {
        if ((at == list || at[-1] == ' ') && at[size] == ' ') {
            return true;
        }
    }
    return false;
}

static void accepts_what_the_type_can_mean(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = schema_of_all(context);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (int32_t j = 0; j < COLUMN_COUNT - 2; j++) {
            for (int op = KTK_OP_EQ; op <= KTK_OP_NOT_IN; op++) {
                ktk_literal literal = {columns[j].name, (ktk_operator)op, &values[i].value, 1};
                bool is_null = i == 0 || strcmp(values[i].name, "nan") == 0;
                bool wanted = is_accepted(values[i].accepted_by, columns[j].name) &&
                              !(is_null && op >= KTK_OP_LT && op <= KTK_OP_GE);
                ktk_status status = bind(context, schema, &literal, &err);

                if (status != (wanted ? KTK_OK : KTK_E_INVALID)) {
                    fail_msg("%s for column '%s': %s", values[i].name, columns[j].name,
                             ktk_status_name(status));
                }
            }
        }
    }
    ktki_schema_free(schema);
    test_context_free(context);
}

static void explains_what_does_not_fit(void **unused) {
    static const struct {
        ktk_literal literal;
        ktk_status status;
        const char *message;
    } cases[] = {
        {{"nope", KTK_OP_EQ, &values[0].value, 1}, KTK_E_NOT_FOUND, "there is no column 'nope'"},
        {{"duration", KTK_OP_EQ, &values[0].value, 1},
         KTK_E_UNSUPPORTED,
         "column 'duration' is duration[ns]: it cannot be compared"},
        {{"struct", KTK_OP_IN, NULL, 0}, KTK_E_UNSUPPORTED, "column 'struct'"},
        {{"int", KTK_OP_EQ, &values[7].value, 1},
         KTK_E_INVALID,
         "column 'int' is int64: expected a whole number, not the text 'x'"},
        {{"date", KTK_OP_LT, &values[12].value, 1},
         KTK_E_INVALID,
         "column 'date' is date32[day]: expected a date such as 2020-01-31, not a timestamp"},
        {{"timestamp", KTK_OP_IN, &values[11].value, 1},
         KTK_E_INVALID,
         "column 'timestamp' is timestamp[ns]: expected a time such as '2020-01-31 12:30:00', not "
         "a "
         "date"},
        {{"bool", KTK_OP_EQ, &values[16].value, 1},
         KTK_E_INVALID,
         "column 'bool' is bool: expected true or false, not the value 'abc'"},
    };
    ktk_context *context = test_context_new(1);
    struct schema *schema = schema_of_all(context);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STATUS(bind(context, schema, &cases[i].literal, &err), cases[i].status);
        CHECK_MESSAGE(cases[i].message);
    }
    ktki_schema_free(schema);
    test_context_free(context);
}

static void refuses_order_with_a_written_nan(void **unused) {
    static const ktk_value nan_text = {.kind = KTK_VALUE_UNTYPED, TEXT("nan")};
    ktk_context *context = test_context_new(1);
    struct schema *schema = schema_of_all(context);
    ktk_literal literal = {"float", KTK_OP_GE, &nan_text, 1};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(bind(context, schema, &literal, &err), KTK_E_INVALID);
    CHECK_MESSAGE("cannot be used with null");
    literal.op = KTK_OP_NE;
    CHECK_OK(bind(context, schema, &literal, &err));
    ktki_schema_free(schema);
    test_context_free(context);
}

static void names_the_columns_it_needs(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = schema_of_all(context);
    struct bound_predicate *bound = NULL;
    ktk_predicate *predicate = NULL;
    bool marks[COLUMN_COUNT] = {false};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_predicate_parse(&predicate, context, "int == 1 and text == x or int == 2", &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, schema, &err));
    ktki_bound_columns(bound, marks);
    for (int32_t i = 0; i < COLUMN_COUNT; i++) {
        assert_int_equal(marks[i], i == 2 || i == 5);
    }
    ktki_bound_free(bound);
    ktk_predicate_free(predicate);
    ktki_schema_free(schema);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_type_can_mean),
        cmocka_unit_test(explains_what_does_not_fit),
        cmocka_unit_test(refuses_order_with_a_written_nan),
        cmocka_unit_test(names_the_columns_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
