#include "parquet/column_write.h"

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/column_dictionary.h"
#include "parquet/rle_encode.h"
#include "parquet/text_check.h"

void ktki_column_write_init(struct column_write *column, const struct write_leaf *leaf,
                            const ktk_allocator *allocator) {
    *column = (struct column_write){.leaf = leaf};
    ktki_page_list_init(&column->pages, allocator);
    ktki_buffer_init(&column->dictionary_page.bytes, allocator, 0);
    ktki_buffer_init(&column->bounds, allocator, 0);
}

void ktki_column_write_clear(struct column_write *column) {
    ktki_page_list_clear(&column->pages);
    ktki_buffer_clear(&column->dictionary_page.bytes);
    ktki_buffer_clear(&column->bounds);
}

/* The data pages of a chunk, as items of the pool. */
struct page_run {
    struct column_write *column;
    const struct leaf_input *input;
    struct chunk_indices indices;
    const struct column_settings *settings;
};

static ktk_status write_page(void *state, size_t item, ktk_error *err) {
    struct page_run *run = state;
    struct write_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_scratch_take(run->settings->scratches, &scratch, err));
    KTKI_TRY(ktki_write_data_page(&run->column->pages.pages[item], run->input, &run->indices,
                                  &run->settings->page, scratch, err));
out:
    ktki_scratch_give(run->settings->scratches, scratch);
    return status;
}

/* Entries of a dictionary stand for all values they number: their range is that of the values, and
 * if they are texts, so are these. */
static ktk_status add_dictionary(struct value_range *range, const struct write_leaf *leaf,
                                 struct write_scratch *scratch, ktk_error *err) {
    const struct dictionary *dictionary = &scratch->dictionary;
    ktk_status status = KTK_OK;

    for (uint32_t start = 0; start < dictionary->count; start += VALUE_BLOCK_MAX) {
        uint32_t left = dictionary->count - start;
        struct value_block block;

        ktki_dictionary_entries(dictionary, start, left < VALUE_BLOCK_MAX ? left : VALUE_BLOCK_MAX,
                                scratch->values.starts, scratch->values.sizes, &block);
        if (leaf->is_text) {
            KTKI_TRY(ktki_text_check(&block, leaf->name, err));
        }
        ktki_range_add(range, &block);
    }
out:
    return status;
}

/* The range of all values: that of the dictionary, and that of pages without one. It refers to the
 * scratch and to the input, so its bounds are copied. */
static ktk_status keep_bounds(struct column_write *column, struct write_scratch *scratch,
                              ktk_error *err) {
    struct value_range range;
    const uint8_t *min = NULL;
    const uint8_t *max = NULL;
    ktk_status status = KTK_OK;

    ktki_range_init(&range, column->leaf->order, column->leaf->width);
    if (column->has_dictionary) {
        KTKI_TRY(add_dictionary(&range, column->leaf, scratch, err));
    }
    for (size_t i = 0; i < column->pages.count; i++) {
        if (!column->pages.pages[i].is_dictionary) {
            ktki_range_merge(&range, &column->pages.pages[i].range);
        }
    }
    column->bounds.size = 0;
    column->has_bounds =
        ktki_range_bounds(&range, &min, &column->min_size, &max, &column->max_size);
    if (column->has_bounds) {
        KTKI_TRY(ktki_buffer_append(&column->bounds, min, column->min_size, err));
        KTKI_TRY(ktki_buffer_append(&column->bounds, max, column->max_size, err));
    }
out:
    return status;
}

/* Counts and sizes, when all pages are there. */
static void sum_up(struct column_write *column, const struct leaf_input *input) {
    column->value_count = input->level_count;
    column->null_count = input->level_count - (input->slot_count - input->null_count);
    column->uncompressed_size = 0;
    column->compressed_size = 0;
    column->has_plain = false;
    if (column->has_dictionary) {
        column->uncompressed_size += column->dictionary_page.uncompressed_size;
        column->compressed_size += (int64_t)ktki_page_size(&column->dictionary_page);
    }
    for (size_t i = 0; i < column->pages.count; i++) {
        const struct write_page *page = &column->pages.pages[i];

        column->uncompressed_size += page->uncompressed_size;
        column->compressed_size += (int64_t)ktki_page_size(page);
        column->has_plain |= !page->is_dictionary;
    }
}

ktk_status ktki_column_write(struct column_write *column, const struct row_slice *slices,
                             size_t slice_count, int64_t first_row,
                             const struct column_settings *settings, ktk_error *err) {
    struct write_scratch *scratch = NULL;
    struct leaf_input input;
    struct page_run run = {column, &input, {NULL, 0}, settings};
    int64_t dictionary_slots = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_scratch_take(settings->scratches, &scratch, err));
    KTKI_TRY(ktki_leaf_input_build(&input, &scratch->arena, column->leaf, slices, slice_count,
                                   first_row, err));
    if (!settings->no_dictionary) {
        KTKI_TRY(ktki_column_dictionary(scratch, &input, &dictionary_slots, err));
    }
    column->has_dictionary = dictionary_slots > 0;
    if (column->has_dictionary) {
        run.indices.indices = (const uint32_t *)(const void *)scratch->indices.data;
        run.indices.width = ktki_bit_width(scratch->dictionary.count - 1);
        KTKI_TRY(ktki_write_dictionary_page(&column->dictionary_page, &scratch->dictionary,
                                            column->leaf->name, &settings->page, scratch, err));
    }
    KTKI_TRY(ktki_page_plan(&column->pages, &input, dictionary_slots, run.indices.width,
                            &settings->page, &scratch->values, err));
    KTKI_TRY(ktki_pool_run(settings->pool, column->pages.count, write_page, &run, err));
    KTKI_TRY(keep_bounds(column, scratch, err));
    sum_up(column, &input);
out:
    if (scratch != NULL) {
        ktki_arena_clear(&scratch->arena);
    }
    ktki_scratch_give(settings->scratches, scratch);
    return status;
}
