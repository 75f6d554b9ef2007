#include "support/test.h"

#include "base/context.h"
#include "parquet/schema_read.h"

#define ROOT(children) {.name = "schema", .child_count = (children)}
#define LEAF(name_, type_, repetition_)                                                            \
    .name = (name_), .has_type = true, .type = (type_), .repetition = (repetition_),               \
    .converted = PQ_CONVERTED_NONE
#define GROUP(name_, children, repetition_, converted_)                                            \
    {.name = (name_),                                                                              \
     .child_count = (children),                                                                    \
     .repetition = (repetition_),                                                                  \
     .converted = (converted_)}

struct fixture {
    ktk_context *context;
    struct arena arena;
    struct parquet_schema schema;
    ktk_error err;
};

static ktk_status read(struct fixture *fixture, const struct schema_element *elements,
                       int32_t count) {
    struct parquet_metadata metadata = {.element_count = count,
                                        .elements = (struct schema_element *)(uintptr_t)elements};

    return ktki_parquet_schema_read(&fixture->schema, fixture->context, &metadata, &fixture->arena,
                                    &fixture->err);
}

static void begin(struct fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->context = test_context_new(1);
    ktki_arena_init(&fixture->arena, ktki_context_allocator(fixture->context));
}

static void end(struct fixture *fixture) {
    ktki_schema_free(fixture->schema.arrow);
    ktki_arena_clear(&fixture->arena);
    test_context_free(fixture->context);
}

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

static void check_type(const struct fixture *fixture, int32_t field, const char *wanted) {
    struct buffer text;
    ktk_error err;

    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktki_field_type_text(&fixture->schema.arrow->fields[field], &text, &err));
    CHECK_OK(ktki_buffer_append_byte(&text, 0, &err));
    assert_string_equal((const char *)text.data, wanted);
    ktki_buffer_clear(&text);
}

#define LOGICAL(...) .logical = {__VA_ARGS__}

static void translates_types(void **unused) {
    static const struct {
        struct schema_element element;
        const char *wanted;
    } cases[] = {
        {{LEAF("c", PQ_BOOLEAN, PQ_OPTIONAL)}, "bool"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL)}, "int32"},
        {{LEAF("c", PQ_INT64, PQ_OPTIONAL)}, "int64"},
        {{LEAF("c", PQ_INT96, PQ_OPTIONAL)}, "timestamp[ns]"},
        {{LEAF("c", PQ_FLOAT, PQ_OPTIONAL)}, "float"},
        {{LEAF("c", PQ_DOUBLE, PQ_OPTIONAL)}, "double"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL)}, "binary"},
        {{LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 3},
         "fixed_size_binary[3]"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_STRING)}, "string"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_ENUM)}, "binary"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_JSON)}, "string"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_BSON)}, "binary"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_GEOMETRY)}, "binary"},
        {{LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_OTHER)}, "binary"},
        {{LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 16,
          LOGICAL(.id = PQ_LOGICAL_UUID)},
         "fixed_size_binary[16]"},
        {{LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 2,
          LOGICAL(.id = PQ_LOGICAL_FLOAT16)},
         "halffloat"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_NULL)}, "null"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_DATE)}, "date32[day]"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_TIME, .unit = PQ_UNIT_MILLIS)},
         "time32[ms]"},
        {{LEAF("c", PQ_INT64, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_TIME, .unit = PQ_UNIT_NANOS)},
         "time64[ns]"},
        {{LEAF("c", PQ_INT64, PQ_OPTIONAL),
          LOGICAL(.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MICROS, .is_utc = true)},
         "timestamp[us, tz=UTC]"},
        {{LEAF("c", PQ_INT64, PQ_OPTIONAL),
          LOGICAL(.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MILLIS)},
         "timestamp[ms]"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL),
          LOGICAL(.id = PQ_LOGICAL_INTEGER, .bit_width = 8, .is_signed = true)},
         "int8"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_INTEGER, .bit_width = 16)},
         "uint16"},
        {{LEAF("c", PQ_INT64, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_INTEGER, .bit_width = 64)},
         "uint64"},
        {{LEAF("c", PQ_INT32, PQ_OPTIONAL),
          LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 9, .scale = 2)},
         "decimal128(9, 2)"},
        {{LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 17,
          LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 39, .scale = 0)},
         "decimal256(39, 0)"},
    };
    struct fixture fixture;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct schema_element elements[] = {ROOT(1), cases[i].element};
        begin(&fixture);
        if (read(&fixture, elements, 2) != KTK_OK) {
            fail_msg("case %zu: %s", i, fixture.err.message);
        }
        check_type(&fixture, 0, cases[i].wanted);
        end(&fixture);
    }
}

static void translates_converted_types(void **unused) {
    static const struct {
        enum parquet_type type;
        enum parquet_converted converted;
        const char *wanted;
    } cases[] = {
        {PQ_BYTE_ARRAY, PQ_UTF8, "string"},
        {PQ_BYTE_ARRAY, PQ_ENUM, "binary"},
        {PQ_BYTE_ARRAY, PQ_JSON, "string"},
        {PQ_BYTE_ARRAY, PQ_BSON, "binary"},
        {PQ_INT32, PQ_DATE, "date32[day]"},
        {PQ_INT32, PQ_TIME_MILLIS, "time32[ms]"},
        {PQ_INT64, PQ_TIME_MICROS, "time64[us]"},
        {PQ_INT64, PQ_TIMESTAMP_MILLIS, "timestamp[ms]"}, /* local time: no zone */
        {PQ_INT64, PQ_TIMESTAMP_MICROS, "timestamp[us]"},
        {PQ_INT32, PQ_UINT_8, "uint8"},
        {PQ_INT32, PQ_UINT_16, "uint16"},
        {PQ_INT32, PQ_UINT_32, "uint32"},
        {PQ_INT64, PQ_UINT_64, "uint64"},
        {PQ_INT32, PQ_INT_8, "int8"},
        {PQ_INT32, PQ_INT_16, "int16"},
        {PQ_INT32, PQ_INT_32, "int32"},
        {PQ_INT64, PQ_INT_64, "int64"},
        {PQ_INT64, PQ_DECIMAL, "decimal128(10, 3)"},
        {PQ_BYTE_ARRAY, PQ_DECIMAL, "decimal128(10, 3)"},
        {PQ_FIXED_LEN_BYTE_ARRAY, PQ_INTERVAL, "fixed_size_binary[12]"},
        {PQ_INT32, (enum parquet_converted)24, "null"}, /* pyarrow 0.13 */
        {PQ_INT32, (enum parquet_converted)99, "int32"},
    };
    struct fixture fixture;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schema_element elements[] = {ROOT(1), {LEAF("c", cases[i].type, PQ_OPTIONAL)}};
        elements[1].converted = cases[i].converted;
        elements[1].type_length = 12;
        elements[1].precision = 10;
        elements[1].scale = 3;
        begin(&fixture);
        if (read(&fixture, elements, 2) != KTK_OK) {
            fail_msg("case %zu: %s", i, fixture.err.message);
        }
        check_type(&fixture, 0, cases[i].wanted);
        end(&fixture);
    }
}

static void refuses_annotations_that_do_not_fit(void **unused) {
    static const struct schema_element cases[] = {
        {LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_STRING)},
        {LEAF("c", PQ_INT32, PQ_OPTIONAL),
         LOGICAL(.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MICROS)},
        {LEAF("c", PQ_INT64, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_TIME, .unit = PQ_UNIT_MILLIS)},
        {LEAF("c", PQ_INT64, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_INTEGER, .bit_width = 32)},
        {LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_INTEGER, .bit_width = 24)},
        {LEAF("c", PQ_INT32, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 10)},
        {LEAF("c", PQ_INT64, PQ_OPTIONAL),
         LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 5, .scale = 6)},
        {LEAF("c", PQ_BYTE_ARRAY, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 77)},
        {LEAF("c", PQ_DOUBLE, PQ_OPTIONAL), LOGICAL(.id = PQ_LOGICAL_DECIMAL, .precision = 5)},
        {LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 15,
         LOGICAL(.id = PQ_LOGICAL_UUID)},
        {LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 4,
         LOGICAL(.id = PQ_LOGICAL_FLOAT16)},
        {LEAF("c", PQ_FIXED_LEN_BYTE_ARRAY, PQ_OPTIONAL), .type_length = 0},
    };
    struct fixture fixture;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct schema_element elements[] = {ROOT(1), cases[i]};
        begin(&fixture);
        assert_int_equal(read(&fixture, elements, 2), KTK_E_CORRUPT);
        assert_non_null(strstr(fixture.err.message, "column 'c'"));
        assert_null(fixture.schema.arrow);
        end(&fixture);
    }
}

static void check_leaf(const struct fixture *fixture, int32_t leaf, const char *path, int32_t depth,
                       int32_t definition, int32_t repetition) {
    const struct parquet_leaf *it = &fixture->schema.leaves[leaf];

    assert_string_equal(it->path, path);
    assert_int_equal(it->nest == NULL ? 0 : it->nest->depth + 1, depth);
    assert_int_equal(it->definition_max, definition);
    assert_int_equal(it->repetition_max, repetition);
}

static void finds_levels_and_nests(void **unused) {
    static const struct schema_element elements[] = {
        ROOT(7),
        {LEAF("required", PQ_INT32, PQ_REQUIRED)},
        {LEAF("optional", PQ_INT32, PQ_OPTIONAL)},
        {LEAF("repeated", PQ_INT32, PQ_REPEATED)},
        GROUP("list", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("list", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("item", PQ_INT64, PQ_OPTIONAL)},
        GROUP("old", 1, PQ_REQUIRED, PQ_LIST),
        {LEAF("element", PQ_INT64, PQ_REPEATED)},
        GROUP("struct", 2, PQ_OPTIONAL, PQ_CONVERTED_NONE),
        {LEAF("a", PQ_INT32, PQ_OPTIONAL)},
        {LEAF("b", PQ_INT32, PQ_REQUIRED)},
        GROUP("map", 1, PQ_OPTIONAL, PQ_MAP),
        GROUP("key_value", 2, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("key", PQ_INT32, PQ_REQUIRED)},
        {LEAF("value", PQ_INT64, PQ_OPTIONAL)},
    };
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    assert_int_equal(read(&fixture, elements, COUNT(elements)), KTK_OK);
    assert_int_equal(fixture.schema.leaf_count, 9);
    check_leaf(&fixture, 0, "required", 0, 0, 0);
    check_leaf(&fixture, 1, "optional", 0, 1, 0);
    check_leaf(&fixture, 2, "repeated", 1, 1, 1);
    check_leaf(&fixture, 3, "list.list.item", 1, 3, 1);
    assert_int_equal(fixture.schema.leaves[3].rule.slot, 2);
    check_leaf(&fixture, 4, "old.element", 1, 1, 1);
    assert_int_equal(fixture.schema.leaves[4].rule.slot, 1);
    check_leaf(&fixture, 5, "struct.a", 1, 2, 0);
    check_leaf(&fixture, 6, "struct.b", 1, 1, 0);
    check_leaf(&fixture, 7, "map.key_value.key", 2, 2, 1);
    check_leaf(&fixture, 8, "map.key_value.value", 2, 3, 1);
    assert_false(fixture.schema.arrow->fields[0].nullable);
    assert_true(fixture.schema.arrow->fields[1].nullable);
    check_type(&fixture, 3, "list<item: int64>");
    check_type(&fixture, 6, "map<int32, int64>");
    assert_int_equal(fixture.schema.columns[5].first_leaf, 5);
    assert_int_equal(fixture.schema.columns[5].leaf_count, 2);
    end(&fixture);
}

/* The forms of LogicalTypes.md, "Backward-compatibility rules". */
static void tells_old_lists_from_new_ones(void **unused) {
    static const struct schema_element elements[] = {
        ROOT(4),
        /* the repeated group has two fields: it is the item */
        GROUP("two", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("element", 2, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("str", PQ_INT32, PQ_REQUIRED)},
        {LEAF("num", PQ_INT32, PQ_REQUIRED)},
        /* it is called "array" */
        GROUP("avro", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("array", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("str", PQ_INT32, PQ_REQUIRED)},
        /* it is called as the list with "_tuple" behind it */
        GROUP("my", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("my_tuple", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("str", PQ_INT32, PQ_REQUIRED)},
        /* it is called otherwise: its field is the item */
        GROUP("new", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("bag", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("array", PQ_INT32, PQ_OPTIONAL)},
    };
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    assert_int_equal(read(&fixture, elements, COUNT(elements)), KTK_OK);
    assert_int_equal(fixture.schema.arrow->fields[0].children[0].type.id, TYPE_STRUCT);
    assert_int_equal(fixture.schema.arrow->fields[1].children[0].type.id, TYPE_STRUCT);
    assert_int_equal(fixture.schema.arrow->fields[2].children[0].type.id, TYPE_STRUCT);
    assert_int_equal(fixture.schema.arrow->fields[3].children[0].type.id, TYPE_INT32);
    check_leaf(&fixture, 4, "new.bag.array", 1, 3, 1);
    end(&fixture);
}

#define REFUSES(status, text, ...)                                                                 \
    do {                                                                                           \
        static const struct schema_element elements_[] = {__VA_ARGS__};                            \
        struct fixture fixture_;                                                                   \
        begin(&fixture_);                                                                          \
        assert_int_equal(read(&fixture_, elements_, COUNT(elements_)), (status));                  \
        if (strstr(fixture_.err.message, (text)) == NULL) {                                        \
            fail_msg("\"%s\" does not say \"%s\"", fixture_.err.message, (text));                  \
        }                                                                                          \
        end(&fixture_);                                                                            \
    } while (0)

static void refuses_elements_that_form_no_tree(void **unused) {
    (void)unused;
    REFUSES(KTK_E_CORRUPT, "no root", ROOT(2), {LEAF("a", PQ_INT32, PQ_OPTIONAL)});
    REFUSES(KTK_E_CORRUPT, "no root", {LEAF("a", PQ_INT32, PQ_OPTIONAL)});
    REFUSES(KTK_E_CORRUPT, "1 elements outside", ROOT(1), {LEAF("a", PQ_INT32, PQ_OPTIONAL)},
            {LEAF("b", PQ_INT32, PQ_OPTIONAL)});
    REFUSES(KTK_E_CORRUPT, "middle of a group", ROOT(1),
            GROUP("a", 2, PQ_OPTIONAL, PQ_CONVERTED_NONE), {LEAF("b", PQ_INT32, PQ_OPTIONAL)});
    REFUSES(KTK_E_CORRUPT, "neither type nor children", ROOT(1),
            GROUP("a", 0, PQ_OPTIONAL, PQ_CONVERTED_NONE));
    REFUSES(KTK_E_CORRUPT, "without repetition", ROOT(1), GROUP("a", 1, PQ_OPTIONAL, PQ_LIST),
            {LEAF("b", PQ_INT32, PQ_OPTIONAL)});
    REFUSES(KTK_E_CORRUPT, "2 instead of 1", ROOT(1), GROUP("a", 2, PQ_OPTIONAL, PQ_LIST),
            {LEAF("b", PQ_INT32, PQ_REPEATED)}, {LEAF("c", PQ_INT32, PQ_REPEATED)});
    REFUSES(KTK_E_CORRUPT, "neither keys nor values", ROOT(1), GROUP("a", 1, PQ_OPTIONAL, PQ_MAP),
            {LEAF("b", PQ_INT32, PQ_REPEATED)});
    REFUSES(KTK_E_CORRUPT, "not UTF-8", ROOT(1), {LEAF("\xFF", PQ_INT32, PQ_OPTIONAL)});
}

static void bounds_the_depth(void **unused) {
    struct schema_element elements[80];
    struct fixture fixture;

    (void)unused;
    elements[0] = (struct schema_element)ROOT(1);
    for (int i = 1; i < 79; i++) {
        elements[i] = (struct schema_element)GROUP("g", 1, PQ_OPTIONAL, PQ_CONVERTED_NONE);
    }
    elements[79] = (struct schema_element){LEAF("x", PQ_INT32, PQ_OPTIONAL)};
    begin(&fixture);
    assert_int_equal(read(&fixture, elements, 80), KTK_E_LIMIT);
    assert_non_null(strstr(fixture.err.message, "64"));
    end(&fixture);
}

static void allows_a_schema_without_columns(void **unused) {
    static const struct schema_element elements[] = {ROOT(0)};
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    assert_int_equal(read(&fixture, elements, 1), KTK_OK);
    assert_int_equal(fixture.schema.arrow->field_count, 0);
    end(&fixture);
}

static void survives_want_of_memory(void **unused) {
    static const struct schema_element elements[] = {
        ROOT(2),
        {LEAF("a", PQ_INT32, PQ_REQUIRED)},
        GROUP("list", 1, PQ_OPTIONAL, PQ_LIST),
        GROUP("list", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
        {LEAF("item", PQ_INT64, PQ_OPTIONAL)}};
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        struct fixture fixture = {.context = test_context_failing(n)};
        ktk_status status;

        ktki_arena_init(&fixture.arena, ktki_context_allocator(fixture.context));
        status = read(&fixture, elements, COUNT(elements));
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translates_types),
        cmocka_unit_test(translates_converted_types),
        cmocka_unit_test(refuses_annotations_that_do_not_fit),
        cmocka_unit_test(finds_levels_and_nests),
        cmocka_unit_test(tells_old_lists_from_new_ones),
        cmocka_unit_test(refuses_elements_that_form_no_tree),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(allows_a_schema_without_columns),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
