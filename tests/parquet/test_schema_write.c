#include "support/test.h"

#include <stdio.h>

#include "base/context.h"
#include "parquet/schema_write.h"

static ktk_context *context;

/* The plan for a schema of one column. */
struct planned {
    struct schema *schema;
    struct arena arena;
    struct write_schema plan;
};

static struct schema *schema_of(const struct field *field) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    CHECK_OK(ktki_field_copy(schema, &schema->fields[0], field, &err));
    return schema;
}

static void plan_field(struct planned *out, const struct field *field) {
    ktk_error err;

    out->schema = schema_of(field);
    ktki_arena_init(&out->arena, ktki_context_allocator(context));
    CHECK_OK(ktki_write_schema_plan(&out->plan, &out->arena, out->schema, &err));
}

static void planned_clear(struct planned *planned) {
    ktki_arena_clear(&planned->arena);
    ktki_schema_free(planned->schema);
}

/* What the table in the specification of datasets says, and what files of pyarrow 6 show. */
struct wanted {
    struct data_type type;
    enum parquet_type physical;
    int32_t length;
    enum parquet_converted converted;
    struct parquet_logical_type logical;
    enum value_order order;
};

#define NO_LOGICAL {.id = PQ_LOGICAL_NONE}
#define INTEGER(bits, sign) {.id = PQ_LOGICAL_INTEGER, .bit_width = (bits), .is_signed = (sign)}
#define STAMP(utc) {.id = PQ_LOGICAL_TIMESTAMP, .is_utc = (utc), .unit = PQ_UNIT_MICROS}
#define TIME(unit_) {.id = PQ_LOGICAL_TIME, .is_utc = true, .unit = (unit_)}
#define NUMBER(p, s) {.id = PQ_LOGICAL_DECIMAL, .precision = (p), .scale = (s)}
#define ID(id_) {.id = (id_)}

/* clang-format off */
static const struct wanted table[] = {
    {{.id = TYPE_NULL}, PQ_INT32, 0, PQ_CONVERTED_NONE, ID(PQ_LOGICAL_NULL), ORDER_NONE},
    {{.id = TYPE_BOOL}, PQ_BOOLEAN, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_BOOL},
    {{.id = TYPE_INT8}, PQ_INT32, 0, PQ_INT_8, INTEGER(8, true), ORDER_INT32},
    {{.id = TYPE_INT16}, PQ_INT32, 0, PQ_INT_16, INTEGER(16, true), ORDER_INT32},
    {{.id = TYPE_INT32}, PQ_INT32, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_INT32},
    {{.id = TYPE_INT64}, PQ_INT64, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_INT64},
    {{.id = TYPE_UINT8}, PQ_INT32, 0, PQ_UINT_8, INTEGER(8, false), ORDER_UINT32},
    {{.id = TYPE_UINT16}, PQ_INT32, 0, PQ_UINT_16, INTEGER(16, false), ORDER_UINT32},
    {{.id = TYPE_UINT32}, PQ_INT32, 0, PQ_UINT_32, INTEGER(32, false), ORDER_UINT32},
    {{.id = TYPE_UINT64}, PQ_INT64, 0, PQ_UINT_64, INTEGER(64, false), ORDER_UINT64},
    {{.id = TYPE_FLOAT16}, PQ_FIXED_LEN_BYTE_ARRAY, 2, PQ_CONVERTED_NONE, ID(PQ_LOGICAL_FLOAT16), ORDER_FLOAT16},
    {{.id = TYPE_FLOAT32}, PQ_FLOAT, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_FLOAT},
    {{.id = TYPE_FLOAT64}, PQ_DOUBLE, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_DOUBLE},
    {{.id = TYPE_STRING}, PQ_BYTE_ARRAY, 0, PQ_UTF8, ID(PQ_LOGICAL_STRING), ORDER_BYTES},
    {{.id = TYPE_LARGE_STRING}, PQ_BYTE_ARRAY, 0, PQ_UTF8, ID(PQ_LOGICAL_STRING), ORDER_BYTES},
    {{.id = TYPE_STRING_VIEW}, PQ_BYTE_ARRAY, 0, PQ_UTF8, ID(PQ_LOGICAL_STRING), ORDER_BYTES},
    {{.id = TYPE_BINARY}, PQ_BYTE_ARRAY, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_BYTES},
    {{.id = TYPE_LARGE_BINARY}, PQ_BYTE_ARRAY, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_BYTES},
    {{.id = TYPE_BINARY_VIEW}, PQ_BYTE_ARRAY, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_BYTES},
    {{.id = TYPE_FIXED_BINARY, .width = 7}, PQ_FIXED_LEN_BYTE_ARRAY, 7, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_BYTES},
    {{.id = TYPE_DATE32}, PQ_INT32, 0, PQ_DATE, ID(PQ_LOGICAL_DATE), ORDER_INT32},
    {{.id = TYPE_DATE64}, PQ_INT32, 0, PQ_DATE, ID(PQ_LOGICAL_DATE), ORDER_INT32},
    {{.id = TYPE_TIME32, .unit = UNIT_SECOND}, PQ_INT32, 0, PQ_TIME_MILLIS, TIME(PQ_UNIT_MILLIS), ORDER_INT32},
    {{.id = TYPE_TIME32, .unit = UNIT_MILLI}, PQ_INT32, 0, PQ_TIME_MILLIS, TIME(PQ_UNIT_MILLIS), ORDER_INT32},
    {{.id = TYPE_TIME64, .unit = UNIT_MICRO}, PQ_INT64, 0, PQ_TIME_MICROS, TIME(PQ_UNIT_MICROS), ORDER_INT64},
    {{.id = TYPE_TIME64, .unit = UNIT_NANO}, PQ_INT64, 0, PQ_CONVERTED_NONE, TIME(PQ_UNIT_NANOS), ORDER_INT64},
    {{.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND}, PQ_INT64, 0, PQ_TIMESTAMP_MICROS, STAMP(false), ORDER_INT64},
    {{.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, PQ_INT64, 0, PQ_TIMESTAMP_MICROS, STAMP(false), ORDER_INT64},
    {{.id = TYPE_TIMESTAMP, .unit = UNIT_NANO, .timezone = "Europe/Berlin"}, PQ_INT64, 0, PQ_TIMESTAMP_MICROS, STAMP(true), ORDER_INT64},
    {{.id = TYPE_DURATION, .unit = UNIT_MICRO}, PQ_INT64, 0, PQ_CONVERTED_NONE, NO_LOGICAL, ORDER_INT64},
    {{.id = TYPE_DECIMAL128, .precision = 9, .scale = 2}, PQ_FIXED_LEN_BYTE_ARRAY, 4, PQ_DECIMAL, NUMBER(9, 2), ORDER_DECIMAL},
    {{.id = TYPE_DECIMAL128, .precision = 38, .scale = 0}, PQ_FIXED_LEN_BYTE_ARRAY, 16, PQ_DECIMAL, NUMBER(38, 0), ORDER_DECIMAL},
    {{.id = TYPE_DECIMAL256, .precision = 60, .scale = 2}, PQ_FIXED_LEN_BYTE_ARRAY, 26, PQ_DECIMAL, NUMBER(60, 2), ORDER_DECIMAL},
};
/* clang-format on */

static void check_element(const struct schema_element *element, const struct wanted *wanted) {
    assert_true(element->has_type);
    assert_int_equal(element->type, wanted->physical);
    assert_int_equal(element->type_length, wanted->length);
    assert_int_equal(element->repetition, PQ_OPTIONAL);
    assert_int_equal(element->converted, wanted->converted);
    assert_int_equal(element->field_id, -1);
    assert_int_equal(element->logical.id, wanted->logical.id);
    assert_int_equal(element->logical.is_utc, wanted->logical.is_utc);
    assert_int_equal(element->logical.unit, wanted->logical.unit);
    assert_int_equal(element->logical.bit_width, wanted->logical.bit_width);
    assert_int_equal(element->logical.is_signed, wanted->logical.is_signed);
    assert_int_equal(element->logical.precision, wanted->logical.precision);
    assert_int_equal(element->logical.scale, wanted->logical.scale);
    assert_int_equal(element->precision, wanted->logical.precision);
    assert_int_equal(element->scale, wanted->logical.scale);
}

static void types_are_those_of_pyarrow(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct field field = {"x", table[i].type, .nullable = i % 2 == 0};
        struct planned planned;

        plan_field(&planned, &field);
        assert_int_equal(planned.plan.element_count, 2);
        assert_false(planned.plan.elements[0].has_type);
        assert_string_equal(planned.plan.elements[0].name, "schema");
        assert_int_equal(planned.plan.elements[0].repetition, PQ_REQUIRED);
        assert_int_equal(planned.plan.elements[0].child_count, 1);
        assert_string_equal(planned.plan.elements[1].name, "x");
        check_element(&planned.plan.elements[1], &table[i]);
        assert_int_equal(planned.plan.leaf_count, 1);
        assert_int_equal(planned.plan.leaves[0].order, table[i].order);
        assert_int_equal(planned.plan.leaves[0].definition_max, 1);
        assert_int_equal(planned.plan.leaves[0].repetition_max, 0);
        planned_clear(&planned);
    }
}

static void dictionaries_are_as_their_values(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct field values = {"", table[i].type, .nullable = true};
        struct field field = {"x",
                              {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                              .nullable = true,
                              .dictionary = &values};
        struct planned planned;

        plan_field(&planned, &field);
        check_element(&planned.plan.elements[1], &table[i]);
        planned_clear(&planned);
    }
}

static void lists_have_three_levels(void **unused) {
    const enum type_id lists[] = {TYPE_LIST, TYPE_LARGE_LIST};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct field item = {"element", {.id = TYPE_STRING}, .nullable = false};
        struct field field = {
            "x", {.id = lists[i]}, .nullable = true, .child_count = 1, .children = &item};
        const struct wanted wanted = {{0},     PQ_BYTE_ARRAY,         0,
                                      PQ_UTF8, ID(PQ_LOGICAL_STRING), ORDER_BYTES};
        struct planned planned;
        const struct schema_element *elements;
        const struct write_leaf *leaf;

        plan_field(&planned, &field);
        elements = planned.plan.elements;
        assert_int_equal(planned.plan.element_count, 4);
        assert_string_equal(elements[1].name, "x");
        assert_false(elements[1].has_type);
        assert_int_equal(elements[1].repetition, PQ_OPTIONAL);
        assert_int_equal(elements[1].child_count, 1);
        assert_int_equal(elements[1].converted, PQ_LIST);
        assert_int_equal(elements[1].logical.id, PQ_LOGICAL_LIST);
        assert_string_equal(elements[2].name, "list");
        assert_false(elements[2].has_type);
        assert_int_equal(elements[2].repetition, PQ_REPEATED);
        assert_int_equal(elements[2].child_count, 1);
        assert_int_equal(elements[2].converted, PQ_CONVERTED_NONE);
        assert_string_equal(elements[3].name, "item");
        check_element(&elements[3], &wanted);
        leaf = &planned.plan.leaves[0];
        assert_int_equal(leaf->definition_max, 3);
        assert_int_equal(leaf->repetition_max, 1);
        assert_int_equal(leaf->path_count, 3);
        assert_string_equal(leaf->path[0], "x");
        assert_string_equal(leaf->path[1], "list");
        assert_string_equal(leaf->path[2], "item");
        planned_clear(&planned);
    }
}

/* Whether 10^precision - 1 fits into a two's complement number of `width` bytes: schoolbook
 * arithmetic, a byte a digit. */
static bool fits(int32_t precision, int32_t width) {
    uint8_t number[40] = {0};

    for (int32_t digit = 0; digit < precision; digit++) {
        unsigned carry = 9;
        for (size_t i = 0; i < sizeof(number); i++) {
            carry += number[i] * 10u;
            number[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    for (size_t i = (size_t)width; i < sizeof(number); i++) {
        if (number[i] != 0) {
            return false;
        }
    }
    return number[width - 1] < 0x80;
}

static void decimals_take_as_few_bytes_as_they_can(void **unused) {
    (void)unused;
    for (int32_t precision = 1; precision <= 76; precision++) {
        struct field field = {
            "x",
            {.id = precision > 38 ? TYPE_DECIMAL256 : TYPE_DECIMAL128, .precision = precision},
            .nullable = true};
        struct planned planned;
        int32_t width;

        plan_field(&planned, &field);
        width = planned.plan.elements[1].type_length;
        assert_true(fits(precision, width));
        assert_true(width == 1 || !fits(precision, width - 1));
        assert_int_equal(planned.plan.leaves[0].width, width);
        planned_clear(&planned);
    }
}

static void check_refused(const struct field *field, ktk_status status, const char *message) {
    struct write_schema plan = {.element_count = -7};
    struct schema *schema = schema_of(field);
    struct arena arena;
    ktk_error err;

    ktki_arena_init(&arena, ktki_context_allocator(context));
    CHECK_STATUS(ktki_write_schema_plan(&plan, &arena, schema, &err), status);
    CHECK_MESSAGE(message);
    assert_int_equal(plan.element_count, -7);
    ktki_arena_clear(&arena);
    ktki_schema_free(schema);
}

static void other_types_are_refused_by_name(void **unused) {
    struct field item = {"item", {.id = TYPE_INTERVAL, .width = 8}, .nullable = true};
    struct field list = {
        "item", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = &item};
    struct field odd[] = {
        {"odd", {.id = TYPE_INTERVAL, .width = 8}, .nullable = true},
        {"odd", {.id = TYPE_FIXED_BINARY, .width = 0}, .nullable = true},
        {"odd", {.id = TYPE_DECIMAL128, .precision = 5, .scale = -1}, .nullable = true},
        {"odd", {.id = TYPE_DECIMAL128, .precision = 5, .scale = 6}, .nullable = true},
        {"odd", {.id = TYPE_STRUCT}, .nullable = true},
        {"odd", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = &list},
        {"odd", {.id = TYPE_DICTIONARY, .index = TYPE_INT8}, .dictionary = &list},
    };

    (void)unused;
    check_refused(&odd[0], KTK_E_UNSUPPORTED, "column 'odd': type 'day_time_interval");
    check_refused(&odd[1], KTK_E_UNSUPPORTED, "column 'odd': type 'fixed_size_binary[0]'");
    check_refused(&odd[2], KTK_E_UNSUPPORTED, "column 'odd': type 'decimal128(5, -1)'");
    check_refused(&odd[3], KTK_E_UNSUPPORTED, "column 'odd': type 'decimal128(5, 6)'");
    check_refused(&odd[4], KTK_E_UNSUPPORTED, "column 'odd': a struct without fields");
    check_refused(&odd[5], KTK_E_UNSUPPORTED,
                  "column 'odd.list.item.list.item': type 'day_time_interval");
    check_refused(&odd[6], KTK_E_UNSUPPORTED, "column 'odd': type 'dictionary<");
}

/* One line for each element: name, repetition, number of children, annotation. */
static void schema_text(const struct write_schema *plan, char *out, size_t size) {
    static const char *const repetitions[] = {"required", "optional", "repeated"};

    for (int32_t i = 1; i < plan->element_count; i++) {
        const struct schema_element *element = &plan->elements[i];
        int used = snprintf(
            out, size, "%s %s %d%s%s\n", repetitions[element->repetition], element->name,
            element->child_count,
            element->converted == PQ_LIST && element->logical.id == PQ_LOGICAL_LIST ? " list" : "",
            element->converted == PQ_MAP && element->logical.id == PQ_LOGICAL_MAP ? " map" : "");

        assert_in_range(used, 1, size - 1);
        out += used;
        size -= (size_t)used;
    }
}

static void check_leaf(const struct write_leaf *leaf, const char *name, int definition,
                       int repetition, int slot, int node_count) {
    assert_string_equal(leaf->name, name);
    assert_int_equal(leaf->definition_max, definition);
    assert_int_equal(leaf->repetition_max, repetition);
    assert_int_equal(leaf->node_count, node_count);
    assert_int_equal(leaf->nodes[node_count - 1].slot_level, slot);
    assert_ptr_equal(leaf->nodes[node_count - 1].field, leaf->field);
}

/* What pyarrow writes, but for the names of items, which are those of pyarrow 6. */
static void nested_types_become_groups(void **unused) {
    struct field number = {"anything", {.id = TYPE_INT64}, .nullable = false};
    struct field inner = {"anything",
                          {.id = TYPE_FIXED_LIST, .width = 2},
                          .nullable = false,
                          .child_count = 1,
                          .children = &number};
    struct field fields[] = {
        {"s", {.id = TYPE_STRING}, .nullable = true},
        {"l", {.id = TYPE_LARGE_LIST}, .nullable = true, .child_count = 1, .children = &inner}};
    struct field pair[] = {
        {"k", {.id = TYPE_STRUCT}, .nullable = false, .child_count = 2, .children = fields},
        {"v", {.id = TYPE_BOOL}, .nullable = true}};
    struct field entries = {
        "x", {.id = TYPE_STRUCT}, .nullable = false, .child_count = 2, .children = pair};
    struct field map = {
        "m", {.id = TYPE_MAP}, .nullable = true, .child_count = 1, .children = &entries};
    struct planned planned;
    char text[1000];

    (void)unused;
    plan_field(&planned, &map);
    schema_text(&planned.plan, text, sizeof(text));
    assert_string_equal(text, "optional m 1 map\n"
                              "repeated key_value 2\n"
                              "required key 2\n"
                              "optional s 0\n"
                              "optional l 1 list\n"
                              "repeated list 1\n"
                              "optional item 1 list\n"
                              "repeated list 1\n"
                              "optional item 0\n"
                              "optional value 0\n");
    assert_int_equal(planned.plan.leaf_count, 3);
    check_leaf(&planned.plan.leaves[0], "m.key_value.key.s", 3, 1, 2, 4);
    check_leaf(&planned.plan.leaves[1], "m.key_value.key.l.list.item.list.item", 7, 3, 6, 6);
    check_leaf(&planned.plan.leaves[2], "m.key_value.value", 3, 1, 2, 3);
    planned_clear(&planned);
}

static void too_many_levels_are_refused(void **unused) {
    struct field fields[70];

    (void)unused;
    for (size_t i = 0; i < 70; i++) {
        fields[i] = (struct field){"deep",
                                   {.id = TYPE_LIST},
                                   .nullable = true,
                                   .child_count = 1,
                                   .children = &fields[i + 1]};
    }
    fields[69] = (struct field){"deep", {.id = TYPE_INT8}, .nullable = true};
    check_refused(&fields[0], KTK_E_LIMIT, "field 'deep' is nested deeper than 64 levels");
    check_refused(&fields[5], KTK_E_LIMIT, "field 'deep' is nested deeper than 64 levels");
    for (size_t i = 6; i < 70; i += 20) {
        struct planned planned;

        plan_field(&planned, &fields[i]);
        assert_int_equal(planned.plan.leaves[0].repetition_max, 69 - i);
        assert_int_equal(planned.plan.leaves[0].definition_max, 2 * (69 - i) + 1);
        planned_clear(&planned);
    }
}

static void any_allocation_may_fail(void **unused) {
    struct field pair[] = {{"k", {.id = TYPE_STRING}, .nullable = true},
                           {"v", {.id = TYPE_STRING}, .nullable = true}};
    struct field entries = {"e", {.id = TYPE_STRUCT}, .child_count = 2, .children = pair};
    struct field field = {
        "x", {.id = TYPE_MAP}, .nullable = true, .child_count = 1, .children = &entries};
    struct schema *schema = schema_of(&field);
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *failing = test_context_failing(n);
        struct write_schema plan;
        struct arena arena;
        ktk_status status;
        ktk_error err;

        ktki_arena_init(&arena, ktki_context_allocator(failing));
        status = ktki_write_schema_plan(&plan, &arena, schema, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_arena_clear(&arena);
        ktk_context_free(failing);
    }
    ktki_schema_free(schema);
}

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_context_new(&context, NULL, &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_context_free(context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_those_of_pyarrow),
        cmocka_unit_test(dictionaries_are_as_their_values),
        cmocka_unit_test(lists_have_three_levels),
        cmocka_unit_test(decimals_take_as_few_bytes_as_they_can),
        cmocka_unit_test(other_types_are_refused_by_name),
        cmocka_unit_test(nested_types_become_groups),
        cmocka_unit_test(too_many_levels_are_refused),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
