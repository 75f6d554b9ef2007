/**
 * The one evaluator: literals bound to typed columns, then asked about arrays (rows, or partition
 * values as one-row arrays). Semantics: dataset.md 6.6 with the repairs of section 11 (null-safe,
 * ordered comparison with null is false).
 */
#ifndef KTKI_PREDICATE_EVALUATE_H
#define KTKI_PREDICATE_EVALUATE_H

#include "arrow/batch.h"
#include "predicate/predicate.h"

struct bound_predicate;

/**
 * Check every literal against the schema and convert its values to the column's type, once.
 * Dictionary columns count as their value type. Takes a reference to the schema; the predicate may
 * go.
 *
 * Accepted values by column type: dataset.md 6.4, and KTK_VALUE_UNTYPED parsed as the column's
 * type. Float columns accept integers, every column accepts null. A whole number outside the range
 * of its column is no error: it is below or above all of them.
 * @return KTK_E_NOT_FOUND for an unknown column, KTK_E_INVALID for a value that does not fit,
 * KTK_E_UNSUPPORTED for nested columns.
 */
ktk_status ktki_predicate_bind(struct bound_predicate **out, ktk_context *context,
                               const ktk_predicate *predicate, struct schema *schema,
                               ktk_error *err);
void ktki_bound_free(struct bound_predicate *bound);

/** Marks (true) every schema field that occurs in the predicate; `marks` has field_count entries
 * and is or-ed into. */
void ktki_bound_columns(const struct bound_predicate *bound, bool *marks);

/**
 * What is known of a predicate once some columns have constant values: per conjunction, decided
 * false, or the literals on the other columns left. `constants` has field_count entries: a one-row
 * array of that field's type, or NULL if not constant. The result borrows from `bound` (which must
 * outlive it): `*out` NULL means true for every row (nothing left to filter);
 * `*always_false` true means no row can match (`*out` NULL then, too).
 */
ktk_status ktki_bound_reduce(struct bound_predicate **out, bool *always_false, ktk_context *context,
                             const struct bound_predicate *bound,
                             const struct ArrowArray *const *constants, ktk_error *err);

/**
 * Evaluate on rows: `mask` gets (row_count + 7) / 8 bytes, bit i set if row i matches. `columns`
 * has field_count entries of the schema that was bound; those that the predicate does not mention
 * may be NULL. A column may have another type than bound if `fields` (same order) says so and it
 * differs only in width, unit, text size or dictionary encoding.
 */
ktk_status ktki_bound_evaluate(const struct bound_predicate *bound,
                               const struct field *const *fields,
                               const struct ArrowArray *const *columns, int64_t row_count,
                               uint8_t *mask, ktk_error *err);

/** The same where columns that the predicate mentions are not known, and NULL: bit i is set unless
 * those that are known rule row i out. */
ktk_status ktki_bound_may_match(const struct bound_predicate *bound,
                                const struct field *const *fields,
                                const struct ArrowArray *const *columns, int64_t row_count,
                                uint8_t *mask, ktk_error *err);

#endif
