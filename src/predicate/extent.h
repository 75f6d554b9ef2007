/** What a literal says of rows of which only the smallest and the largest value are known. */
#ifndef KTKI_PREDICATE_EXTENT_H
#define KTKI_PREDICATE_EXTENT_H

#include "arrow/array.h"
#include "predicate/bound.h"

/**
 * Lower and upper bounds of the values of several pieces of a column: row groups, pages. Entry i of
 * every member is that of piece i.
 */
struct extents {
    int64_t count;
    const struct field *field; /* of the arrays; no dictionary */
    struct ArrowArray min;     /* null: not known; NaN counts as null */
    struct ArrowArray max;
    const uint8_t *may_be_null;   /* bits: some rows may be null */
    const uint8_t *may_be_filled; /* bits: some rows may be not null */
};

/**
 * Bit i of `mask`, which has (count + 7) / 8 bytes, becomes 0 if the literal is false for every row
 * of piece i; bits behind the last piece are undefined. A field of another kind than the column of
 * the literal is told nothing of: all bits are set.
 */
ktk_status ktki_literal_may_match(const struct bound_literal *literal,
                                  const struct extents *extents, const ktk_allocator *allocator,
                                  uint8_t *mask, ktk_error *err);

#endif
