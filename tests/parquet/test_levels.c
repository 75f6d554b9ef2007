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

/* ---- lists ---- */

struct fixture {
    struct list_sink list;
    struct validity items;
    uint8_t levels[2][64];
};

static void begin(struct fixture *fixture, int64_t rows, bool is_large) {
    ktk_error err;

    memset(fixture, 0, sizeof(*fixture));
    fixture->list.is_nullable = true;
    fixture->list.item_level = 2;
    fixture->list.definition_max = 3;
    CHECK_OK(ktki_list_init(&fixture->list, test_allocator(), rows, is_large, &err));
    ktki_validity_init(&fixture->items, test_allocator(), 64);
}

static void end(struct fixture *fixture) {
    ktki_list_clear(&fixture->list);
    ktki_validity_clear(&fixture->items);
    assert_int_equal(test_allocator_live(), 0);
}

static ktk_status read(struct fixture *fixture, const uint8_t *repetition, size_t repetition_size,
                       const uint8_t *definition, size_t definition_size, int64_t count,
                       ktk_error *err) {
    const struct level_scratch scratch = {fixture->levels[0], fixture->levels[1]};

    return ktki_levels_list(
        &fixture->list, &fixture->items, ktki_cursor(repetition, repetition_size),
        ktki_cursor(definition, definition_size), count, ktki_kernels(), &scratch, err);
}

/* [[a, null], null, [], [b]] and, on a second page, a continuation [c] of the last list. */
static const uint8_t repetition_1[] = {0x03, 0x02};             /* 0 1 0 0 0 */
static const uint8_t definition_1[] = {0x05, 0x4B, 0x03, 0, 0}; /* 3 2 0 1 3 */
static const uint8_t repetition_2[] = {0x02, 0x01};
static const uint8_t definition_2[] = {0x02, 0x03};

static void assembles_lists(void **unused) {
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    for (int is_large = 0; is_large < 2; is_large++) {
        static const int64_t wanted[] = {0, 2, 2, 2, 4};
        begin(&fixture, 4, is_large != 0);
        CHECK_OK(read(&fixture, repetition_1, sizeof(repetition_1), definition_1,
                      sizeof(definition_1), 5, &err));
        CHECK_OK(read(&fixture, repetition_2, sizeof(repetition_2), definition_2,
                      sizeof(definition_2), 1, &err));
        ktki_list_finish(&fixture.list, &fixture.items);
        assert_int_equal(fixture.list.rows.length, 4);
        assert_int_equal(fixture.list.rows.null_count, 1);
        assert_int_equal(fixture.list.rows.bits[0], 0x0D);
        assert_int_equal(fixture.items.length, 4);
        assert_int_equal(fixture.items.null_count, 1);
        assert_int_equal(fixture.items.bits[0], 0x0D);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(is_large != 0 ? ((int64_t *)fixture.list.offsets)[i]
                                           : ((int32_t *)fixture.list.offsets)[i],
                             wanted[i]);
        }
        end(&fixture);
    }
}

static void refuses_lists_that_do_not_add_up(void **unused) {
    struct fixture fixture;
    ktk_error err;

    (void)unused;
    begin(&fixture, 3, false); /* there are four rows */
    CHECK_STATUS(read(&fixture, repetition_1, sizeof(repetition_1), definition_1,
                      sizeof(definition_1), 5, &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("more rows than the row group");
    end(&fixture);
    begin(&fixture, 4, false); /* a list is continued before one has begun */
    CHECK_STATUS(read(&fixture, repetition_2, sizeof(repetition_2), definition_2,
                      sizeof(definition_2), 1, &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("continue a list");
    end(&fixture);
    begin(&fixture, 4, false);
    fixture.list.definition_max = 2; /* level 3 is out of range */
    CHECK_STATUS(read(&fixture, repetition_1, sizeof(repetition_1), definition_1,
                      sizeof(definition_1), 5, &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("definition levels");
    CHECK_STATUS(read(&fixture, repetition_1, 1, definition_1, sizeof(definition_1), 5, &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("repetition levels");
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_no_bits_without_nulls),
        cmocka_unit_test(takes_bits_of_packed_runs_over),
        cmocka_unit_test(refuses_too_few_or_other_levels),
        cmocka_unit_test(assembles_lists),
        cmocka_unit_test(refuses_lists_that_do_not_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
