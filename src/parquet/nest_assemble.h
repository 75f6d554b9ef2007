/** From decoded leaves to the array of a top-level column. */
#ifndef KTKI_PARQUET_NEST_ASSEMBLE_H
#define KTKI_PARQUET_NEST_ASSEMBLE_H

#include "arrow/array.h"
#include "parquet/nest_sink.h"

/** A leaf of the column, and the nests that were collected with it: those at depths from
 * `nest_first` on, which no leaf before it lies in. */
struct leaf_part {
    const char *path; /* for messages */
    struct ArrowArray values;
    struct nest_sink *nests;
    int32_t nest_first;
};

/**
 * Build a column of `row_count` rows of the leaves of `field`, in the order of the schema; arrays
 * and buffers are moved. After a failure what is left of the parts is still the caller's.
 *
 * KTK_E_CORRUPT if leaves disagree about their number of slots, a fixed-size list has another size,
 * or a key of a map is null.
 */
ktk_status ktki_nest_assemble(struct ArrowArray *out, ktk_context *context,
                              const struct field *field, struct leaf_part *parts, int64_t row_count,
                              ktk_error *err);

#endif
