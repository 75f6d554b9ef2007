#include "support/test.h"

#include <stdlib.h>

#include "codec/codec.h"

/* Those that write, too. */
static const int32_t built_in[] = {CODEC_NONE,   CODEC_SNAPPY, CODEC_GZIP,
                                   CODEC_BROTLI, CODEC_ZSTD,   CODEC_LZ4_RAW};
#define BUILT_IN (sizeof(built_in) / sizeof(built_in[0]))

/* "hello" as each format's own tool writes it. */
static const uint8_t hello_snappy[] = {0x05, 0x10, 'h', 'e', 'l', 'l', 'o'};
static const uint8_t hello_gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                     0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
                                     0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00};
static const uint8_t hello_zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x05, 0x29,
                                     0x00, 0x00, 'h',  'e',  'l',  'l',  'o'};
static const uint8_t hello_lz4_raw[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
static const uint8_t hello_lz4_hadoop[] = {0, 0, 0, 5, 0, 0, 0, 6, 0x50, 'h', 'e', 'l', 'l', 'o'};
static const uint8_t hello_brotli[] = {0x0b, 0x02, 0x80, 'h', 'e', 'l', 'l', 'o', 0x03};

static const struct codec *find(int32_t id) {
    const struct codec *codec = NULL;
    ktk_error err;
    CHECK_OK(ktki_codec_find(&codec, id, &err));
    return codec;
}

static void finds_built_in_codecs_and_names_the_others(void **unused) {
    const struct codec *codec = TEST_POISON;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < BUILT_IN; i++) {
        assert_string_equal(find(built_in[i])->name, ktki_codec_name(built_in[i]));
    }
    assert_null(find(CODEC_LZ4_HADOOP)->compress); /* too many kinds of it are about */
    CHECK_STATUS(ktki_codec_find(&codec, CODEC_LZO, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("LZO");
    assert_ptr_equal(codec, TEST_POISON);
    CHECK_STATUS(ktki_codec_find(&codec, 8, &err), KTK_E_CORRUPT);
    CHECK_STATUS(ktki_codec_find(&codec, -1, &err), KTK_E_CORRUPT);
    assert_string_equal(ktki_codec_name(5), "LZ4");
    assert_string_equal(ktki_codec_name(8), "UNKNOWN");
    assert_string_equal(ktki_codec_name(-1), "UNKNOWN");
}

static void decode_known(int32_t id, const uint8_t *data, size_t size) {
    struct codec_scratch scratch;
    uint8_t out[16];
    ktk_error err;

    ktki_codec_scratch_init(&scratch, test_allocator());
    for (int repeat = 0; repeat < 2; repeat++) {
        memset(out, 'x', sizeof(out));
        CHECK_OK(find(id)->decompress(&scratch, data, size, out, 5, &err));
        assert_memory_equal(out, "helloxxxxxxxxxxx", 16);
    }
    CHECK_STATUS(find(id)->decompress(&scratch, data, size, out, 4, &err), KTK_E_CORRUPT);
    CHECK_STATUS(find(id)->decompress(&scratch, data, size, out, 6, &err), KTK_E_CORRUPT);
    CHECK_STATUS(find(id)->decompress(&scratch, data, size - 1, out, 5, &err), KTK_E_CORRUPT);
    CHECK_STATUS(find(id)->decompress(&scratch, data, 0, out, 5, &err), KTK_E_CORRUPT);
    ktki_codec_scratch_clear(&scratch);
    assert_int_equal(test_allocator_live(), 0);
}

static void reads_known_bytes(void **unused) {
    (void)unused;
    decode_known(CODEC_NONE, (const uint8_t *)"hello", 5);
    decode_known(CODEC_SNAPPY, hello_snappy, sizeof(hello_snappy));
    decode_known(CODEC_GZIP, hello_gzip, sizeof(hello_gzip));
    decode_known(CODEC_ZSTD, hello_zstd, sizeof(hello_zstd));
    decode_known(CODEC_LZ4_RAW, hello_lz4_raw, sizeof(hello_lz4_raw));
    decode_known(CODEC_LZ4_HADOOP, hello_lz4_hadoop, sizeof(hello_lz4_hadoop));
    decode_known(CODEC_LZ4_HADOOP, hello_lz4_raw, sizeof(hello_lz4_raw));
    decode_known(CODEC_BROTLI, hello_brotli, sizeof(hello_brotli));
}

static ktk_status decode_lz4(const char *data, size_t size, uint8_t *out, size_t out_size) {
    const struct codec *codec = find(CODEC_LZ4_HADOOP);
    struct codec_scratch scratch;
    ktk_error err;
    ktk_status status;

    ktki_codec_scratch_init(&scratch, test_allocator());
    status = codec->decompress(&scratch, (const uint8_t *)data, size, out, out_size, &err);
    ktki_codec_scratch_clear(&scratch);
    return status;
}

#define LZ4(text, out_size) decode_lz4(text, sizeof(text) - 1, out, out_size)
#define BLOCK_AB                                                                                   \
    "\0\0\0\2\0\0\0\3\x20"                                                                         \
    "ab"
#define PIECE_CDE                                                                                  \
    "\0\0\0\4\x30"                                                                                 \
    "cde"

static void reads_the_stream_of_hadoop(void **unused) {
    uint8_t out[16];

    (void)unused;
    assert_int_equal(LZ4(BLOCK_AB BLOCK_AB, 4), KTK_OK);
    assert_memory_equal(out, "abab", 4);
    /* One block of two pieces, a block of nothing, another one. */
    assert_int_equal(LZ4("\0\0\0\6" PIECE_CDE PIECE_CDE "\0\0\0\0" BLOCK_AB, 8), KTK_OK);
    assert_memory_equal(out, "cdecdeab", 8);
    assert_int_equal(LZ4("\0\0\0\0", 0), KTK_OK);
    assert_int_equal(LZ4(BLOCK_AB BLOCK_AB, 3), KTK_E_CORRUPT);
    assert_int_equal(LZ4(BLOCK_AB BLOCK_AB, 5), KTK_E_CORRUPT);
    assert_int_equal(LZ4(BLOCK_AB BLOCK_AB "\0", 4), KTK_E_CORRUPT);        /* half a size */
    assert_int_equal(LZ4("\0\0\0\6" PIECE_CDE, 6), KTK_E_CORRUPT);          /* a piece is missing */
    assert_int_equal(LZ4("\0\0\0\2" PIECE_CDE, 2), KTK_E_CORRUPT);          /* a piece too large */
    assert_int_equal(LZ4("\0\0\0\1\0\0\0\1\0" BLOCK_AB, 3), KTK_E_CORRUPT); /* an empty piece */
    assert_int_equal(LZ4("\xff\xff\xff\xff" PIECE_CDE, 3), KTK_E_CORRUPT);
}

static void reads_gzip_members_one_after_another(void **unused) {
    uint8_t twice[2 * sizeof(hello_gzip)];
    uint8_t out[16];
    struct codec_scratch scratch;
    ktk_error err;

    (void)unused;
    memcpy(twice, hello_gzip, sizeof(hello_gzip));
    memcpy(twice + sizeof(hello_gzip), hello_gzip, sizeof(hello_gzip));
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(find(CODEC_GZIP)->decompress(&scratch, twice, sizeof(twice), out, 10, &err));
    assert_memory_equal(out, "hellohello", 10);
    CHECK_STATUS(find(CODEC_GZIP)->decompress(&scratch, twice, sizeof(twice), out, 9, &err),
                 KTK_E_CORRUPT);
    CHECK_STATUS(find(CODEC_GZIP)->decompress(&scratch, twice, sizeof(twice), out, 11, &err),
                 KTK_E_CORRUPT);
    ktki_codec_scratch_clear(&scratch);
}

static void expand(const uint8_t *data, size_t size, size_t size_max, ktk_status wanted,
                   const char *text) {
    struct buffer out;
    ktk_error err;

    ktki_buffer_init(&out, test_allocator(), size_max);
    CHECK_STATUS(ktki_gzip_expand(&out, data, size, &err), wanted);
    if (wanted == KTK_OK) {
        assert_int_equal(out.size, strlen(text));
        assert_memory_equal(out.data, text, out.size);
    }
    ktki_buffer_clear(&out);
    assert_int_equal(test_allocator_live(), 0);
}

static void expands_gzip_files_of_unknown_size(void **unused) {
    const size_t one = sizeof(hello_gzip);
    uint8_t file[3 * sizeof(hello_gzip) + 8] = {0};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        memcpy(file + i * one, hello_gzip, one);
    }
    expand(file, one, 0, KTK_OK, "hello");
    expand(file, 2 * one, 0, KTK_OK, "hellohello");
    expand(file, 3 * one, 0, KTK_OK, "hellohellohello");
    expand(file, 3 * one + 8, 0, KTK_OK, "hellohellohello"); /* padded with zeros */
    expand(file, 3 * one, 16, KTK_OK, "hellohellohello");
    expand(file, 3 * one, 14, KTK_E_LIMIT, NULL);
    expand(file, 3 * one - 1, 0, KTK_E_CORRUPT, NULL);
    expand(file, one + 12, 0, KTK_E_CORRUPT, NULL);
    expand(file, 0, 0, KTK_E_CORRUPT, NULL);
    file[3 * one + 7] = 1; /* neither a member nor padding */
    expand(file, 3 * one + 8, 0, KTK_E_CORRUPT, NULL);
    file[one - 1] = 0x7F; /* states 2 GB: no more room is made than such a file can fill */
    expand(file, one, 1 << 16, KTK_E_CORRUPT, NULL);
}

static void expands_what_grows_a_thousandfold(void **unused) {
    const size_t size = (size_t)1 << 20;
    const struct codec *codec = find(CODEC_GZIP);
    struct codec_scratch scratch;
    struct buffer out;
    uint8_t *zeros = calloc(size, 1);
    uint8_t packed[4096];
    size_t packed_size = sizeof(packed);
    ktk_error err;

    (void)unused;
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(codec->compress(&scratch, 9, zeros, size, packed, &packed_size, &err));
    ktki_codec_scratch_clear(&scratch);
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_gzip_expand(&out, packed, packed_size, &err));
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, zeros, size);
    ktki_buffer_clear(&out);
    ktki_buffer_init(&out, test_allocator(), size / 2);
    CHECK_STATUS(ktki_gzip_expand(&out, packed, packed_size, &err), KTK_E_LIMIT);
    ktki_buffer_clear(&out);
    free(zeros);
}

static void round_trip(int32_t id, int level, const uint8_t *data, size_t size) {
    const struct codec *codec = find(id);
    struct codec_scratch scratch;
    size_t capacity = codec->bound(size);
    size_t written = capacity;
    uint8_t *packed = malloc(capacity + 1);
    uint8_t *unpacked = malloc(size + 1);
    ktk_error err;

    assert_non_null(packed);
    assert_non_null(unpacked);
    ktki_codec_scratch_init(&scratch, test_allocator());
    packed[capacity] = 0x5A;
    CHECK_OK(codec->compress(&scratch, level, data, size, packed, &written, &err));
    assert_true(written <= capacity);
    assert_int_equal(packed[capacity], 0x5A);
    unpacked[size] = 0xA5;
    CHECK_OK(codec->decompress(&scratch, packed, written, unpacked, size, &err));
    assert_int_equal(unpacked[size], 0xA5);
    if (size > 0) {
        assert_memory_equal(unpacked, data, size);
    }
    ktki_codec_scratch_clear(&scratch);
    assert_int_equal(test_allocator_live(), 0);
    free(packed);
    free(unpacked);
}

static uint8_t random_byte(size_t i) {
    return (uint8_t)((i + 1) * 0x9E3779B97F4A7C15u >> 40 ^ (i + 1) * 0xD6E8FEB86659FD93u >> 35);
}

static uint8_t run_byte(size_t i) {
    return (uint8_t)(i / 1000);
}

static uint8_t text_byte(size_t i) {
    static const char words[] = "the cat sat on the mat, and ";
    return random_byte(i / 7) < 40 ? random_byte(i) : (uint8_t)words[i % (sizeof(words) - 1)];
}

/* Half of it noise, half of it hardly any. */
static uint8_t mixed_byte(size_t i) {
    return i % 4096 < 2048 ? random_byte(i) : random_byte(i) & 15;
}

static void round_trips(void **unused) {
    static uint8_t (*const kinds[])(size_t) = {random_byte, run_byte, text_byte, mixed_byte};
    static const size_t sizes[] = {65535, 65536, 65537, 1 << 20};
    uint8_t *data = malloc(1 << 20);

    (void)unused;
    assert_non_null(data);
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (size_t i = 0; i < 1 << 20; i++) {
            data[i] = kinds[kind](i);
        }
        for (size_t i = 0; i < BUILT_IN; i++) {
            for (size_t size = 0; size <= 200; size++) {
                round_trip(built_in[i], find(built_in[i])->level_default, data, size);
            }
            for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
                round_trip(built_in[i], find(built_in[i])->level_default, data, sizes[j]);
            }
        }
        round_trip(CODEC_GZIP, 1, data, 1000);
        round_trip(CODEC_ZSTD, 19, data, 1000);
        round_trip(CODEC_LZ4_RAW, 12, data, 1000);
        round_trip(CODEC_BROTLI, 11, data, 1000);
    }
    free(data);
}

static void refuses_unknown_levels(void **unused) {
    static const struct {
        int32_t id;
        int level;
    } cases[] = {{CODEC_GZIP, -1},    {CODEC_GZIP, 13},   {CODEC_LZ4_RAW, 0},
                 {CODEC_LZ4_RAW, 13}, {CODEC_BROTLI, -1}, {CODEC_BROTLI, 12}};
    struct codec_scratch scratch;
    uint8_t out[64];
    ktk_error err;

    (void)unused;
    ktki_codec_scratch_init(&scratch, test_allocator());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct codec *codec = find(cases[i].id);
        size_t size = sizeof(out);
        CHECK_STATUS(codec->compress(&scratch, cases[i].level, (const uint8_t *)"hello", 5, out,
                                     &size, &err),
                     KTK_E_INVALID);
        CHECK_MESSAGE(codec->name);
    }
    ktki_codec_scratch_clear(&scratch);
}

static void refuses_output_that_does_not_fit(void **unused) {
    struct codec_scratch scratch;
    uint8_t data[256];
    uint8_t out[1];
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7);
    }
    ktki_codec_scratch_init(&scratch, test_allocator());
    for (size_t i = 0; i < BUILT_IN; i++) {
        const struct codec *codec = find(built_in[i]);
        size_t size = sizeof(out);
        CHECK_STATUS(
            codec->compress(&scratch, codec->level_default, data, sizeof(data), out, &size, &err),
            KTK_E_INTERNAL);
    }
    ktki_codec_scratch_clear(&scratch);
}

static void keeps_state_between_levels(void **unused) {
    struct codec_scratch scratch;
    const struct codec *codec = find(CODEC_GZIP);
    uint8_t packed[128];
    uint8_t text[5];
    ktk_error err;

    (void)unused;
    ktki_codec_scratch_init(&scratch, test_allocator());
    for (int level = 0; level <= 12; level++) {
        size_t size = sizeof(packed);
        CHECK_OK(
            codec->compress(&scratch, level, (const uint8_t *)"hello", 5, packed, &size, &err));
        CHECK_OK(codec->decompress(&scratch, packed, size, text, 5, &err));
        assert_memory_equal(text, "hello", 5);
    }
    ktki_codec_scratch_clear(&scratch);
}

/* Frames one behind the other, whatever is asked for at once; what is cut off is seen. */
static void reads_zstd_piece_by_piece(void **unused) {
    enum { SIZE = 300000 };
    static const size_t rooms[] = {1000000, 65536, 1000, 7};
    uint8_t *data = malloc(SIZE);
    uint8_t *found = malloc(1000000);
    uint8_t *packed = malloc(2 * SIZE);
    const struct codec *zstd;
    struct codec_scratch scratch;
    size_t packed_size = 0;
    ktk_error err;

    (void)unused;
    assert_true(data != NULL && found != NULL && packed != NULL);
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(i * i >> 7);
    }
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(ktki_codec_find(&zstd, CODEC_ZSTD, &err));
    for (size_t at = 0; at < SIZE; at += SIZE / 2) {
        size_t size = 2 * SIZE - packed_size;

        CHECK_OK(
            zstd->compress(&scratch, 3, data + at, SIZE / 2, packed + packed_size, &size, &err));
        packed_size += size;
    }
    ktki_codec_scratch_clear(&scratch);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        for (size_t cut = 0; cut < 3; cut++) {
            struct zstd_stream stream = {0};
            ktk_status status = KTK_OK;
            size_t count = 0;
            size_t read = 1;

            CHECK_OK(ktki_zstd_stream_init(&stream, packed, packed_size - 3 * cut, &err));
            while (status == KTK_OK && read > 0) {
                status = ktki_zstd_stream_read(&stream, found + count, rooms[i], &read, &err);
                count += status == KTK_OK ? read : 0;
            }
            ktki_zstd_stream_clear(&stream);
            assert_int_equal(status, cut == 0 ? KTK_OK : KTK_E_CORRUPT);
            assert_true(cut > 0 || count == SIZE);
            assert_memory_equal(found, data, count);
        }
    }
    free(packed);
    free(found);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_built_in_codecs_and_names_the_others),
        cmocka_unit_test(reads_known_bytes),
        cmocka_unit_test(reads_gzip_members_one_after_another),
        cmocka_unit_test(expands_gzip_files_of_unknown_size),
        cmocka_unit_test(expands_what_grows_a_thousandfold),
        cmocka_unit_test(reads_zstd_piece_by_piece),
        cmocka_unit_test(reads_the_stream_of_hadoop),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(refuses_unknown_levels),
        cmocka_unit_test(refuses_output_that_does_not_fit),
        cmocka_unit_test(keeps_state_between_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
