#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/builder.h"
#include "arrow/compare.h"
#include "arrow/take.h"
#include "update/reorder_rows.h"

#define ROWS 1000
#define BATCHES 3

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t bound) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static struct field item = {.name = "item", .type = {.id = TYPE_INT64}, .nullable = true};

static const struct field fields[] = {
    {.name = "bool", .type = {.id = TYPE_BOOL}, .nullable = true},
    {.name = "int8", .type = {.id = TYPE_INT8}, .nullable = true},
    {.name = "int16", .type = {.id = TYPE_INT16}, .nullable = true},
    {.name = "date32", .type = {.id = TYPE_DATE32}, .nullable = true},
    {.name = "int64", .type = {.id = TYPE_INT64}, .nullable = true},
    {.name = "double", .type = {.id = TYPE_FLOAT64}, .nullable = true},
    {.name = "decimal", .type = {.id = TYPE_DECIMAL128, .precision = 20}, .nullable = true},
    {.name = "decimal256", .type = {.id = TYPE_DECIMAL256, .precision = 40}, .nullable = true},
    {.name = "string", .type = {.id = TYPE_STRING}, .nullable = true},
    {.name = "large", .type = {.id = TYPE_LARGE_STRING}, .nullable = true},
    {.name = "binary", .type = {.id = TYPE_BINARY}, .nullable = true},
    {.name = "fixed", .type = {.id = TYPE_FIXED_BINARY, .width = 3}, .nullable = true},
    {.name = "null", .type = {.id = TYPE_NULL}, .nullable = true},
    {.name = "list",
     .type = {.id = TYPE_LIST},
     .nullable = true,
     .child_count = 1,
     .children = &item},
};

#define FIELD_COUNT ((int32_t)(sizeof(fields) / sizeof(fields[0])))

/* Any value; bytes of every length up to what texts are copied by. */
static ktk_status append_value(struct array_builder *builder, ktk_error *err) {
    enum type_id id = builder->field->type.id;
    char bytes[40];
    size_t size = random_below(sizeof(bytes) + 1);

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)('a' + random_below(26));
    }
    switch (id) {
    case TYPE_FLOAT64:
        return ktki_builder_append_f64(builder, (double)random_below(1000) / 8, err);
    case TYPE_FIXED_BINARY:
        return ktki_builder_append_bytes(builder, bytes, 3, err);
    case TYPE_DECIMAL128:
        memset(bytes + 4, 0, 12);
        return ktki_builder_append_bytes(builder, bytes, 16, err);
    case TYPE_DECIMAL256:
        memset(bytes + 4, 0, 28);
        return ktki_builder_append_bytes(builder, bytes, 32, err);
    case TYPE_STRING:
    case TYPE_LARGE_STRING:
    case TYPE_BINARY:
        return ktki_builder_append_bytes(builder, bytes, size, err);
    case TYPE_LIST:
        for (size_t i = 0; i < size % 4; i++) {
            (void)ktki_builder_append_i64(ktki_builder_item(builder), (int64_t)i, err);
        }
        return ktki_builder_end_list(builder, err);
    default:
        return ktki_builder_append_i64(builder, random_below(id == TYPE_BOOL ? 2 : 100), err);
    }
}

/* `nulls` in 10 of the values are null. */
static struct ArrowArray random_array(ktk_context *context, const struct field *field,
                                      int64_t count, uint32_t nulls) {
    struct array_builder builder = {0};
    struct ArrowArray array = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, field, &err));
    for (int64_t i = 0; i < count; i++) {
        CHECK_OK(field->type.id == TYPE_NULL || random_below(10) < nulls
                     ? ktki_builder_append_null(&builder, &err)
                     : append_value(&builder, &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    return array;
}

static struct schema *test_schema(ktk_context *context) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, FIELD_COUNT, &err));
    for (int32_t i = 0; i < FIELD_COUNT; i++) {
        CHECK_OK(ktki_field_copy(schema, &schema->fields[i], &fields[i], &err));
    }
    return schema;
}

static void random_permutation(uint32_t *positions, int64_t *rows) {
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t other = random_below(i + 1);

        positions[i] = positions[other];
        positions[other] = i;
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[positions[i]] = i;
    }
}

/* What collecting row by row gives, of all batches joined. */
static struct ArrowArray collected(ktk_context *context, const struct field *field,
                                   const struct batch *batches, int32_t column,
                                   const int64_t *rows) {
    const struct ArrowArray *arrays[BATCHES];
    struct ArrowArray joined = {0};
    struct ArrowArray taken = {0};
    ktk_error err;

    for (size_t i = 0; i < BATCHES; i++) {
        arrays[i] = &batches[i].columns[column];
    }
    CHECK_OK(ktki_array_concat(&joined, context, field, arrays, BATCHES, &err));
    CHECK_OK(ktki_array_take(&taken, context, field, &joined, rows, ROWS, &err));
    ktki_array_clear(&joined);
    return taken;
}

static void equals_collecting_row_by_row(void **unused) {
    static const int64_t sizes[BATCHES] = {1, 700, 299};

    (void)unused;
    for (uint32_t nulls = 0; nulls <= 10; nulls += 5) {
        ktk_context *context = test_context_new(3);
        struct schema *schema = test_schema(context);
        struct batch batches[BATCHES] = {{0}};
        struct ArrowArray wanted[FIELD_COUNT];
        uint32_t positions[ROWS] = {0};
        int64_t rows[ROWS];
        struct batch out = {0};
        ktk_error err;

        random_permutation(positions, rows);
        for (size_t b = 0; b < BATCHES; b++) {
            CHECK_OK(ktki_batch_init(&batches[b], schema, sizes[b], &err));
            for (int32_t i = 0; i < FIELD_COUNT; i++) {
                /* The middle one has no nulls, and starts within its array. */
                batches[b].columns[i] =
                    random_array(context, &fields[i], sizes[b] + 7, b == 1 ? 0 : nulls);
                batches[b].columns[i].length = sizes[b];
                batches[b].columns[i].offset = b == 1 ? 7 : 0;
                batches[b].columns[i].null_count = fields[i].type.id == TYPE_NULL ? sizes[b] : -1;
            }
        }
        for (int32_t i = 0; i < FIELD_COUNT; i++) {
            wanted[i] = collected(context, &fields[i], batches, i, rows);
        }
        CHECK_OK(ktki_reorder_rows(&out, context, schema, batches, BATCHES, positions, ROWS, &err));
        for (int32_t i = 0; i < FIELD_COUNT; i++) {
            if (!ktki_array_equals(&fields[i], &out.columns[i], &wanted[i])) {
                fail_msg("column '%s' differs", fields[i].name);
            }
            ktki_array_clear(&wanted[i]);
        }
        for (size_t b = 0; b < BATCHES; b++) {
            ktki_batch_clear(&batches[b]);
        }
        ktki_batch_clear(&out);
        ktki_schema_free(schema);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_collecting_row_by_row),
    };
    return cmocka_run_group_tests_name("update/reorder_rows", tests, NULL, NULL);
}
