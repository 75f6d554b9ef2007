#include "parquet/column_spans.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "parquet/file_handle.h"

/* Work of a task: bytes that it makes, about a quarter of a millisecond to a millisecond. */
#define SPAN_BYTES ((int64_t)1 << 20)

/* Consecutive pages: one task. */
struct span {
    size_t first_page;
    size_t page_count;
    int64_t slot;
    int64_t slot_count;
    bool is_coded;            /* its pages refer to the dictionary */
    uint64_t size;            /* of texts that are coded */
    struct validity validity; /* of its slots, counted from 0 */
};

struct spans {
    struct leaf_reader *whole;
    const struct chunk_read *read;
    struct span *items;
    size_t count;
    size_t capacity;
    /* Texts: whose turn it is to say how many bytes it takes. */
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t turn;
    uint64_t end;
    size_t failed;   /* the first span that failed; `count` or more: none */
    bool is_inexact; /* a page has bytes behind its texts */
};

/* A span being read: the reader is first, so that what makes room finds the rest. */
struct span_reader {
    struct leaf_reader reader;
    struct spans *spans;
    size_t item;
    uint64_t room_end;
};

static bool is_text(const struct leaf_reader *reader) {
    return reader->rule.kind == SINK_TEXT_32 || reader->rule.kind == SINK_TEXT_64;
}

static bool is_coded(const struct page *page) {
    return page->header.encoding == PQ_RLE_DICTIONARY ||
           page->header.encoding == PQ_PLAIN_DICTIONARY;
}

/* ---- cutting the chunk ---- */

/* Bytes that a page is made into, roughly. */
static int64_t page_weight(const struct leaf_reader *reader, const struct page *page) {
    int64_t width = reader->rule.kind == SINK_FIXED ? (int64_t)reader->rule.width : 8;
    int64_t made = page->header.value_count * width;

    return made > page->header.uncompressed_size ? made : page->header.uncompressed_size;
}

static bool can_split(const struct leaf_reader *reader, const struct chunk_read *read) {
    const struct page_walk *pages = &reader->pages;
    int64_t weight = 0;

    if (read->file == NULL || ktk_context_threads(read->context) < 2 || read->leaf->nest != NULL ||
        read->leaf->repetition_max > 0 || pages->data_count < 2 ||
        reader->rule.kind == SINK_NULLS || reader->rule.kind == SINK_BITS) {
        return false;
    }
    for (size_t i = 0; i < pages->data_count; i++) {
        const struct page *page = &pages->data[i];

        weight += page_weight(reader, page);
        if (is_text(reader) && !is_coded(page) && page->header.encoding != PQ_PLAIN) {
            return false;
        }
    }
    return weight >= 2 * SPAN_BYTES;
}

static void cut(struct spans *spans) {
    const struct leaf_reader *reader = spans->whole;
    struct span *span = NULL;
    int64_t weight = 0;
    int64_t slot = 0;

    for (size_t i = 0; i < reader->pages.data_count; i++) {
        const struct page *page = &reader->pages.data[i];
        bool coded = is_coded(page);

        /* A page of texts says how many bytes it takes only once it is decompressed: it must not
         * keep the next one waiting for more than that. */
        if (span == NULL || weight >= SPAN_BYTES || span->is_coded != coded ||
            (is_text(reader) && !coded)) {
            span = &spans->items[spans->count++];
            *span = (struct span){.first_page = i, .slot = slot, .is_coded = coded};
            weight = 0;
        }
        weight += page_weight(reader, page);
        span->page_count++;
        span->slot_count += page->header.value_count;
        slot += page->header.value_count;
    }
}

/* ---- one span ---- */

/* A sink for the slots of the span alone; the values are those of the whole chunk. */
static void begin_span(struct span_reader *out, struct spans *spans, size_t item) {
    const struct leaf_reader *whole = spans->whole;
    const struct span *span = &spans->items[item];
    size_t slot_size = whole->rule.kind == SINK_FIXED     ? whole->rule.width
                       : whole->rule.kind == SINK_TEXT_64 ? sizeof(int64_t)
                                                          : sizeof(int32_t);

    out->spans = spans;
    out->item = item;
    out->reader = *whole;
    out->reader.sink = (struct leaf_sink){
        .allocator = whole->allocator,
        .validity = span->validity,
        .values = whole->sink.values + (size_t)span->slot * slot_size,
        .bytes = whole->sink.bytes,
        .bytes_capacity = whole->sink.bytes_capacity,
    };
}

static ktk_status read_pages(struct span_reader *span_reader, ktk_error *err) {
    struct leaf_reader *reader = &span_reader->reader;
    const struct spans *spans = span_reader->spans;
    const struct span *span = &spans->items[span_reader->item];
    struct nest_reader nests;
    ktk_status status = KTK_OK;

    ktki_validity_init(&reader->sink.validity, reader->allocator, span->slot_count);
    KTKI_TRY(ktki_nests_begin(&nests, spans->read->leaf, NULL, 0, span->slot_count,
                              reader->allocator, err));
    for (size_t i = span->first_page; i < span->first_page + span->page_count; i++) {
        const struct page *page = &reader->pages.data[i];

        status = ktki_chunk_page(reader, &nests, page, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "data page %zu at offset %lld", i, (long long)page->offset);
            goto out;
        }
    }
out:
    return status;
}

typedef ktk_status (*span_work)(struct span_reader *reader, ktk_error *err);

/* What holds for each kind of work: scratch memory of its own, and no span waits for one before it
 * that failed. */
static ktk_status work_on(struct spans *spans, size_t item, span_work work, ktk_error *err) {
    struct span_reader reader;
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    begin_span(&reader, spans, item);
    KTKI_TRY(ktki_file_scratch_take(spans->read->file, spans->read->bound, &scratch, err));
    reader.reader.scratch = scratch;
    status = work(&reader, err);
    spans->items[item].validity = reader.reader.sink.validity;
out:
    ktki_file_scratch_give(spans->read->file, scratch);
    if (status != KTK_OK) {
        pthread_mutex_lock(&spans->lock);
        spans->failed = item < spans->failed ? item : spans->failed;
        pthread_cond_broadcast(&spans->moved);
        pthread_mutex_unlock(&spans->lock);
    }
    return status;
}

static ktk_status read_fixed(void *state, size_t item, ktk_error *err) {
    return work_on(state, item, read_pages, err);
}

/* ---- texts ---- */

static ktk_status read_coded(struct span_reader *reader, ktk_error *err) {
    struct span *span = &reader->spans->items[reader->item];
    ktk_status status = KTK_OK;

    KTKI_TRY(read_pages(reader, err));
    span->size = ktki_text_waiting(&reader->reader, span->slot_count);
out:
    return status;
}

static ktk_status measure_span(void *state, size_t item, ktk_error *err) {
    struct spans *spans = state;

    return spans->items[item].is_coded ? work_on(spans, item, read_coded, err) : KTK_OK;
}

/* Room for the texts of a span: behind those of the span before it, which has taken its room or is
 * about to, for the pool starts items in order. */
static ktk_status take_room(struct leaf_reader *reader, uint64_t size, ktk_error *err) {
    struct span_reader *span_reader = (struct span_reader *)reader;
    struct spans *spans = span_reader->spans;
    ktk_status status = KTK_OK;

    pthread_mutex_lock(&spans->lock);
    while (spans->turn != span_reader->item && spans->failed > span_reader->item) {
        pthread_cond_wait(&spans->moved, &spans->lock);
    }
    if (spans->turn != span_reader->item) {
        status = ktk_error_set(err, KTK_E_CORRUPT, "a page before it is damaged");
    } else {
        reader->sink.bytes_size = spans->end;
        spans->end += size;
        span_reader->room_end = spans->end;
        spans->turn++;
        pthread_cond_broadcast(&spans->moved);
    }
    pthread_mutex_unlock(&spans->lock);
    return status;
}

static ktk_status place_texts(struct span_reader *reader, ktk_error *err) {
    struct spans *spans = reader->spans;
    const struct span *span = &spans->items[reader->item];
    ktk_status status = KTK_OK;

    reader->reader.take_room = take_room;
    if (span->is_coded) {
        KTKI_TRY(take_room(&reader->reader, span->size, err));
        ktki_text_place(&reader->reader, span->slot_count);
    } else {
        KTKI_TRY(read_pages(reader, err));
        if (reader->reader.sink.bytes_size != reader->room_end) {
            pthread_mutex_lock(&spans->lock);
            spans->is_inexact = true;
            pthread_mutex_unlock(&spans->lock);
        }
    }
out:
    return status;
}

static ktk_status place_span(void *state, size_t item, ktk_error *err) {
    return work_on(state, item, place_texts, err);
}

/* Coded texts are counted first; what plain pages take at most is known from their headers. */
static ktk_status read_texts(struct spans *spans, ktk_error *err) {
    struct pool *pool = ktki_context_pool(spans->read->context);
    struct leaf_reader *whole = spans->whole;
    uint64_t size = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_pool_run(pool, spans->count, measure_span, spans, err));
    for (size_t i = 0; i < spans->count; i++) {
        size += spans->items[i].size;
    }
    KTKI_TRY(ktki_text_make_room(whole, size, err));
    KTKI_TRY(ktki_pool_run(pool, spans->count, place_span, spans, err));
    KTKI_TRY(ktki_text_check_size(whole, spans->end, err));
    whole->sink.bytes_size = spans->end;
    whole->sink.waiting = whole->pages.value_count;
out:
    return status;
}

/* ---- the chunk ---- */

static ktk_status join_validity(struct spans *spans, ktk_error *err) {
    struct validity *validity = &spans->whole->sink.validity;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < spans->count; i++) {
        const struct validity *part = &spans->items[i].validity;

        KTKI_TRY(part->bits == NULL
                     ? ktki_validity_add(validity, part->length, true, err)
                     : ktki_validity_add_bits(validity, part->bits, 0, part->length, err));
    }
out:
    return status;
}

ktk_status ktki_spans_read(struct leaf_reader *reader, const struct chunk_read *read, bool *is_done,
                           ktk_error *err) {
    struct spans spans = {
        .whole = reader, .read = read, .capacity = reader->pages.data_count, .failed = SIZE_MAX};
    ktk_status status = KTK_OK;

    *is_done = false;
    if (!can_split(reader, read)) {
        return KTK_OK;
    }
    (void)pthread_mutex_init(&spans.lock, NULL);
    (void)pthread_cond_init(&spans.moved, NULL);
    KTKI_TRY(ktki_alloc_zeroed(reader->allocator, spans.capacity, sizeof(*spans.items),
                               &spans.items, err));
    cut(&spans);
    if (is_text(reader)) {
        KTKI_TRY(read_texts(&spans, err));
    } else {
        KTKI_TRY(
            ktki_pool_run(ktki_context_pool(read->context), spans.count, read_fixed, &spans, err));
    }
    if (spans.is_inexact) {
        reader->sink.bytes_size = 0;
        reader->sink.waiting = 0;
        goto out;
    }
    KTKI_TRY(join_validity(&spans, err));
    *is_done = true;
out:
    for (size_t i = 0; i < spans.count; i++) {
        ktki_validity_clear(&spans.items[i].validity);
    }
    ktki_free_array(reader->allocator, spans.items, spans.capacity, sizeof(*spans.items));
    (void)pthread_cond_destroy(&spans.moved);
    (void)pthread_mutex_destroy(&spans.lock);
    return status;
}
