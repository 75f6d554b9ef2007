#include "support/test.h"

#include "base/buffer.h"
#include "base/context.h"

static void appends_bytes_text_and_formats(void **unused) {
    struct buffer buffer;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&buffer, test_allocator(), 0);
    assert_null(buffer.data);
    CHECK_OK(ktki_buffer_append(&buffer, NULL, 0, &err));
    CHECK_OK(ktki_buffer_append_text(&buffer, "text ", &err));
    CHECK_OK(ktki_buffer_append(&buffer, "\0x", 2, &err));
    CHECK_OK(ktki_buffer_append_byte(&buffer, 0xFF, &err));
    CHECK_OK(ktki_buffer_append_zeros(&buffer, 3, &err));
    CHECK_OK(ktki_buffer_append_format(&buffer, &err, "%s=%d", "key", 42));
    assert_int_equal(buffer.size, 17);
    assert_memory_equal(buffer.data, "text \0x\xFF\0\0\0key=42", 17);
    ktki_buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer.data);
    CHECK_OK(ktki_buffer_append_byte(&buffer, 1, &err));
    ktki_buffer_clear(&buffer);
}

static void grows_without_losing_anything(void **unused) {
    struct buffer buffer;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&buffer, test_allocator(), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        CHECK_OK(ktki_buffer_append(&buffer, &i, sizeof(i), &err));
    }
    assert_int_equal(buffer.size, 80000);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_memory_equal(buffer.data + i * sizeof(i), &i, sizeof(i));
    }
    ktki_buffer_clear(&buffer);
}

static void reserves_ahead(void **unused) {
    struct buffer buffer;
    const uint8_t *data;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&buffer, test_allocator(), 0);
    CHECK_OK(ktki_buffer_reserve(&buffer, 1000, &err));
    assert_true(buffer.capacity >= 1000);
    data = buffer.data;
    CHECK_OK(ktki_buffer_append_zeros(&buffer, 1000, &err));
    assert_ptr_equal(buffer.data, data);
    ktki_buffer_clear(&buffer);
}

static void stops_at_its_bound(void **unused) {
    struct buffer buffer;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&buffer, test_allocator(), 100);
    CHECK_OK(ktki_buffer_append_zeros(&buffer, 99, &err));
    CHECK_STATUS(ktki_buffer_append(&buffer, "ab", 2, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("100 bytes");
    CHECK_STATUS(ktki_buffer_append_zeros(&buffer, 2, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_buffer_append_text(&buffer, "ab", &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_buffer_append_format(&buffer, &err, "%d", 12), KTK_E_LIMIT);
    CHECK_STATUS(ktki_buffer_reserve(&buffer, SIZE_MAX, &err), KTK_E_LIMIT);
    assert_int_equal(buffer.size, 99);
    CHECK_OK(ktki_buffer_append_byte(&buffer, 7, &err));
    CHECK_STATUS(ktki_buffer_append_byte(&buffer, 7, &err), KTK_E_LIMIT);
    assert_int_equal(buffer.size, 100);
    assert_true(buffer.capacity <= 100);
    ktki_buffer_clear(&buffer);
}

static void moves_its_bytes_out(void **unused) {
    int64_t live = test_allocator_live();
    struct buffer buffer;
    ktk_bytes bytes = KTK_BYTES_INIT;
    const uint8_t *data;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&buffer, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&buffer, "moved", &err));
    data = buffer.data;
    CHECK_OK(ktki_buffer_move(&buffer, &bytes, &err));
    assert_ptr_equal(bytes.data, data);
    assert_int_equal(bytes.size, 5);
    assert_int_equal(buffer.size, 0);
    assert_null(buffer.data);
    CHECK_OK(ktki_buffer_append_text(&buffer, "again", &err));
    assert_memory_equal(bytes.data, "moved", 5);
    ktki_buffer_clear(&buffer);
    ktk_bytes_clear(&bytes);
    /* Nothing was written: nothing but an empty value to move. */
    CHECK_OK(ktki_buffer_move(&buffer, &bytes, &err));
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    assert_int_equal(test_allocator_live(), live);
}

static void copies_bytes(void **unused) {
    int64_t live = test_allocator_live();
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_bytes_copy(test_allocator(), "a\0b", 3, &bytes, &err));
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, "a\0b", 3);
    ktk_bytes_clear(&bytes);
    CHECK_OK(ktki_bytes_copy(test_allocator(), NULL, 0, &bytes, &err));
    assert_int_equal(bytes.size, 0);
    ktk_bytes_clear(&bytes);
    assert_int_equal(test_allocator_live(), live);
}

static void survives_allocation_failures(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_bytes bytes = {TEST_POISON, 1, NULL, NULL};
        struct buffer buffer;
        ktk_status status = KTK_OK;
        ktk_error err;

        ktki_buffer_init(&buffer, ktki_context_allocator(context), 0);
        for (int i = 0; i < 100 && status == KTK_OK; i++) {
            size_t size = buffer.size;
            status = ktki_buffer_append_format(&buffer, &err, "line %d\n", i);
            assert_true(status == KTK_OK || buffer.size == size);
        }
        if (status == KTK_OK) {
            status = ktki_buffer_move(&buffer, &bytes, &err);
        }
        is_done = status == KTK_OK;
        if (is_done) {
            ktk_bytes_clear(&bytes);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(bytes.data, TEST_POISON);
        }
        ktki_buffer_clear(&buffer);
        test_context_free(context);
        assert_true(n < 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_bytes_text_and_formats),
        cmocka_unit_test(grows_without_losing_anything),
        cmocka_unit_test(reserves_ahead),
        cmocka_unit_test(stops_at_its_bound),
        cmocka_unit_test(moves_its_bytes_out),
        cmocka_unit_test(copies_bytes),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
