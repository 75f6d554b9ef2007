#include "support/test.h"

#include <stdalign.h>

#include "base/arena.h"
#include "base/context.h"

#define BLOCKS 3000

/* Blocks of many sizes, each filled with its number: none overlaps another. */
static void hands_out_blocks_that_do_not_overlap(void **unused) {
    static unsigned char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    int64_t live = test_allocator_live();
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    assert_int_equal(test_allocator_live(), live);
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = i % 100 == 99 ? 10000 : i * 37 % 211;
        blocks[i] = NULL;
        CHECK_OK(ktki_arena_array(&arena, sizes[i], 1, &blocks[i], &err));
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        memset(blocks[i], (int)(i % 256), sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(blocks[i][k], i % 256);
        }
    }
    /* Few blocks of the heap for many of the arena. */
    assert_true(test_allocator_live() - live < 60);
    ktki_arena_clear(&arena);
    assert_int_equal(test_allocator_live(), live);
    assert_int_equal(arena.used_bytes, 0);
}

static void zeroes_on_request_also_after_reuse(void **unused) {
    struct arena arena;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 50; i++) {
            uint64_t *numbers = NULL;
            CHECK_OK(ktki_arena_zeroed(&arena, 100, sizeof(*numbers), &numbers, &err));
            for (int k = 0; k < 100; k++) {
                assert_int_equal(numbers[k], 0);
                numbers[k] = UINT64_MAX;
            }
        }
        ktki_arena_clear(&arena);
    }
}

static void keeps_one_block_when_it_is_reset(void **unused) {
    int64_t live = test_allocator_live();
    struct arena arena;
    unsigned char *first = NULL;
    unsigned char *again = NULL;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    ktki_arena_reset(&arena); /* nothing there yet */
    assert_int_equal(test_allocator_live(), live);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(ktki_arena_array(&arena, 5000, 1, &first, &err));
        memset(first, 1, 5000);
    }
    assert_true(test_allocator_live() > live + 1);
    ktki_arena_reset(&arena);
    assert_int_equal(test_allocator_live(), live + 1);
    assert_int_equal(arena.used_bytes, 0);
    CHECK_OK(ktki_arena_zeroed(&arena, 5000, 1, &again, &err));
    assert_int_equal(again[0], 0);
    assert_int_equal(again[4999], 0);
    assert_int_equal(test_allocator_live(), live + 1);
    assert_int_equal(arena.used_bytes, 5008);
    ktki_arena_clear(&arena);
    assert_int_equal(test_allocator_live(), live);
}

static void copies_texts(void **unused) {
    struct arena arena;
    const char *text = NULL;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_arena_text(&arena, "partition", 4, &text, &err));
    assert_string_equal(text, "part");
    CHECK_OK(ktki_arena_text(&arena, NULL, 0, &text, &err));
    assert_string_equal(text, "");
    ktki_arena_clear(&arena);
}

static void counts_what_it_handed_out(void **unused) {
    struct arena arena;
    void *block = NULL;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_arena_array(&arena, 3, 8, &block, &err));
    CHECK_OK(ktki_arena_array(&arena, 100, 100, &block, &err));
    assert_in_range(arena.used_bytes, 10024, 10024 + 64);
    ktki_arena_clear(&arena);
}

static void refuses_sizes_that_overflow(void **unused) {
    struct arena arena;
    void *block = TEST_POISON;
    const char *text = TEST_POISON;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_STATUS(ktki_arena_array(&arena, SIZE_MAX / 2, 4, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_arena_array(&arena, SIZE_MAX, 1, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_arena_array(&arena, SIZE_MAX - 15, 1, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_arena_zeroed(&arena, SIZE_MAX / 2, 1, &block, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_arena_text(&arena, "a", SIZE_MAX, &text, &err), KTK_E_LIMIT);
    assert_true(block == TEST_POISON);
    assert_true(text == TEST_POISON);
    ktki_arena_clear(&arena);
}

static void survives_allocation_failures(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct arena arena;
        ktk_status status = KTK_OK;
        ktk_error err;

        ktki_arena_init(&arena, ktki_context_allocator(context));
        for (int i = 0; i < 100 && status == KTK_OK; i++) {
            unsigned char *block = TEST_POISON;
            status = ktki_arena_array(&arena, 500, 1, &block, &err);
            if (status == KTK_OK) {
                memset(block, 1, 500);
            } else {
                assert_true(block == TEST_POISON);
            }
        }
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_arena_clear(&arena);
        test_context_free(context);
        assert_true(n < 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_blocks_that_do_not_overlap),
        cmocka_unit_test(zeroes_on_request_also_after_reuse),
        cmocka_unit_test(keeps_one_block_when_it_is_reset),
        cmocka_unit_test(copies_texts),
        cmocka_unit_test(counts_what_it_handed_out),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
