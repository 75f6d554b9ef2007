/** Reading files; the public half is kartothek/parquet.h. */
#ifndef KTKI_PARQUET_READER_H
#define KTKI_PARQUET_READER_H

#include <kartothek/parquet.h>

#include "arrow/batch.h"
#include "parquet/metadata.h"
#include "parquet/source.h"

/**
 * Open; on success the source is owned by the file. Reads the tail once, and the footer again only
 * if it is longer. A footer that is not well-formed is refused; of the schema and the column chunks
 * no more than that and their numbers is looked at before they are asked for.
 */
ktk_status ktki_parquet_open(ktk_parquet_file **out, ktk_context *context, struct source *source,
                             ktk_error *err);

/** Borrowed; live as long as the file. The columns of a row group are there once it was asked for
 * by ktki_parquet_row_group(). */
const struct parquet_metadata *ktki_parquet_metadata(const ktk_parquet_file *file);

/**
 * The Arrow schema of the file, `ARROW:schema` applied, key/value metadata (`pandas` and others,
 * without `ARROW:schema`) attached; borrowed. It is made by the first call; any thread may make it.
 * KTK_E_CORRUPT, KTK_E_LIMIT: see ktki_parquet_schema_read().
 */
ktk_status ktki_parquet_schema(struct schema **out, ktk_parquet_file *file, ktk_error *err);

/**
 * A row group (in range) with its column chunks, one for each leaf; borrowed. They are decoded by
 * the first call; any thread may make it. KTK_E_CORRUPT names row group, column and field.
 */
ktk_status ktki_parquet_row_group(const struct row_group **out, ktk_parquet_file *file,
                                  int32_t row_group, ktk_error *err);

/**
 * Decode top-level columns (indices into the schema) of one row group; column chunks are decoded in
 * parallel on the context's pool. Dictionary fields become plain values unless `keep_dictionaries`;
 * `*out` has the schema that says so.
 */
ktk_status ktki_parquet_read_row_group(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                       const int32_t *columns, int32_t column_count,
                                       bool keep_dictionaries, ktk_error *err);

struct bound_predicate;

/** What is read of a file. */
struct parquet_query_input {
    const int32_t *columns; /* top-level columns, indices into the schema */
    int32_t column_count;
    bool keep_dictionaries;  /* else they become plain values */
    int64_t piece_bytes_max; /* large row groups are cut into pieces of such a size, where
                                their pages allow it; 0: they stay whole */
    const struct bound_predicate *where; /* NULL: all rows; lives as long as the query */
    const int32_t *file_columns; /* for each field of the schema that `where` was bound to: the
                                    column of the file, if `where` mentions it */
};

/** The same reading of all of a file, piece by piece: columns, and the rows that match a predicate.
 * May be used from several threads. */
struct parquet_query;

/** Takes a reference to the file. KTK_E_UNSUPPORTED if the predicate mentions a column that is
 * nested in the file. */
ktk_status ktki_parquet_query_new(struct parquet_query **out, ktk_parquet_file *file,
                                  const struct parquet_query_input *input, ktk_error *err);
void ktki_parquet_query_free(struct parquet_query *query);

/** Row groups, and pieces of large ones, in the order of the rows. */
int32_t ktki_parquet_query_piece_count(const struct parquet_query *query);

/** Bytes that reading a piece (in range) takes, about. */
int64_t ktki_parquet_query_piece_bytes(const struct parquet_query *query, int32_t piece);

/** The matching rows of a piece (in range); may be none. */
ktk_status ktki_parquet_query_read(struct batch *out, struct parquet_query *query, int32_t piece,
                                   ktk_error *err);

#endif
