#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "../arrow/random_arrays.h"
#include "arrow/format_value.h"
#include "arrow/stream.h"
#include "made_file.h"
#include "opened.h"
#include "parquet/file_handle.h"
#include "predicate/evaluate.h"

/* Rows that are read by predicate, range and piece, against all rows and a look at each of them. */

#define BATCHES_MAX 4000

struct rows {
    size_t count;
    struct batch batches[BATCHES_MAX];
    int64_t row_count;
};

static void collect(struct rows *rows, ktk_context *context, ktk_parquet_file *file,
                    const ktk_parquet_read_options *options) {
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader;
    struct batch batch = {0};
    ktk_error err;

    rows->count = 0;
    rows->row_count = 0;
    CHECK_OK(ktk_parquet_read(&stream, file, options, &err));
    CHECK_OK(ktki_reader_init(&reader, context, &stream, &err));
    for (;;) {
        batch = (struct batch){0};
        CHECK_OK(ktki_reader_next(&reader, &batch, &err));
        if (batch.schema == NULL) {
            break;
        }
        assert_true(batch.row_count > 0);
        assert_true(rows->count < BATCHES_MAX);
        rows->row_count += batch.row_count;
        rows->batches[rows->count++] = batch;
    }
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
}

static void rows_clear(struct rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        ktki_batch_clear(&rows->batches[i]);
    }
    rows->count = 0;
}

/* ---- random questions ---- */

#define LITERALS_MAX 4

struct question {
    ktk_literal literals[LITERALS_MAX];
    ktk_value values[LITERALS_MAX];
    struct buffer texts[LITERALS_MAX];
    size_t counts[LITERALS_MAX];
    size_t group_count;
    ktk_predicate *predicate;
    struct bound_predicate *bound;
};

/* The value of a random row, as text. */
static void random_value(struct question *question, size_t at, const struct rows *rows,
                         int32_t column, uint32_t *random) {
    const struct batch *batch = &rows->batches[random_below(random, (int64_t)rows->count)];
    bool is_null = false;
    ktk_error err;

    ktki_buffer_init(&question->texts[at], test_allocator(), 0);
    CHECK_OK(ktki_format_value(&batch->schema->fields[column], &batch->columns[column],
                               random_below(random, batch->row_count), &question->texts[at],
                               &is_null, &err));
    question->values[at] = (ktk_value){.kind = is_null ? KTK_VALUE_NULL : KTK_VALUE_UNTYPED,
                                       .bytes = (const char *)question->texts[at].data,
                                       .bytes_size = question->texts[at].size};
}

static void question_clear(struct question *question) {
    for (size_t i = 0; i < LITERALS_MAX; i++) {
        if (question->texts[i].allocator != NULL) {
            ktki_buffer_clear(&question->texts[i]);
        }
    }
    ktk_predicate_free(question->predicate);
    ktki_bound_free(question->bound);
    *question = (struct question){0};
}

/* False if it is none that can be asked: an order of null, or a column that cannot be compared. */
static bool ask(struct question *question, ktk_context *context, ktk_parquet_file *file,
                const struct rows *rows, uint32_t *random) {
    struct schema *schema = opened_schema(file);
    size_t count = 1 + (size_t)random_below(random, LITERALS_MAX);
    bool is_good;
    ktk_error err;

    *question = (struct question){0};
    for (size_t i = 0; i < count; i++) {
        int32_t column = (int32_t)random_below(random, schema->field_count);

        /* Nested columns cannot be asked for; there may be no other. */
        for (int k = 0; k < 8 && ktki_type_is_nested(schema->fields[column].type.id); k++) {
            column = (int32_t)random_below(random, schema->field_count);
        }
        random_value(question, i, rows, column, random);
        question->literals[i] = (ktk_literal){schema->fields[column].name,
                                              (ktk_operator)random_below(random, KTK_OP_NOT_IN + 1),
                                              &question->values[i], 1};
        if (i == 0 || random_below(random, 2) == 0) {
            question->counts[question->group_count++] = 0;
        }
        question->counts[question->group_count - 1]++;
    }
    is_good =
        ktk_predicate_new(&question->predicate, context, question->literals, question->counts,
                          question->group_count, &err) == KTK_OK &&
        ktki_predicate_bind(&question->bound, context, question->predicate, schema, &err) == KTK_OK;
    if (!is_good) {
        question_clear(question);
    }
    return is_good;
}

/* ---- the slow way ---- */

/* Looks at all rows in order; `at` is moved to the next row that matches. */
struct walker {
    const struct rows *rows;
    const struct question *question; /* NULL: all rows */
    size_t batch;
    int64_t row;    /* in the batch */
    int64_t number; /* in the file */
    int64_t start;  /* rows wanted */
    int64_t end;
    uint8_t mask[4096];
    size_t mask_of; /* batch whose mask it is, plus one */
};

static bool matches(struct walker *walker) {
    const struct batch *batch = &walker->rows->batches[walker->batch];
    const struct ArrowArray *columns[64];
    const struct field *fields[64];
    ktk_error err;

    if (walker->number < walker->start || walker->number >= walker->end) {
        return false;
    }
    if (walker->question == NULL) {
        return true;
    }
    if (walker->mask_of != walker->batch + 1) {
        assert_true(batch->schema->field_count <= 64);
        assert_true((size_t)batch->row_count <= 8 * sizeof(walker->mask));
        for (int32_t i = 0; i < batch->schema->field_count; i++) {
            columns[i] = &batch->columns[i];
            fields[i] = &batch->schema->fields[i];
        }
        CHECK_OK(ktki_bound_evaluate(walker->question->bound, fields, columns, batch->row_count,
                                     walker->mask, &err));
        walker->mask_of = walker->batch + 1;
    }
    return ktki_bit_get(walker->mask, walker->row);
}

/* False at the end. */
static bool next(struct walker *walker, const struct batch **batch, int64_t *row) {
    while (walker->batch < walker->rows->count) {
        const struct batch *it = &walker->rows->batches[walker->batch];
        bool is_match;

        if (walker->row == it->row_count) {
            walker->batch++;
            walker->row = 0;
            continue;
        }
        is_match = matches(walker);
        *batch = it;
        *row = walker->row++;
        walker->number++;
        if (is_match) {
            return true;
        }
    }
    return false;
}

/* `columns`: those that were read; NULL: all. */
static void check_same(struct walker *walker, const struct rows *got, const int32_t *columns,
                       int64_t rows_max) {
    const struct batch *wanted = NULL;
    int64_t row = 0;

    for (size_t i = 0; i < got->count; i++) {
        const struct batch *batch = &got->batches[i];

        assert_true(batch->row_count <= rows_max);
        for (int64_t j = 0; j < batch->row_count; j++) {
            assert_true(next(walker, &wanted, &row));
            for (int32_t k = 0; k < batch->schema->field_count; k++) {
                int32_t column = columns == NULL ? k : columns[k];

                assert_same_value(&wanted->schema->fields[column], &wanted->columns[column], row,
                                  &batch->columns[k], j);
            }
        }
    }
    assert_false(next(walker, &wanted, &row));
}

/* ---- sources of every kind ---- */

static ktk_status slices(void *state, const struct byte_range *ranges, size_t count, ktk_bytes *out,
                         ktk_error *err) {
    const struct buffer *bytes = state;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].offset >= 0 && ranges[i].size >= 0);
        assert_true(ranges[i].offset + ranges[i].size <= (int64_t)bytes->size);
        out[i] =
            (ktk_bytes){.data = bytes->data + ranges[i].offset, .size = (size_t)ranges[i].size};
    }
    return KTK_OK;
}

static void nothing(void *state) {
    (void)state;
}

static const struct source_ops slice_ops = {.read = slices, .free = nothing};

static void open_as(ktk_parquet_file **out, ktk_context *context, struct buffer *bytes,
                    enum source_kind kind) {
    struct source source = {&slice_ops, bytes, (int64_t)bytes->size, "made", kind};
    ktk_error err;

    CHECK_OK(ktki_parquet_open(out, context, &source, &err));
}

static ktk_parquet_read_options random_options(struct walker *walker, int64_t row_count,
                                               uint32_t *random) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;

    walker->end = INT64_MAX;
    options.keep_dictionaries = random_below(random, 2) == 0;
    if (random_below(random, 3) == 0) {
        walker->start = options.row_start = random_below(random, row_count + 2);
        options.row_count = 1 + random_below(random, row_count + 1);
        walker->end = walker->start + options.row_count;
    }
    if (random_below(random, 3) == 0) {
        options.batch_rows_max = 1 + random_below(random, 50);
    }
    if (random_below(random, 3) == 0) {
        options.memory_bytes_max = 1 + random_below(random, 100000);
    }
    return options;
}

/* Read some columns piece by piece; returns how many pieces there are more than row groups. */
static int32_t check_pieces(const struct rows *all, const struct question *question,
                            ktk_context *context, struct buffer *bytes, bool keep_dictionaries,
                            uint32_t *random) {
    static struct rows got;
    int32_t columns[64];
    int32_t numbers[64]; /* of the fields that the question was bound to */
    struct walker walker = {.rows = all, .question = question, .end = INT64_MAX};
    struct parquet_query_input input = {.columns = columns,
                                        .keep_dictionaries = keep_dictionaries,
                                        .piece_bytes_max = 1 + random_below(random, 3000),
                                        .where = question == NULL ? NULL : question->bound,
                                        .file_columns = numbers};
    int32_t share = 1 + (int32_t)random_below(random, 8);
    struct parquet_query *query = NULL;
    ktk_parquet_file *file = NULL;
    int32_t count;
    ktk_error err;

    open_as(&file, context, bytes, SOURCE_STORE);
    for (int32_t i = 0; i < opened_schema(file)->field_count; i++) {
        bool is_nested = ktki_type_is_nested(opened_schema(file)->fields[i].type.id);

        numbers[i] = i;
        if (share == 1 || (!is_nested && random_below(random, share) == 0)) {
            columns[input.column_count++] = i;
        }
    }
    CHECK_OK(ktki_parquet_query_new(&query, file, &input, &err));
    count = ktki_parquet_query_piece_count(query);
    assert_true(count <= BATCHES_MAX);
    for (got.count = 0; got.count < (size_t)count; got.count++) {
        CHECK_OK(ktki_parquet_query_read(&got.batches[got.count], query, (int32_t)got.count, &err));
    }
    check_same(&walker, &got, columns, INT64_MAX);
    rows_clear(&got);
    count -= ktki_parquet_metadata(file)->row_group_count;
    ktki_parquet_query_free(query);
    ktk_parquet_file_free(file);
    return count;
}

/* Returns how many pieces more than row groups there were. */
static int64_t check_file(ktk_context *context, struct buffer *bytes, uint32_t *random,
                          int64_t *asked) {
    int64_t cut = 0;
    static struct rows all;
    static struct rows got;
    ktk_parquet_file *file = NULL;

    open_as(&file, context, bytes, (enum source_kind)random_below(random, SOURCE_MEMORY + 1));
    for (int i = 0; i < 8; i++) {
        struct walker walker = {.rows = &all};
        ktk_parquet_read_options plain = KTK_PARQUET_READ_OPTIONS_INIT;
        ktk_parquet_read_options options =
            random_options(&walker, ktki_parquet_metadata(file)->row_count, random);
        struct question question = {0};
        bool has_question;

        plain.keep_dictionaries = options.keep_dictionaries;
        collect(&all, context, file, &plain);
        has_question = all.row_count > 0 && ask(&question, context, file, &all, random);
        if (has_question) {
            options.where = question.predicate;
            walker.question = &question;
            (*asked)++;
        }
        collect(&got, context, file, &options);
        check_same(&walker, &got, NULL,
                   options.batch_rows_max > 0 ? options.batch_rows_max : INT64_MAX);
        rows_clear(&got);
        cut += check_pieces(&all, has_question ? &question : NULL, context, bytes,
                            options.keep_dictionaries, random);
        rows_clear(&all);
        question_clear(&question);
    }
    ktk_parquet_file_free(file);
    return cut;
}

static void reading_rows_is_reading_all_and_choosing(void **unused) {
    uint32_t random = 11;
    int64_t asked = 0;
    int64_t cut = 0;

    (void)unused;
    for (int round = 0; round < 20; round++) {
        ktk_context *context = test_context_new(round % 3);
        ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
        struct buffer bytes;
        struct made made;
        ktk_error err;

        options.page_bytes_max = 1 + random_below(&random, round % 3 == 0 ? 20000 : 600);
        options.row_group_rows_max = 1 + random_below(&random, 300);
        options.no_dictionary = random_below(&random, 4) == 0;
        options.compression =
            random_below(&random, 2) == 0 ? KTK_COMPRESSION_NONE : KTK_COMPRESSION_SNAPPY;
        ktki_buffer_init(&bytes, test_allocator(), 0);
        made_init(&made, context, &random, 200);
        CHECK_OK(
            made_write(&bytes, context, made.schema, made.batches, made.count, &options, &err));
        cut += check_file(context, &bytes, &random, &asked);
        made_clear(&made);
        ktki_buffer_clear(&bytes);
        test_context_free(context);
    }
    assert_true(asked > 60);
    assert_true(cut > 200);
}

/* ---- files of other writers ---- */

#define FOLDER_RULED "tests/data/golden/parquet/arrow-compat-plateau"
#define FOLDER_TESTING "../shared/golden/parquet-testing/data"

/* What cannot be read at all, or is too large for the slow way, is none of this test's business. */
static bool is_for_us(ktk_context *context, struct buffer *bytes) {
    struct ArrowArrayStream stream = {0};
    struct ArrowArray array = {0};
    ktk_parquet_file *file = NULL;
    struct source source = {&slice_ops, bytes, (int64_t)bytes->size, "golden", SOURCE_MEMORY};
    bool is_good = ktki_parquet_open(&file, context, &source, NULL) == KTK_OK &&
                   ktki_parquet_metadata(file)->row_count <= 20000 &&
                   opened_schema(file)->field_count <= 64 &&
                   ktk_parquet_read(&stream, file, NULL, NULL) == KTK_OK;

    while (is_good && stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        array.release(&array);
    }
    is_good = is_good && stream.get_last_error(&stream) == NULL;
    ktki_stream_clear(&stream);
    ktk_parquet_file_free(file);
    return is_good;
}

static void check_folder(const char *folder, int *file_count, uint32_t *random) {
    const char *root = getenv("KTK_SOURCE_ROOT") != NULL ? getenv("KTK_SOURCE_ROOT") : ".";
    char full[4096];
    struct dirent *entry;
    DIR *entries;

    (void)snprintf(full, sizeof(full), "%s/%s", root, folder);
    entries = opendir(full);
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        ktk_context *context = test_context_new(0);
        int64_t asked = 0;
        char path[512];
        struct buffer bytes;
        size_t size = 0;
        ktk_error err;

        if (strstr(entry->d_name, ".parquet") != NULL) {
            uint8_t *data;

            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            data = test_read_source_file(path, &size);
            ktki_buffer_init(&bytes, test_allocator(), 0);
            CHECK_OK(ktki_buffer_append(&bytes, data, size, &err));
            test_data_free(data);
            if (is_for_us(context, &bytes)) {
                (void)check_file(context, &bytes, random, &asked);
                *file_count += asked > 0;
            }
            ktki_buffer_clear(&bytes);
        }
        test_context_free(context);
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
}

static void files_of_other_writers(void **unused) {
    uint32_t random = 5;
    int file_count = 0;
    int before;

    (void)unused;
    check_folder(FOLDER_RULED, &file_count, &random);
    assert_true(file_count > 10);
    before = file_count;
    check_folder(FOLDER_TESTING, &file_count, &random);
    if (file_count == before) {
        print_message("skipped: %s is absent\n", FOLDER_TESTING);
    }
}

/* ---- what is passed over ---- */

#define SORTED_ROWS 4000
#define SORTED_GROUP 2000
#define SORTED_PAGE 100

/* x counts in steps; name is "n0000" for the first hundred rows and so on. Pages of a hundred rows.
 */
static void make_steps(struct buffer *out, ktk_context *context, int64_t step,
                       const ktk_parquet_column_options *column) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    static int64_t numbers[SORTED_ROWS];
    static int32_t offsets[SORTED_ROWS + 1];
    static char text[5 * SORTED_ROWS + 1];
    const void *number_buffers[] = {NULL, numbers};
    const void *text_buffers[] = {NULL, offsets, text};
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_error err;

    for (int i = 0; i < SORTED_ROWS; i++) {
        numbers[i] = i * step;
        offsets[i + 1] = 5 * (i + 1);
        (void)snprintf(text + 5 * i, 6, "n%04d", i / 100);
    }
    options.page_bytes_max = SORTED_PAGE * sizeof(int64_t);
    options.row_group_rows_max = SORTED_GROUP;
    options.no_dictionary = true;
    options.columns = column;
    options.column_count = column == NULL ? 0 : 1;
    CHECK_OK(ktki_schema_new(&schema, context, 2, &err));
    schema->fields[0] = (struct field){.name = "x", .type = {.id = TYPE_INT64}, .nullable = true};
    schema->fields[1] =
        (struct field){.name = "name", .type = {.id = TYPE_STRING}, .nullable = true};
    CHECK_OK(ktki_batch_init(&batch, schema, SORTED_ROWS, &err));
    batch.columns[0] =
        (struct ArrowArray){.length = SORTED_ROWS, .n_buffers = 2, .buffers = number_buffers};
    batch.columns[1] =
        (struct ArrowArray){.length = SORTED_ROWS, .n_buffers = 3, .buffers = text_buffers};
    CHECK_OK(made_write(out, context, schema, &batch, 1, &options, &err));
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
}

static void make_sorted(struct buffer *out, ktk_context *context) {
    make_steps(out, context, 1, NULL);
}

static int64_t decoded_pages(ktk_context *context, ktk_parquet_file *file, const char *where,
                             int64_t row_start, int64_t row_count, int64_t wanted_rows) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_predicate *predicate = NULL;
    static struct rows rows;
    int64_t before = file->decoded_pages;
    ktk_error err;

    if (where != NULL) {
        CHECK_OK(ktk_predicate_parse(&predicate, context, where, &err));
    }
    options.where = predicate;
    options.row_start = row_start;
    options.row_count = row_count;
    collect(&rows, context, file, &options);
    assert_int_equal(rows.row_count, wanted_rows);
    rows_clear(&rows);
    ktk_predicate_free(predicate);
    return file->decoded_pages - before;
}

static void pages_without_a_wanted_row_are_passed_over(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    struct buffer bytes;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    make_sorted(&bytes, context);
    open_as(&file, context, &bytes, SOURCE_MEMORY);
    /* A range of rows: pages of x have 100 rows, those of name 88 (9 bytes a value). */
    assert_int_equal(decoded_pages(context, file, NULL, 150, 100, 100), 2 + 2);
    /* What the page index says: pages of both columns for 100 rows at a time. */
    assert_int_equal(decoded_pages(context, file, "x >= 1200 and x < 1300", 0, 0, 100), 1 + 2);
    assert_int_equal(decoded_pages(context, file, "x == 1250", 0, 0, 1), 1 + 1);
    assert_int_equal(decoded_pages(context, file, "x == 1250 or x == 3250", 0, 0, 2), 2 + 2);
    assert_int_equal(decoded_pages(context, file, "name == n0012", 0, 0, 100), 2 + 1);
    assert_int_equal(decoded_pages(context, file, "name < n0001", 0, 0, 100), 2 + 1);
    assert_int_equal(decoded_pages(context, file, "name == n0012 and x > 2000", 0, 0, 0), 0);
    assert_int_equal(decoded_pages(context, file, "x == 100", 500, 500, 0), 0);
    /* No row group can match. */
    assert_int_equal(decoded_pages(context, file, "x > 5000", 0, 0, 0), 0);
    assert_int_equal(decoded_pages(context, file, "x < 100 and x > 3000", 0, 0, 0), 0);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

/* Pieces begin where pages of x do: 100 rows, those of name have 88. */
static void pieces_have_pages_of_their_own(void **unused) {
    static const int32_t columns[] = {0, 1};
    ktk_context *context = test_context_new(0);
    struct buffer bytes;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    make_sorted(&bytes, context);
    for (int32_t column_count = 1; column_count <= 2; column_count++) {
        const struct parquet_query_input input = {
            .columns = columns, .column_count = column_count, .piece_bytes_max = 6000};
        struct parquet_query *query = NULL;
        ktk_parquet_file *file = NULL;
        struct batch batch = {0};
        int64_t pages = column_count == 1 ? 2 * 20 : 2 * (20 + 23);
        int32_t count;
        ktk_error err;

        open_as(&file, context, &bytes, SOURCE_STORE);
        CHECK_OK(ktki_parquet_query_new(&query, file, &input, &err));
        count = ktki_parquet_query_piece_count(query);
        assert_int_equal(count, column_count == 1 ? 2 * 3 : 2 * 7);
        for (int32_t i = 0; i < count; i++) {
            CHECK_OK(ktki_parquet_query_read(&batch, query, i, &err));
            ktki_batch_clear(&batch);
        }
        pages += column_count == 1 ? 0 : count - 2; /* a page of name at each place in between */
        assert_int_equal(file->decoded_pages, pages);
        ktki_parquet_query_free(query);
        ktk_parquet_file_free(file);
    }
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

/* Odd numbers between the even ones of the file: bounds of row groups and of pages leave a page of
 * each to be looked at, and only a filter can tell that no row group has them. */
static void bloom_filters_rule_row_groups_out(void **unused) {
    const ktk_parquet_column_options with_bloom = {.path = "x", .bloom_filter = true};
    ktk_context *context = test_context_new(0);

    (void)unused;
    for (int has_bloom = 0; has_bloom < 2; has_bloom++) {
        ktk_parquet_file *file = NULL;
        struct buffer bytes;
        int64_t pages = 0;
        int asked = 0;
        char where[64];

        ktki_buffer_init(&bytes, test_allocator(), 0);
        make_steps(&bytes, context, 2, has_bloom ? &with_bloom : NULL);
        open_as(&file, context, &bytes, SOURCE_MEMORY);
        for (int64_t x = 0; x < 2 * (int64_t)SORTED_ROWS; x += 40, asked++) {
            (void)snprintf(where, sizeof(where), "x == %lld", (long long)x + 1);
            pages += decoded_pages(context, file, where, 0, 0, 0);
            /* What is there is found, whatever else is asked for: a page of each column. */
            (void)snprintf(where, sizeof(where), "x in (%lld, 99999)", (long long)x);
            assert_int_equal(decoded_pages(context, file, where, 0, 0, 1), 1 + 1);
        }
        assert_int_equal(asked, 200);
        if (has_bloom) {
            assert_true(pages <= 10); /* 2 are to be expected: one in a hundred passes */
        } else {
            assert_int_equal(pages, asked);
        }
        ktk_parquet_file_free(file);
        ktki_buffer_clear(&bytes);
    }
    test_context_free(context);
}

/* Whether anything is read of a row group whose rows are asked for. */
static bool is_looked_at(ktk_context *context, ktk_parquet_file *file, int32_t row_group,
                         const char *where) {
    static const int32_t columns[] = {0, 1};
    struct parquet_query_input input = {
        .columns = columns, .column_count = 2, .file_columns = columns};
    int64_t before = file->decoded_pages;
    struct bound_predicate *bound = NULL;
    struct parquet_query *query = NULL;
    ktk_predicate *predicate = NULL;
    struct batch batch = {0};
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&predicate, context, where, &err));
    CHECK_OK(ktki_predicate_bind(&bound, context, predicate, opened_schema(file), &err));
    input.where = bound;
    CHECK_OK(ktki_parquet_query_new(&query, file, &input, &err));
    CHECK_OK(ktki_parquet_query_read(&batch, query, row_group, &err));
    ktki_batch_clear(&batch);
    ktki_parquet_query_free(query);
    ktki_bound_free(bound);
    ktk_predicate_free(predicate);
    return file->decoded_pages > before;
}

static void statistics_rule_row_groups_out(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    struct buffer bytes;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    make_sorted(&bytes, context);
    open_as(&file, context, &bytes, SOURCE_MEMORY);
    assert_true(is_looked_at(context, file, 0, "x > 1998"));
    assert_false(is_looked_at(context, file, 0, "x > 1999"));
    assert_true(is_looked_at(context, file, 1, "x > 1999"));
    assert_false(is_looked_at(context, file, 1, "x > 2500 and name < n0020"));
    assert_true(is_looked_at(context, file, 1, "x < 100 or name == n0030"));
    assert_false(is_looked_at(context, file, 1, "x == null"));
    assert_true(is_looked_at(context, file, 1, "x != null"));
    assert_false(is_looked_at(context, file, 1, "x in (1, 2, null)"));
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

/* ---- an index that lies ---- */

/* Any byte of the places of pages may be wrong: the rows are the same, or there is an error. */
static void wrong_places_are_found_out(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    const struct column_chunk *chunk;
    struct index_place place;
    struct buffer bytes;
    int refused = 0;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    make_sorted(&bytes, context);
    open_as(&file, context, &bytes, SOURCE_MEMORY);
    chunk = &opened_row_group(file, 0)->columns[0];
    place = chunk->offset_index;
    assert_true(place.offset > 0 && place.size > 0);
    ktk_parquet_file_free(file);
    for (int32_t i = 0; i < place.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
            uint8_t *at = bytes.data + place.offset + i;
            struct ArrowArrayStream stream = {0};
            struct ArrowArray array = {0};
            int64_t row = 150;
            ktk_error err;

            *at = (uint8_t)(*at ^ 1u << bit);
            open_as(&file, context, &bytes, SOURCE_MEMORY);
            options.row_start = row;
            options.row_count = 300;
            CHECK_OK(ktk_parquet_read(&stream, file, &options, &err));
            while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
                const int64_t *values = array.children[0]->buffers[1];

                for (int64_t j = 0; j < array.length; j++) {
                    assert_int_equal(values[j], row++);
                }
                array.release(&array);
            }
            refused += row != 450;
            assert_true(row == 450 || stream.get_last_error(&stream) != NULL);
            ktki_stream_clear(&stream);
            ktk_parquet_file_free(file);
            *at = (uint8_t)(*at ^ 1u << bit);
        }
    }
    assert_true(refused > 100);
    ktki_buffer_clear(&bytes);
    test_context_free(context);
}

/* ---- memory that runs out ---- */

static ktk_status read_matching(ktk_context *context, const struct buffer *bytes, ktk_error *err) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    struct stream_reader reader = {0};
    ktk_predicate *predicate = NULL;
    ktk_parquet_file *file = NULL;
    struct source source = {&slice_ops, (void *)(uintptr_t)bytes, (int64_t)bytes->size, "made",
                            SOURCE_STORE};
    struct batch batch = {0};
    ktk_status status = ktki_parquet_open(&file, context, &source, err);

    if (status == KTK_OK) {
        status = ktk_predicate_parse(&predicate, context, "x > 1900 and name != n0020", err);
        options.where = predicate;
        options.batch_rows_max = 700;
    }
    if (status == KTK_OK) {
        status = ktk_parquet_read(&stream, file, &options, err);
    }
    if (status == KTK_OK) {
        status = ktki_reader_init(&reader, context, &stream, err);
    }
    while (status == KTK_OK) {
        ktki_batch_clear(&batch);
        status = ktki_reader_next(&reader, &batch, err);
        if (batch.schema == NULL) {
            break;
        }
    }
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    ktk_predicate_free(predicate);
    ktk_parquet_file_free(file);
    return status;
}

static void every_allocation_may_fail(void **unused) {
    ktk_context *context = test_context_new(0);
    struct buffer bytes;
    bool is_done = false;

    (void)unused;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    make_sorted(&bytes, context);
    test_context_free(context);
    for (int64_t n = 0; !is_done; n++) {
        ktk_error err = {0};
        ktk_status status;

        context = test_context_failing(n);
        status = read_matching(context, &bytes, &err);
        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        test_context_free(context);
    }
    ktki_buffer_clear(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_rows_is_reading_all_and_choosing),
        cmocka_unit_test(files_of_other_writers),
        cmocka_unit_test(statistics_rule_row_groups_out),
        cmocka_unit_test(wrong_places_are_found_out),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(pages_without_a_wanted_row_are_passed_over),
        cmocka_unit_test(pieces_have_pages_of_their_own),
        cmocka_unit_test(bloom_filters_rule_row_groups_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
