/** Equality of arrays by value. */
#ifndef KTKI_ARROW_COMPARE_H
#define KTKI_ARROW_COMPARE_H

#include "arrow/array.h"

/** Same length and, row by row, both null or the same bytes (dictionaries by value, NaN by bytes).
 * Both arrays are of `field`. */
bool ktki_array_equals(const struct field *field, const struct ArrowArray *a,
                       const struct ArrowArray *b);

#endif
