#include "support/test.h"

#include <stdlib.h>

#include <kartothek/arrow.h>

#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "base/context.h"

/* A copy of exactly the size of the text, so that a read past its end is seen. */
static ktk_status read_text(struct ArrowArrayStream *out, ktk_context *context, const char *text,
                            size_t size, const ktk_json_lines_read_options *options,
                            ktk_error *err) {
    char *copy = malloc(size > 0 ? size : 1);
    ktk_status status;

    assert_non_null(copy);
    memcpy(copy, text, size);
    status = ktk_json_lines_read(out, context, copy, size, options, err);
    free(copy);
    return status;
}

static void show_batch(const struct batch *batch, struct buffer *out) {
    ktk_error err;
    bool is_null;

    for (int64_t row = 0; row < batch->row_count; row++) {
        for (int32_t i = 0; i < batch->schema->field_count; i++) {
            CHECK_OK(ktki_buffer_append_text(out, i > 0 ? "," : "|", &err));
            CHECK_OK(ktki_format_value(&batch->schema->fields[i], &batch->columns[i], row, out,
                                       &is_null, &err));
            if (is_null) {
                CHECK_OK(ktki_buffer_append_text(out, "~", &err));
            }
        }
    }
}

/* Columns with types, then rows, as "a:int64,b:string|1,x|~,y"; ~ is null. */
static void show(ktk_context *context, struct ArrowArrayStream *stream, struct buffer *out) {
    struct stream_reader reader = {0};
    struct batch batch = {0};
    ktk_error err;

    CHECK_OK(ktki_reader_init(&reader, context, stream, &err));
    for (int32_t i = 0; i < reader.schema->field_count; i++) {
        CHECK_OK(ktki_buffer_append_format(out, &err, "%s%s:", i > 0 ? "," : "",
                                           reader.schema->fields[i].name));
        CHECK_OK(ktki_field_type_text(&reader.schema->fields[i], out, &err));
    }
    for (;;) {
        CHECK_OK(ktki_reader_next(&reader, &batch, &err));
        if (batch.schema == NULL) {
            break;
        }
        show_batch(&batch, out);
        ktki_batch_clear(&batch);
    }
    CHECK_OK(ktki_buffer_append_byte(out, '\0', &err));
    ktki_reader_clear(&reader);
    ktki_stream_clear(stream);
}

/* The same text as a file, read after the call. */
static ktk_status read_file(struct ArrowArrayStream *out, ktk_context *context, const char *text,
                            size_t size, const ktk_json_lines_read_options *options,
                            ktk_error *err) {
    char *folder = test_folder_in_memory();
    char *path = test_file_new(folder, "rows.jsonl", text, size);
    ktk_status status = ktk_json_lines_read_path(out, context, path, options, err);

    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        assert_non_null(strstr(err->message, path));
    }
    free(path);
    test_folder_remove(folder); /* what is mapped stays */
    return status;
}

typedef ktk_status (*read_fn)(struct ArrowArrayStream *out, ktk_context *context, const char *text,
                              size_t size, const ktk_json_lines_read_options *options,
                              ktk_error *err);

static const read_fn reads[] = {read_text, read_file};

static void check_read(read_fn read, const char *text, const ktk_json_lines_read_options *options,
                       const char *wanted) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream = {0};
    struct buffer shown;
    ktk_error err;

    ktki_buffer_init(&shown, ktki_context_allocator(context), 0);
    CHECK_OK(read(&stream, context, text, strlen(text), options, &err));
    show(context, &stream, &shown);
    assert_string_equal((const char *)shown.data, wanted);
    ktki_buffer_clear(&shown);
    test_context_free(context);
}

static void check(const char *text, const ktk_json_lines_read_options *options,
                  const char *wanted) {
    check_read(read_text, text, options, wanted);
    check_read(read_file, text, options, wanted);
}

static void types_are_those_that_all_values_have(void **unused) {
    static const struct {
        const char *text;
        const char *wanted;
    } cases[] = {
        {"{\"a\": 1}", "a:int64|1"},
        {"{\"a\": 1}\n{\"a\": -2}\n", "a:int64|1|-2"},
        {"{\"a\": 1}\n{\"a\": 18446744073709551615}", "a:uint64|1|18446744073709551615"},
        {"{\"a\": 18446744073709551615}\n{\"a\": 1}", "a:uint64|18446744073709551615|1"},
        {"{\"a\": 18446744073709551615}\n{\"a\": -1}", "a:double|1.8446744073709552e+19|-1.0"},
        {"{\"a\": -1}\n{\"a\": 18446744073709551615}", "a:double|-1.0|1.8446744073709552e+19"},
        {"{\"a\": 1}\n{\"a\": 1.5}\n{\"a\": 2}", "a:double|1.0|1.5|2.0"},
        {"{\"a\": true}\n{\"a\": false}", "a:bool|true|false"},
        {"{\"a\": \"2020-01-31\"}", "a:date32[day]|2020-01-31"},
        {"{\"a\": \"2020-01-31\"}\n{\"a\": \"x\"}", "a:string|2020-01-31|x"},
        {"{\"a\": \"x\"}\n{\"a\": \"2020-01-31\"}", "a:string|x|2020-01-31"},
        {"{\"a\": \"1\"}\n{\"a\": \"true\"}", "a:string|1|true"},
        {"{\"a\": \"\\u00e9\\n\\\"\"}", "a:string|\xc3\xa9\n\""},
        {"{\"a\": null, \"b\": 1}", "a:string,b:int64|~,1"},
        /* Columns that come late, or not at all; blank lines; line ends. */
        {"{\"a\": 1}\r\n\n \t\n{\"b\": \"x\"}\n{}\n", "a:int64,b:string|1,~|~,x|~,~"},
        {"\xef\xbb\xbf{\"a\": 1}", "a:int64|1"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(cases[i].text, NULL, cases[i].wanted);
    }
}

static void instants_are_read_as_they_are_written(void **unused) {
    (void)unused;
    check("{\"a\": \"2020-01-31T12:30:00.5\"}\n{\"a\": \"2020-02-01\"}", NULL,
          "a:timestamp[us]|2020-01-31 12:30:00.500000|2020-02-01 00:00:00");
    check("{\"a\": \"2020-01-31\"}\n{\"a\": \"2020-01-31T12:30:00\"}", NULL,
          "a:timestamp[us]|2020-01-31 00:00:00|2020-01-31 12:30:00");
}

static void types_that_are_given_are_kept(void **unused) {
    static const char *const columns[] = {"a", "b"};
    static const char *const types[] = {"string", "int8"};
    ktk_json_lines_read_options options = KTK_JSON_LINES_READ_OPTIONS_INIT;

    (void)unused;
    options.type_columns = columns;
    options.type_names = types;
    options.type_count = 2;
    check("{\"a\": 7.50, \"b\": \"12\"}\n{\"a\": true}", &options,
          "a:string,b:int8|7.50,12|true,~");
}

static void what_is_no_row_is_refused(void **unused) {
    static const char *const column = "a";
    static const char *const types[] = {"int8", "binary", "what", "date32"};
    static const struct {
        const char *text;
        int type; /* given for a; -1: none */
        ktk_status status;
        const char *message;
    } cases[] = {
        {"", -1, KTK_E_INVALID, "no row"},
        {"\n{}\n", -1, KTK_E_INVALID, "no row"},
        {"{\"a\": 1}\n[1]", -1, KTK_E_CORRUPT, "line 2"},
        {"{\"a\": 1}\n\n{\"a\": 1", -1, KTK_E_CORRUPT, "line 3"},
        {"{\"a\": 1} {\"a\": 2}", -1, KTK_E_CORRUPT, "line 1"},
        {"{\"a\": \"\xff\"}", -1, KTK_E_CORRUPT, "line 1"},
        {"{\"a\": [1]}", -1, KTK_E_UNSUPPORTED, "line 1, column 'a'"},
        {"{\"a\": {\"b\": 1}}", -1, KTK_E_UNSUPPORTED, "line 1, column 'a'"},
        {"{\"a\": 1, \"a\": 2}", -1, KTK_E_INVALID, "'a' comes twice"},
        {"{\"a\\u0000b\": 1}", -1, KTK_E_INVALID, "NUL"},
        {"{\"a\": 1}\n{\"a\": \"x\"}", -1, KTK_E_INVALID,
         "line 2, column 'a': 'x' is not a number"},
        {"{\"a\": \"x\"}\n{\"a\": 1}", -1, KTK_E_INVALID, "'1' is not a text"},
        {"{\"a\": true}\n{\"a\": 1}", -1, KTK_E_INVALID, "true or false"},
        {"{\"a\": 1}\n{\"a\": true}", -1, KTK_E_INVALID, "'true' is not a number"},
        {"{\"a\": 1}\n{\"a\": 200}", 0, KTK_E_INVALID, "line 2, column 'a': '200' is not int8"},
        {"{\"a\": true}", 0, KTK_E_INVALID, "'true' is not int8"},
        {"{\"a\": \"00\"}", 1, KTK_E_INVALID, "'binary'"},
        {"{\"a\": \"00\"}", 2, KTK_E_INVALID, "'what'"},
        {"{\"b\": 1}", 3, KTK_E_INVALID, "'a', which is not there"},
    };

    (void)unused;
    for (size_t n = 0; n < 2 * sizeof(cases) / sizeof(cases[0]); n++) {
        size_t i = n / 2;
        ktk_json_lines_read_options options = KTK_JSON_LINES_READ_OPTIONS_INIT;
        ktk_context *context = test_context_new(1);
        struct ArrowArrayStream stream = {0};
        ktk_error err;

        if (cases[i].type >= 0) {
            options.type_columns = &column;
            options.type_names = &types[cases[i].type];
            options.type_count = 1;
        }
        CHECK_STATUS(
            reads[n % 2](&stream, context, cases[i].text, strlen(cases[i].text), &options, &err),
            cases[i].status);
        CHECK_MESSAGE(cases[i].message);
        assert_null(stream.release);
        test_context_free(context);
    }
}

static void survive_failing_allocations(read_fn read) {
    static const char text[] = "{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2, \"c\": true}\n";
    ktk_status status = KTK_E_NO_MEMORY;
    ktk_error err;

    for (int64_t n = 0; status == KTK_E_NO_MEMORY; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArrayStream stream = {0};
        struct ArrowArray batch = {0};

        status = read(&stream, context, text, strlen(text), NULL, &err);
        if (status == KTK_OK) {
            status = ktk_stream_next(&stream, &batch, &err);
        }
        if (batch.release != NULL) {
            batch.release(&batch);
        }
        if (stream.release != NULL) {
            stream.release(&stream);
        }
        test_context_free(context);
    }
    CHECK_OK(status);
}

static void every_allocation_may_fail(void **unused) {
    (void)unused;
    survive_failing_allocations(read_text);
    survive_failing_allocations(read_file);
}

/* Rows of a file, of which what was read does not stay in memory. */
static void a_large_file_is_not_kept_in_memory(void **unused) {
    const int64_t row_count = 400000;
    char *folder = test_folder_new();
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream = {0};
    struct buffer text;
    int64_t rows = 0;
    char *path;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&text, test_allocator(), 0);
    for (int64_t i = 0; i < row_count; i++) {
        CHECK_OK(ktki_buffer_append_format(&text, &err, "{\"a\": %lld, \"b\": \"%040lld\"}\n",
                                           (long long)i, (long long)i));
    }
    path = test_file_new(folder, "rows.jsonl", text.data, text.size);
    assert_true(text.size > (size_t)20 << 20);
    ktki_buffer_clear(&text);
    CHECK_OK(ktk_json_lines_read_path(&stream, context, path, NULL, &err));
    assert_true(test_resident_bytes(path) < 3 << 20);
    for (;;) {
        struct ArrowArray batch = {0};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        if (batch.release == NULL) {
            break;
        }
        assert_true(test_resident_bytes(path) < 3 << 20);
        assert_int_equal(((const int64_t *)batch.children[0]->buffers[1])[0], rows);
        rows += batch.length;
        batch.release(&batch);
    }
    assert_int_equal(rows, row_count);
    stream.release(&stream);
    assert_int_equal(test_resident_bytes(path), 0);
    test_context_free(context);
    free(path);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_those_that_all_values_have),
        cmocka_unit_test(instants_are_read_as_they_are_written),
        cmocka_unit_test(types_that_are_given_are_kept),
        cmocka_unit_test(what_is_no_row_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_large_file_is_not_kept_in_memory),
    };
    return cmocka_run_group_tests_name("arrow/json_lines_read", tests, NULL, NULL);
}
