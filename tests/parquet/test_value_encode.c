#include "support/test.h"

#include <stdlib.h>

#include "base/context.h"
#include "parquet/delta.h"
#include "parquet/delta_text.h"
#include "parquet/value_encode.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})
#define ZEROES_10 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* Blocks of 128 numbers in 4 miniblocks. */
#define BLOCKS 0x80, 0x01, 4

static uint64_t random_state = 0x2545F4914F6CDD1Du;

static uint64_t random_u64(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

struct fixture {
    struct value_encoder encoder;
    struct buffer out;
};

static void begin(struct fixture *fixture) {
    ktki_encoder_init(&fixture->encoder, test_allocator());
    ktki_buffer_init(&fixture->out, test_allocator(), 0);
}

static void end(struct fixture *fixture) {
    ktki_encoder_clear(&fixture->encoder);
    ktki_buffer_clear(&fixture->out);
    assert_int_equal(test_allocator_live(), 0);
}

/* Values as one block, or in two. */
static ktk_status encode(struct fixture *fixture, enum parquet_encoding encoding,
                         enum parquet_type type, size_t width, const struct value_block *block,
                         size_t split, ktk_error *err) {
    struct value_encoder *encoder = &fixture->encoder;
    struct value_block parts[2] = {*block, *block};
    ktk_status status;

    parts[0].count = split;
    parts[1].count -= split;
    parts[1].fixed = block->fixed == NULL ? NULL : block->fixed + split * width;
    parts[1].starts = block->starts == NULL ? NULL : block->starts + split;
    parts[1].sizes = block->sizes == NULL ? NULL : block->sizes + split;
    status = ktki_encoder_begin(encoder, encoding, type, width, block->count, &fixture->out, err);
    for (size_t i = 0; i < 2 && status == KTK_OK; i++) {
        status = ktki_encoder_add(encoder, &parts[i], err);
    }
    return status != KTK_OK ? status : ktki_encoder_finish(encoder, err);
}

static void encodes(enum parquet_encoding encoding, enum parquet_type type, size_t width,
                    const struct value_block *block, const uint8_t *wanted, size_t size) {
    ktk_error err;

    for (size_t split = 0; split <= block->count; split++) {
        struct fixture fixture;
        begin(&fixture);
        CHECK_OK(ktki_buffer_append(&fixture.out, "before", 6, &err));
        CHECK_OK(encode(&fixture, encoding, type, width, block, split, &err));
        assert_int_equal(fixture.out.size, 6 + size);
        assert_memory_equal(fixture.out.data + 6, wanted, size);
        end(&fixture);
    }
}

#define FIXED(count, type, ...)                                                                    \
    (&(const struct value_block){(count), (const uint8_t *)(const type[]){__VA_ARGS__}, NULL,      \
                                 NULL, NULL})

/* ---- the examples of Encodings.md ---- */

static void writes_differences(void **unused) {
    (void)unused;
    encodes(PQ_DELTA_BINARY_PACKED, PQ_INT32, 4, FIXED(5, int32_t, 1, 2, 3, 4, 5),
            BYTES(BLOCKS, 5, 2, 2, 0, 0, 0, 0));
    encodes(PQ_DELTA_BINARY_PACKED, PQ_INT64, 8, FIXED(8, int64_t, 7, 5, 3, 1, 2, 3, 4, 5),
            BYTES(BLOCKS, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0));
    encodes(PQ_DELTA_BINARY_PACKED, PQ_INT32, 4, FIXED(0, int32_t, 0), BYTES(BLOCKS, 0, 0));
    /* They wrap around: INT32_MAX and INT32_MIN are neighbours. */
    encodes(PQ_DELTA_BINARY_PACKED, PQ_INT32, 4, FIXED(2, int32_t, INT32_MAX, INT32_MIN),
            BYTES(BLOCKS, 2, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 2, 0, 0, 0, 0));
}

static const uint8_t *const words[] = {(const uint8_t *)"axis", (const uint8_t *)"axle",
                                       (const uint8_t *)"babble", (const uint8_t *)"babyhood"};
static const uint32_t word_sizes[] = {4, 4, 6, 8};
static const struct value_block word_block = {4, NULL, words, word_sizes, NULL};

static void writes_texts(void **unused) {
    static const uint8_t *const hello[] = {(const uint8_t *)"Hello", (const uint8_t *)"World",
                                           (const uint8_t *)"Foobar", (const uint8_t *)"ABCDEF"};
    static const uint32_t sizes[] = {5, 5, 6, 6};

    (void)unused;
    encodes(PQ_DELTA_LENGTH_BYTE_ARRAY, PQ_BYTE_ARRAY, 0,
            &(const struct value_block){4, NULL, hello, sizes, NULL},
            BYTES(BLOCKS, 4, 10, 0, 1, 0, 0, 0, 0x02, 0, 0, 0, 'H', 'e', 'l', 'l', 'o', 'W', 'o',
                  'r', 'l', 'd', 'F', 'o', 'o', 'b', 'a', 'r', 'A', 'B', 'C', 'D', 'E', 'F'));
    encodes(PQ_DELTA_BYTE_ARRAY, PQ_BYTE_ARRAY, 0, &word_block,
            BYTES(BLOCKS, 4, 0, 3, 3, 0, 0, 0, 0x44, 0x01, ZEROES_10, BLOCKS, 4, 8, 3, 3, 0, 0, 0,
                  0x70, 0x00, ZEROES_10, 'a', 'x', 'i', 's', 'l', 'e', 'b', 'a', 'b', 'b', 'l', 'e',
                  'y', 'h', 'o', 'o', 'd'));
    /* Numbers of three bytes: shared 0, 1, 2; the rest 3, 2, 1. */
    encodes(PQ_DELTA_BYTE_ARRAY, PQ_FIXED_LEN_BYTE_ARRAY, 3,
            FIXED(3, uint8_t, 'a', 'b', 'c', 'a', 'd', 'e', 'a', 'd', 'f'),
            BYTES(BLOCKS, 3, 0, 2, 0, 0, 0, 0, BLOCKS, 3, 6, 1, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 'e',
                  'f'));
}

static void writes_streams(void **unused) {
    static const uint8_t *const starts[] = {(const uint8_t *)"abc", (const uint8_t *)"def"};
    static const uint32_t sizes[] = {3, 3};

    (void)unused;
    encodes(
        PQ_BYTE_STREAM_SPLIT, PQ_FLOAT, 4,
        FIXED(3, uint8_t, 0xAA, 0xBB, 0xCC, 0xDD, 0x00, 0x11, 0x22, 0x33, 0xA3, 0xB4, 0xC5, 0xD6),
        BYTES(0xAA, 0x00, 0xA3, 0xBB, 0x11, 0xB4, 0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6));
    encodes(PQ_BYTE_STREAM_SPLIT, PQ_FIXED_LEN_BYTE_ARRAY, 3,
            &(const struct value_block){2, NULL, starts, sizes, NULL},
            BYTES('a', 'd', 'b', 'e', 'c', 'f'));
}

static void writes_runs_of_booleans(void **unused) {
    (void)unused;
    /* One group: 1 0 1 1 0 1 0 0. */
    encodes(PQ_RLE, PQ_BOOLEAN, 1, FIXED(8, uint8_t, 1, 0, 1, 1, 0, 1, 0, 0),
            BYTES(2, 0, 0, 0, 3, 0x2D));
    encodes(PQ_RLE, PQ_BOOLEAN, 1, FIXED(0, uint8_t, 0), BYTES(0, 0, 0, 0));
}

/* ---- against the readers, which have oracles of their own ---- */

static void check_numbers(size_t count, size_t width, unsigned spread) {
    uint64_t *numbers = calloc(count + 1, sizeof(*numbers));
    uint8_t *out = calloc(count + 1, width);
    struct value_block block = {count, (const uint8_t *)numbers, NULL, NULL, NULL};
    struct delta_reader reader;
    struct fixture fixture;
    uint64_t last = random_u64();
    ktk_error err;

    assert_non_null(numbers);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        last += spread == 0 ? 5 : random_u64() >> (64 - spread);
        memcpy((uint8_t *)numbers + i * width, &last, width);
    }
    begin(&fixture);
    CHECK_OK(encode(&fixture, PQ_DELTA_BINARY_PACKED, width == 4 ? PQ_INT32 : PQ_INT64, width,
                    &block, count / 3, &err));
    assert_true(ktki_delta_begin(&reader, ktki_cursor(fixture.out.data, fixture.out.size), width,
                                 ktki_kernels()));
    assert_true(reader.count == count);
    assert_true(ktki_delta_next(&reader, count, out));
    assert_memory_equal(out, numbers, count * width);
    assert_int_equal(reader.in.end - reader.in.at, 0);
    end(&fixture);
    free(numbers);
    free(out);
}

static void differences_of_any_width_come_back(void **unused) {
    static const size_t counts[] = {1, 2, 32, 33, 128, 129, 130, 500};

    (void)unused;
    for (unsigned spread = 0; spread <= 64; spread++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            check_numbers(counts[i], 8, spread);
            check_numbers(counts[i], 4, spread);
        }
    }
}

static void texts_of_any_size_come_back(void **unused) {
    enum { COUNT = 700 };
    static uint8_t text[1 << 12];
    static const uint8_t *starts[COUNT];
    static uint32_t sizes[COUNT];
    static uint8_t wanted[1 << 20];
    static uint8_t out[(1 << 20) + KERNEL_SLACK];
    struct read_scratch *scratch = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_scratch_new(&scratch, test_allocator(), &err));
    for (int round = 0; round < 40; round++) {
        struct value_block block = {1 + random_u64() % COUNT, NULL, starts, sizes, NULL};
        struct delta_text read;
        struct fixture fixture;
        size_t size = 0;

        for (size_t i = 0; i < sizeof(text); i++) {
            text[i] = (uint8_t)('a' + random_u64() % (round % 5 + 1));
        }
        for (size_t i = 0; i < block.count; i++) {
            sizes[i] = (uint32_t)(random_u64() % (round % 7 == 0 ? 1000 : 20));
            starts[i] = text + (random_u64() % 2 == 0 ? 0 : random_u64() % 3000);
            memcpy(wanted + size, starts[i], sizes[i]);
            size += sizes[i];
        }
        for (int shared = 0; shared < 2; shared++) {
            enum parquet_encoding encoding =
                shared != 0 ? PQ_DELTA_BYTE_ARRAY : PQ_DELTA_LENGTH_BYTE_ARRAY;
            ktki_encoder_init(&fixture.encoder, test_allocator());
            ktki_buffer_init(&fixture.out, test_allocator(), 0);
            CHECK_OK(encode(&fixture, encoding, PQ_BYTE_ARRAY, 0, &block, block.count / 2, &err));
            CHECK_OK(ktki_delta_text_begin(&read, ktki_cursor(fixture.out.data, fixture.out.size),
                                           block.count, shared != 0, sizeof(out), scratch, &err));
            assert_int_equal(read.size, size);
            assert_memory_equal(read.sizes, sizes, block.count * sizeof(*sizes));
            ktki_delta_text_copy(&read, false, out);
            assert_memory_equal(out, wanted, size);
            ktki_encoder_clear(&fixture.encoder);
            ktki_buffer_clear(&fixture.out);
        }
    }
    ktki_scratch_free(scratch);
    assert_int_equal(test_allocator_live(), 0);
}

static void knows_what_fits(void **unused) {
    (void)unused;
    for (int type = 0; type < PQ_TYPE_COUNT; type++) {
        assert_true(ktki_encoding_fits(PQ_PLAIN, (enum parquet_type)type));
        assert_false(ktki_encoding_fits(PQ_RLE_DICTIONARY, (enum parquet_type)type));
        assert_false(ktki_encoding_fits(PQ_BIT_PACKED, (enum parquet_type)type));
        assert_false(ktki_encoding_fits((enum parquet_encoding)77, (enum parquet_type)type));
        assert_int_equal(ktki_encoding_fits(PQ_RLE, (enum parquet_type)type), type == PQ_BOOLEAN);
    }
    assert_true(ktki_encoding_fits(PQ_DELTA_BINARY_PACKED, PQ_INT64));
    assert_false(ktki_encoding_fits(PQ_DELTA_BINARY_PACKED, PQ_DOUBLE));
    assert_false(ktki_encoding_fits(PQ_DELTA_LENGTH_BYTE_ARRAY, PQ_FIXED_LEN_BYTE_ARRAY));
    assert_true(ktki_encoding_fits(PQ_DELTA_BYTE_ARRAY, PQ_FIXED_LEN_BYTE_ARRAY));
    assert_false(ktki_encoding_fits(PQ_BYTE_STREAM_SPLIT, PQ_BYTE_ARRAY));
    assert_false(ktki_encoding_fits(PQ_BYTE_STREAM_SPLIT, PQ_INT96));
}

static void survives_want_of_memory(void **unused) {
    static const enum parquet_encoding encodings[] = {PQ_PLAIN, PQ_DELTA_LENGTH_BYTE_ARRAY,
                                                      PQ_DELTA_BYTE_ARRAY};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        bool is_done = false;
        for (int64_t n = 0; !is_done; n++) {
            ktk_context *context = test_context_failing(n);
            struct fixture fixture;
            ktk_error err;
            ktki_encoder_init(&fixture.encoder, ktki_context_allocator(context));
            ktki_buffer_init(&fixture.out, ktki_context_allocator(context), 0);
            is_done =
                encode(&fixture, encodings[i], PQ_BYTE_ARRAY, 0, &word_block, 2, &err) == KTK_OK;
            ktki_encoder_clear(&fixture.encoder);
            ktki_buffer_clear(&fixture.out);
            test_context_free(context);
            assert_true(n < 50);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_differences),
        cmocka_unit_test(writes_texts),
        cmocka_unit_test(writes_streams),
        cmocka_unit_test(writes_runs_of_booleans),
        cmocka_unit_test(differences_of_any_width_come_back),
        cmocka_unit_test(texts_of_any_size_come_back),
        cmocka_unit_test(knows_what_fits),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
