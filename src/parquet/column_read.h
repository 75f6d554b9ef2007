/** One column chunk to one Arrow array, and to the slots of what is around it. */
#ifndef KTKI_PARQUET_COLUMN_READ_H
#define KTKI_PARQUET_COLUMN_READ_H

#include <kartothek/parquet.h>

#include "arrow/array.h"
#include "parquet/leaf_reader.h"
#include "parquet/nest_sink.h"

struct memory_bound;

struct chunk_read {
    ktk_parquet_file *file; /* whose scratch memory is shared; NULL: the pages are read in order by
                               one thread */
    struct memory_bound *bound; /* of `file`'s scratch memory */
    ktk_context *context;
    const ktk_allocator *allocator; /* of the result, whose blocks the context's frees; NULL: that
                                       one */
    const struct parquet_leaf *leaf;
    const struct column_chunk *chunk;
    const struct field *field; /* of the leaf in the result */
    struct nest_sink *nests;   /* where nests from the depth `nest_first` on are collected; zeroed,
                                  and cleared by the caller in any case; NULL: there are none */
    int32_t nest_first;
    int64_t row_count;
    bool skips_checksums;
    const uint8_t *data; /* the bytes of the chunk, see ktki_chunk_range() */
    size_t size;
    int64_t offset; /* of the chunk, in the file */
};

/** Where the bytes of a chunk lie in a file of `file_size`. KTK_E_CORRUPT if they do not;
 * KTK_E_UNSUPPORTED for an encrypted chunk or one in another file. */
ktk_status ktki_chunk_range(int64_t *offset, int64_t *size, const struct column_chunk *chunk,
                            const struct parquet_leaf *leaf, int64_t file_size, ktk_error *err);

/**
 * Decode a chunk. A field of dictionary type gives a dictionary array: the chunk's own dictionary
 * if all its pages use it, else one made of its values in order of appearance.
 */
ktk_status ktki_chunk_read(struct ArrowArray *out, const struct chunk_read *read,
                           struct read_scratch *scratch, ktk_error *err);

/* Parts of it, for who chooses pages and rows. */

/** Begin to read the data pages of `reader->pages`, which are checked against the limits, into room
 * for `capacity` slots. */
ktk_status ktki_chunk_begin(struct leaf_reader *reader, const struct chunk_read *read,
                            int64_t capacity, ktk_error *err);

/** Decode a page behind those before it. */
ktk_status ktki_chunk_page(struct leaf_reader *reader, struct nest_reader *nests,
                           const struct page *page, ktk_error *err);

/** Make the array of the field, once ktki_sink_finish() has been called. */
ktk_status ktki_chunk_finish(struct leaf_reader *reader, const struct chunk_read *read,
                             struct ArrowArray *out, ktk_error *err);

#endif
