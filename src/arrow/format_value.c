#include "arrow/format_value.h"

#include <math.h>

#include <kartothek/arrow.h>

#include "arrow/schema_format.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"

/* Longest text of a value of fixed width that is not binary: a decimal of 77 digits with as many
 * zeros in front. */
#define FLAT_TEXT_MAX 256
#define DECIMAL_SCALE_MAX 76
#define DAY_SECONDS ((int64_t)86400)
#define JSON_DEPTH_MAX 60

_Static_assert(FLAT_TEXT_MAX >= 80 + DECIMAL_SCALE_MAX, "ktki_format_decimal() wants that much");
_Static_assert(FLAT_TEXT_MAX >= 2 * KTKI_TIME_TEXT_MAX, "a time and more fits");

/* Text of one value of a type of fixed width; returns the length. `separator` stands between date
 * and time. */
typedef size_t (*format_flat_fn)(const struct data_type *type, const uint8_t *value, char separator,
                                 char *text);

static int64_t load_signed(const uint8_t *value, size_t width) {
    uint64_t bits = 0;
    unsigned shift = 64 - 8 * (unsigned)width;

    memcpy(&bits, value, width);
    return (int64_t)(bits << shift) >> shift;
}

static uint64_t load_unsigned(const uint8_t *value, size_t width) {
    uint64_t bits = 0;

    memcpy(&bits, value, width);
    return bits;
}

static int64_t floor_divide(int64_t value, int64_t by, int64_t *rest) {
    int64_t quotient = value / by;

    *rest = value % by;
    if (*rest < 0) {
        *rest += by;
        quotient--;
    }
    return quotient;
}

static size_t format_signed(const struct data_type *type, const uint8_t *value, char separator,
                            char *text) {
    (void)separator;
    return ktki_format_i64(load_signed(value, ktki_type_width(type)), text);
}

static size_t format_unsigned(const struct data_type *type, const uint8_t *value, char separator,
                              char *text) {
    (void)separator;
    return ktki_format_u64(load_unsigned(value, ktki_type_width(type)), text);
}

static double half_to_double(uint16_t bits) {
    int exponent = bits >> 10 & 0x1F;
    double fraction = bits & 0x3FF;
    double size = exponent == 0      ? ldexp(fraction, -24)
                  : exponent == 0x1F ? (fraction == 0 ? INFINITY : NAN)
                                     : ldexp(fraction + 1024, exponent - 25);

    return bits & 0x8000 ? -size : size;
}

/* The double nearest to the decimal number of the fewest digits that reads back to the same float:
 * 0.1 and not the 0.10000000149011612 that it is exactly. Nine digits are always enough. */
static double shortest_of_float(float value) {
    double exact = (double)value;
    double near = exact;
    int digits_before;

    if (value == 0 || !isfinite(value)) {
        return exact;
    }
    digits_before = (int)floor(log10(fabs(exact))) + 1;
    for (int digits = 1; digits <= 9; digits++) {
        char text[2 * KTKI_NUMBER_TEXT_MAX];
        int shift = digits - digits_before;
        double scaled = shift >= 0 ? exact * pow(10, shift) : exact / pow(10, -shift);
        size_t size = ktki_format_i64((int64_t)nearbyint(scaled), text);

        text[size++] = 'e';
        size += ktki_format_i64(-shift, text + size);
        if (ktki_parse_f64(text, size, &near) && (float)near == value) {
            return near;
        }
    }
    return exact;
}

static double load_float(enum type_id id, const uint8_t *value) {
    uint16_t half;
    float single;
    double number;

    switch (id) {
    case TYPE_FLOAT16:
        memcpy(&half, value, sizeof(half));
        return half_to_double(half);
    case TYPE_FLOAT32:
        memcpy(&single, value, sizeof(single));
        return shortest_of_float(single);
    default:
        memcpy(&number, value, sizeof(number));
        return number;
    }
}

static size_t format_float(const struct data_type *type, const uint8_t *value, char separator,
                           char *text) {
    (void)separator;
    return ktki_format_f64(load_float(type->id, value), text);
}

static size_t format_date32(const struct data_type *type, const uint8_t *value, char separator,
                            char *text) {
    (void)type;
    (void)separator;
    return ktki_format_date(load_signed(value, 4), text);
}

static size_t format_date64(const struct data_type *type, const uint8_t *value, char separator,
                            char *text) {
    int64_t milliseconds = load_signed(value, 8);
    int64_t rest;
    int64_t days = floor_divide(milliseconds, DAY_SECONDS * 1000, &rest);

    (void)type;
    return rest == 0 ? ktki_format_date(days, text)
                     : ktki_format_timestamp(milliseconds, 1000, separator, text);
}

static size_t format_time(const struct data_type *type, const uint8_t *value, char separator,
                          char *text) {
    (void)separator;
    return ktki_format_time(load_signed(value, ktki_type_width(type)),
                            ktki_unit_per_second(type->unit), text);
}

static size_t format_timestamp(const struct data_type *type, const uint8_t *value, char separator,
                               char *text) {
    size_t size = ktki_format_timestamp(load_signed(value, 8), ktki_unit_per_second(type->unit),
                                        separator, text);

    if (type->timezone != NULL) {
        memcpy(text + size, "+00:00", 7);
        size += 6;
    }
    return size;
}

/* As str(pandas.Timedelta): "-1 days +23:59:59". */
static size_t format_duration(const struct data_type *type, const uint8_t *value, char separator,
                              char *text) {
    int64_t per_second = ktki_unit_per_second(type->unit);
    int64_t rest;
    int64_t days = floor_divide(load_signed(value, 8), DAY_SECONDS * per_second, &rest);
    size_t size = ktki_format_i64(days, text);
    const char *word = days < 0 ? " days +" : " days ";

    (void)separator;
    memcpy(text + size, word, strlen(word));
    size += strlen(word);
    return size + ktki_format_time(rest, per_second, text + size);
}

static size_t put_count(char *text, size_t size, int64_t count, const char *unit) {
    size += ktki_format_i64(count, text + size);
    memcpy(text + size, unit, strlen(unit));
    return size + strlen(unit);
}

static size_t format_interval(const struct data_type *type, const uint8_t *value, char separator,
                              char *text) {
    (void)separator;
    switch (type->width) {
    case 4:
        return put_count(text, 0, load_signed(value, 4), " months");
    case 8:
        return put_count(text, put_count(text, 0, load_signed(value, 4), " days "),
                         load_signed(value + 4, 4), " ms");
    default:
        return put_count(text,
                         put_count(text, put_count(text, 0, load_signed(value, 4), " months "),
                                   load_signed(value + 4, 4), " days "),
                         load_signed(value + 8, 8), " ns");
    }
}

/* A negative or absurd scale gives an exponent instead of zeros. */
static size_t format_decimal(const struct data_type *type, const uint8_t *value, char separator,
                             char *text) {
    bool is_plain = type->scale >= 0 && type->scale <= DECIMAL_SCALE_MAX;
    size_t size =
        ktki_format_decimal(value, ktki_type_width(type), is_plain ? type->scale : 0, text);

    (void)separator;
    if (!is_plain) {
        text[size++] = 'e';
        size += ktki_format_i64(-(int64_t)type->scale, text + size);
    }
    return size;
}

/* How a type of fixed width is shown; `format` NULL: not one. */
static const struct flat_format {
    format_flat_fn format;
    bool is_number; /* JSON: not quoted */
} flat_formats[TYPE_COUNT] = {
    [TYPE_INT8] = {format_signed, true},         [TYPE_INT16] = {format_signed, true},
    [TYPE_INT32] = {format_signed, true},        [TYPE_INT64] = {format_signed, true},
    [TYPE_UINT8] = {format_unsigned, true},      [TYPE_UINT16] = {format_unsigned, true},
    [TYPE_UINT32] = {format_unsigned, true},     [TYPE_UINT64] = {format_unsigned, true},
    [TYPE_FLOAT16] = {format_float, true},       [TYPE_FLOAT32] = {format_float, true},
    [TYPE_FLOAT64] = {format_float, true},       [TYPE_DATE32] = {format_date32, false},
    [TYPE_DATE64] = {format_date64, false},      [TYPE_TIME32] = {format_time, false},
    [TYPE_TIME64] = {format_time, false},        [TYPE_TIMESTAMP] = {format_timestamp, false},
    [TYPE_DURATION] = {format_duration, false},  [TYPE_INTERVAL] = {format_interval, false},
    [TYPE_DECIMAL128] = {format_decimal, false}, [TYPE_DECIMAL256] = {format_decimal, false},
};

/* A value found: dictionaries resolved. */
struct place {
    const struct field *field;
    const struct ArrowArray *array;
    int64_t row;
    bool is_null;
};

static bool is_null_at(const struct field *field, const struct ArrowArray *array, int64_t row) {
    const uint8_t *validity = array->n_buffers > 0 ? array->buffers[0] : NULL;

    return field->type.id == TYPE_NULL ||
           (validity != NULL && !ktki_bit_get(validity, array->offset + row));
}

static ktk_status locate(const struct field *field, const struct ArrowArray *array, int64_t row,
                         struct place *out, ktk_error *err) {
    bool is_null = is_null_at(field, array, row);

    while (!is_null && field->type.id == TYPE_DICTIONARY) {
        size_t width = ktki_type_width(&field->type);
        const uint8_t *indices = array->buffers[1];
        const uint8_t *at = indices + (size_t)(array->offset + row) * width;
        int64_t index = ktki_type_is_signed_integer(field->type.index)
                            ? load_signed(at, width)
                            : (int64_t)load_unsigned(at, width);

        if (index < 0 || index >= array->dictionary->length) {
            return ktk_error_set(err, KTK_E_INVALID, "dictionary index %lld is not in [0, %lld)",
                                 (long long)index, (long long)array->dictionary->length);
        }
        field = field->dictionary;
        array = array->dictionary;
        row = index;
        is_null = is_null_at(field, array, row);
    }
    *out = (struct place){field, array, row, is_null};
    return KTK_OK;
}

static bool bool_at(const struct place *place) {
    return ktki_bit_get(place->array->buffers[1], place->array->offset + place->row);
}

static ktk_status append_hex(struct buffer *out, const uint8_t *data, size_t size, ktk_error *err) {
    static const char digits[] = "0123456789abcdef";
    ktk_status status = KTK_OK;

    if (size > SIZE_MAX / 2) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a binary value of %zu bytes", size);
    }
    KTKI_TRY(ktki_buffer_reserve(out, 2 * size, err));
    for (size_t i = 0; i < size; i++) {
        out->data[out->size++] = (uint8_t)digits[data[i] >> 4];
        out->data[out->size++] = (uint8_t)digits[data[i] & 0xF];
    }
out:
    return status;
}

/* Any value but null, bool and nested ones. */
static ktk_status append_flat(const struct place *place, char separator, struct buffer *out,
                              ktk_error *err) {
    const struct data_type *type = &place->field->type;
    format_flat_fn format = flat_formats[type->id].format;
    char text[FLAT_TEXT_MAX];
    const uint8_t *data;
    size_t size;

    ktki_array_bytes(place->array, type, place->row, &data, &size);
    if (format != NULL) {
        return ktki_buffer_append(out, text, format(type, data, separator, text), err);
    }
    return ktki_type_is_text(type->id) ? ktki_buffer_append(out, data, size, err)
                                       : append_hex(out, data, size, err);
}

static ktk_status append_nested(const struct place *place, struct buffer *out, ktk_error *err) {
    struct json_values json;
    ktk_status status;

    ktki_json_values_init(&json, out);
    status = ktki_format_value_json(&json, place->field, place->array, place->row, err);
    ktki_json_values_clear(&json);
    return status;
}

ktk_status ktki_format_value(const struct field *field, const struct ArrowArray *array, int64_t row,
                             struct buffer *out, bool *is_null, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct place place;

    KTKI_TRY(locate(field, array, row, &place, err));
    if (place.is_null) {
        /* Nothing to append. */
    } else if (place.field->type.id == TYPE_BOOL) {
        KTKI_TRY(ktki_buffer_append_text(out, bool_at(&place) ? "true" : "false", err));
    } else if (ktki_type_is_nested(place.field->type.id)) {
        KTKI_TRY(append_nested(&place, out, err));
    } else {
        KTKI_TRY(append_flat(&place, ' ', out, err));
    }
    *is_null = place.is_null;
out:
    return status;
}

void ktki_json_values_init(struct json_values *json, struct buffer *out) {
    ktki_json_writer_init(&json->writer, out);
    ktki_buffer_init(&json->scratch, out->allocator, 0);
}

void ktki_json_values_clear(struct json_values *json) {
    ktki_buffer_clear(&json->scratch);
}

static ktk_status write_flat(struct json_values *json, const struct place *place, ktk_error *err) {
    ktk_status status = KTK_OK;
    const struct data_type *type = &place->field->type;
    const uint8_t *data;
    size_t size;

    ktki_array_bytes(place->array, type, place->row, &data, &size);
    if (ktki_type_is_text(type->id)) {
        KTKI_TRY(ktki_json_string(&json->writer, (const char *)data, size, err));
    } else if (ktki_type_is_float(type->id) && !isfinite(load_float(type->id, data))) {
        KTKI_TRY(ktki_json_null(&json->writer, err));
    } else {
        const struct buffer *scratch = &json->scratch;

        json->scratch.size = 0;
        KTKI_TRY(append_flat(place, 'T', &json->scratch, err));
        KTKI_TRY(flat_formats[type->id].is_number
                     ? ktki_json_raw(&json->writer, (char *)scratch->data, scratch->size, err)
                     : ktki_json_string(&json->writer, (char *)scratch->data, scratch->size, err));
    }
out:
    return status;
}

/* Items of a list or entries of a map, [*start, *end) of the child. */
static ktk_status item_range(const struct place *place, int64_t *start, int64_t *end,
                             ktk_error *err) {
    int64_t index = place->array->offset + place->row;
    int64_t item_count = place->array->children[0]->length;

    if (place->field->type.id == TYPE_FIXED_LIST) {
        *start = index * place->field->type.width;
        *end = *start + place->field->type.width;
    } else if (place->field->type.id == TYPE_LARGE_LIST) {
        *start = ((const int64_t *)place->array->buffers[1])[index];
        *end = ((const int64_t *)place->array->buffers[1])[index + 1];
    } else {
        *start = ((const int32_t *)place->array->buffers[1])[index];
        *end = ((const int32_t *)place->array->buffers[1])[index + 1];
    }
    if (*start < 0 || *end < *start || *end > item_count) {
        return ktk_error_set(err, KTK_E_INVALID, "list items [%lld, %lld) of %lld",
                             (long long)*start, (long long)*end, (long long)item_count);
    }
    return KTK_OK;
}

static ktk_status write_list(struct json_values *json, const struct place *place, ktk_error *err) {
    ktk_status status = KTK_OK;
    int64_t start;
    int64_t end;

    KTKI_TRY(item_range(place, &start, &end, err));
    KTKI_TRY(ktki_json_begin_array(&json->writer, err));
    for (int64_t item = start; item < end; item++) {
        KTKI_TRY(ktki_format_value_json(json, &place->field->children[0], place->array->children[0],
                                        item, err));
    }
    KTKI_TRY(ktki_json_end_array(&json->writer, err));
out:
    return status;
}

static ktk_status write_struct(struct json_values *json, const struct place *place,
                               ktk_error *err) {
    ktk_status status = KTK_OK;
    const struct field *field = place->field;

    KTKI_TRY(ktki_json_begin_object(&json->writer, err));
    for (int32_t i = 0; i < field->child_count; i++) {
        KTKI_TRY(ktki_json_key(&json->writer, field->children[i].name, err));
        KTKI_TRY(ktki_format_value_json(json, &field->children[i], place->array->children[i],
                                        place->array->offset + place->row, err));
    }
    KTKI_TRY(ktki_json_end_object(&json->writer, err));
out:
    return status;
}

static ktk_status write_map(struct json_values *json, const struct place *place, ktk_error *err) {
    ktk_status status = KTK_OK;
    const struct field *pair = &place->field->children[0];
    const struct ArrowArray *entries = place->array->children[0];
    bool is_null;
    int64_t start;
    int64_t end;

    KTKI_TRY(item_range(place, &start, &end, err));
    KTKI_TRY(ktki_json_begin_object(&json->writer, err));
    for (int64_t entry = start; entry < end; entry++) {
        json->scratch.size = 0;
        KTKI_TRY(ktki_format_value(&pair->children[0], entries->children[0],
                                   entries->offset + entry, &json->scratch, &is_null, err));
        KTKI_TRY(ktki_json_key_bytes(&json->writer, (char *)json->scratch.data, json->scratch.size,
                                     err));
        KTKI_TRY(ktki_format_value_json(json, &pair->children[1], entries->children[1],
                                        entries->offset + entry, err));
    }
    KTKI_TRY(ktki_json_end_object(&json->writer, err));
out:
    return status;
}

ktk_status ktki_format_value_json(struct json_values *json, const struct field *field,
                                  const struct ArrowArray *array, int64_t row, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct place place;

    KTKI_TRY(locate(field, array, row, &place, err));
    if (place.is_null) {
        KTKI_TRY(ktki_json_null(&json->writer, err));
        goto out;
    }
    if (json->writer.depth >= JSON_DEPTH_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a value is nested more than %d levels deep", JSON_DEPTH_MAX);
    }
    switch (place.field->type.id) {
    case TYPE_BOOL:
        KTKI_TRY(ktki_json_bool(&json->writer, bool_at(&place), err));
        break;
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
    case TYPE_FIXED_LIST:
        KTKI_TRY(write_list(json, &place, err));
        break;
    case TYPE_STRUCT:
        KTKI_TRY(write_struct(json, &place, err));
        break;
    case TYPE_MAP:
        KTKI_TRY(write_map(json, &place, err));
        break;
    default:
        KTKI_TRY(write_flat(json, &place, err));
        break;
    }
out:
    return status;
}

/* The public functions have no context to take memory from: they use the C library's heap, through
 * a context of their own where a schema must be imported. */
static ktk_status import_node(const struct ArrowSchema *node, struct schema **out) {
    ktk_status status = KTK_OK;
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    struct ArrowSchema *child = (struct ArrowSchema *)node;
    struct ArrowSchema row = {
        .format = "+s", .n_children = 1, .children = &child, .release = node->release};

    options.threads = 1;
    KTKI_TRY(ktk_context_new(&context, &options, NULL));
    KTKI_TRY(ktki_schema_import(out, context, &row, NULL));
out:
    ktk_context_free(context);
    return status;
}

/* Most columns of a table are flat; they need no import. */
static bool is_flat(const struct ArrowSchema *node, struct field *out) {
    *out = (struct field){.name = ""};
    return node->dictionary == NULL && node->n_children == 0 &&
           ktki_format_parse(&out->type, node->format, NULL) == KTK_OK &&
           !ktki_type_is_nested(out->type.id);
}

/* As much as fits, whole characters only. */
static size_t copy_out(const struct buffer *from, char *text, size_t capacity) {
    size_t size = from->size;

    if (capacity == 0) {
        return from->size;
    }
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && (from->data[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    if (size > 0) {
        memcpy(text, from->data, size);
    }
    text[size] = '\0';
    return from->size;
}

static size_t copy_unknown(char *text, size_t capacity) {
    uint8_t unknown[] = "?";
    const struct buffer buffer = {.data = unknown, .size = 1};

    return copy_out(&buffer, text, capacity);
}

size_t ktk_format_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        int64_t row, char *text, size_t capacity, bool *is_null) {
    ktk_status status = KTK_OK;
    struct schema *imported = NULL;
    struct field flat;
    const struct field *field = &flat;
    struct buffer buffer;
    bool null = false;
    size_t size;

    ktki_buffer_init(&buffer, ktki_alloc_default(), 0);
    if (!is_flat(schema, &flat)) {
        KTKI_TRY(import_node(schema, &imported));
        field = &imported->fields[0];
    }
    KTKI_TRY(ktki_format_value(field, array, row, &buffer, &null, NULL));
out:
    size = status == KTK_OK ? copy_out(&buffer, text, capacity) : copy_unknown(text, capacity);
    *is_null = null;
    ktki_buffer_clear(&buffer);
    ktki_schema_free(imported);
    return size;
}

size_t ktk_format_type(const struct ArrowSchema *schema, char *text, size_t capacity) {
    ktk_status status = KTK_OK;
    struct schema *imported = NULL;
    struct buffer buffer;
    size_t size;

    ktki_buffer_init(&buffer, ktki_alloc_default(), 0);
    KTKI_TRY(import_node(schema, &imported));
    KTKI_TRY(ktki_field_type_text(&imported->fields[0], &buffer, NULL));
out:
    size = status == KTK_OK ? copy_out(&buffer, text, capacity) : copy_unknown(text, capacity);
    ktki_buffer_clear(&buffer);
    ktki_schema_free(imported);
    return size;
}
