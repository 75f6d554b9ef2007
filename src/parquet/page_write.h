/** One page: levels, values, compression, header. Pages do not depend on one another. */
#ifndef KTKI_PARQUET_PAGE_WRITE_H
#define KTKI_PARQUET_PAGE_WRITE_H

#include "parquet/index_range.h"

/** What is the same for all pages of a file. */
struct page_settings {
    const struct codec *codec;
    int32_t codec_id;
    int level;
    int64_t rows_max;          /* of a page */
    int64_t bytes_max;         /* of the values of a page, PLAIN; a single row may have more */
    int32_t data_page_version; /* 1 or 2 */
    bool has_checksums;
    bool has_index; /* ranges of all pages are wanted */
};

/** Where a page lies in its column chunk, and, once written, what became of it. */
struct write_page {
    int64_t row_count;
    int64_t level_start;
    int64_t level_count;
    int64_t slot_start;
    int64_t slot_count;
    int64_t value_start; /* values are slots that are not null */
    int64_t value_count;
    bool is_dictionary; /* values are written as indices into the chunk's dictionary */

    struct page_output *output; /* header and body, from `start` on, until they are in the file */
    size_t start;
    int64_t size;              /* bytes in the file, header included */
    int64_t uncompressed_size; /* likewise */
    struct value_range range;  /* of the values; of a page of indices if there will be an index */
    int64_t text_bytes;        /* of BYTE_ARRAY values without their lengths; -1: not known */
    bool is_ready;             /* written, so far as this is known to other threads */
};

/** Indices of the values of a chunk into its dictionary. */
struct chunk_indices {
    const uint32_t *indices;
    unsigned width; /* bits */
    struct entry_facts entries;
};

/** Write a data page of the given place into its output. */
ktk_status ktki_write_data_page(struct write_page *page, const struct leaf_input *input,
                                const struct chunk_indices *indices,
                                const struct page_settings *settings, struct write_scratch *scratch,
                                ktk_error *err);

/** Write a dictionary as a page, into its output. `column` is for messages. */
ktk_status ktki_write_dictionary_page(struct write_page *page, const struct dictionary *dictionary,
                                      const char *column, const struct page_settings *settings,
                                      struct write_scratch *scratch, ktk_error *err);

#endif
