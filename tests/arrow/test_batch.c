#include "arrow/batch.h"

#include "support/test.h"

#include "base/alloc.h"
#include "base/context.h"

static struct schema *make_schema(ktk_context *context, int32_t count) {
    static const char *const names[] = {"a", "b", "c"};
    struct schema *schema;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, count, &err));
    for (int32_t i = 0; i < count; i++) {
        schema->fields[i] =
            (struct field){.name = names[i], .type = {.id = TYPE_INT64}, .nullable = true};
    }
    return schema;
}

/* `length` values start, start + 1, … without nulls. */
static void make_numbers(struct ArrowArray *out, ktk_context *context, int64_t start,
                         int64_t length) {
    struct array_buffer buffers[2] = {{NULL, 0}, {NULL, (size_t)length * 8}};
    int64_t *values;
    ktk_error err;

    CHECK_OK(
        ktki_alloc_array(ktki_context_allocator(context), (size_t)length * 8, 1, &values, &err));
    for (int64_t i = 0; i < length; i++) {
        values[i] = start + i;
    }
    buffers[1].data = values;
    CHECK_OK(ktki_array_wrap(out, context, length, 0, buffers, 2, NULL, 0, NULL, &err));
}

static void make_rows(struct ArrowArray *out, ktk_context *context, const uint8_t *validity,
                      int64_t null_count) {
    struct array_buffer buffer = {NULL, 0};
    struct ArrowArray children[2];
    ktk_error err;

    make_numbers(&children[0], context, 100, 12);
    make_numbers(&children[1], context, 200, 10);
    children[1].offset = 1;
    children[1].length = 9;
    if (validity != NULL) {
        buffer.size = 2;
        CHECK_OK(ktki_alloc_array(ktki_context_allocator(context), 2, 1, &buffer.data, &err));
        memcpy(buffer.data, validity, 2);
    }
    CHECK_OK(ktki_array_wrap(out, context, 9, null_count, &buffer, 1, children, 2, NULL, &err));
}

static int64_t value(const struct batch *batch, int32_t column, int64_t row) {
    const struct ArrowArray *array = &batch->columns[column];
    return ((const int64_t *)array->buffers[1])[array->offset + row];
}

static void imports_rows_with_an_offset(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 2);
    struct ArrowArray array;
    struct batch batch;
    ktk_error err;

    (void)unused;
    make_rows(&array, context, NULL, 0);
    array.offset = 3;
    array.length = 5;
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    assert_null(array.release);
    assert_int_equal(batch.row_count, 5);
    assert_int_equal(batch.columns[0].length, 5);
    assert_int_equal(value(&batch, 0, 0), 103);
    assert_int_equal(value(&batch, 1, 4), 208);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void imports_null_rows_as_null_values(void **unused) {
    const uint8_t validity[] = {0xF7, 0xFE}; /* rows 3 and 8 */
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 2);
    struct ArrowArray array;
    struct batch batch;
    ktk_error err;

    (void)unused;
    make_rows(&array, context, validity, -1);
    array.offset = 2;
    array.length = 7;
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    for (int32_t column = 0; column < 2; column++) {
        struct array_view view;
        assert_int_equal(batch.columns[column].null_count, 2);
        ktki_array_view(&batch.columns[column], &schema->fields[column].type, &view);
        for (int64_t row = 0; row < 7; row++) {
            assert_int_equal(ktki_view_is_null(&view, row), row == 1 || row == 6);
        }
    }
    assert_int_equal(value(&batch, 0, 0), 102);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    test_context_free(context);
}

/* Old producers give the null type a validity, which is missing, and may not count. */
static void counts_nulls_of_the_null_type(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 1);
    const struct array_buffer no_validity = {NULL, 0};
    struct ArrowArray child;
    struct ArrowArray array;
    struct batch batch;
    ktk_error err;

    (void)unused;
    schema->fields[0].type.id = TYPE_NULL;
    CHECK_OK(ktki_array_wrap(&child, context, 4, -1, &no_validity, 1, NULL, 0, NULL, &err));
    CHECK_OK(ktki_array_wrap(&array, context, 4, 0, &no_validity, 1, &child, 1, NULL, &err));
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    assert_int_equal(ktki_array_null_count(&batch.columns[0]), 4);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void refuses_another_number_of_columns(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 3);
    struct ArrowArray array;
    struct batch batch = {.columns = TEST_POISON};
    ktk_error err;

    (void)unused;
    make_rows(&array, context, NULL, 0);
    CHECK_STATUS(ktki_batch_import(&batch, schema, &array, &err), KTK_E_INVALID);
    CHECK_MESSAGE("children");
    assert_ptr_equal(batch.columns, TEST_POISON);
    assert_non_null(array.release);
    ktki_array_clear(&array);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void exports_what_it_imported(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 2);
    struct ArrowArray array;
    struct batch batch;
    ktk_error err;

    (void)unused;
    make_rows(&array, context, NULL, 0);
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    CHECK_OK(ktki_batch_export(&batch, &array, &err));
    assert_null(batch.schema);
    assert_int_equal(array.length, 9);
    assert_int_equal(array.n_children, 2);
    assert_int_equal(array.children[1]->offset, 1);
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    assert_int_equal(value(&batch, 1, 0), 201);
    ktki_batch_clear(&batch);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void selects_columns(void **unused) {
    const int32_t second[] = {1};
    ktk_context *context = test_context_new(1);
    struct schema *schema = make_schema(context, 2);
    struct schema *selected_schema;
    struct ArrowArray array;
    struct batch batch;
    struct batch selected;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_select(&selected_schema, schema, second, 1, false, &err));
    make_rows(&array, context, NULL, 0);
    CHECK_OK(ktki_batch_import(&batch, schema, &array, &err));
    CHECK_OK(ktki_batch_select(&selected, &batch, selected_schema, second, &err));
    assert_null(batch.schema);
    assert_int_equal(selected.row_count, 9);
    assert_int_equal(value(&selected, 0, 2), 203);
    ktki_batch_clear(&selected);
    ktki_schema_free(selected_schema);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

/* Rows of static memory, two of them null, go in and out again. */
static ktk_status import_and_export(ktk_context *context, struct ArrowArray *out, ktk_error *err) {
    static const int64_t values[] = {1, 2, 3, 4};
    static const uint8_t validity[] = {0x5};
    const void *row_buffers[] = {validity};
    const void *buffers[] = {NULL, values};
    struct ArrowArray a = {
        .length = 4, .n_buffers = 2, .buffers = buffers, .release = release_nothing};
    struct ArrowArray b = a;
    struct ArrowArray *children[] = {&a, &b};
    struct ArrowArray rows = {.length = 4,
                              .null_count = 2,
                              .n_buffers = 1,
                              .n_children = 2,
                              .buffers = row_buffers,
                              .children = children,
                              .release = release_nothing};
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_status status = ktki_schema_new(&schema, context, 2, err);

    if (status != KTK_OK) {
        return status;
    }
    for (int i = 0; i < 2; i++) {
        schema->fields[i] =
            (struct field){.name = "x", .type = {.id = TYPE_INT64}, .nullable = true};
    }
    status = ktki_batch_import(&batch, schema, &rows, err);
    if (status == KTK_OK) {
        status = ktki_batch_export(&batch, out, err);
    }
    assert_int_equal(batch.schema == NULL, status == KTK_OK || batch.columns == NULL);
    ktki_batch_clear(&batch);
    ktki_array_clear(&rows);
    ktki_schema_free(schema);
    return status;
}

static void survives_every_allocation_failure(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArray array = {.private_data = TEST_POISON};
        ktk_error err;
        ktk_status status = import_and_export(context, &array, &err);

        is_done = status == KTK_OK;
        if (is_done) {
            assert_int_equal(array.children[1]->null_count, 2);
            ktki_array_clear(&array);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(array.private_data, TEST_POISON);
        }
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_rows_with_an_offset),
        cmocka_unit_test(imports_null_rows_as_null_values),
        cmocka_unit_test(counts_nulls_of_the_null_type),
        cmocka_unit_test(refuses_another_number_of_columns),
        cmocka_unit_test(exports_what_it_imported),
        cmocka_unit_test(selects_columns),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
