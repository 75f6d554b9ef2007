#include "support/test.h"

#include "parquet/metadata.h"

/* The bytes are worked out by hand from parquet.thrift and the compact protocol. */

/* Two pages: the second one has only nulls. */
static const uint8_t column_bytes[] = {0x19, 0x21, 2, 1,           /* null_pages */
                                       0x19, 0x28, 2, 'a', 'b', 0, /* min_values */
                                       0x19, 0x28, 1, 'c', 0,      /* max_values */
                                       0x15, 2,                    /* ASCENDING */
                                       0x19, 0x26, 6, 20,          /* null_counts */
                                       0};
static const uint8_t offset_bytes[] = {
    0x19, 0x2C, /* page_locations */
    0x16, 8,    0x15, 0xC8, 1,  0x16, 0,    0,    0x16, 0xD0,
    1,    0x15, 6,    0x16, 14, 0,    0x19, 0x26, 10,   0, /* unencoded bytes */
    0};

static void indices_as_the_format_has_them(void **unused) {
    struct column_index column;
    struct offset_index offset;
    struct arena arena;
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_column_index_decode(&column, &arena, column_bytes, sizeof(column_bytes), &err));
    assert_int_equal(column.page_count, 2);
    assert_false(column.null_pages[0]);
    assert_true(column.null_pages[1]);
    assert_int_equal(column.mins[0].size, 2);
    assert_memory_equal(column.mins[0].data, "ab", 2);
    assert_int_equal(column.maxs[0].size, 1);
    assert_int_equal(column.mins[1].size, 0);
    assert_int_equal(column.boundary_order, ORDER_ASCENDING);
    assert_int_equal(column.null_counts[0], 3);
    assert_int_equal(column.null_counts[1], 10);
    CHECK_OK(ktki_column_index_encode(&column, &out, &err));
    assert_int_equal(out.size, sizeof(column_bytes));
    assert_memory_equal(out.data, column_bytes, sizeof(column_bytes));
    out.size = 0;
    CHECK_OK(ktki_offset_index_decode(&offset, &arena, offset_bytes, sizeof(offset_bytes), &err));
    assert_int_equal(offset.page_count, 2);
    assert_int_equal(offset.pages[0].offset, 4);
    assert_int_equal(offset.pages[0].size, 100);
    assert_int_equal(offset.pages[0].first_row, 0);
    assert_int_equal(offset.pages[1].offset, 104);
    assert_int_equal(offset.pages[1].size, 3);
    assert_int_equal(offset.pages[1].first_row, 7);
    assert_int_equal(offset.text_bytes[0], 5);
    CHECK_OK(ktki_offset_index_encode(&offset, &out, &err));
    assert_int_equal(out.size, sizeof(offset_bytes));
    assert_memory_equal(out.data, offset_bytes, sizeof(offset_bytes));
    ktki_buffer_clear(&out);
    ktki_arena_clear(&arena);
    assert_int_equal(test_allocator_live(), 0);
}

static void what_is_cut_off_is_refused(void **unused) {
    struct column_index *column = TEST_POISON;
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    for (size_t size = 0; size < sizeof(column_bytes); size++) {
        CHECK_STATUS(ktki_column_index_decode(column, &arena, column_bytes, size, &err),
                     KTK_E_CORRUPT);
    }
    for (size_t size = 0; size < sizeof(offset_bytes); size++) {
        CHECK_STATUS(ktki_offset_index_decode(TEST_POISON, &arena, offset_bytes, size, &err),
                     KTK_E_CORRUPT);
    }
    ktki_arena_clear(&arena);
}

static void lists_of_different_lengths_are_refused(void **unused) {
    static const uint8_t one_bound[] = {0x19, 0x21, 2, 1,   0x19, 0x18, 1, 'a',
                                        0x19, 0x28, 1, 'c', 0,    0x15, 2, 0};
    static const uint8_t one_size[] = {0x19, 0x0C, 0x19, 0x16, 10, 0};
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_STATUS(ktki_column_index_decode(TEST_POISON, &arena, one_bound, sizeof(one_bound), &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("2 pages, but 1 lower and 2 upper bounds");
    CHECK_STATUS(ktki_offset_index_decode(TEST_POISON, &arena, one_size, sizeof(one_size), &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("0 pages, but 1 sizes");
    ktki_arena_clear(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indices_as_the_format_has_them),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(lists_of_different_lengths_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
