#include "support/test.h"

#include "base/context.h"
#include "parquet/metadata.h"

static const ktk_limits limits = {.nesting_max = 64, .column_count_max = 1000};

#define DECODE(out, ...)                                                                           \
    ktki_metadata_decode((out), &arena, &limits, (const uint8_t[]){__VA_ARGS__},                   \
                         sizeof((uint8_t[]){__VA_ARGS__}), &err)

/* The column chunks of all row groups. */
static ktk_status decode_chunks(struct parquet_metadata *metadata, struct arena *arena,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; status == KTK_OK && i < metadata->row_group_count; i++) {
        struct row_group *group = &metadata->row_groups[i];
        struct cursor cursor = ktki_cursor(group->chunk_bytes.data, group->chunk_bytes.size);

        status = ktki_arena_zeroed(arena, (size_t)group->column_count, sizeof(*group->columns),
                                   &group->columns, err);
        for (int32_t j = 0; status == KTK_OK && j < group->column_count; j++) {
            status = ktki_column_chunk_decode(&group->columns[j], arena, &limits, &cursor, err);
        }
        assert_true(status != KTK_OK || ktki_cursor_is_done(&cursor));
    }
    return status;
}

/* The footer at the end of a file below the source root; the file's bytes in `*data`. */
static void decode_footer(const char *path, struct arena *arena, struct parquet_metadata *out,
                          uint8_t **data) {
    size_t size = 0;
    uint32_t footer_size;
    ktk_error err;

    *data = test_read_source_file(path, &size);
    memcpy(&footer_size, *data + size - 8, sizeof(footer_size));
    CHECK_OK(ktki_metadata_decode(out, arena, &limits, *data + size - 8 - footer_size, footer_size,
                                  &err));
    CHECK_OK(decode_chunks(out, arena, &err));
}

static const struct column_chunk *chunk_of(const struct parquet_metadata *metadata,
                                           const char *name) {
    for (int32_t i = 0; i < metadata->row_groups[0].column_count; i++) {
        if (strcmp(metadata->row_groups[0].columns[i].path[0], name) == 0) {
            return &metadata->row_groups[0].columns[i];
        }
    }
    fail_msg("no column '%s'", name);
    return NULL;
}

/* What pyarrow says of this file: expected/parquet/arrow-compat/6.0.1.parquet.json. */
static void reads_the_footer_of_a_real_file(void **unused) {
    struct arena arena;
    struct parquet_metadata metadata;
    const struct column_chunk *chunk;
    uint8_t *data = NULL;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    decode_footer("tests/data/golden/parquet/arrow-compat/6.0.1.parquet", &arena, &metadata, &data);
    assert_string_equal(metadata.created_by, "parquet-cpp-arrow version 6.0.1");
    assert_int_equal(metadata.row_group_count, 1);
    assert_int_equal(metadata.row_count, metadata.row_groups[0].row_count);
    assert_string_equal(metadata.elements[0].name, "schema");
    assert_false(metadata.elements[0].has_type);
    assert_int_equal(metadata.column_order_count, metadata.row_groups[0].column_count);
    assert_int_equal(metadata.column_orders[0], 1);
    assert_string_equal(metadata.key_values[0].key, "pandas");
    assert_int_equal(strlen(metadata.key_values[0].value), metadata.key_values[0].value_size);
    chunk = chunk_of(&metadata, "int64");
    assert_int_equal(chunk->type, PQ_INT64);
    assert_int_equal(chunk->codec, 1);
    assert_true(chunk->statistics.is_present);
    assert_int_equal(chunk->statistics.null_count, 0);
    assert_int_equal(chunk->statistics.min_value.size, 8);
    assert_int_equal(chunk->statistics.distinct_count, -1);
    assert_false(chunk->is_encrypted);
    assert_false(chunk->is_elsewhere);
    ktki_arena_clear(&arena);
    test_data_free(data);
}

#define SCHEMA_OF_ONE 0x19, 0x1C, 0x48, 0x01, 's', 0x00 /* field 2: [{name: "s"}] */
#define HEAD 0x15, 0x02, SCHEMA_OF_ONE, 0x16, 0x00      /* version 1, schema, 0 rows */

static void reads_logical_types(void **unused) {
    struct arena arena;
    struct parquet_metadata m;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    /* One element each: TIMESTAMP(UTC, MICROS), DECIMAL(scale 2, precision 5), INTEGER(8, false),
     * an id above all known, STRING. */
    CHECK_OK(DECODE(&m, 0x15, 0x02, 0x19, 0x5C, 0x48, 0x01, 'a', 0x6C, 0x8C, 0x11, 0x1C, 0x2C, 0x00,
                    0x00, 0x00, 0x00, 0x00, 0x48, 0x01, 'b', 0x6C, 0x5C, 0x15, 0x04, 0x15, 0x0A,
                    0x00, 0x00, 0x00, 0x48, 0x01, 'c', 0x6C, 0xAC, 0x13, 0x08, 0x12, 0x00, 0x00,
                    0x00, 0x48, 0x01, 'd', 0x6C, 0x0C, 0x90, 0x06, 0x00, 0x00, 0x00, 0x48, 0x01,
                    'e', 0x6C, 0x1C, 0x00, 0x00, 0x00, 0x16, 0x00, 0x19, 0x0C, 0x00));
    assert_int_equal(m.element_count, 5);
    assert_int_equal(m.elements[0].logical.id, PQ_LOGICAL_TIMESTAMP);
    assert_true(m.elements[0].logical.is_utc);
    assert_int_equal(m.elements[0].logical.unit, PQ_UNIT_MICROS);
    assert_int_equal(m.elements[0].converted, PQ_CONVERTED_NONE);
    assert_int_equal(m.elements[0].field_id, -1);
    assert_int_equal(m.elements[1].logical.id, PQ_LOGICAL_DECIMAL);
    assert_int_equal(m.elements[1].logical.scale, 2);
    assert_int_equal(m.elements[1].logical.precision, 5);
    assert_int_equal(m.elements[2].logical.id, PQ_LOGICAL_INTEGER);
    assert_int_equal(m.elements[2].logical.bit_width, 8);
    assert_false(m.elements[2].logical.is_signed);
    assert_int_equal(m.elements[3].logical.id, PQ_LOGICAL_OTHER);
    assert_int_equal(m.elements[4].logical.id, PQ_LOGICAL_STRING);
    ktki_arena_clear(&arena);
}

static void passes_over_fields_it_does_not_know(void **unused) {
    struct arena arena;
    struct parquet_metadata metadata;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(DECODE(&metadata, HEAD, 0x19, 0x0C, 0xF8, 0x02, 'x', 'y', 0x0C, 0xC8, 0x01, 0x11, 0x00,
                    0x00));
    assert_int_equal(metadata.element_count, 1);
    assert_null(metadata.created_by);
    ktki_arena_clear(&arena);
}

static void says_what_is_wrong(void **unused) {
    struct arena arena;
    struct parquet_metadata metadata = {.version = 77};
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_STATUS(DECODE(&metadata, HEAD, 0x00), KTK_E_CORRUPT);
    CHECK_MESSAGE("FileMetaData lacks the field 'row_groups'");
    CHECK_STATUS(DECODE(&metadata, 0x18, 0x01, 'a'), KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'version' of FileMetaData is damaged");
    CHECK_STATUS(DECODE(&metadata, HEAD, 0x19, 0xFC, 0xFF, 0x7F, 0x00), KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'row_groups' of FileMetaData is damaged");
    CHECK_STATUS(DECODE(&metadata, 0x15, 0x02, 0x19, 0x1C, 0x48, 0x02, 's', 0x00, 0x00),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'name' of SchemaElement holds a NUL");
    CHECK_STATUS(DECODE(&metadata, 0x15, 0x02, 0x19, 0x1C, 0x15, 0x10, 0x00), KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'type' of SchemaElement cannot be 8");
    CHECK_STATUS(DECODE(&metadata, 0x15, 0x02, SCHEMA_OF_ONE, 0x16, 0x01), KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'num_rows' of FileMetaData cannot be -1");
    assert_int_equal(metadata.version, 77);
    ktki_arena_clear(&arena);
}

/* A row group of two column chunks, the second one of which is what is given. */
#define CHUNKS(...)                                                                                \
    HEAD, 0x19, 0x1C, 0x19, 0x2C, 0x26, 0x00, 0x68, 0x00, 0x00, __VA_ARGS__, 0x16, 0x00, 0x16,     \
        0x00, 0x00, 0x00

static void leaves_column_chunks_for_later(void **unused) {
    static const uint8_t wrong[] = {CHUNKS(0x26, 0x00, 0x1C, 0x15, 0x28, 0x00, 0x00)};
    static const uint8_t empty[] = {CHUNKS(0x26, 0x00, 0x00)};
    struct arena arena;
    struct parquet_metadata metadata;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    /* What chunks say is not looked at: the type of this one is wrong. */
    CHECK_OK(ktki_metadata_decode(&metadata, &arena, &limits, wrong, sizeof(wrong), &err));
    assert_int_equal(metadata.row_groups[0].column_count, 2);
    assert_null(metadata.row_groups[0].columns);
    assert_int_equal(metadata.row_groups[0].chunk_bytes.size, 12);
    CHECK_STATUS(decode_chunks(&metadata, &arena, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("field 'type' of ColumnMetaData cannot be 20");
    assert_true(metadata.row_groups[0].columns[0].is_encrypted);
    CHECK_OK(ktki_metadata_decode(&metadata, &arena, &limits, empty, sizeof(empty), &err));
    CHECK_STATUS(decode_chunks(&metadata, &arena, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("ColumnChunk lacks its metadata");
    /* But they must be Thrift. */
    CHECK_STATUS(DECODE(&metadata, CHUNKS(0x26, 0x00, 0x1C, 0x15, 0x28, 0x0E, 0x00)),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("item 1 of field 'columns' of RowGroup is damaged");
    ktki_arena_clear(&arena);
}

static void refuses_every_cut_of_a_real_footer(void **unused) {
    struct parquet_metadata metadata;
    struct arena arena;
    uint8_t *data;
    uint32_t footer_size;
    size_t size = 0;
    ktk_error err;

    (void)unused;
    data = test_read_source_file("tests/data/golden/parquet/arrow-compat/0.12.1.parquet", &size);
    memcpy(&footer_size, data + size - 8, sizeof(footer_size));
    ktki_arena_init(&arena, test_allocator());
    for (size_t cut = 0; cut < footer_size; cut += 7) {
        CHECK_STATUS(ktki_metadata_decode(&metadata, &arena, &limits, data + size - 8 - footer_size,
                                          cut, &err),
                     KTK_E_CORRUPT);
        ktki_arena_clear(&arena);
    }
    test_data_free(data);
}

static void survives_want_of_memory(void **unused) {
    uint8_t *data = NULL;
    size_t size = 0;
    uint32_t footer_size;
    bool is_done = false;
    ktk_error err;

    (void)unused;
    data = test_read_source_file("tests/data/golden/parquet/arrow-compat/6.0.1.parquet", &size);
    memcpy(&footer_size, data + size - 8, sizeof(footer_size));
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct parquet_metadata metadata;
        struct arena arena;
        ktk_status status;

        ktki_arena_init(&arena, ktki_context_allocator(context));
        status = ktki_metadata_decode(&metadata, &arena, &limits, data + size - 8 - footer_size,
                                      footer_size, &err);
        if (status == KTK_OK) {
            status = decode_chunks(&metadata, &arena, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        ktki_arena_clear(&arena);
        test_context_free(context);
    }
    test_data_free(data);
}

static void reads_page_headers(void **unused) {
    static const uint8_t data_page[] = {0x15, 0,  0x15, 14, 0x15, 18, 0x2C, 0x15, 6,
                                        0x15, 16, 0x15, 6,  0x15, 6,  0,    0,    0xEE};
    static const uint8_t dictionary[] = {0x15, 4,    0x15, 14,   0x15, 18, 0x15, 0x03,
                                         0x3C, 0x15, 6,    0x15, 0,    0,  0};
    static const uint8_t v2[] = {0x15, 6, 0x15, 14, 0x15, 18, 0x5C, 0x15, 6,    0x15, 2,
                                 0x15, 4, 0x15, 0,  0x15, 10, 0x15, 12,   0x12, 0,    0};
    struct cursor cursor = ktki_cursor(data_page, sizeof(data_page));
    struct page_header header = {0};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_page_header_decode(&header, &cursor, &err));
    assert_int_equal(*cursor.at, 0xEE);
    assert_int_equal(header.type, PQ_DATA_PAGE);
    assert_int_equal(header.uncompressed_size, 7);
    assert_int_equal(header.compressed_size, 9);
    assert_int_equal(header.value_count, 3);
    assert_int_equal(header.encoding, PQ_RLE_DICTIONARY);
    assert_int_equal(header.definition_encoding, PQ_RLE);
    assert_true(header.is_compressed);
    assert_false(header.has_crc);

    cursor = ktki_cursor(dictionary, sizeof(dictionary));
    CHECK_OK(ktki_page_header_decode(&header, &cursor, &err));
    assert_int_equal(header.type, PQ_DICTIONARY_PAGE);
    assert_true(header.has_crc);
    assert_int_equal(header.crc, 0xFFFFFFFE);
    assert_int_equal(header.encoding, PQ_PLAIN);

    cursor = ktki_cursor(v2, sizeof(v2));
    CHECK_OK(ktki_page_header_decode(&header, &cursor, &err));
    assert_int_equal(header.type, PQ_DATA_PAGE_V2);
    assert_int_equal(header.null_count, 1);
    assert_int_equal(header.row_count, 2);
    assert_int_equal(header.definition_size, 5);
    assert_int_equal(header.repetition_size, 6);
    assert_false(header.is_compressed);
}

#define HEADER_FAILS(text, ...)                                                                    \
    do {                                                                                           \
        const uint8_t bytes_[] = {__VA_ARGS__};                                                    \
        struct cursor cursor_ = ktki_cursor(bytes_, sizeof(bytes_));                               \
        struct page_header header_ = {.value_count = 77};                                          \
        CHECK_STATUS(ktki_page_header_decode(&header_, &cursor_, &err), KTK_E_CORRUPT);            \
        CHECK_MESSAGE(text);                                                                       \
        assert_int_equal(header_.value_count, 77);                                                 \
        assert_ptr_equal(cursor_.at, bytes_);                                                      \
    } while (0)

static void refuses_page_headers_that_are_wrong(void **unused) {
    ktk_error err;

    (void)unused;
    HEADER_FAILS("cannot be -1", 0x15, 0, 0x15, 1, 0x15, 18, 0);
    HEADER_FAILS("lacks the field 'data_page_header'", 0x15, 0, 0x15, 14, 0x15, 18, 0);
    HEADER_FAILS("lacks the field 'dictionary_page_header'", 0x15, 4, 0x15, 14, 0x15, 18, 0);
    HEADER_FAILS("cannot be -7", 0x15, 4, 0x15, 14, 0x15, 18, 0x4C, 0x15, 13, 0x15, 0, 0, 0);
    HEADER_FAILS("PageHeader is damaged", 0x15, 0, 0x15, 14, 0x15, 18);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_footer_of_a_real_file),
        cmocka_unit_test(reads_logical_types),
        cmocka_unit_test(passes_over_fields_it_does_not_know),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(leaves_column_chunks_for_later),
        cmocka_unit_test(refuses_every_cut_of_a_real_footer),
        cmocka_unit_test(survives_want_of_memory),
        cmocka_unit_test(reads_page_headers),
        cmocka_unit_test(refuses_page_headers_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
