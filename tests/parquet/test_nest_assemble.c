#include "support/test.h"

#include <kartothek/context.h>

#include "arrow/builder.h"
#include "base/alloc.h"
#include "base/context.h"
#include "parquet/nest_assemble.h"

/* Leaves and what was collected around them are made by hand. */

static struct field number = {.name = "n", .nullable = true, .type = {.id = TYPE_INT32}};
static struct field key_value[] = {{.name = "key", .type = {.id = TYPE_INT32}},
                                   {.name = "value", .nullable = true, .type = {.id = TYPE_INT32}}};
static struct field entries = {
    .name = "entries", .type = {.id = TYPE_STRUCT}, .child_count = 2, .children = key_value};
static const struct field list = {.name = "l",
                                  .nullable = true,
                                  .type = {.id = TYPE_LIST},
                                  .child_count = 1,
                                  .children = &number};
static const struct field pairs = {.name = "f",
                                   .nullable = true,
                                   .type = {.id = TYPE_FIXED_LIST, .width = 2},
                                   .child_count = 1,
                                   .children = &number};
static const struct field map = {.name = "m",
                                 .nullable = true,
                                 .type = {.id = TYPE_MAP},
                                 .child_count = 1,
                                 .children = &entries};

#define LEAVES_MAX 2
#define NESTS_MAX 3
#define NONE INT64_MIN

struct fixture {
    ktk_context *context;
    struct parquet_nest nests[NESTS_MAX];
    struct nest_sink sinks[NESTS_MAX];
    struct leaf_part parts[LEAVES_MAX];
    struct ArrowArray array;
    ktk_error err;
};

static void begin_with(struct fixture *fixture, ktk_context *context) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->context = context;
    for (int i = 0; i < LEAVES_MAX; i++) {
        fixture->parts[i].path = i == 0 ? "first" : "second";
        fixture->parts[i].nests = fixture->sinks;
    }
}

static void begin(struct fixture *fixture) {
    begin_with(fixture, test_context_new(1));
}

static void end(struct fixture *fixture) {
    ktki_array_clear(&fixture->array);
    for (int i = 0; i < LEAVES_MAX; i++) {
        ktki_array_clear(&fixture->parts[i].values);
    }
    for (int i = 0; i < NESTS_MAX; i++) {
        ktki_nest_clear(&fixture->sinks[i]);
    }
    test_context_free(fixture->context);
}

/* Values of a leaf; NONE stands for null. */
static void put_leaf(struct fixture *fixture, int leaf, const int64_t *values, size_t count) {
    struct array_builder builder;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, fixture->context, &number, &err));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(values[i] == NONE ? ktki_builder_append_null(&builder, &err)
                                   : ktki_builder_append_i64(&builder, values[i], &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &fixture->parts[leaf].values, &err));
    ktki_builder_clear(&builder);
}

/* A list of these sizes; NONE stands for null. */
static void put_list(struct fixture *fixture, int depth, const struct field *field,
                     const int64_t *sizes, size_t count) {
    const ktk_allocator *allocator = ktki_context_allocator(fixture->context);
    struct nest_sink *sink = &fixture->sinks[depth];
    int32_t *offsets = NULL;
    ktk_error err;

    fixture->nests[depth] = (struct parquet_nest){.field = field, .depth = depth, .item = 2};
    sink->nest = &fixture->nests[depth];
    sink->offsets_size = (count + 1) * sizeof(*offsets);
    ktki_validity_init(&sink->validity, allocator, (int64_t)count);
    CHECK_OK(ktki_alloc_zeroed(allocator, sink->offsets_size, 1, &offsets, &err));
    sink->offsets = offsets;
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(ktki_validity_add(&sink->validity, 1, sizes[i] != NONE, &err));
        offsets[i + 1] = offsets[i] + (sizes[i] == NONE ? 0 : (int32_t)sizes[i]);
    }
    sink->item_count = offsets[count];
}

#define LEAF(fixture, leaf, ...)                                                                   \
    put_leaf((fixture), (leaf), (const int64_t[]){__VA_ARGS__},                                    \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define SIZES(fixture, field, ...)                                                                 \
    put_list((fixture), 0, (field), (const int64_t[]){__VA_ARGS__},                                \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static ktk_status assemble(struct fixture *fixture, const struct field *field, int64_t rows) {
    return ktki_nest_assemble(&fixture->array, fixture->context, field, fixture->parts, rows,
                              &fixture->err);
}

static void assembles(struct fixture *fixture, const struct field *field, int64_t rows) {
    ktk_error err;

    if (assemble(fixture, field, rows) != KTK_OK) {
        fail_msg("%s", fixture->err.message);
    }
    assert_int_equal(fixture->array.length, rows);
    CHECK_OK(ktki_array_check(&fixture->array, field, true, &err));
}

static void refuses(struct fixture *fixture, const struct field *field, int64_t rows,
                    ktk_status wanted, const char *text) {
    assert_int_equal(assemble(fixture, field, rows), wanted);
    if (strstr(fixture->err.message, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.message, text);
    }
    assert_null(fixture->array.release);
}

static void moves_flat_columns(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, NONE, 3);
    assembles(&fixture, &number, 3);
    assert_int_equal(fixture.array.null_count, 1);
    assert_null(fixture.parts[0].values.release);
    end(&fixture);
}

static void wraps_lists(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, NONE, 3);
    SIZES(&fixture, &list, 2, NONE, 0, 1);
    assembles(&fixture, &list, 4);
    assert_int_equal(fixture.array.null_count, 1);
    assert_memory_equal(fixture.array.buffers[1], ((int32_t[]){0, 2, 2, 2, 3}), 20);
    assert_int_equal(fixture.array.children[0]->length, 3);
    end(&fixture);
}

static void keeps_lists_of_one_size(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, 2, 3, NONE);
    SIZES(&fixture, &pairs, 2, 2);
    assembles(&fixture, &pairs, 2);
    assert_int_equal(fixture.array.n_buffers, 1);
    assert_int_equal(fixture.array.children[0]->length, 4);
    end(&fixture);
}

/* Null lists of a fixed size have items, though nobody may look at them. */
static void makes_items_for_null_lists(void **unused) {
    struct fixture fixture;
    const int32_t *items;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, 2, 3, 4);
    SIZES(&fixture, &pairs, NONE, 2, NONE, 2);
    assembles(&fixture, &pairs, 4);
    assert_int_equal(fixture.array.null_count, 2);
    assert_int_equal(fixture.array.children[0]->length, 8);
    items = fixture.array.children[0]->buffers[1];
    assert_memory_equal(items + 2, ((int32_t[]){1, 2}), 8);
    assert_memory_equal(items + 6, ((int32_t[]){3, 4}), 8);
    end(&fixture);
    begin(&fixture);
    put_leaf(&fixture, 0, NULL, 0);
    SIZES(&fixture, &pairs, NONE, NONE);
    assembles(&fixture, &pairs, 2);
    assert_int_equal(fixture.array.children[0]->length, 4);
    end(&fixture);
}

/* The struct around it is null, so that the list is absent, though it is not optional. */
static void makes_items_for_absent_lists(void **unused) {
    struct field inner = pairs;
    const struct field top = {.name = "s",
                              .nullable = true,
                              .type = {.id = TYPE_STRUCT},
                              .child_count = 1,
                              .children = &inner};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    inner.nullable = false;
    begin(&fixture);
    LEAF(&fixture, 0, 1, 2);
    SIZES(&fixture, &inner, NONE, 2);
    fixture.nests[0].depth = 1;
    fixture.sinks[1] = fixture.sinks[0];
    fixture.sinks[0] = (struct nest_sink){.nest = &fixture.nests[1]};
    fixture.nests[1] = (struct parquet_nest){.field = &top, .rule = {0, 0, 1}};
    ktki_validity_init(&fixture.sinks[0].validity, ktki_context_allocator(fixture.context), 2);
    CHECK_OK(ktki_validity_add_bits(&fixture.sinks[0].validity, (const uint8_t[]){2}, 0, 2, &err));
    assembles(&fixture, &top, 2);
    assert_int_equal(fixture.array.children[0]->null_count, 0);
    assert_null(fixture.array.children[0]->buffers[0]);
    assert_int_equal(fixture.array.children[0]->children[0]->length, 4);
    end(&fixture);
}

static void refuses_lists_of_another_size(void **unused) {
    struct field wide = pairs;
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, 2, 3);
    SIZES(&fixture, &pairs, 2, 1);
    refuses(&fixture, &pairs, 2, KTK_E_CORRUPT, "list 1 of 'f' has 1 items where its type has 2");
    end(&fixture);
    wide.type.width = INT32_MAX;
    begin(&fixture);
    put_leaf(&fixture, 0, NULL, 0);
    SIZES(&fixture, &wide, NONE, NONE);
    refuses(&fixture, &wide, 2, KTK_E_LIMIT, "limit of a page");
    end(&fixture);
}

/* ---- maps ---- */

static void put_map(struct fixture *fixture) {
    SIZES(fixture, &map, 1, NONE, 2);
    fixture->nests[1] = (struct parquet_nest){.field = &entries, .depth = 1};
    fixture->sinks[1].nest = &fixture->nests[1];
    fixture->parts[1].nest_first = 2;
    fixture->parts[1].nests = &fixture->sinks[2];
}

static void wraps_maps(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    put_map(&fixture);
    LEAF(&fixture, 0, 1, 2, 3);
    LEAF(&fixture, 1, 10, NONE, 30);
    assembles(&fixture, &map, 3);
    assert_int_equal(fixture.array.null_count, 1);
    assert_int_equal(fixture.array.children[0]->length, 3);
    assert_int_equal(fixture.array.children[0]->null_count, 0);
    assert_null(fixture.array.children[0]->children[0]->buffers[0]);
    assert_int_equal(fixture.array.children[0]->children[1]->null_count, 1);
    end(&fixture);
}

static void refuses_keys_that_are_null(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    put_map(&fixture);
    LEAF(&fixture, 0, 1, NONE, 3);
    LEAF(&fixture, 1, 10, NONE, 30);
    refuses(&fixture, &map, 3, KTK_E_CORRUPT, "map 'm' has 1 keys that are null");
    end(&fixture);
}

static void refuses_leaves_that_disagree(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture);
    put_map(&fixture);
    LEAF(&fixture, 0, 1, 2, 3);
    LEAF(&fixture, 1, 10, NONE, 30, 40);
    refuses(&fixture, &map, 3, KTK_E_CORRUPT,
            "column 'second' has 4 slots at 'value' where those beside it have 3");
    end(&fixture);
    begin(&fixture);
    LEAF(&fixture, 0, 1, 2, 3);
    SIZES(&fixture, &list, 2, 1);
    refuses(&fixture, &list, 3, KTK_E_CORRUPT, "column 'first' has 2 slots at 'l'");
    end(&fixture);
}

/* What is null only because the struct around it is has no validity; but without a dictionary entry
 * to stand for it an index must stay null. */
static void drops_validity_that_structs_have(void **unused) {
    struct field child = {.name = "c", .type = {.id = TYPE_INT32}};
    const struct field top = {.name = "s",
                              .nullable = true,
                              .type = {.id = TYPE_STRUCT},
                              .child_count = 1,
                              .children = &child};
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    begin(&fixture);
    LEAF(&fixture, 0, 1, NONE, 3);
    fixture.nests[0] = (struct parquet_nest){.field = &top, .rule = {0, 0, 1}};
    fixture.sinks[0].nest = &fixture.nests[0];
    ktki_validity_init(&fixture.sinks[0].validity, ktki_context_allocator(fixture.context), 3);
    CHECK_OK(ktki_validity_add_bits(&fixture.sinks[0].validity, (const uint8_t[]){5}, 0, 3, &err));
    assembles(&fixture, &top, 3);
    assert_int_equal(fixture.array.null_count, 1);
    assert_null(fixture.array.children[0]->buffers[0]);
    assert_int_equal(fixture.array.children[0]->null_count, 0);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_flat_columns),
        cmocka_unit_test(wraps_lists),
        cmocka_unit_test(keeps_lists_of_one_size),
        cmocka_unit_test(makes_items_for_null_lists),
        cmocka_unit_test(makes_items_for_absent_lists),
        cmocka_unit_test(refuses_lists_of_another_size),
        cmocka_unit_test(wraps_maps),
        cmocka_unit_test(refuses_keys_that_are_null),
        cmocka_unit_test(refuses_leaves_that_disagree),
        cmocka_unit_test(drops_validity_that_structs_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
