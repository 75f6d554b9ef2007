#include "support/test.h"

#include "base/alloc.h"

static void gives_aligned_blocks_of_any_size(void **unused) {
    const ktk_allocator *allocator = ktki_alloc_default();
    ktk_error err;

    (void)unused;
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *block = NULL;
        CHECK_OK(ktki_alloc_array(allocator, size, 1, &block, &err));
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % KTK_ALIGNMENT, 0);
        memset(block, 0xAA, size);
        ktki_free_array(allocator, block, size, 1);
    }
}

static void zeroes_on_request(void **unused) {
    uint64_t *block = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_alloc_zeroed(test_allocator(), 1000, sizeof(*block), &block, &err));
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(block[i], 0);
    }
    ktki_free_array(test_allocator(), block, 1000, sizeof(*block));
}

static void resizes_and_keeps_the_content(void **unused) {
    static const size_t counts[] = {1, 10, 1000, 20, 1};
    const ktk_allocator *allocators[] = {ktki_alloc_default(), test_allocator()};
    ktk_error err;

    (void)unused;
    for (size_t a = 0; a < 2; a++) {
        uint32_t *block = NULL;
        size_t count = 0;
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            size_t kept = count < counts[i] ? count : counts[i];
            CHECK_OK(
                ktki_resize_array(allocators[a], &block, count, counts[i], sizeof(*block), &err));
            for (size_t k = 0; k < kept; k++) {
                assert_int_equal(block[k], k);
            }
            count = counts[i];
            for (size_t k = 0; k < count; k++) {
                block[k] = (uint32_t)k;
            }
        }
        ktki_free_array(allocators[a], block, count, sizeof(*block));
    }
}

static void refuses_sizes_that_overflow(void **unused) {
    int64_t live = test_allocator_live();
    void *block = TEST_POISON;
    char *text = TEST_POISON;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_alloc_array(test_allocator(), SIZE_MAX / 4, 8, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_alloc_array(test_allocator(), SIZE_MAX, 1, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_alloc_zeroed(test_allocator(), SIZE_MAX / 2 + 1, 2, &block, &err),
                 KTK_E_LIMIT);
    CHECK_STATUS(ktki_copy_text(test_allocator(), "a", SIZE_MAX, &text, &err), KTK_E_LIMIT);
    assert_true(block == TEST_POISON);
    assert_true(text == TEST_POISON);
    assert_int_equal(test_allocator_live(), live);
}

static void *refuse(void *state, void *block, size_t old_size, size_t new_size) {
    (void)block;
    (void)old_size;
    (void)new_size;
    ++*(int *)state;
    return NULL;
}

static void leaves_outputs_alone_without_memory(void **unused) {
    int calls = 0;
    const ktk_allocator none = {refuse, &calls};
    void *block = TEST_POISON;
    char *text = TEST_POISON;
    int kept = 7;
    void *resized = &kept;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_alloc_array(&none, 3, 8, &block, &err), KTK_E_NO_MEMORY);
    CHECK_MESSAGE("24 bytes");
    CHECK_STATUS(ktki_alloc_zeroed(&none, 0, 8, &block, &err), KTK_E_NO_MEMORY);
    CHECK_STATUS(ktki_copy_text(&none, "abc", 3, &text, &err), KTK_E_NO_MEMORY);
    CHECK_STATUS(ktki_resize_array(&none, &resized, 1, 2, sizeof(int), &err), KTK_E_NO_MEMORY);
    assert_true(block == TEST_POISON);
    assert_true(text == TEST_POISON);
    assert_ptr_equal(resized, &kept);
    assert_int_equal(calls, 4);
}

static void copies_texts(void **unused) {
    int64_t live = test_allocator_live();
    char *text = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_copy_text(test_allocator(), "partition", 4, &text, &err));
    assert_string_equal(text, "part");
    ktki_free_text(test_allocator(), text);
    CHECK_OK(ktki_copy_text(test_allocator(), NULL, 0, &text, &err));
    assert_string_equal(text, "");
    ktki_free_text(test_allocator(), text);
    ktki_free_text(test_allocator(), NULL);
    ktki_free_array(test_allocator(), NULL, 5, 8);
    assert_int_equal(test_allocator_live(), live);
}

static void makes_and_deletes_objects(void **unused) {
    int64_t live = test_allocator_live();
    struct {
        int64_t a;
        char b[100];
    } *object = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(KTKI_NEW(test_allocator(), &object, &err));
    assert_int_equal(object->a, 0);
    assert_int_equal(object->b[99], 0);
    assert_int_equal(test_allocator_live(), live + 1);
    KTKI_DELETE(test_allocator(), object);
    assert_int_equal(test_allocator_live(), live);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_blocks_of_any_size),
        cmocka_unit_test(zeroes_on_request),
        cmocka_unit_test(resizes_and_keeps_the_content),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(leaves_outputs_alone_without_memory),
        cmocka_unit_test(copies_texts),
        cmocka_unit_test(makes_and_deletes_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
