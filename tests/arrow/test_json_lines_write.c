#include "support/test.h"

#include <kartothek/arrow.h>

#include "arrow/stream.h"

static ktk_status keep(void *state, const char *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

static ktk_status refuse(void *state, const char *data, size_t size, ktk_error *err) {
    (void)state;
    (void)data;
    (void)size;
    return ktk_error_set(err, KTK_E_IO, "the disk is full");
}

static const char table[] = "i,u,f,s,d,t,b\n"
                            "-9007199254740993,18446744073709551615,0.5,\"a\"\"\n\xC3\xBC\","
                            "2020-01-31,2020-01-31 12:00:00.5,true\n"
                            ",,inf,,,,\n"
                            "7,0,nan,\"\",1969-12-31,1969-12-31,false\n";

static const char wanted[] =
    "{\"i\": -9007199254740993, \"u\": 18446744073709551615, \"f\": 0.5, "
    "\"s\": \"a\\\"\\n\\u00fc\", \"d\": \"2020-01-31\", \"t\": \"2020-01-31T12:00:00.500000\", "
    "\"b\": true}\n"
    "{\"i\": null, \"u\": null, \"f\": null, \"s\": null, \"d\": null, \"t\": null, \"b\": null}\n"
    "{\"i\": 7, \"u\": 0, \"f\": null, \"s\": \"\", \"d\": \"1969-12-31\", "
    "\"t\": \"1969-12-31T00:00:00\", \"b\": false}\n";

static ktk_status read_table(struct ArrowArrayStream *out, ktk_context *context, ktk_error *err) {
    static const char *const nulls[] = {""};
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
    ktk_bytes bytes = {(const uint8_t *)table, sizeof(table) - 1, NULL, NULL};

    options.null_values = nulls;
    options.null_value_count = 1;
    options.batch_rows_max = 2;
    return ktk_csv_read(out, context, &bytes, &options, err);
}

static void writes_one_object_a_row(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct buffer text;
    ktk_error err;

    (void)unused;
    CHECK_OK(read_table(&stream, context, &err));
    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktk_json_lines_write(context, &stream, keep, &text, &err));
    assert_null(stream.release);
    CHECK_OK(ktki_buffer_append_byte(&text, '\0', &err));
    assert_string_equal((char *)text.data, wanted);
    ktki_buffer_clear(&text);
    test_context_free(context);
}

static void passes_a_failure_on(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    ktk_error err;

    (void)unused;
    CHECK_OK(read_table(&stream, context, &err));
    CHECK_STATUS(ktk_json_lines_write(context, &stream, refuse, NULL, &err), KTK_E_IO);
    CHECK_MESSAGE("the disk is full");
    assert_null(stream.release);
    test_context_free(context);
}

/* A text of Latin-1, as a careless producer may hand over. */
static void names_the_column_of_a_text_that_is_no_utf8(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct schema *schema = NULL;
    struct batch batch = {0};
    struct buffer text;
    int32_t offsets[] = {0, 1};
    const void *buffers[] = {NULL, offsets, "\xE4"};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = (struct field){.name = "place", .type = {.id = TYPE_STRING}};
    CHECK_OK(ktki_batch_init(&batch, schema, 1, &err));
    batch.columns[0] = (struct ArrowArray){.length = 1, .n_buffers = 3, .buffers = buffers};
    CHECK_OK(ktki_stream_of_batches(&stream, context, schema, &batch, 1, &err));
    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_STATUS(ktk_json_lines_write(context, &stream, keep, &text, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'place'");
    ktki_buffer_clear(&text);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void survives_each_failing_allocation(void **unused) {
    bool done = false;
    int64_t n = 0;

    (void)unused;
    for (; !done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArrayStream stream = {0};
        struct buffer text;
        ktk_error err;
        ktk_status status = read_table(&stream, context, &err);

        ktki_buffer_init(&text, test_allocator(), 0);
        if (status == KTK_OK) {
            status = ktk_json_lines_write(context, &stream, keep, &text, &err);
            assert_null(stream.release);
        }
        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&text);
        test_context_free(context);
    }
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_one_object_a_row),
        cmocka_unit_test(passes_a_failure_on),
        cmocka_unit_test(names_the_column_of_a_text_that_is_no_utf8),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
