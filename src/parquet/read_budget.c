#include "parquet/read_budget.h"

/* A batch may take this part of the budget: the one before it may still be in use, and decoding
 * needs pages and dictionaries beside it. */
#define BATCH_SHARE 4

/* Texts that stand in dictionaries may be any number of times as long as the file is: so many rows
 * show how long they are. */
#define ROWS_FIRST 4096

/* ---- what the footer says ---- */

static int64_t value_bytes(const struct plan_leaf *it, const struct column_chunk *chunk,
                           bool *is_known) {
    size_t width = ktki_type_width(&it->field->type);
    int64_t size = chunk->uncompressed_size > 0 ? chunk->uncompressed_size : 0;
    int64_t count = chunk->value_count > 0 ? chunk->value_count : 1;

    if (width > 0 || it->field->type.id == TYPE_BOOL || it->field->type.id == TYPE_NULL) {
        return (int64_t)width + 1;
    }
    if (chunk->sizes.text_bytes >= 0) {
        size = chunk->sizes.text_bytes;
    } else {
        *is_known = false;
    }
    return size / count + (int64_t)sizeof(int64_t) + 1;
}

static int64_t row_bytes(const struct row_group *group, const struct read_plan *plan,
                         bool *is_known) {
    int64_t sum = 1;

    *is_known = true;
    for (int32_t i = 0; i < plan->leaf_count; i++) {
        const struct column_chunk *chunk = &group->columns[plan->leaves[i].number];
        int64_t values = group->row_count > 0 ? chunk->value_count / group->row_count : 1;

        sum += value_bytes(&plan->leaves[i], chunk, is_known) * (values > 1 ? values : 1);
    }
    return sum;
}

int64_t ktki_read_budget_rows(const struct read_budget *budget, const struct row_group *group,
                              const struct read_plan *plan) {
    int64_t bytes = budget->bytes_max / BATCH_SHARE;
    int64_t rows = INT64_MAX;
    bool is_known;
    int64_t each;

    if (budget->bytes_max > 0) {
        each = row_bytes(group, plan, &is_known);
        if (budget->rows > 0 && budget->bytes_of_rows / budget->rows > each) {
            each = budget->bytes_of_rows / budget->rows;
        } else if (budget->rows == 0 && !is_known) {
            rows = ROWS_FIRST;
        }
        rows = bytes / each < rows ? bytes / each : rows;
    }
    return rows > 0 ? rows : 1;
}

/* ---- what batches show ---- */

static int64_t text_bytes(const struct ArrowArray *array, enum layout layout) {
    if (array->length == 0 || array->buffers[1] == NULL) {
        return 0;
    }
    if (layout == LAYOUT_BYTES) {
        const int32_t *offsets = (const int32_t *)array->buffers[1] + array->offset;
        return offsets[array->length] - offsets[0];
    }
    const int64_t *offsets = (const int64_t *)array->buffers[1] + array->offset;
    return offsets[array->length] - offsets[0];
}

static int64_t array_bytes(const struct ArrowArray *array, const struct field *field) {
    enum layout layout = ktki_type_layout(field->type.id);
    int64_t sum = array->length * ((int64_t)ktki_type_width(&field->type) + 1);

    if (layout == LAYOUT_BYTES || layout == LAYOUT_LARGE_BYTES) {
        sum += text_bytes(array, layout) + array->length * (int64_t)sizeof(int64_t);
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        sum += array_bytes(array->children[i], &field->children[i]);
    }
    return sum;
}

void ktki_read_budget_learn(struct read_budget *budget, const struct batch *batch, int64_t rows) {
    int64_t sum = 0;

    for (int32_t i = 0; batch->row_count > 0 && i < batch->schema->field_count; i++) {
        sum += array_bytes(&batch->columns[i], &batch->schema->fields[i]);
    }
    budget->bytes_of_rows = sum;
    budget->rows = rows;
}
