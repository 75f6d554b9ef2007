#include "support/test.h"

#include <stdlib.h>

#include <kartothek/arrow.h>

#include "arrow/stream.h"

/* What was written, and the calls it took. */
struct written {
    struct buffer text;
    int call_count;
    int fail_at; /* call that fails, -1 for none */
};

static ktk_status keep(void *state, const char *data, size_t size, ktk_error *err) {
    struct written *written = state;

    if (written->call_count++ == written->fail_at) {
        return ktk_error_set(err, KTK_E_IO, "the disk is full");
    }
    return ktki_buffer_append(&written->text, data, size, err);
}

static void written_init(struct written *written) {
    *written = (struct written){.fail_at = -1};
    ktki_buffer_init(&written->text, test_allocator(), 0);
}

static ktk_bytes borrowed(const char *text) {
    return (ktk_bytes){(const uint8_t *)text, strlen(text), NULL, NULL};
}

/* The columns of a CSV text, all strings, as a stream. */
static void strings_of(struct ArrowArrayStream *out, ktk_context *context, const char *csv,
                       int64_t batch_rows_max) {
    static const char *const nulls[] = {"NULL"};
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
    ktk_bytes bytes = borrowed(csv);
    ktk_error err;

    options.null_values = nulls;
    options.null_value_count = 1;
    options.batch_rows_max = batch_rows_max;
    CHECK_OK(ktk_csv_read(out, context, &bytes, &options, &err));
}

static void check(const char *csv, const ktk_csv_write_options *options, const char *wanted) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct written written;
    ktk_error err;

    strings_of(&stream, context, csv, 2);
    written_init(&written);
    CHECK_OK(ktk_csv_write(context, &stream, options, keep, &written, &err));
    assert_null(stream.release);
    assert_int_equal(written.text.size, strlen(wanted));
    assert_memory_equal(written.text.data, wanted, strlen(wanted));
    ktki_buffer_clear(&written.text);
    test_context_free(context);
}

static void quotes_what_must_be(void **unused) {
    (void)unused;
    check("a,\"b,\"\nx,\"y\"\"\"\n\"\n\",\"\r\"\n z ,x\"\n", NULL,
          "a,\"b,\"\nx,\"y\"\"\"\n\"\n\",\"\r\"\n z ,\"x\"\"\"\n");
    check("a\n\"\"\"\"\"\"\n", NULL, "a\n\"\"\"\"\"\"\n");
    check("a\nx\n", NULL, "a\nx\n");
    check("a\n", NULL, "a\n");
    check("\"\"\nx\n", NULL, "\"\"\nx\n");
    check("\"\xEF\xBB\xBF"
          "a\"\nx\n",
          NULL,
          "\"\xEF\xBB\xBF"
          "a\"\nx\n");
}

static void tells_null_from_text_that_looks_like_it(void **unused) {
    (void)unused;
    check("a,b\nNULL,\"\"\nNA,\"NULL\"\nnan,NaN\nna,null\nx,NULL\n", NULL,
          "a,b\n,\"\"\n\"NA\",\"NULL\"\n\"nan\",\"NaN\"\nna,\"null\"\nx,\n");
}

static void obeys_its_options(void **unused) {
    ktk_csv_write_options options = KTK_CSV_WRITE_OPTIONS_INIT;

    (void)unused;
    options.delimiter = ';';
    check("a,b\n\"x,y\",\";\"\n", &options, "a;b\nx,y;\";\"\n");
    options.delimiter = 0;
    options.no_header = true;
    check("a,b\nx,y\n", &options, "x,y\n");
    options.no_header = false;
    options.null_value = "-";
    check("a,b\nNULL,-\n", &options, "a,b\n-,\"-\"\n");
}

static void refuses_options_that_cannot_be_read_back(void **unused) {
    ktk_csv_write_options cases[3] = {KTK_CSV_WRITE_OPTIONS_INIT, KTK_CSV_WRITE_OPTIONS_INIT,
                                      KTK_CSV_WRITE_OPTIONS_INIT};
    static const char *const messages[] = {"delimiter", "',-'", "KTK_CSV_WRITE_OPTIONS_INIT"};

    (void)unused;
    cases[0].delimiter = '\r';
    cases[1].null_value = ",-";
    cases[2].size = 1;
    for (size_t i = 0; i < 3; i++) {
        ktk_context *context = test_context_new(1);
        struct ArrowArrayStream stream;
        struct written written;
        ktk_error err;

        strings_of(&stream, context, "a\nx\n", 1);
        written_init(&written);
        CHECK_STATUS(ktk_csv_write(context, &stream, &cases[i], keep, &written, &err),
                     KTK_E_INVALID);
        CHECK_MESSAGE(messages[i]);
        assert_null(stream.release);
        assert_int_equal(written.call_count, 0);
        test_context_free(context);
    }
}

static void writes_numbers_and_nan_bare(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_csv_write_options options = KTK_CSV_WRITE_OPTIONS_INIT;
    ktk_bytes bytes = borrowed("i,f,b,d,t\n-1,2.5,true,2020-01-01,2020-01-01 00:00\n7,NaN,,,\n");
    ktk_csv_read_options read = KTK_CSV_READ_OPTIONS_INIT;
    static const char *const nulls[] = {""};
    struct ArrowArrayStream stream;
    struct written written;
    ktk_error err;
    static const char wanted[] =
        "i-f-b-d-t\n\"-1\"-2.5-true-\"2020-01-01\"-\"2020-01-01 00:00:00\"\n7-nan---\n";

    (void)unused;
    read.null_values = nulls;
    read.null_value_count = 1;
    options.delimiter = '-';
    CHECK_OK(ktk_csv_read(&stream, context, &bytes, &read, &err));
    written_init(&written);
    CHECK_OK(ktk_csv_write(context, &stream, &options, keep, &written, &err));
    assert_int_equal(written.text.size, sizeof(wanted) - 1);
    assert_memory_equal(written.text.data, wanted, sizeof(wanted) - 1);
    ktki_buffer_clear(&written.text);
    test_context_free(context);
}

static void writes_in_pieces_and_stops_at_a_failure(void **unused) {
    enum { ROWS = 30000 };
    char *csv = malloc(2 + (size_t)ROWS * 8 + 1);
    struct written written;

    (void)unused;
    assert_non_null(csv);
    strcpy(csv, "a\n");
    for (int i = 0; i < ROWS; i++) {
        memcpy(csv + 2 + (size_t)i * 8, "xxxxxxx\n", 9);
    }
    for (int fail_at = -1; fail_at < 2; fail_at++) {
        ktk_context *context = test_context_new(1);
        struct ArrowArrayStream stream;
        ktk_error err;

        strings_of(&stream, context, csv, 1000);
        written_init(&written);
        written.fail_at = fail_at;
        if (fail_at < 0) {
            CHECK_OK(ktk_csv_write(context, &stream, NULL, keep, &written, &err));
            assert_int_equal(written.text.size, strlen(csv));
            assert_memory_equal(written.text.data, csv, strlen(csv));
            assert_true(written.call_count > 1 && written.call_count < 10);
        } else {
            CHECK_STATUS(ktk_csv_write(context, &stream, NULL, keep, &written, &err), KTK_E_IO);
            CHECK_MESSAGE("the disk is full");
            assert_int_equal(written.call_count, fail_at + 1);
        }
        assert_null(stream.release);
        ktki_buffer_clear(&written.text);
        test_context_free(context);
    }
    free(csv);
}

static ktk_status fail_next(void *state, struct batch *out, ktk_error *err) {
    (void)state;
    (void)out;
    return ktk_error_set(err, KTK_E_UNAVAILABLE, "try again");
}

static void free_nothing(void *state) {
    (void)state;
}

static void passes_a_failure_of_the_stream_on(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream;
    struct schema *schema = NULL;
    struct written written;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 0, &err));
    CHECK_OK(ktki_stream_new(&stream, context, schema, fail_next, free_nothing, NULL, &err));
    written_init(&written);
    CHECK_STATUS(ktk_csv_write(context, &stream, NULL, keep, &written, &err), KTK_E_UNAVAILABLE);
    CHECK_MESSAGE("try again");
    assert_null(stream.release);
    ktki_schema_free(schema);
    ktki_buffer_clear(&written.text);
    test_context_free(context);
}

static void survives_each_failing_allocation(void **unused) {
    bool done = false;
    int64_t n = 0;

    (void)unused;
    for (; !done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_bytes bytes = borrowed("a,b\n\"x,\",1\n,2\n");
        struct ArrowArrayStream stream = {0};
        struct written written;
        ktk_error err;
        ktk_status status = ktk_csv_read(&stream, context, &bytes, NULL, &err);

        written_init(&written);
        if (status == KTK_OK) {
            status = ktk_csv_write(context, &stream, NULL, keep, &written, &err);
            assert_null(stream.release);
        }
        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        ktki_buffer_clear(&written.text);
        test_context_free(context);
    }
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_what_must_be),
        cmocka_unit_test(tells_null_from_text_that_looks_like_it),
        cmocka_unit_test(obeys_its_options),
        cmocka_unit_test(refuses_options_that_cannot_be_read_back),
        cmocka_unit_test(writes_numbers_and_nan_bare),
        cmocka_unit_test(writes_in_pieces_and_stops_at_a_failure),
        cmocka_unit_test(passes_a_failure_of_the_stream_on),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
