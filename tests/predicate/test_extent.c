#include "support/test.h"

#include <math.h>

#include "predicate/evaluate.h"
#include "predicate/extent.h"

/* What a literal says of extents, against trying every number between the bounds. */

#define PIECES 60
#define DOMAIN_MIN (-3)
#define DOMAIN_MAX 6
#define LIST_VALUES_MAX 15

struct piece {
    bool has_min;
    bool has_max;
    int32_t min;
    int32_t max;
    bool may_be_null;
    bool may_be_filled;
};

struct pieces {
    int64_t count;
    struct piece items[PIECES];
    int32_t mins[PIECES];
    int32_t maxs[PIECES];
    uint8_t bits[4][PIECES / 8 + 1]; /* validity of both, null, filled */
    const void *buffers[2][2];
    struct extents extents;
};

static const struct field numbers = {.name = "x", .type = {.id = TYPE_INT32}, .nullable = true};

static uint64_t next(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int32_t number(uint64_t *seed) {
    return DOMAIN_MIN + (int32_t)(next(seed) % (DOMAIN_MAX - DOMAIN_MIN + 1));
}

static void make_pieces(struct pieces *pieces, uint64_t *seed) {
    memset(pieces, 0, sizeof(*pieces));
    pieces->count = 1 + (int64_t)(next(seed) % PIECES);
    for (int64_t i = 0; i < pieces->count; i++) {
        int32_t a = number(seed);
        int32_t b = number(seed);
        struct piece piece = {next(seed) % 5 != 0, next(seed) % 5 != 0, a < b ? a : b,
                              a < b ? b : a,       next(seed) % 2 == 0, next(seed) % 5 != 0};

        pieces->items[i] = piece;
        pieces->mins[i] = piece.has_min ? piece.min : 1;
        pieces->maxs[i] = piece.has_max ? piece.max : 1;
        pieces->bits[0][i / 8] |= (uint8_t)(piece.has_min << i % 8);
        pieces->bits[1][i / 8] |= (uint8_t)(piece.has_max << i % 8);
        pieces->bits[2][i / 8] |= (uint8_t)(piece.may_be_null << i % 8);
        pieces->bits[3][i / 8] |= (uint8_t)(piece.may_be_filled << i % 8);
    }
    for (int i = 0; i < 2; i++) {
        pieces->buffers[i][0] = pieces->bits[i];
        pieces->buffers[i][1] = i == 0 ? pieces->mins : pieces->maxs;
    }
    pieces->extents = (struct extents){
        .count = pieces->count,
        .field = &numbers,
        .min = {.length = pieces->count,
                .null_count = -1,
                .n_buffers = 2,
                .buffers = pieces->buffers[0]},
        .max = {.length = pieces->count,
                .null_count = -1,
                .n_buffers = 2,
                .buffers = pieces->buffers[1]},
        .may_be_null = pieces->bits[2],
        .may_be_filled = pieces->bits[3],
    };
}

/* Null is told by `is_null`. */
static bool holds(ktk_operator op, const ktk_value *values, size_t count, int64_t x, bool is_null) {
    bool is_in = false;

    for (size_t i = 0; i < count; i++) {
        is_in = is_in || (is_null ? values[i].kind == KTK_VALUE_NULL
                                  : values[i].kind == KTK_VALUE_INT && values[i].integer == x);
    }
    switch (op) {
    case KTK_OP_EQ:
    case KTK_OP_IN:
        return is_in;
    case KTK_OP_NE:
    case KTK_OP_NOT_IN:
    case KTK_OP_IS_DISTINCT_FROM:
        return !is_in;
    case KTK_OP_LT:
        return !is_null && x < values->integer;
    case KTK_OP_LE:
        return !is_null && x <= values->integer;
    case KTK_OP_GT:
        return !is_null && x > values->integer;
    default:
        return !is_null && x >= values->integer;
    }
}

static bool may_match(const struct piece *piece, ktk_operator op, const ktk_value *values,
                      size_t count) {
    bool may = piece->may_be_null && holds(op, values, count, 0, true);
    int32_t from = piece->has_min ? piece->min : DOMAIN_MIN - 5;
    int32_t to = piece->has_max ? piece->max : DOMAIN_MAX + 5;

    for (int32_t x = from; x <= to && piece->may_be_filled; x++) {
        may = may || holds(op, values, count, x, false);
    }
    return may;
}

static struct bound_predicate *bind(ktk_context *context, const struct field *field,
                                    ktk_operator op, const ktk_value *values, size_t count) {
    ktk_literal literal = {field->name, op, values, count};
    struct bound_predicate *bound = NULL;
    ktk_predicate *predicate = NULL;
    struct schema *schema = NULL;
    size_t one = 1;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = *field;
    CHECK_OK(ktk_predicate_new(&predicate, context, &literal, &one, 1, &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, schema, &err));
    ktk_predicate_free(predicate);
    ktki_schema_free(schema);
    return bound;
}

static void bounds_decide_as_trying_all_numbers_does(void **unused) {
    ktk_context *context = test_context_new(0);
    uint64_t seed = 3;

    (void)unused;
    for (int round = 0; round < 3000; round++) {
        ktk_operator op = (ktk_operator)(next(&seed) % (KTK_OP_IS_DISTINCT_FROM + 1));
        bool is_list = op == KTK_OP_IN || op == KTK_OP_NOT_IN;
        bool is_ordered = op >= KTK_OP_LT && op <= KTK_OP_GE;
        size_t count = is_list ? next(&seed) % (LIST_VALUES_MAX + 1) : 1;
        ktk_value values[LIST_VALUES_MAX] = {{0}};
        struct bound_predicate *bound;
        struct pieces pieces;
        uint8_t mask[PIECES / 8 + 1];
        ktk_error err;

        for (size_t i = 0; i < count; i++) {
            values[i].kind = !is_ordered && next(&seed) % 5 == 0 ? KTK_VALUE_NULL : KTK_VALUE_INT;
            values[i].integer = number(&seed) + (is_list ? (int64_t)(next(&seed) % 11) - 5 : 0);
        }
        bound = bind(context, &numbers, op, values, count);
        make_pieces(&pieces, &seed);
        memset(mask, 0xEE, sizeof(mask));
        CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &pieces.extents,
                                        test_allocator(), mask, &err));
        for (int64_t i = 0; i < pieces.count; i++) {
            /* Several values in a list may be all numbers between the bounds: that is not seen. */
            bool wanted = may_match(&pieces.items[i], op, values, count);
            bool got = ktki_bit_get(mask, i);

            if (got != wanted && (!got || op != KTK_OP_NOT_IN)) {
                fail_msg("round %d, operator %d, piece %d: %d instead of %d", round, (int)op,
                         (int)i, got, wanted);
            }
        }
        ktki_bound_free(bound);
    }
    test_context_free(context);
}

/* ---- starts of texts ---- */

#define WORD_SIZE_MAX 4
#define WORDS 30 /* of up to four letters a and b, without the empty one */

/* The words in the order of their numbers' binary digits: "a", "b", "aa", "ab" and so on. */
static void make_word(int number, char word[WORD_SIZE_MAX + 1]) {
    char digits[WORD_SIZE_MAX + 1];
    int size = 0;

    for (int rest = number + 2; rest > 1; rest /= 2) {
        digits[size++] = rest % 2 ? 'b' : 'a';
    }
    for (int i = 0; i < size; i++) {
        word[i] = digits[size - 1 - i];
    }
    word[size] = '\0';
}

static bool some_word_starts_with(const char *start, const char *min, const char *max) {
    char word[WORD_SIZE_MAX + 1];
    bool any = false;

    for (int i = 0; i < WORDS; i++) {
        make_word(i, word);
        any = any || (strcmp(word, min) >= 0 && strcmp(word, max) <= 0 &&
                      strncmp(word, start, strlen(start)) == 0);
    }
    return any;
}

/* Bounds and starts of up to two letters, against every word of up to four. */
static void bounds_decide_starts_as_trying_all_words_does(void **unused) {
    enum { SHORT_WORDS = 6 };
    static const struct field texts = {.name = "x", .type = {.id = TYPE_STRING}};
    ktk_context *context = test_context_new(0);

    (void)unused;
    for (int i = 0; i < SHORT_WORDS * SHORT_WORDS * SHORT_WORDS; i++) {
        char start[WORD_SIZE_MAX + 1];
        char bounds[2][WORD_SIZE_MAX + 1];
        int32_t offsets[2][2] = {{0, 0}, {0, 0}};
        const void *buffers[2][3];
        const uint8_t all = 0xFF;
        const uint8_t none = 0;
        struct extents extents = {
            .count = 1, .field = &texts, .may_be_null = &all, .may_be_filled = &all};
        struct bound_predicate *bound;
        ktk_value value = {.kind = KTK_VALUE_TEXT, .bytes = start};
        uint8_t mask = 0;
        ktk_error err;

        make_word(i % SHORT_WORDS, start);
        make_word(i / SHORT_WORDS % SHORT_WORDS, bounds[0]);
        make_word(i / SHORT_WORDS / SHORT_WORDS, bounds[1]);
        value.bytes_size = strlen(start);
        for (int j = 0; j < 2; j++) {
            offsets[j][1] = (int32_t)strlen(bounds[j]);
            buffers[j][0] = NULL;
            buffers[j][1] = offsets[j];
            buffers[j][2] = bounds[j];
        }
        extents.min = (struct ArrowArray){.length = 1, .n_buffers = 3, .buffers = buffers[0]};
        extents.max = (struct ArrowArray){.length = 1, .n_buffers = 3, .buffers = buffers[1]};
        bound = bind(context, &texts, KTK_OP_STARTS_WITH, &value, 1);
        CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents,
                                        test_allocator(), &mask, &err));
        if (strcmp(bounds[0], bounds[1]) <= 0 &&
            (mask & 1) != some_word_starts_with(start, bounds[0], bounds[1])) {
            fail_msg("'%s' in '%s' to '%s': got %d", start, bounds[0], bounds[1], mask & 1);
        }
        extents.may_be_filled = &none;
        CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents,
                                        test_allocator(), &mask, &err));
        assert_int_equal(mask & 1, 0);
        ktki_bound_free(bound);
    }
    test_context_free(context);
}

/* Two pieces with bounds out of all words, and ten words in a list, which are few for being found
 * one by one. */
static void bounds_decide_long_lists_of_texts(void **unused) {
    enum { VALUES = 10, ROUNDS = 2000 };
    static const struct field texts = {.name = "x", .type = {.id = TYPE_STRING}};
    ktk_context *context = test_context_new(0);
    const uint8_t all = 0xFF;
    uint64_t seed = 5;

    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        char words[2][2][WORD_SIZE_MAX + 1]; /* of min and max, by piece */
        char values[VALUES][WORD_SIZE_MAX + 1];
        char data[2][2 * WORD_SIZE_MAX + 1];
        int32_t offsets[2][3] = {{0}};
        const void *buffers[2][3];
        ktk_value list[VALUES];
        struct extents extents = {
            .count = 2, .field = &texts, .may_be_null = &all, .may_be_filled = &all};
        struct bound_predicate *bound;
        uint8_t mask = 0;
        ktk_error err;

        for (int i = 0; i < VALUES; i++) {
            make_word((int)(next(&seed) % WORDS), values[i]);
            list[i] = (ktk_value){
                .kind = KTK_VALUE_TEXT, .bytes = values[i], .bytes_size = strlen(values[i])};
        }
        for (int j = 0; j < 2; j++) {
            for (int piece = 0; piece < 2; piece++) {
                make_word((int)(next(&seed) % WORDS), words[j][piece]);
                memcpy(data[j] + offsets[j][piece], words[j][piece], strlen(words[j][piece]));
                offsets[j][piece + 1] = offsets[j][piece] + (int32_t)strlen(words[j][piece]);
            }
            buffers[j][0] = NULL;
            buffers[j][1] = offsets[j];
            buffers[j][2] = data[j];
        }
        extents.min = (struct ArrowArray){.length = 2, .n_buffers = 3, .buffers = buffers[0]};
        extents.max = (struct ArrowArray){.length = 2, .n_buffers = 3, .buffers = buffers[1]};
        bound = bind(context, &texts, KTK_OP_IN, list, VALUES);
        CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents,
                                        test_allocator(), &mask, &err));
        for (int piece = 0; piece < 2; piece++) {
            bool wanted = false;

            for (int i = 0; i < VALUES; i++) {
                wanted = wanted || (strcmp(values[i], words[0][piece]) >= 0 &&
                                    strcmp(values[i], words[1][piece]) <= 0);
            }
            assert_int_equal(mask >> piece & 1, wanted);
        }
        ktki_bound_free(bound);
    }
    test_context_free(context);
}

static void nan_says_nothing(void **unused) {
    static const struct field reals = {.name = "x", .type = {.id = TYPE_FLOAT64}};
    ktk_context *context = test_context_new(0);
    const double mins[] = {1.0, NAN, 1.0, -0.0};
    const double maxs[] = {2.0, NAN, NAN, 0.0};
    const void *buffers[2][2] = {{NULL, mins}, {NULL, maxs}};
    const uint8_t all = 0xFF;
    const ktk_value five = {.kind = KTK_VALUE_FLOAT, .real = 5.0};
    const ktk_value zero = {.kind = KTK_VALUE_FLOAT, .real = 0.0};
    const struct extents extents = {.count = 4,
                                    .field = &reals,
                                    .min = {.length = 4, .n_buffers = 2, .buffers = buffers[0]},
                                    .max = {.length = 4, .n_buffers = 2, .buffers = buffers[1]},
                                    .may_be_null = &all,
                                    .may_be_filled = &all};
    struct bound_predicate *bound = bind(context, &reals, KTK_OP_EQ, &five, 1);
    uint8_t mask = 0;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents, test_allocator(),
                                    &mask, &err));
    assert_int_equal(mask & 0xF, 0x6);
    ktki_bound_free(bound);
    /* Both zeros are one value; NaN is null, which is not 0. */
    bound = bind(context, &reals, KTK_OP_NE, &zero, 1);
    CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents, test_allocator(),
                                    &mask, &err));
    assert_int_equal(mask & 0xF, 0xF);
    ktki_bound_free(bound);
    bound = bind(context, &reals, KTK_OP_GT, &zero, 1);
    CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &extents, test_allocator(),
                                    &mask, &err));
    assert_int_equal(mask & 0xF, 0x7);
    ktki_bound_free(bound);
    test_context_free(context);
}

static void another_kind_of_column_may_hold_anything(void **unused) {
    static const struct field texts = {.name = "x", .type = {.id = TYPE_STRING}};
    ktk_context *context = test_context_new(0);
    const ktk_value value = {.kind = KTK_VALUE_TEXT, .bytes = "a", .bytes_size = 1};
    struct bound_predicate *bound = bind(context, &texts, KTK_OP_EQ, &value, 1);
    struct pieces pieces;
    uint64_t seed = 1;
    uint8_t mask[PIECES / 8 + 1] = {0};
    ktk_error err;

    (void)unused;
    make_pieces(&pieces, &seed);
    CHECK_OK(ktki_literal_may_match(bound->conjunctions[0].literals[0], &pieces.extents,
                                    test_allocator(), mask, &err));
    for (int64_t i = 0; i < pieces.count; i++) {
        assert_true(ktki_bit_get(mask, i));
    }
    ktki_bound_free(bound);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_decide_as_trying_all_numbers_does),
        cmocka_unit_test(bounds_decide_starts_as_trying_all_words_does),
        cmocka_unit_test(bounds_decide_long_lists_of_texts),
        cmocka_unit_test(nan_says_nothing),
        cmocka_unit_test(another_kind_of_column_may_hold_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
