#include "parquet/row_read.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/leaf_array.h"
#include "parquet/rle_encode.h"

/* Room for what stands in front of values and between runs of them. */
#define START_SLACK 256

/* A read under way. */
struct task {
    const struct row_read *read;
    struct leaf_reader reader;
};

/* ---- which pages ---- */

static ktk_status choose_pages(struct page_choice *choice, const struct page_table *table,
                               const struct row_ranges *rows, ktk_error *err) {
    size_t range = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(choice->allocator, choice->table_count, sizeof(*choice->pages),
                              &choice->pages, err));
    for (size_t i = 0; i < table->count && range < rows->count; i++) {
        const struct page_place *page = &table->pages[i];
        int64_t end = page->first_row + page->row_count;

        while (range < rows->count && rows->items[range].end <= page->first_row) {
            range++;
        }
        if (range < rows->count && rows->items[range].start < end) {
            choice->pages[choice->count++] = i;
            choice->rows_max =
                page->row_count > choice->rows_max ? page->row_count : choice->rows_max;
        }
    }
out:
    return status;
}

static void add_range(struct page_choice *choice, int64_t offset, int64_t size) {
    if (choice->range_count > 0) {
        struct byte_range *last = &choice->ranges[choice->range_count - 1];

        if (last->offset + last->size == offset) {
            last->size += size;
            return;
        }
    }
    choice->ranges[choice->range_count++] = (struct byte_range){offset, size};
}

/* The dictionary is fetched, too: only the pages tell whether it is needed. */
static ktk_status choose_ranges(struct page_choice *choice, const struct page_table *table,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(choice->allocator, choice->count + 1, sizeof(*choice->ranges),
                              &choice->ranges, err));
    KTKI_TRY(ktki_alloc_zeroed(choice->allocator, choice->count + 1, sizeof(*choice->bytes),
                               &choice->bytes, err));
    if (table->dictionary_size > 0) {
        add_range(choice, table->chunk.offset, table->dictionary_size);
    }
    for (size_t i = 0; i < choice->count; i++) {
        add_range(choice, table->pages[choice->pages[i]].offset,
                  table->pages[choice->pages[i]].size);
    }
out:
    return status;
}

ktk_status ktki_page_choice_init(struct page_choice *out, const ktk_allocator *allocator,
                                 const struct page_table *table, const struct row_ranges *rows,
                                 ktk_error *err) {
    struct page_choice choice = {.allocator = allocator, .table_count = table->count};
    ktk_status status = KTK_OK;

    KTKI_TRY(choose_pages(&choice, table, rows, err));
    if (table->bytes.data == NULL) {
        KTKI_TRY(choose_ranges(&choice, table, err));
    }
    *out = choice;
    choice = (struct page_choice){0};
out:
    ktki_page_choice_clear(&choice);
    return status;
}

void ktki_page_choice_clear(struct page_choice *choice) {
    if (choice->allocator == NULL) {
        return;
    }
    for (size_t i = 0; choice->bytes != NULL && i < choice->range_count; i++) {
        ktk_bytes_clear(&choice->bytes[i]);
    }
    ktki_free_array(choice->allocator, choice->ranges, choice->count + 1, sizeof(*choice->ranges));
    ktki_free_array(choice->allocator, choice->bytes, choice->count + 1, sizeof(*choice->bytes));
    ktki_free_array(choice->allocator, choice->pages, choice->table_count, sizeof(*choice->pages));
    *choice = (struct page_choice){0};
}

/* ---- their bytes ---- */

/* What was fetched at an offset; `hint` is where to look first. */
static struct cursor bytes_at(const struct task *task, int64_t offset, int64_t size, size_t *hint) {
    const struct page_table *table = task->read->table;
    const struct page_choice *choice = task->read->choice;

    if (table->bytes.data != NULL) {
        return ktki_cursor(table->bytes.data + (offset - table->chunk.offset), (size_t)size);
    }
    while (offset >= choice->ranges[*hint].offset + choice->ranges[*hint].size) {
        (*hint)++;
    }
    return ktki_cursor(choice->bytes[*hint].data + (offset - choice->ranges[*hint].offset),
                       (size_t)size);
}

/* ---- headers ---- */

/* Put in front of an error which page it is of. */
static void say_which(const struct task *task, size_t number, ktk_error *err) {
    size_t page = task->read->choice->pages[number];

    ktki_error_context(err, "data page %zu at offset %lld", page,
                       (long long)task->read->table->pages[page].offset);
}

static ktk_status open_page(struct page *out, struct cursor cursor, int64_t offset,
                            const ktk_limits *limits, ktk_error *err) {
    struct page page = {.offset = offset};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_header_decode(&page.header, &cursor, err));
    if (page.header.uncompressed_size > limits->page_bytes_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a page of %d bytes is above the limit of %lld",
                  page.header.uncompressed_size, (long long)limits->page_bytes_max);
    }
    if (!ktki_cursor_bytes(&cursor, (size_t)page.header.compressed_size, &page.body)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page of %d bytes ends behind the place it is said to have",
                  page.header.compressed_size);
    }
    *out = page;
out:
    return status;
}

/* The dictionary page is the first one of what lies in front of the data. */
static ktk_status open_dictionary(struct task *task, struct page *out, bool *is_there,
                                  ktk_error *err) {
    const struct page_table *table = task->read->table;
    size_t hint = 0;
    struct cursor cursor;
    ktk_status status = KTK_OK;

    *is_there = false;
    if (table->dictionary_size > 0) {
        cursor = bytes_at(task, table->chunk.offset, table->dictionary_size, &hint);
        KTKI_TRY(open_page(out, cursor, table->chunk.offset,
                           ktki_context_limits(task->read->context), err));
        *is_there = out->header.type == PQ_DICTIONARY_PAGE;
    }
out:
    return status;
}

static bool refers_to_dictionary(const struct page *page) {
    return page->header.encoding == PQ_RLE_DICTIONARY ||
           page->header.encoding == PQ_PLAIN_DICTIONARY;
}

/* The pages as the reader wants them. The dictionary is one of them if one of the others needs it.
 */
static ktk_status open_pages(struct task *task, ktk_error *err) {
    const struct page_table *table = task->read->table;
    const ktk_limits *limits = ktki_context_limits(task->read->context);
    struct read_scratch *scratch = task->reader.scratch;
    struct page *pages;
    bool needs_dictionary = false;
    bool has_dictionary = false;
    size_t hint = 0;
    size_t i = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_scratch_reserve(scratch, &scratch->pages,
                                  (task->read->choice->count + 1) * sizeof(*pages), err));
    pages = (struct page *)(void *)scratch->pages.data;
    for (; i < task->read->choice->count; i++) {
        const struct page_place *place = &table->pages[task->read->choice->pages[i]];
        struct page *page = &pages[i + 1];

        KTKI_TRY(open_page(page, bytes_at(task, place->offset, place->size, &hint), place->offset,
                           limits, err));
        if ((page->header.type != PQ_DATA_PAGE && page->header.type != PQ_DATA_PAGE_V2) ||
            page->header.value_count != place->row_count) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "it has %d values where the page index says %lld rows",
                      page->header.value_count, (long long)place->row_count);
        }
        needs_dictionary = needs_dictionary || refers_to_dictionary(page);
    }
    if (needs_dictionary) {
        KTKI_TRY(open_dictionary(task, &pages[0], &has_dictionary, err));
    }
    task->reader.pages = (struct page_walk){.dictionary = has_dictionary ? pages : NULL,
                                            .data = pages + 1,
                                            .data_count = task->read->choice->count};
out:
    if (status != KTK_OK && i < task->read->choice->count) {
        say_which(task, i, err);
    }
    return status;
}

/* ---- values ---- */

static bool is_wanted_whole(const struct row_ranges *rows, const struct page_place *page) {
    size_t i = ktki_ranges_find(rows, page->first_row);

    return i < rows->count && rows->items[i].start <= page->first_row &&
           rows->items[i].end >= page->first_row + page->row_count;
}

/* Rows of the page up to the last one that is wanted. */
static int64_t rows_up_to_last(const struct row_ranges *rows, const struct page_place *page) {
    int64_t end = page->first_row + page->row_count;
    size_t i = ktki_ranges_find(rows, page->first_row);
    int64_t last = page->first_row;

    for (; i < rows->count && rows->items[i].start < end; i++) {
        last = rows->items[i].end;
    }
    return (last < end ? last : end) - page->first_row;
}

/* Bytes of an uncompressed body in which the first `count` values and all levels lie, if they are
 * written as usual; 0 if this cannot be told. */
static size_t start_size(const struct leaf_reader *reader, const struct page *page, int64_t count) {
    size_t levels = reader->format.definition_max == 0 ? 0 : (size_t)page->header.value_count / 4;
    size_t width = 0; /* bits */

    if (page->header.type == PQ_DATA_PAGE && reader->format.definition_max > 0 &&
        page->header.definition_encoding != PQ_RLE) {
        return 0;
    }
    if (refers_to_dictionary(page)) {
        width = ktki_bit_width(reader->dictionary.count) + 1;
    } else if (page->header.encoding == PQ_PLAIN && reader->rule.kind == SINK_BITS) {
        width = 1;
    } else if (page->header.encoding == PQ_PLAIN && reader->rule.kind == SINK_FIXED) {
        width = 8 * reader->rule.plain_width;
    }
    return width == 0 ? 0 : levels + ((size_t)count * width + 7) / 8 + START_SLACK;
}

/* The same page as if the rows behind the last wanted one were not there. False: it has to be
 * decoded as it is. */
static bool shorten(const struct task *task, const struct page *page,
                    const struct page_place *place, struct page *out) {
    int64_t count = rows_up_to_last(task->read->rows, place);
    size_t size = start_size(&task->reader, page, count);

    if (count == place->row_count || size == 0) {
        return false;
    }
    *out = *page;
    out->header.value_count = (int32_t)count;
    out->start_size = size;
    return true;
}

static ktk_status decode_page(struct task *task, struct nest_reader *nests, size_t number,
                              ktk_error *err) {
    const struct row_ranges none = {0};
    struct leaf_reader *reader = &task->reader;
    const struct page *page = &reader->pages.data[number];
    const struct page_place *place = &task->read->table->pages[task->read->choice->pages[number]];
    int64_t slot = reader->sink.validity.length;
    bool is_done = false;
    struct page start;
    ktk_status status = KTK_OK;

    reader->next_page = number;
    if (shorten(task, page, place, &start)) {
        status = ktki_chunk_page(reader, nests, &start, NULL);
        is_done = status == KTK_OK;
        if (status != KTK_OK && status != KTK_E_CORRUPT) {
            KTKI_TRY(ktki_chunk_page(reader, nests, page, err)); /* says why */
        }
        if (!is_done) {
            ktki_sink_keep(reader, slot, &none, place->first_row);
        }
    }
    if (!is_done) {
        KTKI_TRY(ktki_chunk_page(reader, nests, page, err));
    }
    if (!is_wanted_whole(task->read->rows, place)) {
        ktki_sink_keep(reader, slot, task->read->rows, place->first_row);
    }
    (void)__atomic_fetch_add(task->read->page_count, 1, __ATOMIC_RELAXED);
out:
    if (status != KTK_OK) {
        say_which(task, number, err);
    }
    return status;
}

static ktk_status decode(struct task *task, const struct chunk_read *chunk, struct ArrowArray *out,
                         ktk_error *err) {
    struct leaf_reader *reader = &task->reader;
    struct nest_reader nests;
    int64_t row_count = task->read->rows->row_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_chunk_begin(reader, chunk, row_count + task->read->choice->rows_max, err));
    KTKI_TRY(ktki_nests_begin(&nests, chunk->leaf, NULL, 0, row_count, reader->allocator, err));
    if (reader->pages.dictionary != NULL) {
        KTKI_TRY(ktki_dictionary_load(reader, reader->pages.dictionary, err));
    }
    for (size_t i = 0; i < task->read->choice->count; i++) {
        KTKI_TRY(decode_page(task, &nests, i, err));
    }
    KTKI_TRY(ktki_sink_finish(reader, err));
    KTKI_TRY(ktki_chunk_finish(reader, chunk, out, err));
out:
    return status;
}

static struct task task_of(const struct row_read *read, struct read_scratch *scratch) {
    return (struct task){
        .read = read,
        .reader = {.allocator = read->allocator,
                   .kernels = scratch->kernels,
                   .scratch = scratch,
                   .page_bytes_max = ktki_context_limits(read->context)->page_bytes_max,
                   .is_selective = true}};
}

static struct chunk_read chunk_of(const struct row_read *read) {
    return (struct chunk_read){.context = read->context,
                               .leaf = read->leaf,
                               .chunk = read->chunk,
                               .field = read->field,
                               .row_count = read->rows->row_count,
                               .skips_checksums = read->skips_checksums};
}

/* The chunk stays at hand while other rows of it are wanted, its pages in memory need not. */
static void drop_pages(const struct row_read *read) {
    const struct page_table *table = read->table;
    const struct page_choice *choice = read->choice;

    if (table->bytes.data != NULL && choice->count > 0) {
        const struct page_place *first = &table->pages[choice->pages[0]];
        const struct page_place *last = &table->pages[choice->pages[choice->count - 1]];

        ktki_source_drop(&table->bytes, table->bytes.data + (first->offset - table->chunk.offset),
                         (size_t)(last->offset + last->size - first->offset));
    }
}

ktk_status ktki_row_read(struct ArrowArray *out, const struct row_read *read,
                         struct read_scratch *scratch, ktk_error *err) {
    struct task task = task_of(read, scratch);
    struct chunk_read chunk = chunk_of(read);
    ktk_status status = KTK_OK;

    assert(read->leaf->nest == NULL);
    KTKI_TRY(open_pages(&task, err));
    KTKI_TRY(decode(&task, &chunk, out, err));
out:
    drop_pages(read);
    ktki_sink_clear(&task.reader.sink);
    return status;
}

/* ---- the dictionary alone ---- */

ktk_status ktki_row_read_dictionary(struct ArrowArray *out, const struct row_read *read,
                                    struct read_scratch *scratch, ktk_error *err) {
    struct task task = task_of(read, scratch);
    struct chunk_read chunk = chunk_of(read);
    struct leaf_reader *reader = &task.reader;
    bool is_there = false;
    struct page page;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_dictionary(&task, &page, &is_there, err));
    if (!is_there) {
        goto out;
    }
    KTKI_TRY(ktki_chunk_begin(reader, &chunk, 0, err));
    if (reader->rule.kind == SINK_FIXED || reader->rule.kind == SINK_TEXT_32) {
        KTKI_TRY(ktki_dictionary_load(reader, &page, err));
        KTKI_TRY(ktki_dictionary_wrap(reader, read->context, out, err));
    }
out:
    ktki_sink_clear(&task.reader.sink);
    return status;
}
