#include "support/test.h"

#include <stdlib.h>

#include "parquet/rle.h"

#define CURSOR(...)                                                                                \
    const uint8_t bytes_[] = {__VA_ARGS__};                                                        \
    struct cursor cursor = ktki_cursor(bytes_, sizeof(bytes_))

static void reads_repeated_runs(void **unused) {
    CURSOR(0x0A, 0x07, 0x90, 0x03, 0x02); /* 5 times 7; 200 times 2 */
    struct rle_run run;

    (void)unused;
    assert_true(ktki_rle_run(&cursor, 3, &run));
    assert_false(run.is_packed);
    assert_int_equal(run.count, 5);
    assert_int_equal(run.value, 7);
    assert_true(ktki_rle_run(&cursor, 3, &run));
    assert_int_equal(run.count, 200);
    assert_int_equal(run.value, 2);
    assert_false(ktki_rle_run(&cursor, 3, &run));
}

static void reads_packed_runs(void **unused) {
    /* The example of the format's Encodings.md: 0 to 7 in three bits. */
    CURSOR(0x03, 0x88, 0xC6, 0xFA);
    struct rle_run run;
    uint32_t values[8];

    (void)unused;
    assert_true(ktki_rle_run(&cursor, 3, &run));
    assert_true(run.is_packed);
    assert_int_equal(run.count, 8);
    assert_int_equal(run.packed_size, 3);
    ktki_kernels()->unpack(run.packed, run.packed_size, 3, 8, values);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(values[i], i);
    }
}

static void passes_over_empty_runs(void **unused) {
    CURSOR(0x00, 0x01, 0x01, 0x00, 0x01, 0x04, 0x01);
    struct rle_run run;

    (void)unused;
    assert_true(ktki_rle_run(&cursor, 1, &run));
    assert_int_equal(run.count, 2);
    assert_int_equal(run.value, 1);
}

static void ends_a_packed_run_where_the_bytes_end(void **unused) {
    CURSOR(0x07, 0xFF, 0x01); /* 24 values of 3 bits announced, 5 are there */
    struct rle_run run;

    (void)unused;
    assert_true(ktki_rle_run(&cursor, 3, &run));
    assert_int_equal(run.count, 5);
    assert_int_equal(run.packed_size, 2);
}

static void refuses_what_is_damaged(void **unused) {
    struct rle_run run = {.count = 77};

    (void)unused;
    {
        CURSOR(0x0A); /* the value is missing */
        assert_false(ktki_rle_run(&cursor, 3, &run));
    }
    {
        CURSOR(0x0A, 0x08); /* 8 does not fit in three bits */
        assert_false(ktki_rle_run(&cursor, 3, &run));
    }
    {
        CURSOR(0x03); /* no byte at all */
        assert_false(ktki_rle_run(&cursor, 3, &run));
    }
    {
        CURSOR(0x80, 0x80); /* half a length */
        assert_false(ktki_rle_run(&cursor, 3, &run));
    }
    assert_int_equal(run.count, 77);
}

static void reads_numbers_of_no_bits(void **unused) {
    CURSOR(0x0A, 0x05);
    struct rle_run run;

    (void)unused;
    assert_true(ktki_rle_run(&cursor, 0, &run));
    assert_int_equal(run.count, 5);
    assert_int_equal(run.value, 0);
    assert_true(ktki_rle_run(&cursor, 0, &run));
    assert_true(run.is_packed);
    assert_int_equal(run.count, 16);
}

/* 3000 numbers: repeated, packed and repeated again, so that runs end inside of blocks. */
static size_t mixed_runs(uint8_t *out) {
    size_t at = 0;

    out[at++] = 0xD0; /* 1000 times 9 */
    out[at++] = 0x0F;
    out[at++] = 9;
    out[at++] = 0xFB; /* 125 groups of eight: i % 200 */
    out[at++] = 0x01;
    for (uint32_t i = 0; i < 1000; i++) {
        out[at++] = (uint8_t)(i % 200);
    }
    out[at++] = 0xD0;
    out[at++] = 0x0F;
    out[at++] = 199;
    return at;
}

static uint32_t mixed_number(size_t i) {
    return i < 1000 ? 9 : i < 2000 ? (uint32_t)(i - 1000) % 200 : 199;
}

static void hands_out_indices_in_pieces(void **unused) {
    static const size_t steps[] = {1, 7, 100, 1024, 5000};
    static struct index_reader reader;
    uint8_t bytes[1100];
    size_t size = mixed_runs(bytes);

    (void)unused;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct index_piece piece;
        size_t done = 0;
        ktki_index_init(&reader, ktki_cursor(bytes, size), 8, 200, ktki_kernels());
        while (done < 3000) {
            assert_true(ktki_index_some(&reader, steps[i], &piece));
            assert_in_range(piece.count, 1, steps[i]);
            for (size_t j = 0; j < piece.count; j++) {
                assert_int_equal(piece.indices == NULL ? piece.value : piece.indices[j],
                                 mixed_number(done++));
            }
        }
        assert_false(ktki_index_some(&reader, steps[i], &piece));
    }
}

static void hands_out_exactly_as_many_indices(void **unused) {
    static const size_t steps[] = {1, 3, 100, 600, 1000};
    static struct index_reader reader;
    uint8_t bytes[1100];
    size_t size = mixed_runs(bytes);

    (void)unused;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const uint32_t *indices;
        ktki_index_init(&reader, ktki_cursor(bytes, size), 8, 200, ktki_kernels());
        for (size_t done = 0; done < 3000; done += steps[i]) {
            assert_true(ktki_index_exactly(&reader, steps[i], &indices));
            for (size_t j = 0; j < steps[i]; j++) {
                assert_int_equal(indices[j], mixed_number(done + j));
            }
        }
        assert_false(ktki_index_exactly(&reader, 1, &indices));
    }
}

static uint32_t random_state = 5;

static uint32_t random_below(uint32_t bound) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % bound;
}

/* Runs of all lengths of numbers of 11 bits below 2000, with the numbers in `numbers`; the bytes
 * end with the last run. */
static size_t random_runs(uint8_t *bytes, uint32_t *numbers, size_t *count) {
    size_t size = 0;

    *count = 0;
    for (uint32_t runs = 1 + random_below(60); runs > 0; runs--) {
        bool is_packed = random_below(2) == 0;
        uint32_t length = 1 + random_below(random_below(10) == 0 ? 600 : 40);
        uint32_t number = random_below(2000);
        uint32_t head = is_packed ? length / 8 << 1 | 1 : length << 1;

        length = is_packed ? length / 8 * 8 : length;
        for (; head >= 0x80; head >>= 7) {
            bytes[size++] = (uint8_t)(head | 0x80);
        }
        bytes[size++] = (uint8_t)head;
        if (!is_packed) {
            bytes[size++] = (uint8_t)number;
            bytes[size++] = (uint8_t)(number >> 8);
        } else {
            memset(bytes + size, 0, length / 8 * 11);
        }
        for (uint32_t i = 0; i < length; i++) {
            number = is_packed ? random_below(2000) : number;
            numbers[(*count)++] = number;
            for (uint32_t bit = 11 * i; is_packed && bit < 11 * i + 11; bit++) {
                bytes[size + bit / 8] |= (uint8_t)((number >> (bit - 11 * i) & 1) << bit % 8);
            }
        }
        size += is_packed ? length / 8 * 11 : 0;
    }
    return size;
}

static void hands_out_runs_of_all_lengths(void **unused) {
    static struct index_reader reader;
    static uint8_t bytes[1 << 16];
    static uint32_t numbers[1 << 16];

    (void)unused;
    for (int repeat = 0; repeat < 600; repeat++) {
        size_t count;
        size_t size = random_runs(bytes, numbers, &count);
        uint8_t *input = malloc(size);
        size_t done = 0;

        assert_non_null(input);
        memcpy(input, bytes, size);
        ktki_index_init(&reader, ktki_cursor(input, size), 11, 2000, ktki_kernels());
        while (done < count) {
            size_t left = count - done;
            size_t wanted = 1 + random_below(left < 1024 ? (uint32_t)left : 1024);
            struct index_piece piece = {NULL, wanted, 0};

            if (random_below(2) == 0) {
                assert_true(ktki_index_some(&reader, wanted, &piece));
                assert_in_range(piece.count, 1, wanted);
            } else {
                assert_true(ktki_index_exactly(&reader, wanted, &piece.indices));
            }
            for (size_t i = 0; i < piece.count; i++) {
                assert_int_equal(piece.indices == NULL ? piece.value : piece.indices[i],
                                 numbers[done++]);
            }
        }
        free(input);
    }
}

static void refuses_indices_out_of_bounds(void **unused) {
    static struct index_reader reader;
    uint8_t bytes[1100];
    size_t size = mixed_runs(bytes);
    struct index_piece piece;
    const uint32_t *indices;

    (void)unused;
    ktki_index_init(&reader, ktki_cursor(bytes, size), 8, 9, ktki_kernels());
    assert_false(ktki_index_some(&reader, 10, &piece));
    ktki_index_init(&reader, ktki_cursor(bytes, size), 8, 199, ktki_kernels());
    assert_true(ktki_index_exactly(&reader, 1000, &indices));
    assert_false(ktki_index_exactly(&reader, 1000, &indices));
    ktki_index_init(&reader, ktki_cursor(bytes, 0), 8, 199, ktki_kernels());
    assert_false(ktki_index_some(&reader, 1, &piece));
    /* Numbers of no bits are zeroes, which an empty dictionary does not have. */
    ktki_index_init(&reader, ktki_cursor("\x03", 1), 0, 0, ktki_kernels());
    assert_false(ktki_index_some(&reader, 1, &piece));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_repeated_runs),
        cmocka_unit_test(reads_packed_runs),
        cmocka_unit_test(passes_over_empty_runs),
        cmocka_unit_test(ends_a_packed_run_where_the_bytes_end),
        cmocka_unit_test(refuses_what_is_damaged),
        cmocka_unit_test(reads_numbers_of_no_bits),
        cmocka_unit_test(hands_out_indices_in_pieces),
        cmocka_unit_test(hands_out_exactly_as_many_indices),
        cmocka_unit_test(hands_out_runs_of_all_lengths),
        cmocka_unit_test(refuses_indices_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
