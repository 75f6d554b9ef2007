#include "support/test.h"

#include "parquet/thrift_write.h"

/* The expected bytes are worked out by hand from the compact protocol's specification. */

static void check_bytes(struct buffer *out, const void *wanted, size_t size) {
    assert_int_equal(out->size, size);
    assert_memory_equal(out->data, wanted, size);
    ktki_buffer_clear(out);
}

static void fields_are_coded_as_deltas_of_their_ids(void **unused) {
    struct buffer out;
    struct thrift_writer writer;
    ktk_error err;
    static const uint8_t wanted[] = {
        0x15, 0x02,                 /* 1: i32 1, zigzag 2 */
        0x26, 0xD7, 0x04,           /* 3: i64 -300, zigzag 599 */
        0x08, 0x28, 0x02, 'a', 'b', /* 20: 17 further, so the id is written: binary */
        0x11,                       /* 21: true */
        0x12,                       /* 22: false */
        0x13, 0xFF,                 /* 23: byte -1 */
        0x00,
    };

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    writer = ktki_thrift_writer(&out, &err);
    ktki_thrift_i32(&writer, 1, 1);
    ktki_thrift_i64(&writer, 3, -300);
    ktki_thrift_text(&writer, 20, "ab");
    ktki_thrift_bool(&writer, 21, true);
    ktki_thrift_bool(&writer, 22, false);
    ktki_thrift_byte(&writer, 23, -1);
    CHECK_OK(ktki_thrift_finish(&writer));
    check_bytes(&out, wanted, sizeof(wanted));
}

static void extreme_integers_take_all_their_bytes(void **unused) {
    struct buffer out;
    struct thrift_writer writer;
    ktk_error err;
    static const uint8_t wanted[] = {
        0x16, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, /* INT64_MIN */
        0x16, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, /* INT64_MAX */
        0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F,                               /* INT32_MIN */
        0x00,
    };

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    writer = ktki_thrift_writer(&out, &err);
    ktki_thrift_i64(&writer, 1, INT64_MIN);
    ktki_thrift_i64(&writer, 2, INT64_MAX);
    ktki_thrift_i32(&writer, 3, INT32_MIN);
    CHECK_OK(ktki_thrift_finish(&writer));
    check_bytes(&out, wanted, sizeof(wanted));
}

static void structs_and_lists_nest(void **unused) {
    struct buffer out;
    struct thrift_writer writer;
    ktk_error err;
    int16_t outer;
    static const uint8_t wanted[] = {
        0x2C, 0x15, 0x0A, 0x00,       /* 2: struct { 1: i32 5 } */
        0x19, 0x25, 0x02, 0x04,       /* 3: list of two i32 */
        0x19, 0x2C, 0x15, 0x0E, 0x00, /* 4: list of two structs, the first { 1: i32 7 } */
        0x00,                         /* the second is empty */
        0x19, 0xF8, 0x0F,             /* 5: list of 15 texts */
        1,    'x',  1,    'x',  1,    'x', 1, 'x', 1, 'x', 1, 'x', 1, 'x', 1,    'x',
        1,    'x',  1,    'x',  1,    'x', 1, 'x', 1, 'x', 1, 'x', 1, 'x', 0x00,
    };

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    writer = ktki_thrift_writer(&out, &err);
    outer = ktki_thrift_struct_begin(&writer, 2);
    ktki_thrift_i32(&writer, 1, 5);
    ktki_thrift_struct_end(&writer, outer);
    ktki_thrift_list(&writer, 3, THRIFT_I32, 2);
    ktki_thrift_list_i32(&writer, 1);
    ktki_thrift_list_i32(&writer, 2);
    ktki_thrift_list(&writer, 4, THRIFT_STRUCT, 2);
    outer = ktki_thrift_element_begin(&writer);
    ktki_thrift_i32(&writer, 1, 7);
    ktki_thrift_struct_end(&writer, outer);
    outer = ktki_thrift_element_begin(&writer);
    ktki_thrift_struct_end(&writer, outer);
    ktki_thrift_list(&writer, 5, THRIFT_BINARY, 15);
    for (int i = 0; i < 15; i++) {
        ktki_thrift_list_text(&writer, "x");
    }
    CHECK_OK(ktki_thrift_finish(&writer));
    check_bytes(&out, wanted, sizeof(wanted));
}

static void the_first_failure_is_kept(void **unused) {
    struct buffer out;
    struct thrift_writer writer;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 4);
    writer = ktki_thrift_writer(&out, &err);
    ktki_thrift_i32(&writer, 1, 1);
    ktki_thrift_text(&writer, 2, "too long");
    ktki_thrift_i32(&writer, 3, 1);
    assert_int_equal(ktki_thrift_finish(&writer), KTK_E_LIMIT);
    CHECK_MESSAGE("4 bytes");
    ktki_buffer_clear(&out);
    assert_int_equal(test_allocator_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_coded_as_deltas_of_their_ids),
        cmocka_unit_test(extreme_integers_take_all_their_bytes),
        cmocka_unit_test(structs_and_lists_nest),
        cmocka_unit_test(the_first_failure_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
