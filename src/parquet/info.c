/* Facts about an open file, for people and programs that look at it. */
#include <kartothek/parquet.h>

#include "arrow/format_value.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/codec.h"
#include "parquet/file_handle.h"
#include "parquet/leaf_reader.h"
#include "parquet/names.h"

/* Longer values of statistics are cut for display. */
#define SHOWN_BYTES_MAX 64

const char *ktk_parquet_codec_name(int32_t codec) {
    return ktki_codec_name(codec);
}

void ktk_parquet_file_info(const ktk_parquet_file *file, ktk_parquet_info *out) {
    *out = (ktk_parquet_info){.row_count = file->metadata.row_count,
                              .row_group_count = file->metadata.row_group_count,
                              .leaf_count = file->schema.leaf_count,
                              .version = file->metadata.version,
                              .footer_size = file->footer_size,
                              .created_by = file->metadata.created_by};
}

static ktk_status check_row_group(const ktk_parquet_file *file, int32_t row_group, ktk_error *err) {
    if (row_group < 0 || row_group >= file->metadata.row_group_count) {
        return ktk_error_set(err, KTK_E_INVALID, "no row group %d: the file has %d", row_group,
                             file->metadata.row_group_count);
    }
    return KTK_OK;
}

ktk_status ktk_parquet_row_group_info_get(const ktk_parquet_file *file, int32_t row_group,
                                          ktk_parquet_row_group_info *out, ktk_error *err) {
    ktk_parquet_row_group_info info = {0};
    const struct row_group *group;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_row_group(file, row_group, err));
    group = &file->metadata.row_groups[row_group];
    info.row_count = group->row_count;
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

/* A bound of text or binary values: the text, or hex digits; cut if long. */
static ktk_status bytes_text(const struct parquet_bytes *bound, struct buffer *out,
                             ktk_error *err) {
    size_t size = bound->size < SHOWN_BYTES_MAX ? bound->size : SHOWN_BYTES_MAX;
    ktk_status status = KTK_OK;

    while (size > 0 && size < bound->size && (bound->data[size] & 0xC0) == 0x80) {
        size--;
    }
    if (ktki_utf8_is_valid(bound->data, size)) {
        KTKI_TRY(ktki_buffer_append(out, bound->data, size, err));
    } else {
        for (size_t i = 0; i < size; i++) {
            KTKI_TRY(ktki_buffer_append_format(out, err, "%02x", bound->data[i]));
        }
    }
    if (size < bound->size) {
        KTKI_TRY(ktki_buffer_append_text(out, "…", err));
    }
out:
    return status;
}

/* A bound of fixed-width values, by way of a one-row array. False text: nothing is appended. */
static ktk_status fixed_text(const struct parquet_leaf *leaf, const struct field *field,
                             const struct parquet_bytes *bound, struct buffer *out,
                             ktk_error *err) {
    struct value_rule rule = ktki_value_rule(leaf->element, &field->type);
    uint8_t value[DENSE_WIDTH_MAX] = {0};
    const void *buffers[2] = {NULL, value};
    struct ArrowArray array = {.length = 1, .n_buffers = 2, .buffers = buffers};
    struct cursor in = ktki_cursor(bound->data, bound->size);
    bool is_null = false;

    if (rule.kind == SINK_BITS || (rule.kind == SINK_FIXED && rule.read == NULL)) {
        size_t width = rule.kind == SINK_BITS ? 1 : rule.width;
        if (bound->size != width || width > sizeof(value)) {
            return KTK_OK;
        }
        memcpy(value, bound->data, width);
    } else if (rule.kind != SINK_FIXED || rule.width > sizeof(value) ||
               !rule.read(&in, rule.plain_width == 0 ? bound->size : rule.plain_width, 1, value,
                          rule.width)) {
        return KTK_OK;
    }
    return ktki_format_value(field, &array, 0, out, &is_null, err);
}

/* Readable text of a bound, in the file's text arena; NULL if there is none. */
static ktk_status bound_text(ktk_parquet_file *file, const struct parquet_leaf *leaf,
                             const struct parquet_bytes *bound, const char **out, ktk_error *err) {
    const struct field *field =
        leaf->field->type.id == TYPE_DICTIONARY ? leaf->field->dictionary : leaf->field;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, ktki_context_allocator(file->context), 0);
    *out = NULL;
    if (bound->data == NULL) {
        goto out;
    }
    if (ktki_type_is_text(field->type.id) || ktki_type_is_binary(field->type.id) ||
        field->type.id == TYPE_FIXED_BINARY) {
        KTKI_TRY(bytes_text(bound, &text, err));
    } else {
        KTKI_TRY(fixed_text(leaf, field, bound, &text, err));
        if (text.size == 0) {
            goto out;
        }
    }
    KTKI_TRY(ktki_arena_text(&file->text_arena, (const char *)text.data, text.size, out, err));
out:
    ktki_buffer_clear(&text);
    return status;
}

/* The old bounds were compared as signed numbers or bytes, whatever the type: they count only where
 * that was right. */
static bool has_signed_order(const struct parquet_leaf *leaf) {
    struct parquet_logical_type logical = ktki_parquet_logical(leaf->element);

    switch (leaf->element->type) {
    case PQ_INT96:
    case PQ_BYTE_ARRAY:
    case PQ_FIXED_LEN_BYTE_ARRAY:
        return false;
    default:
        return logical.id != PQ_LOGICAL_INTEGER || logical.is_signed;
    }
}

static const struct parquet_bytes *choose_bound(const struct parquet_leaf *leaf,
                                                const struct parquet_bytes *bound,
                                                const struct parquet_bytes *old) {
    return bound->data == NULL && has_signed_order(leaf) ? old : bound;
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
    KTKI_TRY(bound_text(file, leaf,
                        choose_bound(leaf, &statistics->min_value, &statistics->old_min),
                        &texts->minimum, err));
    KTKI_TRY(bound_text(file, leaf,
                        choose_bound(leaf, &statistics->max_value, &statistics->old_max),
                        &texts->maximum, err));
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
    /* Only the texts made here change, behind the file's lock. */
    ktk_parquet_file *handle = (ktk_parquet_file *)(uintptr_t)file;
    const struct column_texts *texts = NULL;
    const struct column_chunk *chunk;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_row_group(file, row_group, err));
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
    chunk = &file->metadata.row_groups[row_group].columns[leaf];
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
    };
out:
    return status;
}

/* ---- metadata and schema ---- */

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
    return ktki_schema_export(file->schema.arrow, out, err);
}
