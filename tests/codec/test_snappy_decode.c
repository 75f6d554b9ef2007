#include "support/test.h"

#include <stdlib.h>

#include "codec/snappy_decode.h"

/* A block and what it stands for, put together element by element. */
struct block {
    uint8_t packed[1 << 16];
    size_t packed_size;
    uint8_t plain[1 << 16];
    size_t plain_size;
};

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t bound) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % bound;
}

static void put(struct block *block, uint8_t byte) {
    block->packed[block->packed_size++] = byte;
}

static void add_literal(struct block *block, size_t length) {
    if (length <= 60) {
        put(block, (uint8_t)((length - 1) << 2));
    } else {
        put(block, 61 << 2);
        put(block, (uint8_t)(length - 1));
        put(block, (uint8_t)((length - 1) >> 8));
    }
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)random_below(256);
        put(block, byte);
        block->plain[block->plain_size++] = byte;
    }
}

/* By the shortest kind that can say it, or by one with more bytes of offset. */
static void add_copy(struct block *block, size_t offset, size_t length, unsigned kind) {
    if (kind == 1 && length >= 4 && length <= 11 && offset < 2048) {
        put(block, (uint8_t)(1 | (length - 4) << 2 | offset >> 8 << 5));
        put(block, (uint8_t)offset);
    } else {
        put(block, (uint8_t)((kind == 3 ? 3 : 2) | (length - 1) << 2));
        for (unsigned i = 0; i < (kind == 3 ? 4u : 2u); i++) {
            put(block, (uint8_t)(offset >> 8 * i));
        }
    }
    for (size_t i = 0; i < length; i++) {
        block->plain[block->plain_size] = block->plain[block->plain_size - offset];
        block->plain_size++;
    }
}

static struct block *block_new(void) {
    struct block *block = malloc(sizeof(*block));
    assert_non_null(block);
    block->packed_size = 0;
    block->plain_size = 0;
    return block;
}

/* The size in front of the elements; input and output exactly as large as they must be. */
static void check(const struct block *block) {
    size_t size = block->packed_size + 3;
    uint8_t *packed = malloc(size);
    uint8_t *plain = malloc(block->plain_size + 1);

    assert_non_null(packed);
    assert_non_null(plain);
    packed[0] = (uint8_t)(block->plain_size | 0x80);
    packed[1] = (uint8_t)(block->plain_size >> 7 | 0x80);
    packed[2] = (uint8_t)(block->plain_size >> 14);
    memcpy(packed + 3, block->packed, block->packed_size);
    plain[block->plain_size] = 0x5A;
    assert_true(ktki_snappy_decode(packed, size, plain, block->plain_size));
    assert_memory_equal(plain, block->plain, block->plain_size);
    assert_int_equal(plain[block->plain_size], 0x5A);
    assert_false(ktki_snappy_decode(packed, size - 1, plain, block->plain_size));
    assert_false(ktki_snappy_decode(packed, size, plain, block->plain_size - 1));
    for (size_t wanted = block->plain_size; wanted > 0; wanted /= 3) {
        memset(plain, 0xEE, block->plain_size);
        assert_true(ktki_snappy_decode_start(packed, size, plain, block->plain_size, wanted));
        assert_memory_equal(plain, block->plain, wanted);
        assert_int_equal(plain[block->plain_size], 0x5A);
    }
    free(packed);
    free(plain);
}

static void repeats_patterns_of_every_length(void **unused) {
    (void)unused;
    for (size_t offset = 1; offset <= 70; offset++) {
        for (size_t length = 1; length <= 64; length++) {
            struct block *block = block_new();
            add_literal(block, offset);
            add_copy(block, offset, length, 1);
            /* once more with room behind it, where whole steps are taken */
            add_literal(block, 70);
            add_copy(block, offset, length, 3);
            add_literal(block, 1);
            add_copy(block, offset, length, 1);
            add_literal(block, 200);
            check(block);
            free(block);
        }
    }
}

static void reads_columns_of_words(void **unused) {
    (void)unused;
    for (int repeat = 0; repeat < 200; repeat++) {
        struct block *block = block_new();
        add_literal(block, 8 + random_below(30));
        for (int i = 0; i < 300; i++) {
            add_copy(block, random_below(20) == 0 ? 1 + random_below(8) : 8,
                     random_below(30) == 0 ? 1 + random_below(64) : 4 + random_below(5), 1);
            if (random_below(10) != 0) {
                add_literal(block,
                            random_below(30) == 0 ? 1 + random_below(70) : 1 + random_below(8));
            }
        }
        check(block);
        free(block);
    }
}

static void reads_any_mixture(void **unused) {
    (void)unused;
    for (int repeat = 0; repeat < 500; repeat++) {
        struct block *block = block_new();
        int count = 1 + (int)random_below(100);
        add_literal(block, 1 + random_below(300));
        for (int i = 0; i < count; i++) {
            if (random_below(2) == 0) {
                add_literal(block, 1 + random_below(random_below(5) == 0 ? 300 : 20));
            } else {
                add_copy(block, 1 + random_below((uint32_t)block->plain_size), 1 + random_below(64),
                         1 + random_below(3));
            }
        }
        check(block);
        free(block);
    }
}

/* Byte by byte, as the format is described. */
static bool decode_plainly(const uint8_t *in, size_t size, uint8_t *out, size_t out_size) {
    const uint8_t *end = in + size;
    size_t stated = 0;
    size_t done = 0;
    unsigned shift = 0;

    do {
        if (in == end || shift > 28) {
            return false;
        }
        stated |= (size_t)(*in & 0x7F) << shift;
        shift += 7;
    } while ((*in++ & 0x80) != 0);
    if (stated != out_size) {
        return false;
    }
    while (in < end) {
        static const unsigned heads[] = {0, 1, 2, 4};
        unsigned tag = *in++;
        unsigned long_literal = (tag & 3) == 0 && tag >> 2 >= 60 ? (tag >> 2) - 59 : 0;
        unsigned head_size = heads[tag & 3] + long_literal;
        size_t head = 0;
        size_t length = (tag & 3) == 1 ? (tag >> 2 & 7) + 4 : (tag >> 2) + 1;

        if ((size_t)(end - in) < head_size) {
            return false;
        }
        for (unsigned i = 0; i < head_size; i++) {
            head |= (size_t)*in++ << 8 * i;
        }
        length = long_literal > 0 ? head + 1 : length;
        head += (tag & 3) == 1 ? (size_t)(tag >> 5) << 8 : 0;
        if (length > out_size - done || ((tag & 3) == 0 && length > (size_t)(end - in)) ||
            ((tag & 3) != 0 && (head == 0 || head > done))) {
            return false;
        }
        for (size_t i = 0; i < length; i++, done++) {
            out[done] = (tag & 3) == 0 ? *in++ : out[done - head];
        }
    }
    return done == out_size;
}

/* Damage is found, or does no harm beyond other bytes. */
static void agrees_with_plain_decoding_of_damaged_blocks(void **unused) {
    int agreed = 0;

    (void)unused;
    for (int repeat = 0; repeat < 20000; repeat++) {
        struct block *block = block_new();
        uint8_t *packed;
        uint8_t *out;
        uint8_t *wanted;
        size_t size;
        bool is_good;

        add_literal(block, 60 + random_below(400));
        for (uint32_t i = random_below(150); i > 0; i--) {
            if (random_below(2) == 0) {
                add_literal(block, 1 + random_below(random_below(20) == 0 ? 300 : 12));
            } else {
                add_copy(block,
                         random_below(2) == 0 ? 8 : 1 + random_below((uint32_t)block->plain_size),
                         1 + random_below(random_below(10) == 0 ? 64 : 11), 1 + random_below(3));
            }
        }
        size = block->packed_size + 3 - random_below(2) * random_below(40);
        packed = malloc(size);
        out = malloc(block->plain_size);
        wanted = malloc(block->plain_size);
        assert_true(packed != NULL && out != NULL && wanted != NULL);
        packed[0] = (uint8_t)(block->plain_size | 0x80);
        packed[1] = (uint8_t)(block->plain_size >> 7 | 0x80);
        packed[2] = (uint8_t)(block->plain_size >> 14);
        memcpy(packed + 3, block->packed, size - 3);
        for (uint32_t i = random_below(4); i > 0; i--) {
            packed[3 + random_below((uint32_t)size - 3)] ^= (uint8_t)(1u << random_below(8));
        }
        is_good = decode_plainly(packed, size, wanted, block->plain_size);
        assert_int_equal(ktki_snappy_decode(packed, size, out, block->plain_size), is_good);
        if (is_good) {
            assert_memory_equal(out, wanted, block->plain_size);
            agreed++;
        }
        free(packed);
        free(out);
        free(wanted);
        free(block);
    }
    assert_true(agreed > 1000 && agreed < 19000);
}

#define DECODE(out_size, ...)                                                                      \
    ktki_snappy_decode((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), out,      \
                       (out_size))

static void refuses_what_is_damaged(void **unused) {
    uint8_t out[256];
    struct block *block = block_new();

    (void)unused;
    assert_true(DECODE(0, 0));
    assert_false(ktki_snappy_decode(out, 0, out, 0));
    assert_false(DECODE(1, 1));                     /* no element */
    assert_false(DECODE(2, 2, 0x04, 'a'));          /* literal behind the input */
    assert_false(DECODE(1, 1, 0x04, 'a', 'b'));     /* behind the output */
    assert_false(DECODE(5, 5, 0x00, 'a', 0x01, 0)); /* offset 0 */
    assert_false(DECODE(5, 5, 0x00, 'a', 0x01, 2)); /* before the start */
    assert_true(DECODE(5, 5, 0x00, 'a', 0x01, 1));
    assert_false(DECODE(5, 5, 0x00, 'a', 0x01));                 /* half a copy */
    assert_false(DECODE(1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01)); /* size of 35 bits */
    assert_false(DECODE(1, 0x80, 0x80));                         /* half a size */
    assert_false(DECODE(4, 4, 0xF4, 0xFF, 0xFF, 'a', 'b'));      /* long literal, too long */
    /* A bad offset where whole steps are taken. */
    add_literal(block, 100);
    add_copy(block, 100, 64, 2);
    add_literal(block, 200);
    block->packed[105] = 101; /* of the copy, was 100 */
    memmove(block->packed + 2, block->packed, block->packed_size);
    block->packed[0] = 0xEC; /* 364 */
    block->packed[1] = 0x02;
    {
        uint8_t *plain = malloc(364);
        assert_non_null(plain);
        assert_true(block->packed[2 + 104 - 1] == (2 | 63 << 2));
        assert_false(ktki_snappy_decode(block->packed, block->packed_size + 2, plain, 364));
        free(plain);
    }
    free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_patterns_of_every_length),
        cmocka_unit_test(reads_columns_of_words),
        cmocka_unit_test(reads_any_mixture),
        cmocka_unit_test(refuses_what_is_damaged),
        cmocka_unit_test(agrees_with_plain_decoding_of_damaged_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
