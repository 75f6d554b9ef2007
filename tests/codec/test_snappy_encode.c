#include "support/test.h"

#include <snappy-c.h>
#include <stdbool.h>
#include <stdlib.h>

#include "codec/snappy_decode.h"
#include "codec/snappy_encode.h"

#define SIZE_MAX_MADE ((size_t)300000)

/* ---- data ---- */

static uint64_t random_state;

static uint64_t random_next(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 24;
}

static void make_noise(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)random_next();
    }
}

static void make_run(uint8_t *data, size_t size) {
    memset(data, 7, size);
}

static void make_text(uint8_t *data, size_t size) {
    static const char *const words[] = {"the ", "packages ", "sleep ", "above ",
                                        "a ",   "furious ",  "pinto ", "beans, "};
    for (size_t i = 0; i < size;) {
        const char *word = words[random_next() % 8];
        for (size_t j = 0; word[j] != '\0' && i < size; j++) {
            data[i++] = (uint8_t)word[j];
        }
    }
}

static void put_words(uint8_t *data, size_t size, uint64_t (*next)(uint64_t before)) {
    uint64_t word = 1000000007u;

    for (size_t i = 0; i < size; i++) {
        if (i % 8 == 0) {
            word = next(word);
        }
        data[i] = (uint8_t)(word >> 8 * (i % 8));
    }
}

static uint64_t next_count(uint64_t before) {
    return before + 1;
}

static void make_count(uint8_t *data, size_t size) {
    put_words(data, size, next_count);
}

static uint64_t next_time(uint64_t before) {
    return before + random_next() % 40000000;
}

static void make_times(uint8_t *data, size_t size) {
    put_words(data, size, next_time);
}

static uint64_t next_repeated(uint64_t before) {
    return random_next() % 4 == 0 ? before + random_next() % 300 : before;
}

static void make_repeated(uint8_t *data, size_t size) {
    put_words(data, size, next_repeated);
}

/* Four bytes change, the uppermost of them to one of few. */
static uint64_t next_wide(uint64_t before) {
    return (before & UINT64_C(0xFFFFFFFF00000000)) | random_next() % 20 << 24 |
           (random_next() & 0xFFFFFF);
}

static void make_wide(uint8_t *data, size_t size) {
    put_words(data, size, next_wide);
}

static uint64_t next_any(uint64_t before) {
    return before ^ random_next() >> random_next() % 40;
}

static void make_any(uint8_t *data, size_t size) {
    put_words(data, size, next_any);
}

/* Pieces of the others, some of them seen before. */
static void make_mixture(uint8_t *data, size_t size) {
    static void (*const makers[])(uint8_t *, size_t) = {make_noise, make_run,  make_text,
                                                        make_times, make_wide, make_repeated};
    for (size_t at = 0; at < size;) {
        size_t length = 1 + random_next() % (random_next() % 4 == 0 ? 5000 : 60);
        length = length < size - at ? length : size - at;
        if (at > 0 && random_next() % 2 == 0) {
            size_t from = random_next() % at;
            for (size_t i = 0; i < length; i++) {
                data[at + i] = data[from + i];
            }
        } else {
            makers[random_next() % 6](data + at, length);
        }
        at += length;
    }
}

static const struct kind {
    void (*make)(uint8_t *data, size_t size);
    /* Size of the block and FNV-1a of its bytes, for SIZE_MAX_MADE bytes. */
    size_t size;
    uint32_t sum;
} kinds[] = {
    {make_noise, 300007, 0xD432ED85},   {make_run, 14069, 0xDCEC6E33},
    {make_text, 82758, 0x267ABE3B},     {make_count, 150167, 0xBBF0DD01},
    {make_times, 254571, 0xBDEF2636},   {make_wide, 223382, 0xA4CEA435},
    {make_repeated, 52598, 0x2E420AC3}, {make_any, 215980, 0x6C8F8352},
    {make_mixture, 102655, 0x9FF93196},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- checks ---- */

/* In blocks exactly as large as they must be. Returns the size of the block. */
static size_t round_trip(const uint8_t *data, size_t size) {
    static uint16_t table[SNAPPY_TABLE_SIZE];
    uint8_t *copy = malloc(size > 0 ? size : 1);
    uint8_t *packed = malloc(ktki_snappy_bound(size));
    uint8_t *plain = malloc(size > 0 ? size : 1);
    size_t plain_size = size;
    size_t packed_size;

    assert_true(copy != NULL && packed != NULL && plain != NULL);
    memcpy(copy, data, size);
    packed_size = ktki_snappy_encode(copy, size, table, packed);
    assert_true(packed_size <= ktki_snappy_bound(size));
    assert_int_equal(
        snappy_uncompress((const char *)packed, packed_size, (char *)plain, &plain_size),
        SNAPPY_OK);
    assert_int_equal(plain_size, size);
    assert_memory_equal(plain, data, size);
    memset(plain, 0x5A, size);
    assert_true(ktki_snappy_decode(packed, packed_size, plain, size));
    assert_memory_equal(plain, data, size);
    free(copy);
    free(packed);
    free(plain);
    return packed_size;
}

static void library_reads_every_size(void **unused) {
    uint8_t *data = malloc(SIZE_MAX_MADE);

    (void)unused;
    assert_non_null(data);
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t size = 0; size <= 400; size++) {
            random_state = size;
            kinds[i].make(data, size);
            (void)round_trip(data, size);
        }
        for (size_t size = 65500; size <= 65600; size += 9) {
            random_state = size;
            kinds[i].make(data, size);
            (void)round_trip(data, size);
        }
    }
    free(data);
}

static void library_reads_random_mixtures(void **unused) {
    uint8_t *data = malloc(SIZE_MAX_MADE);

    (void)unused;
    assert_non_null(data);
    for (uint64_t seed = 0; seed < 300; seed++) {
        size_t size;
        random_state = seed;
        size = (size_t)(random_next() % (seed % 10 == 0 ? SIZE_MAX_MADE : 10000));
        make_mixture(data, size);
        (void)round_trip(data, size);
    }
    free(data);
}

/* A match of every length around the largest that one element holds, as far back as elements
 * reach, and just beyond. */
static void copies_of_every_length(void **unused) {
    uint8_t *data = malloc(SIZE_MAX_MADE);

    (void)unused;
    assert_non_null(data);
    for (size_t length = 4; length <= 200; length++) {
        static const size_t distances[] = {250, 2047, 2048, 2049, 65535, 65536, 65537};
        for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
            size_t size = distances[i] + length + 50;
            random_state = length;
            make_noise(data, size);
            memcpy(data + distances[i], data, length);
            (void)round_trip(data, size);
        }
    }
    free(data);
}

static uint32_t sum_of(const uint8_t *data, size_t size) {
    uint32_t sum = 2166136261u;

    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ data[i]) * 16777619u;
    }
    return sum;
}

/* Files are compared byte by byte, so blocks must not depend on compilers or processors; these were
 * written down when the encoder was made. Whoever changes it on purpose writes them down anew. */
static void blocks_are_those_of_every_machine(void **unused) {
    static uint16_t table[SNAPPY_TABLE_SIZE];
    uint8_t *data = malloc(SIZE_MAX_MADE);
    uint8_t *packed = malloc(ktki_snappy_bound(SIZE_MAX_MADE));
    bool are_equal = true;

    (void)unused;
    assert_true(data != NULL && packed != NULL);
    for (size_t i = 0; i < KINDS; i++) {
        size_t size;
        random_state = 1;
        kinds[i].make(data, SIZE_MAX_MADE);
        memset(table, (int)i, sizeof(table)); /* what the table holds is of no account */
        size = ktki_snappy_encode(data, SIZE_MAX_MADE, table, packed);
        if (size != kinds[i].size || sum_of(packed, size) != kinds[i].sum) {
            print_message("# kind %zu: %zu, 0x%08X\n", i, size, sum_of(packed, size));
            are_equal = false;
        }
    }
    assert_true(are_equal);
    free(data);
    free(packed);
}

/* Not far behind the library in size, whatever the data. */
static void blocks_are_about_as_small_as_those_of_the_library(void **unused) {
    size_t capacity = snappy_max_compressed_length(SIZE_MAX_MADE);
    uint8_t *data = malloc(SIZE_MAX_MADE);
    char *packed = malloc(capacity);

    (void)unused;
    assert_true(data != NULL && packed != NULL);
    for (size_t i = 0; i < KINDS; i++) {
        size_t theirs = capacity;
        random_state = 1;
        kinds[i].make(data, SIZE_MAX_MADE);
        assert_int_equal(snappy_compress((const char *)data, SIZE_MAX_MADE, packed, &theirs),
                         SNAPPY_OK);
        print_message("# kind %zu: %zu, the library %zu\n", i, kinds[i].size, theirs);
        assert_true(kinds[i].size <= theirs + theirs / 20);
    }
    free(data);
    free(packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(library_reads_every_size),
        cmocka_unit_test(library_reads_random_mixtures),
        cmocka_unit_test(copies_of_every_length),
        cmocka_unit_test(blocks_are_those_of_every_machine),
        cmocka_unit_test(blocks_are_about_as_small_as_those_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
