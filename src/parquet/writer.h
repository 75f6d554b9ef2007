/** Writing files; the public half is kartothek/parquet.h. */
#ifndef KTKI_PARQUET_WRITER_H
#define KTKI_PARQUET_WRITER_H

#include <kartothek/parquet.h>

#include "arrow/batch.h"
#include "base/buffer.h"

/** Receives the bytes of the file in order. */
typedef ktk_status (*ktki_sink_fn)(void *state, const void *data, size_t size, ktk_error *err);

/** How the schema itself is stored. */
struct parquet_schema_options {
    bool omit_arrow_schema; /* no `ARROW:schema` entry */
};

/**
 * A writer for batches of `schema`. The schema's key/value metadata is written (in its order), then
 * `ARROW:schema`. All fields become OPTIONAL. KTK_E_UNSUPPORTED for nested types; list<flat> is
 * allowed in schema-only files and index files.
 */
ktk_status ktki_parquet_writer_new(ktk_parquet_writer **out, ktk_context *context,
                                   struct schema *schema, const ktk_parquet_write_options *options,
                                   ktki_sink_fn sink, void *sink_state, ktk_error *err);

/** Add rows; full row groups are encoded at once. `batch` is borrowed; its columns may be
 * referenced (not copied) only during the call. */
ktk_status ktki_parquet_writer_add(ktk_parquet_writer *writer, const struct batch *batch,
                                   ktk_error *err);

/** Encode what is left and the footer. Without any row: one row group of 0 rows (dataset.md 4.1).
 */
ktk_status ktki_parquet_writer_finish(ktk_parquet_writer *writer, int64_t *file_size,
                                      ktk_error *err);

void ktki_parquet_writer_free(ktk_parquet_writer *writer);

/** A file of a footer alone, no row group: `_common_metadata`. List items are called `item`. */
ktk_status ktki_parquet_schema_file(struct buffer *out, ktk_context *context,
                                    const struct schema *schema, ktk_error *err);

#endif
