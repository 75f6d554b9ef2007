/** The footer of a Parquet file as structs: parquet.thrift,
 * https://github.com/apache/parquet-format. */
#ifndef KTKI_PARQUET_METADATA_H
#define KTKI_PARQUET_METADATA_H

#include <kartothek/context.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/cursor.h"

enum parquet_type {
    PQ_BOOLEAN = 0,
    PQ_INT32 = 1,
    PQ_INT64 = 2,
    PQ_INT96 = 3,
    PQ_FLOAT = 4,
    PQ_DOUBLE = 5,
    PQ_BYTE_ARRAY = 6,
    PQ_FIXED_LEN_BYTE_ARRAY = 7,
    PQ_TYPE_COUNT = 8
};

enum parquet_repetition { PQ_REQUIRED = 0, PQ_OPTIONAL = 1, PQ_REPEATED = 2 };

enum parquet_encoding {
    PQ_PLAIN = 0,
    PQ_PLAIN_DICTIONARY = 2,
    PQ_RLE = 3,
    PQ_BIT_PACKED = 4,
    PQ_DELTA_BINARY_PACKED = 5,
    PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
    PQ_DELTA_BYTE_ARRAY = 7,
    PQ_RLE_DICTIONARY = 8,
    PQ_BYTE_STREAM_SPLIT = 9,
    PQ_ENCODING_COUNT = 10
};

enum parquet_page_type {
    PQ_DATA_PAGE = 0,
    PQ_INDEX_PAGE = 1,
    PQ_DICTIONARY_PAGE = 2,
    PQ_DATA_PAGE_V2 = 3
};

/** ConvertedType; -1 stands for "none". */
enum parquet_converted {
    PQ_CONVERTED_NONE = -1,
    PQ_UTF8 = 0,
    PQ_MAP = 1,
    PQ_MAP_KEY_VALUE = 2,
    PQ_LIST = 3,
    PQ_ENUM = 4,
    PQ_DECIMAL = 5,
    PQ_DATE = 6,
    PQ_TIME_MILLIS = 7,
    PQ_TIME_MICROS = 8,
    PQ_TIMESTAMP_MILLIS = 9,
    PQ_TIMESTAMP_MICROS = 10,
    PQ_UINT_8 = 11,
    PQ_UINT_16 = 12,
    PQ_UINT_32 = 13,
    PQ_UINT_64 = 14,
    PQ_INT_8 = 15,
    PQ_INT_16 = 16,
    PQ_INT_32 = 17,
    PQ_INT_64 = 18,
    PQ_JSON = 19,
    PQ_BSON = 20,
    PQ_INTERVAL = 21
};

/** LogicalType: the field id in the thrift union; 0 stands for "none", PQ_LOGICAL_OTHER for an id
 * we do not know. */
enum parquet_logical {
    PQ_LOGICAL_NONE = 0,
    PQ_LOGICAL_STRING = 1,
    PQ_LOGICAL_MAP = 2,
    PQ_LOGICAL_LIST = 3,
    PQ_LOGICAL_ENUM = 4,
    PQ_LOGICAL_DECIMAL = 5,
    PQ_LOGICAL_DATE = 6,
    PQ_LOGICAL_TIME = 7,
    PQ_LOGICAL_TIMESTAMP = 8,
    PQ_LOGICAL_INTEGER = 10,
    PQ_LOGICAL_NULL = 11, /* UNKNOWN: always null */
    PQ_LOGICAL_JSON = 12,
    PQ_LOGICAL_BSON = 13,
    PQ_LOGICAL_UUID = 14,
    PQ_LOGICAL_FLOAT16 = 15,
    PQ_LOGICAL_VARIANT = 16,
    PQ_LOGICAL_GEOMETRY = 17,
    PQ_LOGICAL_GEOGRAPHY = 18,
    PQ_LOGICAL_OTHER = 255
};

enum parquet_time_unit { PQ_UNIT_MILLIS = 1, PQ_UNIT_MICROS = 2, PQ_UNIT_NANOS = 3 };

struct parquet_logical_type {
    enum parquet_logical id;
    bool is_utc;                 /* TIME, TIMESTAMP: isAdjustedToUTC */
    enum parquet_time_unit unit; /* TIME, TIMESTAMP */
    int8_t bit_width;            /* INTEGER */
    bool is_signed;              /* INTEGER */
    int32_t scale;               /* DECIMAL */
    int32_t precision;           /* DECIMAL */
    const char *crs;             /* GEOMETRY, GEOGRAPHY; NULL: the default */
    int32_t edges;               /* GEOGRAPHY: EdgeInterpolationAlgorithm; 0 also if absent */
    int8_t variant_version;      /* VARIANT; 0: absent */
};

struct schema_element {
    enum parquet_type type; /* leaves only */
    bool has_type;          /* false: a group */
    int32_t type_length;    /* FIXED_LEN_BYTE_ARRAY */
    enum parquet_repetition repetition;
    const char *name;
    int32_t child_count;
    enum parquet_converted converted;
    int32_t scale;     /* of the converted DECIMAL */
    int32_t precision; /* of the converted DECIMAL */
    int32_t field_id;  /* -1: none */
    struct parquet_logical_type logical;
};

/** Bytes that may be absent: `data` NULL. */
struct parquet_bytes {
    const uint8_t *data;
    size_t size;
};

/** The new min_value/max_value and the old min/max are kept apart; absent counts are -1. */
struct parquet_statistics {
    bool is_present;
    struct parquet_bytes old_min;
    struct parquet_bytes old_max;
    struct parquet_bytes min_value;
    struct parquet_bytes max_value;
    int64_t null_count;
    int64_t distinct_count;
    bool has_exact_min; /* min_value is known to be one of the values */
    bool has_exact_max;
};

/** Sizes that readers can reserve memory by. Histograms: entry i counts the levels that are i. */
struct size_statistics {
    int64_t text_bytes; /* of the BYTE_ARRAY values without their lengths; -1: absent */
    int32_t repetition_count;
    const int64_t *repetitions;
    int32_t definition_count;
    const int64_t *definitions;
};

/** Where a part of the file lies that describes a chunk; `offset` -1: there is none, `size` -1: it
 * is not told. */
struct index_place {
    int64_t offset;
    int32_t size;
};

/** How many pages of a kind use an encoding. */
struct page_encoding_count {
    int32_t page_type;
    int32_t encoding;
    int32_t count;
};

/** Rows of a row group are sorted by a leaf, first by the first one. */
struct sorting_column {
    int32_t leaf;
    bool is_descending;
    bool has_nulls_first;
};

struct column_chunk {
    enum parquet_type type;
    int32_t codec; /* CompressionCodec as stored */
    int32_t encoding_count;
    const int32_t *encodings;
    int32_t path_count;
    const char *const *path;
    int64_t value_count;
    int64_t uncompressed_size;
    int64_t compressed_size;
    int64_t data_page_offset;
    int64_t dictionary_page_offset; /* -1: none */
    int64_t index_page_offset;      /* -1: none */
    struct parquet_statistics statistics;
    struct size_statistics sizes;
    int32_t page_encoding_count; /* 0: not known */
    const struct page_encoding_count *page_encodings;
    struct index_place column_index;
    struct index_place offset_index;
    struct index_place bloom; /* see bloom.h */
    bool is_encrypted;
    bool is_elsewhere; /* file_path names another file */
};

struct row_group {
    int32_t column_count;
    struct column_chunk *columns; /* of a decoded footer: NULL, see ktki_column_chunk_decode() */
    struct parquet_bytes chunk_bytes; /* the same, as a decoded footer has them */
    int64_t total_byte_size;
    int64_t row_count;
    int64_t file_offset;           /* -1: absent */
    int64_t total_compressed_size; /* -1: absent */
    int32_t sorting_count;
    const struct sorting_column *sorting;
};

struct parquet_key_value {
    const char *key;
    const char *value; /* NULL: absent */
    size_t value_size;
};

/** Texts and arrays lie in the arena given to the parser (names, encodings) or in the footer bytes
 * (column chunks and their statistics). */
struct parquet_metadata {
    int32_t version;
    int32_t element_count; /* depth-first, the root first */
    struct schema_element *elements;
    int64_t row_count;
    int32_t row_group_count;
    struct row_group *row_groups;
    int32_t key_value_count;
    struct parquet_key_value *key_values;
    const char *created_by; /* NULL: absent */
    int32_t
        column_order_count; /* 0: absent; else 1 = TYPE_ORDER in each entry, 0 = unknown order */
    const uint8_t *column_orders;
    bool is_encrypted; /* encryption_algorithm is set */
};

struct page_header {
    enum parquet_page_type type;
    int32_t uncompressed_size;
    int32_t compressed_size;
    bool has_crc;
    uint32_t crc;
    int32_t value_count; /* data pages: nulls included; dictionary page: entries */
    enum parquet_encoding encoding;
    enum parquet_encoding definition_encoding; /* v1 */
    enum parquet_encoding repetition_encoding; /* v1 */
    int32_t null_count;                        /* v2 */
    int32_t row_count;                         /* v2 */
    int32_t definition_size;                   /* v2: bytes of the levels, uncompressed */
    int32_t repetition_size;                   /* v2 */
    bool is_compressed;                        /* v2; true otherwise */
    struct parquet_statistics statistics;      /* data pages; borrowed from the input */
};

/**
 * Decode a footer (without length and magic). The bytes must outlive the metadata. Counts are
 * bounded by the bytes left, depth by the limits. KTK_E_CORRUPT names the field.
 *
 * Column chunks, which are most of a footer, are only passed over: that they are well-formed Thrift
 * is checked, what they say is not.
 */
ktk_status ktki_metadata_decode(struct parquet_metadata *out, struct arena *arena,
                                const ktk_limits *limits, const uint8_t *data, size_t size,
                                ktk_error *err);

/**
 * Decode one column chunk; the cursor, which starts as the `chunk_bytes` of a row group, moves
 * behind it. The bytes must outlive the chunk, whose arrays lie in the arena. KTK_E_CORRUPT names
 * the field.
 */
ktk_status ktki_column_chunk_decode(struct column_chunk *out, struct arena *arena,
                                    const ktk_limits *limits, struct cursor *cursor,
                                    ktk_error *err);

/** Append the compact-thrift encoding of a footer. */
ktk_status ktki_metadata_encode(const struct parquet_metadata *metadata, struct buffer *out,
                                ktk_error *err);

/** Decode one page header; the cursor moves behind it. */
ktk_status ktki_page_header_decode(struct page_header *out, struct cursor *cursor, ktk_error *err);

ktk_status ktki_page_header_encode(const struct page_header *header, struct buffer *out,
                                   ktk_error *err);

enum boundary_order { ORDER_UNKNOWN = 0, ORDER_ASCENDING = 1, ORDER_DESCENDING = 2 };

/** The pages of a chunk: which values they hold. Lists of counts may be absent: count 0. */
struct column_index {
    int32_t page_count;
    const bool *null_pages; /* pages without a value; their bounds say nothing */
    int32_t min_count;
    const struct parquet_bytes *mins;
    int32_t max_count;
    const struct parquet_bytes *maxs;
    int32_t boundary_order;
    int32_t null_count_count;
    const int64_t *null_counts;
    int32_t repetition_count; /* histograms of all pages, one behind the other */
    const int64_t *repetitions;
    int32_t definition_count;
    const int64_t *definitions;
};

struct page_location {
    int64_t offset; /* in the file */
    int32_t size;   /* header included */
    int64_t first_row;
};

/** The pages of a chunk: where they lie. */
struct offset_index {
    int32_t page_count;
    const struct page_location *pages;
    int32_t text_bytes_count;
    const int64_t *text_bytes; /* of the BYTE_ARRAY values of each page */
};

/** Decode parts of the page index; arrays lie in the arena, bounds in `data`. Lists of a column
 * index that are of different lengths are KTK_E_CORRUPT. */
ktk_status ktki_column_index_decode(struct column_index *out, struct arena *arena,
                                    const uint8_t *data, size_t size, ktk_error *err);
ktk_status ktki_offset_index_decode(struct offset_index *out, struct arena *arena,
                                    const uint8_t *data, size_t size, ktk_error *err);

ktk_status ktki_column_index_encode(const struct column_index *index, struct buffer *out,
                                    ktk_error *err);
ktk_status ktki_offset_index_encode(const struct offset_index *index, struct buffer *out,
                                    ktk_error *err);

#endif
