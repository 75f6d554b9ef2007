#include "parquet/page_index_write.h"

#include "base/alloc.h"
#include "base/error.h"

/* Bounds of bytes in an index: enough to tell pages apart. */
#define BOUND_BYTES_MAX 64

/* ---- bounds ---- */

/* A lower bound may be cut anywhere: a prefix comes first. */
static void cut_min(const struct value_range *range, struct parquet_bytes *bound) {
    if (range->order == ORDER_BYTES && bound->size > BOUND_BYTES_MAX) {
        bound->size = BOUND_BYTES_MAX;
    }
}

/* An upper bound is cut behind a byte that is made greater by one. Only ASCII is, so that texts
 * stay texts; without any the bound stays as it is. */
static ktk_status cut_max(const struct value_range *range, struct arena *arena,
                          struct parquet_bytes *bound, ktk_error *err) {
    size_t size = BOUND_BYTES_MAX;
    uint8_t *copy = NULL;
    ktk_status status = KTK_OK;

    if (range->order != ORDER_BYTES || bound->size <= BOUND_BYTES_MAX) {
        goto out;
    }
    while (size > 0 && bound->data[size - 1] >= 0x7F) {
        size--;
    }
    if (size > 0) {
        KTKI_TRY(ktki_arena_array(arena, size, 1, &copy, err));
        memcpy(copy, bound->data, size);
        copy[size - 1]++;
        *bound = (struct parquet_bytes){copy, size};
    }
out:
    return status;
}

/* ---- order ---- */

static int compare_bounds(const struct value_range *range, const struct parquet_bytes *a,
                          const struct parquet_bytes *b) {
    return ktki_bound_compare(range->order, a->data, a->size, b->data, b->size);
}

/* Pages without values say nothing of the order. */
static enum boundary_order find_order(const struct column_index *index,
                                      const struct value_range *range) {
    bool ascends = true;
    bool descends = true;
    int32_t last = -1;

    for (int32_t i = 0; i < index->page_count; i++) {
        if (index->null_pages[i]) {
            continue;
        }
        if (last >= 0) {
            int min = compare_bounds(range, &index->mins[last], &index->mins[i]);
            int max = compare_bounds(range, &index->maxs[last], &index->maxs[i]);

            ascends = ascends && min <= 0 && max <= 0;
            descends = descends && min >= 0 && max >= 0;
        }
        last = i;
    }
    return ascends ? ORDER_ASCENDING : descends ? ORDER_DESCENDING : ORDER_UNKNOWN;
}

/* ---- indices ---- */

/* False: a page has values without bounds. */
static ktk_status describe_page(struct write_page *page, struct arena *arena, bool *is_null,
                                struct parquet_bytes *min, struct parquet_bytes *max, bool *is_good,
                                ktk_error *err) {
    static const uint8_t nothing = 0;
    ktk_status status = KTK_OK;

    *is_null = page->value_count == 0;
    *is_good = true;
    if (*is_null) {
        *min = *max = (struct parquet_bytes){&nothing, 0};
        goto out;
    }
    *is_good = ktki_range_bounds(&page->range, &min->data, &min->size, &max->data, &max->size);
    if (*is_good) {
        cut_min(&page->range, min);
        KTKI_TRY(cut_max(&page->range, arena, max, err));
    }
out:
    return status;
}

ktk_status ktki_column_index_build(struct buffer *out, struct write_page *pages, size_t count,
                                   const ktk_allocator *allocator, ktk_error *err) {
    struct column_index index = {.page_count = (int32_t)count, .null_count_count = (int32_t)count};
    struct parquet_bytes *mins = NULL;
    struct parquet_bytes *maxs = NULL;
    int64_t *null_counts = NULL;
    bool *null_pages = NULL;
    struct arena arena;
    bool is_good = true;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, allocator);
    KTKI_TRY(ktki_arena_array(&arena, count, sizeof(*mins), &mins, err));
    KTKI_TRY(ktki_arena_array(&arena, count, sizeof(*maxs), &maxs, err));
    KTKI_TRY(ktki_arena_array(&arena, count, sizeof(*null_counts), &null_counts, err));
    KTKI_TRY(ktki_arena_array(&arena, count, sizeof(*null_pages), &null_pages, err));
    for (size_t i = 0; i < count && is_good; i++) {
        null_counts[i] = pages[i].level_count - pages[i].value_count;
        KTKI_TRY(
            describe_page(&pages[i], &arena, &null_pages[i], &mins[i], &maxs[i], &is_good, err));
    }
    if (is_good && count > 0) {
        index.null_pages = null_pages;
        index.mins = mins;
        index.maxs = maxs;
        index.null_counts = null_counts;
        index.boundary_order = find_order(&index, &pages[0].range);
        KTKI_TRY(ktki_column_index_encode(&index, out, err));
    }
out:
    ktki_arena_clear(&arena);
    return status;
}

ktk_status ktki_offset_index_build(struct buffer *out, const struct write_page *pages, size_t count,
                                   int64_t offset, const ktk_allocator *allocator, ktk_error *err) {
    struct offset_index index = {.page_count = (int32_t)count};
    struct page_location *locations = NULL;
    int64_t *text_bytes = NULL;
    bool has_text_bytes = count > 0;
    int64_t row = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*locations), &locations, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*text_bytes), &text_bytes, err));
    for (size_t i = 0; i < count; i++) {
        locations[i] = (struct page_location){offset, (int32_t)pages[i].size, row};
        text_bytes[i] = pages[i].text_bytes;
        has_text_bytes = has_text_bytes && text_bytes[i] >= 0;
        offset += pages[i].size;
        row += pages[i].row_count;
    }
    index.pages = locations;
    index.text_bytes = text_bytes;
    index.text_bytes_count = has_text_bytes ? (int32_t)count : 0;
    KTKI_TRY(ktki_offset_index_encode(&index, out, err));
out:
    ktki_free_array(allocator, locations, count, sizeof(*locations));
    ktki_free_array(allocator, text_bytes, count, sizeof(*text_bytes));
    return status;
}
