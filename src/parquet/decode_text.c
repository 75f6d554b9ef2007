#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "parquet/leaf_reader.h"

static ktk_status damaged(ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "a value ends behind its page");
}

ktk_status ktki_text_check_size(const struct leaf_reader *reader, uint64_t size, ktk_error *err) {
    if (reader->rule.kind == SINK_TEXT_32 && size > INT32_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT,
                             "its values take %llu bytes in one row group, more than %d; write "
                             "smaller row groups",
                             (unsigned long long)size, INT32_MAX);
    }
    return KTK_OK;
}

static ktk_status reserve_bytes(struct leaf_sink *sink, uint64_t size, ktk_error *err) {
    uint64_t capacity = sink->bytes_size + size + KERNEL_SLACK;
    ktk_status status = KTK_OK;

    if (sink->bytes == NULL || capacity > sink->bytes_capacity) {
        KTKI_TRY(ktki_resize_array(sink->allocator, &sink->bytes, sink->bytes_capacity,
                                   (size_t)capacity, 1, err));
        sink->bytes_capacity = (size_t)capacity;
    }
out:
    return status;
}

/* Indices wait where the offsets will be; the wider offsets leave room for them in the upper half
 * of their buffer, so that each is read before an offset is written over it. */
uint32_t *ktki_text_indices(struct leaf_reader *reader) {
    uint32_t *first = (uint32_t *)reader->sink.values;

    return reader->rule.kind == SINK_TEXT_32 ? first : first + reader->sink.validity.capacity;
}

static void put_offset(struct leaf_reader *reader, int64_t slot, uint64_t offset) {
    if (reader->rule.kind == SINK_TEXT_32) {
        ((int32_t *)reader->sink.values)[slot] = (int32_t)offset;
    } else {
        ((int64_t *)reader->sink.values)[slot] = (int64_t)offset;
    }
}

/* Whether the texts that wait are all of one size, which no null among them is. */
static bool is_even(const struct leaf_reader *reader) {
    return reader->dictionary.is_even && reader->sink.validity.bits == NULL;
}

/* Copies the texts of slots [start, end) behind those before; writes more than the texts. */
static uint64_t gather_some(struct leaf_reader *reader, int64_t start, int64_t end) {
    const struct kernels *kernels = reader->kernels;
    const struct leaf_sink *sink = &reader->sink;
    const struct chunk_dictionary *dictionary = &reader->dictionary;
    const uint32_t *indices = ktki_text_indices(reader) + start;
    size_t count = (size_t)(end - start);
    uint64_t at = sink->bytes_size;

    if (reader->rule.kind == SINK_TEXT_32) {
        int32_t *offsets = (int32_t *)sink->values + start;
        at = is_even(reader) ? kernels->even_gather_32(dictionary->even_size, dictionary->bytes,
                                                       indices, count, at, sink->bytes, offsets)
                             : kernels->text_gather_32(dictionary->texts, dictionary->bytes,
                                                       indices, count, at, sink->bytes, offsets);
    } else {
        int64_t *offsets = (int64_t *)sink->values + start;
        at = is_even(reader) ? kernels->even_gather_64(dictionary->even_size, dictionary->bytes,
                                                       indices, count, at, sink->bytes, offsets)
                             : kernels->text_gather_64(dictionary->texts, dictionary->bytes,
                                                       indices, count, at, sink->bytes, offsets);
    }
    return at;
}

/* The last texts, behind which no more may be written, are copied as they are. */
static void gather(struct leaf_reader *reader, int64_t start, int64_t end) {
    struct leaf_sink *sink = &reader->sink;
    const struct chunk_dictionary *dictionary = &reader->dictionary;
    const uint32_t *indices = ktki_text_indices(reader);
    uint64_t at = sink->bytes_size;
    uint64_t tail_size = 0;
    int64_t tail = end;

    while (tail > start && tail_size < KERNEL_SLACK) {
        tail--;
        tail_size += dictionary->texts[indices[tail]].size;
    }
    if (tail > start) {
        at = gather_some(reader, start, tail);
    }
    for (; tail < end; tail++) {
        const struct text_entry *text = &dictionary->texts[indices[tail]];

        put_offset(reader, tail, at);
        memcpy(sink->bytes + at, dictionary->bytes + text->offset, text->size);
        at += text->size;
    }
    sink->bytes_size = at;
}

ktk_status ktki_text_flush(struct leaf_reader *reader, int64_t end, uint64_t extra,
                           ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    uint64_t size = ktki_text_waiting(reader, end);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_text_check_size(reader, sink->bytes_size + size, err));
    KTKI_TRY(reserve_bytes(sink, size + extra, err));
    ktki_text_place(reader, end);
out:
    return status;
}

uint64_t ktki_text_waiting(struct leaf_reader *reader, int64_t end) {
    const struct chunk_dictionary *dictionary = &reader->dictionary;
    int64_t start = reader->sink.waiting;
    size_t count = (size_t)(end - start);

    if (count > 0 && is_even(reader)) {
        return (uint64_t)count * dictionary->even_size;
    }
    return count == 0 ? 0
                      : reader->kernels->text_size(dictionary->texts,
                                                   ktki_text_indices(reader) + start, count);
}

void ktki_text_place(struct leaf_reader *reader, int64_t end) {
    gather(reader, reader->sink.waiting, end);
    reader->sink.waiting = end;
}

ktk_status ktki_text_dictionary(struct leaf_reader *reader, struct page_values *page,
                                ktk_error *err) {
    uint32_t *out = ktki_text_indices(reader) + page->slot;

    return ktki_indices_unpack(reader, page, reader->dictionary.count, out, err);
}

/* Upper bound of the text bytes in this page and those behind it: what makes one allocation of
 * many. */
static uint64_t bytes_to_come(const struct leaf_reader *reader) {
    size_t end = reader->is_selective ? reader->next_page + 1 : reader->pages.data_count;
    uint64_t size = 0;

    for (size_t i = reader->next_page; i < end; i++) {
        const struct page_header *header = &reader->pages.data[i].header;
        if (header->encoding == PQ_PLAIN || header->encoding == PQ_DELTA_LENGTH_BYTE_ARRAY) {
            size += (uint64_t)(reader->format.codec == NULL ? header->compressed_size
                                                            : header->uncompressed_size);
        }
    }
    return size;
}

/* The output has room up to `limit`, which is what the page holds beside the sizes. */
#define READ_PLAIN(name, type)                                                                     \
    static bool read_plain_##name(struct leaf_sink *sink, const struct page_values *page,          \
                                  uint64_t limit) {                                                \
        const uint8_t *validity = page->dense_count == page->count ? NULL : sink->validity.bits;   \
        struct cursor in = page->parts.values;                                                     \
        type *offsets = (type *)sink->values + page->slot;                                         \
        uint8_t *out = sink->bytes;                                                                \
        uint64_t at = sink->bytes_size;                                                            \
        for (size_t i = 0; i < page->count; i++) {                                                 \
            int64_t slot = page->slot + (int64_t)i;                                                \
            uint32_t size;                                                                         \
            const uint8_t *from;                                                                   \
            offsets[i] = (type)at;                                                                 \
            if (validity != NULL && (validity[slot >> 3] >> (slot & 7) & 1) == 0) {                \
                continue;                                                                          \
            }                                                                                      \
            if (!ktki_cursor_u32le(&in, &size) || !ktki_cursor_bytes(&in, size, &from)) {          \
                return false;                                                                      \
            }                                                                                      \
            if (size <= KERNEL_SLACK && limit - at >= KERNEL_SLACK &&                              \
                ktki_cursor_left(&in) >= KERNEL_SLACK) {                                           \
                memcpy(out + at, from, KERNEL_SLACK);                                              \
            } else {                                                                               \
                memcpy(out + at, from, size);                                                      \
            }                                                                                      \
            at += size;                                                                            \
        }                                                                                          \
        sink->bytes_size = at;                                                                     \
        return true;                                                                               \
    }

READ_PLAIN(32, int32_t)
READ_PLAIN(64, int64_t)

static int64_t offset_at(const struct leaf_reader *reader, int64_t slot) {
    return reader->rule.kind == SINK_TEXT_32 ? ((const int32_t *)reader->sink.values)[slot]
                                             : ((const int64_t *)reader->sink.values)[slot];
}

/* All bytes of the page are checked as one text; then each value must start at a character. */
static ktk_status check_utf8(const struct leaf_reader *reader, const struct page_values *page,
                             uint64_t start, ktk_error *err) {
    const uint8_t *bytes = reader->sink.bytes;
    uint64_t end = reader->sink.bytes_size;

    if (!reader->rule.is_utf8 || reader->kernels->is_ascii(bytes + start, end - start)) {
        return KTK_OK;
    }
    if (!ktki_utf8_is_valid(bytes + start, end - start)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "a text is not UTF-8");
    }
    for (size_t i = 0; i < page->count; i++) {
        uint64_t offset = (uint64_t)offset_at(reader, page->slot + (int64_t)i);
        if (offset < end && (bytes[offset] & 0xC0) == 0x80) {
            return ktk_error_set(err, KTK_E_CORRUPT, "the text in row %lld is not UTF-8",
                                 (long long)page->slot + (long long)i);
        }
    }
    return KTK_OK;
}

ktk_status ktki_text_reserve(struct leaf_reader *reader, const struct page_values *page,
                             uint64_t size, ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_text_flush(reader, page->slot, bytes_to_come(reader), err));
    KTKI_TRY(ktki_text_check_size(reader, sink->bytes_size + size, err));
    KTKI_TRY(reserve_bytes(sink, size, err));
out:
    return status;
}

ktk_status ktki_text_add(struct leaf_reader *reader, const struct page_values *page, uint64_t size,
                         ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    uint64_t start = sink->bytes_size;

    sink->bytes_size += size;
    sink->waiting = page->slot + (int64_t)page->count;
    return check_utf8(reader, page, start, err);
}

ktk_status ktki_text_make_room(struct leaf_reader *reader, uint64_t size, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_text_check_size(reader, reader->sink.bytes_size + size, err));
    KTKI_TRY(reserve_bytes(&reader->sink, size + bytes_to_come(reader), err));
out:
    return status;
}

ktk_status ktki_text_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err) {
    struct leaf_sink *sink = &reader->sink;
    size_t size;
    uint64_t start;
    bool is_placed = false;
    bool is_whole;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_page_values(&page->parts, &reader->format, reader->scratch, NULL, 0, &is_placed, err));
    size = ktki_cursor_left(&page->parts.values);
    if (size / sizeof(uint32_t) < page->dense_count) {
        status = damaged(err);
        goto out;
    }
    size -= page->dense_count * sizeof(uint32_t);
    KTKI_TRY(reader->take_room != NULL ? reader->take_room(reader, size, err)
                                       : ktki_text_reserve(reader, page, size, err));
    start = sink->bytes_size;
    is_whole = reader->rule.kind == SINK_TEXT_32 ? read_plain_32(sink, page, start + size)
                                                 : read_plain_64(sink, page, start + size);
    if (!is_whole) {
        status = damaged(err);
        goto out;
    }
    KTKI_TRY(check_utf8(reader, page, start, err));
    sink->waiting = page->slot + (int64_t)page->count;
out:
    return status;
}
