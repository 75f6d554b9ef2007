#include "parquet/page.h"

#include <libdeflate.h>
#include <string.h>

#include "base/error.h"
#include "parquet/levels_bit_packed.h"

static ktk_status add_page(struct read_scratch *scratch, size_t count, const struct page *page,
                           ktk_error *err) {
    ktk_status status =
        ktki_scratch_grow(scratch, &scratch->pages, (count + 1) * sizeof(*page), err);

    if (status == KTK_OK) {
        memcpy(scratch->pages.data + count * sizeof(*page), page, sizeof(*page));
    }
    return status;
}

static ktk_status read_page(struct cursor *cursor, const ktk_limits *limits, struct page *out,
                            ktk_error *err) {
    struct page page = {.offset = out->offset};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_header_decode(&page.header, cursor, err));
    if (page.header.uncompressed_size > limits->page_bytes_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a page of %d bytes is above the limit of %lld",
                  page.header.uncompressed_size, (long long)limits->page_bytes_max);
    }
    if (!ktki_cursor_bytes(cursor, (size_t)page.header.compressed_size, &page.body)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page of %d bytes ends behind its column chunk",
                  page.header.compressed_size);
    }
    *out = page;
out:
    return status;
}

static bool is_data(const struct page *page) {
    return page->header.type == PQ_DATA_PAGE || page->header.type == PQ_DATA_PAGE_V2;
}

ktk_status ktki_page_walk(struct page_walk *out, struct read_scratch *scratch,
                          const ktk_limits *limits, const uint8_t *data, size_t size,
                          int64_t offset, int64_t value_count, ktk_error *err) {
    struct cursor cursor = ktki_cursor(data, size);
    struct page_walk list = {0};
    struct page page;
    size_t count = 0;
    bool has_dictionary = false;
    const struct page *pages;
    ktk_status status = KTK_OK;

    while (list.value_count < value_count && !ktki_cursor_is_done(&cursor)) {
        page.offset = offset + (cursor.at - data);
        status = read_page(&cursor, limits, &page, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "page %zu at offset %lld", count, (long long)page.offset);
            goto out;
        }
        if (is_data(&page)) {
            list.value_count += page.header.value_count;
        } else if (page.header.type != PQ_DICTIONARY_PAGE) {
            continue;
        } else if (count > 0) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a dictionary page at offset %lld follows other pages",
                      (long long)page.offset);
        } else {
            has_dictionary = true;
        }
        KTKI_TRY(add_page(scratch, count, &page, err));
        count++;
    }
    if (list.value_count != value_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "its pages hold %lld values where %lld are announced",
                  (long long)list.value_count, (long long)value_count);
    }
    pages = (const struct page *)scratch->pages.data;
    list.dictionary = has_dictionary ? pages : NULL;
    list.data = has_dictionary ? pages + 1 : pages;
    list.data_count = count - has_dictionary;
    *out = list;
out:
    return status;
}

static ktk_status check_crc(const struct page *page, const struct page_format *format,
                            ktk_error *err) {
    const struct page_header *header = &page->header;
    uint32_t crc;

    if (!header->has_crc || format->skips_checksums) {
        return KTK_OK;
    }
    crc = libdeflate_crc32(0, page->body, (size_t)header->compressed_size);
    if (crc != header->crc) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "the checksum of a page is %08x where %08x is stored", crc,
                             header->crc);
    }
    return KTK_OK;
}

static bool is_plain_codec(const struct page_format *format) {
    return format->codec == NULL;
}

/* Empty pages are not always compressed, and when they are there is nothing to get out of them. */
static ktk_status unpack(const struct page_format *format, struct read_scratch *scratch,
                         struct scratch_block *block, const uint8_t *data, size_t size,
                         size_t out_size, ktk_error *err) {
    ktk_status status = ktki_scratch_reserve(scratch, block, out_size, err);

    if (status == KTK_OK && out_size > 0) {
        status = format->codec->decompress(&scratch->codec, data, size, block->data, out_size, err);
    }
    return status;
}

/* The values of a page, or a start of them, into `scratch->page`. */
static ktk_status unpack_page(const struct page_format *format, struct read_scratch *scratch,
                              const uint8_t *data, size_t size, size_t out_size, size_t start_size,
                              struct cursor *out, ktk_error *err) {
    bool is_start = start_size > 0 && start_size < out_size && format->codec->decompress_start;
    ktk_status status = KTK_OK;

    if (is_start) {
        KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->page, out_size, err));
        KTKI_TRY(format->codec->decompress_start(&scratch->codec, data, size, scratch->page.data,
                                                 out_size, start_size, err));
    } else {
        KTKI_TRY(unpack(format, scratch, &scratch->page, data, size, out_size, err));
    }
    *out = ktki_cursor(scratch->page.data, is_start ? start_size : out_size);
out:
    return status;
}

/* Levels of a v1 page: their size in front of them, unless they are in the old encoding. */
static ktk_status split_levels(struct cursor *values, int32_t level_max, int64_t count,
                               enum parquet_encoding encoding, struct read_scratch *scratch,
                               struct scratch_block *block, struct cursor *out, ktk_error *err) {
    uint32_t size;

    if (level_max == 0) {
        *out = (struct cursor){values->at, values->at};
        return KTK_OK;
    }
    if (encoding == PQ_BIT_PACKED) {
        return ktki_levels_bit_packed(values, level_max, count, scratch, block, out, err);
    }
    if (encoding != PQ_RLE) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "levels in the encoding with number %d are not supported", encoding);
    }
    if (!ktki_cursor_u32le(values, &size) || !ktki_cursor_split(values, size, out)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "levels end behind their page");
    }
    return KTK_OK;
}

/* Levels in front of values that are all there: their size, and a run or a few. */
#define PLACED_LEVELS_MIN (sizeof(uint32_t) + 1)

/* Whether what a v1 page has besides the values can be levels that say that all are there. */
static bool can_place(const struct page_header *header, const struct page_format *format,
                      const struct page_slots *slots) {
    size_t size = (size_t)header->uncompressed_size;

    return slots != NULL && slots->size > 0 && format->definition_max > 0 &&
           format->repetition_max == 0 && header->encoding == PQ_PLAIN &&
           header->definition_encoding == PQ_RLE && size >= slots->size + PLACED_LEVELS_MIN &&
           size - slots->size <= PLACED_LEVELS_MAX && size - slots->size <= slots->before;
}

/*
 * The levels are decompressed over the end of the slots before, which is put back afterwards. If
 * the page turns out to be another one, it is moved to where pages are decompressed otherwise.
 */
static ktk_status place_page(struct page_parts *parts, const struct page *page,
                             const struct page_format *format, const struct page_slots *slots,
                             struct read_scratch *scratch, ktk_error *err) {
    size_t size = (size_t)page->header.uncompressed_size;
    size_t levels_size = size - slots->size;
    uint8_t *start = slots->to - levels_size;
    uint8_t *levels = scratch->placed_levels;
    uint8_t saved[PLACED_LEVELS_MAX];
    uint32_t stated;
    ktk_status status = KTK_OK;

    memcpy(saved, start, levels_size);
    status = format->codec->decompress(&scratch->codec, page->body,
                                       (size_t)page->header.compressed_size, start, size, err);
    memcpy(levels, start, levels_size);
    memcpy(start, saved, levels_size);
    KTKI_TRY(status);
    memcpy(&stated, levels, sizeof(stated));
    parts->is_placed = stated == levels_size - sizeof(stated);
    if (parts->is_placed) {
        parts->definition = ktki_cursor(levels + sizeof(stated), stated);
        parts->values = ktki_cursor(slots->to, slots->size);
    } else {
        KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->page, size, err));
        memcpy(scratch->page.data, levels, levels_size);
        memcpy(scratch->page.data + levels_size, slots->to, slots->size);
        parts->values = ktki_cursor(scratch->page.data, size);
    }
out:
    return status;
}

ktk_status ktki_page_displace(struct page_parts *parts, struct read_scratch *scratch,
                              ktk_error *err) {
    size_t size = ktki_cursor_left(&parts->values);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->page, size, err));
    memcpy(scratch->page.data, parts->values.at, size);
    parts->values = ktki_cursor(scratch->page.data, size);
    parts->is_placed = false;
out:
    return status;
}

static ktk_status open_v1(struct page_parts *out, const struct page *page,
                          const struct page_format *format, const struct page_slots *slots,
                          struct read_scratch *scratch, ktk_error *err) {
    const struct page_header *header = &page->header;
    struct page_parts parts = {0};
    bool has_levels = format->definition_max > 0 || format->repetition_max > 0;
    ktk_status status = KTK_OK;

    parts.values_size = (size_t)header->uncompressed_size;
    if (is_plain_codec(format)) {
        parts.values = ktki_cursor(page->body, (size_t)header->compressed_size);
    } else if (can_place(header, format, slots)) {
        KTKI_TRY(place_page(&parts, page, format, slots, scratch, err));
    } else if (has_levels) {
        KTKI_TRY(unpack_page(format, scratch, page->body, (size_t)header->compressed_size,
                             parts.values_size, page->start_size, &parts.values, err));
    } else {
        parts.packed = page->body;
        parts.packed_size = (size_t)header->compressed_size;
    }
    if (has_levels && !parts.is_placed) {
        KTKI_TRY(split_levels(&parts.values, format->repetition_max, header->value_count,
                              header->repetition_encoding, scratch, &scratch->old_repetition,
                              &parts.repetition, err));
        KTKI_TRY(split_levels(&parts.values, format->definition_max, header->value_count,
                              header->definition_encoding, scratch, &scratch->old_definition,
                              &parts.definition, err));
    }
    *out = parts;
out:
    return status;
}

/* Levels of a v2 page are never compressed and their sizes stand in the header. */
static ktk_status open_v2(struct page_parts *out, const struct page *page,
                          const struct page_format *format, ktk_error *err) {
    const struct page_header *header = &page->header;
    struct page_parts parts = {0};
    struct cursor body = ktki_cursor(page->body, (size_t)header->compressed_size);
    int64_t levels_size = (int64_t)header->repetition_size + header->definition_size;

    if (!ktki_cursor_split(&body, (size_t)header->repetition_size, &parts.repetition) ||
        !ktki_cursor_split(&body, (size_t)header->definition_size, &parts.definition) ||
        levels_size > header->uncompressed_size) {
        return ktk_error_set(err, KTK_E_CORRUPT, "levels end behind their page");
    }
    parts.values_size = (size_t)(header->uncompressed_size - levels_size);
    if (is_plain_codec(format) || !header->is_compressed) {
        parts.values = body;
    } else {
        parts.packed = body.at;
        parts.packed_size = ktki_cursor_left(&body);
    }
    *out = parts;
    return KTK_OK;
}

ktk_status ktki_page_open(struct page_parts *out, const struct page *page,
                          const struct page_format *format, const struct page_slots *slots,
                          struct read_scratch *scratch, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_crc(page, format, err));
    KTKI_TRY(page->header.type == PQ_DATA_PAGE ? open_v1(out, page, format, slots, scratch, err)
                                               : open_v2(out, page, format, err));
    out->start_size = page->start_size;
out:
    return status;
}

ktk_status ktki_page_values(struct page_parts *parts, const struct page_format *format,
                            struct read_scratch *scratch, uint8_t *target, size_t size,
                            bool *is_placed, ktk_error *err) {
    ktk_status status = KTK_OK;

    *is_placed = false;
    if (parts->packed == NULL) {
        return KTK_OK;
    }
    if (target != NULL && size == parts->values_size && size > 0) {
        KTKI_TRY(format->codec->decompress(&scratch->codec, parts->packed, parts->packed_size,
                                           target, size, err));
        *is_placed = true;
    } else {
        KTKI_TRY(unpack_page(format, scratch, parts->packed, parts->packed_size, parts->values_size,
                             parts->start_size, &parts->values, err));
    }
    parts->packed = NULL;
out:
    return status;
}

ktk_status ktki_page_dictionary(struct cursor *out, const struct page *page,
                                const struct page_format *format, struct read_scratch *scratch,
                                ktk_error *err) {
    const struct page_header *header = &page->header;
    struct scratch_block *block = &scratch->dictionary_page;
    size_t size = (size_t)header->uncompressed_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_crc(page, format, err));
    if (is_plain_codec(format)) {
        size = (size_t)header->compressed_size;
        KTKI_TRY(ktki_scratch_reserve(scratch, block, size, err));
        if (size > 0) {
            memcpy(block->data, page->body, size);
        }
    } else {
        KTKI_TRY(
            unpack(format, scratch, block, page->body, (size_t)header->compressed_size, size, err));
    }
    *out = ktki_cursor(block->data, size);
out:
    return status;
}
