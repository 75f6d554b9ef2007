/* Facts about an open file, for people and programs that look at it. */
#include <kartothek/parquet.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "codec/codec.h"
#include "parquet/file_handle.h"
#include "parquet/names.h"
#include "parquet/statistics_text.h"

const char *ktk_parquet_codec_name(int32_t codec) {
    return ktki_codec_name(codec);
}

void ktk_parquet_file_info(const ktk_parquet_file *file, ktk_parquet_info *out) {
    *out = (ktk_parquet_info){.row_count = file->metadata.row_count,
                              .row_group_count = file->metadata.row_group_count,
                              .leaf_count = file->leaf_count,
                              .version = file->metadata.version,
                              .footer_size = file->footer_size,
                              .created_by = file->metadata.created_by,
                              .file_size = file->source.size,
                              .element_count = file->metadata.element_count,
                              .key_value_count = file->metadata.key_value_count};
}

/* What is made of the footer when it is first asked for is no change to the file. */
static ktk_parquet_file *handle_of(const ktk_parquet_file *file) {
    return (ktk_parquet_file *)(uintptr_t)file;
}

static ktk_status find_row_group(const struct row_group **out, const ktk_parquet_file *file,
                                 int32_t row_group, ktk_error *err) {
    if (row_group < 0 || row_group >= file->metadata.row_group_count) {
        return ktk_error_set(err, KTK_E_INVALID, "no row group %d: the file has %d", row_group,
                             file->metadata.row_group_count);
    }
    return ktki_parquet_row_group(out, handle_of(file), row_group, err);
}

ktk_status ktk_parquet_row_group_info_get(const ktk_parquet_file *file, int32_t row_group,
                                          ktk_parquet_row_group_info *out, ktk_error *err) {
    ktk_parquet_row_group_info info = {0};
    const struct row_group *group;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_row_group(&group, file, row_group, err));
    info.row_count = group->row_count;
    info.sorting_count = group->sorting_count;
    for (int32_t i = 0; i < group->column_count; i++) {
        if (!ktki_add_i64(info.uncompressed_size, group->columns[i].uncompressed_size,
                          &info.uncompressed_size) ||
            !ktki_add_i64(info.compressed_size, group->columns[i].compressed_size,
                          &info.compressed_size)) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "the sizes of row group %d do not add up", row_group);
        }
    }
    *out = info;
out:
    return status;
}

ktk_status ktk_parquet_sorting_column_get(const ktk_parquet_file *file, int32_t row_group,
                                          int32_t index, ktk_parquet_sorting_column *out,
                                          ktk_error *err) {
    const struct row_group *group;
    const struct sorting_column *column;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_row_group(&group, file, row_group, err));
    if (index < 0 || index >= group->sorting_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "no sorting column %d: row group %d has %d", index, row_group,
                  group->sorting_count);
    }
    column = &group->sorting[index];
    if (column->leaf < 0 || column->leaf >= file->schema.leaf_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "row group %d is sorted by leaf column %d of %d", row_group,
                  column->leaf, file->schema.leaf_count);
    }
    *out = (ktk_parquet_sorting_column){.path = file->schema.leaves[column->leaf].path,
                                        .is_descending = column->is_descending,
                                        .has_nulls_first = column->has_nulls_first};
out:
    return status;
}

/* ---- one column chunk ---- */

static ktk_status encodings_text(const struct column_chunk *chunk, struct buffer *out,
                                 ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < chunk->encoding_count; i++) {
        KTKI_TRY(ktki_buffer_append_format(out, err, "%s%s", i > 0 ? ", " : "",
                                           ktki_parquet_encoding_name(chunk->encodings[i])));
    }
out:
    return status;
}

/* Readable text of a bound, in the file's text arena; NULL if there is none. */
static ktk_status keep_bound(ktk_parquet_file *file, const struct parquet_leaf *leaf,
                             const struct parquet_bytes *bound, const char **out, ktk_error *err) {
    struct buffer text;
    bool is_known = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, ktki_context_allocator(file->context), 0);
    *out = NULL;
    KTKI_TRY(ktki_bound_text(&text, &is_known, leaf, bound, err));
    if (is_known) {
        KTKI_TRY(ktki_arena_text(&file->text_arena, (const char *)text.data, text.size, out, err));
    }
out:
    ktki_buffer_clear(&text);
    return status;
}

/* Texts made for a column chunk; they stay, so that they are made once. */
struct column_texts {
    const char *logical_type;
    const char *encodings;
    const char *minimum;
    const char *maximum;
};

static ktk_status make_texts(ktk_parquet_file *file, const struct parquet_leaf *leaf,
                             const struct column_chunk *chunk, struct column_texts *texts,
                             ktk_error *err) {
    const struct parquet_statistics *statistics = &chunk->statistics;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, ktki_context_allocator(file->context), 0);
    KTKI_TRY(ktki_parquet_logical_text(leaf->element, &text, err));
    KTKI_TRY(ktki_arena_text(&file->text_arena, (const char *)text.data, text.size,
                             &texts->logical_type, err));
    text.size = 0;
    KTKI_TRY(encodings_text(chunk, &text, err));
    KTKI_TRY(ktki_arena_text(&file->text_arena, (const char *)text.data, text.size,
                             &texts->encodings, err));
    KTKI_TRY(keep_bound(file, leaf, ktki_bound_min(leaf, statistics), &texts->minimum, err));
    KTKI_TRY(keep_bound(file, leaf, ktki_bound_max(leaf, statistics), &texts->maximum, err));
out:
    ktki_buffer_clear(&text);
    return status;
}

/* The texts of a chunk, made when they are first asked for; under the file's lock. */
static ktk_status find_texts(ktk_parquet_file *file, int32_t row_group, int32_t leaf,
                             const struct column_texts **out, ktk_error *err) {
    size_t leaf_count = (size_t)file->schema.leaf_count;
    size_t count = leaf_count * (size_t)file->metadata.row_group_count;
    size_t slot = leaf_count * (size_t)row_group + (size_t)leaf;
    struct column_texts *texts = NULL;
    ktk_status status = KTK_OK;

    if (file->texts == NULL) {
        KTKI_TRY(
            ktki_arena_zeroed(&file->text_arena, count, sizeof(*file->texts), &file->texts, err));
    }
    if (file->texts[slot] == NULL) {
        KTKI_TRY(ktki_arena_zeroed(&file->text_arena, 1, sizeof(*texts), &texts, err));
        KTKI_TRY(make_texts(file, &file->schema.leaves[leaf],
                            &file->metadata.row_groups[row_group].columns[leaf], texts, err));
        file->texts[slot] = texts;
    }
    *out = file->texts[slot];
out:
    return status;
}

ktk_status ktk_parquet_column_info_get(const ktk_parquet_file *file, int32_t row_group,
                                       int32_t leaf, ktk_parquet_column_info *out, ktk_error *err) {
    ktk_parquet_file *handle = handle_of(file);
    const struct column_texts *texts = NULL;
    const struct row_group *group;
    const struct column_chunk *chunk;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_row_group(&group, file, row_group, err));
    if (leaf < 0 || leaf >= file->schema.leaf_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "no leaf column %d: the file has %d", leaf,
                  file->schema.leaf_count);
    }
    pthread_mutex_lock(&handle->lock);
    status = find_texts(handle, row_group, leaf, &texts, err);
    pthread_mutex_unlock(&handle->lock);
    if (status != KTK_OK) {
        goto out;
    }
    chunk = &group->columns[leaf];
    *out = (ktk_parquet_column_info){
        .path = file->schema.leaves[leaf].path,
        .physical_type = ktki_parquet_type_name(file->schema.leaves[leaf].element->type),
        .logical_type = texts->logical_type,
        .codec = ktki_codec_name(chunk->codec),
        .encodings = texts->encodings,
        .value_count = chunk->value_count,
        .uncompressed_size = chunk->uncompressed_size,
        .compressed_size = chunk->compressed_size,
        .null_count = chunk->statistics.null_count >= 0 ? chunk->statistics.null_count : -1,
        .minimum = texts->minimum,
        .maximum = texts->maximum,
        .distinct_count =
            chunk->statistics.distinct_count >= 0 ? chunk->statistics.distinct_count : -1,
        .text_bytes = chunk->sizes.text_bytes >= 0 ? chunk->sizes.text_bytes : -1,
        .column_index_size = chunk->column_index.offset > 0 ? chunk->column_index.size : 0,
        .offset_index_size = chunk->offset_index.offset > 0 ? chunk->offset_index.size : 0,
        .has_bloom_filter = chunk->bloom.offset > 0,
        .is_encrypted = chunk->is_encrypted,
    };
out:
    return status;
}

/* ---- metadata and schema ---- */

/* Texts of the elements, made when the first one is asked for; under the file's lock. */
static ktk_status find_element_text(ktk_parquet_file *file, int32_t index, const char **out,
                                    ktk_error *err) {
    size_t count = (size_t)file->metadata.element_count;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, ktki_context_allocator(file->context), 0);
    if (file->element_texts == NULL) {
        KTKI_TRY(ktki_arena_zeroed(&file->text_arena, count, sizeof(*file->element_texts),
                                   &file->element_texts, err));
    }
    if (file->element_texts[index] == NULL) {
        KTKI_TRY(ktki_parquet_logical_text(&file->metadata.elements[index], &text, err));
        KTKI_TRY(ktki_arena_text(&file->text_arena, (const char *)text.data, text.size,
                                 &file->element_texts[index], err));
    }
    *out = file->element_texts[index];
out:
    ktki_buffer_clear(&text);
    return status;
}

ktk_status ktk_parquet_element_get(const ktk_parquet_file *file, int32_t index,
                                   ktk_parquet_element *out, ktk_error *err) {
    ktk_parquet_file *handle = handle_of(file);
    const struct schema_element *element;
    const char *logical = NULL;
    ktk_status status = KTK_OK;

    if (index < 0 || index >= file->metadata.element_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "no schema element %d: the file has %d", index,
                  file->metadata.element_count);
    }
    pthread_mutex_lock(&handle->lock);
    status = find_element_text(handle, index, &logical, err);
    pthread_mutex_unlock(&handle->lock);
    if (status != KTK_OK) {
        goto out;
    }
    element = &file->metadata.elements[index];
    *out = (ktk_parquet_element){
        .name = element->name,
        .repetition = index == 0 ? "" : ktki_parquet_repetition_name(element->repetition),
        .physical_type = element->has_type ? ktki_parquet_type_name(element->type) : NULL,
        .logical_type = logical,
        .type_length = element->has_type && element->type == PQ_FIXED_LEN_BYTE_ARRAY
                           ? element->type_length
                           : 0,
        .field_id = element->field_id,
        .child_count = element->has_type ? 0 : element->child_count};
out:
    return status;
}

ktk_status ktk_parquet_key_value_get(const ktk_parquet_file *file, int32_t index, const char **key,
                                     const char **value, size_t *size, ktk_error *err) {
    const struct parquet_key_value *entry;

    if (index < 0 || index >= file->metadata.key_value_count) {
        return ktk_error_set(err, KTK_E_INVALID, "no metadata entry %d: the file has %d", index,
                             file->metadata.key_value_count);
    }
    entry = &file->metadata.key_values[index];
    *key = entry->key;
    *value = entry->value;
    *size = entry->value == NULL ? 0 : entry->value_size;
    return KTK_OK;
}

const char *ktk_parquet_key_value(const ktk_parquet_file *file, const char *key, size_t *size) {
    for (int32_t i = 0; i < file->metadata.key_value_count; i++) {
        const struct parquet_key_value *entry = &file->metadata.key_values[i];

        if (strcmp(entry->key, key) == 0 && entry->value != NULL) {
            if (size != NULL) {
                *size = entry->value_size;
            }
            return entry->value;
        }
    }
    return NULL;
}

ktk_status ktk_parquet_file_schema(ktk_parquet_file *file, struct ArrowSchema *out,
                                   ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    KTKI_TRY(ktki_schema_export(schema, out, err));
out:
    return status;
}
