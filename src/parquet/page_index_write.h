/** The page index of a column chunk that is being written. */
#ifndef KTKI_PARQUET_PAGE_INDEX_WRITE_H
#define KTKI_PARQUET_PAGE_INDEX_WRITE_H

#include "parquet/page_write.h"

/**
 * Append the column index of pages that are written, with bounds of at most 64 bytes or so: longer
 * ones are cut to a lesser, and a greater value. Nothing is appended if a page with values has no
 * bounds. The order of the pages by their bounds is found out.
 */
ktk_status ktki_column_index_build(struct buffer *out, struct write_page *pages, size_t count,
                                   const ktk_allocator *allocator, ktk_error *err);

/** Append the offset index of pages that lie one behind the other from `offset` of the file on. */
ktk_status ktki_offset_index_build(struct buffer *out, const struct write_page *pages, size_t count,
                                   int64_t offset, const ktk_allocator *allocator, ktk_error *err);

#endif
