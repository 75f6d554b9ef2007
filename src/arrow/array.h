/** Arrays in memory are `struct ArrowArray` of the C Data Interface; here is how they are made and
 * looked at. */
#ifndef KTKI_ARROW_ARRAY_H
#define KTKI_ARROW_ARRAY_H

#include <kartothek/arrow_abi.h>
#include <kartothek/context.h>

#include "arrow/schema.h"

/** Memory of one buffer, owned: `size` is what was allocated. */
struct array_buffer {
    void *data;
    size_t size;
};

/**
 * Wrap buffers into an array that frees them on release, with the context's allocator (a reference
 * is held).
 *
 * `buffers` as the Arrow layout of the type says (validity first; {NULL, 0} for none).
 * `children` (`child_count` of them) and `dictionary` (or NULL) are moved. On failure nothing is
 * moved and the caller still owns all of it.
 */
ktk_status ktki_array_wrap(struct ArrowArray *out, ktk_context *context, int64_t length,
                           int64_t null_count, const struct array_buffer *buffers,
                           int32_t buffer_count, struct ArrowArray *children, int32_t child_count,
                           struct ArrowArray *dictionary, ktk_error *err);

/** Release if not released yet, and zero. A zeroed array is allowed. */
void ktki_array_clear(struct ArrowArray *array);

/** Move: `*out` gets the array, `*array` becomes released (zeroed). */
void ktki_array_move(struct ArrowArray *array, struct ArrowArray *out);

/**
 * Check an array from outside against its field: number of buffers and children, length, offset and
 * null count not negative, offsets ascending (first and last; all of them if `deep`), dictionary
 * indices in range if `deep`, UTF-8 if `deep`. KTK_E_INVALID with the field's name.
 */
ktk_status ktki_array_check(const struct ArrowArray *array, const struct field *field, bool deep,
                            ktk_error *err);

/**
 * A flat view of an array's own level; `offset` is already added to nothing: index as `i + offset`.
 * A TYPE_NULL array has no validity, although all of it is null: ask the type. A dictionary array's
 * values may be null in the dictionary, too.
 */
struct array_view {
    int64_t length;
    int64_t offset;
    const uint8_t *validity; /* NULL: no nulls */
    const void *values;      /* fixed width: values; bool: bits; text/binary: bytes; text/binary
                                views: views; dictionary: indices */
    const void *offsets;     /* text/binary, lists: int32_t or int64_t by type; NULL otherwise */
};

void ktki_array_view(const struct ArrowArray *array, const struct data_type *type,
                     struct array_view *out);

/** `row` in [0, length). */
static inline bool ktki_view_is_null(const struct array_view *view, int64_t row) {
    int64_t bit = row + view->offset;
    return view->validity != NULL && (view->validity[bit >> 3] >> (bit & 7) & 1) == 0;
}

/** Bytes of a text or binary value that is not null (STRING, LARGE_STRING, BINARY, LARGE_BINARY,
 * FIXED_BINARY, STRING_VIEW, BINARY_VIEW). Other fixed-width types give the bytes of the value. */
void ktki_array_bytes(const struct ArrowArray *array, const struct data_type *type, int64_t row,
                      const uint8_t **data, size_t *size);

/** The dictionary index at position `at` (offset included); negative if it cannot be one. For
 * single values; loops choose by type once. */
int64_t ktki_dictionary_index(const void *indices, enum type_id type, int64_t at);

/** Exact number of nulls, counted if the array does not say. */
int64_t ktki_array_null_count(const struct ArrowArray *array);

/** Rows of `array` whose bit in `mask` is not set (bit `mask_offset` + i for row i) become null;
 * the array is replaced by one that keeps the buffers. On failure it is as it was. */
ktk_status ktki_array_mask(struct ArrowArray *array, ktk_context *context, const uint8_t *mask,
                           int64_t mask_offset, ktk_error *err);

/** Bytes of a bitmap. */
static inline size_t ktki_bits_size(int64_t count) {
    return ((size_t)count + 7) / 8;
}

static inline bool ktki_bit_get(const uint8_t *bits, int64_t index) {
    return (bits[index >> 3] >> (index & 7) & 1) != 0;
}

static inline void ktki_bit_set(uint8_t *bits, int64_t index) {
    bits[index >> 3] |= (uint8_t)(1u << (index & 7));
}

/** Bits [offset, offset + count) that are set. */
int64_t ktki_bits_count(const uint8_t *bits, int64_t offset, int64_t count);

/** Copy `count` bits between any bit positions; bits of the destination outside the range stay. */
void ktki_bits_copy(const uint8_t *from, int64_t from_offset, uint8_t *to, int64_t to_offset,
                    int64_t count);

/** Set bits [offset, offset + count) to `value`. */
void ktki_bits_fill(uint8_t *bits, int64_t offset, int64_t count, bool value);

/** An array of `length` nulls of any type. */
ktk_status ktki_array_nulls(struct ArrowArray *out, ktk_context *context, const struct field *field,
                            int64_t length, ktk_error *err);

#endif
