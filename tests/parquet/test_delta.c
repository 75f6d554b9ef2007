#include "support/test.h"

#include <stdlib.h>

#include "parquet/delta.h"
#include "parquet/delta_text.h"

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint64_t random_u64(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

#define CURSOR(...) ktki_cursor((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

/* Blocks of 128 numbers in 4 miniblocks. */
#define BLOCKS 0x80, 0x01, 4

/* ---- worked out by hand: the examples of Encodings.md ---- */

static void reads_the_examples_of_the_format(void **unused) {
    static const int32_t steady[] = {1, 2, 3, 4, 5};
    static const int32_t turning[] = {7, 5, 3, 1, 2, 3, 4, 5};
    struct delta_reader reader;
    int32_t out[8];

    (void)unused;
    assert_true(ktki_delta_begin(&reader, CURSOR(BLOCKS, 5, 2, 2, 0, 0, 0, 0), 4, ktki_kernels()));
    assert_int_equal(reader.count, 5);
    assert_true(ktki_delta_next(&reader, 5, out));
    assert_memory_equal(out, steady, sizeof(steady));
    assert_false(ktki_delta_next(&reader, 1, out));
    assert_true(ktki_delta_begin(
        &reader, CURSOR(BLOCKS, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0, 0xAB), 4,
        ktki_kernels()));
    assert_true(ktki_delta_next(&reader, 8, out));
    assert_memory_equal(out, turning, sizeof(turning));
    /* Behind the miniblock, which is filled up. */
    assert_int_equal(*ktki_delta_rest(&reader).at, 0xAB);
}

static void wraps_around(void **unused) {
    struct delta_reader reader;
    int32_t narrow[2];
    int64_t wide[2];

    (void)unused;
    /* INT_MAX, then one more. */
    assert_true(ktki_delta_begin(&reader,
                                 CURSOR(BLOCKS, 2, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 2, 0, 0, 0, 0), 4,
                                 ktki_kernels()));
    assert_true(ktki_delta_next(&reader, 2, narrow));
    assert_int_equal(narrow[0], INT32_MAX);
    assert_int_equal(narrow[1], INT32_MIN);
    /* INT64_MIN, then one less. */
    assert_true(ktki_delta_begin(&reader,
                                 CURSOR(BLOCKS, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0x01, 1, 0, 0, 0, 0),
                                 8, ktki_kernels()));
    assert_true(ktki_delta_next(&reader, 2, wide));
    assert_int_equal(wide[0], INT64_MIN);
    assert_int_equal(wide[1], INT64_MAX);
}

/* 0, 2^32 - 1, 0 with differences taken in 64 bits: the least is 1 - 2^32, the other one is 2^33 -
 * 2 above it. */
static void takes_differences_wider_than_the_numbers(void **unused) {
    static const uint32_t wanted[] = {0, UINT32_MAX, 0};
    struct delta_reader reader;
    uint32_t out[3];

    (void)unused;
    assert_true(ktki_delta_begin(&reader,
                                 CURSOR(BLOCKS, 3, 0, 0xFD, 0xFF, 0xFF, 0xFF, 0x1F, 33, 0, 0, 0,
                                        0xFE, 0xFF, 0xFF, 0xFF, 0x01, 0, 0, 0, 0),
                                 4, ktki_kernels()));
    assert_true(ktki_delta_next(&reader, 3, out));
    assert_memory_equal(out, wanted, sizeof(wanted));
}

static void takes_a_last_miniblock_that_is_not_filled(void **unused) {
    struct delta_reader reader;
    int32_t out[8];

    (void)unused;
    assert_true(ktki_delta_begin(&reader, CURSOR(BLOCKS, 8, 14, 3, 2, 77, 77, 77, 0xC0, 0x3F), 4,
                                 ktki_kernels()));
    assert_true(ktki_delta_next(&reader, 8, out));
    assert_int_equal(out[7], 5);
    assert_true(
        ktki_delta_begin(&reader, CURSOR(BLOCKS, 8, 14, 3, 2, 0, 0, 0, 0xC0), 4, ktki_kernels()));
    assert_false(ktki_delta_next(&reader, 8, out));
}

static void refuses_damaged_headers(void **unused) {
    struct delta_reader reader;
    const struct kernels *kernels = ktki_kernels();
    int32_t out[2];

    (void)unused;
    assert_false(ktki_delta_begin(&reader, CURSOR(0, 4, 1, 2), 4, kernels));
    assert_false(ktki_delta_begin(&reader, CURSOR(0x81, 0x01, 1, 1, 2), 4, kernels));
    assert_false(ktki_delta_begin(&reader, CURSOR(0x80, 0x01, 0, 1, 2), 4, kernels));
    assert_false(ktki_delta_begin(&reader, CURSOR(0x80, 0x01, 3, 1, 2), 4, kernels));
    assert_false(ktki_delta_begin(&reader, CURSOR(0x80, 0x01, 8, 1, 2), 4, kernels)); /* of 16 */
    assert_false(ktki_delta_begin(&reader, CURSOR(BLOCKS, 1), 4, kernels));
    assert_false(ktki_delta_begin(&reader, CURSOR(BLOCKS, 0x80), 4, kernels));
    /* Wider than the type. */
    assert_true(ktki_delta_begin(
        &reader, CURSOR(BLOCKS, 2, 2, 2, 65, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 8, kernels));
    assert_false(ktki_delta_next(&reader, 2, out));
    /* Widths of more miniblocks than there are bytes. */
    assert_true(ktki_delta_begin(
        &reader, CURSOR(0x80, 0x80, 0x80, 0x80, 0x10, 0x80, 0x80, 0x80, 0x01, 2, 2, 2, 0), 4,
        kernels));
    assert_false(ktki_delta_next(&reader, 2, out));
    /* A count of 2^64 - 1 with the bytes of none. */
    assert_true(ktki_delta_begin(
        &reader, CURSOR(BLOCKS, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2), 8,
        kernels));
    assert_false(ktki_delta_next(&reader, 2, out));
}

/* ---- a slow writer ---- */

struct writer {
    uint8_t bytes[1 << 17];
    size_t size;
};

static void put_varint(struct writer *writer, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        writer->bytes[writer->size++] = (uint8_t)(value | 0x80);
    }
    writer->bytes[writer->size++] = (uint8_t)value;
}

static void put_zigzag(struct writer *writer, int64_t value) {
    put_varint(writer, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

/* Numbers as the format says, bit by bit. Differences are taken relative to any number that is
 * not above them, and may have more bits than they need. */
static void write_slowly(struct writer *writer, const uint64_t *numbers, size_t count,
                         size_t block_size, size_t miniblock_count, unsigned bits) {
    size_t size = block_size / miniblock_count;
    uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;

    put_varint(writer, block_size);
    put_varint(writer, miniblock_count);
    put_varint(writer, count);
    put_zigzag(writer, bits == 32 ? (int32_t)numbers[0] : (int64_t)numbers[0]);
    for (size_t start = 1; start < count; start += block_size) {
        size_t end = count - start < block_size ? count : start + block_size;
        uint64_t first = (numbers[start] - numbers[start - 1]) & mask;
        int64_t least = bits == 32 ? (int32_t)first : (int64_t)first;
        size_t widths;

        for (size_t i = start; i < end; i++) {
            uint64_t delta = (numbers[i] - numbers[i - 1]) & mask;
            int64_t value = bits == 32 ? (int32_t)delta : (int64_t)delta;
            least = value < least ? value : least;
        }
        put_zigzag(writer, least);
        widths = writer->size;
        writer->size += miniblock_count;
        for (size_t m = 0; m < miniblock_count; m++) {
            size_t from = start + m * size;
            uint64_t seen = 0;
            unsigned width = 0;
            writer->bytes[widths + m] = (uint8_t)random_u64(); /* if there are no numbers */
            if (from >= end) {
                continue;
            }
            for (size_t i = from; i < from + size && i < end; i++) {
                seen |= (numbers[i] - numbers[i - 1] - (uint64_t)least) & mask;
            }
            for (; width < 64 && seen >> width != 0; width++) {
            }
            width += (unsigned)(random_u64() % 4 == 0 ? random_u64() % (bits - width + 1) : 0);
            writer->bytes[widths + m] = (uint8_t)width;
            memset(writer->bytes + writer->size, 0, size * width / 8);
            for (size_t i = from; i < from + size && i < end; i++) {
                uint64_t delta = (numbers[i] - numbers[i - 1] - (uint64_t)least) & mask;
                for (unsigned bit = 0; bit < width; bit++) {
                    size_t at = (i - from) * width + bit;
                    writer->bytes[writer->size + at / 8] |=
                        (uint8_t)((delta >> bit & 1) << (at % 8));
                }
            }
            writer->size += size * width / 8;
        }
    }
}

#define NUMBERS_MAX 3000

static void check_numbers(const uint64_t *numbers, size_t count, size_t bits,
                          const struct kernels *kernels, const struct writer *writer) {
    /* Exactly as large as it must be, so that a step beyond is seen by the sanitizer. */
    uint8_t *bytes = malloc(writer->size);
    uint8_t *out = malloc(count * bits / 8);
    struct delta_reader reader;
    size_t done = 0;

    assert_non_null(bytes);
    assert_non_null(out);
    memcpy(bytes, writer->bytes, writer->size);
    assert_true(ktki_delta_begin(&reader, ktki_cursor(bytes, writer->size), bits / 8, kernels));
    while (done < count) {
        size_t some = (size_t)(random_u64() % (random_u64() % 4 == 0 ? 1000 : 40));
        some = some < count - done ? some : count - done;
        assert_true(ktki_delta_next(&reader, some, out + done * bits / 8));
        done += some;
    }
    for (size_t i = 0; i < count; i++) {
        if (bits == 32) {
            assert_int_equal(((uint32_t *)(void *)out)[i], (uint32_t)numbers[i]);
        } else {
            assert_true(((uint64_t *)(void *)out)[i] == numbers[i]);
        }
    }
    assert_int_equal(ktki_cursor_left(&(struct cursor){ktki_delta_rest(&reader).at,
                                                       ktki_delta_rest(&reader).end}),
                     0);
    assert_false(ktki_delta_next(&reader, 1, out));
    free(bytes);
    free(out);
}

static void reads_what_a_slow_writer_writes(void **unused) {
    static const size_t blocks[][2] = {{128, 4}, {128, 1}, {256, 8}, {1024, 4}, {2048, 1}};
    static struct writer writer;
    static uint64_t numbers[NUMBERS_MAX];

    (void)unused;
    for (int round = 0; round < 300; round++) {
        const size_t *block = blocks[round % 5];
        unsigned bits = round % 2 == 0 ? 32 : 64;
        unsigned spread = (unsigned)(random_u64() % (bits + 1));
        size_t count = 1 + (size_t)(random_u64() % (round % 3 == 0 ? NUMBERS_MAX : 70));
        for (size_t i = 0; i < count; i++) {
            numbers[i] = (i == 0 ? 0 : numbers[i - 1]) + 3 +
                         (spread == 0 ? 0 : random_u64() >> (64 - spread));
        }
        writer.size = 0;
        write_slowly(&writer, numbers, count, block[0], block[1], bits);
        for (int level = 0; level < KERNEL_LEVELS; level++) {
            if (ktki_kernels_of_level(level) != NULL) {
                check_numbers(numbers, count, bits, ktki_kernels_of_level(level), &writer);
            }
        }
    }
}

/* ---- texts ---- */

static struct read_scratch *new_scratch(void) {
    struct read_scratch *scratch = NULL;
    ktk_error err;

    CHECK_OK(ktki_scratch_new(&scratch, test_allocator(), &err));
    return scratch;
}

/* Sizes 5, 5, 6, 6: the example of Encodings.md. */
#define LENGTHS BLOCKS, 4, 10, 0, 1, 0, 0, 0, 0x02, 0, 0, 0

static void reads_texts_with_sizes_in_front(void **unused) {
    const struct cursor in = CURSOR(LENGTHS, 'H', 'e', 'l', 'l', 'o', 'W', 'o', 'r', 'l', 'd', 'F',
                                    'o', 'o', 'b', 'a', 'r', 'A', 'B', 'C', 'D', 'E', 'F');
    struct read_scratch *scratch = new_scratch();
    struct delta_text text;
    uint8_t out[64];
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_delta_text_begin(&text, in, 4, false, 1000, scratch, &err));
    assert_int_equal(text.size, 22);
    ktki_delta_text_copy(&text, false, out);
    assert_memory_equal(out, "HelloWorldFoobarABCDEF", 22);
    assert_int_equal(ktki_delta_text_size(&text, true), 22 + 16);
    ktki_delta_text_copy(&text, true, out);
    assert_memory_equal(out, "\5\0\0\0Hello\5\0\0\0World\6\0\0\0Foobar\6\0\0\0ABCDEF", 38);
    CHECK_STATUS(ktki_delta_text_begin(&text, in, 3, false, 1000, scratch, &err), KTK_E_CORRUPT);
    CHECK_STATUS(ktki_delta_text_begin(&text, in, 4, false, 21, scratch, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("22 bytes");
    CHECK_STATUS(ktki_delta_text_begin(&text, ktki_cursor(in.at, (size_t)(in.end - in.at) - 1), 4,
                                       false, 1000, scratch, &err),
                 KTK_E_CORRUPT);
    /* A negative size. */
    CHECK_STATUS(ktki_delta_text_begin(&text, CURSOR(BLOCKS, 1, 1), 1, false, 1000, scratch, &err),
                 KTK_E_CORRUPT);
    ktki_scratch_free(scratch);
}

/* Shared starts 0, 2, 0, 3 and sizes without them 4, 2, 6, 5: the example of Encodings.md. */
static void reads_texts_without_their_common_start(void **unused) {
    /* Differences 2, -2, 3 and -2, 4, -1, less -2: 4, 0, 5 and 0, 6, 1 in three bits. */
    const struct cursor in =
        CURSOR(BLOCKS, 4, 0, 3, 3, 0, 0, 0, 0x44, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* */
               BLOCKS, 4, 8, 3, 3, 0, 0, 0, 0x70, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* */
               'a', 'x', 'i', 's', 'l', 'e', 'b', 'a', 'b', 'b', 'l', 'e', 'y', 'h', 'o', 'o', 'd');
    struct read_scratch *scratch = new_scratch();
    struct delta_text text;
    uint8_t out[64];
    uint8_t copy[64];
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_delta_text_begin(&text, in, 4, true, 1000, scratch, &err));
    assert_int_equal(text.size, 22);
    memset(out, 0xEE, sizeof(out));
    ktki_delta_text_copy(&text, false, out);
    assert_memory_equal(out, "axisaxlebabblebabyhood\xEE\xEE", 24);
    ktki_delta_text_copy(&text, true, out);
    assert_memory_equal(out, "\4\0\0\0axis\4\0\0\0axle\6\0\0\0babble\10\0\0\0babyhood\xEE", 39);
    /* A byte shared with what is not there. */
    memcpy(copy, in.at, (size_t)(in.end - in.at));
    copy[4] = 2;
    CHECK_STATUS(ktki_delta_text_begin(&text, ktki_cursor(copy, (size_t)(in.end - in.at)), 4, true,
                                       1000, scratch, &err),
                 KTK_E_CORRUPT);
    ktki_scratch_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_examples_of_the_format),
        cmocka_unit_test(wraps_around),
        cmocka_unit_test(takes_differences_wider_than_the_numbers),
        cmocka_unit_test(takes_a_last_miniblock_that_is_not_filled),
        cmocka_unit_test(refuses_damaged_headers),
        cmocka_unit_test(reads_what_a_slow_writer_writes),
        cmocka_unit_test(reads_texts_with_sizes_in_front),
        cmocka_unit_test(reads_texts_without_their_common_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
