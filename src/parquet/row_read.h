/** Some rows of a flat column chunk to one Arrow array. Pages without any of them are passed over,
 * neither fetched nor decompressed. */
#ifndef KTKI_PARQUET_ROW_READ_H
#define KTKI_PARQUET_ROW_READ_H

#include "parquet/column_read.h"
#include "parquet/page_table.h"

struct row_read {
    ktk_context *context;
    const ktk_allocator *allocator; /* as of struct chunk_read; not NULL */
    const struct source *source;
    const struct parquet_leaf *leaf; /* flat: no nests */
    const struct column_chunk *chunk;
    const struct field *field; /* of the result, see ktki_chunk_read() */
    const struct page_table *table;
    const struct row_ranges *rows;
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
