/* Pages of each encoding decoded into Arrow buffers: values and nulls, conversions on the way, and
 * refusals. The bytes are worked out from Encodings.md; the coders of single encodings have tests
 * of their own. */
#include "support/test.h"

#include "base/context.h"
#include "parquet/column_read.h"
#include "parquet/levels_bit_packed.h"

struct fixture {
    ktk_context *context;
    struct read_scratch *scratch;
    struct buffer bytes;
    struct schema_element element;
    struct parquet_leaf leaf;
    struct column_chunk chunk;
    struct field field;
    struct chunk_read read;
    struct ArrowArray array;
    ktk_error err;
};

static void begin_with(struct fixture *fixture, ktk_context *context, enum parquet_type physical,
                       struct data_type type) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->context = context;
    ktki_buffer_init(&fixture->bytes, test_allocator(), 0);
    fixture->element = (struct schema_element){.has_type = true, .type = physical, .name = "x"};
    fixture->leaf =
        (struct parquet_leaf){.element = &fixture->element, .path = "x", .definition_max = 1};
    fixture->chunk.type = physical;
    fixture->field = (struct field){.name = "x", .nullable = true, .type = type};
    fixture->read = (struct chunk_read){.context = context,
                                        .leaf = &fixture->leaf,
                                        .chunk = &fixture->chunk,
                                        .field = &fixture->field};
}

static void begin(struct fixture *fixture, enum parquet_type physical, struct data_type type) {
    begin_with(fixture, test_context_new(1), physical, type);
}

static void end(struct fixture *fixture) {
    ktki_array_clear(&fixture->array);
    ktki_scratch_free(fixture->scratch);
    ktki_buffer_clear(&fixture->bytes);
    test_context_free(fixture->context);
    assert_int_equal(test_allocator_live(), 0);
}

/* A page whose levels stand in front of its values. */
static void add(struct fixture *fixture, int32_t count, enum parquet_encoding encoding,
                const void *data, size_t size) {
    struct page_header header = {.type = PQ_DATA_PAGE,
                                 .value_count = count,
                                 .encoding = encoding,
                                 .definition_encoding = PQ_RLE,
                                 .repetition_encoding = PQ_RLE,
                                 .compressed_size = (int32_t)size,
                                 .uncompressed_size = (int32_t)size};
    ktk_error err;

    CHECK_OK(ktki_page_header_encode(&header, &fixture->bytes, &err));
    CHECK_OK(ktki_buffer_append(&fixture->bytes, data, size, &err));
    fixture->chunk.value_count += count;
    fixture->read.row_count += count;
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

/* Definition levels: 3 and 5 values that are there; 1 0 1 1 0 1 0 0. */
#define ALL_3 2, 0, 0, 0, 6, 1
#define ALL_5 2, 0, 0, 0, 10, 1
#define SOME_8 2, 0, 0, 0, 3, 0x2D
#define NONE_3 2, 0, 0, 0, 6, 0

static ktk_status decode_at(struct fixture *fixture, int level) {
    if (fixture->scratch == NULL) {
        ktk_status status = ktki_scratch_new(
            &fixture->scratch, ktki_context_allocator(fixture->context), &fixture->err);
        if (status != KTK_OK) {
            return status;
        }
    }
    if (ktki_kernels_of_level(level) != NULL) {
        fixture->scratch->kernels = ktki_kernels_of_level(level);
    }
    ktki_array_clear(&fixture->array);
    fixture->read.data = fixture->bytes.data;
    fixture->read.size = fixture->bytes.size;
    return ktki_chunk_read(&fixture->array, &fixture->read, fixture->scratch, &fixture->err);
}

/* Decoded at every level to `count` slots with these bytes as values. */
static void decodes(struct fixture *fixture, int64_t count, int64_t null_count, const void *values,
                    size_t size) {
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        ktk_error err;
        if (decode_at(fixture, level) != KTK_OK) {
            fail_msg("%s", fixture->err.message);
        }
        assert_int_equal(fixture->array.length, count);
        assert_int_equal(fixture->array.null_count, null_count);
        assert_memory_equal(fixture->array.buffers[1], values, size);
        CHECK_OK(ktki_array_check(&fixture->array, &fixture->field, true, &err));
    }
}

#define DECODES(fixture, count, null_count, type, ...)                                             \
    decodes((fixture), (count), (null_count), ((const type[]){__VA_ARGS__}),                       \
            sizeof((const type[]){__VA_ARGS__}))

static void refuses(struct fixture *fixture, ktk_status wanted, const char *text) {
    assert_int_equal(decode_at(fixture, 0), wanted);
    if (strstr(fixture->err.message, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.message, text);
    }
    assert_null(fixture->array.release);
}

#define TYPE(...) ((struct data_type){.id = __VA_ARGS__})

/* Blocks of 128 numbers in 4 miniblocks; 1, 2, 3, … of a count; 7, 5, 3, 1. */
#define BLOCKS 0x80, 0x01, 4
#define UPWARDS(count) BLOCKS, count, 2, 2, 0, 0, 0, 0
#define DOWNWARDS_4 BLOCKS, 4, 14, 3, 0, 0, 0, 0

static void reads_differences(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE(TYPE_INT32));
    add(&fixture, 5, PQ_DELTA_BINARY_PACKED, BYTES(ALL_5, UPWARDS(5)));
    add(&fixture, 8, PQ_DELTA_BINARY_PACKED, BYTES(SOME_8, DOWNWARDS_4));
    add(&fixture, 3, PQ_DELTA_BINARY_PACKED, BYTES(NONE_3));
    add(&fixture, 3, PQ_PLAIN, BYTES(ALL_3, 9, 0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0));
    DECODES(&fixture, 19, 7, int32_t, 1, 2, 3, 4, 5, 7, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 9, 8, 7);
    end(&fixture);
    begin(&fixture, PQ_INT64, TYPE(TYPE_TIMESTAMP, .unit = UNIT_MICRO));
    add(&fixture, 8, PQ_DELTA_BINARY_PACKED, BYTES(SOME_8, DOWNWARDS_4));
    DECODES(&fixture, 8, 4, int64_t, 7, 0, 5, 3, 0, 1, 0, 0);
    end(&fixture);
}

static void converts_differences(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE(TYPE_INT8));
    add(&fixture, 5, PQ_DELTA_BINARY_PACKED, BYTES(ALL_5, UPWARDS(5)));
    add(&fixture, 8, PQ_DELTA_BINARY_PACKED, BYTES(SOME_8, DOWNWARDS_4));
    DECODES(&fixture, 13, 4, int8_t, 1, 2, 3, 4, 5, 7, 0, 5, 3, 0, 1, 0, 0);
    end(&fixture);
    begin(&fixture, PQ_INT64, TYPE(TYPE_DECIMAL128, .precision = 18));
    add(&fixture, 3, PQ_DELTA_BINARY_PACKED, BYTES(ALL_3, BLOCKS, 3, 2, 3, 0, 0, 0, 0));
    DECODES(&fixture, 3, 0, int64_t, 1, 0, -1, -1, -3, -1);
    end(&fixture);
}

/* AABBCCDD, 00112233, A3B4C5D6: the example of Encodings.md. */
#define STREAMS 0xAA, 0x00, 0xA3, 0xBB, 0x11, 0xB4, 0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6

static void joins_streams(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_FLOAT, TYPE(TYPE_FLOAT32));
    add(&fixture, 3, PQ_BYTE_STREAM_SPLIT, BYTES(ALL_3, STREAMS));
    DECODES(&fixture, 3, 0, uint8_t, 0xAA, 0xBB, 0xCC, 0xDD, 0x00, 0x11, 0x22, 0x33, 0xA3, 0xB4,
            0xC5, 0xD6);
    end(&fixture);
    begin(&fixture, PQ_FIXED_LEN_BYTE_ARRAY, TYPE(TYPE_FIXED_BINARY, .width = 3));
    fixture.element.type_length = 3;
    add(&fixture, 8, PQ_BYTE_STREAM_SPLIT, BYTES(SOME_8, STREAMS));
    DECODES(&fixture, 8, 4, uint8_t, 0xAA, 0x11, 0xC5, 0, 0, 0, 0x00, 0xB4, 0xDD, 0xA3, 0xCC, 0x33,
            0, 0, 0, 0xBB, 0x22, 0xD6);
    end(&fixture);
    begin(&fixture, PQ_INT32, TYPE(TYPE_UINT16));
    add(&fixture, 3, PQ_BYTE_STREAM_SPLIT, BYTES(ALL_3, STREAMS));
    DECODES(&fixture, 3, 0, uint8_t, 0xAA, 0xBB, 0x00, 0x11, 0xA3, 0xB4);
    add(&fixture, 3, PQ_BYTE_STREAM_SPLIT, BYTES(ALL_3, STREAMS, 0));
    refuses(&fixture, KTK_E_CORRUPT, "a page has 13 bytes for 3 values of 4 bytes");
    end(&fixture);
}

/* "Hello", "World", "Foobar", "ABCDEF" by sizes and bytes; "axis", "axle", "babble", "babyhood"
 * by shared sizes, sizes of the rest, and bytes: the examples of Encodings.md. */
#define HELLO                                                                                      \
    BLOCKS, 4, 10, 0, 1, 0, 0, 0, 0x02, 0, 0, 0, 'H', 'e', 'l', 'l', 'o', 'W', 'o', 'r', 'l', 'd', \
        'F', 'o', 'o', 'b', 'a', 'r', 'A', 'B', 'C', 'D', 'E', 'F'
#define ZEROES_10 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define AXIS                                                                                       \
    BLOCKS, 4, 0, 3, 3, 0, 0, 0, 0x44, 0x01, ZEROES_10, /* */                                      \
        BLOCKS, 4, 8, 3, 3, 0, 0, 0, 0x70, 0x00, ZEROES_10, 'a', 'x', 'i', 's', 'l', 'e', 'b',     \
        'a', 'b', 'b', 'l', 'e', 'y', 'h', 'o', 'o', 'd'

static void check_bytes(const struct fixture *fixture, const char *wanted) {
    assert_memory_equal(fixture->array.buffers[2], wanted, strlen(wanted));
}

static void reads_texts_of_both_encodings(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_STRING));
    add(&fixture, 8, PQ_DELTA_LENGTH_BYTE_ARRAY, BYTES(SOME_8, HELLO));
    add(&fixture, 3, PQ_DELTA_BYTE_ARRAY, BYTES(NONE_3));
    add(&fixture, 3, PQ_PLAIN, BYTES(ALL_3, 1, 0, 0, 0, 'x', 0, 0, 0, 0, 1, 0, 0, 0, 'y'));
    add(&fixture, 8, PQ_DELTA_BYTE_ARRAY, BYTES(SOME_8, AXIS));
    DECODES(&fixture, 22, 11, int32_t, 0, 5, 5, 10, 16, 16, 22, 22, 22, 22, 22, 22, 23, 23, 24, 28,
            28, 32, 38, 38, 46, 46, 46);
    check_bytes(&fixture, "HelloWorldFoobarABCDEFxyaxisaxlebabblebabyhood");
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_LARGE_BINARY));
    add(&fixture, 8, PQ_DELTA_BYTE_ARRAY, BYTES(SOME_8, AXIS));
    add(&fixture, 4, PQ_DELTA_LENGTH_BYTE_ARRAY, BYTES(2, 0, 0, 0, 8, 1, HELLO));
    DECODES(&fixture, 12, 4, int64_t, 0, 4, 4, 8, 14, 14, 22, 22, 22, 27, 32, 38, 44);
    check_bytes(&fixture, "axisaxlebabblebabyhoodHelloWorldFoobarABCDEF");
    end(&fixture);
}

static void refuses_texts_that_are_damaged(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_STRING));
    add(&fixture, 5, PQ_DELTA_LENGTH_BYTE_ARRAY, BYTES(ALL_5, HELLO));
    refuses(&fixture, KTK_E_CORRUPT, "the sizes of its texts are damaged");
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_STRING));
    add(&fixture, 3, PQ_DELTA_LENGTH_BYTE_ARRAY,
        BYTES(ALL_3, BLOCKS, 3, 2, 0, 0, 0, 0, 0, 'a', 0xFF, 'c'));
    refuses(&fixture, KTK_E_CORRUPT, "UTF-8");
    end(&fixture);
}

/* Three texts of three bytes. */
#define SAME_SIZES BLOCKS, 3, 6, 0, 0, 0, 0, 0

static void reads_binaries_and_decimals_from_texts(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_FIXED_LEN_BYTE_ARRAY, TYPE(TYPE_FIXED_BINARY, .width = 3));
    fixture.element.type_length = 3;
    /* Shared 0, 1, 2; the rest 3, 2, 1. */
    add(&fixture, 3, PQ_DELTA_BYTE_ARRAY,
        BYTES(ALL_3, BLOCKS, 3, 0, 2, 0, 0, 0, 0, BLOCKS, 3, 6, 1, 0, 0, 0, 0, 'a', 'b', 'c', 'd',
              'e', 'f'));
    DECODES(&fixture, 3, 0, uint8_t, 'a', 'b', 'c', 'a', 'd', 'e', 'a', 'd', 'f');
    add(&fixture, 3, PQ_DELTA_BYTE_ARRAY,
        BYTES(ALL_3, BLOCKS, 3, 0, 2, 0, 0, 0, 0, BLOCKS, 3, 6, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd',
              'e', 'f', 'g', 'h', 'i'));
    refuses(&fixture, KTK_E_CORRUPT, "value 1 of a page has 4 bytes where its type has 3");
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_DECIMAL128, .precision = 20));
    add(&fixture, 3, PQ_DELTA_LENGTH_BYTE_ARRAY,
        BYTES(ALL_3, SAME_SIZES, 0, 1, 2, 0xFF, 0xFF, 0xFE, 0, 0, 7));
    DECODES(&fixture, 3, 0, int64_t, 258, 0, -2, -1, 7, 0);
    end(&fixture);
}

/* Levels of the deprecated encoding: the highest bit first, without a size in front. */
static void reads_bit_packed_levels(void **unused) {
    struct fixture fixture;
    struct page_header header = {.type = PQ_DATA_PAGE,
                                 .value_count = 8,
                                 .encoding = PQ_PLAIN,
                                 .definition_encoding = PQ_BIT_PACKED,
                                 .repetition_encoding = PQ_BIT_PACKED};
    const uint8_t page[] = {0xB4, 1, 2, 3, 4}; /* 1 0 1 1 0 1 0 0 */
    ktk_error err;

    (void)unused;
    header.compressed_size = header.uncompressed_size = sizeof(page);
    begin(&fixture, PQ_FIXED_LEN_BYTE_ARRAY, TYPE(TYPE_FIXED_BINARY, .width = 1));
    fixture.element.type_length = 1;
    CHECK_OK(ktki_page_header_encode(&header, &fixture.bytes, &err));
    CHECK_OK(ktki_buffer_append(&fixture.bytes, page, sizeof(page), &err));
    fixture.chunk.value_count = fixture.read.row_count = 8;
    DECODES(&fixture, 8, 4, uint8_t, 1, 0, 2, 3, 0, 4, 0, 0);
    end(&fixture);
}

/* Two bits each: 0 to 3, 3, 2, 1, 0, 2; as one run of packed groups of eight. */
static void turns_bit_packed_levels_round(void **unused) {
    const uint8_t packed[] = {0x1B, 0xE4, 0x80, 0xAA};
    const uint8_t wanted[] = {0x05, 0xE4, 0x1B, 0x02, 0x00};
    struct cursor page = ktki_cursor(packed, sizeof(packed));
    struct read_scratch *scratch = NULL;
    struct cursor levels;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_scratch_new(&scratch, test_allocator(), &err));
    CHECK_OK(ktki_levels_bit_packed(&page, 3, 9, scratch, &scratch->old_definition, &levels, &err));
    assert_int_equal(ktki_cursor_left(&levels), sizeof(wanted));
    assert_memory_equal(levels.at, wanted, sizeof(wanted));
    assert_int_equal(ktki_cursor_left(&page), 1);
    CHECK_STATUS(
        ktki_levels_bit_packed(&page, 3, 5, scratch, &scratch->old_definition, &levels, &err),
        KTK_E_CORRUPT);
    ktki_scratch_free(scratch);
}

/* ---- dictionaries of numbers ---- */

static void add_dictionary(struct fixture *fixture, int32_t count, const void *data, size_t size) {
    struct page_header header = {.type = PQ_DICTIONARY_PAGE,
                                 .value_count = count,
                                 .encoding = PQ_PLAIN,
                                 .compressed_size = (int32_t)size,
                                 .uncompressed_size = (int32_t)size};
    ktk_error err;

    CHECK_OK(ktki_page_header_encode(&header, &fixture->bytes, &err));
    CHECK_OK(ktki_buffer_append(&fixture->bytes, data, size, &err));
}

static void check_dictionary(const struct fixture *fixture, const void *values, int64_t count,
                             size_t size) {
    assert_int_equal(fixture->array.dictionary->length, count);
    assert_memory_equal(fixture->array.dictionary->buffers[1], values, size);
}

static void keeps_dictionaries_of_numbers(void **unused) {
    static const int16_t wanted[] = {7, -1, 9};
    static const int16_t made[] = {7, 9, 5};
    struct field values = {.name = "", .nullable = true, .type = {.id = TYPE_INT16}};
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE(TYPE_DICTIONARY, .index = TYPE_INT32));
    fixture.field.dictionary = &values;
    add_dictionary(&fixture, 3, BYTES(7, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0));
    /* Indices 0, 2, 2, 1 in two bits. */
    add(&fixture, 8, PQ_RLE_DICTIONARY, BYTES(SOME_8, 2, 3, 0x68, 0));
    DECODES(&fixture, 8, 4, int32_t, 0, 0, 2, 2, 0, 1, 0, 0);
    check_dictionary(&fixture, wanted, 3, sizeof(wanted));
    /* A page that does not use it: a dictionary is made of the values, as far as they occur. */
    fixture.bytes.size = 0;
    fixture.chunk.value_count = fixture.read.row_count = 0;
    add_dictionary(&fixture, 3, BYTES(7, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0));
    add(&fixture, 8, PQ_RLE_DICTIONARY, BYTES(SOME_8, 2, 3, 0x28, 0));
    add(&fixture, 3, PQ_PLAIN, BYTES(ALL_3, 5, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0));
    DECODES(&fixture, 11, 4, int32_t, 0, 0, 1, 1, 0, 0, 0, 0, 2, 1, 2);
    check_dictionary(&fixture, made, 3, sizeof(made));
    end(&fixture);
}

static void refuses_encodings_of_other_types(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_DOUBLE, TYPE(TYPE_FLOAT64));
    add(&fixture, 3, PQ_DELTA_BINARY_PACKED, BYTES(ALL_3, UPWARDS(3)));
    refuses(&fixture, KTK_E_CORRUPT, "DOUBLE cannot be DELTA_BINARY_PACKED");
    end(&fixture);
    begin(&fixture, PQ_INT32, TYPE(TYPE_INT32));
    add(&fixture, 3, PQ_DELTA_BYTE_ARRAY, BYTES(ALL_3, AXIS));
    refuses(&fixture, KTK_E_CORRUPT, "INT32 cannot be DELTA_BYTE_ARRAY");
    end(&fixture);
    begin(&fixture, PQ_INT96, TYPE(TYPE_TIMESTAMP, .unit = UNIT_NANO));
    add(&fixture, 1, PQ_BYTE_STREAM_SPLIT, BYTES(2, 0, 0, 0, 2, 1, STREAMS));
    refuses(&fixture, KTK_E_CORRUPT, "INT96 cannot be BYTE_STREAM_SPLIT");
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE(TYPE_STRING));
    add(&fixture, 3, PQ_DELTA_BINARY_PACKED, BYTES(ALL_3, UPWARDS(3)));
    refuses(&fixture, KTK_E_UNSUPPORTED, "DELTA_BINARY_PACKED");
    end(&fixture);
}

static void survives_want_of_memory(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        struct fixture fixture;
        begin_with(&fixture, test_context_failing(n), PQ_BYTE_ARRAY, TYPE(TYPE_STRING));
        add(&fixture, 8, PQ_DELTA_LENGTH_BYTE_ARRAY, BYTES(SOME_8, HELLO));
        add(&fixture, 8, PQ_DELTA_BYTE_ARRAY, BYTES(SOME_8, AXIS));
        is_done = decode_at(&fixture, 0) == KTK_OK;
        assert_true(is_done || fixture.array.release == NULL);
        end(&fixture);
        assert_true(n < 100);
    }
    is_done = false;
    for (int64_t n = 0; !is_done; n++) {
        struct fixture fixture;
        begin_with(&fixture, test_context_failing(n), PQ_INT32, TYPE(TYPE_INT32));
        add(&fixture, 8, PQ_DELTA_BINARY_PACKED, BYTES(SOME_8, DOWNWARDS_4));
        add(&fixture, 3, PQ_BYTE_STREAM_SPLIT, BYTES(ALL_3, STREAMS));
        is_done = decode_at(&fixture, 0) == KTK_OK;
        assert_true(is_done || fixture.array.release == NULL);
        end(&fixture);
        assert_true(n < 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_differences),
        cmocka_unit_test(converts_differences),
        cmocka_unit_test(joins_streams),
        cmocka_unit_test(reads_texts_of_both_encodings),
        cmocka_unit_test(refuses_texts_that_are_damaged),
        cmocka_unit_test(reads_binaries_and_decimals_from_texts),
        cmocka_unit_test(reads_bit_packed_levels),
        cmocka_unit_test(turns_bit_packed_levels_round),
        cmocka_unit_test(keeps_dictionaries_of_numbers),
        cmocka_unit_test(refuses_encodings_of_other_types),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
