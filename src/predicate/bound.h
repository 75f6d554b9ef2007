/**
 * Literals bound to typed columns. What a literal asks is kept as a test that needs no further look
 * at types: the evaluator of rows and, later, of statistics and index values work on the same
 * tests.
 */
#ifndef KTKI_PREDICATE_BOUND_H
#define KTKI_PREDICATE_BOUND_H

#include "base/hash_map.h"
#include "predicate/evaluate.h"

/** Types that are compared in the same way. */
enum value_class {
    CLASS_NULL = 0,
    CLASS_BOOL,
    CLASS_SIGNED,
    CLASS_UNSIGNED,
    CLASS_FLOAT,
    CLASS_BYTES,     /* text and binary, by bytes */
    CLASS_DATE,      /* test 0: days, 1: milliseconds */
    CLASS_TIME,      /* one test for each time unit */
    CLASS_TIMESTAMP, /* one test for each time unit */
    CLASS_DECIMAL,
    CLASS_NONE, /* nested and others: cannot be compared */
    CLASS_COUNT
};

#define TESTS_MAX 4

/** CLASS_NONE for what no predicate can ask about. */
enum value_class ktki_value_class(enum type_id id);

/** Which of a literal's tests fits a column of that type. */
size_t ktki_test_index(const struct data_type *type);

/** 256 bits, little-endian, two's complement. */
struct wide_integer {
    uint64_t limbs[4];
};

/** A value to compare with; which member, the class says. */
union scalar {
    int64_t integer; /* SIGNED, DATE, TIME, TIMESTAMP, BOOL (0 or 1) */
    uint64_t unsigned_integer;
    double real;
    struct {
        const uint8_t *data;
        size_t size;
    } bytes;
    struct wide_integer wide;
};

enum test_kind {
    TEST_NEVER = 0,
    TEST_ALWAYS,
    TEST_IS_NULL,
    TEST_IS_NOT_NULL,
    TEST_EQ,
    TEST_NE,
    TEST_LT,
    TEST_LE,
    TEST_GT,
    TEST_GE,
    TEST_STARTS_WITH,
    TEST_IN,
    TEST_NOT_IN
};

/**
 * Open-addressing set of 64-bit patterns; 0 marks a free slot and is kept apart. What is asked for
 * is mostly not there, and most of that a bit tells: with one in sixteen set or fewer, the branch
 * on it is foreseen by the processor.
 */
struct number_set {
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    uint64_t *filter;  /* a bit for each hash modulo `filter_bits`, set if a number has it */
    size_t filter_bits;
    bool has_zero;
};

struct test {
    enum test_kind kind;
    bool lists_null;            /* IN, NOT_IN: null is one of the values */
    size_t value_count;         /* IN, NOT_IN: those that the column can hold; else 1 or 0 */
    const union scalar *values; /* IN, NOT_IN: ascending */
    struct number_set numbers;  /* IN, NOT_IN of SIGNED, UNSIGNED, FLOAT, DATE, TIME, TIMESTAMP */
    struct hash_map *texts;     /* IN, NOT_IN of BYTES and DECIMAL */
};

struct bound_literal {
    int32_t field; /* index into the schema */
    enum value_class value_class;
    int32_t scale; /* DECIMAL */
    struct test tests[TESTS_MAX];
};

struct bound_conjunction {
    size_t literal_count;
    const struct bound_literal **literals;
};

struct bound_predicate {
    ktk_context *context;  /* a reference */
    struct schema *schema; /* a reference */
    struct arena arena;
    size_t conjunction_count;
    struct bound_conjunction *conjunctions;
    size_t literal_count; /* those it owns; 0 for what ktki_bound_reduce() made */
    struct bound_literal *literals;
};

/** An empty one; takes references. */
ktk_status ktki_bound_new(struct bound_predicate **out, ktk_context *context, struct schema *schema,
                          ktk_error *err);

/** What the test says of a row of null. */
bool ktki_test_of_null(const struct test *test);

/**
 * Evaluate one literal on a column: `mask` gets (row_count + 7) / 8 bytes; bits behind the last row
 * are undefined.
 */
ktk_status ktki_literal_evaluate(const struct bound_literal *literal, ktk_context *context,
                                 const struct field *field, const struct ArrowArray *column,
                                 int64_t row_count, uint8_t *mask, ktk_error *err);

/* ---- sets ---- */

/** Room for `count` numbers in memory of the arena. */
ktk_status ktki_number_set_init(struct number_set *out, struct arena *arena, size_t count,
                                ktk_error *err);
void ktki_number_set_add(struct number_set *set, uint64_t number);

static inline size_t ktki_number_hash(uint64_t number) {
    return (size_t)((number * 0x9E3779B97F4A7C15u) >> 32);
}

static inline bool ktki_number_set_has(const struct number_set *set, uint64_t number) {
    size_t hash = ktki_number_hash(number);
    size_t bit = hash & (set->filter_bits - 1);
    size_t slot = hash & (set->slot_count - 1);

    if ((set->filter[bit / 64] >> (bit % 64) & 1) == 0) {
        return false;
    }
    if (number == 0) {
        return set->has_zero;
    }
    while (set->slots[slot] != 0 && set->slots[slot] != number) {
        slot = (slot + 1) & (set->slot_count - 1);
    }
    return set->slots[slot] != 0;
}

/** The pattern that stands for a double: one for both zeros. */
static inline uint64_t ktki_double_bits(double value) {
    uint64_t bits;

    value += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

#endif
