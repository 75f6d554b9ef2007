#include "arrow/array_parts.h"
#include "base/checked.h"
#include "base/error.h"

/* Bytes of the buffer behind the validity, which is all zero: values, views or offsets. */
static ktk_status allocate_values(struct array_parts *parts, ktk_error *err) {
    enum layout layout = ktki_type_layout(parts->field->type.id);
    size_t rows = (size_t)parts->length;

    switch (layout) {
    case LAYOUT_FIXED:
        return ktki_parts_allocate_zeroed(parts, 1, rows, ktki_type_width(&parts->field->type),
                                          err);
    case LAYOUT_BITS:
        return ktki_parts_allocate_zeroed(parts, 1, ktki_bits_size(parts->length), 1, err);
    case LAYOUT_BYTES:
    case LAYOUT_LIST:
        return ktki_parts_allocate_zeroed(parts, 1, rows + 1, sizeof(int32_t), err);
    case LAYOUT_LARGE_BYTES:
    case LAYOUT_LARGE_LIST:
        return ktki_parts_allocate_zeroed(parts, 1, rows + 1, sizeof(int64_t), err);
    case LAYOUT_VIEWS:
        parts->buffer_count = 3; /* no data buffers, hence an empty list of their sizes */
        return ktki_parts_allocate_zeroed(parts, 1, rows, 16, err);
    default:
        return KTK_OK;
    }
}

/* Rows of the children: only structs and fixed lists keep room for their null rows. */
static ktk_status child_length(const struct field *field, int64_t length, int64_t *out,
                               ktk_error *err) {
    int64_t width = field->type.id == TYPE_STRUCT       ? 1
                    : field->type.id == TYPE_FIXED_LIST ? field->type.width
                                                        : 0;

    if (!ktki_mul_i64(length, width, out)) {
        return ktk_error_set(err, KTK_E_LIMIT, "%lld lists of %d items do not fit in memory",
                             (long long)length, field->type.width);
    }
    return KTK_OK;
}

ktk_status ktki_array_nulls(struct ArrowArray *out, ktk_context *context, const struct field *field,
                            int64_t length, ktk_error *err) {
    struct array_parts parts = {0};
    int64_t items = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(child_length(field, length, &items, err));
    KTKI_TRY(ktki_parts_init(&parts, context, field, length, err));
    parts.null_count = length;
    if (parts.buffer_count > 0) {
        KTKI_TRY(ktki_parts_allocate_zeroed(&parts, 0, ktki_bits_size(length), 1, err));
    }
    KTKI_TRY(allocate_values(&parts, err));
    if (parts.buffer_count > 2) {
        KTKI_TRY(ktki_parts_allocate(&parts, 2, 0, 1, err));
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        KTKI_TRY(ktki_array_nulls(&parts.children[i], context, &field->children[i], items, err));
    }
    if (field->dictionary != NULL) {
        KTKI_TRY(ktki_array_nulls(&parts.dictionary, context, field->dictionary, 0, err));
    }
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    return status;
}
