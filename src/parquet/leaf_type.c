#include <assert.h>

#include "base/error.h"
#include "parquet/schema_read.h"

#define DECIMAL128_DIGITS 38
#define DECIMAL256_DIGITS 76

/* What parquet-cpp up to 1.5 (pyarrow 0.13) called a column of nulls; it is in no specification. */
#define PQ_CONVERTED_OLD_NULL 24

#define MAY_BE(type) (1u << (type))

/* What a converted type says in terms of logical types. Timestamps of old writers are taken as
 * local time: that is what those writers meant, whatever the specification says today. */
static const struct parquet_logical_type converted_types[] = {
    [PQ_UTF8] = {.id = PQ_LOGICAL_STRING},
    [PQ_MAP] = {.id = PQ_LOGICAL_MAP},
    [PQ_MAP_KEY_VALUE] = {.id = PQ_LOGICAL_MAP},
    [PQ_LIST] = {.id = PQ_LOGICAL_LIST},
    [PQ_ENUM] = {.id = PQ_LOGICAL_ENUM},
    [PQ_DECIMAL] = {.id = PQ_LOGICAL_DECIMAL},
    [PQ_DATE] = {.id = PQ_LOGICAL_DATE},
    [PQ_TIME_MILLIS] = {.id = PQ_LOGICAL_TIME, .unit = PQ_UNIT_MILLIS},
    [PQ_TIME_MICROS] = {.id = PQ_LOGICAL_TIME, .unit = PQ_UNIT_MICROS},
    [PQ_TIMESTAMP_MILLIS] = {.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MILLIS},
    [PQ_TIMESTAMP_MICROS] = {.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MICROS},
    [PQ_UINT_8] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 8},
    [PQ_UINT_16] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 16},
    [PQ_UINT_32] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 32},
    [PQ_UINT_64] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 64},
    [PQ_INT_8] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 8, .is_signed = true},
    [PQ_INT_16] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 16, .is_signed = true},
    [PQ_INT_32] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 32, .is_signed = true},
    [PQ_INT_64] = {.id = PQ_LOGICAL_INTEGER, .bit_width = 64, .is_signed = true},
    [PQ_JSON] = {.id = PQ_LOGICAL_JSON},
    [PQ_BSON] = {.id = PQ_LOGICAL_BSON},
    [PQ_CONVERTED_OLD_NULL] = {.id = PQ_LOGICAL_NULL},
};

struct parquet_logical_type ktki_parquet_logical(const struct schema_element *element) {
    struct parquet_logical_type logical = element->logical;

    if (logical.id == PQ_LOGICAL_NONE && element->converted > PQ_CONVERTED_NONE &&
        (size_t)element->converted < sizeof(converted_types) / sizeof(converted_types[0])) {
        logical = converted_types[element->converted];
        logical.scale = element->scale;
        logical.precision = element->precision;
    }
    return logical;
}

/* Types by logical type. False: the attributes do not fit the physical type. */

static bool physical_type(const struct schema_element *element,
                          const struct parquet_logical_type *logical, struct data_type *out) {
    static const enum type_id ids[PQ_TYPE_COUNT] = {
        [PQ_BOOLEAN] = TYPE_BOOL,      [PQ_INT32] = TYPE_INT32,
        [PQ_INT64] = TYPE_INT64,       [PQ_INT96] = TYPE_TIMESTAMP,
        [PQ_FLOAT] = TYPE_FLOAT32,     [PQ_DOUBLE] = TYPE_FLOAT64,
        [PQ_BYTE_ARRAY] = TYPE_BINARY, [PQ_FIXED_LEN_BYTE_ARRAY] = TYPE_FIXED_BINARY,
    };

    (void)logical;
    out->id = ids[element->type];
    if (element->type == PQ_INT96) {
        out->unit = UNIT_NANO;
    }
    if (element->type == PQ_FIXED_LEN_BYTE_ARRAY) {
        out->width = element->type_length;
    }
    return true;
}

static bool string_type(const struct schema_element *element,
                        const struct parquet_logical_type *logical, struct data_type *out) {
    (void)element;
    (void)logical;
    out->id = TYPE_STRING;
    return true;
}

static bool null_type(const struct schema_element *element,
                      const struct parquet_logical_type *logical, struct data_type *out) {
    (void)element;
    (void)logical;
    out->id = TYPE_NULL;
    return true;
}

static bool date_type(const struct schema_element *element,
                      const struct parquet_logical_type *logical, struct data_type *out) {
    (void)element;
    (void)logical;
    out->id = TYPE_DATE32;
    return true;
}

static bool float16_type(const struct schema_element *element,
                         const struct parquet_logical_type *logical, struct data_type *out) {
    (void)logical;
    out->id = TYPE_FLOAT16;
    return element->type_length == 2;
}

static bool uuid_type(const struct schema_element *element,
                      const struct parquet_logical_type *logical, struct data_type *out) {
    (void)logical;
    out->id = TYPE_FIXED_BINARY;
    out->width = element->type_length;
    return element->type_length == 16;
}

static bool decimal_type(const struct schema_element *element,
                         const struct parquet_logical_type *logical, struct data_type *out) {
    int32_t digits_max = element->type == PQ_INT32   ? 9
                         : element->type == PQ_INT64 ? 18
                                                     : DECIMAL256_DIGITS;

    out->id = logical->precision <= DECIMAL128_DIGITS ? TYPE_DECIMAL128 : TYPE_DECIMAL256;
    out->precision = logical->precision;
    out->scale = logical->scale;
    return logical->precision >= 1 && logical->precision <= digits_max && logical->scale >= 0 &&
           logical->scale <= logical->precision;
}

static const enum time_unit units[] = {
    [PQ_UNIT_MILLIS] = UNIT_MILLI, [PQ_UNIT_MICROS] = UNIT_MICRO, [PQ_UNIT_NANOS] = UNIT_NANO};

static bool time_type(const struct schema_element *element,
                      const struct parquet_logical_type *logical, struct data_type *out) {
    bool is_short = logical->unit == PQ_UNIT_MILLIS;

    out->id = is_short ? TYPE_TIME32 : TYPE_TIME64;
    out->unit = units[logical->unit];
    return element->type == (is_short ? PQ_INT32 : PQ_INT64);
}

static bool timestamp_type(const struct schema_element *element,
                           const struct parquet_logical_type *logical, struct data_type *out) {
    (void)element;
    out->id = TYPE_TIMESTAMP;
    out->unit = units[logical->unit];
    out->timezone = logical->is_utc ? "UTC" : NULL;
    return true;
}

static bool integer_type(const struct schema_element *element,
                         const struct parquet_logical_type *logical, struct data_type *out) {
    bool is_signed = logical->is_signed;

    switch (logical->bit_width) {
    case 8:
        out->id = is_signed ? TYPE_INT8 : TYPE_UINT8;
        break;
    case 16:
        out->id = is_signed ? TYPE_INT16 : TYPE_UINT16;
        break;
    case 32:
        out->id = is_signed ? TYPE_INT32 : TYPE_UINT32;
        break;
    case 64:
        out->id = is_signed ? TYPE_INT64 : TYPE_UINT64;
        break;
    default:
        return false;
    }
    return element->type == (logical->bit_width == 64 ? PQ_INT64 : PQ_INT32);
}

struct type_rule {
    uint32_t physical; /* types that may carry the annotation */
    bool (*translate)(const struct schema_element *element,
                      const struct parquet_logical_type *logical, struct data_type *out);
};

#define BYTES MAY_BE(PQ_BYTE_ARRAY)
#define FIXED MAY_BE(PQ_FIXED_LEN_BYTE_ARRAY)
#define INTS (MAY_BE(PQ_INT32) | MAY_BE(PQ_INT64))
#define ANY UINT32_MAX

/* Annotations without a line say nothing about the type of a value. */
static const struct type_rule type_rules[] = {
    [PQ_LOGICAL_NONE] = {ANY, physical_type},
    [PQ_LOGICAL_STRING] = {BYTES, string_type},
    [PQ_LOGICAL_ENUM] = {BYTES, physical_type},
    [PQ_LOGICAL_DECIMAL] = {BYTES | FIXED | INTS, decimal_type},
    [PQ_LOGICAL_DATE] = {MAY_BE(PQ_INT32), date_type},
    [PQ_LOGICAL_TIME] = {INTS, time_type},
    [PQ_LOGICAL_TIMESTAMP] = {MAY_BE(PQ_INT64), timestamp_type},
    [PQ_LOGICAL_INTEGER] = {INTS, integer_type},
    [PQ_LOGICAL_NULL] = {ANY, null_type},
    [PQ_LOGICAL_JSON] = {BYTES, string_type},
    [PQ_LOGICAL_BSON] = {BYTES, physical_type},
    [PQ_LOGICAL_UUID] = {FIXED, uuid_type},
    [PQ_LOGICAL_FLOAT16] = {FIXED, float16_type},
};

ktk_status ktki_parquet_leaf_type(struct data_type *out, const struct schema_element *element,
                                  ktk_error *err) {
    struct parquet_logical_type logical = ktki_parquet_logical(element);
    const struct type_rule *rule = &type_rules[PQ_LOGICAL_NONE];
    struct data_type type = {0};

    if (element->type == PQ_FIXED_LEN_BYTE_ARRAY && element->type_length <= 0) {
        return ktk_error_set(err, KTK_E_CORRUPT, "column '%s' has values of %d bytes",
                             element->name, element->type_length);
    }
    if ((size_t)logical.id < sizeof(type_rules) / sizeof(type_rules[0]) &&
        type_rules[logical.id].translate != NULL) {
        rule = &type_rules[logical.id];
    }
    assert(rule->translate != NULL);
    if ((rule->physical & MAY_BE(element->type)) == 0 ||
        !rule->translate(element, &logical, &type)) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "the logical type of column '%s' does not fit its physical type",
                             element->name);
    }
    *out = type;
    return KTK_OK;
}
