#include "parquet/column_bloom.h"

#include "base/error.h"
#include "parquet/bloom.h"

static void add_block(struct bloom_build *build, const struct value_block *block, size_t width) {
    for (size_t i = 0; i < block->count; i++) {
        if (block->fixed != NULL) {
            ktki_bloom_build_add(build, block->fixed + i * width, width);
        } else {
            ktki_bloom_build_add(build, block->starts[i], block->sizes[i]);
        }
    }
}

static void add_dictionary(struct bloom_build *build, const struct column_write *column) {
    const struct dictionary *dictionary = &column->scratch->dictionary;
    struct value_scratch *values = &column->scratch->values;

    for (uint32_t start = 0; start < dictionary->count; start += VALUE_BLOCK_MAX) {
        uint32_t left = dictionary->count - start;
        struct value_block block;

        ktki_dictionary_entries(dictionary, start, left < VALUE_BLOCK_MAX ? left : VALUE_BLOCK_MAX,
                                values->starts, values->sizes, &block);
        add_block(build, &block, column->leaf->width);
    }
}

static ktk_status add_page(struct bloom_build *build, const struct column_write *column,
                           const struct write_page *page, ktk_error *err) {
    struct value_cursor cursor;
    struct value_block block;
    ktk_status status = KTK_OK;

    ktki_values_seek(&cursor, &column->input, &column->scratch->values, page->slot_start,
                     page->slot_count);
    while (!ktki_values_is_done(&cursor)) {
        KTKI_TRY(ktki_values_next(&cursor, &block, NULL, err));
        add_block(build, &block, column->leaf->width);
    }
out:
    return status;
}

/* As many different values as there may be: the dictionary tells for those that it numbers. */
static int64_t value_count_max(const struct column_write *column) {
    int64_t count = column->has_dictionary ? column->scratch->dictionary.count : 0;

    for (size_t i = 0; i < column->pages.count; i++) {
        count += column->pages.pages[i].is_dictionary ? 0 : column->pages.pages[i].value_count;
    }
    return count;
}

ktk_status ktki_column_bloom(struct column_write *column, ktk_error *err) {
    double fpp = column->leaf->bloom_fpp;
    struct bloom_build build = {0};
    ktk_status status = KTK_OK;

    column->bloom.size = 0;
    if (fpp == 0) {
        return KTK_OK;
    }
    KTKI_TRY(
        ktki_bloom_build_begin(&build, column->bloom.allocator, value_count_max(column), fpp, err));
    if (column->has_dictionary) {
        add_dictionary(&build, column);
    }
    for (size_t i = 0; i < column->pages.count; i++) {
        if (!column->pages.pages[i].is_dictionary) {
            KTKI_TRY(add_page(&build, column, &column->pages.pages[i], err));
        }
    }
    ktki_bloom_build_fold(&build, fpp);
    KTKI_TRY(ktki_bloom_build_encode(&build, &column->bloom, err));
out:
    ktki_bloom_build_clear(&build);
    return status;
}
