/** Files for tests of the writer: batches of random rows of every type that can be written, written
 * into memory and read back. */
#ifndef KTK_TESTS_PARQUET_MADE_FILE_H
#define KTK_TESTS_PARQUET_MADE_FILE_H

#include "arrow/batch.h"
#include "base/buffer.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

/** Number of leaf columns of made_schema(). */
int32_t made_leaf_count(void);

/** A schema of all types, fields `c0`, `c1`, …; the caller frees it. */
struct schema *made_schema(ktk_context *context);

/** A batch of random rows; `null_share` of 256 is null. What can be stored only within limits
 * (timestamps, decimals) keeps to them, except below nulls. */
void made_batch(struct batch *out, struct schema *schema, int64_t row_count, int null_share,
                uint32_t *random);

/** Write batches, which stay, into `out`. */
ktk_status made_write(struct buffer *out, ktk_context *context, struct schema *schema,
                      const struct batch *batches, size_t count,
                      const ktk_parquet_write_options *options, ktk_error *err);

/** Open what was written; the bytes are copied. */
void made_open(ktk_parquet_file **out, ktk_context *context, const struct buffer *bytes);

/** Fails the test unless the file has exactly the rows of the batches, in order. */
void made_check(ktk_parquet_file *file, const struct batch *batches, size_t count,
                bool keep_dictionaries);

/** A sink that appends to a struct buffer. */
ktk_status made_sink(void *state, const void *data, size_t size, ktk_error *err);

#define MADE_BATCHES_MAX 5

/** Some batches of random rows. */
struct made {
    struct schema *schema;
    size_t count;
    struct batch batches[MADE_BATCHES_MAX];
};

void made_init(struct made *made, ktk_context *context, uint32_t *random, int64_t rows_max);
void made_clear(struct made *made);

/** A batch of one column; the array is moved. */
void made_column(struct batch *out, ktk_context *context, const struct field *field,
                 struct ArrowArray *array);

#endif
