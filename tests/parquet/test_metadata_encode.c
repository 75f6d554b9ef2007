#include "support/test.h"

#include "parquet/metadata.h"

/* The expected bytes are worked out by hand from parquet.thrift and the compact protocol. */

#define CHECK_BYTES(out, wanted)                                                                   \
    do {                                                                                           \
        assert_int_equal((out)->size, sizeof(wanted));                                             \
        assert_memory_equal((out)->data, (wanted), sizeof(wanted));                                \
        ktki_buffer_clear(out);                                                                    \
    } while (0)

static void page_headers_of_each_kind(void **unused) {
    struct buffer out;
    ktk_error err;
    struct page_header header = {.type = PQ_DATA_PAGE,
                                 .uncompressed_size = 7,
                                 .compressed_size = 9,
                                 .value_count = 3,
                                 .encoding = PQ_RLE_DICTIONARY,
                                 .definition_encoding = PQ_RLE,
                                 .repetition_encoding = PQ_RLE};
    static const uint8_t data[] = {0x15, 0,  0x15, 14, 0x15, 18, 0x2C, 0x15, 6,
                                   0x15, 16, 0x15, 6,  0x15, 6,  0,    0};
    static const uint8_t dictionary[] = {0x15, 4,    0x15, 14,   0x15, 18, 0x15, 0x03,
                                         0x3C, 0x15, 6,    0x15, 0,    0,  0};
    static const uint8_t data_v2[] = {0x15, 6, 0x15, 14, 0x15, 18, 0x5C, 0x15, 6,    0x15, 2,
                                      0x15, 4, 0x15, 0,  0x15, 10, 0x15, 12,   0x12, 0,    0};

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_page_header_encode(&header, &out, &err));
    CHECK_BYTES(&out, data);

    header.type = PQ_DICTIONARY_PAGE;
    header.encoding = PQ_PLAIN;
    header.has_crc = true;
    header.crc = 0xFFFFFFFE; /* -2 as i32 */
    CHECK_OK(ktki_page_header_encode(&header, &out, &err));
    CHECK_BYTES(&out, dictionary);

    header = (struct page_header){.type = PQ_DATA_PAGE_V2,
                                  .uncompressed_size = 7,
                                  .compressed_size = 9,
                                  .value_count = 3,
                                  .null_count = 1,
                                  .row_count = 2,
                                  .definition_size = 5,
                                  .repetition_size = 6};
    CHECK_OK(ktki_page_header_encode(&header, &out, &err));
    CHECK_BYTES(&out, data_v2);
}

static const char *const path[] = {"a"};
static const int32_t encodings[] = {PQ_PLAIN, PQ_RLE};

static const uint8_t footer_with_everything[] = {
    0x15, 4,                                                  /* version */
    0x19, 0x2C,                                               /* schema: 2 elements */
    0x35, 0,    0x18, 6,    's',  'c',  'h',  'e', 'm',  'a', /* repetition, name */
    0x15, 2,    0,                                            /* num_children */
    0x15, 4,    0x25, 2,    0x18, 1,    'a',                  /* type, repetition, name */
    0x25, 20,                                                 /* TIMESTAMP_MICROS */
    0x4C, 0x8C, 0x11, 0x1C, 0x2C, 0,    0,    0,   0,    0,   /* TIMESTAMP(UTC, MICROS) */
    0x16, 4,                                                  /* num_rows */
    0x19, 0x1C,                                               /* row_groups: 1 */
    0x19, 0x1C,                                               /* columns: 1 */
    0x26, 0,                                                  /* file_offset */
    0x1C, 0x15, 4,    0x19, 0x25, 0,    6,                    /* type, encodings */
    0x19, 0x18, 1,    'a',  0x15, 2,    0x16, 4,   0x16, 20,  /* path, codec, values, size */
    0x16, 22,   0x26, 8,                                      /* compressed, data offset */
    0x3C, 0x36, 2,    0x28, 0,    0x18, 1,    'm', 0,         /* statistics */
    0,    0,                                                  /* ends of the chunk */
    0x16, 20,   0x16, 4,    0x26, 8,    0,                    /* row group */
    0x19, 0x2C, 0x18, 1,    'k',  0x18, 1,    'v', 0,         /* key_value_metadata */
    0x18, 1,    'n',  0,                                      /* without a value */
    0x18, 2,    'm',  'e',                                    /* created_by */
    0x19, 0x1C, 0x1C, 0,    0,                                /* column_orders */
    0,
};

static void a_footer_with_everything(void **unused) {
    struct buffer out;
    ktk_error err;
    struct schema_element elements[] = {
        {.name = "schema", .child_count = 1, .converted = PQ_CONVERTED_NONE, .field_id = -1},
        {.name = "a",
         .has_type = true,
         .type = PQ_INT64,
         .repetition = PQ_OPTIONAL,
         .converted = PQ_TIMESTAMP_MICROS,
         .field_id = -1,
         .logical = {.id = PQ_LOGICAL_TIMESTAMP, .is_utc = true, .unit = PQ_UNIT_MICROS}},
    };
    struct column_chunk chunk = {
        .type = PQ_INT64,
        .codec = 1,
        .encoding_count = 2,
        .encodings = encodings,
        .path_count = 1,
        .path = path,
        .value_count = 2,
        .uncompressed_size = 10,
        .compressed_size = 11,
        .data_page_offset = 4,
        .dictionary_page_offset = -1,
        .index_page_offset = -1,
        .sizes = {.text_bytes = -1},
        .column_index = {.offset = -1},
        .offset_index = {.offset = -1},
        .bloom = {.offset = -1},
        .statistics = {.is_present = true,
                       .min_value = {(const uint8_t *)"m", 1},
                       .max_value = {(const uint8_t *)"", 0},
                       .null_count = 1,
                       .distinct_count = -1},
    };
    struct row_group group = {.column_count = 1,
                              .columns = &chunk,
                              .total_byte_size = 10,
                              .row_count = 2,
                              .file_offset = 4,
                              .total_compressed_size = -1};
    struct parquet_key_value key_values[] = {{"k", "v", 1}, {"n", NULL, 0}};
    const uint8_t order = 1;
    struct parquet_metadata metadata = {.version = 2,
                                        .element_count = 2,
                                        .elements = elements,
                                        .row_count = 2,
                                        .row_group_count = 1,
                                        .row_groups = &group,
                                        .key_value_count = 2,
                                        .key_values = key_values,
                                        .created_by = "me",
                                        .column_order_count = 1,
                                        .column_orders = &order};

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_metadata_encode(&metadata, &out, &err));
    CHECK_BYTES(&out, footer_with_everything);
}

static void logical_types_with_fields(void **unused) {
    struct buffer out;
    ktk_error err;
    struct schema_element elements[] = {
        {.name = "a",
         .has_type = true,
         .type = PQ_FIXED_LEN_BYTE_ARRAY,
         .type_length = 4,
         .repetition = PQ_REPEATED,
         .converted = PQ_DECIMAL,
         .scale = 2,
         .precision = 9,
         .field_id = 3,
         .logical = {.id = PQ_LOGICAL_DECIMAL, .scale = 2, .precision = 9}},
        {.name = "b",
         .has_type = true,
         .type = PQ_INT32,
         .repetition = PQ_OPTIONAL,
         .converted = PQ_UINT_8,
         .field_id = -1,
         .logical = {.id = PQ_LOGICAL_INTEGER, .bit_width = 8}},
        {.name = "c",
         .has_type = true,
         .type = PQ_BYTE_ARRAY,
         .repetition = PQ_OPTIONAL,
         .converted = PQ_UTF8,
         .field_id = -1,
         .logical = {.id = PQ_LOGICAL_STRING}},
    };
    struct parquet_metadata metadata = {.version = 1, .element_count = 3, .elements = elements};
    static const uint8_t wanted[] = {
        0x15, 2,    0x19, 0x3C,                            /* version, schema */
        0x15, 14,   0x15, 8,    0x15, 4,  0x18, 1,    'a', /* type, length, REPEATED */
        0x25, 10,   0x15, 4,    0x15, 18, 0x15, 6,         /* DECIMAL, 2, 9, field 3 */
        0x1C, 0x5C, 0x15, 4,    0x15, 18, 0,    0,    0,   /* logical DECIMAL */
        0x15, 2,    0x25, 2,    0x18, 1,  'b',  0x25, 22,  /* UINT_8 */
        0x4C, 0xAC, 0x13, 8,    0x12, 0,  0,    0,         /* logical INTEGER(8, false) */
        0x15, 12,   0x25, 2,    0x18, 1,  'c',  0x25, 0,   /* UTF8 */
        0x4C, 0x1C, 0,    0,    0,                         /* logical STRING */
        0x16, 0,    0x19, 0x0C, 0,                         /* no rows, no row groups */
    };

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(ktki_metadata_encode(&metadata, &out, &err));
    CHECK_BYTES(&out, wanted);
    assert_int_equal(test_allocator_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_headers_of_each_kind),
        cmocka_unit_test(a_footer_with_everything),
        cmocka_unit_test(logical_types_with_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
