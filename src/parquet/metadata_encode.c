#include "parquet/metadata.h"

#include "parquet/thrift_write.h"

/* Field ids are those of parquet.thrift. */

static void put_empty_struct(struct thrift_writer *writer, int16_t id) {
    ktki_thrift_struct_end(writer, ktki_thrift_struct_begin(writer, id));
}

static void put_decimal(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    ktki_thrift_i32(writer, 1, logical->scale);
    ktki_thrift_i32(writer, 2, logical->precision);
}

static void put_time(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    int16_t outer;

    ktki_thrift_bool(writer, 1, logical->is_utc);
    outer = ktki_thrift_struct_begin(writer, 2);
    put_empty_struct(writer, (int16_t)logical->unit);
    ktki_thrift_struct_end(writer, outer);
}

static void put_integer(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    ktki_thrift_byte(writer, 1, logical->bit_width);
    ktki_thrift_bool(writer, 2, logical->is_signed);
}

static void put_variant(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    if (logical->variant_version != 0) {
        ktki_thrift_byte(writer, 1, logical->variant_version);
    }
}

static void put_geometry(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    if (logical->crs != NULL) {
        ktki_thrift_text(writer, 1, logical->crs);
    }
    if (logical->edges != 0) {
        ktki_thrift_i32(writer, 2, logical->edges);
    }
}

typedef void (*put_logical_fn)(struct thrift_writer *writer,
                               const struct parquet_logical_type *logical);

/* The logical types that have fields; the others are empty structs. */
static const put_logical_fn put_logical_fields[] = {
    [PQ_LOGICAL_DECIMAL] = put_decimal,    [PQ_LOGICAL_TIME] = put_time,
    [PQ_LOGICAL_TIMESTAMP] = put_time,     [PQ_LOGICAL_INTEGER] = put_integer,
    [PQ_LOGICAL_VARIANT] = put_variant,    [PQ_LOGICAL_GEOMETRY] = put_geometry,
    [PQ_LOGICAL_GEOGRAPHY] = put_geometry,
};

static void put_logical(struct thrift_writer *writer, const struct parquet_logical_type *logical) {
    int16_t outer;
    int16_t inner;

    if (logical->id == PQ_LOGICAL_NONE || logical->id == PQ_LOGICAL_OTHER) {
        return;
    }
    outer = ktki_thrift_struct_begin(writer, 10);
    inner = ktki_thrift_struct_begin(writer, (int16_t)logical->id);
    if (put_logical_fields[logical->id] != NULL) {
        put_logical_fields[logical->id](writer, logical);
    }
    ktki_thrift_struct_end(writer, inner);
    ktki_thrift_struct_end(writer, outer);
}

static void put_element(struct thrift_writer *writer, const struct schema_element *element) {
    int16_t outer = ktki_thrift_element_begin(writer);

    if (element->has_type) {
        ktki_thrift_i32(writer, 1, (int32_t)element->type);
        if (element->type == PQ_FIXED_LEN_BYTE_ARRAY) {
            ktki_thrift_i32(writer, 2, element->type_length);
        }
    }
    ktki_thrift_i32(writer, 3, (int32_t)element->repetition);
    ktki_thrift_text(writer, 4, element->name);
    if (!element->has_type) {
        ktki_thrift_i32(writer, 5, element->child_count);
    }
    if (element->converted != PQ_CONVERTED_NONE) {
        ktki_thrift_i32(writer, 6, (int32_t)element->converted);
    }
    if (element->converted == PQ_DECIMAL) {
        ktki_thrift_i32(writer, 7, element->scale);
        ktki_thrift_i32(writer, 8, element->precision);
    }
    if (element->field_id >= 0) {
        ktki_thrift_i32(writer, 9, element->field_id);
    }
    put_logical(writer, &element->logical);
    ktki_thrift_struct_end(writer, outer);
}

static void put_bytes(struct thrift_writer *writer, int16_t id, const struct parquet_bytes *bytes) {
    if (bytes->data != NULL) {
        ktki_thrift_binary(writer, id, bytes->data, bytes->size);
    }
}

static void put_count(struct thrift_writer *writer, int16_t id, int64_t count) {
    if (count >= 0) {
        ktki_thrift_i64(writer, id, count);
    }
}

static void put_statistics(struct thrift_writer *writer,
                           const struct parquet_statistics *statistics) {
    int16_t outer = ktki_thrift_struct_begin(writer, 12);

    put_bytes(writer, 1, &statistics->old_max);
    put_bytes(writer, 2, &statistics->old_min);
    put_count(writer, 3, statistics->null_count);
    put_count(writer, 4, statistics->distinct_count);
    put_bytes(writer, 5, &statistics->max_value);
    put_bytes(writer, 6, &statistics->min_value);
    if (statistics->has_exact_max) {
        ktki_thrift_bool(writer, 7, true);
    }
    if (statistics->has_exact_min) {
        ktki_thrift_bool(writer, 8, true);
    }
    ktki_thrift_struct_end(writer, outer);
}

static void put_page_encodings(struct thrift_writer *writer, const struct column_chunk *chunk) {
    ktki_thrift_list(writer, 13, THRIFT_STRUCT, (size_t)chunk->page_encoding_count);
    for (int32_t i = 0; i < chunk->page_encoding_count; i++) {
        int16_t outer = ktki_thrift_element_begin(writer);

        ktki_thrift_i32(writer, 1, chunk->page_encodings[i].page_type);
        ktki_thrift_i32(writer, 2, chunk->page_encodings[i].encoding);
        ktki_thrift_i32(writer, 3, chunk->page_encodings[i].count);
        ktki_thrift_struct_end(writer, outer);
    }
}

static void put_histogram(struct thrift_writer *writer, int16_t id, const int64_t *counts,
                          int32_t count) {
    if (count > 0) {
        ktki_thrift_list(writer, id, THRIFT_I64, (size_t)count);
        for (int32_t i = 0; i < count; i++) {
            ktki_thrift_list_i64(writer, counts[i]);
        }
    }
}

static void put_sizes(struct thrift_writer *writer, const struct size_statistics *sizes) {
    int16_t outer;

    if (sizes->text_bytes < 0 && sizes->repetition_count == 0 && sizes->definition_count == 0) {
        return;
    }
    outer = ktki_thrift_struct_begin(writer, 16);
    put_count(writer, 1, sizes->text_bytes);
    put_histogram(writer, 2, sizes->repetitions, sizes->repetition_count);
    put_histogram(writer, 3, sizes->definitions, sizes->definition_count);
    ktki_thrift_struct_end(writer, outer);
}

static void put_place(struct thrift_writer *writer, int16_t id, const struct index_place *place) {
    if (place->offset >= 0) {
        ktki_thrift_i64(writer, id, place->offset);
        if (place->size >= 0) {
            ktki_thrift_i32(writer, (int16_t)(id + 1), place->size);
        }
    }
}

static void put_column_metadata(struct thrift_writer *writer, const struct column_chunk *chunk) {
    int16_t outer = ktki_thrift_struct_begin(writer, 3);

    ktki_thrift_i32(writer, 1, (int32_t)chunk->type);
    ktki_thrift_list(writer, 2, THRIFT_I32, (size_t)chunk->encoding_count);
    for (int32_t i = 0; i < chunk->encoding_count; i++) {
        ktki_thrift_list_i32(writer, chunk->encodings[i]);
    }
    ktki_thrift_list(writer, 3, THRIFT_BINARY, (size_t)chunk->path_count);
    for (int32_t i = 0; i < chunk->path_count; i++) {
        ktki_thrift_list_text(writer, chunk->path[i]);
    }
    ktki_thrift_i32(writer, 4, chunk->codec);
    ktki_thrift_i64(writer, 5, chunk->value_count);
    ktki_thrift_i64(writer, 6, chunk->uncompressed_size);
    ktki_thrift_i64(writer, 7, chunk->compressed_size);
    ktki_thrift_i64(writer, 9, chunk->data_page_offset);
    put_count(writer, 10, chunk->index_page_offset);
    put_count(writer, 11, chunk->dictionary_page_offset);
    if (chunk->statistics.is_present) {
        put_statistics(writer, &chunk->statistics);
    }
    if (chunk->page_encoding_count > 0) {
        put_page_encodings(writer, chunk);
    }
    put_place(writer, 14, &chunk->bloom);
    put_sizes(writer, &chunk->sizes);
    ktki_thrift_struct_end(writer, outer);
}

static void put_sorting(struct thrift_writer *writer, const struct row_group *group) {
    ktki_thrift_list(writer, 4, THRIFT_STRUCT, (size_t)group->sorting_count);
    for (int32_t i = 0; i < group->sorting_count; i++) {
        int16_t outer = ktki_thrift_element_begin(writer);

        ktki_thrift_i32(writer, 1, group->sorting[i].leaf);
        ktki_thrift_bool(writer, 2, group->sorting[i].is_descending);
        ktki_thrift_bool(writer, 3, group->sorting[i].has_nulls_first);
        ktki_thrift_struct_end(writer, outer);
    }
}

static void put_row_group(struct thrift_writer *writer, const struct row_group *group) {
    int16_t outer = ktki_thrift_element_begin(writer);

    ktki_thrift_list(writer, 1, THRIFT_STRUCT, (size_t)group->column_count);
    for (int32_t i = 0; i < group->column_count; i++) {
        int16_t chunk = ktki_thrift_element_begin(writer);

        /* file_offset: required, deprecated, and 0 from everybody who writes no copy of the
         * metadata behind the chunk. */
        ktki_thrift_i64(writer, 2, 0);
        put_column_metadata(writer, &group->columns[i]);
        put_place(writer, 4, &group->columns[i].offset_index);
        put_place(writer, 6, &group->columns[i].column_index);
        ktki_thrift_struct_end(writer, chunk);
    }
    ktki_thrift_i64(writer, 2, group->total_byte_size);
    ktki_thrift_i64(writer, 3, group->row_count);
    if (group->sorting_count > 0) {
        put_sorting(writer, group);
    }
    put_count(writer, 5, group->file_offset);
    put_count(writer, 6, group->total_compressed_size);
    ktki_thrift_struct_end(writer, outer);
}

static void put_key_values(struct thrift_writer *writer, const struct parquet_metadata *metadata) {
    ktki_thrift_list(writer, 5, THRIFT_STRUCT, (size_t)metadata->key_value_count);
    for (int32_t i = 0; i < metadata->key_value_count; i++) {
        const struct parquet_key_value *entry = &metadata->key_values[i];
        int16_t outer = ktki_thrift_element_begin(writer);

        ktki_thrift_text(writer, 1, entry->key);
        if (entry->value != NULL) {
            ktki_thrift_binary(writer, 2, entry->value, entry->value_size);
        }
        ktki_thrift_struct_end(writer, outer);
    }
}

static void put_column_orders(struct thrift_writer *writer,
                              const struct parquet_metadata *metadata) {
    ktki_thrift_list(writer, 7, THRIFT_STRUCT, (size_t)metadata->column_order_count);
    for (int32_t i = 0; i < metadata->column_order_count; i++) {
        int16_t outer = ktki_thrift_element_begin(writer);

        if (metadata->column_orders[i] == 1) {
            put_empty_struct(writer, 1);
        }
        ktki_thrift_struct_end(writer, outer);
    }
}

ktk_status ktki_metadata_encode(const struct parquet_metadata *metadata, struct buffer *out,
                                ktk_error *err) {
    struct thrift_writer writer = ktki_thrift_writer(out, err);

    ktki_thrift_i32(&writer, 1, metadata->version);
    ktki_thrift_list(&writer, 2, THRIFT_STRUCT, (size_t)metadata->element_count);
    for (int32_t i = 0; i < metadata->element_count; i++) {
        put_element(&writer, &metadata->elements[i]);
    }
    ktki_thrift_i64(&writer, 3, metadata->row_count);
    ktki_thrift_list(&writer, 4, THRIFT_STRUCT, (size_t)metadata->row_group_count);
    for (int32_t i = 0; i < metadata->row_group_count; i++) {
        put_row_group(&writer, &metadata->row_groups[i]);
    }
    if (metadata->key_value_count > 0) {
        put_key_values(&writer, metadata);
    }
    if (metadata->created_by != NULL) {
        ktki_thrift_text(&writer, 6, metadata->created_by);
    }
    if (metadata->column_order_count > 0) {
        put_column_orders(&writer, metadata);
    }
    return ktki_thrift_finish(&writer);
}

static void put_data_page(struct thrift_writer *writer, const struct page_header *header) {
    int16_t outer = ktki_thrift_struct_begin(writer, 5);

    ktki_thrift_i32(writer, 1, header->value_count);
    ktki_thrift_i32(writer, 2, (int32_t)header->encoding);
    ktki_thrift_i32(writer, 3, (int32_t)header->definition_encoding);
    ktki_thrift_i32(writer, 4, (int32_t)header->repetition_encoding);
    ktki_thrift_struct_end(writer, outer);
}

static void put_index_page(struct thrift_writer *writer, const struct page_header *header) {
    (void)header;
    put_empty_struct(writer, 6);
}

static void put_dictionary_page(struct thrift_writer *writer, const struct page_header *header) {
    int16_t outer = ktki_thrift_struct_begin(writer, 7);

    ktki_thrift_i32(writer, 1, header->value_count);
    ktki_thrift_i32(writer, 2, (int32_t)header->encoding);
    ktki_thrift_struct_end(writer, outer);
}

static void put_data_page_v2(struct thrift_writer *writer, const struct page_header *header) {
    int16_t outer = ktki_thrift_struct_begin(writer, 8);

    ktki_thrift_i32(writer, 1, header->value_count);
    ktki_thrift_i32(writer, 2, header->null_count);
    ktki_thrift_i32(writer, 3, header->row_count);
    ktki_thrift_i32(writer, 4, (int32_t)header->encoding);
    ktki_thrift_i32(writer, 5, header->definition_size);
    ktki_thrift_i32(writer, 6, header->repetition_size);
    ktki_thrift_bool(writer, 7, header->is_compressed);
    ktki_thrift_struct_end(writer, outer);
}

typedef void (*put_page_fn)(struct thrift_writer *writer, const struct page_header *header);

static const put_page_fn put_pages[] = {
    [PQ_DATA_PAGE] = put_data_page,
    [PQ_INDEX_PAGE] = put_index_page,
    [PQ_DICTIONARY_PAGE] = put_dictionary_page,
    [PQ_DATA_PAGE_V2] = put_data_page_v2,
};

ktk_status ktki_page_header_encode(const struct page_header *header, struct buffer *out,
                                   ktk_error *err) {
    struct thrift_writer writer = ktki_thrift_writer(out, err);

    ktki_thrift_i32(&writer, 1, (int32_t)header->type);
    ktki_thrift_i32(&writer, 2, header->uncompressed_size);
    ktki_thrift_i32(&writer, 3, header->compressed_size);
    if (header->has_crc) {
        ktki_thrift_i32(&writer, 4, (int32_t)header->crc);
    }
    put_pages[header->type](&writer, header);
    return ktki_thrift_finish(&writer);
}
