#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>

#include <kartothek/arrow.h>

#include "arrow/builder.h"
#include "base/alloc.h"
#include "base/context.h"
#include "update/partition_rows.h"

static struct partition_rows grouped(ktk_context *context, const char *columns, const char *rows,
                                     int64_t batch_rows, const int32_t *keys, int32_t key_count) {
    struct partition_rows out = {0};
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader = {0};
    ktk_error err;

    CHECK_OK(test_frame(&stream, context, columns, rows, batch_rows, NULL, &err));
    CHECK_OK(ktki_reader_init(&reader, context, &stream, &err));
    CHECK_OK(ktki_partition_rows_read(&out, &reader, keys, key_count, &err));
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    return out;
}

/* Rows of a group over all pieces, as text. */
static void check_group(ktk_context *context, const struct partition_rows *rows, uint32_t group,
                        const char *wanted) {
    struct batch batches[64];
    size_t count = 0;
    struct ArrowArrayStream stream = {0};
    char *text = NULL;
    ktk_error err;

    for (size_t piece = 0; piece < rows->piece_count; piece++) {
        CHECK_OK(ktki_partition_rows_view(&batches[count], rows, group, piece, &err));
        count += batches[count].schema != NULL;
    }
    CHECK_OK(ktki_stream_of_batches(&stream, context, rows->schema, batches, count, &err));
    CHECK_OK(test_frame_text(&text, &stream, &err));
    assert_string_equal(text, wanted);
    test_data_free(text);
}

static void keeps_order_of_appearance_and_of_rows(void **unused) {
    const int32_t key = 1;

    (void)unused;
    /* Whether they come in one batch or row by row. */
    for (int64_t batch_rows = 0; batch_rows < 3; batch_rows++) {
        ktk_context *context = test_context_new(1);
        struct partition_rows rows =
            grouped(context, "v:int64,p:string,w:double", "1,b,0.5;2,a,;3,b,2.5;4,c,1;5,a,9",
                    batch_rows, &key, 1);

        assert_int_equal(rows.row_count, 5);
        assert_int_equal(rows.group_count, 3);
        assert_int_equal(rows.keys.row_count, 3);
        assert_int_equal(ktki_partition_rows_count(&rows, 1), 2);
        check_group(context, &rows, 0, "v,w|1,0.5;3,2.5");
        check_group(context, &rows, 1, "v,w|2,;5,9.0");
        check_group(context, &rows, 2, "v,w|4,1.0");
        ktki_partition_rows_clear(&rows);
        test_context_free(context);
    }
}

static void groups_by_all_keys(void **unused) {
    ktk_context *context = test_context_new(1);
    const int32_t keys[] = {2, 0};
    struct partition_rows rows =
        grouped(context, "p:int64,v:int64,q:string", "1,10,x;1,11,y;2,12,x;1,13,x", 0, keys, 2);

    (void)unused;
    assert_int_equal(rows.group_count, 3);
    assert_int_equal(rows.keys.schema->field_count, 2);
    assert_string_equal(rows.keys.schema->fields[0].name, "q");
    assert_string_equal(rows.keys.schema->fields[1].name, "p");
    check_group(context, &rows, 0, "v|10;13");
    check_group(context, &rows, 1, "v|11");
    check_group(context, &rows, 2, "v|12");
    ktki_partition_rows_clear(&rows);
    test_context_free(context);
}

static void no_rows_give_no_groups(void **unused) {
    ktk_context *context = test_context_new(1);
    const int32_t key = 0;
    struct partition_rows rows = grouped(context, "p:string,v:int64", "", 0, &key, 1);

    (void)unused;
    assert_int_equal(rows.group_count, 0);
    assert_int_equal(rows.row_count, 0);
    assert_int_equal(rows.piece_count, 0);
    ktki_partition_rows_clear(&rows);
    test_context_free(context);
}

static void refuses_nulls_in_keys_with_the_counts(void **unused) {
    static const char *const rows[] = {"a,1;,2;b,3;,4", ",1"};
    static const char *const facts[] = {"(4 rows)", "(1 rows)"};
    static const char *const rests[] = {"(2 rows)", "(0 rows)"};
    ktk_context *context = test_context_new(1);
    const int32_t key = 0;

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct partition_rows out = {.row_count = 77};
        struct ArrowArrayStream stream = {0};
        struct stream_reader reader = {0};
        ktk_error err;

        CHECK_OK(test_frame(&stream, context, "p:string,v:int64", rows[i], 2, NULL, &err));
        CHECK_OK(ktki_reader_init(&reader, context, &stream, &err));
        CHECK_STATUS(ktki_partition_rows_read(&out, &reader, &key, 1, &err), KTK_E_INVALID);
        CHECK_MESSAGE("Original dataframe size");
        CHECK_MESSAGE(facts[i]);
        CHECK_MESSAGE(rests[i]);
        CHECK_MESSAGE("`partition_on` on a column with null values: 'p'");
        assert_int_equal(out.row_count, 77);
        ktki_reader_clear(&reader);
        ktki_stream_clear(&stream);
    }
    test_context_free(context);
}

/* Brute force: every row is in the group of its key, in order, exactly once. */
static void agrees_with_a_plain_loop_on_random_rows(void **unused) {
    enum { ROWS = 3000, KEYS = 37 };
    ktk_context *context = test_context_new(1);
    const int32_t key = 0;
    static char text[ROWS * 16];
    int keys[ROWS];
    int first_seen[KEYS];
    int group_count = 0;
    size_t size = 0;
    uint32_t random = 12345;
    struct partition_rows rows;

    (void)unused;
    for (int i = 0; i < KEYS; i++) {
        first_seen[i] = -1;
    }
    for (int i = 0; i < ROWS; i++) {
        random = random * 1664525u + 1013904223u;
        keys[i] = (int)(random >> 16) % KEYS;
        size += (size_t)sprintf(text + size, "%s%d,%d", i == 0 ? "" : ";", keys[i], i);
        if (first_seen[keys[i]] < 0) {
            first_seen[keys[i]] = group_count++;
        }
    }
    rows = grouped(context, "p:int64,v:int64", text, 100, &key, 1);
    assert_int_equal(rows.group_count, group_count);
    for (int k = 0; k < KEYS; k++) {
        struct batch view = {0};
        int64_t at = 0;
        ktk_error err;

        CHECK_OK(ktki_partition_rows_view(&view, &rows, (uint32_t)first_seen[k], 0, &err));
        for (int i = 0; i < ROWS; i++) {
            if (keys[i] == k) {
                const int64_t *values = view.columns[0].buffers[1];

                assert_true(at < view.row_count);
                assert_int_equal(values[view.columns[0].offset + at++], i);
            }
        }
        assert_int_equal(at, view.row_count);
        ktki_batch_clear(&view);
    }
    ktki_partition_rows_clear(&rows);
    test_context_free(context);
}

/* ---- categories ---- */

/* An array of the texts "a", "b", "c", or of codes into them. */
static struct ArrowArray texts_or_codes(ktk_context *context, const struct field *field,
                                        const char *letters) {
    struct array_builder builder = {0};
    struct ArrowArray array = {0};
    ktk_error err;

    CHECK_OK(ktki_builder_init(&builder, context, field, &err));
    for (const char *at = letters; *at != '\0'; at++) {
        CHECK_OK(field->type.id == TYPE_STRING
                     ? ktki_builder_append_bytes(&builder, at, 1, &err)
                     : ktki_builder_append_i64(&builder, *at - 'a', &err));
    }
    CHECK_OK(ktki_builder_finish(&builder, &array, &err));
    ktki_builder_clear(&builder);
    return array;
}

static struct ArrowArray categories(ktk_context *context, const char *values,
                                    const char *dictionary) {
    const struct field codes = {.name = "", .type = {.id = TYPE_INT8}};
    const struct field text = {.name = "", .type = {.id = TYPE_STRING}};
    struct ArrowArray array = texts_or_codes(context, &codes, values);
    struct ArrowArray entries = texts_or_codes(context, &text, dictionary);
    struct array_buffer buffers[2] = {{NULL, 0}, {NULL, strlen(values)}};
    struct ArrowArray wrapped = {0};
    ktk_error err;

    CHECK_OK(ktki_alloc_array(ktki_context_allocator(context), strlen(values), 1, &buffers[1].data,
                              &err));
    memcpy(buffers[1].data, array.buffers[1], strlen(values));
    CHECK_OK(
        ktki_array_wrap(&wrapped, context, array.length, 0, buffers, 2, NULL, 0, &entries, &err));
    ktki_array_clear(&array);
    return wrapped;
}

/* Two batches whose dictionaries differ, as key and as data; a category that no row has makes no
 * group. */
static void groups_categories_by_value(void **unused) {
    ktk_context *context = test_context_new(1);
    struct field value = {.name = "", .type = {.id = TYPE_STRING}, .nullable = true};
    struct partition_rows rows = {0};
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader = {0};
    struct batch batches[2] = {{0}};
    struct schema *schema = NULL;
    const int32_t key = 0;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 2, &err));
    for (int32_t i = 0; i < 2; i++) {
        schema->fields[i] = (struct field){.name = i == 0 ? "p" : "v",
                                           .type = {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                                           .nullable = true,
                                           .dictionary = &value};
    }
    CHECK_OK(ktki_batch_init(&batches[0], schema, 3, &err));
    batches[0].columns[0] = categories(context, "aba", "xyz");
    batches[0].columns[1] = categories(context, "abb", "mn");
    CHECK_OK(ktki_batch_init(&batches[1], schema, 2, &err));
    batches[1].columns[0] = categories(context, "ab", "yx");
    batches[1].columns[1] = categories(context, "ba", "nm");
    CHECK_OK(ktki_stream_of_batches(&stream, context, schema, batches, 2, &err));
    CHECK_OK(ktki_reader_init(&reader, context, &stream, &err));
    CHECK_OK(ktki_partition_rows_read(&rows, &reader, &key, 1, &err));
    assert_int_equal(rows.group_count, 2);
    assert_int_equal(rows.piece_count, 2);
    check_group(context, &rows, 0, "v|m;n;n");
    check_group(context, &rows, 1, "v|n;m");
    ktki_partition_rows_clear(&rows);
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    ktki_schema_free(schema);
    test_context_free(context);
}

static ktk_status read_and_take(ktk_context *context, ktk_error *err) {
    const int32_t key = 0;
    struct partition_rows rows = {0};
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_status status =
        test_frame(&stream, context, "p:string,v:int64", "a,1;b,2;a,3", 1, NULL, err);

    if (status == KTK_OK) {
        status = ktki_reader_init(&reader, context, &stream, err);
    }
    if (status == KTK_OK) {
        status = ktki_partition_rows_read(&rows, &reader, &key, 1, err);
    }
    if (status == KTK_OK) {
        status = ktki_partition_rows_view(&batch, &rows, 0, 0, err);
    }
    ktki_batch_clear(&batch);
    ktki_partition_rows_clear(&rows);
    if (reader.schema != NULL) {
        ktki_reader_clear(&reader);
    }
    ktki_stream_clear(&stream);
    return status;
}

static void survives_lack_of_memory(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_error err;
        ktk_status status = read_and_take(context, &err);

        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_of_appearance_and_of_rows),
        cmocka_unit_test(groups_by_all_keys),
        cmocka_unit_test(no_rows_give_no_groups),
        cmocka_unit_test(refuses_nulls_in_keys_with_the_counts),
        cmocka_unit_test(agrees_with_a_plain_loop_on_random_rows),
        cmocka_unit_test(groups_categories_by_value),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("update/partition_rows", tests, NULL, NULL);
}
