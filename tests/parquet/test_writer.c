#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../arrow/random_arrays.h"
#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/context.h"
#include "made_file.h"
#include "opened.h"
#include "parquet/row_bytes.h"

/* ---- round trips ---- */

static ktk_parquet_write_options random_options(uint32_t *random) {
    static const int64_t group_rows[] = {0, 1, 7, 64, 500, 1000};
    static const int64_t page_bytes[] = {0, 1, 13, 200, 4000};
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;

    options.compression = (ktk_compression)random_below(random, 4);
    options.row_group_rows_max = group_rows[random_below(random, 6)];
    options.page_bytes_max = page_bytes[random_below(random, 5)];
    options.no_dictionary = random_below(random, 4) == 0;
    return options;
}

static void any_rows_come_back(void **unused) {
    uint32_t random = 1;

    (void)unused;
    for (int round = 0; round < 40; round++) {
        ktk_context *context = test_context_new(1 + round % 3);
        /* Tiny row groups cost thousands of chunks: fewer rows for them. */
        ktk_parquet_write_options options = random_options(&random);
        int64_t rows_max = options.row_group_rows_max > 0 && options.row_group_rows_max < 64 ? 40
                           : options.page_bytes_max > 0 && options.page_bytes_max < 200      ? 150
                                                                                             : 1200;
        struct made made;
        struct buffer bytes;
        ktk_parquet_file *file = NULL;
        ktk_error err;

        made_init(&made, context, &random, rows_max);
        ktki_buffer_init(&bytes, test_allocator(), 0);
        CHECK_OK(
            made_write(&bytes, context, made.schema, made.batches, made.count, &options, &err));
        made_open(&file, context, &bytes);
        made_check(file, made.batches, made.count, round % 2 == 0);
        ktk_parquet_file_free(file);
        ktki_buffer_clear(&bytes);
        made_clear(&made);
        test_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

/* A column of int64 numbers, each made of its row. */
static void number_column(struct batch *out, ktk_context *context, int64_t count,
                          int64_t (*value)(int64_t row)) {
    struct field field = {"n", {.id = TYPE_INT64}, .nullable = true};
    struct array_builder builder;
    struct ArrowArray array;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    for (int64_t i = 0; i < count; i++) {
        CHECK_OK(ktki_builder_append_i64(&builder, value(i), &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    made_column(out, context, &field, &array);
}

static void check_numbers(ktk_parquet_file *file, int64_t count, int64_t (*value)(int64_t row)) {
    const struct parquet_metadata *metadata = ktki_parquet_metadata(file);
    int64_t row = 0;
    ktk_error err;

    for (int32_t group = 0; group < metadata->row_group_count; group++) {
        const int32_t column = 0;
        struct batch read = {0};
        struct array_view view;

        CHECK_OK(ktki_parquet_read_row_group(&read, file, group, &column, 1, false, &err));
        ktki_array_view(&read.columns[0], &read.schema->fields[0].type, &view);
        for (int64_t i = 0; i < read.row_count; i++) {
            assert_int_equal(((const int64_t *)view.values)[i + view.offset], value(row++));
        }
        ktki_batch_clear(&read);
    }
    assert_int_equal(row, count);
}

/* Write a column of numbers and look at its first chunk. */
static void check_number_file(int64_t count, int64_t (*value)(int64_t row), const char *encodings) {
    ktk_context *context = test_context_new(2);
    struct batch batch;
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    ktk_parquet_column_info info;
    ktk_error err;

    number_column(&batch, context, count, value);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, batch.schema, &batch, 1, NULL, &err));
    made_open(&file, context, &bytes);
    CHECK_OK(ktk_parquet_column_info_get(file, 0, 0, &info, &err));
    assert_string_equal(info.encodings, encodings);
    assert_string_equal(info.path, "n");
    assert_int_equal(info.value_count, count);
    check_numbers(file, count, value);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    test_context_free(context);
}

static int64_t few(int64_t row) {
    return row * row % 1000 - 500;
}

static int64_t distinct(int64_t row) {
    return row * INT64_C(1000003);
}

/* A dictionary that gets full: many rows of few values, then new ones all the time. */
static int64_t few_then_distinct(int64_t row) {
    return row < 400000 ? few(row) : row;
}

/* One that is full too early to pay. */
static int64_t twice_each(int64_t row) {
    return row / 2;
}

static int64_t constant(int64_t row) {
    (void)row;
    return 7;
}

static void dictionaries_are_used_where_they_pay(void **unused) {
    (void)unused;
    check_number_file(100000, few, "PLAIN, RLE, RLE_DICTIONARY");
    check_number_file(100000, constant, "PLAIN, RLE, RLE_DICTIONARY");
    check_number_file(100000, distinct, "PLAIN, RLE");
    check_number_file(700000, twice_each, "PLAIN, RLE");
    check_number_file(3, distinct, "PLAIN, RLE");
}

static void a_full_dictionary_falls_back_to_plain(void **unused) {
    (void)unused;
    check_number_file(700000, few_then_distinct, "PLAIN, RLE, RLE_DICTIONARY");
}

/* ---- bytes of a file ---- */

static void bytes_do_not_depend_on_threads_or_batches(void **unused) {
    uint32_t random = 77;
    ktk_error err;

    (void)unused;
    for (int round = 0; round < 4; round++) {
        ktk_context *context = test_context_new(1);
        ktk_context *threads = NULL;
        ktk_context_options many = KTK_CONTEXT_OPTIONS_INIT;
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
        struct schema *schema = made_schema(context);
        struct batch whole;
        struct batch parts[3];
        struct buffer first;
        struct buffer second;
        const int64_t cuts[] = {0, 1, 777, 2500};

        many.threads = 4;
        CHECK_OK(ktk_context_new(&threads, &many, &err));
        options.row_group_rows_max = 1000;
        options.page_bytes_max = round % 2 == 0 ? 0 : 1000;
        if (round == 3) { /* cut by size instead */
            options.row_group_rows_max = 0;
            options.memory_bytes_max = (int64_t)1 << 20;
        }
        made_batch(&whole, schema, 2500, round < 2 ? 0 : 60, &random);
        assert_true(ktki_row_bytes(&whole, 0, 2500) > (int64_t)1 << 20);
        ktki_buffer_init(&first, test_allocator(), 0);
        ktki_buffer_init(&second, test_allocator(), 0);
        CHECK_OK(made_write(&first, context, schema, &whole, 1, &options, &err));
        CHECK_OK(made_write(&second, threads, schema, &whole, 1, &options, &err));
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        /* The same rows in three batches, cut by hand: columns share the buffers. */
        for (size_t i = 0; i < 3; i++) {
            CHECK_OK(ktki_batch_init(&parts[i], schema, cuts[i + 1] - cuts[i], &err));
            for (int32_t c = 0; c < schema->field_count; c++) {
                parts[i].columns[c] = whole.columns[c];
                parts[i].columns[c].offset += cuts[i];
                parts[i].columns[c].length = cuts[i + 1] - cuts[i];
            }
        }
        second.size = 0;
        CHECK_OK(made_write(&second, threads, schema, parts, 3, &options, &err));
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);
        for (size_t i = 0; i < 3; i++) {
            memset(parts[i].columns, 0, (size_t)schema->field_count * sizeof(*parts[i].columns));
            ktki_batch_clear(&parts[i]);
        }
        ktki_buffer_clear(&first);
        ktki_buffer_clear(&second);
        ktki_batch_clear(&whole);
        ktki_schema_free(schema);
        ktk_context_free(threads);
        test_context_free(context);
    }
}

static void rows_are_grouped_as_asked(void **unused) {
    static const int64_t batches[] = {3, 4, 30, 1};
    static const int64_t wanted[] = {10, 10, 10, 8};
    ktk_context *context = test_context_new(1);
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct batch made[4];
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    ktk_error err;

    (void)unused;
    options.row_group_rows_max = 10;
    for (size_t i = 0; i < 4; i++) {
        number_column(&made[i], context, batches[i], few);
    }
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, made[0].schema, made, 4, &options, &err));
    made_open(&file, context, &bytes);
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.row_group_count, 4);
    assert_int_equal(info.row_count, 38);
    assert_int_equal(info.version, 2);
    assert_string_equal(info.created_by, "kartothek version 0.1.0 (build c)");
    for (int32_t i = 0; i < 4; i++) {
        ktk_parquet_row_group_info group;
        CHECK_OK(ktk_parquet_row_group_info_get(file, i, &group, &err));
        assert_int_equal(group.row_count, wanted[i]);
    }
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    for (size_t i = 0; i < 4; i++) {
        ktki_batch_clear(&made[i]);
    }
    test_context_free(context);
}

static void no_rows_are_one_row_group_without_rows(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = made_schema(context);
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    const struct parquet_metadata *metadata;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, schema, NULL, 0, NULL, &err));
    made_open(&file, context, &bytes);
    metadata = ktki_parquet_metadata(file);
    assert_int_equal(metadata->row_group_count, 1);
    assert_int_equal(metadata->row_groups[0].row_count, 0);
    assert_int_equal(metadata->row_groups[0].column_count, made_leaf_count());
    made_check(file, NULL, 0, false);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void key_values_keep_their_order(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = made_schema(context);
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    const struct parquet_metadata *metadata;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_parquet_schema_file(&bytes, context, schema, &err));
    made_open(&file, context, &bytes);
    metadata = ktki_parquet_metadata(file);
    assert_int_equal(metadata->row_group_count, 0);
    assert_int_equal(metadata->row_count, 0);
    assert_int_equal(metadata->key_value_count, 3);
    assert_string_equal(metadata->key_values[0].key, "pandas");
    assert_string_equal(metadata->key_values[0].value, "{}");
    assert_string_equal(metadata->key_values[1].key, "other");
    assert_int_equal(metadata->key_values[1].value_size, 3);
    assert_memory_equal(metadata->key_values[1].value, "a\0b", 3);
    assert_string_equal(metadata->key_values[2].key, "ARROW:schema");
    assert_int_equal(metadata->column_order_count, made_leaf_count());
    for (int32_t i = 0; i < metadata->column_order_count; i++) {
        assert_int_equal(metadata->column_orders[i], 1);
    }
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    ktki_schema_free(schema);
    test_context_free(context);
}

/* ---- statistics ---- */

static int64_t small(int64_t row) {
    return row - 5;
}

static void statistics_are_complete_or_absent(void **unused) {
    ktk_context *context = test_context_new(1);
    struct batch numbers;
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    const struct parquet_statistics *statistics;
    int64_t min = -5;
    int64_t max = 14;
    ktk_error err;

    (void)unused;
    number_column(&numbers, context, 20, small);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, numbers.schema, &numbers, 1, NULL, &err));
    made_open(&file, context, &bytes);
    statistics = &opened_row_group(file, 0)->columns[0].statistics;
    assert_true(statistics->is_present);
    assert_int_equal(statistics->null_count, 0);
    assert_int_equal(statistics->distinct_count, -1);
    assert_memory_equal(statistics->min_value.data, &min, 8);
    assert_memory_equal(statistics->max_value.data, &max, 8);
    assert_memory_equal(statistics->old_min.data, &min, 8);
    assert_memory_equal(statistics->old_max.data, &max, 8);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&numbers);
    test_context_free(context);
}

/* Texts "a" (twice) and one of `size` bytes; nulls in between. */
static void check_text_statistics(size_t size, const char *min, size_t max_size) {
    struct field field = {"t", {.id = TYPE_STRING}, .nullable = true};
    ktk_context *context = test_context_new(1);
    char *text = calloc(1, size);
    struct array_builder builder;
    struct ArrowArray array;
    struct batch batch;
    struct buffer bytes;
    ktk_parquet_file *file = NULL;
    const struct parquet_statistics *statistics;
    ktk_error err;

    assert_non_null(text);
    memset(text, 'z', size);
    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, "a", 1, &err));
    CHECK_OK(ktki_builder_append_null(&builder, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, text, size, &err));
    CHECK_OK(ktki_builder_append_null(&builder, &err));
    CHECK_OK(ktki_builder_append_bytes(&builder, "a", 1, &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    made_column(&batch, context, &field, &array);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, context, batch.schema, &batch, 1, NULL, &err));
    made_open(&file, context, &bytes);
    statistics = &opened_row_group(file, 0)->columns[0].statistics;
    assert_true(statistics->is_present);
    assert_int_equal(statistics->null_count, 2);
    assert_null(statistics->old_min.data);
    assert_null(statistics->old_max.data);
    assert_int_equal(statistics->max_value.size, max_size);
    if (min == NULL) {
        assert_null(statistics->min_value.data);
        assert_null(statistics->max_value.data);
    } else {
        assert_int_equal(statistics->min_value.size, strlen(min));
        assert_memory_equal(statistics->min_value.data, min, strlen(min));
        assert_memory_equal(statistics->max_value.data, text, max_size);
    }
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    test_context_free(context);
    free(text);
}

/* D-39: both bounds or none. */
static void text_has_no_old_statistics_and_no_halves(void **unused) {
    (void)unused;
    check_text_statistics(10, "a", 10);
    check_text_statistics(4096, "a", 4096);
    check_text_statistics(4097, NULL, 0);
}

/* ---- values that cannot be stored ---- */

static ktk_status write_one(const struct field *field, const int64_t *values, size_t count,
                            ktk_error *out_err) {
    ktk_context *context = test_context_new(1);
    struct array_builder builder;
    struct ArrowArray array;
    struct batch batch;
    struct buffer bytes;
    ktk_status status;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, field, &err));
    CHECK_OK(ktki_builder_append_null(&builder, &err));
    for (size_t i = 0; i < count; i++) {
        uint8_t wide[16];

        memset(wide, values[i] < 0 ? 0xFF : 0, sizeof(wide));
        memcpy(wide, &values[i], 8);
        CHECK_OK(field->type.id == TYPE_DECIMAL128
                     ? ktki_builder_append_bytes(&builder, wide, 16, &err)
                     : ktki_builder_append_i64(&builder, values[i], &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    made_column(&batch, context, field, &array);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    status = made_write(&bytes, context, batch.schema, &batch, 1, NULL, out_err);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    test_context_free(context);
    return status;
}

static void what_cannot_be_stored_is_named(void **unused) {
    struct field nano = {"at", {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}, .nullable = true};
    struct field second = {"at", {.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND}, .nullable = true};
    struct field date = {"at", {.id = TYPE_DATE64}, .nullable = true};
    struct field price = {
        "price", {.id = TYPE_DECIMAL128, .precision = 4, .scale = 2}, .nullable = true};
    const int64_t nanos[] = {1577836800000001000, 1577836800000000001};
    const int64_t seconds[] = {9223372036854, 9223372036855};
    const int64_t dates[] = {86400000, 86400001};
    const int64_t prices[] = {9999, 100000, -100000};
    ktk_error err;

    (void)unused;
    CHECK_STATUS(write_one(&nano, nanos, 2, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'at', row 2: value '2020-01-01 00:00:00.000000001'");
    CHECK_MESSAGE("below a microsecond");
    CHECK_OK(write_one(&nano, nanos, 1, &err));
    CHECK_STATUS(write_one(&second, seconds, 2, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'at', row 2");
    CHECK_MESSAGE("microseconds");
    CHECK_OK(write_one(&second, seconds, 1, &err));
    CHECK_STATUS(write_one(&date, dates, 2, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'at', row 2");
    CHECK_MESSAGE("whole day");
    CHECK_STATUS(write_one(&price, prices, 2, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'price', row 2: value '1000.00'");
    CHECK_OK(write_one(&price, prices, 1, &err));
}

/* A column of texts that differ, or that repeat, one of them not UTF-8. */
static ktk_status write_texts(bool repeat, const char *odd, ktk_error *out_err) {
    struct field field = {"t", {.id = TYPE_STRING}, .nullable = true};
    ktk_context *context = test_context_new(1);
    struct array_builder builder;
    struct ArrowArray array;
    struct batch batch;
    struct buffer bytes;
    ktk_status status;
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, &field, &err));
    for (int i = 0; i < 4000; i++) {
        char text[32];
        int size = snprintf(text, sizeof(text), "text %d", repeat ? i % 7 : i * 7919);

        CHECK_OK(ktki_builder_append_bytes(&builder, text, (size_t)size, &err));
    }
    CHECK_OK(ktki_builder_append_bytes(&builder, odd, strlen(odd), &err));
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    made_column(&batch, context, &field, &array);
    ktki_buffer_init(&bytes, test_allocator(), 0);
    status = made_write(&bytes, context, batch.schema, &batch, 1, NULL, out_err);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    test_context_free(context);
    return status;
}

static void text_must_be_utf8(void **unused) {
    static const char *const odd[] = {"\xFF", "abc\xC3", "12345678\x80",
                                      "1234567\xED\xA0\x80 and more"};
    static const char *const good[] = {"", "\xC3\xA4", "12345678\xE2\x82\xAC", "1234567\x7F"};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        for (int repeat = 0; repeat < 2; repeat++) {
            CHECK_STATUS(write_texts(repeat == 1, odd[i], &err), KTK_E_INVALID);
            CHECK_MESSAGE("column 't': a text is not valid UTF-8");
            CHECK_OK(write_texts(repeat == 1, good[i], &err));
        }
    }
    CHECK_STATUS(write_texts(true, odd[1], &err), KTK_E_INVALID);
    CHECK_MESSAGE("its 4 bytes begin with 61 62 63 c3");
}

/* ---- life of a writer ---- */

static ktk_status failing_sink(void *state, const void *data, size_t size, ktk_error *err) {
    int *left = state;

    (void)data;
    (void)size;
    return (*left)-- > 0 ? KTK_OK : ktk_error_set(err, KTK_E_DENIED, "the sink is shut");
}

static void a_writer_is_restarted_after_anything(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_parquet_writer *writer = NULL;
    struct batch batch;
    struct batch other;
    struct batch taken;
    struct buffer first;
    struct buffer second;
    int64_t size = 0;
    int calls_left = 0;
    ktk_error err;

    (void)unused;
    number_column(&batch, context, 5000, few);
    number_column(&taken, context, 5000, few);
    ktki_buffer_init(&first, test_allocator(), 0);
    ktki_buffer_init(&second, test_allocator(), 0);
    CHECK_OK(made_write(&first, context, batch.schema, &batch, 1, NULL, &err));
    CHECK_OK(ktki_parquet_writer_new(&writer, context, batch.schema, NULL, failing_sink,
                                     &calls_left, &err));
    CHECK_OK(ktki_parquet_writer_add(writer, &batch, &err));
    CHECK_STATUS(ktki_parquet_writer_finish(writer, &size, &err), KTK_E_DENIED);
    CHECK_MESSAGE("the sink is shut");
    CHECK_STATUS(ktki_parquet_writer_finish(writer, &size, &err), KTK_E_INVALID);
    CHECK_STATUS(ktki_parquet_writer_add(writer, &batch, &err), KTK_E_INVALID);
    ktki_parquet_writer_restart(writer, made_sink, &second);
    CHECK_OK(ktki_parquet_writer_add(writer, &batch, &err));
    ktki_parquet_writer_restart(writer, made_sink, &second); /* what was added is dropped */
    CHECK_OK(ktki_parquet_writer_take(writer, &taken, &err));
    assert_null(taken.schema);
    CHECK_OK(ktki_parquet_writer_finish(writer, &size, &err));
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.data, first.data, first.size);
    assert_int_equal(size, first.size);
    /* A batch of another schema is refused, and does no harm. */
    {
        struct field field = {"n", {.id = TYPE_INT32}, .nullable = true};
        uint32_t random = 1;
        struct ArrowArray array;

        random_array(&array, &field, 3, 0, &random);
        made_column(&other, context, &field, &array);
    }
    second.size = 0;
    ktki_parquet_writer_restart(writer, made_sink, &second);
    CHECK_STATUS(ktki_parquet_writer_add(writer, &other, &err), KTK_E_SCHEMA);
    CHECK_MESSAGE("'n'");
    CHECK_STATUS(ktki_parquet_writer_take(writer, &other, &err), KTK_E_SCHEMA);
    assert_non_null(other.schema);
    CHECK_OK(ktki_parquet_writer_add(writer, &batch, &err));
    CHECK_OK(ktki_parquet_writer_finish(writer, NULL, &err));
    assert_memory_equal(second.data, first.data, first.size);
    ktki_parquet_writer_free(writer);
    ktki_buffer_clear(&first);
    ktki_buffer_clear(&second);
    ktki_batch_clear(&batch);
    ktki_batch_clear(&other);
    test_context_free(context);
}

/* A sink that is shut after a number of writes, at every write in turn: every page held back is
 * freed, and the error is the sink's. */
static void a_sink_may_fail_at_any_write(void **unused) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    uint32_t random = 5;
    bool is_done = false;
    ktk_error err;

    (void)unused;
    options.row_group_rows_max = 4000;
    options.page_bytes_max = 2000;
    options.compression = KTK_COMPRESSION_NONE;
    for (int n = 0; !is_done; n += 1 + n / 8) {
        ktk_context *context = test_context_new(1 + n % 3);
        struct schema *schema = made_schema(context);
        ktk_parquet_writer *writer = NULL;
        struct batch batch;
        int calls_left = n;
        ktk_status status;

        made_batch(&batch, schema, 6000, 10, &random);
        CHECK_OK(ktki_parquet_writer_new(&writer, context, schema, &options, failing_sink,
                                         &calls_left, &err));
        status = ktki_parquet_writer_add(writer, &batch, &err);
        if (status == KTK_OK) {
            status = ktki_parquet_writer_finish(writer, NULL, &err);
        }
        is_done = status == KTK_OK;
        if (!is_done) {
            assert_int_equal(status, KTK_E_DENIED);
            CHECK_MESSAGE("the sink is shut");
        }
        ktki_parquet_writer_free(writer);
        ktki_batch_clear(&batch);
        ktki_schema_free(schema);
        test_context_free(context);
    }
}

static void many_small_batches_are_joined(void **unused) {
    enum { ROWS = 3000 };
    ktk_context *context = test_context_new(1);
    ktk_parquet_writer *writer = NULL;
    struct batch whole;
    struct buffer first;
    struct buffer second;
    ktk_error err;

    (void)unused;
    number_column(&whole, context, ROWS, distinct);
    ktki_buffer_init(&first, test_allocator(), 0);
    ktki_buffer_init(&second, test_allocator(), 0);
    CHECK_OK(made_write(&first, context, whole.schema, &whole, 1, NULL, &err));
    CHECK_OK(
        ktki_parquet_writer_new(&writer, context, whole.schema, NULL, made_sink, &second, &err));
    for (int64_t i = 0; i < ROWS; i++) {
        struct batch row = {whole.schema, 1, whole.columns};
        struct ArrowArray column = whole.columns[0];

        column.offset += i;
        column.length = 1;
        row.columns = &column;
        CHECK_OK(ktki_parquet_writer_add(writer, &row, &err));
    }
    CHECK_OK(ktki_parquet_writer_finish(writer, NULL, &err));
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.data, first.data, first.size);
    ktki_parquet_writer_free(writer);
    ktki_buffer_clear(&first);
    ktki_buffer_clear(&second);
    ktki_batch_clear(&whole);
    test_context_free(context);
}

/* ---- faults ---- */

static void any_allocation_may_fail(void **unused) {
    ktk_context *calm = NULL;
    struct schema *schema;
    struct batch batches[2];
    uint32_t random = 21;
    bool is_done = false;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_context_new(&calm, NULL, &err));
    schema = made_schema(calm);
    made_batch(&batches[0], schema, 40, 30, &random);
    made_batch(&batches[1], schema, 25, 30, &random);
    /* Each allocation in turn; after the first hundreds every tenth is enough. */
    for (int64_t n = 0; !is_done; n += n < 400 ? 1 : 11) {
        ktk_context *context = test_context_failing(n);
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
        struct buffer bytes;
        ktk_status status;

        options.row_group_rows_max = 50;
        ktki_buffer_init(&bytes, test_allocator(), 0);
        status = made_write(&bytes, context, schema, batches, 2, &options, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&bytes);
        test_context_free(context);
    }
    ktki_batch_clear(&batches[0]);
    ktki_batch_clear(&batches[1]);
    ktki_schema_free(schema);
    ktk_context_free(calm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_rows_come_back),
        cmocka_unit_test(dictionaries_are_used_where_they_pay),
        cmocka_unit_test(a_full_dictionary_falls_back_to_plain),
        cmocka_unit_test(bytes_do_not_depend_on_threads_or_batches),
        cmocka_unit_test(rows_are_grouped_as_asked),
        cmocka_unit_test(no_rows_are_one_row_group_without_rows),
        cmocka_unit_test(key_values_keep_their_order),
        cmocka_unit_test(statistics_are_complete_or_absent),
        cmocka_unit_test(text_has_no_old_statistics_and_no_halves),
        cmocka_unit_test(what_cannot_be_stored_is_named),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(a_writer_is_restarted_after_anything),
        cmocka_unit_test(a_sink_may_fail_at_any_write),
        cmocka_unit_test(many_small_batches_are_joined),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
