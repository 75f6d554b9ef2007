#include "support/test.h"

#include "base/alloc.h"
#include "base/memory_bound.h"

static void hands_out_no_more_than_the_bound(void **unused) {
    struct memory_bound bound;
    const ktk_allocator *allocator = &bound.allocator;
    uint8_t *first = NULL;
    uint8_t *second = TEST_POISON;
    ktk_error err;

    (void)unused;
    ktki_memory_bound_init(&bound, test_allocator(), 1000);
    CHECK_OK(ktki_alloc_array(allocator, 600, 1, &first, &err));
    CHECK_STATUS(ktki_alloc_array(allocator, 401, 1, &second, &err), KTK_E_NO_MEMORY);
    assert_int_equal(ktki_memory_bound_explain(&bound, KTK_E_NO_MEMORY, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("more than 1000 bytes");
    assert_int_equal(ktki_memory_bound_explain(&bound, KTK_E_CORRUPT, &err), KTK_E_CORRUPT);
    CHECK_OK(ktki_alloc_array(allocator, 400, 1, &second, &err));
    CHECK_STATUS(ktki_resize_array(allocator, &first, 600, 601, 1, &err), KTK_E_NO_MEMORY);
    /* What is given back can be had again. */
    CHECK_OK(ktki_resize_array(allocator, &first, 600, 100, 1, &err));
    CHECK_OK(ktki_resize_array(allocator, &second, 400, 900, 1, &err));
    ktki_free_array(allocator, second, 900, 1);
    CHECK_OK(ktki_resize_array(allocator, &first, 100, 1000, 1, &err));
    /* By the inner allocator too, but unnoticed. */
    ktki_free_array(test_allocator(), first, 1000, 1);
    CHECK_STATUS(ktki_alloc_array(allocator, 1, 1, &second, &err), KTK_E_NO_MEMORY);
    assert_int_equal(test_allocator_live(), 0);
}

static void *nothing(void *state, void *block, size_t old_size, size_t new_size) {
    (void)state;
    (void)block;
    (void)old_size;
    (void)new_size;
    return NULL;
}

static void want_of_the_inner_allocator_stays_that(void **unused) {
    static const ktk_allocator empty = {nothing, NULL};
    struct memory_bound bound;
    void *block = TEST_POISON;
    ktk_error err;

    (void)unused;
    ktki_memory_bound_init(&bound, &empty, 1000);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(ktki_alloc_array(&bound.allocator, 900, 1, &block, &err), KTK_E_NO_MEMORY);
        assert_int_equal(ktki_memory_bound_explain(&bound, KTK_E_NO_MEMORY, &err), KTK_E_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_no_more_than_the_bound),
        cmocka_unit_test(want_of_the_inner_allocator_stays_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
