#include "support/test.h"

#include "../arrow/random_arrays.h"
#include "parquet/row_ranges.h"

/* Ranges against sets of rows kept as one byte a row. */

#define ROWS 200

struct row_set {
    bool has[ROWS];
};

static void random_set(struct row_set *set, uint32_t *random) {
    uint32_t run = 1 + random_next(random) % 40;
    bool value = false;

    for (int i = 0; i < ROWS; i++) {
        if (random_next(random) % run == 0) {
            value = !value;
        }
        set->has[i] = value;
    }
}

static void ranges_of(struct row_ranges *ranges, const struct row_set *set) {
    ktk_error err = {0};
    int start = 0;

    for (int i = 0; i <= ROWS; i++) {
        if (i == ROWS || !set->has[i]) {
            CHECK_OK(ktki_ranges_add(ranges, start, i, &err));
            start = i + 1;
        }
    }
}

/* The same rows, and the invariants of the struct. */
static void check(const struct row_ranges *ranges, const struct row_set *set) {
    bool has[ROWS] = {false};
    int64_t row_count = 0;

    for (size_t i = 0; i < ranges->count; i++) {
        assert_true(ranges->items[i].start < ranges->items[i].end);
        assert_true(i == 0 || ranges->items[i - 1].end < ranges->items[i].start);
        for (int64_t row = ranges->items[i].start; row < ranges->items[i].end; row++) {
            has[row] = true;
            row_count++;
        }
    }
    assert_int_equal(ranges->row_count, row_count);
    assert_memory_equal(has, set->has, sizeof(has));
}

struct trio {
    struct row_ranges a;
    struct row_ranges b;
    struct row_ranges out;
};

static void trio_init(struct trio *trio) {
    const ktk_allocator *allocator = test_allocator();

    ktki_ranges_init(&trio->a, allocator);
    ktki_ranges_init(&trio->b, allocator);
    ktki_ranges_init(&trio->out, allocator);
}

static void trio_clear(struct trio *trio) {
    ktki_ranges_clear(&trio->a);
    ktki_ranges_clear(&trio->b);
    ktki_ranges_clear(&trio->out);
    assert_int_equal(test_allocator_live(), 0);
}

static void sets_are_combined_row_by_row(void **unused) {
    uint32_t random = 1;
    struct trio trio;
    ktk_error err = {0};

    (void)unused;
    trio_init(&trio);
    for (int round = 0; round < 2000; round++) {
        struct row_set a;
        struct row_set b;
        struct row_set both;
        struct row_set either;

        random_set(&a, &random);
        random_set(&b, &random);
        for (int i = 0; i < ROWS; i++) {
            both.has[i] = a.has[i] && b.has[i];
            either.has[i] = a.has[i] || b.has[i];
        }
        ktki_ranges_reset(&trio.a);
        ktki_ranges_reset(&trio.b);
        ranges_of(&trio.a, &a);
        ranges_of(&trio.b, &b);
        check(&trio.a, &a);
        ktki_ranges_reset(&trio.out);
        CHECK_OK(ktki_ranges_intersect(&trio.out, &trio.a, &trio.b, &err));
        check(&trio.out, &both);
        ktki_ranges_reset(&trio.out);
        CHECK_OK(ktki_ranges_unite(&trio.out, &trio.a, &trio.b, &err));
        check(&trio.out, &either);
    }
    trio_clear(&trio);
}

static void rows_are_selected_by_mask(void **unused) {
    uint32_t random = 1;
    struct trio trio;
    ktk_error err = {0};

    (void)unused;
    trio_init(&trio);
    for (int round = 0; round < 2000; round++) {
        struct row_set from;
        struct row_set bits;
        struct row_set wanted = {{false}};
        uint8_t mask[ROWS / 8] = {0};
        int number = 0;

        random_set(&from, &random);
        random_set(&bits, &random);
        for (int i = 0; i < ROWS; i++) {
            mask[i / 8] |= (uint8_t)(bits.has[i] << i % 8);
        }
        for (int i = 0; i < ROWS; i++) {
            wanted.has[i] = from.has[i] && bits.has[number];
            number += from.has[i];
        }
        ktki_ranges_reset(&trio.a);
        ranges_of(&trio.a, &from);
        ktki_ranges_reset(&trio.out);
        CHECK_OK(ktki_ranges_select(&trio.out, &trio.a, mask, &err));
        check(&trio.out, &wanted);
    }
    trio_clear(&trio);
}

static void touching_is_having_a_row(void **unused) {
    uint32_t random = 1;
    struct trio trio;

    (void)unused;
    trio_init(&trio);
    for (int round = 0; round < 2000; round++) {
        struct row_set set;
        int start = (int)(random_next(&random) % ROWS);
        int end = start + (int)(random_next(&random) % (uint32_t)(ROWS - start + 1));
        bool wanted = false;

        random_set(&set, &random);
        for (int i = start; i < end; i++) {
            wanted = wanted || set.has[i];
        }
        ktki_ranges_reset(&trio.a);
        ranges_of(&trio.a, &set);
        assert_int_equal(ktki_ranges_touch(&trio.a, start, end), wanted);
    }
    trio_clear(&trio);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_combined_row_by_row),
        cmocka_unit_test(rows_are_selected_by_mask),
        cmocka_unit_test(touching_is_having_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
