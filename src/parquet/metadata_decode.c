#include <stddef.h>

#include "base/error.h"
#include "parquet/metadata.h"
#include "parquet/metadata_rules.h"

/* Structs of a footer that are open around a column chunk: FileMetaData and RowGroup. */
#define CHUNK_DEPTH 2

_Static_assert(offsetof(struct parquet_logical_type, id) == 0, "FIELD_UNION wants the id first");

/* LogicalType and its members */

static const struct field_rule decimal_fields[] = {
    [1] = {.name = "scale",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, scale)},
    [2] = {.name = "precision",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, precision)},
};
static const struct struct_rule decimal_rule = {
    .name = "DecimalType", .fields = decimal_fields, .field_count = COUNT_OF(decimal_fields)};

static const struct field_rule unit_members[] = {
    [PQ_UNIT_MILLIS] = {.name = "MILLIS"},
    [PQ_UNIT_MICROS] = {.name = "MICROS"},
    [PQ_UNIT_NANOS] = {.name = "NANOS"},
};
static const struct struct_rule unit_rule = {
    .name = "TimeUnit", .fields = unit_members, .field_count = COUNT_OF(unit_members)};

static const struct field_rule time_fields[] = {
    [1] = {.name = "isAdjustedToUTC",
           .kind = FIELD_BOOL,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, is_utc)},
    [2] = {.name = "unit",
           .kind = FIELD_UNION,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, unit),
           .of = &unit_rule},
};
static const struct struct_rule time_rule = {
    .name = "TimeType", .fields = time_fields, .field_count = COUNT_OF(time_fields)};

static const struct field_rule integer_fields[] = {
    [1] = {.name = "bitWidth",
           .kind = FIELD_I8,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, bit_width)},
    [2] = {.name = "isSigned",
           .kind = FIELD_BOOL,
           .is_required = true,
           .offset = offsetof(struct parquet_logical_type, is_signed)},
};
static const struct struct_rule integer_rule = {
    .name = "IntType", .fields = integer_fields, .field_count = COUNT_OF(integer_fields)};

static const struct field_rule variant_fields[] = {
    [1] = {.name = "specification_version",
           .kind = FIELD_I8,
           .offset = offsetof(struct parquet_logical_type, variant_version)},
};
static const struct struct_rule variant_rule = {
    .name = "VariantType", .fields = variant_fields, .field_count = COUNT_OF(variant_fields)};

static const struct field_rule geometry_fields[] = {
    [1] = {.name = "crs", .kind = FIELD_TEXT, .offset = offsetof(struct parquet_logical_type, crs)},
};
static const struct struct_rule geometry_rule = {
    .name = "GeometryType", .fields = geometry_fields, .field_count = COUNT_OF(geometry_fields)};

static const struct field_rule geography_fields[] = {
    [1] = {.name = "crs", .kind = FIELD_TEXT, .offset = offsetof(struct parquet_logical_type, crs)},
    [2] = {.name = "algorithm",
           .kind = FIELD_I32,
           .offset = offsetof(struct parquet_logical_type, edges)},
};
static const struct struct_rule geography_rule = {
    .name = "GeographyType", .fields = geography_fields, .field_count = COUNT_OF(geography_fields)};

static const struct field_rule logical_members[] = {
    [PQ_LOGICAL_STRING] = {.name = "STRING"},
    [PQ_LOGICAL_MAP] = {.name = "MAP"},
    [PQ_LOGICAL_LIST] = {.name = "LIST"},
    [PQ_LOGICAL_ENUM] = {.name = "ENUM"},
    [PQ_LOGICAL_DECIMAL] = {.name = "DECIMAL", .of = &decimal_rule},
    [PQ_LOGICAL_DATE] = {.name = "DATE"},
    [PQ_LOGICAL_TIME] = {.name = "TIME", .of = &time_rule},
    [PQ_LOGICAL_TIMESTAMP] = {.name = "TIMESTAMP", .of = &time_rule},
    [PQ_LOGICAL_INTEGER] = {.name = "INTEGER", .of = &integer_rule},
    [PQ_LOGICAL_NULL] = {.name = "UNKNOWN"},
    [PQ_LOGICAL_JSON] = {.name = "JSON"},
    [PQ_LOGICAL_BSON] = {.name = "BSON"},
    [PQ_LOGICAL_UUID] = {.name = "UUID"},
    [PQ_LOGICAL_FLOAT16] = {.name = "FLOAT16"},
    [PQ_LOGICAL_VARIANT] = {.name = "VARIANT", .of = &variant_rule},
    [PQ_LOGICAL_GEOMETRY] = {.name = "GEOMETRY", .of = &geometry_rule},
    [PQ_LOGICAL_GEOGRAPHY] = {.name = "GEOGRAPHY", .of = &geography_rule},
};
static const struct struct_rule logical_rule = {
    .name = "LogicalType", .fields = logical_members, .field_count = COUNT_OF(logical_members)};

/* SchemaElement */

static const struct schema_element element_initial = {
    .converted = PQ_CONVERTED_NONE,
    .field_id = -1,
};

static const struct field_rule element_fields[] = {
    [1] = {.name = "type",
           .kind = FIELD_ENUM,
           .offset = offsetof(struct schema_element, type),
           .flag_offset = offsetof(struct schema_element, has_type),
           .value_max = PQ_TYPE_COUNT - 1},
    [2] = {.name = "type_length",
           .kind = FIELD_I32,
           .offset = offsetof(struct schema_element, type_length)},
    [3] = {.name = "repetition_type",
           .kind = FIELD_ENUM,
           .offset = offsetof(struct schema_element, repetition),
           .value_max = PQ_REPEATED},
    [4] = {.name = "name",
           .kind = FIELD_TEXT,
           .is_required = true,
           .offset = offsetof(struct schema_element, name)},
    [5] = {.name = "num_children",
           .kind = FIELD_COUNT32,
           .offset = offsetof(struct schema_element, child_count)},
    [6] = {.name = "converted_type",
           .kind = FIELD_I32,
           .offset = offsetof(struct schema_element, converted)},
    [7] = {.name = "scale", .kind = FIELD_I32, .offset = offsetof(struct schema_element, scale)},
    [8] = {.name = "precision",
           .kind = FIELD_I32,
           .offset = offsetof(struct schema_element, precision)},
    [9] = {.name = "field_id",
           .kind = FIELD_I32,
           .offset = offsetof(struct schema_element, field_id)},
    [10] = {.name = "logicalType",
            .kind = FIELD_UNION,
            .offset = offsetof(struct schema_element, logical),
            .value_max = PQ_LOGICAL_OTHER,
            .of = &logical_rule},
};
static const struct struct_rule element_rule = {.name = "SchemaElement",
                                                .fields = element_fields,
                                                .field_count = COUNT_OF(element_fields),
                                                .size = sizeof(struct schema_element),
                                                .initial = &element_initial};

/* ColumnChunk and what it holds */

static const struct field_rule statistics_fields[] = {
    [1] = {.name = "max",
           .kind = FIELD_BYTES,
           .offset = offsetof(struct parquet_statistics, old_max)},
    [2] = {.name = "min",
           .kind = FIELD_BYTES,
           .offset = offsetof(struct parquet_statistics, old_min)},
    [3] = {.name = "null_count",
           .kind = FIELD_I64,
           .offset = offsetof(struct parquet_statistics, null_count)},
    [4] = {.name = "distinct_count",
           .kind = FIELD_I64,
           .offset = offsetof(struct parquet_statistics, distinct_count)},
    [5] = {.name = "max_value",
           .kind = FIELD_BYTES,
           .offset = offsetof(struct parquet_statistics, max_value)},
    [6] = {.name = "min_value",
           .kind = FIELD_BYTES,
           .offset = offsetof(struct parquet_statistics, min_value)},
    [7] = {.name = "is_max_value_exact",
           .kind = FIELD_BOOL,
           .offset = offsetof(struct parquet_statistics, has_exact_max)},
    [8] = {.name = "is_min_value_exact",
           .kind = FIELD_BOOL,
           .offset = offsetof(struct parquet_statistics, has_exact_min)},
};
const struct struct_rule ktki_rule_of_statistics = {
    .name = "Statistics", .fields = statistics_fields, .field_count = COUNT_OF(statistics_fields)};

static const struct field_rule page_encoding_fields[] = {
    [1] = {.name = "page_type",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_encoding_count, page_type)},
    [2] = {.name = "encoding",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_encoding_count, encoding)},
    [3] = {.name = "count",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct page_encoding_count, count)},
};
static const struct struct_rule page_encoding_rule = {.name = "PageEncodingStats",
                                                      .fields = page_encoding_fields,
                                                      .field_count = COUNT_OF(page_encoding_fields),
                                                      .size = sizeof(struct page_encoding_count)};

static const struct field_rule size_statistics_fields[] = {
    [1] = {.name = "unencoded_byte_array_data_bytes",
           .kind = FIELD_I64,
           .offset = offsetof(struct size_statistics, text_bytes)},
    [2] = {.name = "repetition_level_histogram",
           .kind = FIELD_I64S,
           .offset = offsetof(struct size_statistics, repetitions),
           .count_offset = offsetof(struct size_statistics, repetition_count)},
    [3] = {.name = "definition_level_histogram",
           .kind = FIELD_I64S,
           .offset = offsetof(struct size_statistics, definitions),
           .count_offset = offsetof(struct size_statistics, definition_count)},
};
static const struct struct_rule size_statistics_rule = {.name = "SizeStatistics",
                                                        .fields = size_statistics_fields,
                                                        .field_count =
                                                            COUNT_OF(size_statistics_fields)};

static const struct field_rule column_metadata_fields[] = {
    [1] = {.name = "type",
           .kind = FIELD_ENUM,
           .is_required = true,
           .offset = offsetof(struct column_chunk, type),
           .value_max = PQ_TYPE_COUNT - 1},
    [2] = {.name = "encodings",
           .kind = FIELD_I32S,
           .is_required = true,
           .offset = offsetof(struct column_chunk, encodings),
           .count_offset = offsetof(struct column_chunk, encoding_count)},
    [3] = {.name = "path_in_schema",
           .kind = FIELD_TEXTS,
           .is_required = true,
           .offset = offsetof(struct column_chunk, path),
           .count_offset = offsetof(struct column_chunk, path_count)},
    [4] = {.name = "codec",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct column_chunk, codec)},
    [5] = {.name = "num_values",
           .kind = FIELD_COUNT,
           .is_required = true,
           .offset = offsetof(struct column_chunk, value_count)},
    [6] = {.name = "total_uncompressed_size",
           .kind = FIELD_I64,
           .is_required = true,
           .offset = offsetof(struct column_chunk, uncompressed_size)},
    [7] = {.name = "total_compressed_size",
           .kind = FIELD_I64,
           .is_required = true,
           .offset = offsetof(struct column_chunk, compressed_size)},
    [9] = {.name = "data_page_offset",
           .kind = FIELD_I64,
           .is_required = true,
           .offset = offsetof(struct column_chunk, data_page_offset)},
    [10] = {.name = "index_page_offset",
            .kind = FIELD_I64,
            .offset = offsetof(struct column_chunk, index_page_offset)},
    [11] = {.name = "dictionary_page_offset",
            .kind = FIELD_I64,
            .offset = offsetof(struct column_chunk, dictionary_page_offset)},
    [12] = {.name = "statistics",
            .kind = FIELD_STRUCT,
            .offset = offsetof(struct column_chunk, statistics),
            .flag_offset = offsetof(struct column_chunk, statistics.is_present),
            .of = &ktki_rule_of_statistics},
    [13] = {.name = "encoding_stats",
            .kind = FIELD_STRUCTS,
            .offset = offsetof(struct column_chunk, page_encodings),
            .count_offset = offsetof(struct column_chunk, page_encoding_count),
            .of = &page_encoding_rule},
    [14] = {.name = "bloom_filter_offset",
            .kind = FIELD_I64,
            .offset = offsetof(struct column_chunk, bloom.offset)},
    [15] = {.name = "bloom_filter_length",
            .kind = FIELD_COUNT32,
            .offset = offsetof(struct column_chunk, bloom.size)},
    [16] = {.name = "size_statistics",
            .kind = FIELD_STRUCT,
            .offset = offsetof(struct column_chunk, sizes),
            .of = &size_statistics_rule},
};
static const struct struct_rule column_metadata_rule = {.name = "ColumnMetaData",
                                                        .fields = column_metadata_fields,
                                                        .field_count =
                                                            COUNT_OF(column_metadata_fields)};

static const struct column_chunk chunk_initial = {
    .dictionary_page_offset = -1,
    .index_page_offset = -1,
    .statistics = {.null_count = -1, .distinct_count = -1},
    .sizes = {.text_bytes = -1},
    .column_index = {.offset = -1},
    .offset_index = {.offset = -1},
    .bloom = {.offset = -1, .size = -1},
};

static const struct field_rule chunk_fields[] = {
    [1] = {.name = "file_path", .flag_offset = offsetof(struct column_chunk, is_elsewhere)},
    [3] = {.name = "meta_data", .kind = FIELD_STRUCT, .of = &column_metadata_rule},
    [4] = {.name = "offset_index_offset",
           .kind = FIELD_I64,
           .offset = offsetof(struct column_chunk, offset_index.offset)},
    [5] = {.name = "offset_index_length",
           .kind = FIELD_COUNT32,
           .offset = offsetof(struct column_chunk, offset_index.size)},
    [6] = {.name = "column_index_offset",
           .kind = FIELD_I64,
           .offset = offsetof(struct column_chunk, column_index.offset)},
    [7] = {.name = "column_index_length",
           .kind = FIELD_COUNT32,
           .offset = offsetof(struct column_chunk, column_index.size)},
    [8] = {.name = "crypto_metadata", .flag_offset = offsetof(struct column_chunk, is_encrypted)},
    [9] = {.name = "encrypted_column_metadata",
           .flag_offset = offsetof(struct column_chunk, is_encrypted)},
};
static const struct struct_rule chunk_rule = {
    .name = "ColumnChunk", .fields = chunk_fields, .field_count = COUNT_OF(chunk_fields)};

/* RowGroup */

static const struct row_group group_initial = {.file_offset = -1, .total_compressed_size = -1};

static const struct field_rule sorting_fields[] = {
    [1] = {.name = "column_idx",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct sorting_column, leaf)},
    [2] = {.name = "descending",
           .kind = FIELD_BOOL,
           .is_required = true,
           .offset = offsetof(struct sorting_column, is_descending)},
    [3] = {.name = "nulls_first",
           .kind = FIELD_BOOL,
           .is_required = true,
           .offset = offsetof(struct sorting_column, has_nulls_first)},
};
static const struct struct_rule sorting_rule = {.name = "SortingColumn",
                                                .fields = sorting_fields,
                                                .field_count = COUNT_OF(sorting_fields),
                                                .size = sizeof(struct sorting_column)};

static const struct field_rule group_fields[] = {
    [1] = {.name = "columns",
           .kind = FIELD_LATER,
           .is_required = true,
           .offset = offsetof(struct row_group, chunk_bytes),
           .count_offset = offsetof(struct row_group, column_count)},
    [2] = {.name = "total_byte_size",
           .kind = FIELD_I64,
           .is_required = true,
           .offset = offsetof(struct row_group, total_byte_size)},
    [3] = {.name = "num_rows",
           .kind = FIELD_COUNT,
           .is_required = true,
           .offset = offsetof(struct row_group, row_count)},
    [4] = {.name = "sorting_columns",
           .kind = FIELD_STRUCTS,
           .offset = offsetof(struct row_group, sorting),
           .count_offset = offsetof(struct row_group, sorting_count),
           .of = &sorting_rule},
    [5] = {.name = "file_offset",
           .kind = FIELD_I64,
           .offset = offsetof(struct row_group, file_offset)},
    [6] = {.name = "total_compressed_size",
           .kind = FIELD_I64,
           .offset = offsetof(struct row_group, total_compressed_size)},
};
static const struct struct_rule group_rule = {.name = "RowGroup",
                                              .fields = group_fields,
                                              .field_count = COUNT_OF(group_fields),
                                              .size = sizeof(struct row_group),
                                              .initial = &group_initial};

/* FileMetaData */

static const struct field_rule key_value_fields[] = {
    [1] = {.name = "key",
           .kind = FIELD_TEXT,
           .is_required = true,
           .offset = offsetof(struct parquet_key_value, key)},
    [2] = {.name = "value",
           .kind = FIELD_SIZED_TEXT,
           .offset = offsetof(struct parquet_key_value, value),
           .count_offset = offsetof(struct parquet_key_value, value_size)},
};
static const struct struct_rule key_value_rule = {.name = "KeyValue",
                                                  .fields = key_value_fields,
                                                  .field_count = COUNT_OF(key_value_fields),
                                                  .size = sizeof(struct parquet_key_value)};

static const struct field_rule file_fields[] = {
    [1] = {.name = "version",
           .kind = FIELD_I32,
           .is_required = true,
           .offset = offsetof(struct parquet_metadata, version)},
    [2] = {.name = "schema",
           .kind = FIELD_STRUCTS,
           .is_required = true,
           .offset = offsetof(struct parquet_metadata, elements),
           .count_offset = offsetof(struct parquet_metadata, element_count),
           .of = &element_rule},
    [3] = {.name = "num_rows",
           .kind = FIELD_COUNT,
           .is_required = true,
           .offset = offsetof(struct parquet_metadata, row_count)},
    [4] = {.name = "row_groups",
           .kind = FIELD_STRUCTS,
           .is_required = true,
           .offset = offsetof(struct parquet_metadata, row_groups),
           .count_offset = offsetof(struct parquet_metadata, row_group_count),
           .of = &group_rule},
    [5] = {.name = "key_value_metadata",
           .kind = FIELD_STRUCTS,
           .offset = offsetof(struct parquet_metadata, key_values),
           .count_offset = offsetof(struct parquet_metadata, key_value_count),
           .of = &key_value_rule},
    [6] = {.name = "created_by",
           .kind = FIELD_TEXT,
           .offset = offsetof(struct parquet_metadata, created_by)},
    [7] = {.name = "column_orders",
           .kind = FIELD_UNION_IDS,
           .offset = offsetof(struct parquet_metadata, column_orders),
           .count_offset = offsetof(struct parquet_metadata, column_order_count)},
    [8] = {.name = "encryption_algorithm",
           .flag_offset = offsetof(struct parquet_metadata, is_encrypted)},
};
static const struct struct_rule file_rule = {
    .name = "FileMetaData", .fields = file_fields, .field_count = COUNT_OF(file_fields)};

/* A unit that is not known makes the whole annotation one that is not known. */
static void forget_unknown_units(const struct parquet_metadata *metadata) {
    for (int32_t i = 0; i < metadata->element_count; i++) {
        struct parquet_logical_type *logical = &metadata->elements[i].logical;
        if ((logical->id == PQ_LOGICAL_TIME || logical->id == PQ_LOGICAL_TIMESTAMP) &&
            (int)logical->unit == 0) {
            logical->id = PQ_LOGICAL_OTHER;
        }
    }
}

ktk_status ktki_metadata_decode(struct parquet_metadata *out, struct arena *arena,
                                const ktk_limits *limits, const uint8_t *data, size_t size,
                                ktk_error *err) {
    struct thrift_decoder decoder = {{ktki_cursor(data, size), limits->nesting_max}, arena};
    struct parquet_metadata metadata = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &file_rule, &metadata, NULL, err));
    forget_unknown_units(&metadata);
    for (int32_t i = 0; i < metadata.column_order_count; i++) {
        if (metadata.column_orders[i] != 1) {
            ((uint8_t *)metadata.column_orders)[i] = 0;
        }
    }
    *out = metadata;
out:
    return status;
}

ktk_status ktki_column_chunk_decode(struct column_chunk *out, struct arena *arena,
                                    const ktk_limits *limits, struct cursor *cursor,
                                    ktk_error *err) {
    struct thrift_decoder decoder = {{*cursor, limits->nesting_max - CHUNK_DEPTH}, arena};
    struct column_chunk chunk = chunk_initial;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_thrift_read_struct(&decoder, &chunk_rule, &chunk, NULL, err));
    /* Only right where the metadata are encrypted. */
    if (chunk.path == NULL && !chunk.is_encrypted) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "ColumnChunk lacks its metadata");
    }
    *cursor = decoder.reader.cursor;
    *out = chunk;
out:
    return status;
}
