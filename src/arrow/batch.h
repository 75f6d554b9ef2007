/** Record batches: the columns of a schema, all of one length. */
#ifndef KTKI_ARROW_BATCH_H
#define KTKI_ARROW_BATCH_H

#include "arrow/array.h"
#include "arrow/schema.h"

/** Owns a reference to the schema and the columns. All zero: empty. */
struct batch {
    struct schema *schema;
    int64_t row_count;
    struct ArrowArray *columns; /* schema->field_count of them */
};

/** Make one with zeroed columns to be filled; takes a reference to the schema. */
ktk_status ktki_batch_init(struct batch *out, struct schema *schema, int64_t row_count,
                           ktk_error *err);

/** Release the columns and the schema reference, and zero. */
void ktki_batch_clear(struct batch *batch);

/** From a struct array of a stream; checked (not deep). On success `array` has been moved from, on
 * failure it can only be cleared. A struct array with nulls or an offset is handled. */
ktk_status ktki_batch_import(struct batch *out, struct schema *schema, struct ArrowArray *array,
                             ktk_error *err);

/** To a struct array; the batch is moved from. */
ktk_status ktki_batch_export(struct batch *batch, struct ArrowArray *out, ktk_error *err);

/** The given columns only, each at most once, in that order; moves them out of `batch`, which is
 * cleared. `schema` describes the result. */
ktk_status ktki_batch_select(struct batch *out, struct batch *batch, struct schema *schema,
                             const int32_t *indices, ktk_error *err);

/** Memory that the values take: rough, but for texts, which are not taken for less than they are.
 */
int64_t ktki_batch_bytes(const struct batch *batch);

#endif
