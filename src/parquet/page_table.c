#include "parquet/page_table.h"

#include <assert.h>

#include "base/checked.h"
#include "base/error.h"

/* Headers are looked for in so many bytes; those with long bounds in more. */
#define WINDOW_BYTES_FIRST 1024
#define WINDOW_BYTES_MAX (1 << 20)

/* ---- the page index ---- */

static bool is_within(const struct index_place *place, const struct source *source) {
    return place->offset >= 0 && place->size > 0 && place->offset <= source->size &&
           place->size <= source->size - place->offset;
}

/* Locations as places; every page is checked against the one in front of it. */
static ktk_status locate_pages(struct page_table *table, const struct offset_index *index,
                               struct arena *arena, const struct page_table_input *input,
                               ktk_error *err) {
    int64_t end = input->range.offset;
    struct page_place *pages = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(arena, (size_t)index->page_count, sizeof(*pages), &pages, err));
    for (int32_t i = 0; i < index->page_count; i++) {
        const struct page_location *at = &index->pages[i];
        bool is_last = i + 1 == index->page_count;
        int64_t next_row = is_last ? input->row_count : index->pages[i + 1].first_row;

        if (at->offset < end || at->size > input->range.offset + input->range.size - at->offset ||
            (i == 0 && at->first_row != 0) || next_row < at->first_row) {
            KTKI_FAIL(
                err, KTK_E_CORRUPT,
                "the page index puts page %d at offset %lld with %d bytes and row %lld, which "
                "is not where its chunk has it",
                i, (long long)at->offset, at->size, (long long)at->first_row);
        }
        pages[i] =
            (struct page_place){at->offset, at->size, at->first_row, next_row - at->first_row};
        end = at->offset + at->size;
    }
    if (index->page_count == 0 && input->row_count > 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "the page index has no page for %lld rows",
                  (long long)input->row_count);
    }
    table->count = (size_t)index->page_count;
    table->pages = pages;
    table->dictionary_size =
        table->count > 0 ? pages[0].offset - input->range.offset : input->range.size;
out:
    return status;
}

/* Writers without statistics call all their pages null. */
static bool can_be_null(const struct stored_extent *extent, const struct statistics_rule *rule) {
    return rule->element->repetition != PQ_REQUIRED &&
           (extent->null_count < 0 || extent->null_count == extent->value_count);
}

/* Bounds of a column index. One that has another number of pages is not of this chunk. */
static ktk_status describe_pages(struct page_table *table, const struct column_index *index,
                                 struct arena *arena, const struct page_table_input *input,
                                 ktk_error *err) {
    struct stored_extent *extents = NULL;
    ktk_status status = KTK_OK;

    if ((size_t)index->page_count != table->count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "the page index has bounds of %d pages and offsets of %zu",
                  index->page_count, table->count);
    }
    KTKI_TRY(ktki_arena_zeroed(arena, table->count, sizeof(*extents), &extents, err));
    for (size_t i = 0; i < table->count; i++) {
        struct stored_extent *extent = &extents[i];

        extent->null_count = index->null_count_count > 0 ? index->null_counts[i] : -1;
        extent->value_count = table->pages[i].row_count;
        extent->is_null = index->null_pages[i] && can_be_null(extent, input->rule);
        if (input->rule->trusts_new && !index->null_pages[i]) {
            extent->min = index->mins[i];
            extent->max = index->maxs[i];
        }
    }
    table->extents = extents;
out:
    return status;
}

/* Take in the bytes of both parts of the index, the second of which may be missing. What the bounds
 * point to is copied into the arena. */
static ktk_status load_index(struct page_table *table, struct arena *arena,
                             const struct page_table_input *input, const ktk_bytes *offsets,
                             const ktk_bytes *bounds, ktk_error *err) {
    struct offset_index offset_index;
    struct column_index column_index;
    const char *copy = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_offset_index_decode(&offset_index, arena, offsets->data, offsets->size, err));
    KTKI_TRY(locate_pages(table, &offset_index, arena, input, err));
    if (bounds != NULL) {
        KTKI_TRY(ktki_arena_text(arena, (const char *)bounds->data, bounds->size, &copy, err));
        KTKI_TRY(ktki_column_index_decode(&column_index, arena, (const uint8_t *)copy, bounds->size,
                                          err));
        KTKI_TRY(describe_pages(table, &column_index, arena, input, err));
    }
out:
    return status;
}

/* ---- headers ---- */

/* A walk over the headers of a chunk. */
struct walk {
    const struct page_table_input *input;
    struct arena *arena;
    const ktk_bytes *whole; /* all bytes of the chunk; `data` NULL: windows are read */
    int64_t at;             /* offset of the next header in the chunk */
    int64_t rows;
    size_t count;
    size_t capacity;
    struct page_place *pages;
    struct stored_extent *extents;
    bool has_bounds;
    bool is_all_dictionary;
};

static ktk_status grow(struct walk *walk, ktk_error *err) {
    size_t capacity = walk->capacity == 0 ? 32 : 2 * walk->capacity;
    struct page_place *pages = NULL;
    struct stored_extent *extents = NULL;
    ktk_status status = KTK_OK;

    if (walk->count < walk->capacity) {
        goto out;
    }
    KTKI_TRY(ktki_arena_array(walk->arena, capacity, sizeof(*pages), &pages, err));
    KTKI_TRY(ktki_arena_array(walk->arena, capacity, sizeof(*extents), &extents, err));
    if (walk->count > 0) {
        memcpy(pages, walk->pages, walk->count * sizeof(*pages));
        memcpy(extents, walk->extents, walk->count * sizeof(*extents));
    }
    walk->pages = pages;
    walk->extents = extents;
    walk->capacity = capacity;
out:
    return status;
}

/* Bounds of a header that was read from a window live on in the arena. */
static ktk_status keep_bytes(const struct walk *walk, struct parquet_bytes *bound, ktk_error *err) {
    const char *copy = NULL;
    ktk_status status = KTK_OK;

    if (walk->whole->data == NULL && bound->data != NULL) {
        KTKI_TRY(ktki_arena_text(walk->arena, (const char *)bound->data, bound->size, &copy, err));
        bound->data = (const uint8_t *)copy;
    }
out:
    return status;
}

static ktk_status add_data_page(struct walk *walk, const struct page_header *header,
                                int64_t header_size, ktk_error *err) {
    struct stored_extent *extent;
    ktk_status status = KTK_OK;

    KTKI_TRY(grow(walk, err));
    walk->pages[walk->count] =
        (struct page_place){walk->input->range.offset + walk->at,
                            header_size + header->compressed_size, walk->rows, header->value_count};
    extent = &walk->extents[walk->count];
    *extent = ktki_statistics_choose(walk->input->rule, &header->statistics, header->value_count);
    KTKI_TRY(keep_bytes(walk, &extent->min, err));
    KTKI_TRY(keep_bytes(walk, &extent->max, err));
    walk->has_bounds |= header->statistics.is_present;
    walk->is_all_dictionary &=
        header->encoding == PQ_RLE_DICTIONARY || header->encoding == PQ_PLAIN_DICTIONARY;
    walk->rows += header->value_count;
    walk->count++;
out:
    return status;
}

/* Decode the header at walk->at and take it in. */
static ktk_status take_header(struct walk *walk, const uint8_t *data, size_t size,
                              int64_t *page_size, bool *is_dictionary, ktk_error *err) {
    struct cursor cursor = ktki_cursor(data, size);
    struct page_header header;
    int64_t header_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_page_header_decode(&header, &cursor, err));
    header_size = (int64_t)(size - ktki_cursor_left(&cursor));
    *page_size = header_size + header.compressed_size;
    *is_dictionary = header.type == PQ_DICTIONARY_PAGE;
    if (*page_size > walk->input->range.size - walk->at) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a page of %d bytes ends behind its column chunk",
                  header.compressed_size);
    }
    if (*is_dictionary && walk->count > 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a dictionary page follows other pages");
    }
    if (header.type == PQ_DATA_PAGE || header.type == PQ_DATA_PAGE_V2) {
        KTKI_TRY(add_data_page(walk, &header, header_size, err));
    }
out:
    return status;
}

/* The same by a window of the file, which grows as long as the header is not whole in it. */
static ktk_status take_from_window(struct walk *walk, int64_t *page_size, bool *is_dictionary,
                                   ktk_error *err) {
    int64_t left = walk->input->range.size - walk->at;
    int64_t size = left < WINDOW_BYTES_FIRST ? left : WINDOW_BYTES_FIRST;
    const struct source *source = walk->input->source;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status;

    for (;;) {
        const struct byte_range window = {walk->input->range.offset + walk->at, size};

        status = source->ops->read(source->state, &window, 1, &bytes, err);
        if (status != KTK_OK) {
            break;
        }
        status = take_header(walk, bytes.data, bytes.size, page_size, is_dictionary, err);
        ktk_bytes_clear(&bytes);
        if (status != KTK_E_CORRUPT || size == left || size >= WINDOW_BYTES_MAX) {
            break;
        }
        size = left < 8 * size ? left : 8 * size;
    }
    return status;
}

static ktk_status walk_headers(struct page_table *table, struct arena *arena,
                               const struct page_table_input *input, ktk_error *err) {
    struct walk walk = {
        .input = input, .arena = arena, .whole = &table->bytes, .is_all_dictionary = true};
    ktk_status status = KTK_OK;

    while (walk.rows < input->row_count && walk.at < input->range.size) {
        int64_t page_size = 0;
        bool is_dictionary = false;

        if (table->bytes.data != NULL) {
            KTKI_TRY(take_header(&walk, table->bytes.data + walk.at,
                                 table->bytes.size - (size_t)walk.at, &page_size, &is_dictionary,
                                 err));
        } else {
            KTKI_TRY(take_from_window(&walk, &page_size, &is_dictionary, err));
        }
        walk.at += page_size;
        table->dictionary_size = is_dictionary ? walk.at : table->dictionary_size;
    }
    if (walk.rows != input->row_count) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "it has %lld values where its row group has %lld rows",
                  (long long)walk.rows, (long long)input->row_count);
    }
    table->count = walk.count;
    table->pages = walk.pages;
    table->extents = walk.has_bounds ? walk.extents : NULL;
    table->is_all_dictionary = walk.is_all_dictionary && table->dictionary_size > 0;
out:
    return status;
}

/* ---- tables ---- */

/* What the footer says of the encodings of all pages. */
static bool has_dictionary_pages_alone(const struct column_chunk *chunk) {
    bool has_data = false;

    for (int32_t i = 0; i < chunk->page_encoding_count; i++) {
        const struct page_encoding_count *it = &chunk->page_encodings[i];

        if (it->count <= 0 || (it->page_type != PQ_DATA_PAGE && it->page_type != PQ_DATA_PAGE_V2)) {
            continue;
        }
        if (it->encoding != PQ_RLE_DICTIONARY && it->encoding != PQ_PLAIN_DICTIONARY) {
            return false;
        }
        has_data = true;
    }
    return has_data;
}

bool ktki_page_table_has_index(const struct source *source, const struct column_chunk *chunk) {
    return is_within(&chunk->offset_index, source);
}

static bool has_index(const struct page_table_input *input) {
    return ktki_page_table_has_index(input->source, input->chunk);
}

/* Whether the table has the bytes of the whole chunk. From a store, looking at page headers one by
 * one would cost more than all bytes do. */
static bool has_bytes(const struct page_table_input *input) {
    return ktki_source_is_memory(input->source) || input->is_read_whole ||
           (input->source->kind == SOURCE_STORE && !has_index(input));
}

size_t ktki_page_table_ranges(const struct page_table_input *input,
                              struct byte_range ranges[PAGE_TABLE_RANGES_MAX]) {
    const struct column_chunk *chunk = input->chunk;
    size_t count = 0;

    if (has_bytes(input)) {
        ranges[count++] = input->range;
    }
    if (has_index(input)) {
        ranges[count++] = (struct byte_range){chunk->offset_index.offset, chunk->offset_index.size};
        if (is_within(&chunk->column_index, input->source)) {
            ranges[count++] =
                (struct byte_range){chunk->column_index.offset, chunk->column_index.size};
        }
    }
    return count;
}

ktk_status ktki_page_table_load(struct page_table *out, struct arena *arena,
                                const struct page_table_input *input, ktk_bytes *bytes,
                                ktk_error *err) {
    struct page_table table = {.is_loaded = true, .chunk = input->range};
    ktk_status status = KTK_OK;

    if (has_bytes(input)) {
        table.bytes = *bytes;
        *bytes++ = (ktk_bytes)KTK_BYTES_INIT;
    }
    if (has_index(input)) {
        bool has_bounds = is_within(&input->chunk->column_index, input->source);

        KTKI_TRY(load_index(&table, arena, input, &bytes[0], has_bounds ? &bytes[1] : NULL, err));
        table.is_all_dictionary =
            table.dictionary_size > 0 && has_dictionary_pages_alone(input->chunk);
    } else {
        KTKI_TRY(walk_headers(&table, arena, input, err));
    }
    *out = table;
    table = (struct page_table){0};
out:
    ktki_page_table_clear(&table);
    return status;
}

void ktki_page_table_clear(struct page_table *table) {
    ktk_bytes_clear(&table->bytes);
    *table = (struct page_table){0};
}
