#include "arrow/batch.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

static const ktk_allocator *allocator_of(const struct schema *schema) {
    return ktki_context_allocator(schema->context);
}

ktk_status ktki_batch_init(struct batch *out, struct schema *schema, int64_t row_count,
                           ktk_error *err) {
    struct ArrowArray *columns = NULL;
    ktk_status status = ktki_alloc_zeroed(allocator_of(schema), (size_t)schema->field_count,
                                          sizeof(*columns), &columns, err);

    if (status == KTK_OK) {
        *out = (struct batch){ktki_schema_ref(schema), row_count, columns};
    }
    return status;
}

void ktki_batch_clear(struct batch *batch) {
    struct schema *schema = batch->schema;

    if (schema != NULL) {
        for (int32_t i = 0; i < schema->field_count; i++) {
            ktki_array_clear(&batch->columns[i]);
        }
        ktki_free_array(allocator_of(schema), batch->columns, (size_t)schema->field_count,
                        sizeof(*batch->columns));
        ktki_schema_free(schema);
    }
    *batch = (struct batch){0};
}

/* The rows of a column that belong to a struct array's rows. A column whose length is cut no longer
 * knows its nulls. */
static void cut_column(struct ArrowArray *column, int64_t offset, int64_t length) {
    if (offset != 0 || column->length != length) {
        column->null_count = column->null_count == 0 ? 0 : -1;
    }
    column->offset += offset;
    column->length = length;
}

ktk_status ktki_batch_import(struct batch *out, struct schema *schema, struct ArrowArray *array,
                             ktk_error *err) {
    const struct field row = {.name = "",
                              .type = {.id = TYPE_STRUCT},
                              .child_count = schema->field_count,
                              .children = schema->fields};
    struct batch batch = {0};
    bool has_nulls;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_array_check(array, &row, false, err));
    KTKI_TRY(ktki_batch_init(&batch, schema, array->length, err));
    has_nulls = ktki_array_null_count(array) > 0;
    for (int32_t i = 0; i < schema->field_count; i++) {
        ktki_array_move(array->children[i], &batch.columns[i]);
        cut_column(&batch.columns[i], array->offset, array->length);
        if (schema->fields[i].type.id == TYPE_NULL) {
            batch.columns[i].null_count = array->length; /* old producers do not say so */
        }
        if (has_nulls) {
            KTKI_TRY(ktki_array_mask(&batch.columns[i], schema->context, array->buffers[0],
                                     array->offset, err));
        }
    }
    ktki_array_clear(array);
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    return status;
}

ktk_status ktki_batch_export(struct batch *batch, struct ArrowArray *out, ktk_error *err) {
    const struct array_buffer no_validity = {NULL, 0};
    ktk_status status =
        ktki_array_wrap(out, batch->schema->context, batch->row_count, 0, &no_validity, 1,
                        batch->columns, batch->schema->field_count, NULL, err);

    if (status == KTK_OK) {
        ktki_batch_clear(batch);
    }
    return status;
}

ktk_status ktki_batch_select(struct batch *out, struct batch *batch, struct schema *schema,
                             const int32_t *indices, ktk_error *err) {
    struct batch selected;
    ktk_status status = ktki_batch_init(&selected, schema, batch->row_count, err);

    if (status == KTK_OK) {
        for (int32_t i = 0; i < schema->field_count; i++) {
            struct ArrowArray *column = &batch->columns[indices[i]];
            assert(column->release != NULL); /* each column at most once */
            ktki_array_move(column, &selected.columns[i]);
        }
        ktki_batch_clear(batch);
        *out = selected;
    }
    return status;
}

/* Bytes that a row of a type of no fixed width is taken for, where its texts are not counted. */
#define ODD_ROW_BYTES 16

static int64_t text_bytes(const struct ArrowArray *array, const struct data_type *type) {
    bool is_large = type->id == TYPE_LARGE_STRING || type->id == TYPE_LARGE_BINARY;
    struct array_view view;

    ktki_array_view(array, type, &view);
    if (view.offsets == NULL || view.length == 0) {
        return view.length * ODD_ROW_BYTES;
    }
    if (is_large) {
        const int64_t *offsets = (const int64_t *)view.offsets + view.offset;
        return offsets[view.length] - offsets[0];
    }
    const int32_t *offsets = (const int32_t *)view.offsets + view.offset;
    return offsets[view.length] - offsets[0];
}

int64_t ktki_batch_bytes(const struct batch *batch) {
    int64_t bytes = 0;

    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct data_type *type = &batch->schema->fields[i].type;
        size_t width = ktki_type_width(type);

        bytes +=
            width > 0 ? batch->row_count * (int64_t)width : text_bytes(&batch->columns[i], type);
    }
    return bytes;
}
