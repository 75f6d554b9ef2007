#include "support/test.h"

#include <kartothek/query.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "codec/codec.h"
#include "query/golden.h"

/* A golden dataset whose only partition is replaced by a file of our own: its schema stays. */
struct made {
    ktk_context *context;
    ktk_store *store;
};

static void made_init(struct made *made, const char *path, const char *uuid, const char *key,
                      const void *data, size_t size) {
    char document[512];
    char document_key[128];
    ktk_error err;

    made->context = test_context_new(3);
    made->store = golden_copy(made->context, path, uuid);
    (void)snprintf(document, sizeof(document),
                   "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"%s\", \"partitions\": "
                   "{\"a\": {\"files\": {\"table\": \"%s\"}}}, \"partition_keys\": []}",
                   uuid, key);
    (void)snprintf(document_key, sizeof(document_key), "%s.by-dataset-metadata.json", uuid);
    CHECK_OK(
        ktk_store_put(made->store, document_key, document, strlen(document), NULL, NULL, &err));
    CHECK_OK(ktk_store_put(made->store, key, data, size, NULL, NULL, &err));
}

static void made_clear(struct made *made) {
    ktk_store_free(made->store);
    test_context_free(made->context);
}

/* What to read. */
struct request {
    const char *columns[8]; /* ends with NULL; none: all */
    const char *where;
    ktk_query_shape shape;
};

static ktk_status read_rows(struct golden_rows *rows, ktk_context *context, ktk_store *store,
                            const char *uuid, const struct request *request, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_dataset *dataset = NULL;
    ktk_predicate *where = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, uuid, err);

    *rows = (struct golden_rows){.batches = NULL};
    while (request->columns[options.column_count] != NULL) {
        options.column_count++;
    }
    options.columns = options.column_count > 0 ? request->columns : NULL;
    options.shape = request->shape;
    if (status == KTK_OK && request->where != NULL) {
        status = ktk_predicate_parse(&where, context, request->where, err);
    }
    options.where = where;
    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, &options, err);
    }
    if (status == KTK_OK) {
        status = golden_collect(rows, &stream, err);
    }
    ktk_predicate_free(where);
    ktk_dataset_free(dataset);
    return status;
}

/* Rows as "a=1 b=x|a=2 b=null". */
static void show(const struct golden_rows *rows, char *out, size_t size) {
    size_t at = 0;

    out[0] = '\0';
    for (int64_t row = 0; row < rows->row_count; row++) {
        for (int64_t column = 0; column < rows->schema.n_children; column++) {
            at += (size_t)snprintf(out + at, size - at, "%s%s=%s",
                                   column > 0 ? " "
                                   : row > 0  ? "|"
                                              : "",
                                   rows->schema.children[column]->name,
                                   golden_text(rows, column, row));
            assert_true(at < size);
        }
    }
}

#define PLAIN "stores/k53/serialisers"
#define TYPES "stores/k53/types"

static void check(const char *path, const char *uuid, const char *text,
                  const struct request *request, const char *wanted) {
    struct made made;
    struct golden_rows rows;
    char shown[4096];
    ktk_error err;

    made_init(&made, path, uuid, "x/table/a.csv", text, strlen(text));
    CHECK_OK(read_rows(&rows, made.context, made.store, uuid, request, &err));
    show(&rows, shown, sizeof(shown));
    assert_string_equal(shown, wanted);
    golden_rows_clear(&rows);
    made_clear(&made);
}

static void refuse_file(const char *path, const char *uuid, const char *key, const void *data,
                        size_t size, ktk_status wanted, const char *const *messages) {
    const struct request all = {.where = NULL};
    struct made made;
    struct golden_rows rows;
    ktk_error err;

    made_init(&made, path, uuid, key, data, size);
    CHECK_STATUS(read_rows(&rows, made.context, made.store, uuid, &all, &err), wanted);
    CHECK_MESSAGE(key);
    for (size_t i = 0; messages[i] != NULL; i++) {
        CHECK_MESSAGE(messages[i]);
    }
    golden_rows_clear(&rows);
    made_clear(&made);
}

#define MESSAGES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- values ---- */

static void gives_values_the_types_of_the_table(void **unused) {
    const struct request request = {
        .columns = {"dec_5_2", "dec_38_0", "time_us", "ts", "ts_berlin", "ts_utc", "bool"}};

    (void)unused;
    check(TYPES, "types_scalars",
          "bool;dec_5_2;dec_38_0;time_us;ts;ts_berlin;ts_utc\n"
          "True;1.5;-99999999999999999999999999999999999999;01:02:03.000004;2020-01-01;"
          "2020-01-01 01:00:00+01:00;1970-01-01 00:00:00.000001+00:00\n"
          ";;;;2020-01-01 00:00:00.000000001;;\n",
          &request,
          "dec_5_2=1.50 dec_38_0=-99999999999999999999999999999999999999 time_us=3723000004000 "
          "ts=1577836800000000000 ts_berlin=1577836800000000000 ts_utc=1000 bool=true"
          "|dec_5_2=null dec_38_0=null time_us=null ts=1577836800000000001 ts_berlin=null "
          "ts_utc=null bool=null");
}

static void reads_as_null_what_the_originals_write_for_it(void **unused) {
    const struct request numbers = {.columns = {"i", "f", "d"}};
    const struct request text = {.columns = {"s"}};
    const struct request nulls = {.columns = {"all_null"}};

    (void)unused;
    check(PLAIN, "csv_plain", "i;f;d\n;;\n1;inf;2020-02-29\n", &numbers,
          "i=null f=null d=null|i=1 f=inf d=2020-02-29");
    /* A single column without quotes would be an empty line. */
    check(PLAIN, "csv_plain", "s\nx\n\"\"\n\"a;\"\"b\"\n", &text, "s=x|s=null|s=a;\"b");
    /* Texts are never taken for nulls. */
    check(PLAIN, "csv_plain", "s\nNA\nnull\nnan\n", &text, "s=NA|s=null|s=nan");
    check(TYPES, "types_nulls", "all_null;text\n;x\n", &nulls, "all_null=null");
}

static void reads_rows_of_text_alone_as_text(void **unused) {
    struct golden_rows rows;
    struct made made;
    const struct request request = {.columns = {"s"}};
    const char text[] = "s;q\nnull;1\n007;2\n";
    ktk_error err;

    (void)unused;
    made_init(&made, PLAIN, "csv_plain", "x/table/a.csv", text, strlen(text));
    CHECK_OK(read_rows(&rows, made.context, made.store, "csv_plain", &request, &err));
    assert_int_equal(rows.row_count, 2);
    assert_int_equal(rows.batches[0].children[0]->null_count, 0);
    assert_string_equal(golden_text(&rows, 0, 1), "007");
    golden_rows_clear(&rows);
    made_clear(&made);
}

static void passes_over_columns_that_are_not_asked_for(void **unused) {
    const struct request request = {.columns = {"i"}};

    (void)unused;
    check(PLAIN, "csv_plain", "zz;f;i\n1;no number;5\n", &request, "i=5");
}

static void gives_what_is_stored_in_the_order_of_the_file(void **unused) {
    const struct request request = {.shape = KTK_SHAPE_PARTITION};

    (void)unused;
    check(PLAIN, "csv_plain", "i;more;f\n5;6;1\n", &request, "i=5 more=6 f=1");
}

static void filters_rows(void **unused) {
    static const char text[] = "i;f;s\n1;0.5;a\n2;;b\n3;-1;\n4;2;a\n";
    const struct request cases[] = {
        {.columns = {"i"}, .where = "i >= 2 and f != 2.0"},
        {.columns = {"s", "i"}, .where = "s == 'a'"},
        {.columns = {"i"}, .where = "f == null or s == null"},
        {.columns = {"i"}, .where = "i in (7, 8)"},
        {.columns = {"f"}, .where = "i in (4, 1)"},
    };
    static const char *const wanted[] = {
        "i=2|i=3", "s=a i=1|s=a i=4", "i=2|i=3", "", "f=0.5|f=2",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(PLAIN, "csv_plain", text, &cases[i], wanted[i]);
    }
}

static void filters_by_keys_and_columns(void **unused) {
    const struct request by_both = {.columns = {"P", "i"},
                                    .where = "P == 1 and i == 2 or P == 2 and i > 3"};
    const struct request by_key = {.columns = {"s"}, .where = "P == 2 or P == 5"};
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PLAIN);
    struct golden_rows rows;
    char shown[512];
    ktk_error err;

    (void)unused;
    CHECK_OK(read_rows(&rows, context, store, "csv_partitioned", &by_both, &err));
    show(&rows, shown, sizeof(shown));
    assert_string_equal(shown, "P=1 i=2");
    golden_rows_clear(&rows);
    CHECK_OK(read_rows(&rows, context, store, "csv_partitioned", &by_key, &err));
    show(&rows, shown, sizeof(shown));
    assert_string_equal(shown, "s=null");
    golden_rows_clear(&rows);
    ktk_store_free(store);
    test_context_free(context);
}

static void reads_files_without_rows(void **unused) {
    static const char *const texts[] = {"", "\n", "\r\n", "i;f;s;b;d;q\n"};
    const struct request request = {.where = NULL};

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check(PLAIN, "csv_plain", texts[i], &request, "");
    }
}

/* More rows than a batch has; sums worked out by hand. */
static void reads_many_rows(void **unused) {
    const int64_t count = 200000;
    const struct request all = {.columns = {"i"}};
    const struct request some = {.columns = {"i"}, .where = "i >= 199990"};
    struct made made;
    struct golden_rows rows;
    struct buffer text;
    int64_t sum = 0;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&text, "s;i\n", &err));
    for (int64_t i = 0; i < count; i++) {
        CHECK_OK(ktki_buffer_append_format(&text, &err, "x;%lld\n", (long long)i));
    }
    made_init(&made, PLAIN, "csv_plain", "x/table/a.csv", text.data, text.size);
    ktki_buffer_clear(&text);
    CHECK_OK(read_rows(&rows, made.context, made.store, "csv_plain", &all, &err));
    assert_int_equal(rows.row_count, count);
    assert_true(rows.batch_count > 1);
    for (size_t i = 0; i < rows.batch_count; i++) {
        const struct ArrowArray *column = rows.batches[i].children[0];

        for (int64_t row = 0; row < column->length; row++) {
            sum += ((const int64_t *)column->buffers[1])[column->offset + row];
        }
    }
    assert_int_equal(sum, count * (count - 1) / 2);
    golden_rows_clear(&rows);
    CHECK_OK(read_rows(&rows, made.context, made.store, "csv_plain", &some, &err));
    assert_int_equal(rows.row_count, 10);
    assert_string_equal(golden_text(&rows, 0, 9), "199999");
    golden_rows_clear(&rows);
    made_clear(&made);
}

/* ---- what cannot be read ---- */

static void refuses_values_that_do_not_fit(void **unused) {
    static const struct {
        const char *uuid;
        const char *text;
        ktk_status status;
        const char *message;
    } cases[] = {
        {"csv_plain", "i;f;s;b;d;q\n1;1;x;True;2020-01-01;y\n1.5;1;x;True;2020-01-01;y\n",
         KTK_E_CORRUPT, "line 3, column 'i': '1.5' is not int64"},
        {"csv_plain", "i;f;s;b;d;q\n1;x;x;True;2020-01-01;y\n", KTK_E_CORRUPT,
         "line 2, column 'f': 'x' is not double"},
        {"csv_plain", "i;f;s;b;d;q\n1;1;x;yes;2020-01-01;y\n", KTK_E_CORRUPT, "column 'b': 'yes'"},
        {"csv_plain", "i;f;s;b;d;q\n1;1;x;True;2020-13-01;y\n", KTK_E_CORRUPT,
         "column 'd': '2020-13-01'"},
        {"csv_plain", "i;f;s;b;d;q\n1;1;x;True;2020-01-01\n", KTK_E_CORRUPT,
         "line 2 has 5 fields and not 6"},
        {"csv_plain", "i;f;s;b;d;q\n1;1;\"x;True;2020-01-01;y\n", KTK_E_CORRUPT, "line 2"},
        {"csv_plain", "i;f;s;b;d;q\n1;1;\xff;True;2020-01-01;y\n", KTK_E_CORRUPT, "UTF-8"},
        {"csv_plain", "i;f;s;b;d;i\n", KTK_E_CORRUPT, "two columns have the name 'i'"},
        {"csv_plain", "i;f;s;b;q\n", KTK_E_SCHEMA, "lacks column 'd' of table 'table'"},
        {"types_scalars", "bytes\nb'x'\n", KTK_E_UNSUPPORTED,
         "column 'bytes' has a type that CSV cannot hold"},
        {"types_nulls", "all_null\n\"\"\nx\n", KTK_E_CORRUPT,
         "row 2, column 'all_null': 'x' is no null"},
        {"types_scalars", "ts\n2020-01-01\nsoon\n", KTK_E_CORRUPT,
         "row 2, column 'ts': 'soon' is no timestamp[ns]"},
        {"types_scalars", "dec_5_2\n1000\n", KTK_E_CORRUPT, "row 1, column 'dec_5_2': '1000'"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = strcmp(cases[i].uuid, "csv_plain") == 0 ? PLAIN : TYPES;

        refuse_file(path, cases[i].uuid, "x/table/a.csv", cases[i].text, strlen(cases[i].text),
                    cases[i].status, MESSAGES(cases[i].message));
    }
}

/* The last file is a thousandth of what it holds. */
static void refuses_damaged_and_overlarge_gzip_files(void **unused) {
    const ktk_limits limits = {.expansion_bytes_max = 1000};
    const ktk_context_options options = {.size = sizeof(options), .threads = 1, .limits = limits};
    const size_t size = (size_t)1 << 20;
    const struct request all = {.where = NULL};
    const struct codec *gzip = NULL;
    struct codec_scratch scratch;
    ktk_store *store;
    struct golden_rows rows;
    uint8_t *zeros = calloc(size, 1);
    uint8_t packed[4096];
    size_t packed_size = sizeof(packed);
    ktk_context *context = NULL;
    ktk_error err;

    (void)unused;
    refuse_file(PLAIN, "csv_plain", "x/table/a.csv.gz", "i;f\n", 4, KTK_E_CORRUPT,
                MESSAGES("GZIP data are damaged"));
    refuse_file(PLAIN, "csv_plain", "x/table/a.csv.gz", "", 0, KTK_E_CORRUPT,
                MESSAGES("GZIP data are damaged"));
    CHECK_OK(ktki_codec_find(&gzip, CODEC_GZIP, &err));
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(gzip->compress(&scratch, 9, zeros, size, packed, &packed_size, &err));
    ktki_codec_scratch_clear(&scratch);
    free(zeros);
    CHECK_OK(ktk_context_new(&context, &options, &err));
    store = golden_copy(context, PLAIN, "csv_gz");
    CHECK_OK(ktk_store_put(store, "csv_gz/table/87a456f3220e4026bddecf6022cd2668.csv.gz", packed,
                           packed_size, NULL, NULL, &err));
    CHECK_STATUS(read_rows(&rows, context, store, "csv_gz", &all, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("csv.gz");
    golden_rows_clear(&rows);
    ktk_store_free(store);
    ktk_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    const struct request request = {.columns = {"s", "P", "d"}, .where = "i >= 2"};
    bool done = false;
    int64_t n = 0;

    (void)unused;
    for (; !done; n += 1 + n / 64) {
        ktk_context *context = test_context_failing(n);
        struct golden_rows rows = {.batches = NULL};
        ktk_store *store = NULL;
        ktk_status status;
        char url[4096];
        ktk_error err;

        (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/" PLAIN "#wrap:readonly",
                       getenv("KTK_SOURCE_ROOT"));
        status = ktk_store_open(&store, context, url, &err);
        if (status == KTK_OK) {
            status = read_rows(&rows, context, store, "csv_partitioned", &request, &err);
        }
        done = status == KTK_OK;
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        assert_int_equal(rows.row_count == 2, done);
        golden_rows_clear(&rows);
        ktk_store_free(store);
        test_context_free(context);
    }
    assert_true(n > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_values_the_types_of_the_table),
        cmocka_unit_test(reads_as_null_what_the_originals_write_for_it),
        cmocka_unit_test(reads_rows_of_text_alone_as_text),
        cmocka_unit_test(passes_over_columns_that_are_not_asked_for),
        cmocka_unit_test(gives_what_is_stored_in_the_order_of_the_file),
        cmocka_unit_test(filters_rows),
        cmocka_unit_test(filters_by_keys_and_columns),
        cmocka_unit_test(reads_files_without_rows),
        cmocka_unit_test(reads_many_rows),
        cmocka_unit_test(refuses_values_that_do_not_fit),
        cmocka_unit_test(refuses_damaged_and_overlarge_gzip_files),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
