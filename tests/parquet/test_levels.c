#include "support/test.h"

#include "arrow/array.h"
#include "parquet/levels.h"

#define FLAT(validity, count, ...)                                                                 \
    ktki_levels_flat(                                                                              \
        (validity), ktki_cursor((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})), \
        (count), &err)

static void keeps_no_bits_without_nulls(void **unused) {
    struct validity validity;
    ktk_error err;

    (void)unused;
    ktki_validity_init(&validity, test_allocator(), 100);
    CHECK_OK(FLAT(&validity, 40, 0x50, 0x01));       /* 40 times 1 */
    CHECK_OK(FLAT(&validity, 12, 0x05, 0xFF, 0x0F)); /* packed, 12 of 16 */
    CHECK_OK(ktki_validity_add(&validity, 48, true, &err));
    assert_int_equal(validity.length, 100);
    assert_int_equal(validity.null_count, 0);
    assert_null(validity.bits);
    assert_int_equal(test_allocator_live(), 0);
    ktki_validity_clear(&validity);
}

static void takes_bits_of_packed_runs_over(void **unused) {
    struct validity validity;
    ktk_error err;

    (void)unused;
    ktki_validity_init(&validity, test_allocator(), 40);
    CHECK_OK(FLAT(&validity, 5, 0x0A, 0x01)); /* 5 valid */
    CHECK_OK(
        FLAT(&validity, 19, 0x03, 0xB2, 0x06, 0x00, 0x10, 0x01)); /* packed 8, 3 null, 8 valid */
    CHECK_OK(ktki_validity_add(&validity, 2, false, &err));
    assert_int_equal(validity.length, 26);
    assert_int_equal(validity.null_count, 4 + 3 + 2);
    /* 11111 01001101 000 11111111 00, least significant first, the rest zero. */
    assert_memory_equal(validity.bits, ((uint8_t[]){0x5F, 0x16, 0xFF, 0x00, 0x00}), 5);
    ktki_validity_clear(&validity);
    assert_int_equal(test_allocator_live(), 0);
}

static void refuses_too_few_or_other_levels(void **unused) {
    struct validity validity;
    ktk_error err;

    (void)unused;
    ktki_validity_init(&validity, test_allocator(), 100);
    CHECK_STATUS(FLAT(&validity, 6, 0x0A, 0x01), KTK_E_CORRUPT);
    CHECK_MESSAGE("definition levels");
    CHECK_STATUS(FLAT(&validity, 5, 0x0A, 0x02), KTK_E_CORRUPT);
    CHECK_STATUS(FLAT(&validity, 9, 0x05, 0xFF), KTK_E_CORRUPT);
    ktki_validity_clear(&validity);
}

/* ---- as bytes ---- */

static bool next_levels(struct level_reader *reader, const uint8_t *wanted, size_t count) {
    if (!ktki_levels_next(reader, count, ktki_kernels())) {
        return false;
    }
    assert_memory_equal(reader->levels, wanted, count);
    return true;
}

/* Three times 2, then packed 0 1 2 3 0 1 2 3 and 3 2 1 0 3 2 1 0, then 5 times 1. */
static const uint8_t mixed[] = {0x06, 0x02, 0x05, 0xE4, 0xE4, 0x1B, 0x1B, 0x0A, 0x01};
static const uint8_t mixed_levels[] = {2, 2, 2, 0, 1, 2, 3, 0, 1, 2, 3, 3,
                                       2, 1, 0, 3, 2, 1, 0, 1, 1, 1, 1, 1};

static void unpacks_levels_in_blocks_of_any_size(void **unused) {
    static struct level_reader reader;

    (void)unused;
    for (size_t size = 1; size <= sizeof(mixed_levels); size++) {
        ktki_levels_begin(&reader, ktki_cursor(mixed, sizeof(mixed)), 3);
        for (size_t done = 0; done < sizeof(mixed_levels); done += size) {
            size_t left = sizeof(mixed_levels) - done;
            assert_true(next_levels(&reader, mixed_levels + done, left < size ? left : size));
        }
        assert_false(ktki_levels_next(&reader, 1, ktki_kernels()));
    }
}

static void refuses_levels_above_the_maximum(void **unused) {
    static struct level_reader reader;

    (void)unused;
    ktki_levels_begin(&reader, ktki_cursor(mixed, sizeof(mixed)), 2);
    assert_true(next_levels(&reader, mixed_levels, 6)); /* the 3 that follows is not taken yet */
    assert_false(ktki_levels_next(&reader, 1, ktki_kernels()));
    ktki_levels_begin(&reader, ktki_cursor((const uint8_t[]){0x06, 0x03}, 2), 2);
    assert_false(ktki_levels_next(&reader, 1, ktki_kernels()));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_no_bits_without_nulls),
        cmocka_unit_test(takes_bits_of_packed_runs_over),
        cmocka_unit_test(refuses_too_few_or_other_levels),
        cmocka_unit_test(unpacks_levels_in_blocks_of_any_size),
        cmocka_unit_test(refuses_levels_above_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
