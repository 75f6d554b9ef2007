/** One array of ranges of others: what concatenation, slices and filters with long runs are made
 * of. */
#ifndef KTKI_ARROW_JOIN_H
#define KTKI_ARROW_JOIN_H

#include "arrow/array.h"

/** Rows [start, start + count) of an array; inside of it (asserted). */
struct array_range {
    const struct ArrowArray *array;
    int64_t start;
    int64_t count;
};

/** The rows of all ranges, in order, in buffers of their own. Dictionaries as ktki_array_concat()
 * says. Any type. */
ktk_status ktki_array_join(struct ArrowArray *out, ktk_context *context, const struct field *field,
                           const struct array_range *ranges, size_t range_count, ktk_error *err);

#endif
