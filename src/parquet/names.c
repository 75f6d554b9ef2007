#include "parquet/names.h"

#include "parquet/schema_read.h"

const char *ktki_parquet_encoding_name(int32_t encoding) {
    static const char *const names[PQ_ENCODING_COUNT] = {
        [PQ_PLAIN] = "PLAIN",
        [PQ_PLAIN_DICTIONARY] = "PLAIN_DICTIONARY",
        [PQ_RLE] = "RLE",
        [PQ_BIT_PACKED] = "BIT_PACKED",
        [PQ_DELTA_BINARY_PACKED] = "DELTA_BINARY_PACKED",
        [PQ_DELTA_LENGTH_BYTE_ARRAY] = "DELTA_LENGTH_BYTE_ARRAY",
        [PQ_DELTA_BYTE_ARRAY] = "DELTA_BYTE_ARRAY",
        [PQ_RLE_DICTIONARY] = "RLE_DICTIONARY",
        [PQ_BYTE_STREAM_SPLIT] = "BYTE_STREAM_SPLIT",
    };

    return encoding >= 0 && encoding < PQ_ENCODING_COUNT && names[encoding] != NULL
               ? names[encoding]
               : "UNKNOWN";
}

const char *ktki_parquet_page_type_name(enum parquet_page_type type) {
    static const char *const names[] = {
        [PQ_DATA_PAGE] = "DATA_PAGE",
        [PQ_INDEX_PAGE] = "INDEX_PAGE",
        [PQ_DICTIONARY_PAGE] = "DICTIONARY_PAGE",
        [PQ_DATA_PAGE_V2] = "DATA_PAGE_V2",
    };

    return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "UNKNOWN";
}

const char *ktki_parquet_repetition_name(enum parquet_repetition repetition) {
    static const char *const names[] = {
        [PQ_REQUIRED] = "REQUIRED", [PQ_OPTIONAL] = "OPTIONAL", [PQ_REPEATED] = "REPEATED"};

    return (size_t)repetition < sizeof(names) / sizeof(names[0]) ? names[repetition] : "UNKNOWN";
}

const char *ktki_parquet_type_name(enum parquet_type type) {
    static const char *const names[PQ_TYPE_COUNT] = {
        [PQ_BOOLEAN] = "BOOLEAN",       [PQ_INT32] = "INT32",
        [PQ_INT64] = "INT64",           [PQ_INT96] = "INT96",
        [PQ_FLOAT] = "FLOAT",           [PQ_DOUBLE] = "DOUBLE",
        [PQ_BYTE_ARRAY] = "BYTE_ARRAY", [PQ_FIXED_LEN_BYTE_ARRAY] = "FIXED_LEN_BYTE_ARRAY",
    };

    return names[type];
}

static const char *unit_name(enum parquet_time_unit unit) {
    switch (unit) {
    case PQ_UNIT_MILLIS:
        return "MILLIS";
    case PQ_UNIT_MICROS:
        return "MICROS";
    case PQ_UNIT_NANOS:
        return "NANOS";
    }
    return "UNKNOWN";
}

ktk_status ktki_parquet_logical_text(const struct schema_element *element, struct buffer *out,
                                     ktk_error *err) {
    static const char *const names[] = {
        [PQ_LOGICAL_STRING] = "STRING",       [PQ_LOGICAL_MAP] = "MAP",
        [PQ_LOGICAL_LIST] = "LIST",           [PQ_LOGICAL_ENUM] = "ENUM",
        [PQ_LOGICAL_DECIMAL] = "DECIMAL",     [PQ_LOGICAL_DATE] = "DATE",
        [PQ_LOGICAL_TIME] = "TIME",           [PQ_LOGICAL_TIMESTAMP] = "TIMESTAMP",
        [PQ_LOGICAL_INTEGER] = "INTEGER",     [PQ_LOGICAL_NULL] = "NULL",
        [PQ_LOGICAL_JSON] = "JSON",           [PQ_LOGICAL_BSON] = "BSON",
        [PQ_LOGICAL_UUID] = "UUID",           [PQ_LOGICAL_FLOAT16] = "FLOAT16",
        [PQ_LOGICAL_VARIANT] = "VARIANT",     [PQ_LOGICAL_GEOMETRY] = "GEOMETRY",
        [PQ_LOGICAL_GEOGRAPHY] = "GEOGRAPHY",
    };
    struct parquet_logical_type logical = ktki_parquet_logical(element);

    switch (logical.id) {
    case PQ_LOGICAL_NONE:
        return element->converted == PQ_INTERVAL ? ktki_buffer_append_text(out, "INTERVAL", err)
                                                 : KTK_OK;
    case PQ_LOGICAL_DECIMAL:
        return ktki_buffer_append_format(out, err, "DECIMAL(%d, %d)", logical.precision,
                                         logical.scale);
    case PQ_LOGICAL_TIME:
    case PQ_LOGICAL_TIMESTAMP:
        return ktki_buffer_append_format(out, err, "%s(%s, UTC=%s)", names[logical.id],
                                         unit_name(logical.unit),
                                         logical.is_utc ? "true" : "false");
    case PQ_LOGICAL_INTEGER:
        return ktki_buffer_append_format(out, err, "INTEGER(%d, %s)", logical.bit_width,
                                         logical.is_signed ? "signed" : "unsigned");
    default:
        return ktki_buffer_append_text(out,
                                       (size_t)logical.id < sizeof(names) / sizeof(names[0]) &&
                                               names[logical.id] != NULL
                                           ? names[logical.id]
                                           : "UNKNOWN",
                                       err);
    }
}
