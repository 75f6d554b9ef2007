/** Writing files; the public half is kartothek/parquet.h. */
#ifndef KTKI_PARQUET_WRITER_H
#define KTKI_PARQUET_WRITER_H

#include <kartothek/parquet.h>

#include "arrow/batch.h"
#include "base/buffer.h"
#include "parquet/row_group_write.h"

/**
 * A writer for batches of `schema`. The schema's key/value metadata is written (in its order), then
 * `ARROW:schema`. Fields are stored as ktki_write_schema_plan() says.
 *
 * The bytes of the file depend on the schema, the options and the rows, not on threads, nor on how
 * the rows come in batches (columns that come as dictionaries excepted).
 *
 * After a failure of a call below the file is lost; the writer can only be restarted or freed.
 *
 * @return KTK_E_UNSUPPORTED for a type that Parquet does not have; KTK_E_INVALID for an option out
 * of range.
 */
ktk_status ktki_parquet_writer_new(ktk_parquet_writer **out, ktk_context *context,
                                   struct schema *schema, const ktk_parquet_write_options *options,
                                   ktki_sink_fn sink, void *sink_state, ktk_error *err);

/** Begin another file of the same schema and options. For many small files: all memory and whatever
 * depends on the schema is used again. What was not finished is dropped. */
void ktki_parquet_writer_restart(ktk_parquet_writer *writer, ktki_sink_fn sink, void *sink_state);

/** Encode with the memory of `scratches`, which outlives the writer, instead of its own: of files
 * that are written one after the other, each would ask the system for it anew. Before any row. */
void ktki_parquet_writer_share(ktk_parquet_writer *writer, struct scratch_pool *scratches);

/** Add rows; full row groups are encoded at once, the rows that are left are copied. `batch` is
 * borrowed. KTK_E_SCHEMA if its fields are not those of the writer. */
ktk_status ktki_parquet_writer_add(ktk_parquet_writer *writer, const struct batch *batch,
                                   ktk_error *err);

/** The same, without a copy: on success the batch has moved into the writer. */
ktk_status ktki_parquet_writer_take(ktk_parquet_writer *writer, struct batch *batch,
                                    ktk_error *err);

/** Encode what is left and the footer. Without any row: one row group of 0 rows (dataset.md 4.1).
 * `file_size` may be NULL. */
ktk_status ktki_parquet_writer_finish(ktk_parquet_writer *writer, int64_t *file_size,
                                      ktk_error *err);

/** NULL is allowed. */
void ktki_parquet_writer_free(ktk_parquet_writer *writer);

/** A file of a footer alone, no row group: `_common_metadata`. List items are called `item`. */
ktk_status ktki_parquet_schema_file(struct buffer *out, ktk_context *context,
                                    const struct schema *schema, ktk_error *err);

#endif
