#include "support/test.h"

#include "base/context.h"
#include "base/pool.h"

static void fills_in_default_limits(void **unused) {
    ktk_context *context = NULL;
    ktk_error err;
    const ktk_limits *limits;

    (void)unused;
    CHECK_OK(ktk_context_new(&context, NULL, &err));
    limits = ktki_context_limits(context);
    assert_int_equal(limits->document_bytes_max, 4294967296);
    assert_int_equal(limits->footer_bytes_max, 536870912);
    assert_int_equal(limits->page_bytes_max, 1073741824);
    assert_int_equal(limits->object_bytes_max, 68719476736);
    assert_int_equal(limits->nesting_max, 64);
    assert_int_equal(limits->column_count_max, 1000000);
    assert_true(ktk_context_threads(context) >= 1);
    ktk_context_free(context);
    ktk_context_free(NULL);
}

static void keeps_the_limits_that_were_given(void **unused) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;

    (void)unused;
    options.threads = 1;
    options.limits = (ktk_limits){1, 2, 3, 4, 5, 6, 7};
    CHECK_OK(ktk_context_new(&context, &options, &err));
    assert_memory_equal(ktki_context_limits(context), &options.limits, sizeof(options.limits));
    ktk_context_free(context);
}

static void has_threads_only_when_asked(void **unused) {
    ktk_context *context = test_context_new(1);

    (void)unused;
    assert_int_equal(ktk_context_threads(context), 1);
    assert_null(ktki_context_pool(context));
    test_context_free(context);
    context = test_context_new(3);
    assert_int_equal(ktk_context_threads(context), 3);
    assert_non_null(ktki_context_pool(context));
    test_context_free(context);
}

static void lives_until_the_last_reference_goes(void **unused) {
    ktk_context *context = test_context_new(2);
    ktk_context *second = ktk_context_ref(context);

    (void)unused;
    assert_ptr_equal(second, context);
    ktk_context_free(second);
    assert_int_equal(ktk_context_threads(context), 2);
    test_context_free(context);
}

static void refuses_bad_options(void **unused) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = TEST_POISON;
    ktk_error err;

    (void)unused;
    options.threads = -1;
    CHECK_STATUS(ktk_context_new(&context, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("-1");
    options.threads = 1;
    options.size = 3;
    CHECK_STATUS(ktk_context_new(&context, &options, &err), KTK_E_INVALID);
    assert_ptr_equal(context, TEST_POISON);
}

static void *refuse(void *state, void *block, size_t old_size, size_t new_size) {
    (void)state;
    (void)block;
    (void)old_size;
    (void)new_size;
    return NULL;
}

static void reports_missing_memory(void **unused) {
    const ktk_allocator none = {refuse, NULL};
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = TEST_POISON;
    ktk_error err;

    (void)unused;
    options.allocator = &none;
    CHECK_STATUS(ktk_context_new(&context, &options, &err), KTK_E_NO_MEMORY);
    assert_ptr_equal(context, TEST_POISON);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_default_limits),
        cmocka_unit_test(keeps_the_limits_that_were_given),
        cmocka_unit_test(has_threads_only_when_asked),
        cmocka_unit_test(lives_until_the_last_reference_goes),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(reports_missing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
