/** Reading files; the public half is kartothek/parquet.h. */
#ifndef KTKI_PARQUET_READER_H
#define KTKI_PARQUET_READER_H

#include <kartothek/parquet.h>

#include "arrow/batch.h"
#include "parquet/metadata.h"
#include "parquet/source.h"

/** Open; on success the source is owned by the file. Reads the tail once, and the footer again only
 * if it is longer. */
ktk_status ktki_parquet_open(ktk_parquet_file **out, ktk_context *context, struct source *source,
                             ktk_error *err);

/** Borrowed; live as long as the file. */
const struct parquet_metadata *ktki_parquet_metadata(const ktk_parquet_file *file);

/** The Arrow schema of the file, `ARROW:schema` applied, key/value metadata (`pandas` and others,
 * without `ARROW:schema`) attached. */
struct schema *ktki_parquet_schema(const ktk_parquet_file *file);

/**
 * Decode top-level columns (indices into the schema) of one row group; column chunks are decoded in
 * parallel on the context's pool. Dictionary fields become plain values unless `keep_dictionaries`;
 * `*out` has the schema that says so.
 */
ktk_status ktki_parquet_read_row_group(struct batch *out, ktk_parquet_file *file, int32_t row_group,
                                       const int32_t *columns, int32_t column_count,
                                       bool keep_dictionaries, ktk_error *err);

struct bound_predicate;

/**
 * `*out` false: by its statistics no row of the row group (in range) matches. `file_columns[i]` is
 * the column of the file for field i of the schema that `where` was bound to, if it mentions it.
 */
ktk_status ktki_parquet_may_match(bool *out, ktk_parquet_file *file, int32_t row_group,
                                  const struct bound_predicate *where, const int32_t *file_columns,
                                  ktk_error *err);

#endif
