/** Which pages a flat column chunk has, where they lie and what is known of their values: taken
 * from the page index, or, without one, from the headers of the pages. */
#ifndef KTKI_PARQUET_PAGE_TABLE_H
#define KTKI_PARQUET_PAGE_TABLE_H

#include "parquet/source.h"
#include "parquet/statistics.h"

/** A data page. The rows of all pages of a table follow one another. */
struct page_place {
    int64_t offset; /* in the file, of the header */
    int64_t size;   /* header included */
    int64_t first_row;
    int64_t row_count;
};

struct page_table {
    bool is_loaded;
    struct byte_range chunk;
    int64_t dictionary_size; /* of what lies at the start of the chunk in front of the data */
    size_t count;
    const struct page_place *pages;
    const struct stored_extent *extents; /* one a page; NULL: nothing is known of the values */
    bool is_all_dictionary;              /* all values are known to be in the dictionary */
    ktk_bytes bytes; /* of the whole chunk, where they are at hand; else `data` is NULL */
};

/** What a table is made from. */
struct page_table_input {
    const struct source *source;
    const struct statistics_rule *rule;
    const struct column_chunk *chunk;
    struct byte_range range; /* of the chunk, see ktki_chunk_range() */
    int64_t row_count;       /* of the row group */
    bool is_read_whole;      /* the bytes of the whole chunk are wanted in any case */
};

#define PAGE_TABLE_RANGES_MAX 3

/** The places of its pages are in the page index. */
bool ktki_page_table_has_index(const struct source *source, const struct column_chunk *chunk);

/** Put down which bytes of the file the table is made of; returns how many ranges they are. */
size_t ktki_page_table_ranges(const struct page_table_input *input,
                              struct byte_range ranges[PAGE_TABLE_RANGES_MAX]);

/**
 * Make the table of the bytes of those ranges, of which it takes those of the chunk; it lies in the
 * arena, its bytes are cleared by ktki_page_table_clear().
 *
 * The page index is checked against the chunk: pages must lie in it one behind the other and begin
 * at ascending rows, from row 0 on; KTK_E_CORRUPT otherwise.
 */
ktk_status ktki_page_table_load(struct page_table *out, struct arena *arena,
                                const struct page_table_input *input, ktk_bytes *bytes,
                                ktk_error *err);
void ktki_page_table_clear(struct page_table *table);

#endif
