#include "arrow/csv_column.h"
#include "base/text.h"
#include "base/time_format.h"

#define DAYS_MAX (INT64_MAX / 86400 / 1000000)

bool ktki_csv_is_listed(const struct csv_nulls *nulls, const struct csv_field *field) {
    for (size_t i = 0; i < nulls->count; i++) {
        if (nulls->sizes[i] == field->size &&
            memcmp(nulls->texts[i], field->data, field->size) == 0) {
            return true;
        }
    }
    return false;
}

static bool text_is(const struct csv_field *field, const char *text) {
    return field->size == strlen(text) && memcmp(field->data, text, field->size) == 0;
}

/* Whether a value that is not null has a type. Escapes leave a quote in the text, so that a field
 * with some is nothing but a string. */
typedef bool (*fits_fn)(const struct csv_field *field);

static inline bool fits_nothing(const struct csv_field *field) {
    (void)field;
    return false;
}

static inline bool fits_anything(const struct csv_field *field) {
    (void)field;
    return true;
}

static inline bool fits_bool(const struct csv_field *field) {
    return text_is(field, "true") || text_is(field, "false") || text_is(field, "True") ||
           text_is(field, "False") || text_is(field, "TRUE") || text_is(field, "FALSE");
}

static inline bool fits_signed(const struct csv_field *field, int64_t min, int64_t max) {
    int64_t value;

    return ktki_csv_parse_i64(field, &value) && value >= min && value <= max;
}

static inline bool fits_unsigned(const struct csv_field *field, uint64_t max) {
    uint64_t value;

    return ktki_parse_u64((const char *)field->data, field->size, &value) && value <= max;
}

static inline bool fits_int8(const struct csv_field *field) {
    return fits_signed(field, INT8_MIN, INT8_MAX);
}

static inline bool fits_int16(const struct csv_field *field) {
    return fits_signed(field, INT16_MIN, INT16_MAX);
}

static inline bool fits_int32(const struct csv_field *field) {
    return fits_signed(field, INT32_MIN, INT32_MAX);
}

static inline bool fits_int64(const struct csv_field *field) {
    return fits_signed(field, INT64_MIN, INT64_MAX);
}

static inline bool fits_uint8(const struct csv_field *field) {
    return fits_unsigned(field, UINT8_MAX);
}

static inline bool fits_uint16(const struct csv_field *field) {
    return fits_unsigned(field, UINT16_MAX);
}

static inline bool fits_uint32(const struct csv_field *field) {
    return fits_unsigned(field, UINT32_MAX);
}

static inline bool fits_uint64(const struct csv_field *field) {
    return fits_unsigned(field, UINT64_MAX);
}

static inline bool fits_double(const struct csv_field *field) {
    double value;

    return ktki_parse_f64((const char *)field->data, field->size, &value);
}

/* Days that a timestamp in microseconds can have, too: dates may turn out to be timestamps. */
static inline bool fits_date32(const struct csv_field *field) {
    int64_t days;

    return ktki_parse_date((const char *)field->data, field->size, &days) && days >= -DAYS_MAX &&
           days <= DAYS_MAX;
}

/* A fraction finer than a microsecond would be lost. */
static inline bool fits_instant(const struct csv_field *field, bool wants_offset) {
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset;
    int64_t value;

    return ktki_parse_timestamp((const char *)field->data, field->size, &seconds, &nanoseconds,
                                &has_offset) &&
           has_offset == wants_offset && nanoseconds % 1000 == 0 &&
           !__builtin_mul_overflow(seconds, 1000000, &value) &&
           !__builtin_add_overflow(value, nanoseconds / 1000, &value);
}

static inline bool fits_timestamp(const struct csv_field *field) {
    return fits_instant(field, false);
}

static inline bool fits_timestamp_utc(const struct csv_field *field) {
    return fits_instant(field, true);
}

static inline bool fits_binary(const struct csv_field *field) {
    bool is_hex = field->size % 2 == 0;

    for (uint32_t i = 0; i < field->size && is_hex; i++) {
        uint8_t byte = field->data[i];
        uint8_t letter = byte | 0x20;

        is_hex = (byte >= '0' && byte <= '9') || (letter >= 'a' && letter <= 'f');
    }
    return is_hex;
}

/* One loop a type, so that the test is compiled into it. */
#define DEFINE_FIRST_MISFIT(type)                                                                  \
    static size_t first_misfit_##type(const struct csv_values *values) {                           \
        size_t i = 0;                                                                              \
        const struct csv_field *field = values->fields;                                            \
        while (i < values->count &&                                                                \
               (ktki_csv_is_null(values->nulls, field) || fits_##type(field))) {                   \
            i++;                                                                                   \
            field += values->stride;                                                               \
        }                                                                                          \
        return i;                                                                                  \
    }

DEFINE_FIRST_MISFIT(nothing)
DEFINE_FIRST_MISFIT(bool)
DEFINE_FIRST_MISFIT(int8)
DEFINE_FIRST_MISFIT(int16)
DEFINE_FIRST_MISFIT(int32)
DEFINE_FIRST_MISFIT(int64)
DEFINE_FIRST_MISFIT(uint8)
DEFINE_FIRST_MISFIT(uint16)
DEFINE_FIRST_MISFIT(uint32)
DEFINE_FIRST_MISFIT(uint64)
DEFINE_FIRST_MISFIT(double)
DEFINE_FIRST_MISFIT(date32)
DEFINE_FIRST_MISFIT(timestamp)
DEFINE_FIRST_MISFIT(timestamp_utc)
DEFINE_FIRST_MISFIT(binary)

static size_t first_misfit_string(const struct csv_values *values) {
    return values->count;
}

static const struct csv_test {
    const char *name;
    struct data_type type;
    size_t (*first_misfit)(const struct csv_values *values);
    fits_fn fits;
} csv_tests[CSV_TYPE_COUNT] = {
    [CSV_UNKNOWN] = {"string", {.id = TYPE_STRING}, first_misfit_nothing, fits_nothing},
    [CSV_BOOL] = {"bool", {.id = TYPE_BOOL}, first_misfit_bool, fits_bool},
    [CSV_INT8] = {"int8", {.id = TYPE_INT8}, first_misfit_int8, fits_int8},
    [CSV_INT16] = {"int16", {.id = TYPE_INT16}, first_misfit_int16, fits_int16},
    [CSV_INT32] = {"int32", {.id = TYPE_INT32}, first_misfit_int32, fits_int32},
    [CSV_INT64] = {"int64", {.id = TYPE_INT64}, first_misfit_int64, fits_int64},
    [CSV_UINT8] = {"uint8", {.id = TYPE_UINT8}, first_misfit_uint8, fits_uint8},
    [CSV_UINT16] = {"uint16", {.id = TYPE_UINT16}, first_misfit_uint16, fits_uint16},
    [CSV_UINT32] = {"uint32", {.id = TYPE_UINT32}, first_misfit_uint32, fits_uint32},
    [CSV_UINT64] = {"uint64", {.id = TYPE_UINT64}, first_misfit_uint64, fits_uint64},
    [CSV_FLOAT] = {"float", {.id = TYPE_FLOAT32}, first_misfit_double, fits_double},
    [CSV_DOUBLE] = {"double", {.id = TYPE_FLOAT64}, first_misfit_double, fits_double},
    [CSV_DATE32] = {"date32", {.id = TYPE_DATE32}, first_misfit_date32, fits_date32},
    [CSV_TIMESTAMP] = {"timestamp[us]",
                       {.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO},
                       first_misfit_timestamp,
                       fits_timestamp},
    [CSV_TIMESTAMP_UTC] = {"timestamp[us, tz=UTC]",
                           {.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "UTC"},
                           first_misfit_timestamp_utc,
                           fits_timestamp_utc},
    [CSV_STRING] = {"string", {.id = TYPE_STRING}, first_misfit_string, fits_anything},
    [CSV_BINARY] = {"binary", {.id = TYPE_BINARY}, first_misfit_binary, fits_binary},
};

enum csv_type ktki_csv_type_of_name(const char *name) {
    enum csv_type type = CSV_UNKNOWN + 1;

    while (type < CSV_TYPE_COUNT && strcmp(csv_tests[type].name, name) != 0) {
        type++;
    }
    return type < CSV_TYPE_COUNT ? type : CSV_UNKNOWN;
}

const char *ktki_csv_type_name(enum csv_type type) {
    return csv_tests[type].name;
}

struct data_type ktki_csv_data_type(enum csv_type type) {
    return csv_tests[type].type;
}

size_t ktki_csv_first_misfit(enum csv_type type, const struct csv_values *values) {
    return csv_tests[type].first_misfit(values);
}

/* What a column of `type` becomes when `field` turns up, which does not have it. */
static enum csv_type widen(enum csv_type type, const struct csv_field *field, bool has_negative) {
    static const enum csv_type first[] = {CSV_BOOL,   CSV_INT64,     CSV_UINT64,        CSV_DOUBLE,
                                          CSV_DATE32, CSV_TIMESTAMP, CSV_TIMESTAMP_UTC, CSV_STRING};
    size_t i = 0;

    switch (type) {
    case CSV_UNKNOWN:
        while (!csv_tests[first[i]].fits(field)) {
            i++;
        }
        return first[i];
    case CSV_INT64:
        if (!has_negative && fits_uint64(field)) {
            return CSV_UINT64;
        }
        return fits_double(field) ? CSV_DOUBLE : CSV_STRING;
    case CSV_UINT64:
        return fits_double(field) ? CSV_DOUBLE : CSV_STRING;
    case CSV_DATE32:
        return fits_timestamp(field) ? CSV_TIMESTAMP : CSV_STRING;
    default:
        return CSV_STRING;
    }
}

static bool any_negative(const struct csv_values *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct csv_field *field = &values->fields[i * values->stride];

        if (field->size > 0 && field->data[0] == '-' && !ktki_csv_is_null(values->nulls, field)) {
            return true;
        }
    }
    return false;
}

enum csv_type ktki_csv_infer(enum csv_type type, const struct csv_values *values,
                             bool *has_negative) {
    struct csv_values rest = *values;

    while (rest.count > 0) {
        size_t fit = csv_tests[type].first_misfit(&rest);

        if (type == CSV_INT64 && !*has_negative) {
            *has_negative = any_negative(&rest, fit);
        }
        if (fit < rest.count) {
            type = widen(type, &rest.fields[fit * rest.stride], *has_negative);
        }
        rest.fields += fit * rest.stride;
        rest.count -= fit;
    }
    return type;
}
