#include "arrow/builder.h"

#include <assert.h>
#include <math.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"

/* A value on its way into a builder: what the caller gave, before it is checked against the type.
 */
union number {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
};

/* What the integers of a type may be; types that take no integers have `maximum` 0. */
struct integer_range {
    int64_t minimum;
    uint64_t maximum;
};

static const struct integer_range integer_ranges[TYPE_COUNT] = {
    [TYPE_BOOL] = {0, 1},
    [TYPE_INT8] = {INT8_MIN, INT8_MAX},
    [TYPE_INT16] = {INT16_MIN, INT16_MAX},
    [TYPE_INT32] = {INT32_MIN, INT32_MAX},
    [TYPE_INT64] = {INT64_MIN, INT64_MAX},
    [TYPE_UINT8] = {0, UINT8_MAX},
    [TYPE_UINT16] = {0, UINT16_MAX},
    [TYPE_UINT32] = {0, UINT32_MAX},
    [TYPE_UINT64] = {0, UINT64_MAX},
    [TYPE_DATE32] = {INT32_MIN, INT32_MAX},
    [TYPE_DATE64] = {INT64_MIN, INT64_MAX},
    [TYPE_TIME32] = {INT32_MIN, INT32_MAX},
    [TYPE_TIME64] = {INT64_MIN, INT64_MAX},
    [TYPE_TIMESTAMP] = {INT64_MIN, INT64_MAX},
    [TYPE_DURATION] = {INT64_MIN, INT64_MAX},
};

static bool is_buildable(const struct field *field) {
    switch (ktki_type_layout(field->type.id)) {
    case LAYOUT_NULL:
    case LAYOUT_BITS:
    case LAYOUT_BYTES:
    case LAYOUT_LARGE_BYTES:
        return true;
    case LAYOUT_FIXED:
        return field->type.id != TYPE_DICTIONARY && field->type.id != TYPE_INTERVAL;
    case LAYOUT_LIST:
    case LAYOUT_LARGE_LIST:
        return field->type.id != TYPE_MAP && !ktki_type_is_nested(field->children[0].type.id) &&
               is_buildable(&field->children[0]);
    default:
        return false;
    }
}

static size_t offset_width(const struct array_builder *builder) {
    switch (ktki_type_layout(builder->field->type.id)) {
    case LAYOUT_BYTES:
    case LAYOUT_LIST:
        return 4;
    case LAYOUT_LARGE_BYTES:
    case LAYOUT_LARGE_LIST:
        return 8;
    default:
        return 0;
    }
}

static void init_empty(struct array_builder *out, ktk_context *context, const struct field *field) {
    const ktk_allocator *allocator = ktki_context_allocator(context);

    *out = (struct array_builder){.context = context, .field = field};
    ktki_buffer_init(&out->validity, allocator, 0);
    ktki_buffer_init(&out->values, allocator, 0);
    ktki_buffer_init(&out->offsets, allocator, 0);
}

ktk_status ktki_builder_init(struct array_builder *out, ktk_context *context,
                             const struct field *field, ktk_error *err) {
    struct array_builder builder = {0};
    ktk_status status = KTK_OK;

    if (!is_buildable(field)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "arrays of type %s cannot be built value by value",
                  ktki_type_name(field->type.id));
    }
    init_empty(&builder, context, field);
    if (ktki_type_is_nested(field->type.id)) {
        KTKI_TRY(KTKI_NEW(ktki_context_allocator(context), &builder.item, err));
        init_empty(builder.item, context, &field->children[0]);
    }
    *out = builder;
out:
    return status;
}

void ktki_builder_clear(struct array_builder *builder) {
    if (builder->context == NULL) {
        return;
    }
    ktki_buffer_clear(&builder->validity);
    ktki_buffer_clear(&builder->values);
    ktki_buffer_clear(&builder->offsets);
    if (builder->item != NULL) {
        ktki_builder_clear(builder->item);
        KTKI_DELETE(ktki_context_allocator(builder->context), builder->item);
    }
    *builder = (struct array_builder){0};
}

struct array_builder *ktki_builder_item(struct array_builder *builder) {
    return builder->item;
}

/* Room for one more row, so that what follows cannot fail half-way. `value_size` bytes of values.
 */
static ktk_status reserve_row(struct array_builder *builder, size_t value_size, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_reserve(&builder->validity, 1, err));
    KTKI_TRY(ktki_buffer_reserve(&builder->values, value_size, err));
    if (offset_width(builder) > 0) {
        KTKI_TRY(ktki_buffer_reserve(&builder->offsets, 2 * sizeof(int64_t), err));
    }
out:
    return status;
}

/* The three below write into room that reserve_row() made. */
static void put_bit(struct buffer *bits, int64_t index, bool value) {
    if ((index & 7) == 0) {
        bits->data[bits->size++] = 0;
    }
    if (value) {
        ktki_bit_set(bits->data, index);
    }
}

static void put_bytes(struct buffer *out, const void *data, size_t size) {
    if (size > 0) {
        memcpy(out->data + out->size, data, size);
        out->size += size;
    }
}

static void put_offset(struct array_builder *builder, int64_t end) {
    size_t width = offset_width(builder);

    if (builder->offsets.size == 0) {
        const int64_t zero = 0;
        put_bytes(&builder->offsets, &zero, width);
    }
    put_bytes(&builder->offsets, &end, width); /* little-endian: the low half is a 32-bit offset */
}

static void put_row(struct array_builder *builder, bool is_valid) {
    put_bit(&builder->validity, builder->length, is_valid);
    builder->null_count += is_valid ? 0 : 1;
    builder->length++;
}

ktk_status ktki_builder_append_null(struct array_builder *builder, ktk_error *err) {
    enum layout layout = ktki_type_layout(builder->field->type.id);
    size_t width = layout == LAYOUT_BITS ? 1 : ktki_type_width(&builder->field->type);
    ktk_status status = KTK_OK;

    KTKI_TRY(reserve_row(builder, width, err));
    if (layout == LAYOUT_BITS) {
        put_bit(&builder->values, builder->length, false);
    } else if (layout == LAYOUT_FIXED && width > 0) {
        memset(builder->values.data + builder->values.size, 0, width);
        builder->values.size += width;
    } else if (builder->item != NULL) {
        put_offset(builder, builder->item->length);
    } else if (offset_width(builder) > 0) {
        put_offset(builder, (int64_t)builder->values.size);
    }
    put_row(builder, false);
out:
    return status;
}

static ktk_status append_number(struct array_builder *builder, const union number *number,
                                ktk_error *err) {
    bool is_bool = builder->field->type.id == TYPE_BOOL;
    size_t width = is_bool ? 1 : ktki_type_width(&builder->field->type);
    ktk_status status = KTK_OK;

    KTKI_TRY(reserve_row(builder, width, err));
    if (is_bool) {
        put_bit(&builder->values, builder->length, number->u8 != 0);
    } else {
        put_bytes(&builder->values, number, width);
    }
    put_row(builder, true);
out:
    return status;
}

static ktk_status refuse_number(const struct array_builder *builder, const char *text,
                                ktk_error *err) {
    return ktk_error_set(err, KTK_E_INVALID, "'%s' does not fit into a column of type %s", text,
                         ktki_type_name(builder->field->type.id));
}

ktk_status ktki_builder_append_i64(struct array_builder *builder, int64_t value, ktk_error *err) {
    const struct integer_range *range = &integer_ranges[builder->field->type.id];
    const union number number = {.i64 = value};
    char text[KTKI_NUMBER_TEXT_MAX];

    if (range->maximum == 0 || value < range->minimum ||
        (value > 0 && (uint64_t)value > range->maximum)) {
        (void)ktki_format_i64(value, text);
        return refuse_number(builder, text, err);
    }
    return append_number(builder, &number, err);
}

ktk_status ktki_builder_append_u64(struct array_builder *builder, uint64_t value, ktk_error *err) {
    const struct integer_range *range = &integer_ranges[builder->field->type.id];
    const union number number = {.u64 = value};
    char text[KTKI_NUMBER_TEXT_MAX];

    if (range->maximum == 0 || value > range->maximum) {
        (void)ktki_format_u64(value, text);
        return refuse_number(builder, text, err);
    }
    return append_number(builder, &number, err);
}

/* `value` divided by 2^shift, rounded half to even. */
static uint64_t shift_round(uint64_t value, unsigned shift) {
    uint64_t half = (uint64_t)1 << (shift - 1);
    uint64_t rest = value & (2 * half - 1);
    uint64_t result = value >> shift;

    return result + (rest > half || (rest == half && (result & 1) != 0) ? 1 : 0);
}

/* The nearest half-precision float, infinite beyond the largest. */
static uint16_t half_of(double value) {
    uint64_t bits;
    uint64_t mantissa;
    unsigned sign;
    int exponent;

    memcpy(&bits, &value, sizeof(bits));
    sign = (unsigned)(bits >> 63) << 15;
    exponent = (int)(bits >> 52 & 0x7FF) - 1023 + 15;
    mantissa = bits & (((uint64_t)1 << 52) - 1);
    if (isnan(value)) {
        return (uint16_t)(sign | 0x7E00);
    }
    if (exponent >= 31) {
        return (uint16_t)(sign | 0x7C00);
    }
    if (exponent > 0) { /* a carry out of the mantissa moves on into the exponent */
        return (uint16_t)(sign + ((unsigned)exponent << 10) + (unsigned)shift_round(mantissa, 42));
    }
    if (exponent < -10) {
        return (uint16_t)sign;
    }
    mantissa |= (uint64_t)1 << 52;
    return (uint16_t)(sign + (unsigned)shift_round(mantissa, (unsigned)(43 - exponent)));
}

ktk_status ktki_builder_append_f64(struct array_builder *builder, double value, ktk_error *err) {
    union number number = {.f64 = value};
    bool is_kept = true;
    char text[KTKI_NUMBER_TEXT_MAX];

    switch (builder->field->type.id) {
    case TYPE_FLOAT16:
        number.u16 = half_of(value);
        is_kept = isinf(value) || (number.u16 & 0x7FFF) != 0x7C00;
        break;
    case TYPE_FLOAT32:
        number.f32 = (float)value;
        is_kept = isinf(value) || !isinf(number.f32);
        break;
    case TYPE_FLOAT64:
        break;
    default:
        is_kept = false;
        break;
    }
    if (!is_kept) {
        (void)ktki_format_f64(value, text);
        return refuse_number(builder, text, err);
    }
    return append_number(builder, &number, err);
}

static bool takes_bytes(enum type_id id) {
    return id == TYPE_FIXED_BINARY || id == TYPE_DECIMAL128 || id == TYPE_DECIMAL256 ||
           ktki_type_layout(id) == LAYOUT_BYTES || ktki_type_layout(id) == LAYOUT_LARGE_BYTES;
}

static ktk_status check_end(const struct array_builder *builder, size_t end, ktk_error *err) {
    if (offset_width(builder) == 4 && end > INT32_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "a column of type %s cannot hold %zu bytes or items",
                             ktki_type_name(builder->field->type.id), end);
    }
    return KTK_OK;
}

ktk_status ktki_builder_append_bytes(struct array_builder *builder, const void *data, size_t size,
                                     ktk_error *err) {
    const struct data_type *type = &builder->field->type;
    size_t end;
    ktk_status status = KTK_OK;

    if (!takes_bytes(type->id)) {
        KTKI_FAIL(err, KTK_E_INVALID, "text does not fit into a column of type %s",
                  ktki_type_name(type->id));
    }
    if (ktki_type_layout(type->id) == LAYOUT_FIXED && size != ktki_type_width(type)) {
        KTKI_FAIL(err, KTK_E_INVALID, "%zu bytes do not fit into values of %zu bytes", size,
                  ktki_type_width(type));
    }
    if (!ktki_add_size(builder->values.size, size, &end)) {
        end = SIZE_MAX;
    }
    KTKI_TRY(check_end(builder, end, err));
    KTKI_TRY(reserve_row(builder, size, err));
    put_bytes(&builder->values, data, size);
    if (offset_width(builder) > 0) {
        put_offset(builder, (int64_t)end);
    }
    put_row(builder, true);
out:
    return status;
}

ktk_status ktki_builder_end_list(struct array_builder *builder, ktk_error *err) {
    ktk_status status = KTK_OK;

    assert(builder->item != NULL);
    KTKI_TRY(check_end(builder, (size_t)builder->item->length, err));
    KTKI_TRY(reserve_row(builder, 0, err));
    put_offset(builder, builder->item->length);
    put_row(builder, true);
out:
    return status;
}

/* Its memory belongs to somebody else now. */
static void forget(struct buffer *buffer) {
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
}

/* Buffers that a layout has are there even if they are empty: some readers expect that. */
static ktk_status complete_buffers(struct array_builder *builder, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_reserve(&builder->values, 1, err));
    if (offset_width(builder) > 0 && builder->offsets.size == 0) {
        KTKI_TRY(ktki_buffer_append_zeros(&builder->offsets, offset_width(builder), err));
    }
out:
    return status;
}

ktk_status ktki_builder_finish(struct array_builder *builder, struct ArrowArray *out,
                               ktk_error *err) {
    enum layout layout = ktki_type_layout(builder->field->type.id);
    struct array_buffer buffers[3] = {{NULL, 0}};
    struct buffer *sources[3] = {&builder->validity, &builder->values, NULL};
    int32_t buffer_count = layout == LAYOUT_NULL ? 0 : 2;
    struct ArrowArray child = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(complete_buffers(builder, err));
    if (builder->item != NULL) {
        KTKI_TRY(ktki_builder_finish(builder->item, &child, err));
        sources[1] = &builder->offsets;
    } else if (offset_width(builder) > 0) {
        sources[1] = &builder->offsets;
        sources[2] = &builder->values;
        buffer_count = 3;
    }
    for (int32_t i = 0; i < buffer_count; i++) {
        buffers[i] = (struct array_buffer){sources[i]->data, sources[i]->capacity};
    }
    if (builder->null_count == 0) {
        buffers[0] = (struct array_buffer){NULL, 0};
    }
    KTKI_TRY(ktki_array_wrap(out, builder->context, builder->length, builder->null_count, buffers,
                             buffer_count, &child, builder->item != NULL ? 1 : 0, NULL, err));
    for (int32_t i = builder->null_count == 0 ? 1 : 0; i < buffer_count; i++) {
        forget(sources[i]);
    }
    ktki_buffer_clear(&builder->validity);
    ktki_buffer_clear(&builder->values);
    ktki_buffer_clear(&builder->offsets);
    builder->length = 0;
    builder->null_count = 0;
out:
    ktki_array_clear(&child);
    return status;
}
