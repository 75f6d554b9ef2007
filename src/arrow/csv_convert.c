#include "arrow/csv_column.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"

static bool has_text(enum csv_type type) {
    return type == CSV_STRING || type == CSV_BINARY;
}

static size_t validity_size(const struct csv_builder *builder) {
    return ktki_bits_size(builder->capacity);
}

/* Bytes of the values: bits for bool. */
static size_t values_size(const struct csv_builder *builder) {
    const struct data_type type = ktki_csv_data_type(builder->type);

    return type.id == TYPE_BOOL ? ktki_bits_size(builder->capacity)
                                : (size_t)builder->capacity * ktki_type_width(&type);
}

ktk_status ktki_csv_builder_init(struct csv_builder *out, ktk_context *context, enum csv_type type,
                                 int64_t capacity, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_status status = KTK_OK;
    struct csv_builder builder = {.context = context, .type = type, .capacity = capacity};

    ktki_buffer_init(&builder.text, allocator, INT32_MAX);
    KTKI_TRY(ktki_alloc_zeroed(allocator, validity_size(&builder), 1, &builder.validity, err));
    if (has_text(type)) {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)capacity + 1, sizeof(int32_t),
                                  &builder.offsets, err));
        builder.offsets[0] = 0;
    } else {
        KTKI_TRY(ktki_alloc_zeroed(allocator, values_size(&builder), 1, &builder.values, err));
    }
    *out = builder;
    builder = (struct csv_builder){0};
out:
    ktki_csv_builder_clear(&builder);
    return status;
}

void ktki_csv_builder_clear(struct csv_builder *builder) {
    if (builder->context != NULL) {
        const ktk_allocator *allocator = ktki_context_allocator(builder->context);

        ktki_free_array(allocator, builder->validity, validity_size(builder), 1);
        ktki_free_array(allocator, builder->values, values_size(builder), 1);
        ktki_free_array(allocator, builder->offsets, (size_t)builder->capacity + 1,
                        sizeof(int32_t));
        ktki_buffer_clear(&builder->text);
    }
    *builder = (struct csv_builder){0};
}

/* Store a value that is not null at `row`. The inference has seen that the text has the type. */

static inline void put_bool(struct csv_builder *builder, int64_t row,
                            const struct csv_field *field) {
    if ((field->data[0] | 0x20) == 't') {
        ktki_bit_set(builder->values, row);
    }
}

static inline void put_i64(struct csv_builder *builder, int64_t row,
                           const struct csv_field *field) {
    (void)ktki_csv_parse_i64(field, &((int64_t *)(void *)builder->values)[row]);
}

static inline int64_t narrow(const struct csv_field *field) {
    int64_t value = 0;

    (void)ktki_csv_parse_i64(field, &value);
    return value;
}

static inline void put_8(struct csv_builder *builder, int64_t row, const struct csv_field *field) {
    builder->values[row] = (uint8_t)narrow(field);
}

static inline void put_16(struct csv_builder *builder, int64_t row, const struct csv_field *field) {
    ((uint16_t *)(void *)builder->values)[row] = (uint16_t)narrow(field);
}

static inline void put_32(struct csv_builder *builder, int64_t row, const struct csv_field *field) {
    ((uint32_t *)(void *)builder->values)[row] = (uint32_t)narrow(field);
}

static inline void put_u64(struct csv_builder *builder, int64_t row,
                           const struct csv_field *field) {
    (void)ktki_parse_u64((const char *)field->data, field->size,
                         &((uint64_t *)(void *)builder->values)[row]);
}

static inline void put_float(struct csv_builder *builder, int64_t row,
                             const struct csv_field *field) {
    double value = 0;

    (void)ktki_parse_f64((const char *)field->data, field->size, &value);
    ((float *)(void *)builder->values)[row] = (float)value;
}

static inline void put_double(struct csv_builder *builder, int64_t row,
                              const struct csv_field *field) {
    (void)ktki_parse_f64((const char *)field->data, field->size,
                         &((double *)(void *)builder->values)[row]);
}

static inline void put_date32(struct csv_builder *builder, int64_t row,
                              const struct csv_field *field) {
    int64_t days = 0;

    (void)ktki_parse_date((const char *)field->data, field->size, &days);
    ((int32_t *)(void *)builder->values)[row] = (int32_t)days;
}

static inline void put_timestamp(struct csv_builder *builder, int64_t row,
                                 const struct csv_field *field) {
    int64_t seconds = 0;
    int32_t nanoseconds = 0;
    bool has_offset;

    (void)ktki_parse_timestamp((const char *)field->data, field->size, &seconds, &nanoseconds,
                               &has_offset);
    ((int64_t *)(void *)builder->values)[row] = seconds * 1000000 + nanoseconds / 1000;
}

/* One loop a type, so that the conversion is compiled into it. */
#define DEFINE_APPEND(type)                                                                        \
    static ktk_status append_##type(struct csv_builder *builder, const struct csv_values *values,  \
                                    ktk_error *err) {                                              \
        const struct csv_field *field = values->fields;                                            \
        int64_t row = builder->length;                                                             \
        (void)err;                                                                                 \
        for (size_t i = 0; i < values->count; i++, row++, field += values->stride) {               \
            if (ktki_csv_is_null(values->nulls, field)) {                                          \
                builder->null_count++;                                                             \
            } else {                                                                               \
                ktki_bit_set(builder->validity, row);                                              \
                put_##type(builder, row, field);                                                   \
            }                                                                                      \
        }                                                                                          \
        builder->length = row;                                                                     \
        return KTK_OK;                                                                             \
    }

DEFINE_APPEND(bool)
DEFINE_APPEND(8)
DEFINE_APPEND(16)
DEFINE_APPEND(32)
DEFINE_APPEND(i64)
DEFINE_APPEND(u64)
DEFINE_APPEND(float)
DEFINE_APPEND(double)
DEFINE_APPEND(date32)
DEFINE_APPEND(timestamp)

static uint8_t hex_value(uint8_t digit) {
    return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static uint8_t *put_hex(const struct csv_field *field, uint8_t *out) {
    for (uint32_t i = 0; i < field->size; i += 2) {
        *out++ = (uint8_t)(hex_value(field->data[i]) << 4 | hex_value(field->data[i + 1]));
    }
    return out;
}

static ktk_status append_text(struct csv_builder *builder, const struct csv_values *values,
                              ktk_error *err) {
    ktk_status status = KTK_OK;
    uint8_t *(*put)(const struct csv_field *, uint8_t *) =
        builder->type == CSV_BINARY ? put_hex : ktki_csv_copy_text;
    const struct csv_field *field = values->fields;
    int64_t row = builder->length;
    size_t total = 0;
    uint8_t *at;

    for (size_t i = 0; i < values->count; i++) {
        total += field[i * values->stride].size;
    }
    KTKI_TRY(ktki_buffer_reserve(&builder->text, total + 1, err));
    at = builder->text.data + builder->text.size;
    for (size_t i = 0; i < values->count; i++, row++, field += values->stride) {
        if (ktki_csv_is_null(values->nulls, field)) {
            builder->null_count++;
        } else {
            ktki_bit_set(builder->validity, row);
            at = put(field, at);
        }
        builder->offsets[row + 1] = (int32_t)(at - builder->text.data);
    }
    builder->text.size = (size_t)(at - builder->text.data);
    builder->length = row;
out:
    return status;
}

ktk_status ktki_csv_builder_append(struct csv_builder *builder, const struct csv_values *values,
                                   ktk_error *err) {
    static ktk_status (*const append[CSV_TYPE_COUNT])(struct csv_builder *,
                                                      const struct csv_values *, ktk_error *) = {
        [CSV_BOOL] = append_bool,
        [CSV_INT8] = append_8,
        [CSV_INT16] = append_16,
        [CSV_INT32] = append_32,
        [CSV_INT64] = append_i64,
        [CSV_UINT8] = append_8,
        [CSV_UINT16] = append_16,
        [CSV_UINT32] = append_32,
        [CSV_UINT64] = append_u64,
        [CSV_FLOAT] = append_float,
        [CSV_DOUBLE] = append_double,
        [CSV_DATE32] = append_date32,
        [CSV_TIMESTAMP] = append_timestamp,
        [CSV_TIMESTAMP_UTC] = append_timestamp,
        [CSV_STRING] = append_text,
        [CSV_BINARY] = append_text,
    };

    return append[builder->type](builder, values, err);
}

ktk_status ktki_csv_builder_finish(struct csv_builder *builder, struct ArrowArray *out,
                                   ktk_error *err) {
    struct array_buffer buffers[3] = {{0}};
    int32_t buffer_count = has_text(builder->type) ? 3 : 2;
    ktk_status status;

    if (builder->null_count > 0) {
        buffers[0] = (struct array_buffer){builder->validity, validity_size(builder)};
    }
    if (has_text(builder->type)) {
        buffers[1] = (struct array_buffer){builder->offsets,
                                           ((size_t)builder->capacity + 1) * sizeof(int32_t)};
        buffers[2] = (struct array_buffer){builder->text.data, builder->text.capacity};
    } else {
        buffers[1] = (struct array_buffer){builder->values, values_size(builder)};
    }
    status = ktki_array_wrap(out, builder->context, builder->length, builder->null_count, buffers,
                             buffer_count, NULL, 0, NULL, err);
    if (status == KTK_OK) {
        if (builder->null_count > 0) {
            builder->validity = NULL;
        }
        builder->offsets = NULL;
        builder->values = NULL;
        builder->text.data = NULL;
        builder->text.capacity = 0;
        ktki_csv_builder_clear(builder);
    }
    return status;
}
