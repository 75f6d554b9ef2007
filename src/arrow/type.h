/** Data types as plain values; what an Arrow format string says, parsed. */
#ifndef KTKI_ARROW_TYPE_H
#define KTKI_ARROW_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_id {
    TYPE_NULL = 0,
    TYPE_BOOL,
    TYPE_INT8,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_UINT8,
    TYPE_UINT16,
    TYPE_UINT32,
    TYPE_UINT64,
    TYPE_FLOAT16,
    TYPE_FLOAT32,
    TYPE_FLOAT64,
    TYPE_STRING,       /* UTF-8, 32-bit offsets */
    TYPE_LARGE_STRING, /* UTF-8, 64-bit offsets */
    TYPE_BINARY,
    TYPE_LARGE_BINARY,
    TYPE_STRING_VIEW,
    TYPE_BINARY_VIEW,
    TYPE_FIXED_BINARY, /* `width` bytes */
    TYPE_DATE32,       /* days */
    TYPE_DATE64,       /* milliseconds */
    TYPE_TIME32,       /* seconds or milliseconds */
    TYPE_TIME64,       /* microseconds or nanoseconds */
    TYPE_TIMESTAMP,
    TYPE_DURATION,
    TYPE_INTERVAL, /* carried, not interpreted; `width` 4: months, 8: days and milliseconds, 16:
                      months, days and nanoseconds */
    TYPE_DECIMAL128,
    TYPE_DECIMAL256,
    TYPE_LIST,
    TYPE_LARGE_LIST,
    TYPE_FIXED_LIST, /* `width` items */
    TYPE_STRUCT,
    TYPE_MAP,
    TYPE_DICTIONARY, /* indices of type `index`; the values are the field's `dictionary` */
    TYPE_COUNT
};

enum time_unit { UNIT_SECOND = 0, UNIT_MILLI, UNIT_MICRO, UNIT_NANO };

struct data_type {
    enum type_id id;
    enum time_unit unit;  /* TIME32, TIME64, TIMESTAMP, DURATION */
    enum type_id index;   /* DICTIONARY */
    bool ordered;         /* DICTIONARY */
    int32_t width;        /* FIXED_BINARY, FIXED_LIST, INTERVAL */
    int32_t precision;    /* DECIMAL128, DECIMAL256 */
    int32_t scale;        /* DECIMAL128, DECIMAL256 */
    const char *timezone; /* TIMESTAMP; NULL: naive */
};

/** How values lie in memory: what kernels are chosen by. */
enum layout {
    LAYOUT_NULL = 0,    /* no buffers */
    LAYOUT_FIXED,       /* validity, values of ktki_type_width() bytes; dictionary indices, too */
    LAYOUT_BITS,        /* validity, bits */
    LAYOUT_BYTES,       /* validity, int32_t offsets, bytes */
    LAYOUT_LARGE_BYTES, /* validity, int64_t offsets, bytes */
    LAYOUT_VIEWS,       /* validity, views of 16 bytes, any number of data buffers, their sizes */
    LAYOUT_LIST,        /* validity, int32_t offsets; LIST and MAP */
    LAYOUT_LARGE_LIST,  /* validity, int64_t offsets */
    LAYOUT_FIXED_LIST,  /* validity */
    LAYOUT_STRUCT,      /* validity */
    LAYOUT_COUNT
};

enum layout ktki_type_layout(enum type_id id);

/** Bytes of one value of a fixed-width type (also dictionary indices and decimals), 0 for any other
 * (bool, too). */
size_t ktki_type_width(const struct data_type *type);

bool ktki_type_is_signed_integer(enum type_id id);
bool ktki_type_is_unsigned_integer(enum type_id id);
bool ktki_type_is_float(enum type_id id);
bool ktki_type_is_text(enum type_id id);   /* STRING, LARGE_STRING, STRING_VIEW */
bool ktki_type_is_binary(enum type_id id); /* BINARY, LARGE_BINARY, BINARY_VIEW; not FIXED_BINARY */
bool ktki_type_is_nested(enum type_id id);

/** Name without parameters, as type texts show it: "int64", "timestamp", "fixed_size_binary". */
const char *ktki_type_name(enum type_id id);

/** Abbreviation of a unit: "s", "ms", "us", "ns". */
const char *ktki_unit_name(enum time_unit unit);

/** Units in a second: 1, 1000, 1000000, 1000000000. */
int64_t ktki_unit_per_second(enum time_unit unit);

/** Equal in every attribute that the type has; dictionary values are not part of it (see
 * ktki_field_equals). */
bool ktki_type_equals(const struct data_type *a, const struct data_type *b);

#endif
