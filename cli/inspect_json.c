/* inspect: a Parquet file as JSON. */
#include "inspect.h"
#include "json.h"

/* A number that may be unknown. */
static void member_number(struct json *json, const char *key, int64_t number) {
    cli_json_key(json, key);
    cli_json_number(json, number);
}

static void member_text(struct json *json, const char *key, const char *text) {
    cli_json_key(json, key);
    cli_json_text(json, text);
}

/* "" stands for nothing. */
static const char *or_null(const char *text) {
    return text == NULL || *text == '\0' ? NULL : text;
}

const char *cli_checksum(ktk_parquet_checksum checksum) {
    static const char *const names[] = {NULL, "right", "wrong"};

    return names[checksum];
}

static ktk_status page_json(void *state, const ktk_parquet_page *page, ktk_error *err) {
    struct json *json = state;

    (void)err;
    cli_json_begin_object(json);
    member_text(json, "kind", page->kind);
    member_text(json, "encoding", or_null(page->encoding));
    member_number(json, "offset", page->offset);
    member_number(json, "header_size", page->header_size);
    member_number(json, "rows", page->row_count);
    member_number(json, "values", page->value_count);
    member_number(json, "nulls", page->null_count);
    member_number(json, "uncompressed_size", page->uncompressed_size);
    member_number(json, "compressed_size", page->compressed_size);
    member_text(json, "checksum", cli_checksum(page->checksum));
    member_text(json, "minimum", page->minimum);
    member_text(json, "maximum", page->maximum);
    cli_json_end_object(json);
    return KTK_OK;
}

static void column_json(struct json *json, const ktk_parquet_column_info *column) {
    member_text(json, "column", column->path);
    member_text(json, "physical_type", column->physical_type);
    member_text(json, "logical_type", or_null(column->logical_type));
    member_text(json, "codec", column->codec);
    member_text(json, "encodings", column->encodings);
    member_number(json, "values", column->value_count);
    member_number(json, "nulls", column->null_count);
    member_number(json, "distinct", column->distinct_count);
    member_number(json, "uncompressed_size", column->uncompressed_size);
    member_number(json, "compressed_size", column->compressed_size);
    member_number(json, "text_bytes", column->text_bytes);
    member_number(json, "column_index_size", column->column_index_size);
    member_number(json, "offset_index_size", column->offset_index_size);
    cli_json_key(json, "bloom_filter");
    cli_json_bool(json, column->has_bloom_filter);
    cli_json_key(json, "encrypted");
    cli_json_bool(json, column->is_encrypted);
    member_text(json, "minimum", column->minimum);
    member_text(json, "maximum", column->maximum);
}

static ktk_status columns_json(struct json *json, ktk_parquet_file *file, int32_t row_group,
                               int32_t leaf_count, bool pages, ktk_error *err) {
    ktk_status status = KTK_OK;

    cli_json_key(json, "columns");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < leaf_count && status == KTK_OK; i++) {
        ktk_parquet_column_info column;

        status = ktk_parquet_column_info_get(file, row_group, i, &column, err);
        if (status != KTK_OK) {
            break;
        }
        cli_json_begin_object(json);
        column_json(json, &column);
        if (pages && !column.is_encrypted) {
            cli_json_key(json, "pages");
            cli_json_begin_array(json);
            status = ktk_parquet_pages(file, row_group, i, page_json, json, err);
            cli_json_end_array(json);
        }
        cli_json_end_object(json);
    }
    cli_json_end_array(json);
    return status;
}

static ktk_status sorting_json(struct json *json, const ktk_parquet_file *file, int32_t row_group,
                               int32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    cli_json_key(json, "sorted_by");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        ktk_parquet_sorting_column column;

        status = ktk_parquet_sorting_column_get(file, row_group, i, &column, err);
        if (status == KTK_OK) {
            cli_json_begin_object(json);
            member_text(json, "column", column.path);
            cli_json_key(json, "descending");
            cli_json_bool(json, column.is_descending);
            cli_json_key(json, "nulls_first");
            cli_json_bool(json, column.has_nulls_first);
            cli_json_end_object(json);
        }
    }
    cli_json_end_array(json);
    return status;
}

static ktk_status row_group_json(struct json *json, ktk_parquet_file *file,
                                 const ktk_parquet_info *info, int32_t row_group, bool pages,
                                 ktk_error *err) {
    ktk_parquet_row_group_info group;
    ktk_status status = ktk_parquet_row_group_info_get(file, row_group, &group, err);

    if (status != KTK_OK) {
        return status;
    }
    cli_json_begin_object(json);
    member_number(json, "rows", group.row_count);
    member_number(json, "uncompressed_size", group.uncompressed_size);
    member_number(json, "compressed_size", group.compressed_size);
    status = sorting_json(json, file, row_group, group.sorting_count, err);
    if (status == KTK_OK) {
        status = columns_json(json, file, row_group, info->leaf_count, pages, err);
    }
    cli_json_end_object(json);
    return status;
}

/* One node a time, its depth told: the schema may be nested deeper than JSON is written. */
static ktk_status schema_json(struct json *json, const ktk_parquet_file *file,
                              const ktk_parquet_info *info, ktk_error *err) {
    ktk_status status = KTK_OK;

    cli_json_key(json, "schema");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < info->element_count && status == KTK_OK; i++) {
        ktk_parquet_element element;

        status = ktk_parquet_element_get(file, i, &element, err);
        if (status != KTK_OK) {
            break;
        }
        cli_json_begin_object(json);
        member_text(json, "name", element.name);
        member_text(json, "repetition", or_null(element.repetition));
        member_text(json, "physical_type", element.physical_type);
        member_text(json, "logical_type", or_null(element.logical_type));
        if (element.type_length > 0) {
            member_number(json, "type_length", element.type_length);
        }
        member_number(json, "field_id", element.field_id);
        member_number(json, "children", element.child_count);
        cli_json_end_object(json);
    }
    cli_json_end_array(json);
    return status;
}

static ktk_status metadata_json(struct json *json, const ktk_parquet_file *file,
                                const ktk_parquet_info *info, ktk_error *err) {
    ktk_status status = KTK_OK;

    cli_json_key(json, "metadata");
    cli_json_begin_array(json);
    for (int32_t i = 0; i < info->key_value_count && status == KTK_OK; i++) {
        const char *key = NULL;
        const char *value = NULL;
        size_t size = 0;

        status = ktk_parquet_key_value_get(file, i, &key, &value, &size, err);
        if (status == KTK_OK) {
            cli_json_begin_object(json);
            member_text(json, "key", key);
            member_text(json, "value", value);
            cli_json_end_object(json);
        }
    }
    cli_json_end_array(json);
    return status;
}

ktk_status cli_inspect_json(const struct output *output, ktk_parquet_file *file, const char *name,
                            bool pages, ktk_error *err) {
    struct json json = {.file = output->file};
    ktk_status status;
    ktk_parquet_info info;

    ktk_parquet_file_info(file, &info);
    cli_json_begin_object(&json);
    member_text(&json, "file", name);
    member_number(&json, "size", info.file_size);
    member_number(&json, "rows", info.row_count);
    member_text(&json, "created_by", info.created_by);
    member_number(&json, "version", info.version);
    member_number(&json, "footer_size", info.footer_size);
    status = schema_json(&json, file, &info, err);
    if (status == KTK_OK) {
        status = metadata_json(&json, file, &info, err);
    }
    cli_json_key(&json, "row_groups");
    cli_json_begin_array(&json);
    for (int32_t i = 0; i < info.row_group_count && status == KTK_OK; i++) {
        status = row_group_json(&json, file, &info, i, pages, err);
    }
    cli_json_end_array(&json);
    cli_json_end_object(&json);
    cli_json_end(&json);
    return status;
}
