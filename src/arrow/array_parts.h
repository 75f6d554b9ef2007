/** The pieces of an array that is being made: what bulk kernels fill, and what is freed when one of
 * them fails. */
#ifndef KTKI_ARROW_ARRAY_PARTS_H
#define KTKI_ARROW_ARRAY_PARTS_H

#include "arrow/array.h"

/** Validity, offsets or views, bytes, sizes of bytes: no layout that we make has more. */
#define PARTS_BUFFER_MAX 4

struct array_parts {
    ktk_context *context; /* borrowed */
    const struct field *field;
    int64_t length;
    int64_t null_count;
    struct array_buffer buffers[PARTS_BUFFER_MAX];
    int32_t buffer_count;
    struct ArrowArray *children; /* field->child_count, zeroed at first; NULL if there are none */
    struct ArrowArray dictionary;
};

/** Begin an array of `length` rows. Only memory for children is allocated. */
ktk_status ktki_parts_init(struct array_parts *out, ktk_context *context, const struct field *field,
                           int64_t length, ktk_error *err);

/** Free what has not been handed over. All zero is allowed. */
void ktki_parts_clear(struct array_parts *parts);

/** Allocate a buffer of `count` elements, not zeroed. */
ktk_status ktki_parts_allocate(struct array_parts *parts, int32_t index, size_t count,
                               size_t element_size, ktk_error *err);

/** Allocate a zeroed one. */
ktk_status ktki_parts_allocate_zeroed(struct array_parts *parts, int32_t index, size_t count,
                                      size_t element_size, ktk_error *err);

/** The validity in buffer 0 is complete: count its nulls, and drop it if there are none. */
void ktki_parts_count_nulls(struct array_parts *parts);

/** Hand over the array; `parts` is empty afterwards. On failure it is as it was. */
ktk_status ktki_parts_finish(struct array_parts *parts, struct ArrowArray *out, ktk_error *err);

#endif
