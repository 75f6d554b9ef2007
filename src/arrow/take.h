/** Choosing rows: by index, by mask, by slice; and joining arrays. */
#ifndef KTKI_ARROW_TAKE_H
#define KTKI_ARROW_TAKE_H

#include "arrow/batch.h"

/** Rows by index, each in [0, length) (asserted), any order, repeats allowed. All types, nested
 * too. Dictionaries are kept whole. */
ktk_status ktki_array_take(struct ArrowArray *out, ktk_context *context, const struct field *field,
                           const struct ArrowArray *array, const int64_t *rows, int64_t row_count,
                           ktk_error *err);

/** Rows whose bit is set in `mask` (bit i for row i). `*out` gets a new batch; `batch` stays. */
ktk_status ktki_batch_filter(struct batch *out, ktk_context *context, const struct batch *batch,
                             const uint8_t *mask, ktk_error *err);

/** Rows [start, start + count) of a batch as a new batch with buffers of its own. */
ktk_status ktki_batch_slice(struct batch *out, ktk_context *context, const struct batch *batch,
                            int64_t start, int64_t count, ktk_error *err);

/** One array of several of the same field, in order. Dictionary arrays are decoded first by the
 * caller, or share equal dictionaries (checked; else KTK_E_UNSUPPORTED). */
ktk_status ktki_array_concat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *const *arrays,
                             size_t count, ktk_error *err);

#endif
