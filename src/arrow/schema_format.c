#include "arrow/schema_format.h"

#include "base/error.h"
#include "base/text.h"

/* Formats without parameters. Timestamps have them with an empty time zone. */
static const struct {
    const char *format;
    struct data_type type;
} formats[] = {
    {"n", {.id = TYPE_NULL}},
    {"b", {.id = TYPE_BOOL}},
    {"c", {.id = TYPE_INT8}},
    {"C", {.id = TYPE_UINT8}},
    {"s", {.id = TYPE_INT16}},
    {"S", {.id = TYPE_UINT16}},
    {"i", {.id = TYPE_INT32}},
    {"I", {.id = TYPE_UINT32}},
    {"l", {.id = TYPE_INT64}},
    {"L", {.id = TYPE_UINT64}},
    {"e", {.id = TYPE_FLOAT16}},
    {"f", {.id = TYPE_FLOAT32}},
    {"g", {.id = TYPE_FLOAT64}},
    {"z", {.id = TYPE_BINARY}},
    {"Z", {.id = TYPE_LARGE_BINARY}},
    {"vz", {.id = TYPE_BINARY_VIEW}},
    {"u", {.id = TYPE_STRING}},
    {"U", {.id = TYPE_LARGE_STRING}},
    {"vu", {.id = TYPE_STRING_VIEW}},
    {"tdD", {.id = TYPE_DATE32}},
    {"tdm", {.id = TYPE_DATE64}},
    {"tts", {.id = TYPE_TIME32, .unit = UNIT_SECOND}},
    {"ttm", {.id = TYPE_TIME32, .unit = UNIT_MILLI}},
    {"ttu", {.id = TYPE_TIME64, .unit = UNIT_MICRO}},
    {"ttn", {.id = TYPE_TIME64, .unit = UNIT_NANO}},
    {"tDs", {.id = TYPE_DURATION, .unit = UNIT_SECOND}},
    {"tDm", {.id = TYPE_DURATION, .unit = UNIT_MILLI}},
    {"tDu", {.id = TYPE_DURATION, .unit = UNIT_MICRO}},
    {"tDn", {.id = TYPE_DURATION, .unit = UNIT_NANO}},
    {"tiM", {.id = TYPE_INTERVAL, .width = 4}},
    {"tiD", {.id = TYPE_INTERVAL, .width = 8}},
    {"tin", {.id = TYPE_INTERVAL, .width = 16}},
    {"tss:", {.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND}},
    {"tsm:", {.id = TYPE_TIMESTAMP, .unit = UNIT_MILLI}},
    {"tsu:", {.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO}},
    {"tsn:", {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}},
    {"+l", {.id = TYPE_LIST}},
    {"+L", {.id = TYPE_LARGE_LIST}},
    {"+s", {.id = TYPE_STRUCT}},
    {"+m", {.id = TYPE_MAP}},
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

/* How the formats start that are Arrow, but not ours. */
static const char *const unsupported[] = {"+ud:", "+us:", "+r", "+vl", "+vL"};

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static bool parse_plain(struct data_type *out, const char *format) {
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].format, format) == 0) {
            *out = formats[i].type;
            return true;
        }
    }
    return false;
}

static bool parse_timestamp(struct data_type *out, const char *format) {
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (formats[i].type.id == TYPE_TIMESTAMP && starts_with(format, formats[i].format)) {
            *out = formats[i].type;
            out->timezone = format + strlen(formats[i].format);
            return true;
        }
    }
    return false;
}

/* A number up to `stop` or the end of the text; moves behind the stop. */
static bool parse_number(const char **at, char stop, int32_t *out) {
    const char *end = strchr(*at, stop);
    size_t size = end == NULL ? strlen(*at) : (size_t)(end - *at);
    int64_t value;

    if (!ktki_parse_i64(*at, size, &value) || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *at += size + (end == NULL ? 0 : 1);
    *out = (int32_t)value;
    return true;
}

static bool parse_width(struct data_type *out, enum type_id id, const char *digits) {
    struct data_type type = {.id = id};

    if (!parse_number(&digits, '\0', &type.width) || type.width < 0) {
        return false;
    }
    *out = type;
    return true;
}

/* "precision,scale" or "precision,scale,bits". */
static bool parse_decimal(struct data_type *out, const char *numbers, int32_t *bits) {
    struct data_type type = {.id = TYPE_DECIMAL128};

    *bits = 128;
    if (!parse_number(&numbers, ',', &type.precision) ||
        !parse_number(&numbers, ',', &type.scale) ||
        (*numbers != '\0' && !parse_number(&numbers, '\0', bits))) {
        return false;
    }
    type.id = *bits == 256 ? TYPE_DECIMAL256 : TYPE_DECIMAL128;
    if (type.precision < 1 || type.precision > (*bits == 256 ? 76 : 38)) {
        return false;
    }
    *out = type;
    return true;
}

ktk_status ktki_format_parse(struct data_type *out, const char *format, ktk_error *err) {
    int32_t bits = 128;

    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        if (starts_with(format, unsupported[i])) {
            return ktk_error_set(err, KTK_E_UNSUPPORTED, "Arrow format '%s' is not supported",
                                 format);
        }
    }
    if (parse_plain(out, format) || parse_timestamp(out, format) ||
        (starts_with(format, "w:") && parse_width(out, TYPE_FIXED_BINARY, format + 2)) ||
        (starts_with(format, "+w:") && parse_width(out, TYPE_FIXED_LIST, format + 3))) {
        return KTK_OK;
    }
    if (starts_with(format, "d:") && parse_decimal(out, format + 2, &bits)) {
        return bits == 128 || bits == 256
                   ? KTK_OK
                   : ktk_error_set(err, KTK_E_UNSUPPORTED,
                                   "decimals of %d bits are not supported: '%s'", bits, format);
    }
    return ktk_error_set(err, KTK_E_INVALID, "'%s' is no Arrow format", format);
}

static const char *plain_format(const struct data_type *type) {
    struct data_type naive = *type;

    naive.timezone = NULL;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (ktki_type_equals(&formats[i].type, &naive)) {
            return formats[i].format;
        }
    }
    return "";
}

ktk_status ktki_format_append(const struct data_type *type, struct buffer *out, ktk_error *err) {
    const struct data_type index = {.id = type->index};
    ktk_status status = KTK_OK;

    switch (type->id) {
    case TYPE_FIXED_BINARY:
        return ktki_buffer_append_format(out, err, "w:%d", type->width);
    case TYPE_FIXED_LIST:
        return ktki_buffer_append_format(out, err, "+w:%d", type->width);
    case TYPE_DECIMAL128:
        return ktki_buffer_append_format(out, err, "d:%d,%d", type->precision, type->scale);
    case TYPE_DECIMAL256:
        return ktki_buffer_append_format(out, err, "d:%d,%d,256", type->precision, type->scale);
    case TYPE_DICTIONARY:
        return ktki_buffer_append_text(out, plain_format(&index), err);
    default:
        break;
    }
    KTKI_TRY(ktki_buffer_append_text(out, plain_format(type), err));
    if (type->id == TYPE_TIMESTAMP && type->timezone != NULL) {
        KTKI_TRY(ktki_buffer_append_text(out, type->timezone, err));
    }
out:
    return status;
}
