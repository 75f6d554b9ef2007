#include "arrow/builder.h"

#include "support/test.h"

#include <math.h>

static struct field of_type(enum type_id id) {
    return (struct field){.name = "x", .type = {.id = id}, .nullable = true};
}

static void builds_integers_with_nulls(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field field = of_type(TYPE_INT16);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    for (int round = 0; round < 2; round++) { /* the builder may be used again */
        for (int i = 0; i < 100; i++) {
            CHECK_OK(i % 3 == 1 ? ktki_builder_append_null(&builder, &err)
                                : ktki_builder_append_i64(&builder, -i, &err));
        }
        CHECK_OK(ktki_builder_finish(&builder, &array, &err));
        CHECK_OK(ktki_array_check(&array, &field, true, &err));
        assert_int_equal(array.length, 100);
        assert_int_equal(array.null_count, 33);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(ktki_bit_get(array.buffers[0], i), i % 3 != 1);
            assert_int_equal(((const int16_t *)array.buffers[1])[i], i % 3 == 1 ? 0 : -i);
        }
        ktki_array_clear(&array);
    }
    ktki_builder_clear(&builder);
    ktki_builder_clear(&builder);
    test_context_free(context);
}

static void refuses_integers_that_do_not_fit(void **unused) {
    static const struct {
        enum type_id id;
        int64_t fits[2];
        int64_t fails[2];
    } cases[] = {
        {TYPE_BOOL, {0, 1}, {-1, 2}},
        {TYPE_INT8, {-128, 127}, {-129, 128}},
        {TYPE_UINT8, {0, 255}, {-1, 256}},
        {TYPE_INT32, {INT32_MIN, INT32_MAX}, {INT64_C(-2147483649), INT64_C(2147483648)}},
        {TYPE_UINT32, {0, UINT32_MAX}, {-1, INT64_C(4294967296)}},
        {TYPE_DATE32, {INT32_MIN, INT32_MAX}, {INT64_MIN, INT64_MAX}},
    };
    ktk_context *context = test_context_new(1);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct field field = of_type(cases[i].id);
        CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
        for (int j = 0; j < 2; j++) {
            CHECK_OK(ktki_builder_append_i64(&builder, cases[i].fits[j], &err));
            CHECK_STATUS(ktki_builder_append_i64(&builder, cases[i].fails[j], &err), KTK_E_INVALID);
        }
        CHECK_STATUS(ktki_builder_append_u64(&builder, UINT64_MAX, &err), KTK_E_INVALID);
        CHECK_MESSAGE("'18446744073709551615'");
        CHECK_STATUS(ktki_builder_append_f64(&builder, 1.0, &err), KTK_E_INVALID);
        CHECK_STATUS(ktki_builder_append_bytes(&builder, "1", 1, &err), KTK_E_INVALID);
        CHECK_OK(ktki_builder_finish(&builder, &array, &err));
        assert_int_equal(array.length, 2);
        ktki_array_clear(&array);
        ktki_builder_clear(&builder);
    }
    test_context_free(context);
}

static void takes_unsigned_integers_of_64_bits(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field field = of_type(TYPE_UINT64);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_u64(&builder, UINT64_MAX, &err));
    CHECK_OK(ktki_builder_append_i64(&builder, 5, &err));
    CHECK_STATUS(ktki_builder_append_i64(&builder, -5, &err), KTK_E_INVALID);
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    assert_null(array.buffers[0]);
    assert_true(((const uint64_t *)array.buffers[1])[0] == UINT64_MAX);
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);
    test_context_free(context);
}

static void builds_text(void **unused) {
    static const enum type_id ids[] = {TYPE_STRING, TYPE_LARGE_STRING, TYPE_BINARY,
                                       TYPE_LARGE_BINARY};
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct field field = of_type(ids[i]);
        struct array_builder builder;
        struct ArrowArray array;
        const uint8_t *data;
        size_t size;

        CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
        CHECK_OK(ktki_builder_append_bytes(&builder, "ab", 2, &err));
        CHECK_OK(ktki_builder_append_null(&builder, &err));
        CHECK_OK(ktki_builder_append_bytes(&builder, "", 0, &err));
        CHECK_OK(ktki_builder_append_bytes(&builder, "c\0d", 3, &err));
        CHECK_OK(ktki_builder_finish(&builder, &array, &err));
        CHECK_OK(ktki_array_check(&array, &field, true, &err));
        assert_int_equal(array.null_count, 1);
        ktki_array_bytes(&array, &field.type, 3, &data, &size);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "c\0d", 3);
        ktki_array_bytes(&array, &field.type, 2, &data, &size);
        assert_int_equal(size, 0);
        ktki_array_clear(&array);
        /* Empty arrays have all their buffers. */
        CHECK_OK(ktki_builder_finish(&builder, &array, &err));
        assert_non_null(array.buffers[1]);
        assert_non_null(array.buffers[2]);
        CHECK_OK(ktki_array_check(&array, &field, true, &err));
        ktki_array_clear(&array);
        ktki_builder_clear(&builder);
    }
    test_context_free(context);
}

static void builds_values_of_exact_width(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field field = of_type(TYPE_FIXED_BINARY);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    field.type.width = 3;
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_STATUS(ktki_builder_append_bytes(&builder, "ab", 2, &err), KTK_E_INVALID);
    CHECK_OK(ktki_builder_append_null(&builder, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, "abc", 3, &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    assert_memory_equal((const char *)array.buffers[1] + 3, "abc", 3);
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);
    test_context_free(context);
}

/* Expectations from IEEE 754: the largest half is 65504, its smallest subnormal 2^-24. */
static void rounds_floats_to_the_nearest(void **unused) {
    static const struct {
        double value;
        uint16_t half;
    } halves[] = {
        {0.0, 0},
        {-0.0, 0x8000},
        {1.0, 0x3C00},
        {-2.0, 0xC000},
        {65504.0, 0x7BFF},
        {0.1, 0x2E66},
        {1.0 / 3, 0x3555},
        {6.103515625e-05, 0x0400},       /* smallest normal */
        {6.097555160522461e-05, 0x03FF}, /* largest subnormal */
        {5.9604644775390625e-08, 1},     /* smallest subnormal */
        {2.98023223876953125e-08, 0},    /* half of it: to even */
        {2.9802322387695316e-08, 1},     /* a little more */
        {8.94069671630859375e-08, 2},    /* 1.5 times: to even */
        {1e-30, 0},
        {2049.0, 0x6800}, /* between 2048 and 2050: to even */
        {2051.0, 0x6802},
        {HUGE_VAL, 0x7C00},
        {-HUGE_VAL, 0xFC00},
    };
    ktk_context *context = test_context_new(1);
    struct field field = of_type(TYPE_FLOAT16);
    size_t count = sizeof(halves) / sizeof(halves[0]);
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(ktki_builder_append_f64(&builder, halves[i].value, &err));
    }
    CHECK_OK(ktki_builder_append_f64(&builder, NAN, &err));
    CHECK_STATUS(ktki_builder_append_f64(&builder, 65520.0, &err), KTK_E_INVALID);
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(((const uint16_t *)array.buffers[1])[i], halves[i].half);
    }
    assert_int_equal(((const uint16_t *)array.buffers[1])[count] & 0x7E00, 0x7E00);
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);
    field.type.id = TYPE_FLOAT32;
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_f64(&builder, 0.1, &err));
    CHECK_STATUS(ktki_builder_append_f64(&builder, 1e300, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'1e+300'");
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    assert_true(((const float *)array.buffers[1])[0] == 0.1f);
    ktki_array_clear(&array);
    ktki_builder_clear(&builder);
    test_context_free(context);
}

static ktk_status build_list(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, ktk_error *err) {
    struct array_builder builder = {0};
    struct array_builder *item;
    ktk_status status = ktki_builder_init(&builder, context, field, err);

    /* [[0], null, [], [1, null, 2]] */
    if (status == KTK_OK) {
        item = ktki_builder_item(&builder);
        status = ktki_builder_append_i64(item, 0, err);
        status = status != KTK_OK ? status : ktki_builder_end_list(&builder, err);
        status = status != KTK_OK ? status : ktki_builder_append_null(&builder, err);
        status = status != KTK_OK ? status : ktki_builder_end_list(&builder, err);
        status = status != KTK_OK ? status : ktki_builder_append_i64(item, 1, err);
        status = status != KTK_OK ? status : ktki_builder_append_null(item, err);
        status = status != KTK_OK ? status : ktki_builder_append_i64(item, 2, err);
        status = status != KTK_OK ? status : ktki_builder_end_list(&builder, err);
        status = status != KTK_OK ? status : ktki_builder_finish(&builder, out, err);
    }
    ktki_builder_clear(&builder);
    return status;
}

static void builds_lists(void **unused) {
    const int32_t offsets[] = {0, 1, 1, 1, 4};
    ktk_context *context = test_context_new(1);
    struct field item = of_type(TYPE_INT64);
    struct field field = of_type(TYPE_LIST);
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    field.children = &item;
    field.child_count = 1;
    CHECK_OK(build_list(&array, context, &field, &err));
    CHECK_OK(ktki_array_check(&array, &field, true, &err));
    assert_int_equal(array.length, 4);
    assert_int_equal(array.null_count, 1);
    assert_memory_equal(array.buffers[1], offsets, sizeof(offsets));
    assert_int_equal(array.children[0]->length, 4);
    assert_int_equal(array.children[0]->null_count, 1);
    ktki_array_clear(&array);
    field.type.id = TYPE_LARGE_LIST;
    CHECK_OK(build_list(&array, context, &field, &err));
    CHECK_OK(ktki_array_check(&array, &field, true, &err));
    assert_int_equal(((const int64_t *)array.buffers[1])[4], 4);
    ktki_array_clear(&array);
    test_context_free(context);
}

static void refuses_types_it_cannot_build(void **unused) {
    static const enum type_id ids[] = {TYPE_STRUCT, TYPE_DICTIONARY, TYPE_STRING_VIEW, TYPE_MAP,
                                       TYPE_FIXED_LIST};
    ktk_context *context = test_context_new(1);
    struct array_builder builder;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct field field = of_type(ids[i]);
        CHECK_STATUS(ktki_builder_init(&builder, context, &field, &err), KTK_E_UNSUPPORTED);
    }
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    struct field item = of_type(TYPE_INT64);
    struct field field = of_type(TYPE_LIST);
    bool is_done = false;

    (void)unused;
    field.children = &item;
    field.child_count = 1;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArray array = {.private_data = TEST_POISON};
        ktk_error err;
        ktk_status status = build_list(&array, context, &field, &err);

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
        cmocka_unit_test(builds_integers_with_nulls),
        cmocka_unit_test(refuses_integers_that_do_not_fit),
        cmocka_unit_test(takes_unsigned_integers_of_64_bits),
        cmocka_unit_test(builds_text),
        cmocka_unit_test(builds_values_of_exact_width),
        cmocka_unit_test(rounds_floats_to_the_nearest),
        cmocka_unit_test(builds_lists),
        cmocka_unit_test(refuses_types_it_cannot_build),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
