/** Bring an array to another type without losing a value. */
#ifndef KTKI_ARROW_CAST_H
#define KTKI_ARROW_CAST_H

#include "arrow/array.h"

/** True if ktki_array_cast() knows the pair: equal types; null to anything; integer or float to a
 * wider one of its kind; dictionary to (a cast of) its value type; STRING/LARGE_STRING/STRING_VIEW
 * among each other, BINARY likewise; date32/date64 to each other and to naive timestamps;
 * timestamps between units (same zone or both naive); time and duration units; lists item-wise.
 * Whether nulls are allowed does not matter. */
bool ktki_cast_is_possible(const struct field *from, const struct field *to);

/**
 * `array` is moved on success and may be `out`; buffers are reused where the type is equal.
 * KTK_E_INVALID names the row and value of the first one that would lose information (overflow,
 * sub-unit rest). KTK_E_SCHEMA if the pair is unknown.
 */
ktk_status ktki_array_cast(struct ArrowArray *out, ktk_context *context, struct ArrowArray *array,
                           const struct field *from, const struct field *to, ktk_error *err);

#endif
