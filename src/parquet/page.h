/** Pages of a column chunk: the walk over their headers, and their bodies taken apart. */
#ifndef KTKI_PARQUET_PAGE_H
#define KTKI_PARQUET_PAGE_H

#include "parquet/metadata.h"
#include "parquet/scratch.h"

struct page {
    struct page_header header;
    int64_t offset;      /* of the header, in the file */
    const uint8_t *body; /* header.compressed_size bytes */
    size_t start_size;   /* not 0: the values looked at lie in so many bytes of the uncompressed
                            body, or so it is thought: there may be no more of them */
};

/** The pages of a chunk in order; in scratch memory. */
struct page_walk {
    const struct page *dictionary; /* NULL: none */
    const struct page *data;
    size_t data_count;
    int64_t value_count; /* of the data pages, nulls included */
};

/**
 * List the pages of a chunk, whose bytes are `data` at `offset` of the file, until `value_count`
 * values are found. Nothing is decoded yet but every size and count is checked. Pages of kinds that
 * hold no values are left out. Errors name page and offset.
 */
ktk_status ktki_page_walk(struct page_walk *out, struct read_scratch *scratch,
                          const ktk_limits *limits, const uint8_t *data, size_t size,
                          int64_t offset, int64_t value_count, ktk_error *err);

/** How the pages of a chunk are to be read. */
struct page_format {
    const struct codec *codec;
    int32_t definition_max;
    int32_t repetition_max;
    bool skips_checksums;
};

/** The parts of a data page. Values may still be compressed: `packed` not NULL. */
struct page_parts {
    struct cursor repetition;
    struct cursor definition;
    struct cursor values;
    const uint8_t *packed;
    size_t packed_size;
    size_t values_size; /* uncompressed */
    size_t start_size;  /* of the page */
    bool is_placed;     /* `values` are in their slots already */
};

/** The slots of a page whose values are the same bytes in the file: `size` bytes at `to`. The
 * `before` bytes in front of them may be written, if they are as before afterwards. */
struct page_slots {
    uint8_t *to;
    size_t size;
    size_t before;
};

/**
 * Check the checksum, if there is one, and cut the page into its parts; what holds levels is
 * decompressed into `scratch->page`.
 *
 * `slots` (NULL: none) are where the values will be if none of them is null. If then there is
 * nothing but a few levels in front of them, values are decompressed into their slots at once.
 */
ktk_status ktki_page_open(struct page_parts *out, const struct page *page,
                          const struct page_format *format, const struct page_slots *slots,
                          struct read_scratch *scratch, ktk_error *err);

/** Take values that are placed back out of their slots: some of them are null after all. */
ktk_status ktki_page_displace(struct page_parts *parts, struct read_scratch *scratch,
                              ktk_error *err);

/** Decompress the values, if they are not, into `scratch->page` or, if `target` is not NULL and
 * `size` the size they have, there; `*is_placed` tells. */
ktk_status ktki_page_values(struct page_parts *parts, const struct page_format *format,
                            struct read_scratch *scratch, uint8_t *target, size_t size,
                            bool *is_placed, ktk_error *err);

/** The uncompressed values of a dictionary page, in `scratch->dictionary_page` with slack. */
ktk_status ktki_page_dictionary(struct cursor *out, const struct page *page,
                                const struct page_format *format, struct read_scratch *scratch,
                                ktk_error *err);

#endif
