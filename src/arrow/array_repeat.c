#include "arrow/builder.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/* A repetition under way; buffers are filled layout by layout. */
struct repeat {
    ktk_context *context;
    const struct field *field;
    const struct ArrowArray *array;
    int64_t row;
    int64_t length;
    struct array_buffer buffers[4];
    int32_t buffer_count;
    struct ArrowArray dictionary;
};

static ktk_status allocate(struct repeat *repeat, int32_t index, size_t count, size_t element_size,
                           ktk_error *err) {
    struct array_buffer *buffer = &repeat->buffers[index];
    ktk_status status = ktki_alloc_array(ktki_context_allocator(repeat->context), count,
                                         element_size, &buffer->data, err);

    if (status == KTK_OK) {
        buffer->size = count * element_size;
    }
    return status;
}

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

static ktk_status repeat_fixed(struct repeat *repeat, ktk_error *err) {
    size_t width = ktki_type_width(&repeat->field->type);
    const uint8_t *value;
    ktk_status status = KTK_OK;

    repeat->buffer_count = 2;
    KTKI_TRY(allocate(repeat, 1, (size_t)repeat->length, width, err));
    if (width > 0) {
        value = (const uint8_t *)repeat->array->buffers[1] +
                (size_t)(repeat->array->offset + repeat->row) * width;
        fill(repeat->buffers[1].data, value, width, (size_t)repeat->length);
    }
out:
    return status;
}

/* All rows share the one value that is left in the dictionary. */
static ktk_status repeat_dictionary(struct repeat *repeat, ktk_error *err) {
    int64_t index = ktki_dictionary_index(repeat->array->buffers[1], repeat->field->type.index,
                                          repeat->array->offset + repeat->row);
    size_t size;
    ktk_status status = KTK_OK;

    repeat->buffer_count = 2;
    KTKI_TRY(
        allocate(repeat, 1, (size_t)repeat->length, ktki_type_width(&repeat->field->type), err));
    size = repeat->buffers[1].size;
    memset(repeat->buffers[1].data, 0, size);
    KTKI_TRY(ktki_array_repeat(&repeat->dictionary, repeat->context, repeat->field->dictionary,
                               repeat->array->dictionary, index, 1, err));
out:
    return status;
}

static ktk_status repeat_bits(struct repeat *repeat, ktk_error *err) {
    bool value = ktki_bit_get(repeat->array->buffers[1], repeat->array->offset + repeat->row);
    ktk_status status = KTK_OK;

    repeat->buffer_count = 2;
    KTKI_TRY(allocate(repeat, 1, ktki_bits_size(repeat->length), 1, err));
    memset(repeat->buffers[1].data, value ? 0xFF : 0, repeat->buffers[1].size);
out:
    return status;
}

static ktk_status repeat_bytes(struct repeat *repeat, ktk_error *err) {
    bool is_large = ktki_type_layout(repeat->field->type.id) == LAYOUT_LARGE_BYTES;
    size_t rows = (size_t)repeat->length;
    const uint8_t *data;
    size_t size;
    size_t total;
    ktk_status status = KTK_OK;

    ktki_array_bytes(repeat->array, &repeat->field->type, repeat->row, &data, &size);
    if (!ktki_mul_size(rows, size, &total) || total > (is_large ? INT64_MAX : INT32_MAX)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a column of type %s cannot hold %zu values of %zu bytes",
                  ktki_type_name(repeat->field->type.id), rows, size);
    }
    repeat->buffer_count = 3;
    KTKI_TRY(allocate(repeat, 1, rows + 1, is_large ? 8 : 4, err));
    KTKI_TRY(allocate(repeat, 2, total, 1, err));
    for (size_t i = 0; is_large && i <= rows; i++) {
        ((int64_t *)repeat->buffers[1].data)[i] = (int64_t)(i * size);
    }
    for (size_t i = 0; !is_large && i <= rows; i++) {
        ((int32_t *)repeat->buffers[1].data)[i] = (int32_t)(i * size);
    }
    fill(repeat->buffers[2].data, data, size, rows);
out:
    return status;
}

/* All views look at the same bytes. */
static ktk_status repeat_views(struct repeat *repeat, ktk_error *err) {
    uint8_t view[16] = {0};
    const uint8_t *data;
    size_t size;
    int32_t length;
    int64_t data_size;
    ktk_status status = KTK_OK;

    ktki_array_bytes(repeat->array, &repeat->field->type, repeat->row, &data, &size);
    length = (int32_t)size;
    data_size = (int64_t)size;
    memcpy(view, &length, sizeof(length));
    memcpy(view + 4, data, size <= 12 ? size : 4);
    repeat->buffer_count = 4;
    KTKI_TRY(allocate(repeat, 1, (size_t)repeat->length, sizeof(view), err));
    fill(repeat->buffers[1].data, view, sizeof(view), (size_t)repeat->length);
    KTKI_TRY(allocate(repeat, 2, size, 1, err));
    if (size > 0) {
        memcpy(repeat->buffers[2].data, data, size);
    }
    KTKI_TRY(allocate(repeat, 3, 1, sizeof(data_size), err));
    memcpy(repeat->buffers[3].data, &data_size, sizeof(data_size));
out:
    return status;
}

typedef ktk_status (*repeat_fn)(struct repeat *repeat, ktk_error *err);

static const repeat_fn repeats[LAYOUT_COUNT] = {
    [LAYOUT_FIXED] = repeat_fixed, [LAYOUT_BITS] = repeat_bits,
    [LAYOUT_BYTES] = repeat_bytes, [LAYOUT_LARGE_BYTES] = repeat_bytes,
    [LAYOUT_VIEWS] = repeat_views,
};

static bool is_null(const struct field *field, const struct ArrowArray *array, int64_t row) {
    struct array_view view;

    ktki_array_view(array, &field->type, &view);
    return field->type.id == TYPE_NULL || ktki_view_is_null(&view, row);
}

ktk_status ktki_array_repeat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *array, int64_t row,
                             int64_t length, ktk_error *err) {
    struct repeat repeat = {context, field, array, row, length, {{NULL, 0}}, 0, {0}};
    bool is_dictionary = field->type.id == TYPE_DICTIONARY;
    repeat_fn fn = is_dictionary ? repeat_dictionary : repeats[ktki_type_layout(field->type.id)];
    ktk_status status = KTK_OK;

    if (is_null(field, array, row)) {
        return ktki_array_nulls(out, context, field, length, err);
    }
    if (fn == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "values of type %s cannot be repeated",
                  ktki_type_name(field->type.id));
    }
    KTKI_TRY(fn(&repeat, err));
    KTKI_TRY(ktki_array_wrap(out, context, length, 0, repeat.buffers, repeat.buffer_count, NULL, 0,
                             is_dictionary ? &repeat.dictionary : NULL, err));
    memset(repeat.buffers, 0, sizeof(repeat.buffers));
out:
    for (int32_t i = 0; i < 4; i++) {
        ktki_free_array(ktki_context_allocator(context), repeat.buffers[i].data,
                        repeat.buffers[i].size, 1);
    }
    ktki_array_clear(&repeat.dictionary);
    return status;
}
