#include "predicate/evaluate.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "predicate/compare_kernels.h"

static size_t mask_size(int64_t count) {
    return ((size_t)count + 7) / 8;
}

/* ---- masks ---- */

static void mask_and(uint8_t *to, const uint8_t *from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] &= from[i];
    }
}

static void mask_or(uint8_t *to, const uint8_t *from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] |= from[i];
    }
}

static void mask_invert(uint8_t *mask, size_t size) {
    for (size_t i = 0; i < size; i++) {
        mask[i] = (uint8_t)~mask[i];
    }
}

static bool mask_is_zero(const uint8_t *mask, size_t size) {
    uint8_t any = 0;

    for (size_t i = 0; i < size; i++) {
        any |= mask[i];
    }
    return any == 0;
}

static void mask_clear_tail(uint8_t *mask, int64_t count) {
    if (count % 8 != 0) {
        mask[count / 8] &= (uint8_t)((1u << (count % 8)) - 1);
    }
}

/* ---- one literal on one array ---- */

/* What a kernel compares, whether its answer is turned round, and whether rows of null are turned
 * round with it: `!= v` is true for null, `> v` is not. */
static const struct test_plan {
    enum comparison comparison;
    bool invert;
    bool invert_null;
} plans[] = {
    [TEST_EQ] = {COMPARE_EQ, false, false},
    [TEST_NE] = {COMPARE_EQ, true, true},
    [TEST_LT] = {COMPARE_LT, false, false},
    [TEST_LE] = {COMPARE_LE, false, false},
    [TEST_GT] = {COMPARE_LE, true, false},
    [TEST_GE] = {COMPARE_LT, true, false},
    [TEST_STARTS_WITH] = {COMPARE_START, false, false},
};

static bool test_is_set(enum test_kind kind) {
    return kind == TEST_IN || kind == TEST_NOT_IN;
}

/* Bit i: row i is not null. `scratch` is as large as `valid`; NULL if the kernel knows no NaN. */
static void find_valid(const struct kernel_input *input, const struct kernel *kernel,
                       uint8_t *valid, uint8_t *scratch) {
    static const union scalar infinity = {.real = __builtin_inf()};
    size_t size = mask_size(input->count);

    if (input->type->id == TYPE_NULL) {
        memset(valid, 0, size);
        return;
    }
    if (input->view.validity == NULL) {
        memset(valid, 0xFF, size);
    } else {
        ktki_bits_copy(input->view.validity, input->view.offset, valid, 0, input->count);
    }
    if (kernel->has_nan) {
        assert(scratch != NULL);
        kernel->compare(input, COMPARE_LE, &infinity, scratch); /* every number but NaN is */
        mask_and(valid, scratch, size);
    }
}

/* Combine what the kernel says of values with which rows are null. */
static void apply_test(const struct kernel_input *input, const struct kernel *kernel,
                       const struct test *test, const uint8_t *valid, uint8_t *mask) {
    size_t size = mask_size(input->count);

    if (test_is_set(test->kind)) {
        if (test->value_count == 0 || kernel->contains == NULL) {
            memset(mask, 0, size);
        } else {
            kernel->contains(input, test, mask);
        }
        mask_and(mask, valid, size);
        for (size_t i = 0; test->lists_null && i < size; i++) {
            mask[i] |= (uint8_t)~valid[i];
        }
        if (test->kind == TEST_NOT_IN) {
            mask_invert(mask, size);
        }
    } else {
        const struct test_plan *plan = &plans[test->kind];

        if (kernel->compare == NULL) {
            memset(mask, 0, size);
        } else {
            kernel->compare(input, plan->comparison, test->values, mask);
        }
        if (plan->invert && !plan->invert_null) {
            mask_invert(mask, size);
        }
        mask_and(mask, valid, size);
        if (plan->invert_null) {
            mask_invert(mask, size);
        }
    }
}

static void evaluate_plain(const struct kernel_input *input, const struct kernel *kernel,
                           const struct test *test, uint8_t *mask, uint8_t *valid) {
    size_t size = mask_size(input->count);

    switch (test->kind) {
    case TEST_NEVER:
        memset(mask, 0, size);
        break;
    case TEST_ALWAYS:
        memset(mask, 0xFF, size);
        break;
    case TEST_IS_NULL:
        find_valid(input, kernel, mask, valid);
        mask_invert(mask, size);
        break;
    case TEST_IS_NOT_NULL:
        find_valid(input, kernel, mask, valid);
        break;
    default:
        find_valid(input, kernel, valid, mask);
        apply_test(input, kernel, test, valid, mask);
        break;
    }
}

bool ktki_test_of_null(const struct test *test) {
    switch (test->kind) {
    case TEST_ALWAYS:
    case TEST_IS_NULL:
    case TEST_NE:
        return true;
    case TEST_IN:
        return test->lists_null;
    case TEST_NOT_IN:
        return !test->lists_null;
    default:
        return false;
    }
}

static ktk_status fail_type(ktk_context *context, const struct field *field, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer type;

    ktki_buffer_init(&type, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_field_type_text(field, &type, err));
    status = ktk_error_set(err, KTK_E_SCHEMA,
                           "column '%s' is stored as %.*s, which is not the type of the table",
                           field->name, (int)type.size, (const char *)type.data);
out:
    ktki_buffer_clear(&type);
    return status;
}

/* `scratch` has mask_size(count) bytes. Dictionaries: each of their values is tested once, rows
 * only look up the answer. */
static ktk_status evaluate_array(const struct bound_literal *literal, ktk_context *context,
                                 const struct field *field, const struct ArrowArray *array,
                                 int64_t count, uint8_t *mask, uint8_t *scratch, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct kernel_input input = {array, &field->type, {0}, count};
    const struct kernel *kernel = ktki_kernel(field->type.id);
    const struct test *test;
    ktk_status status = KTK_OK;
    uint8_t *answers = NULL;
    size_t size = 0;

    if (field->type.id != TYPE_NULL) {
        ktki_array_view(array, &field->type, &input.view);
    }
    if (field->type.id == TYPE_DICTIONARY) {
        int64_t length = array->dictionary->length;
        const struct field *values = field->dictionary;

        size = mask_size(length);
        test = &literal->tests[ktki_test_index(&values->type)];
        KTKI_TRY(ktki_alloc_array(allocator, size, 2, &answers, err));
        if (length > 0) {
            KTKI_TRY(evaluate_array(literal, context, values, array->dictionary, length, answers,
                                    answers + size, err));
        }
        ktki_gather_bits(&input, answers, length, mask);
        find_valid(&input, kernel, scratch, NULL);
        mask_and(mask, scratch, mask_size(count));
        for (size_t i = 0; ktki_test_of_null(test) && i < mask_size(count); i++) {
            mask[i] |= (uint8_t)~scratch[i];
        }
    } else {
        if ((kernel->value_class != literal->value_class && kernel->value_class != CLASS_NULL) ||
            (kernel->value_class == CLASS_DECIMAL && field->type.scale != literal->scale)) {
            status = fail_type(context, field, err);
            goto out;
        }
        test = &literal->tests[ktki_test_index(&field->type)];
        evaluate_plain(&input, kernel, test, mask, scratch);
    }
out:
    ktki_free_array(allocator, answers, size, 2);
    return status;
}

ktk_status ktki_literal_evaluate(const struct bound_literal *literal, ktk_context *context,
                                 const struct field *field, const struct ArrowArray *column,
                                 int64_t row_count, uint8_t *mask, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t size = mask_size(row_count);
    ktk_status status = KTK_OK;
    uint8_t *scratch = NULL;

    assert(column->length >= row_count);
    if (row_count == 0) {
        goto out; /* such arrays may lack their buffers */
    }
    KTKI_TRY(ktki_alloc_array(allocator, size, 1, &scratch, err));
    KTKI_TRY(evaluate_array(literal, context, field, column, row_count, mask, scratch, err));
out:
    ktki_free_array(allocator, scratch, size, 1);
    return status;
}

/* ---- predicates on rows ---- */

/* `is_partial`: columns may be missing, and what is asked of them counts as true. */
static ktk_status evaluate_rows(const struct bound_predicate *bound,
                                const struct field *const *fields,
                                const struct ArrowArray *const *columns, int64_t row_count,
                                bool is_partial, uint8_t *mask, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(bound->context);
    size_t size = mask_size(row_count);
    ktk_status status = KTK_OK;
    uint8_t *any = NULL; /* three masks: of the predicate, a conjunction, a literal */
    uint8_t *all;
    uint8_t *one;

    KTKI_TRY(ktki_alloc_zeroed(allocator, size, 3, &any, err));
    all = any + size;
    one = all + size;
    for (size_t i = 0; i < bound->conjunction_count; i++) {
        const struct bound_conjunction *conjunction = &bound->conjunctions[i];

        memset(all, 0xFF, size);
        mask_clear_tail(all, row_count);
        for (size_t j = 0; j < conjunction->literal_count && !mask_is_zero(all, size); j++) {
            const struct bound_literal *literal = conjunction->literals[j];

            if (is_partial && columns[literal->field] == NULL) {
                continue;
            }
            KTKI_TRY(ktki_literal_evaluate(literal, bound->context, fields[literal->field],
                                           columns[literal->field], row_count, one, err));
            mask_and(all, one, size);
        }
        mask_or(any, all, size);
    }
    memcpy(mask, any, size);
out:
    ktki_free_array(allocator, any, size, 3);
    return status;
}

ktk_status ktki_bound_evaluate(const struct bound_predicate *bound,
                               const struct field *const *fields,
                               const struct ArrowArray *const *columns, int64_t row_count,
                               uint8_t *mask, ktk_error *err) {
    return evaluate_rows(bound, fields, columns, row_count, false, mask, err);
}

ktk_status ktki_bound_may_match(const struct bound_predicate *bound,
                                const struct field *const *fields,
                                const struct ArrowArray *const *columns, int64_t row_count,
                                uint8_t *mask, ktk_error *err) {
    return evaluate_rows(bound, fields, columns, row_count, true, mask, err);
}
