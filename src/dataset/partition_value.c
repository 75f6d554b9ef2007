#include "arrow/builder.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time_format.h"
#include "dataset/name.h"

#include <strings.h>

#define NANOS_PER_SECOND 1000000000
#define MILLIS_PER_DAY 86400000
#define DECIMAL_BYTES_MAX 32
#define DECIMAL_DIGITS_MAX 76
#define EXPONENT_MAX 1000

/* How much of a bad value an error text shows. */
#define SHOWN_MAX 100

static const int64_t units_per_second[] = {
    [UNIT_SECOND] = 1, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1000000, [UNIT_NANO] = NANOS_PER_SECOND};

static ktk_status unsupported(const struct field *field, ktk_error *err) {
    return ktk_error_set(err, KTK_E_UNSUPPORTED,
                         "column '%s': values of its type have no text form", field->name);
}

/* ---- value to text ---- */

static int64_t integer_at(const struct array_view *view, size_t width, int64_t row) {
    const uint8_t *at = (const uint8_t *)view->values + (size_t)(row + view->offset) * width;
    int64_t wide;
    int32_t word;
    int16_t half;

    switch (width) {
    case 1:
        return (int8_t)*at;
    case 2:
        memcpy(&half, at, sizeof(half));
        return half;
    case 4:
        memcpy(&word, at, sizeof(word));
        return word;
    default:
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
}

static double float_at(const struct array_view *view, size_t width, int64_t row) {
    const uint8_t *at = (const uint8_t *)view->values + (size_t)(row + view->offset) * width;
    double wide;
    float narrow;

    if (width == sizeof(narrow)) {
        memcpy(&narrow, at, sizeof(narrow));
        return (double)narrow;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

/* Unsigned values narrower than 64 bits arrive sign-extended from integer_at(). */
static uint64_t unsigned_of(int64_t value, size_t width) {
    return width == 8 ? (uint64_t)value : (uint64_t)value & ((UINT64_C(1) << (8 * width)) - 1);
}

static int64_t floor_divide(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/* As Python's str(Decimal): an exponent where the first digit lies behind the sixth decimal place.
 */
static ktk_status append_decimal(struct buffer *out, const struct field *field,
                                 const struct array_view *view, int64_t row, ktk_error *err) {
    size_t width = ktki_type_width(&field->type);
    const uint8_t *value = (const uint8_t *)view->values + (size_t)(row + view->offset) * width;
    int32_t scale = field->type.scale;
    char text[80 + DECIMAL_DIGITS_MAX + 1];
    const char *digits;
    size_t size;
    size_t sign;
    int adjusted;

    if (scale < 0 || scale > DECIMAL_DIGITS_MAX) {
        return unsupported(field, err);
    }
    size = ktki_format_decimal(value, width, scale, text);
    sign = text[0] == '-';
    digits = text + sign + strspn(text + sign, "0.");
    if (digits == text + size) {
        digits--; /* zero: its last digit alone counts */
    }
    adjusted = (int)(text + size - digits) - 1 - scale;
    if (adjusted >= -6 || memchr(digits, '.', (size_t)(text + size - digits)) != NULL) {
        return ktki_buffer_append(out, text, size, err);
    }
    return ktki_buffer_append_format(out, err, "%s%c%s%sE%d", sign ? "-" : "", digits[0],
                                     digits[1] == '\0' ? "" : ".", digits + 1, adjusted);
}

static ktk_status append_bytes(struct buffer *out, const struct field *field,
                               const struct ArrowArray *array, int64_t row, ktk_error *err) {
    const uint8_t *data;
    size_t size;

    ktki_array_bytes(array, &field->type, row, &data, &size);
    if (size > 0 && memchr(data, 0, size) != NULL) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "partition column '%s' has a value with a NUL byte in row %lld, which "
                             "no key can hold",
                             field->name, (long long)row);
    }
    return ktki_buffer_append(out, data, size, err);
}

/* Text of the types whose text is short, into `text`; 0 if the type is none of them. */
static size_t format_scalar(const struct data_type *type, const struct array_view *view,
                            int64_t row, char text[KTKI_TIME_TEXT_MAX]) {
    size_t width = ktki_type_width(type);
    int64_t units = units_per_second[type->unit];

    if (ktki_type_is_signed_integer(type->id)) {
        return ktki_format_i64(integer_at(view, width, row), text);
    }
    if (ktki_type_is_unsigned_integer(type->id)) {
        return ktki_format_u64(unsigned_of(integer_at(view, width, row), width), text);
    }
    switch (type->id) {
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return ktki_format_f64(float_at(view, width, row), text);
    case TYPE_DATE32:
        return ktki_format_date(integer_at(view, width, row), text);
    case TYPE_DATE64:
        return ktki_format_date(floor_divide(integer_at(view, width, row), MILLIS_PER_DAY), text);
    case TYPE_TIME32:
    case TYPE_TIME64:
        return ktki_format_time(integer_at(view, width, row), units, text);
    case TYPE_TIMESTAMP:
        return ktki_format_timestamp(integer_at(view, width, row), units, ' ', text);
    default:
        return 0;
    }
}

ktk_status ktki_partition_value_text(struct buffer *out, const struct field *field,
                                     const struct ArrowArray *array, int64_t row, ktk_error *err) {
    const struct data_type *type = &field->type;
    char text[KTKI_TIME_TEXT_MAX];
    struct array_view view;
    ktk_status status;
    size_t size;

    _Static_assert(KTKI_TIME_TEXT_MAX >= KTKI_NUMBER_TEXT_MAX, "one array serves both");
    if (ktki_type_is_text(type->id) || ktki_type_is_binary(type->id) ||
        type->id == TYPE_FIXED_BINARY) {
        return append_bytes(out, field, array, row, err);
    }
    ktki_array_view(array, type, &view);
    if (type->id == TYPE_BOOL) {
        int64_t bit = row + view.offset;
        bool value = ((const uint8_t *)view.values)[bit >> 3] >> (bit & 7) & 1;
        return ktki_buffer_append_text(out, value ? "True" : "False", err);
    }
    if (type->id == TYPE_DECIMAL128 || type->id == TYPE_DECIMAL256) {
        return append_decimal(out, field, &view, row, err);
    }
    size = format_scalar(type, &view, row, text);
    if (size == 0) {
        return unsupported(field, err);
    }
    status = ktki_buffer_append(out, text, size, err);
    if (status == KTK_OK && type->id == TYPE_TIMESTAMP && type->timezone != NULL) {
        /* The instant, in UTC: there is no time zone database to show local time with. */
        status = ktki_buffer_append_text(out, "+00:00", err);
    }
    return status;
}

/* ---- text to value ---- */

static bool text_is(const char *text, size_t size, const char *word) {
    return size == strlen(word) && strncasecmp(text, word, size) == 0;
}

/* `value` of nanoseconds in units of the type; false if there is a rest. */
static bool nanoseconds_to_units(int64_t nanoseconds, enum time_unit unit, int64_t *value) {
    int64_t factor = NANOS_PER_SECOND / units_per_second[unit];

    *value = nanoseconds / factor;
    return nanoseconds % factor == 0;
}

static bool parse_timestamp(const char *text, size_t size, enum time_unit unit, int64_t *value) {
    int64_t seconds;
    int32_t nanoseconds;
    int64_t fraction;
    bool has_offset;

    if (!ktki_parse_timestamp(text, size, &seconds, &nanoseconds, &has_offset) ||
        !nanoseconds_to_units(nanoseconds, unit, &fraction)) {
        return false;
    }
    /* Rounded towards zero first: the second that holds the smallest value starts out of range. */
    if (seconds < 0 && fraction > 0) {
        seconds++;
        fraction -= units_per_second[unit];
    }
    return ktki_mul_i64(seconds, units_per_second[unit], value) &&
           ktki_add_i64(*value, fraction, value);
}

/* Types that the builder takes as a signed integer. */
static bool parse_integer(const struct data_type *type, const char *text, size_t size,
                          int64_t *value) {
    int64_t nanoseconds;

    switch (type->id) {
    case TYPE_BOOL:
        *value = text_is(text, size, "true");
        return *value == 1 || text_is(text, size, "false");
    case TYPE_DATE32:
        return ktki_parse_date(text, size, value);
    case TYPE_DATE64:
        return ktki_parse_date(text, size, value) && ktki_mul_i64(*value, MILLIS_PER_DAY, value);
    case TYPE_TIME32:
    case TYPE_TIME64:
        return ktki_parse_time(text, size, &nanoseconds) &&
               nanoseconds_to_units(nanoseconds, type->unit, value);
    case TYPE_TIMESTAMP:
        return parse_timestamp(text, size, type->unit, value);
    default:
        return ktki_parse_i64(text, size, value);
    }
}

/* value = value * 10 + digit, little-endian. */
static void push_digit(uint8_t value[DECIMAL_BYTES_MAX], unsigned digit) {
    unsigned carry = digit;

    for (size_t i = 0; i < DECIMAL_BYTES_MAX; i++) {
        carry += value[i] * 10u;
        value[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void negate(uint8_t value[DECIMAL_BYTES_MAX]) {
    unsigned carry = 1;

    for (size_t i = 0; i < DECIMAL_BYTES_MAX; i++) {
        carry += (uint8_t)~value[i];
        value[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* The digits of `[+-]digits[.digits][E[+-]digits]` without point and leading zeros, and the power
 * of ten they are multiplied with. */
static bool split_decimal(const char *text, size_t size, char digits[DECIMAL_DIGITS_MAX],
                          size_t *digit_count, int64_t *exponent) {
    const char *end = text + size;
    const char *at = text + (size > 0 && (text[0] == '-' || text[0] == '+'));
    bool has_point = false;
    bool has_digit = false;

    *digit_count = 0;
    *exponent = 0;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (*at < '0' || *at > '9') {
            return false;
        }
        has_digit = true;
        *exponent -= has_point;
        if (*digit_count == 0 && *at == '0') {
            continue;
        }
        if (*digit_count == DECIMAL_DIGITS_MAX) {
            return false;
        }
        digits[(*digit_count)++] = *at;
    }
    if (at < end) {
        int64_t given;
        if (!ktki_parse_i64(at + 1, (size_t)(end - at) - 1, &given) || given > EXPONENT_MAX ||
            given < -EXPONENT_MAX) {
            return false;
        }
        *exponent += given;
    }
    return has_digit;
}

static bool parse_decimal(const struct data_type *type, const char *text, size_t size,
                          uint8_t value[DECIMAL_BYTES_MAX]) {
    char digits[DECIMAL_DIGITS_MAX];
    size_t count;
    int64_t exponent;

    if (!split_decimal(text, size, digits, &count, &exponent)) {
        return false;
    }
    exponent += type->scale;
    for (; exponent < 0 && count > 0 && digits[count - 1] == '0'; exponent++) {
        count--;
    }
    memset(value, 0, DECIMAL_BYTES_MAX);
    if (count == 0) {
        return true;
    }
    if (exponent < 0 || (int64_t)count + exponent > type->precision) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        push_digit(value, (unsigned)(digits[i] - '0'));
    }
    for (int64_t i = 0; i < exponent; i++) {
        push_digit(value, 0);
    }
    if (text[0] == '-') {
        negate(value);
    }
    return true;
}

/* KTK_E_CORRUPT stands for "is none", whatever refused it; the caller writes the text. */
static ktk_status append_parsed(struct array_builder *builder, const struct data_type *type,
                                const char *text, size_t size, ktk_error *err) {
    uint8_t decimal[DECIMAL_BYTES_MAX];
    uint64_t natural;
    int64_t integer;
    double real;

    if (ktki_type_is_text(type->id) || ktki_type_is_binary(type->id) ||
        type->id == TYPE_FIXED_BINARY) {
        bool fits = !ktki_type_is_text(type->id) || ktki_utf8_is_valid(text, size);
        fits = fits && (type->id != TYPE_FIXED_BINARY || size == (size_t)type->width);
        return fits ? ktki_builder_append_bytes(builder, text, size, err) : KTK_E_CORRUPT;
    }
    if (type->id == TYPE_DECIMAL128 || type->id == TYPE_DECIMAL256) {
        return parse_decimal(type, text, size, decimal)
                   ? ktki_builder_append_bytes(builder, decimal, ktki_type_width(type), err)
                   : KTK_E_CORRUPT;
    }
    if (ktki_type_is_float(type->id)) {
        return ktki_parse_f64(text, size, &real) ? ktki_builder_append_f64(builder, real, err)
                                                 : KTK_E_CORRUPT;
    }
    if (ktki_type_is_unsigned_integer(type->id)) {
        return ktki_parse_u64(text, size, &natural) ? ktki_builder_append_u64(builder, natural, err)
                                                    : KTK_E_CORRUPT;
    }
    return parse_integer(type, text, size, &integer)
               ? ktki_builder_append_i64(builder, integer, err)
               : KTK_E_CORRUPT;
}

static ktk_status bad_value(ktk_context *context, const struct field *field, const char *text,
                            size_t size, ktk_error *err) {
    struct buffer type;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&type, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_field_type_text(field, &type, err));
    KTKI_FAIL(err, KTK_E_CORRUPT,
              "partition column '%s': '%.*s' in the key is no value of type %.*s", field->name,
              size > SHOWN_MAX ? SHOWN_MAX : (int)size, text, (int)type.size,
              (const char *)type.data);
out:
    ktki_buffer_clear(&type);
    return status;
}

static bool has_text_form(enum type_id id) {
    return !ktki_type_is_nested(id) && id != TYPE_NULL && id != TYPE_DICTIONARY &&
           id != TYPE_DURATION && id != TYPE_INTERVAL;
}

ktk_status ktki_value_append_text(bool *fits, struct array_builder *builder,
                                  const struct field *field, const char *text, size_t size,
                                  ktk_error *err) {
    ktk_status status;

    if (!has_text_form(field->type.id)) {
        return unsupported(field, err);
    }
    status = append_parsed(builder, &field->type, text, size, err);
    *fits = status == KTK_OK;
    return status == KTK_E_CORRUPT || status == KTK_E_INVALID ? KTK_OK : status;
}

ktk_status ktki_partition_value_parse(struct ArrowArray *out, ktk_context *context,
                                      const struct field *field, const char *text, size_t size,
                                      ktk_error *err) {
    struct array_builder builder = {0};
    bool fits = false;
    ktk_status status = KTK_OK;

    if (!has_text_form(field->type.id)) {
        return unsupported(field, err);
    }
    KTKI_TRY(ktki_builder_init(&builder, context, field, err));
    KTKI_TRY(ktki_value_append_text(&fits, &builder, field, text, size, err));
    if (!fits) {
        status = bad_value(context, field, text, size, err);
        goto out;
    }
    KTKI_TRY(ktki_builder_finish(&builder, out, err));
out:
    ktki_builder_clear(&builder);
    return status;
}
