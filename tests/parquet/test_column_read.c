#include "support/test.h"

#include "base/context.h"
#include "parquet/column_read.h"

/* Chunks are put together by hand: the levels and values of each page are bytes worked out from the
 * format's specification, only the page headers come from the encoder. */

struct fixture {
    ktk_context *context;
    struct read_scratch *scratch;
    struct buffer chunk_bytes;
    struct schema_element element;
    struct parquet_leaf leaf;
    struct column_chunk chunk;
    struct field values; /* of a dictionary */
    struct field field;
    struct field list; /* around it */
    struct chunk_read read;
    struct ArrowArray array;
    ktk_error err;
};

static void begin_with(struct fixture *fixture, ktk_context *context, enum parquet_type physical,
                       enum type_id type) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->context = context;
    ktki_buffer_init(&fixture->chunk_bytes, test_allocator(), 0);
    fixture->element = (struct schema_element){.has_type = true, .type = physical, .name = "x"};
    fixture->leaf =
        (struct parquet_leaf){.element = &fixture->element, .path = "x", .definition_max = 1};
    fixture->chunk.type = physical;
    fixture->values = (struct field){.name = "", .nullable = true, .type = {.id = TYPE_STRING}};
    fixture->field = (struct field){.name = "x", .nullable = true, .type = {.id = type}};
    fixture->read = (struct chunk_read){.context = context,
                                        .leaf = &fixture->leaf,
                                        .chunk = &fixture->chunk,
                                        .field = &fixture->field};
}

static void begin(struct fixture *fixture, enum parquet_type physical, enum type_id type) {
    begin_with(fixture, test_context_new(1), physical, type);
}

static void end(struct fixture *fixture) {
    ktki_array_clear(&fixture->array);
    ktki_scratch_free(fixture->scratch);
    ktki_buffer_clear(&fixture->chunk_bytes);
    test_context_free(fixture->context);
    assert_int_equal(test_allocator_live(), 0);
}

static void add(struct fixture *fixture, struct page_header header, const void *data, size_t size) {
    ktk_error err;

    header.compressed_size = (int32_t)size;
    if (header.uncompressed_size == 0) {
        header.uncompressed_size = (int32_t)size;
    }
    CHECK_OK(ktki_page_header_encode(&header, &fixture->chunk_bytes, &err));
    CHECK_OK(ktki_buffer_append(&fixture->chunk_bytes, data, size, &err));
    if (header.type != PQ_DICTIONARY_PAGE) {
        fixture->chunk.value_count += header.value_count;
        fixture->read.row_count += header.value_count;
    }
}

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

#define V1(count, encoding_)                                                                       \
    (struct page_header) {                                                                         \
        .type = PQ_DATA_PAGE, .value_count = (count), .encoding = (encoding_),                     \
        .definition_encoding = PQ_RLE, .repetition_encoding = PQ_RLE                               \
    }
#define V2(count, nulls, encoding_, definition, repetition)                                        \
    (struct page_header) {                                                                         \
        .type = PQ_DATA_PAGE_V2, .value_count = (count), .null_count = (nulls),                    \
        .row_count = (count), .encoding = (encoding_), .definition_size = (definition),            \
        .repetition_size = (repetition), .is_compressed = true                                     \
    }
#define DICTIONARY(count)                                                                          \
    (struct page_header) {                                                                         \
        .type = PQ_DICTIONARY_PAGE, .value_count = (count), .encoding = PQ_PLAIN                   \
    }

/* Definition levels of v1 pages: all there, of 3 and of 8 values; 1 0 1 1 0 1 0 0. */
#define ALL_3 2, 0, 0, 0, 6, 1
#define ALL_8 2, 0, 0, 0, 16, 1
#define SOME_8 2, 0, 0, 0, 3, 0x2D

static ktk_status decode(struct fixture *fixture) {
    if (fixture->scratch == NULL) {
        ktk_status status = ktki_scratch_new(
            &fixture->scratch, ktki_context_allocator(fixture->context), &fixture->err);
        if (status != KTK_OK) {
            return status;
        }
    }
    ktki_array_clear(&fixture->array);
    fixture->read.data = fixture->chunk_bytes.data;
    fixture->read.size = fixture->chunk_bytes.size;
    return ktki_chunk_read(&fixture->array, &fixture->read, fixture->scratch, &fixture->err);
}

static void decodes(struct fixture *fixture, int64_t length, int64_t null_count) {
    ktk_error err;

    if (decode(fixture) != KTK_OK) {
        fail_msg("%s", fixture->err.message);
    }
    assert_int_equal(fixture->array.length, length);
    assert_int_equal(fixture->array.null_count, null_count);
    if (null_count == 0 && fixture->array.n_buffers > 0) {
        assert_null(fixture->array.buffers[0]);
    }
    CHECK_OK(ktki_array_check(&fixture->array, fixture->read.field, true, &err));
}

static void refuses(struct fixture *fixture, ktk_status wanted, const char *text) {
    ktk_status status = decode(fixture);

    assert_int_equal(status, wanted);
    if (strstr(fixture->err.message, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.message, text);
    }
    assert_null(fixture->array.release);
}

#define CHECK_VALUES(fixture, type, ...)                                                           \
    assert_memory_equal((fixture)->array.buffers[1], ((const type[]){__VA_ARGS__}),                \
                        sizeof((const type[]){__VA_ARGS__}))

/* ---- fixed width ---- */

static void reads_plain_values(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0));
    add(&fixture, V1(8, PQ_PLAIN),
        BYTES(SOME_8, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40, 0, 0, 0));
    add(&fixture, V2(3, 0, PQ_PLAIN, 2, 0), BYTES(6, 1, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0));
    decodes(&fixture, 14, 4);
    CHECK_VALUES(&fixture, int32_t, 1, -1, 7, 10, 0, 20, 30, 0, 40, 0, 0, 4, 5, 6);
    assert_memory_equal(fixture.array.buffers[0], ((uint8_t[]){0x6F, 0x39}), 2);
    end(&fixture);
}

static void reads_required_values(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT64, TYPE_INT64);
    fixture.leaf.definition_max = 0;
    add(&fixture, V1(2, PQ_PLAIN), BYTES(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0));
    add(&fixture, V2(1, 0, PQ_PLAIN, 0, 0), BYTES(3, 0, 0, 0, 0, 0, 0, 0));
    decodes(&fixture, 3, 0);
    CHECK_VALUES(&fixture, int64_t, 1, 2, 3);
    end(&fixture);
}

static void converts_values(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT8);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0));
    add(&fixture, V1(8, PQ_PLAIN),
        BYTES(SOME_8, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40, 0, 0, 0));
    decodes(&fixture, 11, 4);
    CHECK_VALUES(&fixture, int8_t, 1, -2, 7, 10, 0, 20, 30, 0, 40, 0, 0);
    end(&fixture);
}

static void reads_dictionary_values(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    add(&fixture, DICTIONARY(3), BYTES(100, 0, 0, 0, 101, 0, 0, 0, 102, 0, 0, 0));
    /* bit width 2; three times index 2 */
    add(&fixture, V1(3, PQ_RLE_DICTIONARY), BYTES(ALL_3, 2, 6, 2));
    /* packed 0 1 2 0 1 2 0 1 */
    add(&fixture, V1(8, PQ_PLAIN_DICTIONARY), BYTES(ALL_8, 2, 3, 0x24, 0x49));
    /* four values among eight: 2 1 0 2, packed and padded */
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(SOME_8, 2, 3, 0x86, 0x00));
    /* fallen back to plain */
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
    decodes(&fixture, 22, 4);
    CHECK_VALUES(&fixture, int32_t, 102, 102, 102, 100, 101, 102, 100, 101, 102, 100, 101, 102, 0,
                 101, 100, 0, 102, 0, 0, 1, 2, 3);
    end(&fixture);
}

static void reads_pages_of_nulls_alone(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT64, TYPE_INT64);
    add(&fixture, DICTIONARY(0), "", 0);
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(2, 0, 0, 0, 16, 0)); /* no bit width either */
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(2, 0, 0, 0, 16, 0, 0));
    add(&fixture, V1(8, PQ_PLAIN), BYTES(2, 0, 0, 0, 16, 0));
    add(&fixture, V2(8, 8, PQ_PLAIN, 2, 0), BYTES(16, 0));
    decodes(&fixture, 32, 32);
    CHECK_VALUES(&fixture, int64_t, 0, 0, 0, 0, 0, 0, 0, 0);
    end(&fixture);
}

/* 5,000 rows, so that blocks end in the middle: null where i % 3 == 0, else index i % 7. */
static void reads_many_nulls_in_blocks(void **unused) {
    enum { ROWS = 5000 };
    static uint8_t page[4 + 3 + ROWS / 8 + 1 + 3 + ROWS];
    struct fixture fixture;
    size_t at = 4;
    size_t dense = 0;
    uint32_t levels_size = 2 + ROWS / 8;

    (void)unused;
    memcpy(page, &levels_size, sizeof(levels_size));
    page[at++] = 0xE3; /* 625 groups of eight, packed */
    page[at++] = 0x09;
    for (size_t i = 0; i < ROWS; i++) {
        page[at + i / 8] |= (uint8_t)((i % 3 != 0) << (i % 8));
    }
    at += ROWS / 8;
    page[at++] = 8;    /* bits */
    page[at++] = 0xC3; /* 417 groups of eight, packed: 3,333 values and 3 of padding */
    page[at++] = 0x06;
    for (size_t i = 0; i < ROWS; i++) {
        if (i % 3 != 0) {
            page[at + dense++] = (uint8_t)(i % 7);
        }
    }
    begin(&fixture, PQ_INT32, TYPE_INT32);
    add(&fixture, DICTIONARY(7),
        BYTES(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0));
    add(&fixture, V1(ROWS, PQ_RLE_DICTIONARY), page, at + dense + 3);
    decodes(&fixture, ROWS, (ROWS + 2) / 3);
    for (int32_t i = 0; i < ROWS; i++) {
        assert_int_equal(((const int32_t *)fixture.array.buffers[1])[i], i % 3 == 0 ? 0 : i % 7);
    }
    end(&fixture);
}

static void reads_wide_binaries(void **unused) {
    struct fixture fixture;
    uint8_t dictionary[80];

    (void)unused;
    for (size_t i = 0; i < sizeof(dictionary); i++) {
        dictionary[i] = (uint8_t)i;
    }
    begin(&fixture, PQ_FIXED_LEN_BYTE_ARRAY, TYPE_FIXED_BINARY);
    fixture.element.type_length = 40;
    fixture.field.type.width = 40;
    add(&fixture, DICTIONARY(2), dictionary, sizeof(dictionary));
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(SOME_8, 1, 3, 0x05)); /* 1 0 1 0 */
    decodes(&fixture, 8, 4);
    assert_memory_equal((const uint8_t *)fixture.array.buffers[1] + 0, dictionary + 40, 40);
    assert_memory_equal((const uint8_t *)fixture.array.buffers[1] + 80, dictionary, 40);
    assert_memory_equal((const uint8_t *)fixture.array.buffers[1] + 120, dictionary + 40, 40);
    end(&fixture);
}

/* ---- booleans and nulls ---- */

static void reads_booleans(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BOOLEAN, TYPE_BOOL);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 0x05));              /* 1 0 1 */
    add(&fixture, V1(8, PQ_PLAIN), BYTES(SOME_8, 0x0B));             /* 1 - 1 0 - 1 - - */
    add(&fixture, V1(8, PQ_RLE), BYTES(ALL_8, 2, 0, 0, 0, 3, 0xA5)); /* 1 0 1 0 0 1 0 1 */
    add(&fixture, V2(3, 0, PQ_RLE, 2, 0), BYTES(6, 1, 2, 0, 0, 0, 6, 1));
    decodes(&fixture, 22, 4);
    CHECK_VALUES(&fixture, uint8_t, 0x2D, 0x29, 0x3D);
    end(&fixture);
}

static void reads_the_null_type(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_NULL);
    add(&fixture, V1(8, PQ_PLAIN), BYTES(2, 0, 0, 0, 16, 0));
    decodes(&fixture, 8, 8);
    assert_int_equal(fixture.array.n_buffers, 0);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    refuses(&fixture, KTK_E_CORRUPT, "a column of nulls holds values");
    end(&fixture);
}

/* ---- text ---- */

#define TEXT_AB 2, 0, 0, 0, 'a', 'b'
#define TEXT_EMPTY 0, 0, 0, 0
#define TEXT_UE 2, 0, 0, 0, 0xC3, 0xBC

static void check_texts(const struct fixture *fixture, const char *const *wanted, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *data = NULL;
        size_t size = 0;
        ktki_array_bytes(&fixture->array, &fixture->field.type, (int64_t)i, &data, &size);
        assert_int_equal(size, strlen(wanted[i]));
        assert_memory_equal(data, wanted[i], size);
    }
}

static void add_text_pages(struct fixture *fixture) {
    add(fixture, DICTIONARY(3), BYTES(TEXT_AB, TEXT_EMPTY, TEXT_UE));
    add(fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(ALL_8, 2, 3, 0x24, 0x49)); /* 0 1 2 0 1 2 0 1 */
    add(fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(SOME_8, 2, 8, 2));         /* 2 - 2 2 - 2 - - */
    add(fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, TEXT_UE, TEXT_EMPTY, TEXT_AB));
    add(fixture, V1(8, PQ_PLAIN), BYTES(SOME_8, TEXT_AB, 1, 0, 0, 0, 'c', TEXT_EMPTY, TEXT_UE));
    add(fixture, V1(3, PQ_RLE_DICTIONARY), BYTES(ALL_3, 2, 6, 0)); /* and back again */
}

static const char *const texts[] = {"ab", "",  "ü", "ab", "",  "ü", "ab", "",   "ü",  "",
                                    "ü",  "ü", "",  "ü",  "",  "",  "ü",  "",   "ab", "ab",
                                    "",   "c", "",  "",   "ü", "",  "",   "ab", "ab", "ab"};

static void reads_texts(void **unused) {
    static const enum type_id types[] = {TYPE_STRING, TYPE_LARGE_STRING, TYPE_BINARY,
                                         TYPE_LARGE_BINARY};

    (void)unused;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct fixture fixture;
        begin(&fixture, PQ_BYTE_ARRAY, types[i]);
        add_text_pages(&fixture);
        decodes(&fixture, 30, 8);
        check_texts(&fixture, texts, 30);
        end(&fixture);
    }
}

static void refuses_text_that_is_not_utf8(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    add(&fixture, V1(3, PQ_PLAIN),
        BYTES(ALL_3, TEXT_AB, 1, 0, 0, 0, 0xC3, 1, 0, 0, 0,
              0xBC)); /* one character in two halves */
    refuses(&fixture, KTK_E_CORRUPT, "text in row 2 is not UTF-8");
    fixture.field.type.id = TYPE_BINARY;
    decodes(&fixture, 3, 0);
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, TEXT_AB, 1, 0, 0, 0, 0xFF, TEXT_AB));
    refuses(&fixture, KTK_E_CORRUPT, "not UTF-8");
    end(&fixture);
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    add(&fixture, DICTIONARY(2), BYTES(TEXT_AB, 1, 0, 0, 0, 0xFF));
    add(&fixture, V1(3, PQ_RLE_DICTIONARY), BYTES(ALL_3, 1, 6, 0));
    refuses(&fixture, KTK_E_CORRUPT, "text 1 of its dictionary is not UTF-8");
    end(&fixture);
}

static void reads_long_texts(void **unused) {
    static uint8_t page[6 + 3 * (4 + 1000)];
    struct fixture fixture;
    size_t at = 6;
    const int32_t *offsets;

    (void)unused;
    memcpy(page, BYTES(ALL_3));
    for (uint32_t size = 31; size < 1000; size = size == 31 ? 33 : size * 30) {
        memcpy(page + at, &size, sizeof(size));
        memset(page + at + 4, 'a' + (int)(size % 26), size);
        at += 4 + size;
    }
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    add(&fixture, V1(3, PQ_PLAIN), page, at);
    decodes(&fixture, 3, 0);
    offsets = fixture.array.buffers[1];
    assert_int_equal(offsets[1], 31);
    assert_int_equal(offsets[2], 64);
    assert_int_equal(offsets[3], 64 + 990);
    assert_int_equal(((const char *)fixture.array.buffers[2])[64 + 989], 'a' + 990 % 26);
    end(&fixture);
}

/* ---- dictionaries kept ---- */

static void keep_dictionary(struct fixture *fixture) {
    fixture->field.type = (struct data_type){.id = TYPE_DICTIONARY, .index = TYPE_INT32};
    fixture->field.dictionary = &fixture->values;
}

static void check_coded(const struct fixture *fixture, const int32_t *indices, size_t count,
                        const char *const *values, size_t value_count) {
    assert_memory_equal(fixture->array.buffers[1], indices, count * sizeof(*indices));
    assert_int_equal(fixture->array.dictionary->length, value_count);
    for (size_t i = 0; i < value_count; i++) {
        const uint8_t *data = NULL;
        size_t size = 0;
        ktki_array_bytes(fixture->array.dictionary, &fixture->values.type, (int64_t)i, &data,
                         &size);
        assert_int_equal(size, strlen(values[i]));
        assert_memory_equal(data, values[i], size);
    }
}

static void hands_the_dictionary_of_the_chunk_on(void **unused) {
    static const int32_t indices[] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 2, 0, 2, 0, 0};
    static const char *const values[] = {"ab", "", "ü"};
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    keep_dictionary(&fixture);
    add(&fixture, DICTIONARY(3), BYTES(TEXT_AB, TEXT_EMPTY, TEXT_UE));
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(ALL_8, 2, 3, 0x24, 0x49));
    add(&fixture, V1(8, PQ_RLE_DICTIONARY), BYTES(SOME_8, 2, 8, 2));
    decodes(&fixture, 16, 4);
    check_coded(&fixture, indices, 16, values, 3);
    end(&fixture);
}

static void makes_a_dictionary_of_plain_values(void **unused) {
    static const int32_t indices[] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 2, 0, 2, 0,
                                      0, 2, 1, 0, 0, 0, 3, 1, 0, 2, 0, 0, 0, 0, 0};
    static const char *const values[] = {"ab", "", "ü", "c"};
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    keep_dictionary(&fixture);
    add_text_pages(&fixture);
    decodes(&fixture, 30, 8);
    check_coded(&fixture, indices, 30, values, 4);
    end(&fixture);
}

static void gives_an_empty_dictionary_without_rows(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_STRING);
    keep_dictionary(&fixture);
    decodes(&fixture, 0, 0);
    assert_int_equal(fixture.array.dictionary->length, 0);
    end(&fixture);
}

/* ---- lists ---- */

/* [[1, null], null, [], [3]] and a page that continues the last list with 4. */
static void reads_lists(void **unused) {
    static const int32_t wanted_offsets[] = {0, 2, 2, 2, 4};
    struct fixture fixture;
    struct parquet_nest nest = {.field = &fixture.list, .rule = {0, 0, 1}, .item = 2};
    struct nest_sink sink = {0};

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    fixture.list = (struct field){.name = "x",
                                  .nullable = true,
                                  .type = {.id = TYPE_LIST},
                                  .child_count = 1,
                                  .children = &fixture.field};
    fixture.read.nests = &sink;
    fixture.leaf.nest = &nest;
    fixture.leaf.rule = (struct level_rule){1, 2, 3};
    fixture.leaf.definition_max = 3;
    fixture.leaf.repetition_max = 1;
    add(&fixture, V1(5, PQ_PLAIN),
        BYTES(2, 0, 0, 0, 0x03, 0x02, 3, 0, 0, 0, 0x03, 0x4B, 0x03, 1, 0, 0, 0, 3, 0, 0, 0));
    add(&fixture, V2(1, 0, PQ_PLAIN, 2, 2), BYTES(2, 1, 2, 3, 4, 0, 0, 0));
    fixture.read.row_count = 4;
    decodes(&fixture, 4, 1);
    CHECK_VALUES(&fixture, int32_t, 1, 0, 3, 4);
    assert_int_equal(sink.validity.length, 4);
    assert_int_equal(sink.validity.null_count, 1);
    assert_memory_equal(sink.offsets, wanted_offsets, sizeof(wanted_offsets));
    ktki_nest_clear(&sink);
    fixture.read.row_count = 5;
    refuses(&fixture, KTK_E_CORRUPT, "4 rows where its row group has 5");
    ktki_nest_clear(&sink);
    fixture.read.row_count = 3;
    refuses(&fixture, KTK_E_CORRUPT, "more rows");
    ktki_nest_clear(&sink);
    fixture.read.row_count = 7;
    refuses(&fixture, KTK_E_CORRUPT, "6 values where its row group has 7 rows");
    ktki_nest_clear(&sink);
    end(&fixture);
}

/* ---- compression and checksums ---- */

static void decompresses_pages(void **unused) {
    struct fixture fixture;
    /* 14 and 12 bytes as one literal each */
    struct page_header v1 = V1(2, PQ_PLAIN);
    struct page_header v2 = V2(3, 0, PQ_PLAIN, 2, 0);
    struct page_header stored = V2(1, 0, PQ_PLAIN, 2, 0);
    struct page_header empty = V2(2, 2, PQ_PLAIN, 2, 0);

    (void)unused;
    v1.uncompressed_size = 14;
    v2.uncompressed_size = 14;
    stored.is_compressed = false;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    fixture.chunk.codec = CODEC_SNAPPY;
    add(&fixture, v1, BYTES(14, 52, 2, 0, 0, 0, 4, 1, 1, 0, 0, 0, 2, 0, 0, 0));
    add(&fixture, v2, BYTES(6, 1, 12, 44, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0));
    add(&fixture, stored, BYTES(2, 1, 6, 0, 0, 0));
    add(&fixture, empty, BYTES(4, 0));
    decodes(&fixture, 8, 2);
    CHECK_VALUES(&fixture, int32_t, 1, 2, 3, 4, 5, 6, 0, 0);
    end(&fixture);

    begin(&fixture, PQ_INT32, TYPE_INT32);
    fixture.chunk.codec = CODEC_SNAPPY;
    v1.uncompressed_size = 15;
    add(&fixture, v1, BYTES(14, 52, 2, 0, 0, 0, 4, 1, 1, 0, 0, 0, 2, 0, 0, 0));
    refuses(&fixture, KTK_E_CORRUPT, "data page 0 at offset 0: SNAPPY");
    end(&fixture);
    begin(&fixture, PQ_INT32, TYPE_INT32);
    fixture.chunk.codec = CODEC_LZO;
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0));
    refuses(&fixture, KTK_E_UNSUPPORTED, "LZO");
    end(&fixture);
}

#define I32(value) value, 0, 0, 0

/* Pages that may go into their slots at once, and pages that only look so; the slots before them
 * stay as they are. Each page is one literal. */
static void decompresses_values_into_their_slots(void **unused) {
    struct fixture fixture;
    struct page_header page = V1(3, PQ_PLAIN);

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    fixture.chunk.codec = CODEC_SNAPPY;
    page.uncompressed_size = 18;
    add(&fixture, page, BYTES(18, 17 << 2, ALL_3, I32(1), I32(2), I32(3)));
    add(&fixture, page, BYTES(18, 17 << 2, ALL_3, I32(4), I32(5), I32(6)));
    page.value_count = 8;
    page.uncompressed_size = 38;
    add(&fixture, page,
        BYTES(38, 37 << 2, 6, 0, 0, 0, 6, 1, 8, 1, 2, 0, I32(7), I32(8), I32(9), I32(10), I32(11),
              I32(12), I32(13)));
    /* as many bytes as if all were there, but four are not */
    add(&fixture, page,
        BYTES(38, 37 << 2, SOME_8, I32(15), I32(16), I32(17), I32(18), I32(99), I32(99), I32(99),
              I32(99)));
    decodes(&fixture, 22, 5);
    CHECK_VALUES(&fixture, int32_t, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 15, 0, 16, 17, 0,
                 18, 0, 0);
    add(&fixture, page, BYTES(38, 20 << 2, SOME_8, I32(15), I32(16), I32(17), I32(18)));
    refuses(&fixture, KTK_E_CORRUPT, "SNAPPY");
    end(&fixture);
}

static void checks_checksums(void **unused) {
    struct fixture fixture;
    struct page_header header = V1(1, PQ_PLAIN);

    (void)unused;
    header.has_crc = true;
    header.crc = 0xCBF43926; /* of the digits 1 to 9, as everybody quotes it */
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_BINARY);
    fixture.leaf.definition_max = 0;
    add(&fixture, header, "123456789", 9);
    refuses(&fixture, KTK_E_CORRUPT, "a value ends behind its page"); /* right, but no value */
    end(&fixture);
    header.crc++;
    begin(&fixture, PQ_BYTE_ARRAY, TYPE_BINARY);
    fixture.leaf.definition_max = 0;
    add(&fixture, header, "123456789", 9);
    refuses(&fixture, KTK_E_CORRUPT, "checksum of a page is cbf43926 where cbf43927 is stored");
    end(&fixture);
}

/* ---- refusals ---- */

#define REFUSES(status, text, header, ...)                                                         \
    do {                                                                                           \
        struct fixture fixture_;                                                                   \
        begin(&fixture_, PQ_INT32, TYPE_INT32);                                                    \
        add(&fixture_, DICTIONARY(2), BYTES(1, 0, 0, 0, 2, 0, 0, 0));                              \
        add(&fixture_, (header), BYTES(__VA_ARGS__));                                              \
        refuses(&fixture_, (status), (text));                                                      \
        end(&fixture_);                                                                            \
    } while (0)

static void refuses_damaged_pages(void **unused) {
    struct page_header other_levels = V1(3, PQ_PLAIN);
    struct page_header second_dictionary = DICTIONARY(1);

    (void)unused;
    other_levels.definition_encoding = PQ_DELTA_BINARY_PACKED;
    REFUSES(KTK_E_CORRUPT, "levels end behind", V1(3, PQ_PLAIN), 9, 0, 0, 0, 6, 1);
    REFUSES(KTK_E_CORRUPT, "levels end behind", V1(3, PQ_PLAIN), 9, 0);
    REFUSES(KTK_E_CORRUPT, "levels end behind", V2(3, 0, PQ_PLAIN, 3, 0), 6, 1);
    REFUSES(KTK_E_CORRUPT, "definition levels", V1(4, PQ_PLAIN), ALL_3);
    REFUSES(KTK_E_UNSUPPORTED, "number 5", other_levels, ALL_3);
    REFUSES(KTK_E_CORRUPT, "fewer values", V1(3, PQ_PLAIN), ALL_3, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0);
    REFUSES(KTK_E_CORRUPT, "fewer values", V1(8, PQ_PLAIN), SOME_8, 1, 0, 0, 0, 2, 0, 0, 0);
    REFUSES(KTK_E_CORRUPT, "indices", V1(3, PQ_RLE_DICTIONARY), ALL_3, 2, 6, 2); /* of 0 and 1 */
    REFUSES(KTK_E_CORRUPT, "indices", V1(3, PQ_RLE_DICTIONARY), ALL_3, 2, 4, 1); /* two of three */
    REFUSES(KTK_E_CORRUPT, "indices", V1(8, PQ_RLE_DICTIONARY), SOME_8, 2, 3, 0xFF, 0xFF);
    REFUSES(KTK_E_CORRUPT, "33 bits", V1(3, PQ_RLE_DICTIONARY), ALL_3, 33, 6, 0);
    REFUSES(KTK_E_CORRUPT, "differences", V1(3, PQ_DELTA_BINARY_PACKED), ALL_3);
    REFUSES(KTK_E_UNSUPPORTED, "UNKNOWN", V1(3, (enum parquet_encoding)77), ALL_3);
    REFUSES(KTK_E_UNSUPPORTED, "RLE", V1(3, PQ_RLE), ALL_3);
    REFUSES(KTK_E_LIMIT, "more than", V1(INT32_MAX, PQ_PLAIN), 2, 0, 0, 0, 16, 0);
    {
        struct fixture fixture;
        begin(&fixture, PQ_INT32, TYPE_INT32);
        add(&fixture, V1(3, PQ_RLE_DICTIONARY), BYTES(ALL_3, 2, 6, 0));
        refuses(&fixture, KTK_E_CORRUPT, "dictionary that its chunk lacks");
        add(&fixture, second_dictionary, BYTES(1, 0, 0, 0));
        fixture.chunk.value_count++;
        refuses(&fixture, KTK_E_CORRUPT, "follows other pages");
        end(&fixture);
        begin(&fixture, PQ_INT32, TYPE_INT32);
        add(&fixture, DICTIONARY(3), BYTES(1, 0, 0, 0));
        add(&fixture, V1(3, PQ_RLE_DICTIONARY), BYTES(ALL_3, 2, 6, 0));
        refuses(&fixture, KTK_E_CORRUPT, "dictionary holds fewer values");
        end(&fixture);
    }
}

static void refuses_chunks_that_do_not_add_up(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, PQ_INT32, TYPE_INT32);
    add(&fixture, V1(3, PQ_PLAIN), BYTES(ALL_3, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
    fixture.chunk.value_count = 4;
    refuses(&fixture, KTK_E_CORRUPT, "3 values where 4 are announced");
    fixture.chunk.value_count = 2;
    refuses(&fixture, KTK_E_CORRUPT, "3 values where 2 are announced");
    fixture.chunk.value_count = 3;
    fixture.read.row_count = 4;
    refuses(&fixture, KTK_E_CORRUPT, "3 values where its row group has 4 rows");
    fixture.read.row_count = 3;
    decodes(&fixture, 3, 0);
    /* Every cut is refused. */
    for (size_t size = fixture.chunk_bytes.size - 1; size > 0; size--) {
        fixture.chunk_bytes.size = size;
        assert_int_equal(decode(&fixture), KTK_E_CORRUPT);
    }
    end(&fixture);
}

static void finds_the_bytes_of_a_chunk(void **unused) {
    struct schema_element element = {.has_type = true, .type = PQ_INT32, .name = "x"};
    struct parquet_leaf leaf = {.element = &element, .path = "x"};
    struct column_chunk chunk = {.type = PQ_INT32,
                                 .data_page_offset = 100,
                                 .dictionary_page_offset = 40,
                                 .compressed_size = 200};
    int64_t offset = 77;
    int64_t size = 77;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_chunk_range(&offset, &size, &chunk, &leaf, 240, &err));
    assert_int_equal(offset, 40);
    assert_int_equal(size, 200);
    chunk.dictionary_page_offset = 0;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 299, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("200 bytes at offset 100");
    CHECK_OK(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err));
    assert_int_equal(offset, 100);
    chunk.compressed_size = -1;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_CORRUPT);
    chunk.compressed_size = INT64_MAX;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_CORRUPT);
    chunk.compressed_size = 0;
    chunk.data_page_offset = -5;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_CORRUPT);
    chunk.data_page_offset = 5;
    element.type = PQ_INT64;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("INT64");
    CHECK_MESSAGE("INT32");
    element.type = PQ_INT32;
    chunk.is_encrypted = true;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("encrypted");
    chunk.is_encrypted = false;
    chunk.is_elsewhere = true;
    CHECK_STATUS(ktki_chunk_range(&offset, &size, &chunk, &leaf, 300, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("another file");
}

/* ---- memory ---- */

static void survives_want_of_memory(void **unused) {
    (void)unused;
    for (int keep = 0; keep < 2; keep++) {
        bool is_done = false;
        for (int64_t n = 0; !is_done; n++) {
            struct fixture fixture;
            ktk_status status;
            begin_with(&fixture, test_context_failing(n), PQ_BYTE_ARRAY, TYPE_STRING);
            if (keep != 0) {
                keep_dictionary(&fixture);
            }
            add_text_pages(&fixture);
            status = decode(&fixture);
            assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
            is_done = status == KTK_OK;
            end(&fixture);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_values),
        cmocka_unit_test(reads_required_values),
        cmocka_unit_test(converts_values),
        cmocka_unit_test(reads_dictionary_values),
        cmocka_unit_test(reads_pages_of_nulls_alone),
        cmocka_unit_test(reads_many_nulls_in_blocks),
        cmocka_unit_test(reads_wide_binaries),
        cmocka_unit_test(reads_booleans),
        cmocka_unit_test(reads_the_null_type),
        cmocka_unit_test(reads_texts),
        cmocka_unit_test(refuses_text_that_is_not_utf8),
        cmocka_unit_test(reads_long_texts),
        cmocka_unit_test(hands_the_dictionary_of_the_chunk_on),
        cmocka_unit_test(makes_a_dictionary_of_plain_values),
        cmocka_unit_test(gives_an_empty_dictionary_without_rows),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(decompresses_pages),
        cmocka_unit_test(decompresses_values_into_their_slots),
        cmocka_unit_test(checks_checksums),
        cmocka_unit_test(refuses_damaged_pages),
        cmocka_unit_test(refuses_chunks_that_do_not_add_up),
        cmocka_unit_test(finds_the_bytes_of_a_chunk),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
