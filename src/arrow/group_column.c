#include "arrow/group_column.h"

#include <assert.h>
#include <math.h>

#include "arrow/cast.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

static bool is_null(const struct key_rows *rows, int64_t i) {
    return ktki_view_is_null(&rows->view, rows->start + i);
}

/* The way a value takes once: out of line, so that the loops below stay small. */
static ktk_status __attribute__((noinline)) add_number(struct key_column *column, uint64_t key,
                                                       const void *raw, size_t width, uint32_t *id,
                                                       ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(&column->raw, raw, width, err));
    KTKI_TRY(ktki_id_table_insert(&column->numbers, key, id, err));
out:
    return status;
}

/* Keys of values: false for what counts as null. Zero of either sign is one key. */
static inline bool key_of_integer(uint64_t value, uint64_t *key) {
    *key = value;
    return true;
}

static inline bool key_of_half(uint16_t value, uint64_t *key) {
    *key = (value & 0x7FFF) == 0 ? 0 : value;
    return (value & 0x7FFF) <= 0x7C00;
}

static inline bool key_of_float(float value, uint64_t *key) {
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    *key = value == 0 ? 0 : bits;
    return !isnan(value);
}

static inline bool key_of_double(double value, uint64_t *key) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    *key = value == 0 ? 0 : bits;
    return !isnan(value);
}

/* Equal neighbours are looked up once. */
#define DEFINE_NUMBER_VALUES(name, type, key_of)                                                   \
    static ktk_status name(struct key_column *column, const struct key_rows *rows, uint32_t *ids,  \
                           ktk_error *err) {                                                       \
        const type *values = (const type *)rows->view.values + rows->view.offset + rows->start;    \
        uint64_t last_key = 0;                                                                     \
        uint32_t last_id = GROUP_ID_NONE;                                                          \
        ktk_status status = KTK_OK;                                                                \
        for (int64_t i = 0; i < rows->count; i++) {                                                \
            uint64_t key;                                                                          \
            if (is_null(rows, i) || !key_of(values[i], &key)) {                                    \
                ids[i] = GROUP_ID_NONE;                                                            \
                continue;                                                                          \
            }                                                                                      \
            if (key != last_key || last_id == GROUP_ID_NONE) {                                     \
                last_key = key;                                                                    \
                last_id = ktki_id_table_find(&column->numbers, key);                               \
                if (last_id == GROUP_ID_NONE) {                                                    \
                    KTKI_TRY(                                                                      \
                        add_number(column, key, &values[i], sizeof(values[i]), &last_id, err));    \
                }                                                                                  \
            }                                                                                      \
            ids[i] = last_id;                                                                      \
        }                                                                                          \
    out:                                                                                           \
        return status;                                                                             \
    }

DEFINE_NUMBER_VALUES(number_8, uint8_t, key_of_integer)
DEFINE_NUMBER_VALUES(number_16, uint16_t, key_of_integer)
DEFINE_NUMBER_VALUES(number_32, uint32_t, key_of_integer)
DEFINE_NUMBER_VALUES(number_64, uint64_t, key_of_integer)
DEFINE_NUMBER_VALUES(number_halves, uint16_t, key_of_half)
DEFINE_NUMBER_VALUES(number_floats, float, key_of_float)
DEFINE_NUMBER_VALUES(number_doubles, double, key_of_double)

static ktk_status number_bools(struct key_column *column, const struct key_rows *rows,
                               uint32_t *ids, ktk_error *err) {
    const uint8_t *bits = rows->view.values;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < rows->count; i++) {
        uint8_t value;
        ids[i] = GROUP_ID_NONE;
        if (is_null(rows, i)) {
            continue;
        }
        value = ktki_bit_get(bits, rows->view.offset + rows->start + i) ? 1 : 0;
        ids[i] = ktki_id_table_find(&column->numbers, value);
        if (ids[i] == GROUP_ID_NONE) {
            KTKI_TRY(add_number(column, value, &value, sizeof(value), &ids[i], err));
        }
    }
out:
    return status;
}

static ktk_status number_nothing(struct key_column *column, const struct key_rows *rows,
                                 uint32_t *ids, ktk_error *err) {
    (void)column;
    (void)err;
    for (int64_t i = 0; i < rows->count; i++) {
        ids[i] = GROUP_ID_NONE;
    }
    return KTK_OK;
}

/* The value before, so that equal neighbours are looked up once. */
struct last_bytes {
    const uint8_t *data;
    size_t size;
    uint32_t id;
};

static inline ktk_status number_one(struct key_column *column, const uint8_t *data, size_t size,
                                    struct last_bytes *last, ktk_error *err) {
    assert(size == 0 || data != NULL);
    if (last->id != GROUP_ID_NONE && last->size == size &&
        (size == 0 || memcmp(last->data, data, size) == 0)) {
        return KTK_OK;
    }
    last->data = data;
    last->size = size;
    return ktki_bytes_table_number(&column->bytes, data, size, &last->id, err);
}

#define DEFINE_NUMBER_TEXTS(name, type)                                                            \
    static ktk_status name(struct key_column *column, const struct key_rows *rows, uint32_t *ids,  \
                           ktk_error *err) {                                                       \
        const type *offsets = (const type *)rows->view.offsets + rows->view.offset + rows->start;  \
        const uint8_t *data = rows->view.values;                                                   \
        struct last_bytes last = {NULL, 0, GROUP_ID_NONE};                                         \
        ktk_status status = KTK_OK;                                                                \
        for (int64_t i = 0; i < rows->count; i++) {                                                \
            if (is_null(rows, i)) {                                                                \
                ids[i] = GROUP_ID_NONE;                                                            \
                continue;                                                                          \
            }                                                                                      \
            KTKI_TRY(number_one(column, data == NULL ? NULL : data + offsets[i],                   \
                                (size_t)(offsets[i + 1] - offsets[i]), &last, err));               \
            ids[i] = last.id;                                                                      \
        }                                                                                          \
    out:                                                                                           \
        return status;                                                                             \
    }

DEFINE_NUMBER_TEXTS(number_texts_32, int32_t)
DEFINE_NUMBER_TEXTS(number_texts_64, int64_t)

/* Views, and fixed widths that fit no integer. */
static ktk_status number_bytes(struct key_column *column, const struct key_rows *rows,
                               uint32_t *ids, ktk_error *err) {
    struct last_bytes last = {NULL, 0, GROUP_ID_NONE};
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < rows->count; i++) {
        const uint8_t *data;
        size_t size;
        if (is_null(rows, i)) {
            ids[i] = GROUP_ID_NONE;
            continue;
        }
        ktki_array_bytes(rows->array, &column->values->type, rows->start + i, &data, &size);
        KTKI_TRY(number_one(column, data, size, &last, err));
        ids[i] = last.id;
    }
out:
    return status;
}

static ktk_status __attribute__((noinline))
number_dictionary_value(struct key_column *column, const struct ArrowArray *dictionary,
                        int64_t index, uint32_t *id, ktk_error *err) {
    struct key_rows value = {.array = dictionary, .start = index, .count = 1};

    ktki_array_view(dictionary, &column->values->type, &value.view);
    return column->number_value(column, &value, id, err);
}

/* Values of a dictionary get their id when a row first has them, in the order of the rows; the
 * others get none. */
#define DEFINE_NUMBER_INDICES(name, type)                                                          \
    static ktk_status name(struct key_column *column, const struct key_rows *rows, uint32_t *ids,  \
                           ktk_error *err) {                                                       \
        const type *indices = (const type *)rows->view.values + rows->view.offset + rows->start;   \
        ktk_status status = KTK_OK;                                                                \
        for (int64_t i = 0; i < rows->count; i++) {                                                \
            if (is_null(rows, i)) {                                                                \
                ids[i] = GROUP_ID_NONE;                                                            \
                continue;                                                                          \
            }                                                                                      \
            if (column->ids[indices[i]] == GROUP_ID_UNKNOWN) {                                     \
                KTKI_TRY(number_dictionary_value(column, rows->array->dictionary,                  \
                                                 (int64_t)indices[i], &column->ids[indices[i]],    \
                                                 err));                                            \
            }                                                                                      \
            ids[i] = column->ids[indices[i]];                                                      \
        }                                                                                          \
    out:                                                                                           \
        return status;                                                                             \
    }

DEFINE_NUMBER_INDICES(number_indices_i8, int8_t)
DEFINE_NUMBER_INDICES(number_indices_i16, int16_t)
DEFINE_NUMBER_INDICES(number_indices_i32, int32_t)
DEFINE_NUMBER_INDICES(number_indices_i64, int64_t)
DEFINE_NUMBER_INDICES(number_indices_u8, uint8_t)
DEFINE_NUMBER_INDICES(number_indices_u16, uint16_t)
DEFINE_NUMBER_INDICES(number_indices_u32, uint32_t)
DEFINE_NUMBER_INDICES(number_indices_u64, uint64_t)

static const key_number_fn index_kernels[TYPE_COUNT] = {
    [TYPE_INT8] = number_indices_i8,    [TYPE_INT16] = number_indices_i16,
    [TYPE_INT32] = number_indices_i32,  [TYPE_INT64] = number_indices_i64,
    [TYPE_UINT8] = number_indices_u8,   [TYPE_UINT16] = number_indices_u16,
    [TYPE_UINT32] = number_indices_u32, [TYPE_UINT64] = number_indices_u64,
};

static key_number_fn fixed_kernel(const struct data_type *type) {
    if (ktki_type_is_float(type->id)) {
        return type->id == TYPE_FLOAT16   ? number_halves
               : type->id == TYPE_FLOAT32 ? number_floats
                                          : number_doubles;
    }
    switch (ktki_type_width(type)) {
    case 1:
        return number_8;
    case 2:
        return number_16;
    case 4:
        return number_32;
    case 8:
        return number_64;
    default:
        return number_bytes;
    }
}

static key_number_fn value_kernel(const struct data_type *type) {
    switch (ktki_type_layout(type->id)) {
    case LAYOUT_NULL:
        return number_nothing;
    case LAYOUT_FIXED:
        return fixed_kernel(type);
    case LAYOUT_BITS:
        return number_bools;
    case LAYOUT_BYTES:
        return number_texts_32;
    case LAYOUT_LARGE_BYTES:
        return number_texts_64;
    case LAYOUT_VIEWS:
        return number_bytes;
    default:
        return NULL;
    }
}

ktk_status ktki_key_column_init(struct key_column *out, ktk_context *context,
                                const struct field *field, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct key_column column = {.context = context, .field = field};
    ktk_status status = KTK_OK;

    column.values = field->dictionary != NULL ? field->dictionary : field;
    column.number_value = value_kernel(&column.values->type);
    column.number =
        field->dictionary != NULL ? index_kernels[field->type.index] : column.number_value;
    ktki_buffer_init(&column.raw, allocator, 0);
    if (column.number_value == NULL) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "rows cannot be grouped by column '%s' of type %s",
                  field->name, ktki_type_name(column.values->type.id));
    }
    KTKI_TRY(ktki_id_table_init(&column.numbers, allocator, err));
    KTKI_TRY(ktki_bytes_table_init(&column.bytes, allocator, err));
    *out = column;
    column = (struct key_column){0};
out:
    ktki_key_column_clear(&column);
    return status;
}

void ktki_key_column_clear(struct key_column *column) {
    if (column->context == NULL) {
        return;
    }
    ktki_id_table_clear(&column->numbers);
    ktki_bytes_table_clear(&column->bytes);
    ktki_buffer_clear(&column->raw);
    ktki_free_array(ktki_context_allocator(column->context), column->ids, column->id_capacity,
                    sizeof(*column->ids));
    *column = (struct key_column){0};
}

/* Ids of another batch's dictionary mean nothing. */
static ktk_status forget_dictionary(struct key_column *column, size_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (count > column->id_capacity) {
        KTKI_TRY(ktki_resize_array(ktki_context_allocator(column->context), &column->ids,
                                   column->id_capacity, count, sizeof(*column->ids), err));
        column->id_capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        column->ids[i] = GROUP_ID_UNKNOWN;
    }
out:
    return status;
}

ktk_status ktki_key_column_begin(struct key_column *column, const struct ArrowArray *array,
                                 struct key_rows *rows, ktk_error *err) {
    *rows = (struct key_rows){.array = array};
    ktki_array_view(array, &column->field->type, &rows->view);
    return column->field->dictionary == NULL
               ? KTK_OK
               : forget_dictionary(column, (size_t)array->dictionary->length, err);
}

static bool has_bytes(const struct key_column *column) {
    return column->number_value == number_bytes || column->number_value == number_texts_32 ||
           column->number_value == number_texts_64;
}

uint32_t ktki_key_column_count(const struct key_column *column) {
    return has_bytes(column) ? column->bytes.hashes.id_count : column->numbers.id_count;
}

/* The values, in whose layout they are kept: texts have 64-bit offsets, whatever their type. */
static struct field kept_field(const struct key_column *column) {
    struct field field = *column->values;

    if (ktki_type_is_text(field.type.id)) {
        field.type = (struct data_type){.id = TYPE_LARGE_STRING};
    } else if (ktki_type_is_binary(field.type.id)) {
        field.type = (struct data_type){.id = TYPE_LARGE_BINARY};
    }
    return field;
}

ktk_status ktki_key_column_take(const struct key_column *column, const int64_t *ids, int64_t count,
                                struct ArrowArray *out, ktk_error *err) {
    const struct field kept = kept_field(column);
    bool is_text = ktki_type_layout(kept.type.id) == LAYOUT_LARGE_BYTES;
    uint8_t bits = 0; /* of the at most two bools */
    const void *buffers[3] = {NULL, column->raw.data, NULL};
    const struct ArrowArray values = {
        .length = ktki_key_column_count(column),
        .n_buffers = is_text ? 3 : 2,
        .buffers = buffers,
    };
    struct ArrowArray taken = {0};
    ktk_status status = KTK_OK;

    if (kept.type.id == TYPE_BOOL) {
        for (size_t i = 0; i < column->raw.size; i++) {
            bits |= (uint8_t)(column->raw.data[i] << i);
        }
        buffers[1] = &bits;
    } else if (has_bytes(column)) {
        buffers[1] = is_text ? column->bytes.offsets.data : column->bytes.data.data;
        buffers[2] = is_text ? column->bytes.data.data : NULL;
    }
    KTKI_TRY(ktki_array_take(&taken, column->context, &kept, &values, ids, count, err));
    KTKI_TRY(ktki_array_cast(out, column->context, &taken, &kept, column->values, err));
out:
    ktki_array_clear(&taken);
    return status;
}
