#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/arrow.h>

#include "arrow/csv_column.h"
#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "base/context.h"

/* A copy of exactly the size of the text, so that a read past its end is seen. */
static void release_copy(ktk_bytes *bytes) {
    free(bytes->owner);
}

static ktk_bytes copy_of(const char *text, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, text, size);
    return (ktk_bytes){copy, size, release_copy, copy};
}

static void show_header(const struct schema *schema, struct buffer *out) {
    ktk_error err;

    for (int32_t i = 0; i < schema->field_count; i++) {
        CHECK_OK(ktki_buffer_append_format(out, &err, "%s%s:", i > 0 ? "," : "",
                                           schema->fields[i].name));
        CHECK_OK(ktki_field_type_text(&schema->fields[i], out, &err));
    }
}

static void show_rows(const struct batch *batch, struct buffer *out) {
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
static void show(ktk_context *context, struct ArrowArrayStream *stream, struct buffer *out,
                 int *batch_count) {
    struct stream_reader reader;
    struct batch batch;
    ktk_error err;

    ktki_buffer_init(out, test_allocator(), 0);
    CHECK_OK(ktki_reader_init(&reader, context, stream, &err));
    show_header(reader.schema, out);
    *batch_count = 0;
    for (;;) {
        CHECK_OK(ktki_reader_next(&reader, &batch, &err));
        if (batch.schema == NULL) {
            break;
        }
        for (int32_t i = 0; i < batch.schema->field_count; i++) {
            CHECK_OK(ktki_array_check(&batch.columns[i], &batch.schema->fields[i], true, &err));
        }
        ++*batch_count;
        show_rows(&batch, out);
        ktki_batch_clear(&batch);
    }
    ktki_reader_clear(&reader);
    CHECK_OK(ktki_buffer_append_byte(out, '\0', &err));
}

/* The text as a file, of which the stream needs no name. */
static ktk_status read_file(struct ArrowArrayStream *out, ktk_context *context, const char *text,
                            size_t size, const ktk_csv_read_options *options, ktk_error *err) {
    char *folder = test_folder_in_memory();
    char *path = test_file_new(folder, "rows.csv", text, size);
    ktk_status status = ktk_csv_read_path(out, context, path, options, err);

    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        assert_non_null(strstr(err->message, path));
    }
    free(path);
    test_folder_remove(folder);
    return status;
}

static void check_sized(const char *text, size_t size, const ktk_csv_read_options *options,
                        const char *wanted) {
    ktk_context *context = test_context_new(1);
    ktk_bytes bytes = copy_of(text, size);
    struct ArrowArrayStream stream;
    struct buffer shown;
    int batch_count;
    ktk_error err;

    CHECK_OK(ktk_csv_read(&stream, context, &bytes, options, &err));
    assert_null(bytes.data);
    show(context, &stream, &shown, &batch_count);
    assert_string_equal((char *)shown.data, wanted);
    ktki_buffer_clear(&shown);
    ktki_stream_clear(&stream);
    CHECK_OK(read_file(&stream, context, text, size, options, &err));
    show(context, &stream, &shown, &batch_count);
    assert_string_equal((char *)shown.data, wanted);
    ktki_buffer_clear(&shown);
    ktki_stream_clear(&stream);
    test_context_free(context);
}

static void check_with(const char *text, const ktk_csv_read_options *options, const char *wanted) {
    check_sized(text, strlen(text), options, wanted);
}

static void check(const char *text, const char *wanted) {
    check_with(text, NULL, wanted);
}

static void refuse(const char *text, size_t size, const ktk_csv_read_options *options,
                   ktk_status wanted, const char *message) {
    ktk_context *context = test_context_new(1);
    ktk_bytes bytes = copy_of(text, size);
    struct ArrowArrayStream stream = {.private_data = TEST_POISON};
    ktk_error err;

    CHECK_STATUS(ktk_csv_read(&stream, context, &bytes, options, &err), wanted);
    CHECK_MESSAGE(message);
    assert_ptr_equal(stream.private_data, TEST_POISON);
    assert_non_null(bytes.data);
    ktk_bytes_clear(&bytes);
    CHECK_STATUS(read_file(&stream, context, text, size, options, &err), wanted);
    CHECK_MESSAGE(message);
    assert_ptr_equal(stream.private_data, TEST_POISON);
    test_context_free(context);
}

static void splits_rows_and_fields(void **unused) {
    (void)unused;
    check("a,b\nx,y\n", "a:string,b:string|x,y");
    check("a,b\nx,y", "a:string,b:string|x,y");
    check("a,b\r\nx,y\r\nz,\r\n", "a:string,b:string|x,y|z,~");
    check("a,b\rx,y\rz,w\r", "a:string,b:string|x,y|z,w");
    check("a,b\nx,y\r\nz,w\rv,u", "a:string,b:string|x,y|z,w|v,u");
    check("a,b\n,\n", "a:string,b:string|~,~");
    check("a,b\n,", "a:string,b:string|~,~");
    check("a\n\n\nx\n", "a:string|~|~|x");
    check("a,b\n\nx,y\n\r\n\r\n\n\rz,w\n\n", "a:string,b:string|x,y|z,w");
    check("\xEF\xBB\xBF"
          "a\nx\n",
          "a:string|x");
    check("a\n", "a:string");
    check("a,b", "a:string,b:string");
    check("\n1\n", ":int64|1");
    check("a, b\n x,y \n", "a:string, b:string| x,y ");
}

static void takes_quotes_as_rfc_4180(void **unused) {
    (void)unused;
    check("a,b\n\"x\",\"y\"\n", "a:string,b:string|x,y");
    check("\"a,1\",\"b\"\"\"\n\"x,\"\"\n\",\"\"\n", "a,1:string,b\":string|x,\"\n,");
    check("a\n\"\"\n", "a:string|");
    check("a\n\"\"\"\"\n", "a:string|\"");
    check("a\n\"\"\"\"\"\"", "a:string|\"\"");
    check("a,b\nx\"y\"z,\" \"\n", "a:string,b:string|x\"y\"z, ");
    check("a,b\nx\",y\"\n", "a:string,b:string|x\",y\"");
    check("a\n\"\r\n\"\r\n", "a:string|\r\n");
    check("a\n\"1\"\n2\n", "a:int64|1|2");
    check("a,b\n\"NA\",NA\n", "a:string,b:string|NA,~");
}

static void refuses_broken_rows_with_their_place(void **unused) {
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"a,b\n1,2\n1\n", "line 3 has 1 fields and not 2"},
        {"a,b\n1,2,3\n", "line 2 has 3 fields and not 2"},
        {"a,b\r\n\"x\r\ny\",2\r\n\r\n1,2,3\r\n", "line 5 has 3 fields and not 2"},
        {"a,b\r1,2\r1,2,\r", "line 3 has 3 fields and not 2"},
        {"a\n\"x\ny\n", "line 2, field 1: the quote is not closed"},
        {"a,b\n1,\"", "line 2, field 2: the quote is not closed"},
        {"a,b\n1,\"\"\"", "line 2, field 2: the quote is not closed"},
        {"\"a", "line 1, field 1: the quote is not closed"},
        {"a,b\n1,\"x\"y\n", "line 2, field 2: text follows the closing quote"},
        {"a,b\n\"x\" ,y\n", "line 2, field 1: text follows the closing quote"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuse(cases[i].text, strlen(cases[i].text), NULL, KTK_E_CORRUPT, cases[i].message);
    }
    refuse("", 0, NULL, KTK_E_INVALID, "not even a header");
    refuse("\xEF\xBB\xBF", 3, NULL, KTK_E_INVALID, "not even a header");
    refuse("a,b,a\n", 6, NULL, KTK_E_INVALID, "two columns have the name 'a'");
    refuse("a,\xFF\n", 5, NULL, KTK_E_INVALID, "not UTF-8");
    refuse("a,b\0c\n", 6, NULL, KTK_E_INVALID, "NUL inside");
    refuse("a,b\nx,\"y\"\nz,\xC3(\n", 15, NULL, KTK_E_INVALID,
           "line 3, column 'b': '' is not UTF-8 text");
    refuse("b\n1\n\xFF\n", 6, NULL, KTK_E_INVALID, "line 3, column 'b'");
}

static void infers_the_narrowest_type(void **unused) {
    static const struct {
        const char *values;
        const char *wanted;
    } cases[] = {
        {"true\nFalse\nTRUE\n", "c:bool|true|false|true"},
        {"true\n1\n", "c:string|true|1"},
        {"1\ntrue\n", "c:string|1|true"},
        {"t\n", "c:string|t"},
        {"1\n-2\n+3\n007\n", "c:int64|1|-2|3|7"},
        {"9223372036854775807\n-9223372036854775808\n",
         "c:int64|9223372036854775807|-9223372036854775808"},
        {"1\n9223372036854775808\n", "c:uint64|1|9223372036854775808"},
        {"18446744073709551615\n0\n", "c:uint64|18446744073709551615|0"},
        {"-1\n9223372036854775808\n", "c:double|-1.0|9.223372036854776e+18"},
        {"9223372036854775808\n-1\n", "c:double|9.223372036854776e+18|-1.0"},
        {"18446744073709551616\n", "c:double|1.8446744073709552e+19"},
        {"1\n2.5\n1e3\n.5\n-5.\n", "c:double|1.0|2.5|1000.0|0.5|-5.0"},
        {"inf\n-Infinity\n1\n", "c:double|inf|-inf|1.0"},
        {"0x10\n", "c:string|0x10"},
        {"1_000\n", "c:string|1_000"},
        {"1e\n", "c:string|1e"},
        {"-\n", "c:string|-"},
        {".\n", "c:string|."},
        {"12345678\n-12345678\n123456789\n", "c:int64|12345678|-12345678|123456789"},
        {"1234567a\n", "c:string|1234567a"},
        {"2020-02-29\n1969-12-31\n", "c:date32[day]|2020-02-29|1969-12-31"},
        {"2020-02-30\n", "c:string|2020-02-30"},
        {"2020-01-01\n2020-01-01 12:30\n",
         "c:timestamp[us]|2020-01-01 00:00:00|2020-01-01 12:30:00"},
        {"2020-01-01T00:00:00.000001\n2020-01-01\n",
         "c:timestamp[us]|2020-01-01 00:00:00.000001|2020-01-01 00:00:00"},
        {"2020-01-01T00:00:00Z\n2020-01-01T00:00:00+02:00\n",
         "c:timestamp[us, tz=UTC]|2020-01-01 00:00:00+00:00|2019-12-31 22:00:00+00:00"},
        {"2020-01-01 00:00\n2020-01-01T00:00:00Z\n",
         "c:string|2020-01-01 00:00|2020-01-01T00:00:00Z"},
        {"2020-01-01T00:00:00Z\n2020-01-01\n", "c:string|2020-01-01T00:00:00Z|2020-01-01"},
        {"2020-01-01 00:00:00.000000001\n", "c:string|2020-01-01 00:00:00.000000001"},
        {"2020-01-01 00:00:00.000001000\n", "c:timestamp[us]|2020-01-01 00:00:00.000001"},
        {"999999-01-01\n", "c:string|999999-01-01"},
        {"2020-01-01\n5\n", "c:string|2020-01-01|5"},
        {"NA\nNULL\nnull\nNaN\nnan\n\n", "c:string|~|~|~|~|~|~"},
        {"NA\n1\nnan\n2\n", "c:int64|~|1|~|2"},
        {"na\n1\n", "c:string|na|1"},
        {"-\xC3\xBC\n", "c:string|-\xC3\xBC"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];

        (void)snprintf(text, sizeof(text), "c\n%s", cases[i].values);
        check(text, cases[i].wanted);
        /* The type must not depend on what stands behind the column. */
        (void)snprintf(text, sizeof(text), "c\n%.*s", (int)strlen(cases[i].values) - 1,
                       cases[i].values);
        if (cases[i].values[strlen(cases[i].values) - 2] != '\n') {
            check(text, cases[i].wanted);
        }
    }
}

static ktk_csv_read_options given(const char *const *name, const char *const *type) {
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;

    options.type_columns = name;
    options.type_names = type;
    options.type_count = 1;
    return options;
}

static void takes_types_that_are_given(void **unused) {
    static const struct {
        const char *type;
        const char *values;
        const char *wanted;
    } cases[] = {
        {"bool", "True\n\n", "c:bool|true|~"},
        {"int8", "-128\n127\n", "c:int8|-128|127"},
        {"int16", "-32768\n32767\n", "c:int16|-32768|32767"},
        {"int32", "-2147483648\n2147483647\n", "c:int32|-2147483648|2147483647"},
        {"int64", "1\n", "c:int64|1"},
        {"uint8", "0\n255\n", "c:uint8|0|255"},
        {"uint16", "65535\n", "c:uint16|65535"},
        {"uint32", "4294967295\n", "c:uint32|4294967295"},
        {"uint64", "1\n", "c:uint64|1"},
        {"float", "0.1\n1\n", "c:float|0.1|1.0"},
        {"double", "1\n", "c:double|1.0"},
        {"string", "1\nNA\n", "c:string|1|~"},
        {"binary", "00fF\n\"\"\n", "c:binary|00ff|"},
        {"date32", "2020-01-01\n", "c:date32[day]|2020-01-01"},
        {"timestamp[us]", "2020-01-01\n", "c:timestamp[us]|2020-01-01 00:00:00"},
        {"timestamp[us, tz=UTC]", "2020-01-01 01:00+01:00\n",
         "c:timestamp[us, tz=UTC]|2020-01-01 00:00:00+00:00"},
    };
    static const char *const name = "c";

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const ktk_csv_read_options options = given(&name, &cases[i].type);
        char text[256];

        (void)snprintf(text, sizeof(text), "c\n%s", cases[i].values);
        check_with(text, &options, cases[i].wanted);
    }
}

static void refuses_values_that_have_not_the_type_given(void **unused) {
    static const struct {
        const char *type;
        const char *value;
    } cases[] = {
        {"bool", "1"},
        {"int8", "128"},
        {"int16", "-32769"},
        {"int32", "2147483648"},
        {"int64", "1.0"},
        {"uint8", "-1"},
        {"uint16", "65536"},
        {"uint32", "4294967296"},
        {"uint64", "18446744073709551616"},
        {"float", "x"},
        {"double", "1,5"},
        {"binary", "abc"},
        {"binary", "0g"},
        {"date32", "2020-01-01 00:00"},
        {"timestamp[us]", "2020-01-01T00:00:00Z"},
        {"timestamp[us, tz=UTC]", "2020-01-01T00:00:00"},
    };
    static const char *const name = "c";

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const ktk_csv_read_options options = given(&name, &cases[i].type);
        char text[256];
        char message[256];

        (void)snprintf(text, sizeof(text), "d,c\n1,NA\n\n1,\"%s\"\n", cases[i].value);
        (void)snprintf(message, sizeof(message), "line 4, column 'c': '%s' is not %s",
                       cases[i].value, cases[i].type);
        refuse(text, strlen(text), &options, KTK_E_INVALID, message);
    }
}

static void obeys_options_for_foreign_dialects(void **unused) {
    static const char *const names[] = {"b", "z"};
    static const char *const types[] = {"double", "int64"};
    static const char *const empty = "";
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;

    (void)unused;
    options.quoted_nulls = true;
    check_with("a,b\n\"\",\"NA\"\nx,\"1\"\n", &options, "a:string,b:int64|~,~|x,1");
    options.null_values = &empty;
    options.null_value_count = 1;
    check_with("a\n\"\"\nNA\n", &options, "a:string|~|NA");
    options.other_type = "string";
    check_with("a,b\n1,2\n", &options, "a:string,b:string|1,2");
    options.type_columns = names;
    options.type_names = types;
    options.type_count = 2;
    refuse("a,b\n1,2\n", 8, &options, KTK_E_INVALID, "column 'z', which is not there");
    options.optional_types = true;
    check_with("a,b\n1,2\n", &options, "a:string,b:double|1,2.0");
    options.other_type = "text";
    refuse("a,b\n1,2\n", 8, &options, KTK_E_INVALID, "unknown type 'text'");
}

static void obeys_its_options(void **unused) {
    static const char *const nulls[] = {"-", "n/a"};
    static const char *const name = "x";
    static const char *const type = "int128";
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;

    (void)unused;
    options.delimiter = ';';
    check_with("a;b\n1,5;2\n", &options, "a:string,b:int64|1,5,2");
    options.delimiter = '\t';
    check_with("a\tb\n1\t2\n", &options, "a:int64,b:int64|1,2");
    options.delimiter = '"';
    refuse("a\n", 2, &options, KTK_E_INVALID, "delimiter");
    options.delimiter = '\n';
    refuse("a\n", 2, &options, KTK_E_INVALID, "delimiter");
    options.delimiter = (char)0xE4;
    refuse("a\n", 2, &options, KTK_E_INVALID, "delimiter");
    options.delimiter = 0;
    options.no_header = true;
    check_with("1,x\n2,y\n", &options, "column_0:int64,column_1:string|1,x|2,y");
    options.no_header = false;
    options.null_values = nulls;
    options.null_value_count = 2;
    check_with("a,b\n1,n/a\n-,\n3,NA\n", &options, "a:int64,b:string|1,~|~,|3,NA");
    options.null_value_count = 0;
    check_with("a\nNA\n\n", &options, "a:string|NA|");
    options = given(&name, &type);
    refuse("a\n", 2, &options, KTK_E_INVALID, "column 'x', which is not there");
    refuse("x\n", 2, &options, KTK_E_INVALID, "unknown type 'int128'");
    options = (ktk_csv_read_options)KTK_CSV_READ_OPTIONS_INIT;
    options.batch_rows_max = -1;
    refuse("a\n", 2, &options, KTK_E_INVALID, "-1");
    options.size = 0;
    refuse("a\n", 2, &options, KTK_E_INVALID, "KTK_CSV_READ_OPTIONS_INIT");
}

static void makes_batches_of_the_size_wanted(void **unused) {
    static const char text[] = "a,b\n1,x\n2,\n\n3,\"y\n\"\n4,z\n5,w";
    static const char wanted[] = "a:int64,b:string|1,x|2,~|3,y\n|4,z|5,w";

    (void)unused;
    for (int64_t rows = 1; rows <= 6; rows++) {
        ktk_context *context = test_context_new(1);
        ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
        ktk_bytes bytes = copy_of(text, sizeof(text) - 1);
        struct ArrowArrayStream stream;
        struct buffer shown;
        int batch_count;
        ktk_error err;

        options.batch_rows_max = rows;
        CHECK_OK(ktk_csv_read(&stream, context, &bytes, &options, &err));
        show(context, &stream, &shown, &batch_count);
        assert_string_equal((char *)shown.data, wanted);
        assert_int_equal(batch_count, (5 + rows - 1) / rows);
        ktki_buffer_clear(&shown);
        ktki_stream_clear(&stream);
        test_context_free(context);
    }
}

/* Delimiters, quotes and line ends at every place in the blocks that the scanner looks at. */
static void finds_fields_at_every_position(void **unused) {
    static const char tail[] = "\",b,c\r\n\"x\"\"y\",12345678,\r\n,\"1\",\"\"\r\n";
    static const char wanted[] = ",b:int64,c:string|x\"y,12345678,~|~,1,";

    (void)unused;
    for (size_t pad = 0; pad < 140; pad++) {
        char text[256];
        char shown[256];

        memset(text, 'p', pad + 1);
        memset(shown, 'p', pad + 1);
        text[0] = '"';
        memcpy(text + pad + 1, tail, sizeof(tail));
        (void)snprintf(shown + pad, sizeof(shown) - pad, ":string%s", wanted);
        check_sized(text, strlen(text), NULL, shown);
        check_sized(text, strlen(text) - 2, NULL, shown);
    }
}

/* Random tables, written here by the rules of RFC 4180 and read back. */
struct generator {
    uint64_t state;
    char text[65536];
    size_t size;
};

static uint32_t next_random(struct generator *generator, uint32_t bound) {
    generator->state = generator->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(generator->state >> 33) % bound;
}

static void put(struct generator *generator, const char *text, size_t size) {
    assert_true(generator->size + size < sizeof(generator->text));
    memcpy(generator->text + generator->size, text, size);
    generator->size += size;
}

static void put_cell(struct generator *generator, const char *value, size_t size) {
    bool needs_quotes = strcspn(value, ",\r\n") < size || value[0] == '"';

    if (!needs_quotes && next_random(generator, 3) > 0) {
        put(generator, value, size);
        return;
    }
    put(generator, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        put(generator, value + i, 1);
        if (value[i] == '"') {
            put(generator, "\"", 1);
        }
    }
    put(generator, "\"", 1);
}

static void reads_back_random_tables(void **unused) {
    static const char *const pieces[] = {"a", "\"", ",", "\n", "\r", "\r\n", "\xC3\xBC", "1", ""};
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    static struct generator generator;
    static char wanted[65536];

    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
        uint32_t columns;
        uint32_t rows;
        size_t wanted_size = 0;
        const char *end;

        generator.state = seed;
        generator.size = 0;
        columns = 1 + next_random(&generator, 5);
        rows = 1 + next_random(&generator, 40);
        end = ends[next_random(&generator, 3)];
        options.no_header = true;
        options.null_values = pieces;
        options.batch_rows_max = 1 + next_random(&generator, 10);
        for (uint32_t i = 0; i < columns; i++) {
            wanted_size +=
                (size_t)sprintf(wanted + wanted_size, "%scolumn_%u:string", i > 0 ? "," : "", i);
        }
        for (uint32_t row = 0; row < rows; row++) {
            for (uint32_t i = 0; i < columns; i++) {
                char value[64] = "x";
                uint32_t count = next_random(&generator, 8);

                for (uint32_t k = 0; k < count; k++) {
                    strcat(value, pieces[next_random(&generator, 9)]);
                }
                memmove(value, value + (count > 0 && row > 0), strlen(value) + 1);
                put_cell(&generator, value, strlen(value));
                put(&generator, i + 1 < columns ? "," : end, i + 1 < columns ? 1 : strlen(end));
                wanted_size +=
                    (size_t)sprintf(wanted + wanted_size, "%s%s", i > 0 ? "," : "|", value);
            }
        }
        check_sized(generator.text, generator.size, &options, wanted);
    }
}

static void reads_what_looks_like_flights(void **unused) {
    (void)unused;
    check("year,month,dep_time,dep_delay,carrier,tailnum,distance,time_hour\n"
          "2013,1,517,2,UA,N14228,1400,2013-01-01T10:00:00Z\n"
          "2013,1,NA,NA,AA,NA,1089,2013-01-01T10:00:00Z\n"
          "2013,12,2359,-13,B6,N804JB,1617,2013-12-31T23:00:00Z\n",
          "year:int64,month:int64,dep_time:int64,dep_delay:int64,carrier:string,tailnum:string,"
          "distance:int64,time_hour:timestamp[us, tz=UTC]"
          "|2013,1,517,2,UA,N14228,1400,2013-01-01 10:00:00+00:00"
          "|2013,1,~,~,AA,~,1089,2013-01-01 10:00:00+00:00"
          "|2013,12,2359,-13,B6,N804JB,1617,2013-12-31 23:00:00+00:00");
}

/* A file that kartothek wrote through pandas. */
static void reads_a_golden_file(void **unused) {
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
    size_t size;
    char *text = (char *)test_read_source_file("tests/data/golden/stores/k53/serialisers/csv_plain/"
                                               "table/362a2400472945669d9a6ec0db8ee8c9.csv",
                                               &size);

    (void)unused;
    options.delimiter = ';';
    check_sized(text, size, &options,
                "i:int64,f:double,s:string,b:bool,d:date32[day],q:string"
                "|1,0.5,a,true,2020-01-01,say \"hi\""
                "|2,~,b;c,false,2020-01-01,line\nbreak"
                "|3,-1.25,~,true,2020-01-01,\xC3\xBC");
    test_data_free(text);
}

/* Buffers as the Arrow format wants them, without a detour through text. */
static void lays_out_arrow_buffers(void **unused) {
    static const char text[] = "i,t,b\n1,ab,true\n,,\n-3,\"\",false\n";
    ktk_context *context = test_context_new(1);
    ktk_bytes bytes = copy_of(text, sizeof(text) - 1);
    struct ArrowArrayStream stream;
    struct ArrowArray row;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_csv_read(&stream, context, &bytes, NULL, &err));
    CHECK_OK(ktk_stream_next(&stream, &row, &err));
    assert_int_equal(row.length, 3);
    assert_int_equal(row.n_children, 3);
    assert_int_equal(row.children[0]->null_count, 1);
    assert_int_equal(*(const uint8_t *)row.children[0]->buffers[0] & 7, 5);
    assert_int_equal(((const int64_t *)row.children[0]->buffers[1])[0], 1);
    assert_int_equal(((const int64_t *)row.children[0]->buffers[1])[2], -3);
    assert_int_equal(*(const uint8_t *)row.children[1]->buffers[0] & 7, 5);
    assert_memory_equal(row.children[1]->buffers[1], ((const int32_t[]){0, 2, 2, 2}), 16);
    assert_memory_equal(row.children[1]->buffers[2], "ab", 2);
    assert_int_equal(*(const uint8_t *)row.children[2]->buffers[1] & 5, 1);
    row.release(&row);
    CHECK_OK(ktk_stream_next(&stream, &row, &err));
    assert_null(row.release);
    ktki_stream_clear(&stream);
    test_context_free(context);
}

static ktk_status drain(struct ArrowArrayStream *stream, ktk_error *err) {
    struct ArrowArray array;
    ktk_status status;

    do {
        array.release = NULL;
        status = ktk_stream_next(stream, &array, err);
        if (status == KTK_OK && array.release != NULL) {
            array.release(&array);
        } else {
            return status;
        }
    } while (true);
}

static void survives_each_failing_allocation(void **unused) {
    static const char text[] = "a,b,c\n1,x,\n2,,2020-01-01\n";
    static const char *const name = "a";
    static const char *const type = "uint8";
    bool done = false;
    int64_t n = 0;

    (void)unused;
    for (; !done; n++) {
        ktk_context *context = test_context_failing(n);
        ktk_csv_read_options options = given(&name, &type);
        ktk_bytes bytes = copy_of(text, sizeof(text) - 1);
        struct ArrowArrayStream stream = {0};
        ktk_error err;
        ktk_status status = ktk_csv_read(&stream, context, &bytes, &options, &err);

        if (status == KTK_OK) {
            status = drain(&stream, &err);
        }
        done = status == KTK_OK;
        assert_true(done || status == KTK_E_NO_MEMORY);
        ktk_bytes_clear(&bytes);
        ktki_stream_clear(&stream);
        test_context_free(context);
    }
    assert_true(n > 10);
}

/* Rows of a file, of which what was read does not stay in memory. */
static void keeps_no_large_file_in_memory(void **unused) {
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
    CHECK_OK(ktki_buffer_append_text(&text, "a,b\n", &err));
    for (int64_t i = 0; i < row_count; i++) {
        CHECK_OK(
            ktki_buffer_append_format(&text, &err, "%lld,%060lld\n", (long long)i, (long long)i));
    }
    path = test_file_new(folder, "rows.csv", text.data, text.size);
    assert_true(text.size > (size_t)20 << 20);
    ktki_buffer_clear(&text);
    CHECK_OK(ktk_csv_read_path(&stream, context, path, NULL, &err));
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
    ktki_stream_clear(&stream);
    assert_int_equal(test_resident_bytes(path), 0);
    test_context_free(context);
    free(path);
    test_folder_remove(folder);
}

/* All words of 8 bytes near the digits, against a digit-by-digit reading. */
static void parses_digits_at_once(void **unused) {
    static const uint8_t others[] = {0, '/', ':', ' ', 'a', 0x7F, 0x80, 0xB0, 0xFF};
    struct generator generator = {.state = 1};

    (void)unused;
    for (int round = 0; round < 20000; round++) {
        uint8_t text[8];
        uint32_t count = 1 + next_random(&generator, 8);
        uint64_t wanted = 0;
        bool is_number = true;
        uint64_t value = 0;

        for (uint32_t i = 0; i < 8; i++) {
            text[i] = next_random(&generator, 20) == 0
                          ? others[next_random(&generator, sizeof(others))]
                          : (uint8_t)('0' + next_random(&generator, 10));
        }
        for (uint32_t i = 0; i < count; i++) {
            is_number = is_number && text[i] >= '0' && text[i] <= '9';
            wanted = wanted * 10 + (uint64_t)(text[i] - '0');
        }
        assert_int_equal(ktki_csv_parse_digits(text, count, &value), is_number);
        if (is_number) {
            assert_int_equal(value, wanted);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_rows_and_fields),
        cmocka_unit_test(takes_quotes_as_rfc_4180),
        cmocka_unit_test(refuses_broken_rows_with_their_place),
        cmocka_unit_test(infers_the_narrowest_type),
        cmocka_unit_test(takes_types_that_are_given),
        cmocka_unit_test(refuses_values_that_have_not_the_type_given),
        cmocka_unit_test(obeys_its_options),
        cmocka_unit_test(obeys_options_for_foreign_dialects),
        cmocka_unit_test(makes_batches_of_the_size_wanted),
        cmocka_unit_test(finds_fields_at_every_position),
        cmocka_unit_test(reads_back_random_tables),
        cmocka_unit_test(reads_what_looks_like_flights),
        cmocka_unit_test(reads_a_golden_file),
        cmocka_unit_test(lays_out_arrow_buffers),
        cmocka_unit_test(survives_each_failing_allocation),
        cmocka_unit_test(keeps_no_large_file_in_memory),
        cmocka_unit_test(parses_digits_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
