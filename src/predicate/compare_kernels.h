/** Comparing the values of one array with a constant: one kernel for each type, chosen by table. */
#ifndef KTKI_PREDICATE_COMPARE_KERNELS_H
#define KTKI_PREDICATE_COMPARE_KERNELS_H

#include "arrow/array.h"
#include "predicate/bound.h"

/** What the other comparisons are made of. COMPARE_START, of CLASS_BYTES only: the value starts
 * with the constant. */
enum comparison { COMPARE_EQ = 0, COMPARE_LT, COMPARE_LE, COMPARE_START };

struct kernel_input {
    const struct ArrowArray *array;
    const struct data_type *type;
    struct array_view view;
    int64_t count; /* rows looked at, from the first */
};

/**
 * Bit i of `mask` says how value i compares; bits of null rows and behind the last row are
 * undefined. Whole bytes are written.
 */
typedef void (*compare_fn)(const struct kernel_input *input, enum comparison comparison,
                           const union scalar *value, uint8_t *mask);

/** Bit i of `mask` says whether value i is in the set of the test. */
typedef void (*contains_fn)(const struct kernel_input *input, const struct test *test,
                            uint8_t *mask);

struct kernel {
    enum value_class value_class;
    compare_fn compare;   /* NULL: no values, or none that can be compared */
    contains_fn contains; /* the same */
    bool has_nan;         /* NaN counts as null */
};

/** Never NULL. */
const struct kernel *ktki_kernel(enum type_id id);

/** Look up dictionary indices: bit i of `mask` becomes bit `index[i]` of `bits`, which has `count`
 * of them; an index outside gives 0. */
void ktki_gather_bits(const struct kernel_input *input, const uint8_t *bits, int64_t count,
                      uint8_t *mask);

#endif
