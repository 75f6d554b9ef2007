#include "parquet/column_read.h"

#include <assert.h>

#include "base/context.h"
#include "base/error.h"
#include "parquet/leaf_array.h"
#include "parquet/names.h"

ktk_status ktki_chunk_range(int64_t *offset, int64_t *size, const struct column_chunk *chunk,
                            const struct parquet_leaf *leaf, int64_t file_size, ktk_error *err) {
    int64_t start;

    if (chunk->is_encrypted) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "it is encrypted");
    }
    if (chunk->is_elsewhere) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "its values lie in another file");
    }
    if (chunk->type != leaf->element->type) {
        return ktk_error_set(
            err, KTK_E_CORRUPT, "its physical type is %s in the schema but %s in the row group",
            ktki_parquet_type_name(leaf->element->type), ktki_parquet_type_name(chunk->type));
    }
    /* An offset of 0 cannot be: the magic is there. Some writers mean "none" by it. */
    start = chunk->data_page_offset;
    if (chunk->dictionary_page_offset > 0 && chunk->dictionary_page_offset < start) {
        start = chunk->dictionary_page_offset;
    }
    if (start < 0 || chunk->compressed_size < 0 || start > file_size ||
        chunk->compressed_size > file_size - start) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "its %lld bytes at offset %lld are not within the file",
                             (long long)chunk->compressed_size, (long long)start);
    }
    *offset = start;
    *size = chunk->compressed_size;
    return KTK_OK;
}

/* ---- pages ---- */

/* The levels of a page; `*count` gets the slots that it adds to the leaf. */
static ktk_status read_levels(struct leaf_reader *reader, struct list_sink *list,
                              const struct page_parts *parts, int64_t value_count, ktk_error *err) {
    struct validity *validity = &reader->sink.validity;
    struct read_scratch *scratch = reader->scratch;
    struct level_scratch levels;
    ktk_status status = KTK_OK;

    if (list == NULL) {
        status = reader->format.definition_max == 0
                     ? ktki_validity_add(validity, value_count, true, err)
                     : ktki_levels_flat(validity, parts->definition, value_count, err);
        goto out;
    }
    KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->levels, 2 * (size_t)value_count, err));
    levels.repetition = scratch->levels.data;
    levels.definition = scratch->levels.data + value_count;
    KTKI_TRY(ktki_levels_list(list, validity, parts->repetition, parts->definition, value_count,
                              reader->kernels, &levels, err));
out:
    return status;
}

static ktk_status read_page(struct leaf_reader *reader, struct list_sink *list,
                            const struct page *page, ktk_error *err) {
    struct validity *validity = &reader->sink.validity;
    struct page_values values = {.slot = validity->length};
    int64_t null_count = validity->null_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_open(&values.parts, page, &reader->format, reader->scratch, err));
    KTKI_TRY(read_levels(reader, list, &values.parts, page->header.value_count, err));
    values.count = (size_t)(validity->length - values.slot);
    values.dense_count = values.count - (size_t)(validity->null_count - null_count);
    if (values.count > 0) {
        KTKI_TRY(ktki_page_decode(reader, &values, page->header.encoding, err));
    }
out:
    return status;
}

static ktk_status read_pages(struct leaf_reader *reader, struct list_sink *list, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (reader->pages.dictionary != NULL) {
        KTKI_TRY(ktki_dictionary_load(reader, reader->pages.dictionary, err));
    }
    for (reader->next_page = 0; reader->next_page < reader->pages.data_count; reader->next_page++) {
        status = read_page(reader, list, &reader->pages.data[reader->next_page], err);
        if (status != KTK_OK) {
            ktki_error_context(err, "data page %zu", reader->next_page);
            goto out;
        }
    }
    KTKI_TRY(ktki_sink_finish(reader, err));
out:
    return status;
}

/* ---- chunks ---- */

/* The chunk's own dictionary serves as that of the array if every page refers to it. */
static bool is_all_dictionary(const struct page_walk *pages) {
    for (size_t i = 0; i < pages->data_count; i++) {
        enum parquet_encoding encoding = pages->data[i].header.encoding;
        if (encoding != PQ_RLE_DICTIONARY && encoding != PQ_PLAIN_DICTIONARY) {
            return false;
        }
    }
    return pages->dictionary != NULL;
}

/* A page's values must not take more memory than the limit of a page, whatever it claims. */
static ktk_status check_counts(const struct leaf_reader *reader, const struct chunk_read *read,
                               ktk_error *err) {
    const struct page_walk *pages = &reader->pages;
    size_t width = reader->rule.kind == SINK_FIXED ? reader->rule.width : sizeof(int64_t);
    int64_t count_max = ktki_context_limits(read->context)->page_bytes_max / (int64_t)width;

    for (size_t i = 0; i < pages->data_count; i++) {
        if (pages->data[i].header.value_count > count_max) {
            return ktk_error_set(err, KTK_E_LIMIT,
                                 "data page %zu has %d values, more than the %lld that the limit "
                                 "of a page allows",
                                 i, pages->data[i].header.value_count, (long long)count_max);
        }
    }
    if (read->leaf->repetition_max == 0 && pages->value_count != read->row_count) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "it has %lld values where its row group has %lld rows",
                             (long long)pages->value_count, (long long)read->row_count);
    }
    return KTK_OK;
}

static ktk_status begin(struct leaf_reader *reader, const struct chunk_read *read,
                        const struct field *leaf_field, ktk_error *err) {
    const struct field *values =
        leaf_field->type.id == TYPE_DICTIONARY ? leaf_field->dictionary : leaf_field;
    ktk_status status = KTK_OK;

    reader->rule = ktki_value_rule(read->leaf->element, &values->type);
    reader->format.definition_max = read->leaf->definition_max;
    reader->format.repetition_max = read->leaf->repetition_max;
    if (read->chunk->codec != CODEC_NONE) {
        KTKI_TRY(ktki_codec_find(&reader->format.codec, read->chunk->codec, err));
    }
    KTKI_TRY(ktki_page_walk(&reader->pages, reader->scratch, ktki_context_limits(read->context),
                            read->data, read->size, read->chunk->value_count, err));
    KTKI_TRY(check_counts(reader, read, err));
    if (values != leaf_field && is_all_dictionary(&reader->pages)) {
        reader->rule.kind = SINK_INDEX;
    }
    KTKI_TRY(ktki_sink_init(&reader->sink, &reader->rule, reader->allocator,
                            reader->pages.value_count, err));
out:
    return status;
}

static ktk_status finish_leaf(struct leaf_reader *reader, const struct chunk_read *read,
                              const struct field *leaf_field, struct ArrowArray *out,
                              ktk_error *err) {
    struct ArrowArray dictionary = {0};
    ktk_status status = KTK_OK;

    if (reader->rule.kind == SINK_INDEX) {
        KTKI_TRY(ktki_dictionary_wrap(reader, read->context, &dictionary, err));
        KTKI_TRY(ktki_leaf_wrap(reader, read->context, &dictionary, out, err));
    } else if (leaf_field->type.id == TYPE_DICTIONARY) {
        KTKI_TRY(ktki_leaf_encode(reader, read->context, out, err));
    } else {
        KTKI_TRY(ktki_leaf_wrap(reader, read->context, NULL, out, err));
    }
out:
    ktki_array_clear(&dictionary);
    return status;
}

static ktk_status begin_list(struct list_sink *list, const struct chunk_read *read,
                             const ktk_allocator *allocator, ktk_error *err) {
    const struct parquet_leaf *leaf = read->leaf;

    list->is_nullable = leaf->repeated_definition > 1;
    list->item_level = (uint32_t)leaf->repeated_definition;
    list->definition_max = (uint32_t)leaf->definition_max;
    return ktki_list_init(list, allocator, read->row_count, read->field->type.id == TYPE_LARGE_LIST,
                          err);
}

static ktk_status read_list_chunk(struct leaf_reader *reader, const struct chunk_read *read,
                                  struct ArrowArray *out, ktk_error *err) {
    struct list_sink list = {0};
    struct ArrowArray items = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(begin(reader, read, &read->field->children[0], err));
    KTKI_TRY(begin_list(&list, read, reader->allocator, err));
    KTKI_TRY(read_pages(reader, &list, err));
    if (list.rows.length != read->row_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "it has %lld rows where its row group has %lld",
                  (long long)list.rows.length, (long long)read->row_count);
    }
    ktki_list_finish(&list, &reader->sink.validity);
    KTKI_TRY(finish_leaf(reader, read, &read->field->children[0], &items, err));
    KTKI_TRY(ktki_list_wrap(&list, read->context, &items, out, err));
out:
    ktki_array_clear(&items);
    ktki_list_clear(&list);
    return status;
}

ktk_status ktki_chunk_read(struct ArrowArray *out, const struct chunk_read *read,
                           struct read_scratch *scratch, ktk_error *err) {
    struct leaf_reader reader = {.allocator = ktki_context_allocator(read->context),
                                 .kernels = scratch->kernels,
                                 .scratch = scratch};
    ktk_status status = KTK_OK;

    assert(read->leaf->shape != LEAF_NESTED);
    if (read->leaf->shape == LEAF_LIST) {
        KTKI_TRY(read_list_chunk(&reader, read, out, err));
    } else {
        KTKI_TRY(begin(&reader, read, read->field, err));
        KTKI_TRY(read_pages(&reader, NULL, err));
        KTKI_TRY(finish_leaf(&reader, read, read->field, out, err));
    }
out:
    ktki_sink_clear(&reader.sink);
    return status;
}
