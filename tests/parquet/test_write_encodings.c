/* Files with encodings chosen for their columns, of both page versions, with checksums. */
#include "support/test.h"

#include <stdio.h>

#include "../arrow/random_arrays.h"
#include "base/context.h"
#include "made_file.h"
#include "parquet/column_read.h"
#include "parquet/schema_write.h"
#include "parquet/value_encode.h"

#define LEAVES_MAX 128

/* Choices for all columns of a schema: each of an encoding that fits. */
struct choices {
    struct arena arena;
    struct write_schema plan;
    ktk_parquet_column_options columns[LEAVES_MAX];
    char paths[LEAVES_MAX][64];
};

static const enum parquet_encoding encodings[] = {
    [KTK_ENCODING_AUTO] = PQ_PLAIN,
    [KTK_ENCODING_PLAIN] = PQ_PLAIN,
    [KTK_ENCODING_RLE] = PQ_RLE,
    [KTK_ENCODING_DELTA_BINARY_PACKED] = PQ_DELTA_BINARY_PACKED,
    [KTK_ENCODING_DELTA_LENGTH_BYTE_ARRAY] = PQ_DELTA_LENGTH_BYTE_ARRAY,
    [KTK_ENCODING_DELTA_BYTE_ARRAY] = PQ_DELTA_BYTE_ARRAY,
    [KTK_ENCODING_BYTE_STREAM_SPLIT] = PQ_BYTE_STREAM_SPLIT,
};

#define ENCODINGS (sizeof(encodings) / sizeof(encodings[0]))

static void choose(struct choices *choices, const struct schema *schema, uint32_t *random) {
    ktk_error err;

    ktki_arena_init(&choices->arena, test_allocator());
    CHECK_OK(ktki_write_schema_plan(&choices->plan, &choices->arena, schema, &err));
    assert_true(choices->plan.leaf_count <= LEAVES_MAX);
    for (int32_t i = 0; i < choices->plan.leaf_count; i++) {
        const struct write_leaf *leaf = &choices->plan.leaves[i];
        ktk_parquet_encoding encoding;
        size_t size = 0;
        do {
            encoding = (ktk_parquet_encoding)random_below(random, ENCODINGS);
        } while (!ktki_encoding_fits(encodings[encoding], leaf->physical));
        for (int32_t j = 0; j < leaf->path_count; j++) {
            size += (size_t)snprintf(choices->paths[i] + size, sizeof(choices->paths[i]) - size,
                                     "%s%s", j == 0 ? "" : ".", leaf->path[j]);
        }
        choices->columns[i] = (ktk_parquet_column_options){
            .path = choices->paths[i],
            .encoding = encoding,
            .dictionary = (ktk_parquet_dictionary)random_below(random, 3)};
        if (leaf->physical == PQ_BOOLEAN) {
            choices->columns[i].dictionary = KTK_DICTIONARY_AUTO;
        }
    }
}

static void any_rows_come_back(void **unused) {
    uint32_t random = 5;

    (void)unused;
    for (int round = 0; round < 24; round++) {
        static const int64_t page_bytes[] = {0, 100, 3000};
        static const int64_t group_rows[] = {0, 64, 500};
        ktk_context *context = test_context_new(1 + round % 3);
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
        static struct choices choices;
        struct made made;
        struct buffer bytes;
        ktk_parquet_file *file = NULL;
        ktk_error err;

        made_init(&made, context, &random, round % 4 == 0 ? 2500 : 300);
        choose(&choices, made.schema, &random);
        options.columns = choices.columns;
        options.column_count = (size_t)choices.plan.leaf_count;
        options.compression = (ktk_compression)random_below(&random, 4);
        options.data_page_version = 1 + round % 2;
        options.page_checksums = round % 3 != 0;
        options.page_bytes_max = page_bytes[random_below(&random, 3)];
        options.row_group_rows_max = group_rows[random_below(&random, 3)];
        ktki_buffer_init(&bytes, test_allocator(), 0);
        CHECK_OK(
            made_write(&bytes, context, made.schema, made.batches, made.count, &options, &err));
        made_open(&file, context, &bytes);
        made_check(file, made.batches, made.count, round % 2 == 0);
        ktk_parquet_file_free(file);
        ktki_buffer_clear(&bytes);
        ktki_arena_clear(&choices.arena);
        made_clear(&made);
        test_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

/* ---- one column ---- */

struct fixture {
    ktk_context *context;
    struct batch batch;
    struct buffer bytes;
    ktk_parquet_write_options options;
    ktk_parquet_column_options column;
    ktk_error err;
};

static void begin(struct fixture *fixture, struct data_type type, int64_t row_count,
                  int null_share) {
    struct field field = {.name = "x", .type = type, .nullable = true};
    struct ArrowArray array;
    uint32_t random = 11;

    fixture->context = test_context_new(1);
    fixture->options = (ktk_parquet_write_options)KTK_PARQUET_WRITE_OPTIONS_INIT;
    fixture->column = (ktk_parquet_column_options){.path = "x"};
    fixture->options.columns = &fixture->column;
    fixture->options.column_count = 1;
    random_array(&array, &field, row_count, null_share, &random);
    made_column(&fixture->batch, fixture->context, &field, &array);
    ktki_buffer_init(&fixture->bytes, test_allocator(), 0);
}

static void end(struct fixture *fixture) {
    ktki_batch_clear(&fixture->batch);
    ktki_buffer_clear(&fixture->bytes);
    test_context_free(fixture->context);
    assert_int_equal(test_allocator_live(), 0);
}

static ktk_status write(struct fixture *fixture) {
    fixture->bytes.size = 0;
    return made_write(&fixture->bytes, fixture->context, fixture->batch.schema, &fixture->batch, 1,
                      &fixture->options, &fixture->err);
}

static const char *encodings_of(struct fixture *fixture, ktk_parquet_file **file) {
    ktk_parquet_column_info info;
    ktk_error err;

    made_open(file, fixture->context, &fixture->bytes);
    CHECK_OK(ktk_parquet_column_info_get(*file, 0, 0, &info, &err));
    return info.encodings;
}

/* The only column of the only row group holds the rows of the batch. */
static void check_rows(ktk_parquet_file *file, const struct batch *batch) {
    const struct field *field = &batch->schema->fields[0];
    const int32_t column = 0;
    struct batch read = {0};
    ktk_error err;

    CHECK_OK(ktki_parquet_read_row_group(&read, file, 0, &column, 1, false, &err));
    assert_int_equal(read.row_count, batch->row_count);
    for (int64_t i = 0; i < read.row_count; i++) {
        assert_same_value(field, &batch->columns[0], i, &read.columns[0], i);
    }
    ktki_batch_clear(&read);
}

static void writes_with(struct fixture *fixture, ktk_parquet_encoding encoding,
                        ktk_parquet_dictionary dictionary, const char *wanted) {
    ktk_parquet_file *file = NULL;
    ktk_error err;

    fixture->column.encoding = encoding;
    fixture->column.dictionary = dictionary;
    err = fixture->err;
    CHECK_OK(write(fixture));
    assert_string_equal(encodings_of(fixture, &file), wanted);
    check_rows(file, &fixture->batch);
    ktk_parquet_file_free(file);
}

static void lists_the_encodings_of_a_chunk(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_INT64}, 100, 50);
    writes_with(&fixture, KTK_ENCODING_AUTO, KTK_DICTIONARY_NEVER, "PLAIN, RLE");
    writes_with(&fixture, KTK_ENCODING_DELTA_BINARY_PACKED, KTK_DICTIONARY_AUTO,
                "RLE, DELTA_BINARY_PACKED");
    writes_with(&fixture, KTK_ENCODING_BYTE_STREAM_SPLIT, KTK_DICTIONARY_NEVER,
                "RLE, BYTE_STREAM_SPLIT");
    /* The numbers repeat often. */
    writes_with(&fixture, KTK_ENCODING_AUTO, KTK_DICTIONARY_AUTO, "PLAIN, RLE, RLE_DICTIONARY");
    writes_with(&fixture, KTK_ENCODING_DELTA_BINARY_PACKED, KTK_DICTIONARY_ALWAYS,
                "PLAIN, RLE, RLE_DICTIONARY");
    end(&fixture);
    begin(&fixture, (struct data_type){.id = TYPE_BOOL}, 100, 50);
    writes_with(&fixture, KTK_ENCODING_RLE, KTK_DICTIONARY_AUTO, "RLE");
    end(&fixture);
}

static void refuses(struct fixture *fixture, const char *text) {
    assert_int_equal(write(fixture), KTK_E_INVALID);
    if (strstr(fixture->err.message, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->err.message, text);
    }
}

static void refuses_choices_that_do_not_fit(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_INT32}, 10, 50);
    fixture.column.encoding = KTK_ENCODING_DELTA_BYTE_ARRAY;
    refuses(&fixture, "column 'x' of type INT32 cannot be encoded as DELTA_BYTE_ARRAY, choose one "
                      "of PLAIN, DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT");
    fixture.column.encoding = (ktk_parquet_encoding)99;
    refuses(&fixture, "column 'x': unknown encoding 99");
    fixture.column.encoding = KTK_ENCODING_AUTO;
    fixture.column.dictionary = (ktk_parquet_dictionary)3;
    refuses(&fixture, "unknown choice 3 of a dictionary");
    fixture.column.dictionary = KTK_DICTIONARY_AUTO;
    fixture.column.path = "x.list.item";
    refuses(&fixture, "no column 'x.list.item'");
    fixture.column.path = NULL;
    refuses(&fixture, "no column ''");
    fixture.column.path = "x";
    fixture.options.data_page_version = 3;
    refuses(&fixture, "version 1 or 2, not 3");
    fixture.options.data_page_version = 0;
    fixture.options.timestamp_unit = (ktk_parquet_timestamp_unit)3;
    refuses(&fixture, "unknown unit 3 of timestamps");
    end(&fixture);
    begin(&fixture, (struct data_type){.id = TYPE_BOOL}, 10, 50);
    fixture.column.dictionary = KTK_DICTIONARY_ALWAYS;
    refuses(&fixture, "column 'x' of type BOOLEAN cannot have a dictionary");
    end(&fixture);
}

/* ---- pages ---- */

/* The data pages of the only chunk, which follow the magic. */
static size_t walk(const struct fixture *fixture, struct page_header *headers, size_t max) {
    struct cursor cursor = ktki_cursor(fixture->bytes.data, fixture->bytes.size);
    int64_t slots = 0;
    size_t count = 0;
    ktk_error err;

    assert_true(ktki_cursor_skip(&cursor, 4));
    while (slots < fixture->batch.row_count && count < max) {
        CHECK_OK(ktki_page_header_decode(&headers[count], &cursor, &err));
        assert_true(ktki_cursor_skip(&cursor, (size_t)headers[count].compressed_size));
        slots += headers[count++].value_count;
    }
    return count;
}

static void writes_pages_of_version_2(void **unused) {
    struct fixture fixture;
    struct page_header headers[8];
    struct array_view view;
    size_t count;
    int64_t nulls = 0;

    (void)unused;
    begin(&fixture, (struct data_type){.id = TYPE_INT32}, 1000, 50);
    fixture.options.data_page_version = 2;
    fixture.options.page_bytes_max = 2000;
    fixture.options.no_dictionary = true;
    assert_int_equal(write(&fixture), KTK_OK);
    count = walk(&fixture, headers, 8);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(headers[i].type, PQ_DATA_PAGE_V2);
        assert_int_equal(headers[i].value_count, 500);
        assert_int_equal(headers[i].row_count, 500);
        assert_int_equal(headers[i].repetition_size, 0);
        assert_true(headers[i].definition_size > 0);
        assert_true(headers[i].is_compressed);
        assert_false(headers[i].has_crc);
        assert_int_equal(headers[i].uncompressed_size,
                         headers[i].definition_size + 4 * (500 - headers[i].null_count));
        nulls += headers[i].null_count;
    }
    ktki_array_view(&fixture.batch.columns[0], &fixture.batch.schema->fields[0].type, &view);
    for (int64_t i = 0; i < view.length; i++) {
        nulls -= ktki_view_is_null(&view, i);
    }
    assert_int_equal(nulls, 0);
    end(&fixture);
}

static void a_changed_byte_fails_its_checksum(void **unused) {
    struct fixture fixture;
    struct page_header header;

    (void)unused;
    for (int32_t version = 1; version <= 2; version++) {
        ktk_parquet_file *file = NULL;
        struct batch batch = {0};
        ktk_error err;
        const int32_t column = 0;
        begin(&fixture, (struct data_type){.id = TYPE_INT32}, 100, 50);
        fixture.options.data_page_version = version;
        fixture.options.page_checksums = true;
        fixture.options.compression = KTK_COMPRESSION_NONE;
        assert_int_equal(write(&fixture), KTK_OK);
        assert_int_equal(walk(&fixture, &header, 1), 1);
        assert_true(header.has_crc);
        made_open(&file, fixture.context, &fixture.bytes);
        check_rows(file, &fixture.batch);
        ktk_parquet_file_free(file);
        fixture.bytes.data[60 + (size_t)header.compressed_size / 2] ^= 1;
        made_open(&file, fixture.context, &fixture.bytes);
        CHECK_STATUS(ktki_parquet_read_row_group(&batch, file, 0, &column, 1, false, &err),
                     KTK_E_CORRUPT);
        CHECK_MESSAGE("checksum");
        ktk_parquet_file_free(file);
        end(&fixture);
    }
}

/* ---- units of timestamps ---- */

static void check_unit(ktk_parquet_timestamp_unit unit, enum time_unit from, int64_t value,
                       const char *logical, int64_t wanted) {
    struct fixture fixture;
    ktk_parquet_file *file = NULL;
    ktk_parquet_column_info info;
    struct batch batch = {0};
    const int32_t column = 0;
    ktk_error err;

    begin(&fixture, (struct data_type){.id = TYPE_TIMESTAMP, .unit = from}, 1, 0);
    memcpy((uint8_t *)(uintptr_t)fixture.batch.columns[0].buffers[1] +
               8 * fixture.batch.columns[0].offset,
           &value, sizeof(value));
    fixture.options.timestamp_unit = unit;
    if (logical == NULL) {
        refuses(&fixture, "row 0");
    } else {
        CHECK_STATUS(write(&fixture), KTK_OK);
        made_open(&file, fixture.context, &fixture.bytes);
        CHECK_OK(ktk_parquet_column_info_get(file, 0, 0, &info, &err));
        assert_string_equal(info.logical_type, logical);
        CHECK_OK(ktki_parquet_read_row_group(&batch, file, 0, &column, 1, false, &err));
        assert_true(((const int64_t *)batch.columns[0].buffers[1])[0] == wanted);
        ktki_batch_clear(&batch);
        ktk_parquet_file_free(file);
    }
    end(&fixture);
}

#define MILLIS "TIMESTAMP(MILLIS, UTC=false)"
#define MICROS "TIMESTAMP(MICROS, UTC=false)"
#define NANOS "TIMESTAMP(NANOS, UTC=false)"

static void stores_timestamps_in_the_unit_asked_for(void **unused) {
    (void)unused;
    check_unit(KTK_TIMESTAMP_MICROSECONDS, UNIT_NANO, -7000, MICROS, -7);
    check_unit(KTK_TIMESTAMP_MICROSECONDS, UNIT_NANO, 7001, NULL, 0);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_SECOND, 3, MILLIS, 3000);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_MILLI, 3, MILLIS, 3);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_MICRO, 5000, MILLIS, 5);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_MICRO, 5001, NULL, 0);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_NANO, 9000000, MILLIS, 9);
    check_unit(KTK_TIMESTAMP_MILLISECONDS, UNIT_NANO, 9000001, NULL, 0);
    check_unit(KTK_TIMESTAMP_NANOSECONDS, UNIT_SECOND, 2, NANOS, 2000000000);
    check_unit(KTK_TIMESTAMP_NANOSECONDS, UNIT_MILLI, 2, NANOS, 2000000);
    check_unit(KTK_TIMESTAMP_NANOSECONDS, UNIT_MICRO, 2, NANOS, 2000);
    check_unit(KTK_TIMESTAMP_NANOSECONDS, UNIT_NANO, 1, NANOS, 1);
    check_unit(KTK_TIMESTAMP_NANOSECONDS, UNIT_SECOND, INT64_MAX / 1000, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_rows_come_back),
        cmocka_unit_test(lists_the_encodings_of_a_chunk),
        cmocka_unit_test(refuses_choices_that_do_not_fit),
        cmocka_unit_test(writes_pages_of_version_2),
        cmocka_unit_test(a_changed_byte_fails_its_checksum),
        cmocka_unit_test(stores_timestamps_in_the_unit_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
