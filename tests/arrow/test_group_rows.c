#include "arrow/group_rows.h"

#include "support/test.h"

#include <math.h>

#include "arrow/builder.h"
#include "base/alloc.h"
#include "random_arrays.h"

#define KEYS_MAX 4
#define ROWS_MAX 64

/* A schema of the given fields, named by their position. */
static ktk_status make_schema(struct schema **out, ktk_context *context,
                              const struct field *const *fields, int32_t count, ktk_error *err) {
    static const char *const names[] = {"k0", "k1", "k2", "k3"};
    ktk_status status = ktki_schema_new(out, context, count, err);

    for (int32_t i = 0; status == KTK_OK && i < count; i++) {
        struct field field = *fields[i];
        field.name = names[i];
        status = ktki_field_copy(*out, &(*out)->fields[i], &field, err);
        if (status != KTK_OK) {
            ktki_schema_free(*out);
        }
    }
    return status;
}

static ktk_status random_batch(struct batch *out, struct schema *schema, int64_t rows,
                               int null_share, uint32_t *random, ktk_error *err) {
    ktk_status status = ktki_batch_init(out, schema, rows, err);

    for (int32_t i = 0; status == KTK_OK && i < schema->field_count; i++) {
        random_array(&out->columns[i], &schema->fields[i], rows, null_share, random);
    }
    return status;
}

/* What the grouper has to find: the text of the keys of each row, "" if one is null. */
struct reference {
    struct buffer texts[3 * ROWS_MAX];
    uint32_t groups[3 * ROWS_MAX];
    size_t first_rows[3 * ROWS_MAX]; /* of each group */
    size_t row_count;
    uint32_t group_count;
    int64_t null_count;
};

static void key_text(const struct batch *batch, const int32_t *keys, int32_t key_count, int64_t row,
                     struct buffer *out) {
    ktk_error err;

    ktki_buffer_init(out, test_allocator(), 0);
    for (int32_t k = 0; k < key_count; k++) {
        size_t start = out->size;
        value_text(&batch->schema->fields[keys[k]], &batch->columns[keys[k]], row, out);
        if (out->size - start == 4 && memcmp(out->data + start, "null", 4) == 0) {
            ktki_buffer_clear(out);
            return;
        }
        CHECK_OK(ktki_buffer_append_byte(out, ';', &err));
    }
}

static bool same_text(const struct buffer *a, const struct buffer *b) {
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void reference_add(struct reference *reference, const struct batch *batch,
                          const int32_t *keys, int32_t key_count) {
    for (int64_t row = 0; row < batch->row_count; row++) {
        size_t at = reference->row_count++;
        struct buffer *text = &reference->texts[at];
        uint32_t group = 0;

        key_text(batch, keys, key_count, row, text);
        if (text->size == 0) {
            reference->groups[at] = UINT32_MAX;
            reference->null_count++;
            continue;
        }
        while (group < reference->group_count &&
               !same_text(text, &reference->texts[reference->first_rows[group]])) {
            group++;
        }
        if (group == reference->group_count) {
            reference->first_rows[reference->group_count++] = at;
        }
        reference->groups[at] = group;
    }
}

static void reference_clear(struct reference *reference) {
    for (size_t i = 0; i < reference->row_count; i++) {
        ktki_buffer_clear(&reference->texts[i]);
    }
}

static void check_keys(const struct row_grouper *grouper, const struct reference *reference,
                       int32_t key_count) {
    static const int32_t all[KEYS_MAX] = {0, 1, 2, 3};
    struct batch found;
    ktk_error err;

    CHECK_OK(ktki_grouper_keys(grouper, &found, &err));
    assert_int_equal(found.row_count, reference->group_count);
    assert_int_equal(found.schema->field_count, key_count);
    for (int32_t i = 0; i < key_count; i++) {
        assert_null(found.schema->fields[i].dictionary);
        assert_int_equal(found.columns[i].length, found.row_count);
        CHECK_OK(ktki_array_check(&found.columns[i], &found.schema->fields[i], true, &err));
    }
    for (int64_t group = 0; group < found.row_count; group++) {
        struct buffer text;
        key_text(&found, all, key_count, group, &text);
        assert_true(same_text(&text, &reference->texts[reference->first_rows[group]]));
        ktki_buffer_clear(&text);
    }
    ktki_batch_clear(&found);
}

/* Three batches of random rows with the given keys. */
static void check_groups(ktk_context *context, const struct field *const *fields,
                         int32_t field_count, const int32_t *keys, int32_t key_count,
                         int null_share, uint32_t *random) {
    static struct reference reference;
    struct row_grouper *grouper;
    struct schema *schema;
    ktk_error err;

    memset(&reference, 0, sizeof(reference));
    CHECK_OK(make_schema(&schema, context, fields, field_count, &err));
    CHECK_OK(ktki_grouper_new(&grouper, context, schema, keys, key_count, &err));
    for (int i = 0; i < 3; i++) {
        int64_t rows = random_below(random, ROWS_MAX + 1);
        size_t before = reference.row_count;
        uint32_t groups[ROWS_MAX];
        struct batch batch;

        CHECK_OK(random_batch(&batch, schema, rows, null_share, random, &err));
        CHECK_OK(ktki_grouper_add(grouper, &batch, groups, &err));
        reference_add(&reference, &batch, keys, key_count);
        assert_memory_equal(groups, reference.groups + before, (size_t)rows * sizeof(*groups));
        ktki_batch_clear(&batch);
        assert_int_equal(ktki_grouper_group_count(grouper), reference.group_count);
        assert_int_equal(ktki_grouper_null_count(grouper), reference.null_count);
        check_keys(grouper, &reference, key_count);
    }
    reference_clear(&reference);
    ktki_grouper_free(grouper);
    ktki_schema_free(schema);
}

static void groups_by_one_column_of_every_flat_type(void **unused) {
    static const int null_shares[] = {0, 20, 128, 256};
    ktk_context *context = test_context_new(1);
    const int32_t key = 0;
    uint32_t random = 59;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        for (int round = 0; round < 8 && !ktki_type_is_nested(random_fields[f]->type.id); round++) {
            check_groups(context, &random_fields[f], 1, &key, 1, null_shares[round % 4], &random);
        }
    }
    test_context_free(context);
}

static void groups_by_several_columns(void **unused) {
    ktk_context *context = test_context_new(1);
    uint32_t random = 61;

    (void)unused;
    for (int round = 0; round < 300; round++) {
        const struct field *fields[KEYS_MAX];
        int32_t keys[KEYS_MAX];
        int32_t key_count = 1 + (int32_t)random_below(&random, KEYS_MAX);

        for (int i = 0; i < KEYS_MAX; i++) {
            do {
                fields[i] = random_fields[random_below(&random, (int64_t)random_field_count)];
            } while (ktki_type_is_nested(fields[i]->type.id));
            keys[i] = i;
        }
        for (int i = KEYS_MAX - 1; i > 0; i--) { /* shuffle */
            int other = (int)random_below(&random, i + 1);
            int32_t key = keys[i];
            keys[i] = keys[other];
            keys[other] = key;
        }
        check_groups(context, fields, KEYS_MAX, keys, key_count, (int)random_below(&random, 3) * 20,
                     &random);
    }
    test_context_free(context);
}

static void build_doubles(struct ArrowArray *out, ktk_context *context, const struct field *field,
                          const double *values, size_t count) {
    struct array_builder builder;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, field, &err));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(ktki_builder_append_f64(&builder, values[i], &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, out, &err));
    ktki_builder_clear(&builder);
}

static void takes_nan_for_null_and_both_zeros_for_one(void **unused) {
    static const enum type_id floats[] = {TYPE_FLOAT16, TYPE_FLOAT32, TYPE_FLOAT64};
    const double values[] = {-0.0, 0.0, NAN, 1.5, -NAN, HUGE_VAL, -HUGE_VAL, -1.5, 0.0, 1.5};
    const uint32_t wanted[] = {0, 0, UINT32_MAX, 1, UINT32_MAX, 2, 3, 4, 0, 1};
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (int i = 0; i < 3; i++) {
        const struct field field = {"x", {.id = floats[i]}, .nullable = true};
        const struct field *fields[] = {&field};
        const int32_t key = 0;
        struct row_grouper *grouper;
        struct schema *schema;
        struct batch batch;
        struct batch found;
        uint32_t groups[10];
        size_t width = ktki_type_width(&field.type);

        CHECK_OK(make_schema(&schema, context, fields, 1, &err));
        CHECK_OK(ktki_batch_init(&batch, schema, 10, &err));
        build_doubles(&batch.columns[0], context, &field, values, 10);
        CHECK_OK(ktki_grouper_new(&grouper, context, schema, &key, 1, &err));
        CHECK_OK(ktki_grouper_add(grouper, &batch, groups, &err));
        assert_memory_equal(groups, wanted, sizeof(wanted));
        assert_int_equal(ktki_grouper_null_count(grouper), 2);
        CHECK_OK(ktki_grouper_keys(grouper, &found, &err));
        assert_int_equal(found.row_count, 5);
        /* The first zero seen stands for both: it is the negative one. */
        assert_memory_equal(found.columns[0].buffers[1], batch.columns[0].buffers[1], width);
        ktki_batch_clear(&found);
        ktki_batch_clear(&batch);
        ktki_grouper_free(grouper);
        ktki_schema_free(schema);
    }
    test_context_free(context);
}

/* More keys than any first table holds, each of them twice, over many blocks. */
static void numbers_many_groups(void **unused) {
    static const struct field number = {"n", {.id = TYPE_INT64}, .nullable = true};
    static const struct field text = {"s", {.id = TYPE_STRING}, .nullable = true};
    const struct field *fields[] = {&number, &text};
    const int32_t keys[] = {0, 1};
    const int64_t rows = 60000;
    ktk_context *context = test_context_new(1);
    uint32_t *groups = (malloc)((size_t)rows * sizeof(*groups));
    struct array_builder builders[2];
    struct row_grouper *grouper;
    struct schema *schema;
    struct batch batch;
    struct batch found;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_schema(&schema, context, fields, 2, &err));
    CHECK_OK(ktki_batch_init(&batch, schema, rows, &err));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktki_builder_init(&builders[i], context, fields[i], &err));
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t group = i % (rows / 2); /* number group / 100 with text group % 100 */
        char digits[2] = {(char)('0' + group % 100 / 10), (char)('0' + group % 10)};
        CHECK_OK(ktki_builder_append_i64(&builders[0], (group / 100) << 40, &err));
        CHECK_OK(ktki_builder_append_bytes(&builders[1], digits, 2, &err));
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktki_builder_finish(&builders[i], &batch.columns[i], &err));
        ktki_builder_clear(&builders[i]);
    }
    CHECK_OK(ktki_grouper_new(&grouper, context, schema, keys, 2, &err));
    CHECK_OK(ktki_grouper_add(grouper, &batch, groups, &err));
    assert_int_equal(ktki_grouper_group_count(grouper), rows / 2);
    for (int64_t i = 0; i < rows; i++) {
        assert_int_equal(groups[i], i % (rows / 2));
    }
    CHECK_OK(ktki_grouper_keys(grouper, &found, &err));
    for (int64_t i = 0; i < rows / 2; i += 37) {
        assert_same_value(fields[0], &found.columns[0], i, &batch.columns[0], i);
        assert_same_value(fields[1], &found.columns[1], i, &batch.columns[1], i);
    }
    ktki_batch_clear(&found);
    ktki_batch_clear(&batch);
    ktki_grouper_free(grouper);
    ktki_schema_free(schema);
    (free)(groups);
    test_context_free(context);
}

/* Categories that no row has make no group, and the order is that of the rows. */
static void ignores_the_order_of_a_dictionary(void **unused) {
    static const struct field value = {NULL, {.id = TYPE_INT64}, .nullable = true};
    static const struct field field = {"d",
                                       {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                                       .nullable = true,
                                       .dictionary = (struct field *)(uintptr_t)&value};
    const struct field *fields[] = {&field};
    const int8_t indices[] = {3, 1, 3, 2, 0, 4};
    const int64_t values[] = {10, 20, 30, 40, 20}; /* 20 twice */
    const uint8_t validity[] = {0x1B};             /* 30 is null */
    const void *value_buffers[] = {validity, values};
    const void *buffers[] = {NULL, indices};
    const uint32_t wanted[] = {0, 1, 0, UINT32_MAX, 2, 1};
    const int32_t key = 0;
    ktk_context *context = test_context_new(1);
    struct ArrowArray dictionary = {
        .length = 5, .null_count = 1, .n_buffers = 2, .buffers = value_buffers};
    struct row_grouper *grouper;
    struct schema *schema;
    struct batch batch;
    struct batch found;
    uint32_t groups[6];
    ktk_error err;

    (void)unused;
    CHECK_OK(make_schema(&schema, context, fields, 1, &err));
    CHECK_OK(ktki_batch_init(&batch, schema, 6, &err));
    batch.columns[0] = (struct ArrowArray){
        .length = 6, .n_buffers = 2, .buffers = buffers, .dictionary = &dictionary};
    CHECK_OK(ktki_grouper_new(&grouper, context, schema, &key, 1, &err));
    CHECK_OK(ktki_grouper_add(grouper, &batch, groups, &err));
    assert_memory_equal(groups, wanted, sizeof(wanted));
    CHECK_OK(ktki_grouper_keys(grouper, &found, &err));
    assert_int_equal(found.row_count, 3);
    assert_int_equal(found.schema->fields[0].type.id, TYPE_INT64);
    assert_string_equal(found.schema->fields[0].name, "k0");
    assert_int_equal(((const int64_t *)found.columns[0].buffers[1])[0], 40);
    assert_int_equal(((const int64_t *)found.columns[0].buffers[1])[2], 10);
    ktki_batch_clear(&found);
    ktki_batch_clear(&batch);
    ktki_grouper_free(grouper);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void refuses_nested_keys(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t f = 0; f < random_field_count; f++) {
        struct row_grouper *grouper = TEST_POISON;
        const int32_t key = 0;
        struct schema *schema;

        if (!ktki_type_is_nested(random_fields[f]->type.id)) {
            continue;
        }
        CHECK_OK(make_schema(&schema, context, &random_fields[f], 1, &err));
        CHECK_STATUS(ktki_grouper_new(&grouper, context, schema, &key, 1, &err), KTK_E_UNSUPPORTED);
        CHECK_MESSAGE("column 'k0'");
        assert_ptr_equal(grouper, TEST_POISON);
        ktki_schema_free(schema);
    }
    test_context_free(context);
}

static ktk_status group_once(ktk_context *context, struct batch *out, ktk_error *err) {
    static const struct field number = {"n", {.id = TYPE_INT16}, .nullable = true};
    static const struct field value = {NULL, {.id = TYPE_STRING}, .nullable = true};
    static const struct field dictionary = {"d",
                                            {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                                            .nullable = true,
                                            .dictionary = (struct field *)(uintptr_t)&value};
    const struct field *fields[] = {&number, &dictionary};
    const int32_t keys[] = {1, 0};
    struct row_grouper *grouper = NULL;
    struct schema *schema = NULL;
    struct batch batch = {0};
    uint32_t groups[500];
    uint32_t random = 67;
    ktk_status status = make_schema(&schema, context, fields, 2, err);

    if (status != KTK_OK) {
        return status;
    }
    status = random_batch(&batch, schema, 500, 20, &random, err);
    status = status != KTK_OK ? status : ktki_grouper_new(&grouper, context, schema, keys, 2, err);
    status = status != KTK_OK ? status : ktki_grouper_add(grouper, &batch, groups, err);
    status = status != KTK_OK ? status : ktki_grouper_keys(grouper, out, err);
    ktki_grouper_free(grouper);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    return status;
}

static void survives_every_allocation_failure(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct batch batch = {.columns = TEST_POISON};
        ktk_error err;
        ktk_status status = group_once(context, &batch, &err);

        is_done = status == KTK_OK;
        if (is_done) {
            ktki_batch_clear(&batch);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(batch.columns, TEST_POISON);
        }
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_by_one_column_of_every_flat_type),
        cmocka_unit_test(groups_by_several_columns),
        cmocka_unit_test(takes_nan_for_null_and_both_zeros_for_one),
        cmocka_unit_test(numbers_many_groups),
        cmocka_unit_test(ignores_the_order_of_a_dictionary),
        cmocka_unit_test(refuses_nested_keys),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
