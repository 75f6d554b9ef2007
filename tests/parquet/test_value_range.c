#include "support/test.h"

#include <math.h>

#include "parquet/value_range.h"

/* Bounds of the given values, each in a block of its own and in a range of its own that is merged:
 * the hardest way to get to the same result as from one block. */
static bool bounds_of(enum value_order order, size_t width, const void *values, size_t count,
                      struct value_range *range, const uint8_t **min, const uint8_t **max) {
    struct value_range whole;
    struct value_range single;
    struct value_block block = {count, values, NULL, NULL, NULL};
    const uint8_t *whole_min = NULL;
    const uint8_t *whole_max = NULL;
    size_t min_size = 0;
    size_t max_size = 0;
    bool has_bounds;

    ktki_range_init(&whole, order, width);
    ktki_range_add(&whole, &block);
    ktki_range_init(range, order, width);
    for (size_t i = 0; i < count; i++) {
        ktki_range_init(&single, order, width);
        block = (struct value_block){1, (const uint8_t *)values + i * width, NULL, NULL, NULL};
        ktki_range_add(&single, &block);
        ktki_range_merge(range, &single);
    }
    has_bounds = ktki_range_bounds(range, min, &min_size, max, &max_size);
    assert_int_equal(has_bounds,
                     ktki_range_bounds(&whole, &whole_min, &min_size, &whole_max, &max_size));
    if (has_bounds) {
        assert_int_equal(min_size, width);
        assert_int_equal(max_size, width);
        assert_memory_equal(*min, whole_min, width);
        assert_memory_equal(*max, whole_max, width);
    }
    return has_bounds;
}

#define CHECK_BOUNDS(order, type, wanted_min, wanted_max, ...)                                     \
    do {                                                                                           \
        const type values_[] = {__VA_ARGS__};                                                      \
        const type min_wanted_ = (wanted_min);                                                     \
        const type max_wanted_ = (wanted_max);                                                     \
        struct value_range range_;                                                                 \
        const uint8_t *min_ = NULL;                                                                \
        const uint8_t *max_ = NULL;                                                                \
        assert_true(bounds_of((order), sizeof(type), values_, sizeof(values_) / sizeof(type),      \
                              &range_, &min_, &max_));                                             \
        assert_memory_equal(min_, &min_wanted_, sizeof(type));                                     \
        assert_memory_equal(max_, &max_wanted_, sizeof(type));                                     \
    } while (0)

static void numbers_by_their_sign(void **unused) {
    (void)unused;
    CHECK_BOUNDS(ORDER_INT32, int32_t, INT32_MIN, 7, 3, -1, INT32_MIN, 7);
    CHECK_BOUNDS(ORDER_INT64, int64_t, -5, INT64_MAX, -5, INT64_MAX, 0);
    CHECK_BOUNDS(ORDER_UINT32, uint32_t, 3, UINT32_MAX, 3, UINT32_MAX, 7);
    CHECK_BOUNDS(ORDER_UINT64, uint64_t, 0, UINT64_MAX, UINT64_MAX, 0);
    CHECK_BOUNDS(ORDER_BOOL, uint8_t, 0, 1, 1, 0, 1);
    CHECK_BOUNDS(ORDER_BOOL, uint8_t, 1, 1, 1, 1);
}

static void nan_is_no_value(void **unused) {
    const double nans[] = {NAN, -NAN};
    struct value_range range;
    const uint8_t *min = TEST_POISON;
    const uint8_t *max = TEST_POISON;

    (void)unused;
    CHECK_BOUNDS(ORDER_DOUBLE, double, -2.5, 1.0, NAN, 1.0, -2.5, NAN);
    CHECK_BOUNDS(ORDER_FLOAT, float, 1.0F, 1.0F, NAN, 1.0F);
    CHECK_BOUNDS(ORDER_DOUBLE, double, -INFINITY, INFINITY, INFINITY, NAN, -INFINITY);
    CHECK_BOUNDS(ORDER_DOUBLE, double, INFINITY, INFINITY, INFINITY);
    CHECK_BOUNDS(ORDER_FLOAT16, uint16_t, 0xC000, 0x3C00, 0x7E00, 0x3C00, 0xFE01, 0xC000);
    assert_false(bounds_of(ORDER_DOUBLE, 8, nans, 2, &range, &min, &max));
    assert_ptr_equal(min, TEST_POISON);
    assert_ptr_equal(max, TEST_POISON);
}

static void zero_takes_in_both_signs(void **unused) {
    (void)unused;
    CHECK_BOUNDS(ORDER_DOUBLE, double, -0.0, 0.0, 0.0);
    CHECK_BOUNDS(ORDER_DOUBLE, double, -0.0, 0.0, -0.0);
    CHECK_BOUNDS(ORDER_DOUBLE, double, -0.0, 1.0, 0.0, 1.0);
    CHECK_BOUNDS(ORDER_DOUBLE, double, -1.0, 0.0, -0.0, -1.0);
    CHECK_BOUNDS(ORDER_FLOAT, float, -0.0F, 0.0F, 0.0F);
    CHECK_BOUNDS(ORDER_FLOAT16, uint16_t, 0x8000, 0x0000, 0x0000);
    CHECK_BOUNDS(ORDER_FLOAT, float, -3.0F, -1.0F, -1.0F, -3.0F);
}

static void half_precision_by_value(void **unused) {
    (void)unused;
    /* -2, -1, -tiny, 1, 2, infinity */
    CHECK_BOUNDS(ORDER_FLOAT16, uint16_t, 0xC000, 0x4000, 0xBC00, 0x8001, 0xC000, 0x3C00, 0x4000);
    CHECK_BOUNDS(ORDER_FLOAT16, uint16_t, 0xFC00, 0x7C00, 0x7C00, 0xFC00);
}

struct decimal {
    uint8_t bytes[3];
};

static void decimals_by_value(void **unused) {
    (void)unused;
    CHECK_BOUNDS(ORDER_DECIMAL, struct decimal, ((struct decimal){{0x80, 0, 0}}),
                 ((struct decimal){{0x7F, 0xFF, 0xFF}}), {{0x7F, 0xFF, 0xFF}}, {{0, 0, 1}},
                 {{0x80, 0, 0}}, {{0xFF, 0xFF, 0xFF}});
    CHECK_BOUNDS(ORDER_DECIMAL, struct decimal, ((struct decimal){{0xFF, 0xFF, 0xFE}}),
                 ((struct decimal){{0xFF, 0xFF, 0xFF}}), {{0xFF, 0xFF, 0xFF}},
                 {{0xFF, 0xFF, 0xFE}});
}

static uint32_t random_next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static int text_order(const uint8_t *a, uint32_t a_size, const uint8_t *b, uint32_t b_size) {
    for (uint32_t i = 0; i < a_size && i < b_size; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return a_size < b_size ? -1 : a_size > b_size;
}

static void texts_byte_by_byte(void **unused) {
    enum { COUNT = 12 };
    uint8_t text[64];
    uint32_t random = 11;

    (void)unused;
    for (int round = 0; round < 5000; round++) {
        const uint8_t *starts[COUNT];
        uint32_t sizes[COUNT];
        struct value_range range;
        const uint8_t *min = NULL;
        const uint8_t *max = NULL;
        size_t min_size = 0;
        size_t max_size = 0;
        bool has_min = false;
        bool has_max = false;

        for (size_t i = 0; i < sizeof(text); i++) {
            static const uint8_t letters[] = {0, 1, 'a', 0x7F, 0x80, 0xFF};
            text[i] = letters[random_next(&random) % 6 * (random_next(&random) % 3 == 0)];
        }
        ktki_range_init(&range, ORDER_BYTES, 0);
        for (size_t i = 0; i < COUNT; i++) {
            struct value_block block = {1, NULL, &starts[i], &sizes[i], NULL};
            starts[i] = text + random_next(&random) % 40;
            sizes[i] = random_next(&random) % 24;
            ktki_range_add(&range, &block);
        }
        assert_true(ktki_range_bounds(&range, &min, &min_size, &max, &max_size));
        for (size_t i = 0; i < COUNT; i++) {
            int to_min = text_order(starts[i], sizes[i], min, (uint32_t)min_size);
            int to_max = text_order(starts[i], sizes[i], max, (uint32_t)max_size);
            assert_true(to_min >= 0 && to_max <= 0);
            has_min |= to_min == 0;
            has_max |= to_max == 0;
        }
        assert_true(has_min && has_max);
    }
}

static void a_long_bound_drops_both(void **unused) {
    static uint8_t text[RANGE_BYTES_MAX + 1];
    const uint8_t *starts[] = {text, text + 1};
    uint32_t sizes[] = {1, RANGE_BYTES_MAX};
    struct value_block block = {2, NULL, starts, sizes, NULL};
    struct value_range range;
    const uint8_t *min = NULL;
    const uint8_t *max = NULL;
    size_t min_size = 0;
    size_t max_size = 0;

    (void)unused;
    ktki_range_init(&range, ORDER_BYTES, 0);
    ktki_range_add(&range, &block);
    assert_true(ktki_range_bounds(&range, &min, &min_size, &max, &max_size));
    assert_int_equal(max_size, RANGE_BYTES_MAX);
    starts[1] = text;
    sizes[1] = RANGE_BYTES_MAX + 1;
    ktki_range_add(&range, &block);
    assert_false(ktki_range_bounds(&range, &min, &min_size, &max, &max_size));
}

static void nothing_has_no_bounds(void **unused) {
    const int64_t value = 1;
    const struct value_block none = {0, (const uint8_t *)&value, NULL, NULL, NULL};
    const struct value_block one = {1, (const uint8_t *)&value, NULL, NULL, NULL};
    const uint8_t *min = NULL;
    const uint8_t *max = NULL;
    size_t min_size = 0;
    size_t max_size = 0;

    (void)unused;
    for (int order = 0; order < ORDER_COUNT; order++) {
        struct value_range range;
        struct value_range other;

        ktki_range_init(&range, (enum value_order)order, 8);
        ktki_range_init(&other, (enum value_order)order, 8);
        ktki_range_add(&range, &none);
        ktki_range_merge(&range, &other);
        assert_false(ktki_range_bounds(&range, &min, &min_size, &max, &max_size));
    }
    {
        struct value_range range;
        ktki_range_init(&range, ORDER_NONE, 8);
        ktki_range_add(&range, &one);
        assert_false(ktki_range_bounds(&range, &min, &min_size, &max, &max_size));
    }
}

static void signed_orders(void **unused) {
    (void)unused;
    assert_true(ktki_order_is_signed(ORDER_BOOL));
    assert_true(ktki_order_is_signed(ORDER_INT32));
    assert_true(ktki_order_is_signed(ORDER_DOUBLE));
    assert_true(ktki_order_is_signed(ORDER_FLOAT16));
    assert_true(ktki_order_is_signed(ORDER_DECIMAL));
    assert_false(ktki_order_is_signed(ORDER_UINT32));
    assert_false(ktki_order_is_signed(ORDER_UINT64));
    assert_false(ktki_order_is_signed(ORDER_BYTES));
    assert_false(ktki_order_is_signed(ORDER_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_by_their_sign),
        cmocka_unit_test(nan_is_no_value),
        cmocka_unit_test(zero_takes_in_both_signs),
        cmocka_unit_test(half_precision_by_value),
        cmocka_unit_test(decimals_by_value),
        cmocka_unit_test(texts_byte_by_byte),
        cmocka_unit_test(a_long_bound_drops_both),
        cmocka_unit_test(nothing_has_no_bounds),
        cmocka_unit_test(signed_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
