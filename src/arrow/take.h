/** Choosing rows: by index, by mask, by slice; and joining arrays. */
#ifndef KTKI_ARROW_TAKE_H
#define KTKI_ARROW_TAKE_H

#include "arrow/batch.h"

/** Rows by index, each in [0, length) (asserted), any order, repeats allowed. All types, nested
 * too. Dictionaries are kept whole. */
ktk_status ktki_array_take(struct ArrowArray *out, ktk_context *context, const struct field *field,
                           const struct ArrowArray *array, const int64_t *rows, int64_t row_count,
                           ktk_error *err);

struct row_run {
    int64_t start;
    int64_t count;
};

/** Rows that a mask chooses; one of the two lists is made. Never changes once it is made. */
struct row_selection {
    const ktk_allocator *allocator;
    int64_t row_count;
    int64_t *rows;
    int64_t run_count; /* of rows that follow each other, whichever list there is */
    struct row_run *runs;
};

/** The rows whose bit is set in `mask` (bit i for row i). */
ktk_status ktki_selection_init(struct row_selection *out, const ktk_allocator *allocator,
                               const uint8_t *mask, int64_t row_count, ktk_error *err);
/** A zeroed one is allowed. */
void ktki_selection_clear(struct row_selection *selection);

/** Those rows of an array; all types. `array` stays. */
ktk_status ktki_array_select(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *array,
                             const struct row_selection *selection, ktk_error *err);

/** Rows [start, start + count) of a batch as a new batch with buffers of its own. */
ktk_status ktki_batch_slice(struct batch *out, ktk_context *context, const struct batch *batch,
                            int64_t start, int64_t count, ktk_error *err);

/** One array of several of the same field, in order. Dictionary arrays are decoded first by the
 * caller, or share equal dictionaries (checked; else KTK_E_UNSUPPORTED). */
ktk_status ktki_array_concat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *const *arrays,
                             size_t count, ktk_error *err);

#endif
