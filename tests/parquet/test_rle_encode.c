#include "support/test.h"

#include "parquet/rle_encode.h"

#define COUNT_MAX 3000

static struct buffer out;

static uint32_t random_next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static void check_bytes(const void *wanted, size_t size) {
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, wanted, size);
    out.size = 0;
}

/* ---- a reader that is as simple as the format's text ---- */

static uint64_t read_bits(const uint8_t *data, size_t bit, unsigned width) {
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)(data[(bit + i) / 8] >> ((bit + i) % 8) & 1) << i;
    }
    return value;
}

struct shape {
    size_t runs;
    size_t literals;
    size_t shortest_run; /* the last one excepted */
};

/* Decode what `out` holds: exactly all of its bytes, into exactly `count` values. */
static struct shape check_decodes_to(const uint32_t *wanted, size_t count, unsigned width) {
    struct shape shape = {0, 0, SIZE_MAX};
    size_t at = 0;
    size_t done = 0;

    while (done < count) {
        uint32_t header = 0;
        unsigned shift = 0;

        do {
            assert_true(at < out.size);
            header |= (uint32_t)(out.data[at] & 0x7F) << shift;
            shift += 7;
        } while (out.data[at++] >= 0x80);
        if (header & 1) {
            size_t values = (size_t)(header >> 1) * 8;

            assert_true(at + (header >> 1) * width <= out.size);
            for (size_t i = 0; i < values && done < count; i++) {
                assert_int_equal(read_bits(out.data + at, i * width, width), wanted[done++]);
            }
            at += (size_t)(header >> 1) * width;
            shape.literals++;
        } else {
            size_t run = header >> 1;

            assert_true(at + (width + 7) / 8 <= out.size);
            assert_true(run > 0 && done + run <= count);
            for (size_t i = 0; i < run; i++) {
                assert_int_equal(read_bits(out.data, at * 8, (width + 7) / 8 * 8), wanted[done++]);
            }
            at += (width + 7) / 8;
            shape.runs++;
            if (done < count && run < shape.shortest_run) {
                shape.shortest_run = run;
            }
        }
    }
    assert_int_equal(at, out.size);
    return shape;
}

/* ---- cases ---- */

static void packs_the_example_of_the_specification(void **unused) {
    const uint32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint8_t wanted[] = {0x03, 0x88, 0xC6, 0xFA};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_rle_encode(&out, values, 8, 3, &err));
    check_bytes(wanted, sizeof(wanted));
}

static void fills_the_last_group_with_zeros(void **unused) {
    const uint32_t values[] = {1, 0, 1};
    static const uint8_t wanted[] = {0x03, 0x05};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_rle_encode(&out, values, 3, 1, &err));
    check_bytes(wanted, sizeof(wanted));
}

static void runs_have_as_many_value_bytes_as_their_width_needs(void **unused) {
    uint32_t values[200];
    static const uint8_t wanted_9[] = {0x90, 0x03, 0x2A, 0x01};        /* 200 << 1, 298 */
    static const uint8_t wanted_32[] = {0x10, 0xFF, 0xFF, 0xFF, 0xFF}; /* 8 << 1 */
    static const uint8_t wanted_0[] = {0x90, 0x03};                    /* no value at all */
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < 200; i++) {
        values[i] = 298;
    }
    CHECK_OK(ktki_rle_encode(&out, values, 200, 9, &err));
    check_bytes(wanted_9, sizeof(wanted_9));
    memset(values, 0xFF, sizeof(values));
    CHECK_OK(ktki_rle_encode(&out, values, 8, 32, &err));
    check_bytes(wanted_32, sizeof(wanted_32));
    memset(values, 0, sizeof(values));
    CHECK_OK(ktki_rle_encode(&out, values, 200, 0, &err));
    check_bytes(wanted_0, sizeof(wanted_0));
    CHECK_OK(ktki_rle_encode_run(&out, 298, 200, 9, &err));
    check_bytes(wanted_9, sizeof(wanted_9));
}

static void nothing_is_nothing(void **unused) {
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_rle_encode(&out, NULL, 0, 5, &err));
    CHECK_OK(ktki_rle_encode(&out, NULL, 0, 0, &err));
    CHECK_OK(ktki_rle_encode_bits(&out, NULL, 0, &err));
    CHECK_OK(ktki_rle_encode_run(&out, 0, 0, 1, &err));
    assert_int_equal(out.size, 0);
}

/* Stretches of one value, and stretches of noise. */
static void make_values(uint32_t *values, size_t count, unsigned width, uint32_t *random) {
    uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
    size_t at = 0;

    while (at < count) {
        size_t length = 1 + random_next(random) % (1u << random_next(random) % 9);
        bool is_noise = random_next(random) % 2 == 0;
        uint32_t value = (random_next(random) << 12 ^ random_next(random)) & mask;

        for (size_t i = 0; i < length && at < count; i++) {
            values[at++] =
                is_noise ? (random_next(random) << 12 ^ random_next(random)) & mask : value;
        }
    }
}

static void any_values_of_any_width_come_back(void **unused) {
    static uint32_t values[COUNT_MAX];
    uint32_t random = 1;
    ktk_error err;

    (void)unused;
    for (unsigned width = 0; width <= 32; width++) {
        for (int round = 0; round < 20; round++) {
            size_t count = random_next(&random) % COUNT_MAX;
            size_t literal_size = (count + 7) / 8 * width;
            struct shape shape;

            make_values(values, count, width, &random);
            out.size = 0;
            CHECK_OK(ktki_rle_encode(&out, values, count, width, &err));
            shape = check_decodes_to(values, count, width);
            /* Never much larger than packed bits, and no run that literals would beat. */
            assert_true(out.size <= literal_size + literal_size / 256 + 8);
            assert_true(shape.shortest_run >= 8);
            assert_true(width == 0 || shape.shortest_run * width >= 24);
        }
    }
}

static void noise_is_one_literal(void **unused) {
    static uint32_t values[COUNT_MAX];
    uint32_t random = 7;
    struct shape shape;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < COUNT_MAX; i++) {
        values[i] = random_next(&random) & 0xFFF;
    }
    out.size = 0;
    CHECK_OK(ktki_rle_encode(&out, values, COUNT_MAX, 12, &err));
    shape = check_decodes_to(values, COUNT_MAX, 12);
    assert_int_equal(shape.literals, 1);
    assert_int_equal(shape.runs, 0);
}

static void any_bits_come_back(void **unused) {
    static uint32_t values[COUNT_MAX];
    static uint8_t bits[COUNT_MAX / 8 + 1];
    uint32_t random = 3;
    ktk_error err;

    (void)unused;
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + random_next(&random) % (COUNT_MAX - 1);

        make_values(values, count, 1, &random);
        memset(bits, (int)random_next(&random), sizeof(bits));
        for (size_t i = 0; i < count; i++) {
            bits[i / 8] = (uint8_t)((bits[i / 8] & ~(1u << i % 8)) | values[i] << i % 8);
        }
        out.size = 0;
        CHECK_OK(ktki_rle_encode_bits(&out, bits, count, &err));
        (void)check_decodes_to(values, count, 1);
        assert_true(out.size <= (count + 7) / 8 + 8);
    }
}

static void long_stretches_of_bits_are_runs(void **unused) {
    uint8_t bits[32];
    static const uint8_t ones[] = {0x86, 0x04, 0x01};              /* 259 ones << 1 */
    static const uint8_t mixed[] = {0xE0, 0x01, 0x00, 0x03, 0x02}; /* 112 zeros, then 0 1 0 */
    ktk_error err;

    (void)unused;
    out.size = 0;
    memset(bits, 0xFF, sizeof(bits));
    CHECK_OK(ktki_rle_encode_bits(&out, bits, 255, &err));
    assert_int_equal(out.size, 3);
    out.size = 0;
    CHECK_OK(ktki_rle_encode_run(&out, 1, 259, 1, &err));
    check_bytes(ones, sizeof(ones));
    memset(bits, 0, sizeof(bits));
    bits[14] = 0xFA; /* bits behind the last value do not count */
    CHECK_OK(ktki_rle_encode_bits(&out, bits, 115, &err));
    check_bytes(mixed, sizeof(mixed));
}

static void bit_widths(void **unused) {
    (void)unused;
    assert_int_equal(ktki_bit_width(0), 0);
    assert_int_equal(ktki_bit_width(1), 1);
    assert_int_equal(ktki_bit_width(2), 2);
    assert_int_equal(ktki_bit_width(255), 8);
    assert_int_equal(ktki_bit_width(256), 9);
    assert_int_equal(ktki_bit_width(UINT32_MAX), 32);
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
        cmocka_unit_test(packs_the_example_of_the_specification),
        cmocka_unit_test(fills_the_last_group_with_zeros),
        cmocka_unit_test(runs_have_as_many_value_bytes_as_their_width_needs),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(any_values_of_any_width_come_back),
        cmocka_unit_test(noise_is_one_literal),
        cmocka_unit_test(any_bits_come_back),
        cmocka_unit_test(long_stretches_of_bits_are_runs),
        cmocka_unit_test(bit_widths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
