#include "parquet/column_read.h"

#include "base/context.h"
#include "base/error.h"
#include "parquet/column_spans.h"
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

/* Where the values of a page go if each entry is a slot and none is null. */
static struct page_slots slots_of(const struct leaf_reader *reader, const struct page *page) {
    const struct value_rule *rule = &reader->rule;
    const struct validity *validity = &reader->sink.validity;
    size_t count = (size_t)page->header.value_count;
    struct page_slots slots = {0};

    if (rule->kind == SINK_FIXED && rule->read == NULL && page->start_size == 0 &&
        page->header.value_count <= validity->capacity - validity->length) {
        slots.before = (size_t)validity->length * rule->width;
        slots.to = reader->sink.values + slots.before;
        slots.size = count * rule->width;
    }
    return slots;
}

ktk_status ktki_chunk_page(struct leaf_reader *reader, struct nest_reader *nests,
                           const struct page *page, ktk_error *err) {
    struct validity *validity = &reader->sink.validity;
    struct page_values values = {.slot = validity->length};
    struct page_slots slots = slots_of(reader, page);
    int64_t null_count = validity->null_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_open(&values.parts, page, &reader->format, &slots, reader->scratch, err));
    KTKI_TRY(ktki_nests_add(nests, validity, &values.parts, page->header.value_count,
                            reader->scratch, err));
    values.count = (size_t)(validity->length - values.slot);
    values.dense_count = values.count - (size_t)(validity->null_count - null_count);
    if (values.count > 0) {
        KTKI_TRY(ktki_page_decode(reader, &values, page->header.encoding, err));
    }
out:
    return status;
}

static ktk_status read_pages(struct leaf_reader *reader, const struct chunk_read *read,
                             struct nest_reader *nests, ktk_error *err) {
    bool is_done = false;
    ktk_status status = KTK_OK;

    if (reader->pages.dictionary != NULL) {
        status = ktki_dictionary_load(reader, reader->pages.dictionary, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "dictionary page at offset %lld",
                               (long long)reader->pages.dictionary->offset);
            goto out;
        }
    }
    KTKI_TRY(ktki_spans_read(reader, read, &is_done, err));
    for (; !is_done && reader->next_page < reader->pages.data_count; reader->next_page++) {
        status = ktki_chunk_page(reader, nests, &reader->pages.data[reader->next_page], err);
        if (status != KTK_OK) {
            ktki_error_context(err, "data page %zu at offset %lld", reader->next_page,
                               (long long)reader->pages.data[reader->next_page].offset);
            goto out;
        }
    }
    KTKI_TRY(ktki_nests_finish(nests, err));
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
static ktk_status check_pages(const struct leaf_reader *reader, const struct chunk_read *read,
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
    return KTK_OK;
}

/* Each row has an entry at least. */
static ktk_status check_rows(const struct leaf_reader *reader, const struct chunk_read *read,
                             ktk_error *err) {
    int64_t value_count = reader->pages.value_count;

    if (value_count < read->row_count ||
        (read->leaf->repetition_max == 0 && value_count > read->row_count)) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "it has %lld values where its row group has %lld rows",
                             (long long)value_count, (long long)read->row_count);
    }
    return KTK_OK;
}

ktk_status ktki_chunk_begin(struct leaf_reader *reader, const struct chunk_read *read,
                            int64_t capacity, ktk_error *err) {
    bool is_coded = read->field->type.id == TYPE_DICTIONARY;
    const struct field *values = is_coded ? read->field->dictionary : read->field;
    ktk_status status = KTK_OK;

    reader->rule = ktki_value_rule(read->leaf->element, &values->type);
    reader->format.definition_max = read->leaf->definition_max;
    reader->format.repetition_max = read->leaf->repetition_max;
    reader->format.skips_checksums = read->skips_checksums;
    if (read->chunk->codec != CODEC_NONE) {
        KTKI_TRY(ktki_codec_find(&reader->format.codec, read->chunk->codec, err));
    }
    KTKI_TRY(check_pages(reader, read, err));
    if (is_coded && is_all_dictionary(&reader->pages)) {
        reader->rule.kind = SINK_INDEX;
    }
    KTKI_TRY(ktki_sink_init(&reader->sink, &reader->rule, reader->allocator, capacity, err));
out:
    return status;
}

ktk_status ktki_chunk_finish(struct leaf_reader *reader, const struct chunk_read *read,
                             struct ArrowArray *out, ktk_error *err) {
    struct ArrowArray dictionary = {0};
    ktk_status status = KTK_OK;

    if (reader->rule.kind == SINK_INDEX) {
        KTKI_TRY(ktki_dictionary_wrap(reader, read->context, &dictionary, err));
        KTKI_TRY(ktki_leaf_wrap(reader, read->context, &dictionary, out, err));
    } else if (read->field->type.id == TYPE_DICTIONARY) {
        KTKI_TRY(ktki_leaf_encode(reader, read->context, out, err));
    } else {
        KTKI_TRY(ktki_leaf_wrap(reader, read->context, NULL, out, err));
    }
out:
    ktki_array_clear(&dictionary);
    return status;
}

ktk_status ktki_chunk_read(struct ArrowArray *out, const struct chunk_read *read,
                           struct read_scratch *scratch, ktk_error *err) {
    struct leaf_reader reader = {
        .allocator =
            read->allocator != NULL ? read->allocator : ktki_context_allocator(read->context),
        .kernels = scratch->kernels,
        .scratch = scratch,
        .page_bytes_max = ktki_context_limits(read->context)->page_bytes_max};
    struct nest_reader nests;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_walk(&reader.pages, scratch, ktki_context_limits(read->context), read->data,
                            read->size, read->offset, read->chunk->value_count, err));
    KTKI_TRY(check_rows(&reader, read, err));
    KTKI_TRY(ktki_chunk_begin(&reader, read, reader.pages.value_count, err));
    KTKI_TRY(ktki_nests_begin(&nests, read->leaf, read->nests, read->nest_first, read->row_count,
                              reader.allocator, err));
    KTKI_TRY(read_pages(&reader, read, &nests, err));
    KTKI_TRY(ktki_chunk_finish(&reader, read, out, err));
out:
    ktki_sink_clear(&reader.sink);
    return status;
}
