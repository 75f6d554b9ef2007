#include "parquet/column_write.h"

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/column_bloom.h"
#include "parquet/column_dictionary.h"
#include "parquet/page_index_write.h"
#include "parquet/rle_encode.h"
#include "parquet/text_check.h"

void ktki_column_write_init(struct column_write *column, const struct write_leaf *leaf,
                            const ktk_allocator *allocator) {
    *column = (struct column_write){.leaf = leaf};
    ktki_page_list_init(&column->pages, allocator);
    ktki_buffer_init(&column->bounds, allocator, 0);
    ktki_buffer_init(&column->index, allocator, 0);
    ktki_buffer_init(&column->bloom, allocator, 0);
}

void ktki_column_write_clear(struct column_write *column) {
    ktki_page_list_clear(&column->pages);
    ktki_buffer_clear(&column->bounds);
    ktki_buffer_clear(&column->index);
    ktki_buffer_clear(&column->bloom);
}

/* Entries of a dictionary stand for all values they number: their range is that of the values, and
 * if they are texts, so are these. */
static ktk_status look_at_dictionary(struct entry_facts *facts, const struct write_leaf *leaf,
                                     struct write_scratch *scratch, ktk_error *err) {
    const struct dictionary *dictionary = &scratch->dictionary;
    uint32_t *sizes = NULL;
    ktk_status status = KTK_OK;

    facts->dictionary = dictionary;
    ktki_range_init(&facts->range, leaf->order, leaf->width);
    if (leaf->physical == PQ_BYTE_ARRAY) {
        KTKI_TRY(ktki_arena_array(&scratch->arena, dictionary->count, sizeof(*sizes), &sizes, err));
    }
    for (uint32_t start = 0; start < dictionary->count; start += VALUE_BLOCK_MAX) {
        uint32_t left = dictionary->count - start;
        struct value_block block;

        ktki_dictionary_entries(dictionary, start, left < VALUE_BLOCK_MAX ? left : VALUE_BLOCK_MAX,
                                scratch->values.starts, scratch->values.sizes, &block);
        if (leaf->is_text) {
            KTKI_TRY(ktki_text_check(&block, leaf->name, err));
        }
        ktki_range_add(&facts->range, &block);
        if (sizes != NULL) {
            memcpy(sizes + start, block.sizes, block.count * sizeof(*sizes));
        }
    }
    facts->text_sizes = sizes;
out:
    return status;
}

/* The range of all values: that of the dictionary, and that of pages without one. It refers to the
 * scratch and to the input, so its bounds are copied. */
static ktk_status keep_bounds(struct column_write *column, ktk_error *err) {
    struct value_range range;
    const uint8_t *min = NULL;
    const uint8_t *max = NULL;
    ktk_status status = KTK_OK;

    ktki_range_init(&range, column->leaf->order, column->leaf->width);
    if (column->has_dictionary) {
        ktki_range_merge(&range, &column->indices.entries.range);
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
static void sum_up(struct column_write *column) {
    const struct leaf_input *input = &column->input;

    column->value_count = input->level_count;
    column->null_count = input->level_count - (input->slot_count - input->null_count);
    column->uncompressed_size = 0;
    column->compressed_size = 0;
    column->has_plain = false;
    column->text_bytes = column->leaf->physical == PQ_BYTE_ARRAY ? 0 : -1;
    if (column->has_dictionary) {
        column->uncompressed_size += column->dictionary_page.uncompressed_size;
        column->compressed_size += column->dictionary_page.size;
    }
    for (size_t i = 0; i < column->pages.count; i++) {
        const struct write_page *page = &column->pages.pages[i];

        column->uncompressed_size += page->uncompressed_size;
        column->compressed_size += page->size;
        column->has_plain |= !page->is_dictionary;
        column->text_bytes = column->text_bytes < 0 || page->text_bytes < 0
                                 ? -1
                                 : column->text_bytes + page->text_bytes;
    }
}

ktk_status ktki_column_begin(struct column_write *column, const struct row_slice *slices,
                             size_t slice_count, int64_t first_row,
                             const struct column_settings *settings, struct scratch_pool *scratches,
                             ktk_error *err) {
    struct write_scratch *scratch = NULL;
    struct leaf_input *input = &column->input;
    int64_t dictionary_slots = 0;
    ktk_status status = KTK_OK;

    column->pages.count = 0;
    column->has_dictionary = false;
    column->dictionary_page = (struct write_page){0};
    column->indices = (struct chunk_indices){0};
    column->has_index = settings->page.has_index;
    KTKI_TRY(ktki_scratch_take(scratches, SCRATCH_COLUMN, &scratch, err));
    column->scratch = scratch;
    KTKI_TRY(ktki_leaf_input_build(input, &scratch->arena, column->leaf, slices, slice_count,
                                   first_row, err));
    if (!settings->no_dictionary && column->leaf->dictionary != DICTIONARY_NEVER) {
        KTKI_TRY(ktki_column_dictionary(scratch, input, &dictionary_slots, err));
    }
    if (dictionary_slots > 0) {
        column->has_dictionary = true;
        column->indices.indices = (const uint32_t *)(const void *)scratch->indices.data;
        column->indices.width = ktki_bit_width(scratch->dictionary.count - 1);
        KTKI_TRY(look_at_dictionary(&column->indices.entries, column->leaf, scratch, err));
        KTKI_TRY(ktki_output_take(scratches, OUTPUT_PAGE, &column->dictionary_page.output, err));
        KTKI_TRY(ktki_write_dictionary_page(&column->dictionary_page, &scratch->dictionary,
                                            column->leaf->name, &settings->page, scratch, err));
    }
    KTKI_TRY(ktki_page_plan(&column->pages, input, dictionary_slots, column->indices.width,
                            &settings->page, &scratch->values, err));
out:
    return status;
}

ktk_status ktki_column_page(struct column_write *column, size_t index,
                            const struct column_settings *settings, struct scratch_pool *scratches,
                            struct write_scratch *scratch, ktk_error *err) {
    struct write_page *page = &column->pages.pages[index];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_output_take(scratches, OUTPUT_PAGE, &page->output, err));
    KTKI_TRY(ktki_write_data_page(page, &column->input, &column->indices, &settings->page, scratch,
                                  err));
out:
    return status;
}

/* The input refers to rows that may soon be gone. */
static void give_scratch(struct column_write *column, struct scratch_pool *scratches) {
    if (column->scratch != NULL) {
        ktki_arena_clear(&column->scratch->arena);
        ktki_scratch_give(scratches, column->scratch);
        column->scratch = NULL;
    }
}

ktk_status ktki_column_finish(struct column_write *column, struct scratch_pool *scratches,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    column->index.size = 0;
    KTKI_TRY(keep_bounds(column, err));
    if (column->has_index && column->leaf->order != ORDER_NONE) {
        KTKI_TRY(ktki_column_index_build(&column->index, column->pages.pages, column->pages.count,
                                         scratches->allocator, err));
    }
    KTKI_TRY(ktki_column_bloom(column, err));
    sum_up(column);
out:
    give_scratch(column, scratches);
    return status;
}

static void give_output(struct write_page *page, struct scratch_pool *scratches) {
    ktki_output_give(scratches, page->output);
    page->output = NULL;
}

void ktki_column_release(struct column_write *column, struct scratch_pool *scratches) {
    give_scratch(column, scratches);
    give_output(&column->dictionary_page, scratches);
    for (size_t i = 0; i < column->pages.count; i++) {
        give_output(&column->pages.pages[i], scratches);
    }
}
