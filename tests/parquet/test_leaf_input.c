#include "support/test.h"

#include <stdlib.h>

#include "base/context.h"
#include "parquet/leaf_values.h"

static ktk_context *context;

static const struct field text = {"item", {.id = TYPE_STRING}, .nullable = true};
static const struct field list = {
    "l", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = (struct field *)&text};
static const struct field words = {"d",
                                   {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                                   .nullable = true,
                                   .dictionary = (struct field *)&text};

static void borrowed(struct ArrowArray *array) {
    array->release = NULL;
}

/* Arrays over static memory. */
struct fixture {
    struct schema *schema;
    struct batch batch;
    struct arena arena;
    struct write_schema plan;
    struct ArrowArray texts;
    struct ArrowArray *children[1];
    const void *text_buffers[3];
    const void *buffers[2];
};

static void fixture_init(struct fixture *fixture, const struct field *field, int64_t rows,
                         const uint8_t *validity, const void *values) {
    static const int32_t offsets[] = {0, 1, 2, 3, 4, 5};
    static const uint8_t text_validity[] = {0x1B}; /* c is null */
    ktk_error err;

    memset(fixture, 0, sizeof(*fixture));
    CHECK_OK(ktki_schema_new(&fixture->schema, context, 1, &err));
    CHECK_OK(ktki_field_copy(fixture->schema, &fixture->schema->fields[0], field, &err));
    CHECK_OK(ktki_batch_init(&fixture->batch, fixture->schema, rows, &err));
    fixture->text_buffers[0] = text_validity;
    fixture->text_buffers[1] = offsets;
    fixture->text_buffers[2] = "abcde";
    fixture->texts = (struct ArrowArray){.length = 5,
                                         .null_count = 1,
                                         .n_buffers = 3,
                                         .buffers = fixture->text_buffers,
                                         .release = borrowed};
    fixture->children[0] = &fixture->texts;
    fixture->buffers[0] = validity;
    fixture->buffers[1] = values;
    fixture->batch.columns[0] = (struct ArrowArray){.length = rows,
                                                    .null_count = -1,
                                                    .n_buffers = 2,
                                                    .n_children = field->child_count,
                                                    .buffers = fixture->buffers,
                                                    .children = fixture->children,
                                                    .release = borrowed};
    if (field->dictionary != NULL) {
        fixture->batch.columns[0].dictionary = &fixture->texts;
    }
    ktki_arena_init(&fixture->arena, ktki_context_allocator(context));
    CHECK_OK(ktki_write_schema_plan(&fixture->plan, &fixture->arena, fixture->schema, &err));
}

static void fixture_clear(struct fixture *fixture) {
    ktki_arena_clear(&fixture->arena);
    ktki_batch_clear(&fixture->batch);
    ktki_schema_free(fixture->schema);
}

static ktk_status build(struct fixture *fixture, struct leaf_input *out, ktk_error *err) {
    struct row_slice slice = {&fixture->batch, 0, fixture->batch.row_count};

    return ktki_leaf_input_build(out, &fixture->arena, &fixture->plan.leaves[0], &slice, 1, 0, err);
}

/* The one-letter texts of all values. */
static ktk_status letters(const struct leaf_input *input, char out[16], ktk_error *err) {
    struct value_scratch *scratch = malloc(sizeof(*scratch));
    struct value_cursor cursor;
    ktk_status status = KTK_OK;

    assert_non_null(scratch);
    scratch->allocator = ktki_context_allocator(context);
    ktki_values_seek(&cursor, input, scratch, 0, input->slot_count);
    while (status == KTK_OK && !ktki_values_is_done(&cursor)) {
        struct value_block block;

        status = ktki_values_next(&cursor, &block, NULL, err);
        for (size_t i = 0; status == KTK_OK && i < block.count; i++) {
            assert_int_equal(block.sizes[i], 1);
            *out++ = (char)*block.starts[i];
        }
    }
    *out = '\0';
    free(scratch);
    return status;
}

static void lists_become_levels(void **unused) {
    /* [a], null (with b in memory), [], [c, d], [e]: c is null */
    static const int32_t offsets[] = {0, 1, 2, 2, 4, 5};
    static const uint8_t validity[] = {0x1D};
    static const uint8_t definitions[] = {3, 0, 1, 2, 3, 3};
    static const uint8_t repetitions[] = {0, 0, 0, 0, 1, 0};
    struct fixture fixture;
    struct leaf_input input;
    char values[16];
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, &list, 5, validity, offsets);
    CHECK_OK(build(&fixture, &input, &err));
    assert_int_equal(input.row_count, 5);
    assert_int_equal(input.level_count, 6);
    assert_memory_equal(input.definitions, definitions, 6);
    assert_memory_equal(input.repetitions, repetitions, 6);
    assert_int_equal(input.slot_count, 4);
    assert_int_equal(input.null_count, 1);
    assert_int_equal(input.piece_count, 1);
    assert_non_null(input.pieces[0].positions); /* before and behind b */
    CHECK_OK(letters(&input, values, &err));
    assert_string_equal(values, "ade");
    fixture_clear(&fixture);
}

static void impossible_lists_are_refused(void **unused) {
    static const int32_t descending[] = {0, 3, 1};
    static const int32_t beyond[] = {0, 1, 6};
    static const int32_t negative[] = {-1, 1, 2};
    const int32_t *const cases[] = {descending, beyond, negative};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        struct fixture fixture;
        struct leaf_input input = {.row_count = -7};
        ktk_error err;

        fixture_init(&fixture, &list, 2, NULL, cases[i]);
        CHECK_STATUS(build(&fixture, &input, &err), KTK_E_INVALID);
        CHECK_MESSAGE("column 'l.list.item'");
        assert_int_equal(input.row_count, -7);
        fixture_clear(&fixture);
    }
}

static void nulls_of_a_dictionary_are_nulls(void **unused) {
    /* b, c (null), null (an index that is none), e, c */
    static const int8_t indices[] = {1, 2, 99, 4, 2};
    static const uint8_t validity[] = {0x1B};
    struct fixture fixture;
    struct leaf_input input;
    uint8_t bits = 0;
    char values[16];
    ktk_error err;

    (void)unused;
    fixture_init(&fixture, &words, 5, validity, indices);
    CHECK_OK(build(&fixture, &input, &err));
    assert_int_equal(input.level_count, 5);
    assert_int_equal(input.null_count, 3);
    assert_int_equal(ktki_leaf_input_nulls(&input, 1, 3), 2);
    ktki_leaf_input_validity(&input, 0, 5, &bits);
    assert_int_equal(bits & 0x1F, 0x09);
    CHECK_OK(letters(&input, values, &err));
    assert_string_equal(values, "be");
    fixture_clear(&fixture);
}

static void indices_outside_of_the_dictionary_are_refused(void **unused) {
    static const int8_t high[] = {1, 5, 0, 0, 0};
    static const int8_t low[] = {1, -1, 0, 0, 0};
    const int8_t *const cases[] = {high, low};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        struct fixture fixture;
        struct leaf_input input;
        char values[16];
        ktk_status status;
        ktk_error err;

        fixture_init(&fixture, &words, 5, NULL, cases[i % 2]);
        if (i >= 2) {
            fixture.texts.null_count = 0; /* found when the values are fetched, not before */
        }
        status = build(&fixture, &input, &err);
        if (i >= 2) {
            assert_int_equal(status, KTK_OK);
            status = letters(&input, values, &err);
        }
        assert_int_equal(status, KTK_E_INVALID);
        CHECK_MESSAGE("column 'd'");
        fixture_clear(&fixture);
    }
}

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    test_context_free(context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_become_levels),
        cmocka_unit_test(impossible_lists_are_refused),
        cmocka_unit_test(nulls_of_a_dictionary_are_nulls),
        cmocka_unit_test(indices_outside_of_the_dictionary_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
