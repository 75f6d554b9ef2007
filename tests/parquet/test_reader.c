#include "support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <kartothek/arrow.h>
#include <kartothek/parquet.h>

#include "arrow/array.h"
#include "base/context.h"
#include "opened.h"
#include "parquet/reader.h"

#define STORES "tests/data/golden/stores/k53/"
/* Six row groups of 7, 7, 7, 7, 7 and 5 rows; columns rid, f, s, t; rid counts from 0. */
#define GROUPS STORES "serialisers/row_groups/table/9cf7448d4b54450093449ec0394abc21.parquet"
/* Five rows of every type; cat_text is b, null, b, c, null. */
#define NULLS STORES "types/types_nulls/table/0cc1b54f60004268ad620fe595e3a861.parquet"

/* ---- a source that watches what is asked of it ---- */

struct watched {
    const uint8_t *data;
    int64_t size;
    int read_count;
    size_t range_count;
    int64_t bytes;
    int fail_at; /* number of the read that fails; -1: none */
    int freed;
};

static ktk_status watched_read(void *state, const struct byte_range *ranges, size_t count,
                               ktk_bytes *out, ktk_error *err) {
    struct watched *watched = state;

    if (watched->read_count++ == watched->fail_at) {
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "the store is away");
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].offset >= 0 && ranges[i].size >= 0);
        assert_true(ranges[i].offset + ranges[i].size <= watched->size);
        out[i] =
            (ktk_bytes){.data = watched->data + ranges[i].offset, .size = (size_t)ranges[i].size};
        watched->bytes += ranges[i].size;
    }
    watched->range_count += count;
    return KTK_OK;
}

static void watched_free(void *state) {
    ((struct watched *)state)->freed++;
}

static const struct source_ops watched_ops = {.read = watched_read, .free = watched_free};

static struct source watch(struct watched *watched, const void *data, size_t size) {
    *watched = (struct watched){.data = data, .size = (int64_t)size, .fail_at = -1};
    return (struct source){
        .ops = &watched_ops, .state = watched, .size = (int64_t)size, .name = "watched"};
}

/* ---- opening ---- */

static void check_open_fails(const void *data, size_t size, const ktk_limits *limits,
                             ktk_status wanted, const char *text) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_parquet_file *file = TEST_POISON;
    struct watched watched;
    struct source source = watch(&watched, data, size);
    ktk_error err;

    options.threads = 1;
    if (limits != NULL) {
        options.limits = *limits;
    }
    CHECK_OK(ktk_context_new(&context, &options, &err));
    CHECK_STATUS(ktki_parquet_open(&file, context, &source, &err), wanted);
    CHECK_MESSAGE(text);
    CHECK_MESSAGE("'watched'");
    assert_ptr_equal(file, TEST_POISON);
    assert_ptr_equal(source.state, &watched); /* still the caller's */
    assert_int_equal(watched.freed, 0);
    ktki_source_free(&source);
    assert_int_equal(watched.freed, 1);
    ktk_context_free(context);
}

static void refuses_what_is_no_parquet_file(void **unused) {
    static const ktk_limits small = {.footer_bytes_max = 100};
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);

    (void)unused;
    check_open_fails("", 0, NULL, KTK_E_CORRUPT, "0 bytes");
    check_open_fails("PAR1PAR1", 8, NULL, KTK_E_CORRUPT, "8 bytes");
    check_open_fails("PAR1\0\0\0\0PAR2", 12, NULL, KTK_E_CORRUPT, "'PAR1'");
    check_open_fails("PARE\0\0\0\0PARE", 12, NULL, KTK_E_UNSUPPORTED, "encrypted");
    check_open_fails("PAR1\x01\0\0\0PAR1", 12, NULL, KTK_E_CORRUPT, "1 bytes");
    check_open_fails("PAR1\xFF\xFF\xFF\xFFPAR1", 12, NULL, KTK_E_CORRUPT, "4294967295 bytes");
    check_open_fails("PAR1\0\0\0\0PAR1", 12, NULL, KTK_E_CORRUPT, "FileMetaData");
    check_open_fails(data, size, &small, KTK_E_LIMIT, "100");
    check_open_fails(data, size - 1, NULL, KTK_E_CORRUPT, "cut off");
    test_data_free(data);
}

/* The footer of 4,495 bytes comes with the tail; a file with a long tail needs a second read. */
static void reads_the_footer_at_once(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_parquet_file *file = NULL;
    struct watched watched;
    struct source source;
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_error err;

    (void)unused;
    source = watch(&watched, data, size);
    CHECK_OK(ktki_parquet_open(&file, context, &source, &err));
    assert_null(source.ops);
    assert_int_equal(watched.read_count, 1);
    assert_int_equal(watched.range_count, 1);
    ktk_parquet_file_free(file);
    assert_int_equal(watched.freed, 1);
    test_data_free(data);
    test_context_free(context);
}

/* A footer longer than the tail: a file of nothing but 100,000 bytes of key/value metadata. */
static void reads_a_long_footer_in_two_steps(void **unused) {
    static const uint8_t head[] = {
        0x15, 0x02, 0x19, 0x1C, 0x48, 0x01, 's',  0x00, 0x16, 0x00, 0x19,
        0x0C, 0x19, 0x1C, 0x18, 0x01, 'k',  0x18, 0xA0, 0x8D, 0x06}; /* the value: 100,000 bytes */
    enum { VALUE = 100000, FOOTER = (int)sizeof(head) + VALUE + 2 };
    ktk_context *context = test_context_new(1);
    ktk_parquet_file *file = NULL;
    uint8_t *data = calloc(1, FOOTER + 12);
    uint32_t footer_size = FOOTER;
    struct watched watched;
    struct source source;
    size_t value_size = 0;
    ktk_error err;

    (void)unused;
    assert_non_null(data);
    memcpy(data, "PAR1", 4);
    memcpy(data + 4, head, sizeof(head));
    memset(data + 4 + sizeof(head), 'v', VALUE);
    memcpy(data + 4 + FOOTER, &footer_size, 4);
    memcpy(data + 8 + FOOTER, "PAR1", 4);
    source = watch(&watched, data, FOOTER + 12);
    CHECK_OK(ktki_parquet_open(&file, context, &source, &err));
    assert_int_equal(watched.read_count, 2);
    assert_int_equal(watched.bytes, 65536 + FOOTER + 8);
    assert_non_null(ktk_parquet_key_value(file, "k", &value_size));
    assert_int_equal(value_size, VALUE);
    assert_null(ktk_parquet_key_value(file, "K", NULL));
    ktk_parquet_file_free(file);
    free(data);
    test_context_free(context);
}

static void passes_failures_of_the_source_on(void **unused) {
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);

    (void)unused;
    for (int fail_at = 0; fail_at < 2; fail_at++) {
        ktk_context *context = test_context_new(1);
        ktk_parquet_file *file = NULL;
        struct watched watched;
        struct source source = watch(&watched, data, size);
        struct batch batch = {0};
        const int32_t column = 0;
        ktk_error err;
        ktk_status status;

        watched.fail_at = fail_at;
        status = ktki_parquet_open(&file, context, &source, &err);
        if (status == KTK_OK) {
            status = ktki_parquet_read_row_group(&batch, file, 0, &column, 1, false, &err);
        }
        assert_int_equal(status, KTK_E_UNAVAILABLE);
        CHECK_MESSAGE("'watched'");
        CHECK_MESSAGE("the store is away");
        ktk_parquet_file_free(file);
        ktki_source_free(&source);
        assert_int_equal(watched.freed, 1);
        test_context_free(context);
    }
    test_data_free(data);
}

/* ---- row groups ---- */

static ktk_parquet_file *open_file(ktk_context *context, const char *path, uint8_t **data) {
    size_t size = 0;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_parquet_file *file = NULL;
    ktk_error err;

    *data = test_read_source_file(path, &size);
    bytes.data = *data;
    bytes.size = size;
    CHECK_OK(ktk_parquet_open_bytes(&file, context, &bytes, &err));
    assert_null(bytes.data);
    return file;
}

static int64_t int64_at(const struct ArrowArray *array, int64_t row) {
    return ((const int64_t *)array->buffers[1])[row];
}

static void check_text(const struct ArrowArray *array, int64_t row, const char *wanted) {
    static const struct data_type type = {.id = TYPE_STRING};
    const uint8_t *data = NULL;
    size_t size = 0;

    ktki_array_bytes(array, &type, row, &data, &size);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(data, wanted, size);
}

static void reads_columns_of_a_row_group_in_the_order_asked_for(void **unused) {
    static const int32_t columns[] = {2, 0};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, GROUPS, &data);
    struct batch batch = {0};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_parquet_read_row_group(&batch, file, 5, columns, 2, false, &err));
    assert_int_equal(batch.row_count, 5);
    assert_int_equal(batch.schema->field_count, 2);
    assert_string_equal(batch.schema->fields[0].name, "s");
    assert_non_null(ktki_schema_key_value(batch.schema, "pandas"));
    assert_null(ktki_schema_key_value(batch.schema, "ARROW:schema"));
    check_text(&batch.columns[0], 0, "gamma");
    check_text(&batch.columns[0], 4, "beta");
    assert_int_equal(int64_at(&batch.columns[1], 0), 35);
    assert_int_equal(int64_at(&batch.columns[1], 4), 39);
    ktki_batch_clear(&batch);
    CHECK_STATUS(ktki_parquet_read_row_group(&batch, file, 6, columns, 2, false, &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("no row group 6");
    CHECK_STATUS(ktki_parquet_read_row_group(&batch, file, -1, columns, 2, false, &err),
                 KTK_E_INVALID);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

static void asks_for_all_chunks_at_once(void **unused) {
    static const int32_t columns[] = {0, 1, 2, 3};
    ktk_context *context = test_context_new(1);
    ktk_parquet_file *file = NULL;
    struct watched watched;
    struct source source;
    struct batch batch = {0};
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_error err;

    (void)unused;
    source = watch(&watched, data, size);
    CHECK_OK(ktki_parquet_open(&file, context, &source, &err));
    watched.read_count = 0;
    watched.range_count = 0;
    CHECK_OK(ktki_parquet_read_row_group(&batch, file, 1, columns, 4, false, &err));
    assert_int_equal(watched.read_count, 1);
    assert_int_equal(watched.range_count, 4);
    ktki_batch_clear(&batch);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

static void keeps_dictionaries_if_asked_to(void **unused) {
    static const int32_t indices[] = {1, 0, 1, 0, 0};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, NULLS, &data);
    int32_t column = ktki_schema_find(opened_schema(file), "cat_text");
    struct batch batch = {0};
    ktk_error err;

    (void)unused;
    assert_int_equal(opened_schema(file)->fields[column].type.id, TYPE_DICTIONARY);
    CHECK_OK(ktki_parquet_read_row_group(&batch, file, 0, &column, 1, true, &err));
    assert_int_equal(batch.schema->fields[0].type.id, TYPE_DICTIONARY);
    assert_int_equal(batch.columns[0].null_count, 2);
    assert_memory_equal(batch.columns[0].buffers[1], indices, sizeof(indices));
    assert_int_equal(batch.columns[0].dictionary->length, 4); /* with two that no row has */
    check_text(batch.columns[0].dictionary, 0, "c");
    check_text(batch.columns[0].dictionary, 1, "b");
    check_text(batch.columns[0].dictionary, 2, "a");
    check_text(batch.columns[0].dictionary, 3, "unused");
    ktki_batch_clear(&batch);
    CHECK_OK(ktki_parquet_read_row_group(&batch, file, 0, &column, 1, false, &err));
    assert_int_equal(batch.schema->fields[0].type.id, TYPE_STRING);
    assert_string_equal(batch.schema->fields[0].name, "cat_text");
    check_text(&batch.columns[0], 2, "b");
    check_text(&batch.columns[0], 3, "c");
    ktki_batch_clear(&batch);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

static void names_file_row_group_and_column_of_damage(void **unused) {
    static const int32_t columns[] = {0, 1};
    ktk_context *context = test_context_new(1);
    ktk_parquet_file *file = NULL;
    const struct row_group *group;
    struct watched watched;
    struct source source;
    struct batch batch = {0};
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_error err;

    (void)unused;
    source = watch(&watched, data, size);
    CHECK_OK(ktki_parquet_open(&file, context, &source, &err));
    group = opened_row_group(file, 2);
    memset(data + group->columns[1].data_page_offset, 0xFF, 4);
    CHECK_STATUS(ktki_parquet_read_row_group(&batch, file, 2, columns, 2, false, &err),
                 KTK_E_CORRUPT);
    CHECK_MESSAGE("'watched', row group 2: column 'f': ");
    assert_null(batch.schema);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

/* ---- streams ---- */

static void streams_outlive_their_file(void **unused) {
    static const char *const columns[] = {"t", "rid"};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, GROUPS, &data);
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    int64_t row = 0;
    int batches = 0;
    ktk_error err;

    (void)unused;
    options.columns = columns;
    options.column_count = 2;
    CHECK_OK(ktk_parquet_read(&stream, file, &options, &err));
    ktk_parquet_file_free(file);
    for (;;) {
        CHECK_OK(ktk_stream_next(&stream, &array, &err));
        if (array.release == NULL) {
            break;
        }
        batches++;
        assert_int_equal(array.n_children, 2);
        for (int64_t i = 0; i < array.length; i++) {
            assert_int_equal(int64_at(array.children[1], i), row++);
        }
        array.release(&array);
    }
    assert_int_equal(batches, 6);
    assert_int_equal(row, 40);
    stream.release(&stream);
    test_data_free(data);
    test_context_free(context);
}

static void streams_chosen_row_groups(void **unused) {
    static const int32_t groups[] = {5, 0, 5};
    static const int64_t first_rows[] = {35, 0, 35};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, GROUPS, &data);
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    ktk_error err;

    (void)unused;
    options.row_groups = groups;
    options.row_group_count = 3;
    CHECK_OK(ktk_parquet_read(&stream, file, &options, &err));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(ktk_stream_next(&stream, &array, &err));
        assert_int_equal(int64_at(array.children[0], 0), first_rows[i]);
        array.release(&array);
    }
    CHECK_OK(ktk_stream_next(&stream, &array, &err));
    assert_null(array.release);
    stream.release(&stream);
    options.row_groups = (const int32_t[]){6};
    options.row_group_count = 1;
    CHECK_STATUS(ktk_parquet_read(&stream, file, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("no row group 6");
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

static void streams_lengths_without_columns(void **unused) {
    static const char *const columns[] = {NULL};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, GROUPS, &data);
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    int64_t rows = 0;
    ktk_error err;

    (void)unused;
    options.columns = columns;
    CHECK_OK(ktk_parquet_read(&stream, file, &options, &err));
    for (;;) {
        CHECK_OK(ktk_stream_next(&stream, &array, &err));
        if (array.release == NULL) {
            break;
        }
        assert_int_equal(array.n_children, 0);
        rows += array.length;
        array.release(&array);
    }
    assert_int_equal(rows, 40);
    stream.release(&stream);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

static void names_all_columns_that_are_missing(void **unused) {
    static const char *const columns[] = {"rid", "no", "s", "neither"};
    ktk_context *context = test_context_new(1);
    uint8_t *data = NULL;
    ktk_parquet_file *file = open_file(context, GROUPS, &data);
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream;
    ktk_error err;

    (void)unused;
    options.columns = columns;
    options.column_count = 4;
    CHECK_STATUS(ktk_parquet_read(&stream, file, &options, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'no', 'neither'");
    options.size = 3;
    CHECK_STATUS(ktk_parquet_read(&stream, file, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("KTK_PARQUET_READ_OPTIONS_INIT");
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

/* ---- threads and memory ---- */

static ktk_status read_all(ktk_context *context, const uint8_t *data, size_t size,
                           struct batch *out, ktk_error *err) {
    ktk_bytes bytes = {.data = data, .size = size};
    ktk_parquet_file *file = NULL;
    struct schema *schema = NULL;
    ktk_status status = ktk_parquet_open_bytes(&file, context, &bytes, err);

    if (status == KTK_OK) {
        status = ktki_parquet_schema(&schema, file, err);
    }
    if (status == KTK_OK) {
        int32_t columns[64];
        int32_t count = schema->field_count;

        for (int32_t i = 0; i < count; i++) {
            columns[i] = i;
        }
        status = ktki_parquet_read_row_group(out, file, 0, columns, count, true, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

static void reads_the_same_with_threads(void **unused) {
    ktk_context *one = test_context_new(1);
    struct batch alone = {0};
    size_t size = 0;
    uint8_t *data = test_read_source_file(NULLS, &size);
    ktk_error err;

    (void)unused;
    CHECK_OK(read_all(one, data, size, &alone, &err));
    for (int repeat = 0; repeat < 20; repeat++) {
        ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
        ktk_context *four = NULL;
        struct batch together = {0};

        options.threads = 4;
        CHECK_OK(ktk_context_new(&four, &options, &err));
        CHECK_OK(read_all(four, data, size, &together, &err));
        for (int32_t i = 0; i < alone.schema->field_count; i++) {
            size_t width = ktki_type_width(&alone.schema->fields[i].type);
            assert_int_equal(alone.columns[i].null_count, together.columns[i].null_count);
            if (width > 0) {
                assert_memory_equal(alone.columns[i].buffers[1], together.columns[i].buffers[1],
                                    width * (size_t)alone.row_count);
            }
        }
        ktki_batch_clear(&together);
        ktk_context_free(four);
    }
    ktki_batch_clear(&alone);
    test_data_free(data);
    test_context_free(one);
}

/* ---- what is decoded when it is asked for ---- */

/* Give the first column of a row group a physical type that there is not. */
static void break_chunk(ktk_context *context, uint8_t *data, size_t size, int32_t row_group) {
    static const uint8_t start[] = {0x1C, 0x15}; /* meta_data, its field 1 */
    ktk_bytes bytes = {.data = data, .size = size};
    ktk_parquet_file *file = NULL;
    const struct parquet_bytes *chunks;
    size_t at = 0;
    ktk_error err;

    CHECK_OK(ktk_parquet_open_bytes(&file, context, &bytes, &err));
    chunks = &ktki_parquet_metadata(file)->row_groups[row_group].chunk_bytes;
    while (memcmp(chunks->data + at, start, sizeof(start)) != 0) {
        assert_true(++at < 16);
    }
    data[(size_t)(chunks->data - data) + at + sizeof(start)] = 40; /* 20, zigzag */
    ktk_parquet_file_free(file);
}

static void says_which_chunk_is_damaged_once_it_is_asked_for(void **unused) {
    static const char wrong[] =
        "row group 1: column 'rid': field 'type' of ColumnMetaData cannot be 20";
    ktk_context *context = test_context_new(1);
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_bytes bytes = {.data = data, .size = size};
    ktk_parquet_file *file = NULL;
    ktk_parquet_row_group_info group;
    ktk_parquet_column_info column;
    ktk_parquet_info info;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};
    ktk_error err;

    (void)unused;
    break_chunk(context, data, size, 1);
    CHECK_OK(ktk_parquet_open_bytes(&file, context, &bytes, &err));
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.row_count, 40);
    assert_int_equal(info.leaf_count, 4);
    CHECK_OK(ktk_parquet_row_group_info_get(file, 0, &group, &err));
    CHECK_OK(ktk_parquet_column_info_get(file, 2, 0, &column, &err));
    for (int repeat = 0; repeat < 2; repeat++) {
        CHECK_STATUS(ktk_parquet_row_group_info_get(file, 1, &group, &err), KTK_E_CORRUPT);
        CHECK_MESSAGE(wrong);
        CHECK_STATUS(ktk_parquet_column_info_get(file, 1, 3, &column, &err), KTK_E_CORRUPT);
        CHECK_MESSAGE(wrong);
    }
    CHECK_OK(ktk_parquet_read(&stream, file, NULL, &err));
    CHECK_OK(ktk_stream_next(&stream, &array, &err));
    assert_int_equal(array.length, 7);
    array.release(&array);
    CHECK_STATUS(ktk_stream_next(&stream, &array, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE(wrong);
    stream.release(&stream);
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

/* An `ARROW:schema` that is no base64 text: the rows can still be counted. */
static void says_that_the_schema_is_damaged_once_it_is_asked_for(void **unused) {
    static const char key[] = "ARROW:schema";
    ktk_context *context = test_context_new(1);
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_bytes bytes = {.data = data, .size = size};
    ktk_parquet_file *file = NULL;
    ktk_parquet_info info;
    struct ArrowSchema schema = {0};
    struct ArrowArrayStream stream = {0};
    size_t at = size - sizeof(key);
    ktk_error err;

    (void)unused;
    while (memcmp(data + --at, key, sizeof(key) - 1) != 0) {
        assert_true(at > 0);
    }
    data[at + sizeof(key) - 1 + 16] = '!';
    CHECK_OK(ktk_parquet_open_bytes(&file, context, &bytes, &err));
    ktk_parquet_file_info(file, &info);
    assert_int_equal(info.row_count, 40);
    CHECK_STATUS(ktk_parquet_file_schema(file, &schema, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("entry 'ARROW:schema': it is no base64 text");
    CHECK_STATUS(ktk_parquet_read(&stream, file, NULL, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("entry 'ARROW:schema': it is no base64 text");
    ktk_parquet_file_free(file);
    test_data_free(data);
    test_context_free(context);
}

struct asker {
    ktk_parquet_file *file;
    struct schema *schema;
    const struct column_chunk *columns[6];
};

static void *ask_for_all(void *state) {
    struct asker *asker = state;
    const struct row_group *group = NULL;
    ktk_error err;

    for (int32_t i = 5; i >= 0; i--) {
        if (ktki_parquet_row_group(&group, asker->file, i, &err) == KTK_OK) {
            asker->columns[i] = group->columns;
        }
    }
    (void)!ktki_parquet_schema(&asker->schema, asker->file, &err);
    return NULL;
}

static void decodes_once_for_all_threads(void **unused) {
    ktk_context *context = test_context_new(1);
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    ktk_error err;

    (void)unused;
    for (int repeat = 0; repeat < 20; repeat++) {
        ktk_bytes bytes = {.data = data, .size = size};
        ktk_parquet_file *file = NULL;
        struct asker askers[4] = {0};
        pthread_t threads[4];

        CHECK_OK(ktk_parquet_open_bytes(&file, context, &bytes, &err));
        for (int i = 0; i < 4; i++) {
            askers[i].file = file;
            assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, &askers[i]), 0);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_non_null(askers[i].schema);
            assert_ptr_equal(askers[i].schema, askers[0].schema);
            for (int32_t j = 0; j < 6; j++) {
                assert_non_null(askers[i].columns[j]);
                assert_ptr_equal(askers[i].columns[j], askers[0].columns[j]);
                assert_int_equal(askers[i].columns[j][0].value_count, j < 5 ? 7 : 5);
            }
        }
        ktk_parquet_file_free(file);
    }
    test_data_free(data);
    test_context_free(context);
}

static void survives_want_of_memory(void **unused) {
    size_t size = 0;
    uint8_t *data = test_read_source_file(NULLS, &size);
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct batch batch = {0};
        ktk_error err;
        ktk_status status = read_all(context, data, size, &batch, &err);

        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        assert_true(is_done == (batch.schema != NULL));
        ktki_batch_clear(&batch);
        test_context_free(context);
    }
    test_data_free(data);
}

static ktk_status stream_all(ktk_context *context, const uint8_t *data, size_t size,
                             ktk_error *err) {
    ktk_bytes bytes = {.data = data, .size = size};
    ktk_parquet_file *file = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};
    ktk_status status = ktk_parquet_open_bytes(&file, context, &bytes, err);

    if (status == KTK_OK) {
        status = ktk_parquet_read(&stream, file, NULL, err);
    }
    while (status == KTK_OK) {
        status = ktk_stream_next(&stream, &array, err);
        if (status != KTK_OK || array.release == NULL) {
            break;
        }
        array.release(&array);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    ktk_parquet_file_free(file);
    return status;
}

static void streams_survive_want_of_memory(void **unused) {
    size_t size = 0;
    uint8_t *data = test_read_source_file(GROUPS, &size);
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_error err;
        ktk_status status = stream_all(context, data, size, &err);

        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        test_context_free(context);
    }
    test_data_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_parquet_file),
        cmocka_unit_test(reads_the_footer_at_once),
        cmocka_unit_test(reads_a_long_footer_in_two_steps),
        cmocka_unit_test(passes_failures_of_the_source_on),
        cmocka_unit_test(reads_columns_of_a_row_group_in_the_order_asked_for),
        cmocka_unit_test(asks_for_all_chunks_at_once),
        cmocka_unit_test(keeps_dictionaries_if_asked_to),
        cmocka_unit_test(names_file_row_group_and_column_of_damage),
        cmocka_unit_test(streams_outlive_their_file),
        cmocka_unit_test(streams_chosen_row_groups),
        cmocka_unit_test(streams_lengths_without_columns),
        cmocka_unit_test(names_all_columns_that_are_missing),
        cmocka_unit_test(reads_the_same_with_threads),
        cmocka_unit_test(says_which_chunk_is_damaged_once_it_is_asked_for),
        cmocka_unit_test(says_that_the_schema_is_damaged_once_it_is_asked_for),
        cmocka_unit_test(decodes_once_for_all_threads),
        cmocka_unit_test(survives_want_of_memory),
        cmocka_unit_test(streams_survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
