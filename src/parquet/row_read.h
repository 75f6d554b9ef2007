/** Some rows of a flat column chunk to one Arrow array. Pages without any of them are passed over,
 * neither fetched nor decompressed. Which bytes are needed is asked first, so that those of many
 * columns can be fetched together. */
#ifndef KTKI_PARQUET_ROW_READ_H
#define KTKI_PARQUET_ROW_READ_H

#include "parquet/column_read.h"
#include "parquet/page_table.h"

/** The pages in which wanted rows lie, and the bytes of these and of the dictionary. */
struct page_choice {
    const ktk_allocator *allocator;
    size_t table_count; /* pages of the table */
    size_t count;
    size_t *pages;    /* numbers in the table */
    int64_t rows_max; /* of one of them */
    size_t range_count;
    struct byte_range *ranges; /* as few as possible; none if the table has the bytes */
    ktk_bytes *bytes;          /* of the ranges, empty until the caller puts them there */
};

/** Without rows it is the dictionary alone. */
ktk_status ktki_page_choice_init(struct page_choice *out, const ktk_allocator *allocator,
                                 const struct page_table *table, const struct row_ranges *rows,
                                 ktk_error *err);
/** A zeroed one is allowed. */
void ktki_page_choice_clear(struct page_choice *choice);

struct row_read {
    ktk_context *context;
    const ktk_allocator *allocator;  /* as of struct chunk_read; not NULL */
    const struct parquet_leaf *leaf; /* flat: no nests */
    const struct column_chunk *chunk;
    const struct field *field; /* of the result, see ktki_chunk_read() */
    const struct page_table *table;
    const struct row_ranges *rows;
    const struct page_choice *choice; /* of table and rows, with its bytes */
    bool skips_checksums;
    int64_t *page_count; /* atomic access only: incremented for every data page decoded */
};

/** The rows in order. KTK_E_CORRUPT if a page is not what the table says. */
ktk_status ktki_row_read(struct ArrowArray *out, const struct row_read *read,
                         struct read_scratch *scratch, ktk_error *err);

/** The dictionary of a chunk as an array of the type of the leaf's values; `*out` stays as it is if
 * there is none. */
ktk_status ktki_row_read_dictionary(struct ArrowArray *out, const struct row_read *read,
                                    struct read_scratch *scratch, ktk_error *err);

#endif
