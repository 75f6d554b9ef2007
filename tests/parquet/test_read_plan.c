#include "support/test.h"

#include "base/context.h"
#include "parquet/read_plan.h"

#define LEAF(name_, repetition_)                                                                   \
    {.name = (name_),                                                                              \
     .has_type = true,                                                                             \
     .type = PQ_INT32,                                                                             \
     .repetition = (repetition_),                                                                  \
     .converted = PQ_CONVERTED_NONE}
#define GROUP(name_, children, repetition_, converted_)                                            \
    {.name = (name_),                                                                              \
     .child_count = (children),                                                                    \
     .repetition = (repetition_),                                                                  \
     .converted = (converted_)}
#define STRUCT(name_, children) GROUP(name_, children, PQ_OPTIONAL, PQ_CONVERTED_NONE)

/* Leaves: 0 "x", 1 "a.b", 2 "s.p", 3 "s.l.list.element.u", 4 "s.l.list.element.v", 5
 * "m.key_value.key", 6 "m.key_value.value.w", 7 "m.key_value.value.z", 8 "a.c". */
static const struct schema_element elements[] = {
    GROUP("schema", 5, PQ_REQUIRED, PQ_CONVERTED_NONE),
    LEAF("x", PQ_OPTIONAL),
    LEAF("a.b", PQ_OPTIONAL),
    STRUCT("s", 2),
    LEAF("p", PQ_REQUIRED),
    GROUP("l", 1, PQ_OPTIONAL, PQ_LIST),
    GROUP("list", 1, PQ_REPEATED, PQ_CONVERTED_NONE),
    STRUCT("element", 2),
    LEAF("u", PQ_OPTIONAL),
    LEAF("v", PQ_OPTIONAL),
    GROUP("m", 1, PQ_OPTIONAL, PQ_MAP),
    GROUP("key_value", 2, PQ_REPEATED, PQ_CONVERTED_NONE),
    LEAF("key", PQ_REQUIRED),
    STRUCT("value", 2),
    LEAF("w", PQ_OPTIONAL),
    LEAF("z", PQ_OPTIONAL),
    STRUCT("a", 1),
    LEAF("c", PQ_OPTIONAL),
};

struct fixture {
    ktk_context *context;
    struct arena arena;
    struct parquet_schema schema;
    struct read_plan plan;
    ktk_error err;
};

static void begin(struct fixture *fixture) {
    const struct parquet_metadata metadata = {
        .element_count = (int32_t)(sizeof(elements) / sizeof(elements[0])),
        .elements = (struct schema_element *)(uintptr_t)elements};
    ktk_error err;

    memset(fixture, 0, sizeof(*fixture));
    fixture->context = test_context_new(1);
    ktki_arena_init(&fixture->arena, ktki_context_allocator(fixture->context));
    CHECK_OK(ktki_parquet_schema_read(&fixture->schema, fixture->context, &metadata,
                                      &fixture->arena, &err));
}

static void end(struct fixture *fixture) {
    ktki_read_plan_clear(&fixture->plan);
    ktki_schema_free(fixture->schema.arrow);
    ktki_arena_clear(&fixture->arena);
    test_context_free(fixture->context);
}

#define NAMES_MAX 4

/* The result of reading these columns: its fields, and for each leaf its number and the depths of
 * the nests that are collected with it. */
static void check(const char *const names[NAMES_MAX], const char *wanted) {
    struct fixture fixture;
    struct buffer text;
    size_t count = 0;
    ktk_error err;

    begin(&fixture);
    while (count < NAMES_MAX && names[count] != NULL) {
        count++;
    }
    CHECK_OK(ktki_read_plan_of_names(&fixture.plan, &fixture.schema, names, count, true, &err));
    ktki_buffer_init(&text, test_allocator(), 0);
    for (int32_t i = 0; i < fixture.plan.schema->field_count; i++) {
        const struct field *field = &fixture.plan.schema->fields[i];
        const struct plan_column *column = &fixture.plan.columns[i];
        CHECK_OK(ktki_buffer_append_format(&text, &err, "%s: ", field->name));
        CHECK_OK(ktki_field_type_text(field, &text, &err));
        for (int32_t j = 0; j < column->leaf_count; j++) {
            const struct plan_leaf *leaf = &fixture.plan.leaves[column->first_leaf + j];
            assert_int_equal(leaf->field->type.id, TYPE_INT32);
            assert_ptr_equal(leaf->leaf, &fixture.schema.leaves[leaf->number]);
            CHECK_OK(ktki_buffer_append_format(&text, &err, " %d[%d+%d]", leaf->number,
                                               leaf->nest_first, leaf->nest_count));
        }
        CHECK_OK(ktki_buffer_append_text(&text, "; ", &err));
    }
    CHECK_OK(ktki_buffer_append_byte(&text, 0, &err));
    assert_string_equal((const char *)text.data, wanted);
    ktki_buffer_clear(&text);
    end(&fixture);
}

#define CHECK(wanted, ...) check((const char *const[NAMES_MAX]){__VA_ARGS__}, (wanted))

static void takes_whole_columns_by_name(void **unused) {
    (void)unused;
    CHECK("x: int32 0[0+0]; ", "x");
    CHECK("x: int32 0[0+0]; x: int32 0[0+0]; ", "x", "x");
    CHECK("s: struct<p: int32 not null, l: list<element: struct<u: int32, v: int32>>> 2[0+1] "
          "3[1+2] 4[3+0]; x: int32 0[0+0]; ",
          "s", "x");
    CHECK("m: map<int32, struct<w: int32, z: int32>> 5[0+2] 6[2+1] 7[3+0]; ", "m");
    CHECK("", NULL);
}

static void prefers_a_name_to_a_path(void **unused) {
    (void)unused;
    CHECK("a.b: int32 1[0+0]; a: struct<c: int32> 8[0+1]; ", "a.b", "a.c");
}

static void takes_parts_by_path(void **unused) {
    (void)unused;
    CHECK("s: struct<p: int32 not null> 2[0+1]; ", "s.p");
    CHECK("s: struct<l: list<element: struct<v: int32>>> 4[0+3]; ", "s.l.list.element.v");
    CHECK("s: struct<l: list<element: struct<v: int32>>> 4[0+3]; ", "s.l.v");
    CHECK("s: struct<l: list<element: struct<v: int32>>> 4[0+3]; ", "s.l.element.v");
    CHECK("s: struct<l: list<element: struct<u: int32, v: int32>>> 3[0+3] 4[3+0]; ", "s.l");
    CHECK("s: struct<l: list<element: struct<u: int32, v: int32>>> 3[0+3] 4[3+0]; ", "s.l.element");
}

static void joins_the_paths_into_one_column(void **unused) {
    (void)unused;
    CHECK("s: struct<p: int32 not null, l: list<element: struct<v: int32>>> 2[0+1] 4[1+2]; "
          "x: int32 0[0+0]; ",
          "s.l.v", "x", "s.p");
    CHECK("a: struct<c: int32> 8[0+1]; ", "a.c", "a");
    CHECK("a: struct<c: int32> 8[0+1]; ", "a", "a.c");
}

static void keeps_maps_complete(void **unused) {
    (void)unused;
    CHECK("m: map<int32, struct<z: int32>> 5[0+2] 7[2+1]; ", "m.value.z");
    CHECK("m: map<int32, struct<z: int32>> 5[0+2] 7[2+1]; ", "m.key_value.value.z");
    CHECK("m: map<int32, struct<w: int32, z: int32>> 5[0+2] 6[2+1] 7[3+0]; ", "m.key");
    CHECK("m: map<int32, struct<w: int32, z: int32>> 5[0+2] 6[2+1] 7[3+0]; ", "m.value");
    CHECK("m: map<int32, struct<w: int32>> 5[0+2] 6[2+1]; ", "m.value.w", "m.key");
}

static void selects_columns_of_a_plan(void **unused) {
    static const char *const names[] = {"x", "s.l.v", "m.value.z"};
    static const int32_t columns[] = {2, 1};
    struct fixture fixture;
    struct read_plan some = {0};
    ktk_error err;

    (void)unused;
    begin(&fixture);
    CHECK_OK(ktki_read_plan_of_names(&fixture.plan, &fixture.schema, names, 3, true, &err));
    CHECK_OK(ktki_read_plan_select(&some, &fixture.plan, columns, 2, &err));
    assert_int_equal(some.leaf_count, 3);
    assert_string_equal(some.schema->fields[0].name, "m");
    assert_int_equal(some.columns[0].leaf_count, 2);
    assert_int_equal(some.leaves[1].number, 7);
    assert_string_equal(some.leaves[1].field->name, "z");
    assert_int_equal(some.columns[1].first_leaf, 2);
    assert_int_equal(some.leaves[2].number, 4);
    assert_ptr_equal(some.leaves[2].field,
                     &some.schema->fields[1].children[0].children[0].children[0]);
    ktki_read_plan_clear(&some);
    end(&fixture);
}

static void names_all_that_is_not_there(void **unused) {
    static const char *const names[] = {"s.p", "s.q", "x.y", "nope", "s.p.", "m.z", "", ".", "a"};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    begin(&fixture);
    CHECK_STATUS(ktki_read_plan_of_names(&fixture.plan, &fixture.schema, names, 9, true, &err),
                 KTK_E_NOT_FOUND);
    CHECK_MESSAGE("no such column: 's.q', 'x.y', 'nope', 's.p.', 'm.z', '', '.'");
    assert_null(fixture.plan.schema);
    end(&fixture);
}

static void survives_want_of_memory(void **unused) {
    static const char *const names[] = {"s.l.v", "m.value.z", "x"};
    const struct parquet_metadata metadata = {
        .element_count = (int32_t)(sizeof(elements) / sizeof(elements[0])),
        .elements = (struct schema_element *)(uintptr_t)elements};
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        struct fixture fixture = {.context = test_context_failing(n)};
        ktk_status status;
        ktki_arena_init(&fixture.arena, ktki_context_allocator(fixture.context));
        status = ktki_parquet_schema_read(&fixture.schema, fixture.context, &metadata,
                                          &fixture.arena, &fixture.err);
        if (status == KTK_OK) {
            status = ktki_read_plan_of_names(&fixture.plan, &fixture.schema, names, 3, false,
                                             &fixture.err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_whole_columns_by_name),
        cmocka_unit_test(prefers_a_name_to_a_path),
        cmocka_unit_test(takes_parts_by_path),
        cmocka_unit_test(joins_the_paths_into_one_column),
        cmocka_unit_test(keeps_maps_complete),
        cmocka_unit_test(selects_columns_of_a_plan),
        cmocka_unit_test(names_all_that_is_not_there),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
