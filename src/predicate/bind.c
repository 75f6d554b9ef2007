#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "predicate/convert.h"

#define MESSAGE_VALUE_BYTES_MAX 60

/* Half of the slots or more are free, so sixteen bits or more come on each number. */
#define FILTER_BITS_PER_SLOT 16

/* ---- sets ---- */

ktk_status ktki_number_set_init(struct number_set *out, struct arena *arena, size_t count,
                                ktk_error *err) {
    struct number_set set = {.slot_count = 4};
    ktk_status status = KTK_OK;

    while (set.slot_count / 2 < count) {
        set.slot_count *= 2;
    }
    set.filter_bits = set.slot_count * FILTER_BITS_PER_SLOT;
    KTKI_TRY(ktki_arena_zeroed(arena, set.slot_count, sizeof(*set.slots), &set.slots, err));
    KTKI_TRY(ktki_arena_zeroed(arena, set.filter_bits / 64, sizeof(*set.filter), &set.filter, err));
    *out = set;
out:
    return status;
}

void ktki_number_set_add(struct number_set *set, uint64_t number) {
    size_t hash = ktki_number_hash(number);
    size_t bit = hash & (set->filter_bits - 1);
    size_t slot = hash & (set->slot_count - 1);

    set->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    if (number == 0) {
        set->has_zero = true;
        return;
    }
    while (set->slots[slot] != 0 && set->slots[slot] != number) {
        slot = (slot + 1) & (set->slot_count - 1);
    }
    set->slots[slot] = number;
}

static ktk_status fill_numbers(struct test *test, struct arena *arena, bool are_doubles,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_number_set_init(&test->numbers, arena, test->value_count, err));
    for (size_t i = 0; i < test->value_count; i++) {
        ktki_number_set_add(&test->numbers, are_doubles ? ktki_double_bits(test->values[i].real)
                                                        : test->values[i].unsigned_integer);
    }
out:
    return status;
}

static ktk_status fill_texts(struct test *test, struct arena *arena, bool are_wide,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(arena, 1, sizeof(*test->texts), &test->texts, err));
    ktki_hash_map_init(test->texts, arena->allocator);
    for (size_t i = 0; i < test->value_count; i++) {
        const union scalar *value = &test->values[i];
        const void *data = are_wide ? (const void *)value->wide.limbs : value->bytes.data;
        size_t size = are_wide ? sizeof(value->wide) : value->bytes.size;
        uint64_t *place;

        KTKI_TRY(ktki_hash_map_insert(test->texts, data, size, 1, &place, NULL, err));
    }
out:
    return status;
}

static ktk_status fill_set(struct test *test, struct arena *arena, enum value_class value_class,
                           ktk_error *err) {
    if (value_class == CLASS_BYTES || value_class == CLASS_DECIMAL) {
        return fill_texts(test, arena, value_class == CLASS_DECIMAL, err);
    }
    return fill_numbers(test, arena, value_class == CLASS_FLOAT, err);
}

/* ---- order ---- */

static int compare_integers(const void *a, const void *b) {
    int64_t left = ((const union scalar *)a)->integer;
    int64_t right = ((const union scalar *)b)->integer;

    return (left > right) - (left < right);
}

static int compare_unsigned(const void *a, const void *b) {
    uint64_t left = ((const union scalar *)a)->unsigned_integer;
    uint64_t right = ((const union scalar *)b)->unsigned_integer;

    return (left > right) - (left < right);
}

static int compare_reals(const void *a, const void *b) {
    double left = ((const union scalar *)a)->real;
    double right = ((const union scalar *)b)->real;

    return (left > right) - (left < right);
}

static int compare_bytes(const void *a, const void *b) {
    const union scalar *left = a;
    const union scalar *right = b;
    size_t left_size = left->bytes.size;
    size_t right_size = right->bytes.size;
    size_t size = left_size < right_size ? left_size : right_size;
    int order = size == 0 ? 0 : memcmp(left->bytes.data, right->bytes.data, size);

    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}

static int compare_decimals(const void *a, const void *b) {
    return ktki_wide_compare(&((const union scalar *)a)->wide, &((const union scalar *)b)->wide);
}

/* In the order that the kernels compare in. No NaN is among them: it counts as null. */
static void sort_values(union scalar *values, size_t count, enum value_class value_class) {
    int (*compare)(const void *, const void *) = value_class == CLASS_UNSIGNED  ? compare_unsigned
                                                 : value_class == CLASS_FLOAT   ? compare_reals
                                                 : value_class == CLASS_BYTES   ? compare_bytes
                                                 : value_class == CLASS_DECIMAL ? compare_decimals
                                                                                : compare_integers;

    if (count > 1) {
        qsort(values, count, sizeof(*values), compare);
    }
}

/* ---- literals ---- */

/* What a comparison asks of values that are not null, given where its own value lies among them. A
 * value between two neighbours is told by the lower one: `< 2.5` is `<= 2` on whole numbers. */
static const enum test_kind kinds[][KTK_OP_GE + 1] = {
    [PLACE_AT] = {TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE},
    [PLACE_ABOVE] = {TEST_NEVER, TEST_ALWAYS, TEST_LE, TEST_LE, TEST_GT, TEST_GT},
    [PLACE_BELOW_ALL] = {TEST_NEVER, TEST_ALWAYS, TEST_NEVER, TEST_NEVER, TEST_IS_NOT_NULL,
                         TEST_IS_NOT_NULL},
    [PLACE_ABOVE_ALL] = {TEST_NEVER, TEST_ALWAYS, TEST_IS_NOT_NULL, TEST_IS_NOT_NULL, TEST_NEVER,
                         TEST_NEVER},
    [PLACE_NULL] = {TEST_IS_NULL, TEST_IS_NOT_NULL, TEST_NEVER, TEST_NEVER, TEST_NEVER, TEST_NEVER},
};

static const char *const value_kind_names[] = {
    [KTK_VALUE_NULL] = "null",
    [KTK_VALUE_BOOL] = "a bool",
    [KTK_VALUE_INT] = "an integer",
    [KTK_VALUE_UINT] = "an integer",
    [KTK_VALUE_FLOAT] = "a float",
    [KTK_VALUE_TEXT] = "the text",
    [KTK_VALUE_BINARY] = "bytes",
    [KTK_VALUE_DATE] = "a date",
    [KTK_VALUE_TIMESTAMP] = "a timestamp",
    [KTK_VALUE_UNTYPED] = "the value",
};

struct binder {
    struct bound_predicate *bound;
    const struct literal *from;
    const struct field *field; /* dictionaries: the values */
    struct bound_literal *to;
};

static ktk_status fail_misfit(const struct binder *binder, const ktk_value *value, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(binder->bound->context);
    bool has_text = value->kind == KTK_VALUE_TEXT || value->kind == KTK_VALUE_UNTYPED;
    size_t size = value->bytes_size;
    ktk_status status = KTK_OK;
    struct buffer type;

    ktki_buffer_init(&type, allocator, 0);
    KTKI_TRY(ktki_field_type_text(binder->field, &type, err));
    if (size > MESSAGE_VALUE_BYTES_MAX) {
        size = MESSAGE_VALUE_BYTES_MAX;
        while (size > 0 && ((unsigned char)value->bytes[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    status =
        ktk_error_set(err, KTK_E_INVALID, "column '%s' is %.*s: expected %s, not %s%s%.*s%s%s",
                      binder->from->column, (int)type.size, (const char *)type.data,
                      ktki_class_expects(binder->to->value_class), value_kind_names[value->kind],
                      has_text ? " '" : "", has_text ? (int)size : 0, has_text ? value->bytes : "",
                      has_text && size < value->bytes_size ? "…" : "", has_text ? "'" : "");
    ktki_error_about(err, KTK_REASON_LITERAL_TYPE, binder->from->column);
out:
    ktki_buffer_clear(&type);
    return status;
}

/* The predicate may go before what was bound. */
static ktk_status keep_bytes(const struct binder *binder, union scalar *value, ktk_error *err) {
    const char *copy = NULL;
    ktk_status status = KTK_OK;

    if (binder->to->value_class == CLASS_BYTES) {
        KTKI_TRY(ktki_arena_text(&binder->bound->arena, (const char *)value->bytes.data,
                                 value->bytes.size, &copy, err));
        value->bytes.data = (const uint8_t *)copy;
    }
out:
    return status;
}

/* The column of `kinds`. */
static ktk_operator comparison_of(ktk_operator op) {
    if (op == KTK_OP_IS_DISTINCT_FROM) {
        op = KTK_OP_NE;
    }
    return op;
}

static ktk_status bind_one(const struct binder *binder, size_t index, ktk_error *err) {
    /* A start may be shorter than the values of a column of fixed width. */
    static const struct data_type any_width = {.id = TYPE_BINARY};
    const struct literal *from = binder->from;
    bool is_start = from->op == KTK_OP_STARTS_WITH;
    struct test *test = &binder->to->tests[index];
    union scalar *kept = NULL;
    struct placed placed;
    ktk_status status = KTK_OK;

    if (is_start && binder->to->value_class != CLASS_BYTES &&
        binder->to->value_class != CLASS_NULL) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s': '%s' can be asked of texts and binary columns only", from->column,
                  ktki_operator_text(from->op));
    }
    if (!ktki_value_place(&placed, from->values, binder->to->value_class,
                          is_start ? &any_width : &binder->field->type, index)) {
        status = fail_misfit(binder, from->values, err);
        goto out;
    }
    if (placed.place == PLACE_NULL && ktki_operator_refuses_null(from->op)) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "column '%s': '%s' cannot be used with null; use ==, != or in", from->column,
                  ktki_operator_text(from->op));
    }
    test->kind = is_start ? TEST_STARTS_WITH : kinds[placed.place][comparison_of(from->op)];
    if (placed.place == PLACE_AT || placed.place == PLACE_ABOVE) {
        KTKI_TRY(ktki_arena_array(&binder->bound->arena, 1, sizeof(*kept), &kept, err));
        *kept = placed.at;
        KTKI_TRY(keep_bytes(binder, kept, err));
        test->values = kept;
        test->value_count = 1;
    }
out:
    return status;
}

/* Values that the column cannot hold are left out: they are equal to none. */
static ktk_status bind_list(const struct binder *binder, size_t index, ktk_error *err) {
    const struct literal *from = binder->from;
    struct test *test = &binder->to->tests[index];
    union scalar *kept = NULL;
    ktk_status status = KTK_OK;

    test->kind = from->op == KTK_OP_IN ? TEST_IN : TEST_NOT_IN;
    KTKI_TRY(ktki_arena_array(&binder->bound->arena, from->value_count, sizeof(*kept), &kept, err));
    test->values = kept;
    for (size_t i = 0; i < from->value_count; i++) {
        struct placed placed;

        if (!ktki_value_place(&placed, &from->values[i], binder->to->value_class,
                              &binder->field->type, index)) {
            status = fail_misfit(binder, &from->values[i], err);
            goto out;
        }
        if (placed.place == PLACE_AT) {
            kept[test->value_count] = placed.at;
            KTKI_TRY(keep_bytes(binder, &kept[test->value_count], err));
            test->value_count++;
        }
        test->lists_null = test->lists_null || placed.place == PLACE_NULL;
    }
    sort_values(kept, test->value_count, binder->to->value_class);
    KTKI_TRY(fill_set(test, &binder->bound->arena, binder->to->value_class, err));
out:
    return status;
}

static ktk_status fail_unsupported(const struct binder *binder, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer type;

    ktki_buffer_init(&type, ktki_context_allocator(binder->bound->context), 0);
    KTKI_TRY(ktki_field_type_text(binder->field, &type, err));
    status = ktk_error_set(err, KTK_E_UNSUPPORTED, "column '%s' is %.*s: it cannot be compared",
                           binder->from->column, (int)type.size, (const char *)type.data);
out:
    ktki_buffer_clear(&type);
    return status;
}

static ktk_status bind_literal(struct binder *binder, ktk_error *err) {
    const struct schema *schema = binder->bound->schema;
    struct bound_literal *to = binder->to;
    int32_t field = ktki_schema_find(schema, binder->from->column);
    const struct data_type *type;
    ktk_status status = KTK_OK;

    if (field < 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s'", binder->from->column);
    }
    binder->field = &schema->fields[field];
    if (binder->field->type.id == TYPE_DICTIONARY) {
        binder->field = binder->field->dictionary;
    }
    type = &binder->field->type;
    to->field = field;
    to->scale = type->scale;
    to->value_class = ktki_value_class(type->id);
    if (to->value_class == CLASS_NONE || (to->value_class == CLASS_DECIMAL && type->scale < 0)) {
        status = fail_unsupported(binder, err);
        goto out;
    }
    for (size_t i = 0; i < ktki_class_test_count(to->value_class); i++) {
        KTKI_TRY(ktki_operator_takes_list(binder->from->op) ? bind_list(binder, i, err)
                                                            : bind_one(binder, i, err));
    }
out:
    return status;
}

/* ---- predicates ---- */

ktk_status ktki_bound_new(struct bound_predicate **out, ktk_context *context, struct schema *schema,
                          ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct bound_predicate *bound = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &bound, err));
    bound->context = ktk_context_ref(context);
    bound->schema = ktki_schema_ref(schema);
    ktki_arena_init(&bound->arena, allocator);
    *out = bound;
out:
    return status;
}

void ktki_bound_free(struct bound_predicate *bound) {
    ktk_context *context;

    if (bound == NULL) {
        return;
    }
    for (size_t i = 0; i < bound->literal_count; i++) {
        for (size_t j = 0; j < TESTS_MAX; j++) {
            if (bound->literals[i].tests[j].texts != NULL) {
                ktki_hash_map_clear(bound->literals[i].tests[j].texts);
            }
        }
    }
    context = bound->context;
    ktki_schema_free(bound->schema);
    ktki_arena_clear(&bound->arena);
    KTKI_DELETE(ktki_context_allocator(context), bound);
    ktk_context_free(context);
}

static size_t count_literals(const ktk_predicate *predicate) {
    size_t count = 0;

    for (size_t i = 0; i < predicate->conjunction_count; i++) {
        count += predicate->conjunctions[i].literal_count;
    }
    return count;
}

static ktk_status bind_conjunction(struct bound_predicate *bound, size_t index,
                                   struct bound_literal *literals,
                                   const struct conjunction *conjunction, ktk_error *err) {
    struct bound_conjunction *to = &bound->conjunctions[index];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&bound->arena, conjunction->literal_count, sizeof(*to->literals),
                              &to->literals, err));
    to->literal_count = conjunction->literal_count;
    for (size_t i = 0; i < to->literal_count; i++) {
        struct binder binder = {bound, &conjunction->literals[i], NULL, &literals[i]};

        KTKI_TRY(bind_literal(&binder, err));
        to->literals[i] = &literals[i];
    }
out:
    return status;
}

ktk_status ktki_predicate_bind(struct bound_predicate **out, ktk_context *context,
                               const ktk_predicate *predicate, struct schema *schema,
                               ktk_error *err) {
    struct bound_predicate *bound = NULL;
    struct bound_literal *literals;
    ktk_status status = KTK_OK;
    size_t count = count_literals(predicate);

    KTKI_TRY(ktki_bound_new(&bound, context, schema, err));
    KTKI_TRY(ktki_arena_zeroed(&bound->arena, count, sizeof(*literals), &bound->literals, err));
    bound->literal_count = count;
    KTKI_TRY(ktki_arena_zeroed(&bound->arena, predicate->conjunction_count,
                               sizeof(*bound->conjunctions), &bound->conjunctions, err));
    bound->conjunction_count = predicate->conjunction_count;
    literals = bound->literals;
    for (size_t i = 0; i < bound->conjunction_count; i++) {
        const struct conjunction *conjunction = &predicate->conjunctions[i];

        KTKI_TRY(bind_conjunction(bound, i, literals, conjunction, err));
        literals += conjunction->literal_count;
    }
    *out = bound;
    bound = NULL;
out:
    ktki_bound_free(bound);
    return status;
}

void ktki_bound_columns(const struct bound_predicate *bound, bool *marks) {
    for (size_t i = 0; i < bound->conjunction_count; i++) {
        const struct bound_conjunction *conjunction = &bound->conjunctions[i];

        for (size_t j = 0; j < conjunction->literal_count; j++) {
            marks[conjunction->literals[j]->field] = true;
        }
    }
}
