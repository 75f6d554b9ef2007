#include "arrow/type.h"

#include <string.h>

enum kind {
    KIND_OTHER = 0,
    KIND_SIGNED,
    KIND_UNSIGNED,
    KIND_FLOAT,
    KIND_TEXT,
    KIND_BINARY,
    KIND_NESTED,
};

struct traits {
    const char *name;
    enum layout layout;
    enum kind kind;
    uint8_t width; /* 0 also where the type's own `width` says it */
};

static const struct traits traits[TYPE_COUNT] = {
    [TYPE_NULL] = {"null", LAYOUT_NULL, KIND_OTHER, 0},
    [TYPE_BOOL] = {"bool", LAYOUT_BITS, KIND_OTHER, 0},
    [TYPE_INT8] = {"int8", LAYOUT_FIXED, KIND_SIGNED, 1},
    [TYPE_INT16] = {"int16", LAYOUT_FIXED, KIND_SIGNED, 2},
    [TYPE_INT32] = {"int32", LAYOUT_FIXED, KIND_SIGNED, 4},
    [TYPE_INT64] = {"int64", LAYOUT_FIXED, KIND_SIGNED, 8},
    [TYPE_UINT8] = {"uint8", LAYOUT_FIXED, KIND_UNSIGNED, 1},
    [TYPE_UINT16] = {"uint16", LAYOUT_FIXED, KIND_UNSIGNED, 2},
    [TYPE_UINT32] = {"uint32", LAYOUT_FIXED, KIND_UNSIGNED, 4},
    [TYPE_UINT64] = {"uint64", LAYOUT_FIXED, KIND_UNSIGNED, 8},
    [TYPE_FLOAT16] = {"halffloat", LAYOUT_FIXED, KIND_FLOAT, 2},
    [TYPE_FLOAT32] = {"float", LAYOUT_FIXED, KIND_FLOAT, 4},
    [TYPE_FLOAT64] = {"double", LAYOUT_FIXED, KIND_FLOAT, 8},
    [TYPE_STRING] = {"string", LAYOUT_BYTES, KIND_TEXT, 0},
    [TYPE_LARGE_STRING] = {"large_string", LAYOUT_LARGE_BYTES, KIND_TEXT, 0},
    [TYPE_BINARY] = {"binary", LAYOUT_BYTES, KIND_BINARY, 0},
    [TYPE_LARGE_BINARY] = {"large_binary", LAYOUT_LARGE_BYTES, KIND_BINARY, 0},
    [TYPE_STRING_VIEW] = {"string_view", LAYOUT_VIEWS, KIND_TEXT, 0},
    [TYPE_BINARY_VIEW] = {"binary_view", LAYOUT_VIEWS, KIND_BINARY, 0},
    [TYPE_FIXED_BINARY] = {"fixed_size_binary", LAYOUT_FIXED, KIND_OTHER, 0},
    [TYPE_DATE32] = {"date32", LAYOUT_FIXED, KIND_OTHER, 4},
    [TYPE_DATE64] = {"date64", LAYOUT_FIXED, KIND_OTHER, 8},
    [TYPE_TIME32] = {"time32", LAYOUT_FIXED, KIND_OTHER, 4},
    [TYPE_TIME64] = {"time64", LAYOUT_FIXED, KIND_OTHER, 8},
    [TYPE_TIMESTAMP] = {"timestamp", LAYOUT_FIXED, KIND_OTHER, 8},
    [TYPE_DURATION] = {"duration", LAYOUT_FIXED, KIND_OTHER, 8},
    [TYPE_INTERVAL] = {"interval", LAYOUT_FIXED, KIND_OTHER, 0},
    [TYPE_DECIMAL128] = {"decimal128", LAYOUT_FIXED, KIND_OTHER, 16},
    [TYPE_DECIMAL256] = {"decimal256", LAYOUT_FIXED, KIND_OTHER, 32},
    [TYPE_LIST] = {"list", LAYOUT_LIST, KIND_NESTED, 0},
    [TYPE_LARGE_LIST] = {"large_list", LAYOUT_LARGE_LIST, KIND_NESTED, 0},
    [TYPE_FIXED_LIST] = {"fixed_size_list", LAYOUT_FIXED_LIST, KIND_NESTED, 0},
    [TYPE_STRUCT] = {"struct", LAYOUT_STRUCT, KIND_NESTED, 0},
    [TYPE_MAP] = {"map", LAYOUT_LIST, KIND_NESTED, 0},
    [TYPE_DICTIONARY] = {"dictionary", LAYOUT_FIXED, KIND_OTHER, 0},
};

enum layout ktki_type_layout(enum type_id id) {
    return traits[id].layout;
}

size_t ktki_type_width(const struct data_type *type) {
    switch (type->id) {
    case TYPE_FIXED_BINARY:
    case TYPE_INTERVAL:
        return (size_t)type->width;
    case TYPE_DICTIONARY:
        return traits[type->index].width;
    default:
        return traits[type->id].width;
    }
}

bool ktki_type_is_signed_integer(enum type_id id) {
    return traits[id].kind == KIND_SIGNED;
}

bool ktki_type_is_unsigned_integer(enum type_id id) {
    return traits[id].kind == KIND_UNSIGNED;
}

bool ktki_type_is_float(enum type_id id) {
    return traits[id].kind == KIND_FLOAT;
}

bool ktki_type_is_text(enum type_id id) {
    return traits[id].kind == KIND_TEXT;
}

bool ktki_type_is_binary(enum type_id id) {
    return traits[id].kind == KIND_BINARY;
}

bool ktki_type_is_nested(enum type_id id) {
    return traits[id].kind == KIND_NESTED;
}

const char *ktki_type_name(enum type_id id) {
    return traits[id].name;
}

const char *ktki_unit_name(enum time_unit unit) {
    static const char *const names[] = {"s", "ms", "us", "ns"};
    return names[unit];
}

int64_t ktki_unit_per_second(enum time_unit unit) {
    static const int64_t counts[] = {1, 1000, 1000000, 1000000000};
    return counts[unit];
}

static bool same_timezone(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool ktki_type_equals(const struct data_type *a, const struct data_type *b) {
    if (a->id != b->id) {
        return false;
    }
    switch (a->id) {
    case TYPE_TIME32:
    case TYPE_TIME64:
    case TYPE_DURATION:
        return a->unit == b->unit;
    case TYPE_TIMESTAMP:
        return a->unit == b->unit && same_timezone(a->timezone, b->timezone);
    case TYPE_FIXED_BINARY:
    case TYPE_FIXED_LIST:
    case TYPE_INTERVAL:
        return a->width == b->width;
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return a->precision == b->precision && a->scale == b->scale;
    case TYPE_DICTIONARY:
        return a->index == b->index && a->ordered == b->ordered;
    default:
        return true;
    }
}
