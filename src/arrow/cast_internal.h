/** Kernels of ktki_array_cast(). Each fills the buffers behind the validity of `parts`. */
#ifndef KTKI_ARROW_CAST_INTERNAL_H
#define KTKI_ARROW_CAST_INTERNAL_H

#include "arrow/array_parts.h"

struct cast {
    const struct ArrowArray *array;
    struct array_view view; /* of `array` */
    const struct field *from;
    const struct field *to;
    struct array_parts *parts;
};

typedef ktk_status (*cast_fn)(struct cast *cast, ktk_error *err);

/** Integers and floats to wider ones of their kind; NULL for other pairs. */
cast_fn ktki_cast_number_kernel(enum type_id from, enum type_id to);

/** Dates, times, timestamps, durations; NULL for other pairs. */
cast_fn ktki_cast_time_kernel(const struct data_type *from, const struct data_type *to);

/** Text among text, binary among binary; NULL for other pairs. */
cast_fn ktki_cast_text_kernel(enum type_id from, enum type_id to);

#endif
