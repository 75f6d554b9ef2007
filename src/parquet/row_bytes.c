#include "parquet/row_bytes.h"

#include <string.h>

#include "arrow/array_views.h"

#define NUMBER_BYTES_MIN 4
#define SHORT_VIEW_MAX 12 /* bytes that lie within a view */

/* Rows of an array, which is of the type of `field`. */
struct rows {
    const struct field *field;
    const struct ArrowArray *array;
    int64_t start;
    int64_t count;
};

static int64_t fixed_bytes(const struct rows *rows) {
    int64_t width = (int64_t)ktki_type_width(&rows->field->type);

    return rows->count * (width < NUMBER_BYTES_MIN ? NUMBER_BYTES_MIN : width);
}

static int64_t view_bytes(const struct rows *rows, const struct array_view *view) {
    const uint8_t *views = view->values;
    int64_t bytes = rows->count * VIEW_SIZE;

    for (int64_t row = rows->start; row < rows->start + rows->count; row++) {
        int32_t size;

        memcpy(&size, views + (view->offset + row) * VIEW_SIZE, sizeof(size));
        if (size > SHORT_VIEW_MAX && !ktki_view_is_null(view, row)) {
            bytes += size;
        }
    }
    return bytes;
}

static int64_t offset_at(const struct array_view *view, size_t width, int64_t row) {
    return width == sizeof(int32_t) ? ((const int32_t *)view->offsets)[view->offset + row]
                                    : ((const int64_t *)view->offsets)[view->offset + row];
}

static int64_t bytes_of(const struct rows *rows);

static int64_t bytes_of_child(const struct rows *rows, int64_t child, int64_t start,
                              int64_t count) {
    struct rows items = {&rows->field->children[child], rows->array->children[child], start, count};

    return bytes_of(&items);
}

static int64_t struct_bytes(const struct rows *rows, const struct array_view *view) {
    int64_t bytes = 0;

    for (int64_t i = 0; i < rows->array->n_children; i++) {
        bytes += bytes_of_child(rows, i, view->offset + rows->start, rows->count);
    }
    return bytes;
}

/* Texts and lists have offsets; those of lists count items. */
static int64_t offset_bytes(const struct rows *rows, const struct array_view *view, size_t width,
                            bool is_list) {
    int64_t first = offset_at(view, width, rows->start);
    int64_t length = offset_at(view, width, rows->start + rows->count) - first;

    return rows->count * (int64_t)width +
           (is_list ? bytes_of_child(rows, 0, first, length) : length);
}

static int64_t bytes_of(const struct rows *rows) {
    enum layout layout = ktki_type_layout(rows->field->type.id);
    int64_t width = rows->field->type.width;
    struct array_view view;

    if (rows->count == 0) {
        return 0; /* there may be no buffers */
    }
    ktki_array_view(rows->array, &rows->field->type, &view);
    switch (layout) {
    case LAYOUT_FIXED:
        return fixed_bytes(rows);
    case LAYOUT_BITS:
        return rows->count;
    case LAYOUT_BYTES:
        return offset_bytes(rows, &view, sizeof(int32_t), false);
    case LAYOUT_LARGE_BYTES:
        return offset_bytes(rows, &view, sizeof(int64_t), false);
    case LAYOUT_VIEWS:
        return view_bytes(rows, &view);
    case LAYOUT_LIST:
        return offset_bytes(rows, &view, sizeof(int32_t), true);
    case LAYOUT_LARGE_LIST:
        return offset_bytes(rows, &view, sizeof(int64_t), true);
    case LAYOUT_FIXED_LIST:
        return bytes_of_child(rows, 0, (view.offset + rows->start) * width, rows->count * width);
    case LAYOUT_STRUCT:
        return struct_bytes(rows, &view);
    case LAYOUT_NULL:
    case LAYOUT_COUNT:
        break;
    }
    return 0;
}

int64_t ktki_row_bytes(const struct batch *batch, int64_t start, int64_t count) {
    int64_t bytes = 0;

    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        struct rows rows = {&batch->schema->fields[i], &batch->columns[i], start, count};

        bytes += bytes_of(&rows);
    }
    return bytes;
}

int64_t ktki_rows_of_bytes(const struct batch *batch, int64_t start, int64_t count, int64_t bytes) {
    int64_t low = 0; /* too few */
    int64_t high = count;

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (ktki_row_bytes(batch, start, middle) >= bytes) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}
