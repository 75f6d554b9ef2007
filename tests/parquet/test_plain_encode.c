#include "support/test.h"

#include "parquet/plain_encode.h"

static struct buffer out;

static void bools_are_bits_across_blocks(void **unused) {
    /* 11 values in blocks of 3 and 8, then the rest of the byte. */
    const uint8_t values[] = {1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0};
    const struct value_block blocks[] = {{3, values, NULL, NULL, NULL},
                                         {8, values + 3, NULL, NULL, NULL}};
    static const uint8_t wanted[] = {0x8D, 0x03};
    struct plain_bits pending = {0, 0};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(ktki_plain_encode(&out, PQ_BOOLEAN, 1, &blocks[i], &pending, &err));
    }
    CHECK_OK(ktki_plain_flush(&out, &pending, &err));
    CHECK_OK(ktki_plain_flush(&out, &pending, &err)); /* nothing is left */
    assert_int_equal(out.size, sizeof(wanted));
    assert_memory_equal(out.data, wanted, sizeof(wanted));
    out.size = 0;
}

static void every_byte_of_bools_is_right(void **unused) {
    ktk_error err;

    (void)unused;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t values[8];
        struct value_block block = {8, values, NULL, NULL, NULL};
        struct plain_bits pending = {0, 0};

        for (unsigned i = 0; i < 8; i++) {
            values[i] = byte >> i & 1;
        }
        CHECK_OK(ktki_plain_encode(&out, PQ_BOOLEAN, 1, &block, &pending, &err));
        assert_int_equal(out.size, 1);
        assert_int_equal(out.data[0], byte);
        out.size = 0;
    }
}

static void byte_arrays_have_their_length_in_front(void **unused) {
    const uint8_t *starts[41];
    uint32_t sizes[41];
    uint8_t text[40];
    struct value_block block = {41, NULL, starts, sizes, NULL};
    struct plain_bits pending = {0, 0};
    size_t at = 0;
    ktk_error err;

    (void)unused;
    for (uint32_t i = 0; i < 41; i++) {
        starts[i] = text;
        sizes[i] = i; /* every length that is copied in a way of its own */
        text[i < 40 ? i : 0] = (uint8_t)(i + 1);
    }
    CHECK_OK(ktki_plain_encode(&out, PQ_BYTE_ARRAY, 0, &block, &pending, &err));
    assert_int_equal(out.size, ktki_plain_size(PQ_BYTE_ARRAY, 0, &block));
    for (uint32_t i = 0; i < 41; i++) {
        assert_int_equal(out.data[at], i);
        assert_int_equal(out.data[at + 1] | out.data[at + 2] | out.data[at + 3], 0);
        assert_memory_equal(out.data + at + 4, text, i);
        at += 4 + i;
    }
    assert_int_equal(at, out.size);
    /* The same if what lies behind the texts can be read. */
    {
        struct buffer again;

        block.end = text + sizeof(text);
        ktki_buffer_init(&again, out.allocator, 0);
        CHECK_OK(ktki_plain_encode(&again, PQ_BYTE_ARRAY, 0, &block, &pending, &err));
        assert_int_equal(again.size, out.size);
        assert_memory_equal(again.data, out.data, out.size);
        ktki_buffer_clear(&again);
    }
    out.size = 0;
}

static void fixed_lengths_come_as_numbers_or_as_pieces(void **unused) {
    const uint8_t numbers[] = "abcdef";
    const uint8_t *starts[] = {numbers + 3, numbers};
    const uint32_t sizes[] = {3, 3};
    struct value_block fixed = {2, numbers, NULL, NULL, NULL};
    struct value_block pieces = {2, NULL, starts, sizes, NULL};
    struct plain_bits pending = {0, 0};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_plain_encode(&out, PQ_FIXED_LEN_BYTE_ARRAY, 3, &fixed, &pending, &err));
    CHECK_OK(ktki_plain_encode(&out, PQ_FIXED_LEN_BYTE_ARRAY, 3, &pieces, &pending, &err));
    assert_int_equal(out.size, 12);
    assert_memory_equal(out.data, "abcdefdefabc", 12);
    assert_int_equal(ktki_plain_size(PQ_FIXED_LEN_BYTE_ARRAY, 3, &fixed), 6);
    assert_int_equal(ktki_plain_size(PQ_FIXED_LEN_BYTE_ARRAY, 3, &pieces), 6);
    out.size = 0;
}

static void numbers_are_copied(void **unused) {
    const int32_t values[] = {1, -2, 3};
    struct value_block block = {3, (const uint8_t *)values, NULL, NULL, NULL};
    struct plain_bits pending = {0, 0};
    static const uint8_t wanted[] = {1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_plain_encode(&out, PQ_INT32, 4, &block, &pending, &err));
    assert_int_equal(out.size, sizeof(wanted));
    assert_memory_equal(out.data, wanted, sizeof(wanted));
    out.size = 0;
}

static int set_up(void **unused) {
    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktki_buffer_clear(&out);
    return test_allocator_live() != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bools_are_bits_across_blocks),
        cmocka_unit_test(every_byte_of_bools_is_right),
        cmocka_unit_test(byte_arrays_have_their_length_in_front),
        cmocka_unit_test(fixed_lengths_come_as_numbers_or_as_pieces),
        cmocka_unit_test(numbers_are_copied),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
