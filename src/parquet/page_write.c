#include "parquet/page_write.h"

#include <assert.h>
#include <libdeflate.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "parquet/rle_encode.h"
#include "parquet/text_check.h"

/* Bytes kept free in front of a body for its header, which is known last. */
#define HEADER_ROOM 64

/* A page under way. */
struct page_task {
    struct write_page *page;
    const struct leaf_input *input;
    const struct chunk_indices *indices;
    const struct page_settings *settings;
    struct write_scratch *scratch;
    struct buffer *body; /* where levels and values are put */
    size_t body_start;
    size_t repetition_size; /* of the levels in the body */
    size_t definition_size;
};

/* Without compression the body is made where it stays. */
static ktk_status begin_body(struct page_task *task, ktk_error *err) {
    struct buffer *bytes = &task->page->output->bytes;
    ktk_status status = KTK_OK;

    bytes->size = 0;
    KTKI_TRY(ktki_buffer_reserve(bytes, HEADER_ROOM, err));
    bytes->size = HEADER_ROOM;
    task->body = &task->scratch->body;
    task->body->size = 0;
    task->body_start = 0;
    if (task->settings->codec_id == CODEC_NONE) {
        task->body = bytes;
        task->body_start = HEADER_ROOM;
    }
out:
    return status;
}

/* Compress the body into the output; what `raw_size` says stays as it is. */
static ktk_status compress_body(struct page_task *task, size_t raw_size, struct page_header *header,
                                ktk_error *err) {
    const struct codec *codec = task->settings->codec;
    const struct buffer *body = task->body;
    struct buffer *bytes = &task->page->output->bytes;
    size_t packed_size = body->size - raw_size;
    size_t size = codec->bound(packed_size);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(bytes, body->data, raw_size, err));
    KTKI_TRY(ktki_buffer_reserve(bytes, size, err));
    if (header->type == PQ_DATA_PAGE_V2 && packed_size == 0) {
        size = 0; /* not all readers unpack nothing */
    } else {
        KTKI_TRY(codec->compress(&task->scratch->codec, task->settings->level,
                                 body->data + raw_size, packed_size, bytes->data + bytes->size,
                                 &size, err));
        header->is_compressed = true;
    }
    bytes->size += size;
out:
    return status;
}

/* Compress the body, and put the header in front of it. */
static ktk_status finish_body(struct page_task *task, struct page_header *header,
                              const char *column, ktk_error *err) {
    struct write_page *page = task->page;
    struct buffer *bytes = &page->output->bytes;
    struct buffer *encoded = &task->scratch->header;
    size_t body_size = task->body->size - task->body_start;
    ktk_status status = KTK_OK;

    if (body_size > INT32_MAX / 2) {
        KTKI_FAIL(err, KTK_E_LIMIT, "column '%s': a page of %zu bytes is too large for Parquet",
                  column, body_size);
    }
    if (task->settings->codec_id != CODEC_NONE) {
        size_t raw_size =
            header->type == PQ_DATA_PAGE_V2 ? task->repetition_size + task->definition_size : 0;
        KTKI_TRY(compress_body(task, raw_size, header, err));
    }
    header->uncompressed_size = (int32_t)body_size;
    header->compressed_size = (int32_t)(bytes->size - HEADER_ROOM);
    header->has_crc = task->settings->has_checksums;
    if (header->has_crc) {
        header->crc = libdeflate_crc32(0, bytes->data + HEADER_ROOM, bytes->size - HEADER_ROOM);
    }
    encoded->size = 0;
    KTKI_TRY(ktki_page_header_encode(header, encoded, err));
    assert(encoded->size <= HEADER_ROOM);
    page->start = HEADER_ROOM - encoded->size;
    memcpy(bytes->data + page->start, encoded->data, encoded->size);
    page->size = (int64_t)(bytes->size - page->start);
    page->uncompressed_size = (int64_t)(encoded->size + body_size);
out:
    return status;
}

/* Version 1 pages have the size of each kind of levels in front of them, version 2 pages in their
 * header. */
static ktk_status begin_levels(struct page_task *task, size_t *start, ktk_error *err) {
    *start = task->body->size;
    return task->settings->data_page_version == 2
               ? KTK_OK
               : ktki_buffer_append_zeros(task->body, sizeof(uint32_t), err);
}

static size_t end_levels(struct page_task *task, size_t start) {
    size_t size = task->body->size - start;
    uint32_t own = (uint32_t)(size - sizeof(own));

    if (task->settings->data_page_version != 2) {
        memcpy(task->body->data + start, &own, sizeof(own));
    }
    return size;
}

/* Levels of a flat column are the validity of its slots. */
static ktk_status put_validity(struct page_task *task, ktk_error *err) {
    const struct write_page *page = task->page;
    size_t count = (size_t)page->slot_count;
    struct buffer *bits = &task->scratch->levels;
    size_t start = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_levels(task, &start, err));
    if (page->value_count == 0 || page->value_count == page->slot_count) {
        KTKI_TRY(ktki_rle_encode_run(task->body, page->value_count > 0, count, 1, err));
    } else {
        bits->size = 0;
        KTKI_TRY(ktki_buffer_reserve(bits, ktki_bits_size(page->slot_count), err));
        ktki_leaf_input_validity(task->input, page->slot_start, page->slot_count, bits->data);
        KTKI_TRY(ktki_rle_encode_bits(task->body, bits->data, count, err));
    }
    task->definition_size = end_levels(task, start);
out:
    return status;
}

static ktk_status put_levels(struct page_task *task, const uint8_t *levels, uint8_t level_max,
                             size_t *level_size, ktk_error *err) {
    const struct write_page *page = task->page;
    size_t count = (size_t)page->level_count;
    struct buffer *wide = &task->scratch->levels;
    uint32_t *to;
    size_t size;
    size_t start = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_levels(task, &start, err));
    wide->size = 0;
    if (!ktki_mul_size(count, sizeof(*to), &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu levels do not fit in memory", count);
    }
    KTKI_TRY(ktki_buffer_reserve(wide, size, err));
    to = (uint32_t *)(void *)wide->data;
    for (size_t i = 0; i < count; i++) {
        to[i] = levels[page->level_start + (int64_t)i];
    }
    KTKI_TRY(ktki_rle_encode(task->body, to, count, ktki_bit_width(level_max), err));
    *level_size = end_levels(task, start);
out:
    return status;
}

static ktk_status put_all_levels(struct page_task *task, ktk_error *err) {
    const struct leaf_input *input = task->input;
    ktk_status status = KTK_OK;

    if (input->definitions == NULL) {
        return put_validity(task, err);
    }
    if (input->repetitions != NULL) {
        KTKI_TRY(put_levels(task, input->repetitions, input->leaf->repetition_max,
                            &task->repetition_size, err));
    }
    KTKI_TRY(put_levels(task, input->definitions, input->leaf->definition_max,
                        &task->definition_size, err));
out:
    return status;
}

static void add_sizes(struct write_page *page, const struct value_block *block) {
    for (size_t i = 0; page->text_bytes >= 0 && i < block->count; i++) {
        page->text_bytes += block->sizes[i];
    }
}

static ktk_status put_values(struct page_task *task, ktk_error *err) {
    const struct write_leaf *leaf = task->input->leaf;
    struct write_page *page = task->page;
    struct value_encoder *encoder = &task->scratch->encoder;
    struct value_cursor cursor;
    ktk_status status = KTK_OK;

    ktki_range_init(&page->range, leaf->order, leaf->width);
    ktki_values_seek(&cursor, task->input, &task->scratch->values, page->slot_start,
                     page->slot_count);
    KTKI_TRY(ktki_encoder_begin(encoder, leaf->encoding, leaf->physical, leaf->width,
                                (size_t)page->value_count, task->body, err));
    while (!ktki_values_is_done(&cursor)) {
        struct value_block block;

        KTKI_TRY(ktki_values_next(&cursor, &block, NULL, err));
        if (leaf->is_text) {
            KTKI_TRY(ktki_text_check(&block, leaf->name, err));
        }
        ktki_range_add(&page->range, &block);
        add_sizes(page, &block);
        KTKI_TRY(ktki_encoder_add(encoder, &block, err));
    }
    KTKI_TRY(ktki_encoder_finish(encoder, err));
out:
    return status;
}

/* What an index of the pages wants to know of a page of indices. */
static void find_range(struct page_task *task) {
    const struct write_leaf *leaf = task->input->leaf;
    const struct chunk_indices *chunk = task->indices;
    struct write_page *page = task->page;
    const uint32_t *indices = chunk->indices + page->value_start;

    ktki_range_init(&page->range, leaf->order, leaf->width);
    if (task->settings->has_index) {
        ktki_index_range(&page->range, &chunk->entries, indices, (size_t)page->value_count,
                         &task->scratch->values);
        page->text_bytes =
            ktki_index_text_bytes(&chunk->entries, indices, (size_t)page->value_count);
    }
}

static ktk_status put_indices(struct page_task *task, ktk_error *err) {
    const struct write_page *page = task->page;
    unsigned width = task->indices->width;
    ktk_status status = KTK_OK;

    find_range(task);

    KTKI_TRY(ktki_buffer_append_byte(task->body, (uint8_t)width, err));
    KTKI_TRY(ktki_rle_encode(task->body, task->indices->indices + page->value_start,
                             (size_t)page->value_count, width, err));
out:
    return status;
}

static struct page_header data_page_header(const struct page_task *task) {
    const struct write_page *page = task->page;
    struct page_header header = {
        .type = PQ_DATA_PAGE,
        .value_count = (int32_t)page->level_count,
        .encoding = page->is_dictionary ? PQ_RLE_DICTIONARY : task->input->leaf->encoding,
        .definition_encoding = PQ_RLE,
        .repetition_encoding = PQ_RLE,
    };

    if (task->settings->data_page_version == 2) {
        header.type = PQ_DATA_PAGE_V2;
        header.null_count = (int32_t)(page->level_count - page->value_count);
        header.row_count = (int32_t)page->row_count;
        header.definition_size = (int32_t)task->definition_size;
        header.repetition_size = (int32_t)task->repetition_size;
    }
    return header;
}

ktk_status ktki_write_data_page(struct write_page *page, const struct leaf_input *input,
                                const struct chunk_indices *indices,
                                const struct page_settings *settings, struct write_scratch *scratch,
                                ktk_error *err) {
    struct page_task task = {page, input, indices, settings, scratch, NULL, 0, 0, 0};
    struct page_header header;
    ktk_status status = KTK_OK;

    if (page->level_count > INT32_MAX / 2) {
        KTKI_FAIL(err, KTK_E_LIMIT, "column '%s': a page of %lld items is too large for Parquet",
                  input->leaf->name, (long long)page->level_count);
    }
    page->text_bytes = input->leaf->physical == PQ_BYTE_ARRAY && settings->has_index ? 0 : -1;
    KTKI_TRY(begin_body(&task, err));
    KTKI_TRY(put_all_levels(&task, err));
    if (page->is_dictionary) {
        KTKI_TRY(put_indices(&task, err));
    } else {
        KTKI_TRY(put_values(&task, err));
    }
    header = data_page_header(&task);
    KTKI_TRY(finish_body(&task, &header, input->leaf->name, err));
out:
    return status;
}

ktk_status ktki_write_dictionary_page(struct write_page *page, const struct dictionary *dictionary,
                                      const char *column, const struct page_settings *settings,
                                      struct write_scratch *scratch, ktk_error *err) {
    struct page_task task = {page, NULL, NULL, settings, scratch, NULL, 0, 0, 0};
    struct page_header header = {
        .type = PQ_DICTIONARY_PAGE,
        .value_count = (int32_t)dictionary->count,
        .encoding = PQ_PLAIN,
    };
    ktk_status status = KTK_OK;

    KTKI_TRY(begin_body(&task, err));
    KTKI_TRY(ktki_buffer_append(task.body, dictionary->page.data, dictionary->page.size, err));
    KTKI_TRY(finish_body(&task, &header, column, err));
out:
    return status;
}
