/** Cutting a column chunk into pages. */
#ifndef KTKI_PARQUET_PAGE_PLAN_H
#define KTKI_PARQUET_PAGE_PLAN_H

#include "parquet/page_write.h"

/** Pages of one column; the list is kept from chunk to chunk. */
struct page_list {
    const ktk_allocator *allocator;
    size_t count;
    size_t capacity;
    struct write_page *pages;
};

void ktki_page_list_init(struct page_list *list, const ktk_allocator *allocator);
void ktki_page_list_clear(struct page_list *list);

/**
 * Plan the pages of a chunk: at least one, each of whole rows. Slots before `dictionary_slots` go
 * into dictionary pages, as far as whole rows do, with indices of `index_width` bits.
 *
 * Cuts depend on the rows alone, never on how these came in batches.
 */
ktk_status ktki_page_plan(struct page_list *list, const struct leaf_input *input,
                          int64_t dictionary_slots, unsigned index_width,
                          const struct page_settings *settings, struct value_scratch *scratch,
                          ktk_error *err);

#endif
