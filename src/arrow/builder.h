/** Build an array value by value: for CSV, partition columns, index files and tests. Bulk paths
 * write buffers directly. */
#ifndef KTKI_ARROW_BUILDER_H
#define KTKI_ARROW_BUILDER_H

#include "arrow/array.h"
#include "base/buffer.h"

/** Types: null, bool, integers, floats, text and binary (not views), FIXED_BINARY, dates, times,
 * timestamps, durations, decimals, and LIST / LARGE_LIST of these. */
struct array_builder {
    ktk_context *context;
    const struct field *field; /* borrowed */
    int64_t length;
    int64_t null_count;
    struct buffer validity;
    struct buffer values;
    struct buffer offsets;
    struct array_builder *item; /* lists */
};

/**
 * KTK_E_UNSUPPORTED for other types. `field` must outlive the builder. A value that is refused
 * leaves the builder as it was. Memory is the only bound, but for 32-bit offsets: KTK_E_LIMIT.
 */
ktk_status ktki_builder_init(struct array_builder *out, ktk_context *context,
                             const struct field *field, ktk_error *err);
void ktki_builder_clear(struct array_builder *builder);

ktk_status ktki_builder_append_null(struct array_builder *builder, ktk_error *err);
/** bool (0 or 1), integers, dates, times, timestamps, durations. The value must fit, else
 * KTK_E_INVALID. */
ktk_status ktki_builder_append_i64(struct array_builder *builder, int64_t value, ktk_error *err);
ktk_status ktki_builder_append_u64(struct array_builder *builder, uint64_t value, ktk_error *err);
/** Floats; narrower ones get the nearest value. KTK_E_INVALID if only infinity is near. */
ktk_status ktki_builder_append_f64(struct array_builder *builder, double value, ktk_error *err);
/** text, binary, FIXED_BINARY (exact width), decimals (exact width, little-endian two's
 * complement). */
ktk_status ktki_builder_append_bytes(struct array_builder *builder, const void *data, size_t size,
                                     ktk_error *err);
/** Lists: close an item list; items are appended to ktki_builder_item(). */
ktk_status ktki_builder_end_list(struct array_builder *builder, ktk_error *err);
struct array_builder *ktki_builder_item(struct array_builder *builder);

/** Hand over the array; the builder is empty and may be used again. After a failure it can only be
 * cleared. */
ktk_status ktki_builder_finish(struct array_builder *builder, struct ArrowArray *out,
                               ktk_error *err);

/** `length` times the value at `row` of `array` (a constant column). Any flat type. */
ktk_status ktki_array_repeat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *array, int64_t row,
                             int64_t length, ktk_error *err);

#endif
