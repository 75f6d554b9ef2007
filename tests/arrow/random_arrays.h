/** Arrays for tests that compare kernels with a value-by-value reference: random ones in memory of
 * exact size (a sanitizer sees any read past it), and the value of a row as text. */
#ifndef KTK_TESTS_ARROW_RANDOM_ARRAYS_H
#define KTK_TESTS_ARROW_RANDOM_ARRAYS_H

#include "arrow/array.h"
#include "base/buffer.h"

/** A linear congruential generator; equal on all machines. */
uint32_t random_next(uint32_t *random);

/** A number in [0, bound). */
int64_t random_below(uint32_t *random, int64_t bound);

/** All kinds of types: fields `f0`, `f1`, … in static memory. */
extern const struct field *const random_fields[];
extern const size_t random_field_count;

/** A field `name` of a random type of up to `depth` levels, in the memory of a schema that is being
 * built: structs, lists of all kinds, maps, and below them texts, numbers, bools, nulls and
 * dictionaries. Keys of maps are not nullable, everything else is. */
void random_nested_field(struct schema *schema, struct field *out, const char *name, int depth,
                         uint32_t *random);

/**
 * An array of another producer: offset not 0, null count unknown, garbage below nulls. `null_share`
 * of 256 rows is null, at all levels but those of fields that are not nullable; 0 gives no
 * validity. Values repeat often, so that groups and equal
 * neighbours occur.
 */
void random_array(struct ArrowArray *out, const struct field *field, int64_t length, int null_share,
                  uint32_t *random);

/** Append the value of a row: "null", hex digits of bytes, "[a,b]" of lists, "{a,b}" of structs.
 * Dictionaries show their values. */
void value_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                struct buffer *out);

/** Fails the test unless both rows have the same value. */
void assert_same_value(const struct field *field, const struct ArrowArray *a, int64_t a_row,
                       const struct ArrowArray *b, int64_t b_row);

#endif
