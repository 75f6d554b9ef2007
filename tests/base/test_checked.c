#include "support/test.h"

#include "base/checked.h"

static void adds_and_multiplies_what_fits(void **unused) {
    size_t size = 0;
    int64_t number = 0;

    (void)unused;
    assert_true(ktki_add_size(SIZE_MAX - 5, 5, &size));
    assert_true(size == SIZE_MAX);
    assert_true(ktki_mul_size(SIZE_MAX / 3, 3, &size));
    assert_true(size == SIZE_MAX / 3 * 3);
    assert_true(ktki_mul_size(0, SIZE_MAX, &size));
    assert_int_equal(size, 0);
    assert_true(ktki_add_i64(INT64_MIN, INT64_MAX, &number));
    assert_int_equal(number, -1);
    assert_true(ktki_mul_i64(INT64_MIN, 1, &number));
    assert_true(number == INT64_MIN);
    assert_true(ktki_mul_i64(-3, 4, &number));
    assert_int_equal(number, -12);
}

static void reports_what_does_not_fit(void **unused) {
    size_t size = 77;
    int64_t number = 77;

    (void)unused;
    assert_false(ktki_add_size(SIZE_MAX - 5, 6, &size));
    assert_false(ktki_mul_size(SIZE_MAX / 3 + 1, 3, &size));
    assert_false(ktki_round_up_size(SIZE_MAX - 62, 64, &size));
    assert_false(ktki_add_i64(INT64_MAX, 1, &number));
    assert_false(ktki_add_i64(INT64_MIN, -1, &number));
    assert_false(ktki_mul_i64(INT64_MIN, -1, &number));
    assert_false(ktki_mul_i64(INT64_MAX / 2, 3, &number));
    assert_int_equal(size, 77);
    assert_int_equal(number, 77);
}

static void rounds_up_to_a_unit(void **unused) {
    size_t size = 0;

    (void)unused;
    for (size_t i = 0; i < 300; i++) {
        assert_true(ktki_round_up_size(i, 64, &size));
        assert_int_equal(size, (i + 63) / 64 * 64);
        assert_true(ktki_round_up_size(i, 1, &size));
        assert_int_equal(size, i);
    }
    assert_true(ktki_round_up_size(SIZE_MAX - 63, 64, &size));
    assert_true(size == SIZE_MAX - 63);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_multiplies_what_fits),
        cmocka_unit_test(reports_what_does_not_fit),
        cmocka_unit_test(rounds_up_to_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
