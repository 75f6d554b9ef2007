#include "arrow/array_parts.h"
#include "arrow/builder.h"
#include "base/checked.h"
#include "base/error.h"

/* The value that is repeated. */
struct repeated {
    const struct field *field;
    const struct ArrowArray *array;
    int64_t row;
};

/* `count` copies of `size` bytes, by copying what is there already. */
static void fill(uint8_t *out, const void *value, size_t size, size_t count) {
    size_t total = size * count;

    if (total == 0) {
        return;
    }
    memcpy(out, value, size);
    for (size_t done = size; done < total; done *= 2) {
        memcpy(out + done, out, done < total - done ? done : total - done);
    }
}

static ktk_status repeat_fixed(struct array_parts *parts, const struct repeated *repeated,
                               ktk_error *err) {
    size_t rows = (size_t)parts->length;
    const uint8_t *value;
    size_t width;
    ktk_status status = KTK_OK;

    ktki_array_bytes(repeated->array, &repeated->field->type, repeated->row, &value, &width);
    KTKI_TRY(ktki_parts_allocate(parts, 1, rows, width, err));
    fill(parts->buffers[1].data, value, width, rows);
out:
    return status;
}

/* All rows share the one value that is left in the dictionary. */
static ktk_status repeat_dictionary(struct array_parts *parts, const struct repeated *repeated,
                                    ktk_error *err) {
    const struct data_type *type = &repeated->field->type;
    int64_t index = ktki_dictionary_index(repeated->array->buffers[1], type->index,
                                          repeated->array->offset + repeated->row);
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_parts_allocate_zeroed(parts, 1, (size_t)parts->length, ktki_type_width(type), err));
    KTKI_TRY(ktki_array_repeat(&parts->dictionary, parts->context, repeated->field->dictionary,
                               repeated->array->dictionary, index, 1, err));
out:
    return status;
}

static ktk_status repeat_bits(struct array_parts *parts, const struct repeated *repeated,
                              ktk_error *err) {
    bool value = ktki_bit_get(repeated->array->buffers[1], repeated->array->offset + repeated->row);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate_zeroed(parts, 1, ktki_bits_size(parts->length), 1, err));
    ktki_bits_fill(parts->buffers[1].data, 0, parts->length, value);
out:
    return status;
}

static ktk_status repeat_bytes(struct array_parts *parts, const struct repeated *repeated,
                               ktk_error *err) {
    bool is_large = ktki_type_layout(repeated->field->type.id) == LAYOUT_LARGE_BYTES;
    size_t rows = (size_t)parts->length;
    const uint8_t *data;
    size_t size;
    size_t total;
    ktk_status status = KTK_OK;

    ktki_array_bytes(repeated->array, &repeated->field->type, repeated->row, &data, &size);
    if (!ktki_mul_size(rows, size, &total) ||
        total > (is_large ? (size_t)PTRDIFF_MAX : INT32_MAX)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a column of type %s cannot hold %zu values of %zu bytes",
                  ktki_type_name(repeated->field->type.id), rows, size);
    }
    KTKI_TRY(ktki_parts_allocate(parts, 1, rows + 1, is_large ? 8 : 4, err));
    for (size_t i = 0; is_large && i <= rows; i++) {
        ((int64_t *)parts->buffers[1].data)[i] = (int64_t)(i * size);
    }
    for (size_t i = 0; !is_large && i <= rows; i++) {
        ((int32_t *)parts->buffers[1].data)[i] = (int32_t)(i * size);
    }
    KTKI_TRY(ktki_parts_allocate(parts, 2, total, 1, err));
    fill(parts->buffers[2].data, data, size, rows);
out:
    return status;
}

/* All views look at the same bytes. */
static ktk_status repeat_views(struct array_parts *parts, const struct repeated *repeated,
                               ktk_error *err) {
    uint8_t view[16] = {0};
    const uint8_t *data;
    size_t size;
    int32_t length;
    ktk_status status = KTK_OK;

    ktki_array_bytes(repeated->array, &repeated->field->type, repeated->row, &data, &size);
    length = (int32_t)size;
    memcpy(view, &length, sizeof(length));
    memcpy(view + 4, data, size <= 12 ? size : 4);
    KTKI_TRY(ktki_parts_allocate(parts, 1, (size_t)parts->length, sizeof(view), err));
    fill(parts->buffers[1].data, view, sizeof(view), (size_t)parts->length);
    KTKI_TRY(ktki_parts_allocate(parts, 2, size, 1, err));
    memcpy(parts->buffers[2].data, data, size);
    KTKI_TRY(ktki_parts_allocate(parts, 3, 1, sizeof(int64_t), err));
    *(int64_t *)parts->buffers[3].data = (int64_t)size;
out:
    return status;
}

typedef ktk_status (*repeat_fn)(struct array_parts *parts, const struct repeated *repeated,
                                ktk_error *err);

static const repeat_fn repeats[LAYOUT_COUNT] = {
    [LAYOUT_FIXED] = repeat_fixed, [LAYOUT_BITS] = repeat_bits,
    [LAYOUT_BYTES] = repeat_bytes, [LAYOUT_LARGE_BYTES] = repeat_bytes,
    [LAYOUT_VIEWS] = repeat_views,
};

static bool is_null(const struct repeated *repeated) {
    struct array_view view;

    ktki_array_view(repeated->array, &repeated->field->type, &view);
    return repeated->field->type.id == TYPE_NULL || ktki_view_is_null(&view, repeated->row);
}

ktk_status ktki_array_repeat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *array, int64_t row,
                             int64_t length, ktk_error *err) {
    const struct repeated repeated = {field, array, row};
    struct array_parts parts = {0};
    repeat_fn fn = field->type.id == TYPE_DICTIONARY ? repeat_dictionary
                                                     : repeats[ktki_type_layout(field->type.id)];
    ktk_status status = KTK_OK;

    if (is_null(&repeated)) {
        return ktki_array_nulls(out, context, field, length, err);
    }
    if (fn == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "values of type %s cannot be repeated",
                  ktki_type_name(field->type.id));
    }
    KTKI_TRY(ktki_parts_init(&parts, context, field, length, err));
    KTKI_TRY(fn(&parts, &repeated, err));
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    return status;
}
