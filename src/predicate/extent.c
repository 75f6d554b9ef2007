#include "predicate/extent.h"

#include "base/alloc.h"
#include "base/error.h"
#include "predicate/compare_kernels.h"

/* Longer lists are not compared value by value with the bounds. */
#define LIST_VALUES_MAX 1000

/* In lists that are longer, the bounds of each piece are searched for instead. */
#define COMPARED_VALUES_MAX 8

/* One literal on some extents. Masks have a bit a piece. */
struct extent_task {
    const struct extents *extents;
    const struct kernel *kernel;
    const struct test *test;
    struct kernel_input min;
    struct kernel_input max;
    size_t size;     /* bytes of a mask */
    uint8_t *no_min; /* pieces whose lower bound is not known */
    uint8_t *no_max;
    uint8_t *scratch;
};

static struct kernel_input input_of(const struct extents *extents, const struct ArrowArray *array) {
    struct kernel_input input = {array, &extents->field->type, {0}, extents->count};

    ktki_array_view(array, &extents->field->type, &input.view);
    return input;
}

static void find_unknown(const struct extent_task *task, const struct kernel_input *input,
                         uint8_t *mask) {
    static const union scalar infinity = {.real = __builtin_inf()};

    memset(mask, 0xFF, task->size);
    if (task->kernel->has_nan) {
        task->kernel->compare(input, COMPARE_LE, &infinity, mask);
    }
    for (int64_t i = 0; i < input->count; i++) {
        if (ktki_view_is_null(&input->view, i)) {
            mask[i >> 3] &= (uint8_t)~(1u << (i & 7));
        }
    }
    for (size_t i = 0; i < task->size; i++) {
        mask[i] = (uint8_t)~mask[i];
    }
}

/* Some value may be less than `value`, or equal to it if `or_equal`. */
static void may_be_below(const struct extent_task *task, const union scalar *value, bool or_equal,
                         uint8_t *mask) {
    task->kernel->compare(&task->min, or_equal ? COMPARE_LE : COMPARE_LT, value, mask);
    for (size_t i = 0; i < task->size; i++) {
        mask[i] |= task->no_min[i];
    }
}

static void may_be_above(const struct extent_task *task, const union scalar *value, bool or_equal,
                         uint8_t *mask) {
    task->kernel->compare(&task->max, or_equal ? COMPARE_LT : COMPARE_LE, value, mask);
    for (size_t i = 0; i < task->size; i++) {
        mask[i] = (uint8_t)(~mask[i] | task->no_max[i]);
    }
}

/* Or into `mask`: some value may be `value`. */
static void or_may_equal(const struct extent_task *task, const union scalar *value, uint8_t *mask) {
    uint8_t *below = task->scratch;
    uint8_t *above = task->scratch + task->size;

    may_be_below(task, value, true, below);
    may_be_above(task, value, true, above);
    for (size_t i = 0; i < task->size; i++) {
        mask[i] |= below[i] & above[i];
    }
}

/* One piece alone; `row` is what its input is of. */
static struct kernel_input piece_of(const struct kernel_input *input, int64_t piece,
                                    struct ArrowArray *row) {
    struct kernel_input one = {row, input->type, {0}, 1};

    *row = *input->array;
    row->offset += piece;
    row->length = 1;
    row->null_count = row->null_count == 0 ? 0 : -1;
    ktki_array_view(row, input->type, &one.view);
    return one;
}

static bool is_one(const struct extent_task *task, const struct kernel_input *piece,
                   enum comparison comparison, const union scalar *value) {
    uint8_t mask = 0;

    task->kernel->compare(piece, comparison, value, &mask);
    return (mask & 1) != 0;
}

/* One of the values, which are sorted, may be in the piece: the first one that is not below it is
 * not above it either. */
static bool may_hold_one(const struct extent_task *task, int64_t piece) {
    const struct test *test = task->test;
    struct ArrowArray rows[2];
    struct kernel_input min = piece_of(&task->min, piece, &rows[0]);
    struct kernel_input max = piece_of(&task->max, piece, &rows[1]);
    size_t from = 0;
    size_t to = ktki_bit_get(task->no_min, piece) ? 0 : test->value_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (is_one(task, &min, COMPARE_LE, &test->values[middle])) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return from < test->value_count && (ktki_bit_get(task->no_max, piece) ||
                                        !is_one(task, &max, COMPARE_LT, &test->values[from]));
}

static void may_be_in(const struct extent_task *task, uint8_t *mask) {
    const struct test *test = task->test;

    memset(mask, 0, task->size);
    if (test->value_count <= COMPARED_VALUES_MAX) {
        for (size_t i = 0; i < test->value_count; i++) {
            or_may_equal(task, &test->values[i], mask);
        }
        return;
    }
    for (int64_t i = 0; i < task->extents->count; i++) {
        if (may_hold_one(task, i)) {
            ktki_bit_set(mask, i);
        }
    }
}

/* And into `mask`: some value may be another than `value`. */
static void and_may_differ(const struct extent_task *task, const union scalar *value,
                           uint8_t *mask) {
    uint8_t *min_is = task->scratch;
    uint8_t *max_is = task->scratch + task->size;

    task->kernel->compare(&task->min, COMPARE_EQ, value, min_is);
    task->kernel->compare(&task->max, COMPARE_EQ, value, max_is);
    for (size_t i = 0; i < task->size; i++) {
        mask[i] &= (uint8_t)(~(min_is[i] & max_is[i]) | task->no_min[i] | task->no_max[i]);
    }
}

/* Some value may start with `value`: unless all are before it, or all behind it and what it starts.
 */
static void may_start_with(const struct extent_task *task, const union scalar *value,
                           uint8_t *mask) {
    uint8_t *above = task->scratch;
    uint8_t *starts = task->scratch + task->size;

    may_be_above(task, value, true, above);
    may_be_below(task, value, true, mask);
    task->kernel->compare(&task->min, COMPARE_START, value, starts);
    for (size_t i = 0; i < task->size; i++) {
        mask[i] = (uint8_t)((mask[i] | starts[i]) & above[i]);
    }
}

/* The test may hold for a value that is not null. */
static void may_hold(const struct extent_task *task, uint8_t *mask) {
    const struct test *test = task->test;
    enum test_kind kind = test->kind;
    bool is_short = test->value_count <= LIST_VALUES_MAX;

    memset(mask, 0xFF, task->size);
    switch (kind) {
    case TEST_NEVER:
    case TEST_IS_NULL:
        memset(mask, 0, task->size);
        break;
    case TEST_LT:
    case TEST_LE:
        may_be_below(task, test->values, kind == TEST_LE, mask);
        break;
    case TEST_GT:
    case TEST_GE:
        may_be_above(task, test->values, kind == TEST_GE, mask);
        break;
    case TEST_STARTS_WITH:
        may_start_with(task, test->values, mask);
        break;
    case TEST_EQ:
    case TEST_IN:
        may_be_in(task, mask);
        break;
    case TEST_NE:
    case TEST_NOT_IN:
        for (size_t i = 0; is_short && i < test->value_count; i++) {
            and_may_differ(task, &test->values[i], mask);
        }
        break;
    default:
        break;
    }
}

ktk_status ktki_literal_may_match(const struct bound_literal *literal,
                                  const struct extents *extents, const ktk_allocator *allocator,
                                  uint8_t *mask, ktk_error *err) {
    const struct data_type *type = &extents->field->type;
    const struct kernel *kernel = ktki_kernel(type->id);
    struct extent_task task = {.extents = extents, .kernel = kernel};
    uint8_t *masks = NULL;
    bool of_null;
    ktk_status status = KTK_OK;

    task.size = ktki_bits_size(extents->count);
    if (kernel->value_class != literal->value_class || kernel->compare == NULL ||
        (kernel->value_class == CLASS_DECIMAL && type->scale != literal->scale)) {
        memset(mask, 0xFF, task.size);
        goto out;
    }
    KTKI_TRY(ktki_alloc_array(allocator, task.size, 4, &masks, err));
    task.no_min = masks;
    task.no_max = masks + task.size;
    task.scratch = masks + 2 * task.size;
    task.test = &literal->tests[ktki_test_index(type)];
    task.min = input_of(extents, &extents->min);
    task.max = input_of(extents, &extents->max);
    find_unknown(&task, &task.min, task.no_min);
    find_unknown(&task, &task.max, task.no_max);
    may_hold(&task, mask);
    of_null = ktki_test_of_null(task.test);
    for (size_t i = 0; i < task.size; i++) {
        mask[i] &= extents->may_be_filled[i];
        mask[i] |= of_null ? extents->may_be_null[i] : 0;
    }
out:
    ktki_free_array(allocator, masks, task.size, 4);
    return status;
}
