#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "../arrow/random_arrays.h"
#include "base/context.h"
#include "parquet/leaf_values.h"

/* The oracle goes through rows value by value, as the paper on Dremel tells it, for all leaves at
 * once. */
struct shredded {
    struct buffer levels; /* two bytes each: definition, repetition */
    struct buffer values; /* texts, a line each */
};

static void emit(struct shredded *leaf, int definition, int repetition) {
    ktk_error err;

    CHECK_OK(ktki_buffer_append_byte(&leaf->levels, (uint8_t)definition, &err));
    CHECK_OK(ktki_buffer_append_byte(&leaf->levels, (uint8_t)repetition, &err));
}

static int leaf_count(const struct field *field) {
    int count = field->child_count == 0;

    for (int32_t i = 0; i < field->child_count; i++) {
        count += leaf_count(&field->children[i]);
    }
    return count;
}

/* Where the value of a row lies in the children: [start, end). */
static void child_rows(const struct field *field, const struct ArrowArray *array, int64_t row,
                       int64_t *start, int64_t *end) {
    int64_t at = array->offset + row;

    switch (field->type.id) {
    case TYPE_STRUCT:
        *start = at;
        *end = at + 1;
        break;
    case TYPE_FIXED_LIST:
        *start = at * field->type.width;
        *end = *start + field->type.width;
        break;
    case TYPE_LARGE_LIST:
        *start = ((const int64_t *)array->buffers[1])[at];
        *end = ((const int64_t *)array->buffers[1])[at + 1];
        break;
    default:
        *start = ((const int32_t *)array->buffers[1])[at];
        *end = ((const int32_t *)array->buffers[1])[at + 1];
    }
}

static bool is_null(const struct field *field, const struct ArrowArray *array, int64_t row) {
    struct buffer text;
    bool is_null;

    if (field->child_count > 0) {
        const uint8_t *bits = array->buffers[0];
        int64_t at = array->offset + row;

        return bits != NULL && (bits[at / 8] >> (at % 8) & 1) == 0;
    }
    ktki_buffer_init(&text, test_allocator(), 0);
    value_text(field, array, row, &text);
    is_null = text.size == 4 && memcmp(text.data, "null", 4) == 0;
    ktki_buffer_clear(&text);
    return is_null;
}

/* `depth`: lists above; `definition`: of the field if it is null; `leaf`: the first one below. */
static void shred(const struct field *field, const struct ArrowArray *array, int64_t row, int depth,
                  int definition, int repetition, bool is_required, struct shredded *leaf) {
    bool is_list = field->type.id != TYPE_STRUCT;
    int64_t start;
    int64_t end;
    ktk_error err;

    if (is_null(field, array, row)) {
        assert_false(is_required);
        for (int i = 0; i < leaf_count(field); i++) {
            emit(&leaf[i], definition, repetition);
        }
        return;
    }
    definition += !is_required;
    if (field->child_count == 0) {
        emit(leaf, definition, repetition);
        value_text(field, array, row, &leaf->values);
        CHECK_OK(ktki_buffer_append_byte(&leaf->values, '\n', &err));
        return;
    }
    child_rows(field, array, row, &start, &end);
    for (int i = 0; i < leaf_count(field) && start == end; i++) {
        emit(&leaf[i], definition, repetition);
    }
    for (int64_t at = start; at < end; at++) {
        const struct field *holder = field;
        const struct ArrowArray *children = array;
        int64_t child_row = at;
        struct shredded *child_leaf = leaf;

        if (field->type.id == TYPE_MAP) {
            holder = &field->children[0];
            children = array->children[0];
            child_row += children->offset;
        }
        for (int32_t i = 0; i < holder->child_count; i++) {
            shred(&holder->children[i], children->children[i], child_row, depth + is_list,
                  definition + is_list, at == start ? repetition : depth + 1,
                  field->type.id == TYPE_MAP && i == 0, child_leaf);
            child_leaf += leaf_count(&holder->children[i]);
        }
    }
}

/* ---- the code under test, in the same form ---- */

static void append_value(struct buffer *out, const struct write_leaf *leaf,
                         const struct value_block *block, size_t i) {
    const uint8_t *bytes = leaf->is_bytes ? block->starts[i] : block->fixed + i * leaf->width;
    size_t size = leaf->is_bytes ? block->sizes[i] : leaf->width;
    ktk_error err;

    if (leaf->physical == PQ_BOOLEAN) {
        CHECK_OK(ktki_buffer_append_text(out, *bytes != 0 ? "1\n" : "0\n", &err));
        return;
    }
    CHECK_OK(ktki_buffer_append_byte(out, '\'', &err));
    for (size_t k = 0; k < size; k++) {
        CHECK_OK(ktki_buffer_append_format(out, &err, "%02X", bytes[k]));
    }
    CHECK_OK(ktki_buffer_append_text(out, "'\n", &err));
}

static ktk_status take_values(const struct leaf_input *input, struct value_scratch *scratch,
                              struct buffer *out, ktk_error *err) {
    struct value_cursor cursor;
    ktk_status status = KTK_OK;

    ktki_values_seek(&cursor, input, scratch, 0, input->slot_count);
    while (status == KTK_OK && !ktki_values_is_done(&cursor)) {
        struct value_block block;

        status = ktki_values_next(&cursor, &block, NULL, err);
        for (size_t i = 0; status == KTK_OK && i < block.count; i++) {
            append_value(out, input->leaf, &block, i);
        }
    }
    return status;
}

static void take_levels(const struct leaf_input *input, struct buffer *out) {
    uint8_t *bits = calloc(ktki_bits_size(input->slot_count) + 1, 1);
    ktk_error err;

    assert_non_null(bits);
    ktki_leaf_input_validity(input, 0, input->slot_count, bits);
    for (int64_t i = 0; i < input->level_count; i++) {
        uint8_t level =
            input->definitions != NULL ? input->definitions[i] : (uint8_t)ktki_bit_get(bits, i);

        CHECK_OK(ktki_buffer_append_byte(out, level, &err));
        CHECK_OK(ktki_buffer_append_byte(
            out, input->repetitions != NULL ? input->repetitions[i] : 0, &err));
    }
    free(bits);
}

/* Slots, values and nulls are counted as levels say. */
static void check_counts(const struct leaf_input *input, const struct buffer *levels) {
    const struct write_leaf *leaf = input->leaf;
    int64_t slots = 0;
    int64_t values = 0;
    int64_t rows = 0;

    for (size_t i = 0; i < levels->size; i += 2) {
        slots += levels->data[i] >= ktki_leaf_slot_level(leaf);
        values += levels->data[i] == leaf->definition_max;
        rows += levels->data[i + 1] == 0;
    }
    assert_int_equal(input->row_count, rows);
    assert_int_equal(input->slot_count, slots);
    assert_int_equal(input->null_count, slots - values);
    assert_int_equal(ktki_leaf_input_nulls(input, 0, slots), slots - values);
}

static void assert_same_bytes(const struct buffer *a, const struct buffer *b, const char *what,
                              const struct write_leaf *leaf, uint32_t seed) {
    if (a->size != b->size || (a->size > 0 && memcmp(a->data, b->data, a->size) != 0)) {
        fail_msg("seed %u, column %s: %s differ (%zu and %zu bytes)", seed, leaf->name, what,
                 a->size, b->size);
    }
}

/* ---- random rows ---- */

#define BATCH_COUNT 3

struct fixture {
    ktk_context *context;
    struct schema *schema;
    struct batch batches[BATCH_COUNT];
    struct row_slice slices[2 * BATCH_COUNT];
    size_t slice_count;
    struct arena arena;
    struct write_schema plan;
    struct value_scratch *scratch;
};

static void fixture_init(struct fixture *fixture, int depth, int64_t rows_max, uint32_t *random) {
    static const int null_shares[] = {0, 20, 128, 256};
    ktk_error err;

    memset(fixture, 0, sizeof(*fixture));
    CHECK_OK(ktk_context_new(&fixture->context, NULL, &err));
    CHECK_OK(ktki_schema_new(&fixture->schema, fixture->context, 1, &err));
    random_nested_field(fixture->schema, &fixture->schema->fields[0], "x", depth, random);
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        struct batch *batch = &fixture->batches[i];
        int64_t rows = random_below(random, rows_max);
        int64_t start = random_below(random, rows + 1);

        CHECK_OK(ktki_batch_init(batch, fixture->schema, rows, &err));
        random_array(&batch->columns[0], &fixture->schema->fields[0], rows,
                     null_shares[random_below(random, 4)], random);
        /* Rows in the middle may be left out. */
        fixture->slices[fixture->slice_count++] =
            (struct row_slice){batch, 0, random_below(random, start + 1)};
        fixture->slices[fixture->slice_count++] = (struct row_slice){batch, start, rows - start};
    }
    ktki_arena_init(&fixture->arena, ktki_context_allocator(fixture->context));
    CHECK_OK(ktki_write_schema_plan(&fixture->plan, &fixture->arena, fixture->schema, &err));
    fixture->scratch = malloc(sizeof(*fixture->scratch));
    assert_non_null(fixture->scratch);
    fixture->scratch->allocator = ktki_context_allocator(fixture->context);
}

static void fixture_clear(struct fixture *fixture) {
    free(fixture->scratch);
    ktki_arena_clear(&fixture->arena);
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        ktki_batch_clear(&fixture->batches[i]);
    }
    ktki_schema_free(fixture->schema);
    ktk_context_free(fixture->context);
}

#define LEAVES_MAX 400

static void check_leaves(struct fixture *fixture, const struct shredded *expected, uint32_t seed) {
    for (int32_t i = 0; i < fixture->plan.leaf_count; i++) {
        const struct write_leaf *leaf = &fixture->plan.leaves[i];
        struct leaf_input input;
        struct shredded got;
        ktk_error err;

        ktki_buffer_init(&got.levels, test_allocator(), 0);
        ktki_buffer_init(&got.values, test_allocator(), 0);
        CHECK_OK(ktki_leaf_input_build(&input, &fixture->arena, leaf, fixture->slices,
                                       fixture->slice_count, 0, &err));
        take_levels(&input, &got.levels);
        assert_same_bytes(&expected[i].levels, &got.levels, "levels", leaf, seed);
        check_counts(&input, &got.levels);
        CHECK_OK(take_values(&input, fixture->scratch, &got.values, &err));
        assert_same_bytes(&expected[i].values, &got.values, "values", leaf, seed);
        ktki_buffer_clear(&got.levels);
        ktki_buffer_clear(&got.values);
    }
}

static void leaves_are_those_of_the_slow_way(void **unused) {
    static struct shredded expected[LEAVES_MAX];

    (void)unused;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        uint32_t random = seed;
        int depth = 1 + (int)(seed % 5);
        struct fixture fixture;
        const struct field *field;

        fixture_init(&fixture, depth, depth == 5 ? 12 : depth == 4 ? 40 : 300, &random);
        field = &fixture.schema->fields[0];
        assert_in_range(leaf_count(field), 1, LEAVES_MAX);
        assert_int_equal(leaf_count(field), fixture.plan.leaf_count);
        for (int i = 0; i < leaf_count(field); i++) {
            ktki_buffer_init(&expected[i].levels, test_allocator(), 0);
            ktki_buffer_init(&expected[i].values, test_allocator(), 0);
        }
        for (size_t i = 0; i < fixture.slice_count; i++) {
            const struct row_slice *slice = &fixture.slices[i];

            for (int64_t row = slice->start; row < slice->start + slice->count; row++) {
                shred(field, &slice->batch->columns[0], row, 0, 0, 0, false, expected);
            }
        }
        check_leaves(&fixture, expected, seed);
        for (int i = 0; i < leaf_count(field); i++) {
            ktki_buffer_clear(&expected[i].levels);
            ktki_buffer_clear(&expected[i].values);
        }
        fixture_clear(&fixture);
    }
}

/* ---- what is refused ---- */

static struct field pair[2] = {{"key", {.id = TYPE_INT32}, .nullable = true},
                               {"value", {.id = TYPE_INT32}, .nullable = true}};

/* A map of three entries in two rows, the second of which is null, over static memory. */
struct map {
    struct field entries_field;
    struct field field;
    struct ArrowArray leaves[2];
    struct ArrowArray *leaf_pointers[2];
    struct ArrowArray entries;
    struct ArrowArray *entries_pointer;
    struct batch batch;
    struct schema *schema;
    const void *map_buffers[2];
    const void *entry_buffers[1];
    const void *leaf_buffers[2][2];
};

static void borrowed(struct ArrowArray *array) {
    array->release = NULL;
}

static void map_init(struct map *map, ktk_context *context, const uint8_t *entry_validity,
                     const uint8_t *key_validity) {
    static const int32_t offsets[] = {0, 2, 3};
    static const int32_t numbers[] = {1, 2, 3};
    static const uint8_t map_validity[] = {1};
    ktk_error err;

    memset(map, 0, sizeof(*map));
    map->entries_field =
        (struct field){"e", {.id = TYPE_STRUCT}, .child_count = 2, .children = pair};
    map->field = (struct field){
        "m", {.id = TYPE_MAP}, .nullable = true, .child_count = 1, .children = &map->entries_field};
    map->map_buffers[0] = map_validity;
    map->map_buffers[1] = offsets;
    map->entry_buffers[0] = entry_validity;
    for (size_t i = 0; i < 2; i++) {
        map->leaf_buffers[i][0] = i == 0 ? key_validity : NULL;
        map->leaf_buffers[i][1] = numbers;
        map->leaves[i] = (struct ArrowArray){.length = 3,
                                             .null_count = -1,
                                             .n_buffers = 2,
                                             .buffers = map->leaf_buffers[i],
                                             .release = borrowed};
        map->leaf_pointers[i] = &map->leaves[i];
    }
    map->entries = (struct ArrowArray){.length = 3,
                                       .null_count = -1,
                                       .n_buffers = 1,
                                       .n_children = 2,
                                       .buffers = map->entry_buffers,
                                       .children = map->leaf_pointers,
                                       .release = borrowed};
    map->entries_pointer = &map->entries;
    CHECK_OK(ktki_schema_new(&map->schema, context, 1, &err));
    CHECK_OK(ktki_field_copy(map->schema, &map->schema->fields[0], &map->field, &err));
    CHECK_OK(ktki_batch_init(&map->batch, map->schema, 2, &err));
    map->batch.columns[0] = (struct ArrowArray){.length = 2,
                                                .null_count = -1,
                                                .n_buffers = 2,
                                                .n_children = 1,
                                                .buffers = map->map_buffers,
                                                .children = &map->entries_pointer,
                                                .release = borrowed};
}

static ktk_status build_map(struct map *map, ktk_context *context, int leaf, ktk_error *err) {
    struct row_slice slice = {&map->batch, 0, 2};
    struct leaf_input input = {0};
    struct write_schema plan;
    struct arena arena;
    ktk_status status;

    ktki_arena_init(&arena, ktki_context_allocator(context));
    status = ktki_write_schema_plan(&plan, &arena, map->schema, err);
    if (status == KTK_OK) {
        status = ktki_leaf_input_build(&input, &arena, &plan.leaves[leaf], &slice, 1, 0, err);
    }
    if (status == KTK_OK) {
        assert_int_equal(input.level_count, 3); /* two entries and a null */
    }
    ktki_arena_clear(&arena);
    return status;
}

static void keys_and_entries_of_maps_are_not_null(void **unused) {
    static const struct {
        uint8_t entries;
        uint8_t keys;
        const char *key_fault;
        const char *value_fault;
    } cases[] = {
        {0x7, 0x7, NULL, NULL},
        {0x3, 0x3, NULL, NULL}, /* below the null map */
        {0x7, 0x5, "'m.key_value.key': a key of a map is null", NULL},
        {0x6, 0x7, "'m.key_value.key': an entry of a map is null",
         "'m.key_value.value': an entry of a map is null"},
    };
    ktk_context *context = test_context_new(1);

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int leaf = 0; leaf < 2; leaf++) {
            const char *fault = leaf == 0 ? cases[i].key_fault : cases[i].value_fault;
            struct map map;
            ktk_error err;

            map_init(&map, context, &cases[i].entries, &cases[i].keys);
            if (fault == NULL) {
                CHECK_OK(build_map(&map, context, leaf, &err));
            } else {
                CHECK_STATUS(build_map(&map, context, leaf, &err), KTK_E_INVALID);
                CHECK_MESSAGE(fault);
            }
            ktki_batch_clear(&map.batch);
            ktki_schema_free(map.schema);
        }
    }
    test_context_free(context);
}

static void any_allocation_may_fail(void **unused) {
    struct fixture fixture;
    uint32_t random = 77;

    (void)unused;
    fixture_init(&fixture, 4, 40, &random);
    for (int32_t leaf = 0; leaf < fixture.plan.leaf_count; leaf++) {
        bool is_done = false;

        for (int64_t n = 0; !is_done; n++) {
            ktk_context *failing = test_context_failing(n);
            struct leaf_input input = {.row_count = -7};
            struct arena arena;
            ktk_status status;
            ktk_error err;

            ktki_arena_init(&arena, ktki_context_allocator(failing));
            status = ktki_leaf_input_build(&input, &arena, &fixture.plan.leaves[leaf],
                                           fixture.slices, fixture.slice_count, 0, &err);
            is_done = status == KTK_OK;
            assert_true(is_done || (status == KTK_E_NO_MEMORY && input.row_count == -7));
            ktki_arena_clear(&arena);
            test_context_free(failing);
        }
    }
    fixture_clear(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_are_those_of_the_slow_way),
        cmocka_unit_test(keys_and_entries_of_maps_are_not_null),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
