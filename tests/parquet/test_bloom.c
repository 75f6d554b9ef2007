#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "parquet/bloom.h"

#define FOREIGN "../shared/golden/parquet-testing/data/"

/* What Arrow's and parquet-mr's tests put into their file, into a filter of 1024 bytes. */
static const char *const foreign_words[] = {"hello", "parquet", "bloom", "filter"};
#define FOREIGN_WORDS (sizeof(foreign_words) / sizeof(foreign_words[0]))

static uint8_t *read_foreign(const char *name, size_t *size) {
    char path[4096];
    struct stat info;

    (void)snprintf(path, sizeof(path), "%s/" FOREIGN "%s", getenv("KTK_SOURCE_ROOT"), name);
    if (stat(path, &info) != 0) {
        print_message("# SKIPPED: there is no file %s\n", path);
        skip();
    }
    (void)snprintf(path, sizeof(path), FOREIGN "%s", name);
    return test_read_source_file(path, size);
}

static bool may_hold_text(const struct bloom *bloom, const char *text) {
    return ktki_bloom_may_hold(bloom, PQ_BYTE_ARRAY, text, strlen(text));
}

static int count_strangers(const struct bloom *bloom) {
    int count = 0;

    for (int i = 0; i < 10000; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "stranger %d", i);
        count += may_hold_text(bloom, text);
    }
    return count;
}

/* ---- files of others ---- */

static void reads_and_writes_the_bytes_of_others(void **unused) {
    size_t size;
    uint8_t *data = read_foreign("bloom_filter.xxhash.bin", &size);
    struct bloom bloom;
    struct bloom_build build;
    struct buffer bytes;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_bloom_decode(&bloom, data, size, &err));
    assert_int_equal(bloom.block_count, 1024 / 32);
    for (size_t i = 0; i < FOREIGN_WORDS; i++) {
        assert_true(may_hold_text(&bloom, foreign_words[i]));
    }
    assert_int_equal(count_strangers(&bloom), 0);
    /* 700 values at 1 % want 847 bytes, which becomes 1024. */
    CHECK_OK(ktki_bloom_build_begin(&build, test_allocator(), 700, 0.01, &err));
    for (size_t i = 0; i < FOREIGN_WORDS; i++) {
        ktki_bloom_build_add(&build, foreign_words[i], strlen(foreign_words[i]));
    }
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_bloom_build_encode(&build, &bytes, &err));
    assert_int_equal(bytes.size, size);
    assert_memory_equal(bytes.data, data, size);
    ktki_buffer_clear(&bytes);
    ktki_bloom_build_clear(&build);
    test_data_free(data);
    assert_int_equal(test_allocator_live(), 0);
}

/* A file of parquet-mr, from the time when the footer told no size. */
static void reads_a_filter_of_unknown_size(void **unused) {
    static const char *const words[] = {"Hello",   "This is", "a",        "test",      "How",
                                        "are you", "doing ",  "today",    "the quick", "brown fox",
                                        "jumps",   "over",    "the lazy", "dog"};
    size_t size;
    uint8_t *data = read_foreign("data_index_bloom_encoding_stats.parquet", &size);
    ktk_context *context = test_context_new(1);
    ktk_bytes bytes = {.data = data, .size = size};
    struct index_place place = {.offset = 192, .size = -1};
    struct source source;
    struct bloom bloom;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_source_of_bytes(&source, context, &bytes, "file", &err));
    CHECK_OK(ktki_bloom_read(&bloom, &source, &place, &err));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_true(may_hold_text(&bloom, words[i]));
    }
    assert_false(may_hold_text(&bloom, "hello"));
    ktki_bloom_clear(&bloom);
    place.offset = -1;
    CHECK_STATUS(ktki_bloom_read(&bloom, &source, &place, &err), KTK_E_CORRUPT);
    place.offset = (int64_t)size;
    CHECK_STATUS(ktki_bloom_read(&bloom, &source, &place, &err), KTK_E_CORRUPT);
    place.offset = (int64_t)size - 1;
    CHECK_STATUS(ktki_bloom_read(&bloom, &source, &place, &err), KTK_E_CORRUPT);
    place = (struct index_place){192, 500};
    CHECK_STATUS(ktki_bloom_read(&bloom, &source, &place, &err), KTK_E_CORRUPT);
    place = (struct index_place){192, INT32_MAX};
    CHECK_STATUS(ktki_bloom_read(&bloom, &source, &place, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("2147483647 bytes at byte 192");
    ktki_source_free(&source);
    test_context_free(context);
    test_data_free(data);
}

/* Of DuckDB: the filter of a BIGINT column that holds i * 1000003 for each i below 500. */
static void reads_a_filter_of_duckdb(void **unused) {
    size_t size;
    uint8_t *data = test_read_source_file("fuzz/corpora/bloom/duckdb", &size);
    struct bloom bloom;
    int passed = 0;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_bloom_decode(&bloom, data, size, &err));
    for (int64_t i = 0; i < 500; i++) {
        int64_t value = i * 1000003;
        int64_t other = value + 1;
        assert_true(ktki_bloom_may_hold(&bloom, PQ_INT64, &value, sizeof(value)));
        passed += ktki_bloom_may_hold(&bloom, PQ_INT64, &other, sizeof(other));
    }
    assert_true(passed < 25);
    test_data_free(data);
}

/* ---- our own ---- */

static void fill(struct bloom_build *build, int64_t sized_for, int64_t count) {
    ktk_error err;

    CHECK_OK(ktki_bloom_build_begin(build, test_allocator(), sized_for, 0.01, &err));
    for (int64_t i = 0; i < count; i++) {
        ktki_bloom_build_add(build, &i, sizeof(i));
    }
}

static void holds_what_was_added_and_little_else(void **unused) {
    (void)unused;
    for (int64_t count = 1; count <= 100000; count *= 10) {
        struct bloom_build build;
        struct bloom bloom;
        struct buffer bytes;
        int64_t passed = 0;
        ktk_error err;

        ktki_buffer_init(&bytes, test_allocator(), 0);
        fill(&build, 100 * count, count);
        ktki_bloom_build_fold(&build, 0.01);
        CHECK_OK(ktki_bloom_build_encode(&build, &bytes, &err));
        CHECK_OK(ktki_bloom_decode(&bloom, bytes.data, bytes.size, &err));
        for (int64_t i = 0; i < count; i++) {
            assert_true(ktki_bloom_may_hold(&bloom, PQ_INT64, &i, sizeof(i)));
        }
        for (int64_t i = count; i < count + 100000; i++) {
            passed += ktki_bloom_may_hold(&bloom, PQ_INT64, &i, sizeof(i));
        }
        assert_true(passed < 1500);
        /* 1 % takes 9.7 bits a value; powers of two and blocks that fill unevenly, up to four times
         * that. */
        assert_true(bytes.size <= 16 + 32 + (size_t)count * 40 / 8);
        ktki_bloom_build_clear(&build);
        ktki_buffer_clear(&bytes);
    }
    assert_int_equal(test_allocator_live(), 0);
}

/* The filter made small is the one that small sizes have from the start. */
static void folding_is_as_if_built_so(void **unused) {
    struct bloom_build folded;
    struct bloom_build direct;

    (void)unused;
    fill(&folded, 1000000, 3000);
    ktki_bloom_build_fold(&folded, 0.01);
    fill(&direct, 3000, 3000);
    assert_int_equal(folded.block_count, direct.block_count);
    assert_memory_equal(folded.blocks, direct.blocks, direct.block_count * BLOOM_BLOCK_SIZE);
    ktki_bloom_build_clear(&folded);
    ktki_bloom_build_clear(&direct);
}

static void zeroes_are_one_value_and_nan_is_any(void **unused) {
    static const double zero = 0.0;
    static const double negative = -0.0;
    static const float narrow_zero = 0.0F;
    static const float narrow_negative = -0.0F;
    const double nan_value = NAN;
    const double other = 1.5;
    struct bloom_build build;
    struct bloom bloom;
    struct buffer bytes;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_bloom_build_begin(&build, test_allocator(), 10, 0.01, &err));
    ktki_bloom_build_add(&build, &negative, sizeof(negative));
    ktki_bloom_build_add(&build, &narrow_negative, sizeof(narrow_negative));
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_bloom_build_encode(&build, &bytes, &err));
    CHECK_OK(ktki_bloom_decode(&bloom, bytes.data, bytes.size, &err));
    assert_true(ktki_bloom_may_hold(&bloom, PQ_DOUBLE, &zero, sizeof(zero)));
    assert_true(ktki_bloom_may_hold(&bloom, PQ_DOUBLE, &negative, sizeof(zero)));
    assert_true(ktki_bloom_may_hold(&bloom, PQ_FLOAT, &narrow_zero, sizeof(narrow_zero)));
    assert_true(ktki_bloom_may_hold(&bloom, PQ_DOUBLE, &nan_value, sizeof(nan_value)));
    assert_false(ktki_bloom_may_hold(&bloom, PQ_DOUBLE, &other, sizeof(other)));
    assert_false(ktki_bloom_may_hold(&bloom, PQ_INT64, &zero, sizeof(zero)));
    ktki_buffer_clear(&bytes);
    ktki_bloom_build_clear(&build);
}

/* ---- damage ---- */

/* numBytes 32, and of each choice the first. */
#define HEADER(size, algorithm, hash, compression)                                                 \
    {0x15, size, 0x1C, algorithm, 0, 0, 0x1C, hash, 0, 0, 0x1C, compression, 0, 0, 0}

static void refuses_what_it_does_not_know(void **unused) {
    static const struct {
        uint8_t header[15];
        ktk_status status;
    } cases[] = {
        {HEADER(64, 0x1C, 0x1C, 0x1C), KTK_OK},
        {HEADER(62, 0x1C, 0x1C, 0x1C), KTK_E_CORRUPT}, /* 31 bytes */
        {HEADER(0, 0x1C, 0x1C, 0x1C), KTK_E_CORRUPT},
        {HEADER(63, 0x1C, 0x1C, 0x1C), KTK_E_CORRUPT}, /* negative */
        {HEADER(64, 0x2C, 0x1C, 0x1C), KTK_E_UNSUPPORTED},
        {HEADER(64, 0x1C, 0x2C, 0x1C), KTK_E_UNSUPPORTED},
        {HEADER(64, 0x1C, 0x1C, 0x2C), KTK_E_UNSUPPORTED},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t data[15 + 32] = {0};
        struct bloom bloom;
        ktk_error err;

        memcpy(data, cases[i].header, 15);
        CHECK_STATUS(ktki_bloom_decode(&bloom, data, sizeof(data), &err), cases[i].status);
        for (size_t size = 0; size < sizeof(data); size++) {
            assert_int_not_equal(ktki_bloom_decode(&bloom, data, size, &err), KTK_OK);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_the_bytes_of_others),
        cmocka_unit_test(reads_a_filter_of_unknown_size),
        cmocka_unit_test(reads_a_filter_of_duckdb),
        cmocka_unit_test(holds_what_was_added_and_little_else),
        cmocka_unit_test(folding_is_as_if_built_so),
        cmocka_unit_test(zeroes_are_one_value_and_nan_is_any),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
