#include "arrow/array.h"

#include "support/test.h"

#include "base/alloc.h"
#include "base/context.h"

static const struct field int64_field = {"n", {.id = TYPE_INT64}, .nullable = true};
static const struct field text_field = {"s", {.id = TYPE_STRING}, .nullable = true};

/* Stands for a producer that lends static memory. */
static void release_nothing(struct ArrowArray *array) {
    array->release = NULL;
}

/* An int64 array 10, null, 30. */
static void make_numbers(struct ArrowArray *out, ktk_context *context) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct array_buffer buffers[2] = {{NULL, 1}, {NULL, 24}};
    const int64_t values[] = {10, 20, 30};
    ktk_error err;

    CHECK_OK(ktki_alloc_array(allocator, 1, 1, &buffers[0].data, &err));
    CHECK_OK(ktki_alloc_array(allocator, 24, 1, &buffers[1].data, &err));
    *(uint8_t *)buffers[0].data = 0x5;
    memcpy(buffers[1].data, values, sizeof(values));
    CHECK_OK(ktki_array_wrap(out, context, 3, 1, buffers, 2, NULL, 0, NULL, &err));
}

static void wraps_moves_and_clears(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArray array;
    struct ArrowArray moved;
    struct array_view view;

    (void)unused;
    make_numbers(&array, context);
    ktki_array_move(&array, &moved);
    assert_null(array.release);
    ktki_array_clear(&array);
    ktki_array_view(&moved, &int64_field.type, &view);
    assert_int_equal(view.length, 3);
    assert_false(ktki_view_is_null(&view, 0));
    assert_true(ktki_view_is_null(&view, 1));
    assert_int_equal(((const int64_t *)view.values)[2], 30);
    /* The context's memory outlives the handle of it that the caller gave up. */
    ktk_context_ref(context);
    ktk_context_free(context);
    ktki_array_clear(&moved);
    ktki_array_clear(&moved);
    test_context_free(context);
}

static void lets_children_be_moved_out(void **unused) {
    ktk_context *context = test_context_new(1);
    const struct array_buffer no_validity = {NULL, 0};
    struct ArrowArray children[2];
    struct ArrowArray parent;
    struct ArrowArray child;
    ktk_error err;

    (void)unused;
    make_numbers(&children[0], context);
    make_numbers(&children[1], context);
    CHECK_OK(ktki_array_wrap(&parent, context, 3, 0, &no_validity, 1, children, 2, NULL, &err));
    assert_null(children[0].release);
    child = *parent.children[1];
    parent.children[1]->release = NULL;
    parent.release(&parent);
    assert_null(parent.release);
    assert_int_equal(((const int64_t *)child.buffers[1])[0], 10);
    child.release(&child);
    test_context_free(context);
}

static void counts_and_copies_bits(void **unused) {
    uint8_t from[40];
    uint8_t to[40];
    uint32_t random = 1;

    (void)unused;
    for (size_t i = 0; i < sizeof(from); i++) {
        random = random * 1664525u + 1013904223u;
        from[i] = (uint8_t)(random >> 24);
    }
    for (int64_t start = 0; start < 20; start++) {
        for (int64_t count = 0; count < 200; count += count < 70 ? 1 : 13) {
            int64_t wanted = 0;
            for (int64_t i = 0; i < count; i++) {
                wanted += ktki_bit_get(from, start + i);
            }
            assert_int_equal(ktki_bits_count(from, start, count), wanted);
            for (int64_t at = 0; at < 12; at++) {
                memset(to, 0xA5, sizeof(to));
                ktki_bits_copy(from, start, to, at, count);
                for (int64_t i = 0; i < 320; i++) {
                    bool bit = i < at || i >= at + count ? (0xA5 >> (i & 7) & 1) != 0
                                                         : ktki_bit_get(from, start + i - at);
                    assert_int_equal(ktki_bit_get(to, i), bit);
                }
                ktki_bits_fill(to, at, count, (count & 1) != 0);
                for (int64_t i = 0; i < 320; i++) {
                    bool bit =
                        i < at || i >= at + count ? (0xA5 >> (i & 7) & 1) != 0 : (count & 1) != 0;
                    assert_int_equal(ktki_bit_get(to, i), bit);
                }
            }
        }
    }
}

static void touches_only_bytes_with_wanted_bits(void **unused) {
    (void)unused;
    for (int64_t offset = 0; offset < 8; offset++) {
        for (int64_t count = 1; count < 140; count++) {
            size_t size = ktki_bits_size(offset + count);
            uint8_t *from = (malloc)(size); /* exact: a sanitizer sees any read past it */
            uint8_t *to = (malloc)(size);
            memset(from, 0xFF, size);
            memset(to, 0, size);
            ktki_bits_copy(from, offset, to, offset, count);
            assert_int_equal(ktki_bits_count(to, offset, count), count);
            assert_int_equal(ktki_bits_count(to, 0, offset + count), count);
            (free)(from);
            (free)(to);
        }
    }
}

static void counts_nulls_that_the_array_does_not_say(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArray array;

    (void)unused;
    make_numbers(&array, context);
    array.null_count = -1;
    assert_int_equal(ktki_array_null_count(&array), 1);
    array.offset = 2;
    array.length = 1;
    assert_int_equal(ktki_array_null_count(&array), 0);
    ktki_array_clear(&array);
    test_context_free(context);
}

static void makes_nulls_of_every_type(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (int id = 0; id < TYPE_COUNT; id++) {
        struct field pair[] = {int64_field, text_field};
        struct field entries = {"entries", {.id = TYPE_STRUCT}, .children = pair, .child_count = 2};
        struct field field = {"f", {.id = (enum type_id)id}, .nullable = true};
        struct ArrowArray array;

        if (id == TYPE_FIXED_BINARY || id == TYPE_FIXED_LIST) {
            field.type.width = 3;
        } else if (id == TYPE_INTERVAL) {
            field.type.width = 8;
        } else if (id == TYPE_DICTIONARY) {
            field.type.index = TYPE_INT16;
            field.dictionary = &pair[1];
        }
        if (ktki_type_is_nested((enum type_id)id)) {
            field.children = id == TYPE_STRUCT ? pair : &entries;
            field.child_count = id == TYPE_STRUCT ? 2 : 1;
        }
        CHECK_OK(ktki_array_nulls(&array, context, &field, 11, &err));
        CHECK_OK(ktki_array_check(&array, &field, id != TYPE_DICTIONARY, &err));
        assert_int_equal(array.length, 11);
        assert_int_equal(ktki_array_null_count(&array), 11);
        array.null_count = id == TYPE_NULL ? 11 : -1;
        assert_int_equal(ktki_array_null_count(&array), 11);
        ktki_array_clear(&array);
    }
    test_context_free(context);
}

static void refuses_broken_arrays(void **unused) {
    const int32_t bad_offsets[] = {0, 5, 3, 8};
    const int32_t negative_offsets[] = {-1, 5, 6, 8};
    const char bytes[] = "abcdefgh";
    const void *buffers[] = {NULL, bad_offsets, bytes};
    struct ArrowArray array = {.length = 3, .n_buffers = 3, .buffers = buffers};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_array_check(&array, &text_field, false, &err), KTK_E_INVALID);
    CHECK_MESSAGE("released");
    array.release = release_nothing;
    CHECK_STATUS(ktki_array_check(&array, &text_field, true, &err), KTK_E_INVALID);
    CHECK_MESSAGE("field 's'");
    CHECK_MESSAGE("not ascending");
    CHECK_OK(ktki_array_check(&array, &text_field, false, &err));
    array.offset = 2;
    array.length = 1;
    CHECK_OK(ktki_array_check(&array, &text_field, true, &err));
    array.offset = 0;
    buffers[1] = negative_offsets;
    CHECK_STATUS(ktki_array_check(&array, &text_field, false, &err), KTK_E_INVALID);
    buffers[1] = NULL;
    CHECK_STATUS(ktki_array_check(&array, &text_field, false, &err), KTK_E_INVALID);
    array.length = 0;
    buffers[2] = NULL;
    CHECK_OK(ktki_array_check(&array, &text_field, true, &err));
    array.length = -1;
    CHECK_STATUS(ktki_array_check(&array, &text_field, false, &err), KTK_E_INVALID);
    array.length = 1;
    array.n_buffers = 2;
    CHECK_STATUS(ktki_array_check(&array, &text_field, false, &err), KTK_E_INVALID);
    CHECK_MESSAGE("buffers");
    array.null_count = 1;
    CHECK_STATUS(ktki_array_check(&array, &int64_field, false, &err), KTK_E_INVALID);
    CHECK_MESSAGE("nulls");
    array.null_count = 0;
    CHECK_STATUS(ktki_array_check(&array, &int64_field, false, &err), KTK_E_INVALID);
    CHECK_MESSAGE("missing");
    array.offset = INT64_MAX;
    CHECK_STATUS(ktki_array_check(&array, &int64_field, false, &err), KTK_E_INVALID);
}

static void refuses_indices_out_of_the_dictionary(void **unused) {
    const int8_t indices[] = {0, 1, 2, -1};
    const uint8_t validity[] = {0x7};
    const int64_t values[] = {7, 8};
    const void *value_buffers[] = {NULL, values};
    const void *buffers[] = {validity, indices};
    struct ArrowArray dictionary = {
        .length = 2, .n_buffers = 2, .buffers = value_buffers, .release = release_nothing};
    struct ArrowArray array = {.length = 2,
                               .null_count = -1,
                               .n_buffers = 2,
                               .buffers = buffers,
                               .dictionary = &dictionary,
                               .release = release_nothing};
    struct field value = int64_field;
    struct field field = {"d", {.id = TYPE_DICTIONARY, .index = TYPE_INT8}, .dictionary = &value};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_array_check(&array, &field, true, &err));
    array.length = 3;
    CHECK_STATUS(ktki_array_check(&array, &field, true, &err), KTK_E_INVALID);
    CHECK_MESSAGE("row 2 has index 2 of a dictionary of 2 values");
    dictionary.length = 3;
    array.length = 4; /* the last is null: its index does not matter */
    dictionary.length = 2;
    array.offset = 3;
    array.length = 1;
    CHECK_OK(ktki_array_check(&array, &field, true, &err));
    array.dictionary = NULL;
    CHECK_STATUS(ktki_array_check(&array, &field, false, &err), KTK_E_INVALID);
}

static void survives_every_allocation_failure(void **unused) {
    struct field pair[] = {int64_field, text_field};
    struct field entries = {"entries", {.id = TYPE_STRUCT}, .children = pair, .child_count = 2};
    struct field field = {"m", {.id = TYPE_MAP}, .children = &entries, .child_count = 1};
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArray array = {.private_data = TEST_POISON};
        ktk_error err;
        ktk_status status = ktki_array_nulls(&array, context, &field, 5, &err);

        is_done = status == KTK_OK;
        if (is_done) {
            ktki_array_clear(&array);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(array.private_data, TEST_POISON);
        }
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_moves_and_clears),
        cmocka_unit_test(lets_children_be_moved_out),
        cmocka_unit_test(counts_and_copies_bits),
        cmocka_unit_test(touches_only_bytes_with_wanted_bits),
        cmocka_unit_test(counts_nulls_that_the_array_does_not_say),
        cmocka_unit_test(makes_nulls_of_every_type),
        cmocka_unit_test(refuses_broken_arrays),
        cmocka_unit_test(refuses_indices_out_of_the_dictionary),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
