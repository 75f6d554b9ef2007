#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kartothek/query.h>

#include "arrow/random_arrays.h"
#include "base/buffer.h"
#include "parquet/made_file.h"
#include "query/golden.h"
#include "support/counting_store.h"

/* Queries of a dataset whose files have page indices, small pages and types that differ from file
 * to file, beside all of its rows looked at one by one. */

#define FILE_COUNT 3
#define FILE_ROWS 1500
#define ROW_COUNT (FILE_COUNT * FILE_ROWS)
#define GROUP_ROWS 600
#define NAME_SIZE 4

/* ---- files ---- */

/* The columns of a file, before they are written. */
struct made_columns {
    int64_t ids[FILE_ROWS];
    int64_t numbers[FILE_ROWS];
    int16_t short_numbers[FILE_ROWS];
    uint8_t number_bits[FILE_ROWS / 8 + 1];
    double reals[FILE_ROWS];
    int32_t name_offsets[FILE_ROWS + 1];
    int64_t large_name_offsets[FILE_ROWS + 1];
    char names[FILE_ROWS * NAME_SIZE + 1];
    uint8_t name_bits[FILE_ROWS / 8 + 1];
};

static void set_bit(uint8_t *bits, int row, bool value) {
    bits[row / 8] = (uint8_t)((bits[row / 8] & ~(1 << row % 8)) | value << row % 8);
}

/* Numbers ascend, so that pages have bounds of their own; names come in runs, some reals are NaN.
 */
static void make_columns(struct made_columns *columns, int file, uint32_t *random) {
    for (int row = 0; row < FILE_ROWS; row++) {
        columns->ids[row] = (int64_t)file * FILE_ROWS + row;
        columns->numbers[row] = file * 700 + row + random_below(random, 5);
        columns->short_numbers[row] = (int16_t)columns->numbers[row];
        set_bit(columns->number_bits, row, random_below(random, 10) != 0);
        columns->reals[row] = random_below(random, 12) == 0 ? NAN : (double)(row / 50) / 4;
        columns->name_offsets[row + 1] = (row + 1) * NAME_SIZE;
        columns->large_name_offsets[row + 1] = (row + 1) * NAME_SIZE;
        (void)snprintf(columns->names + row * NAME_SIZE, NAME_SIZE + 1, "n%03d",
                       row / 40 + (int)random_below(random, 2));
        set_bit(columns->name_bits, row, random_below(random, 15) != 0);
    }
}

/* How a file has the columns `x` and `name`: as the table, narrower and wider, nothing but nulls.
 */
static const struct file_form {
    enum type_id number;
    enum type_id name;
    bool no_dictionary;
} forms[FILE_COUNT] = {
    {TYPE_INT64, TYPE_STRING, true},
    {TYPE_INT16, TYPE_LARGE_STRING, false},
    {TYPE_NULL, TYPE_STRING, false},
};

static struct ArrowArray array_of(const void **buffers, int64_t count, int64_t length,
                                  bool is_null) {
    return (struct ArrowArray){.length = length,
                               .null_count = is_null ? length : -1,
                               .n_buffers = count,
                               .buffers = buffers};
}

static void put(ktk_store *store, const char *key, const struct buffer *bytes) {
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, bytes->data, bytes->size, NULL, NULL, &err));
}

static struct schema *schema_of(ktk_context *context, const struct file_form *form, bool has_key) {
    const struct field fields[] = {{.name = "k", .type = {.id = TYPE_INT64}, .nullable = true},
                                   {.name = "rid", .type = {.id = TYPE_INT64}, .nullable = true},
                                   {.name = "x", .type = {.id = form->number}, .nullable = true},
                                   {.name = "f", .type = {.id = TYPE_FLOAT64}, .nullable = true},
                                   {.name = "name", .type = {.id = form->name}, .nullable = true}};
    struct schema *schema = NULL;
    int32_t skipped = has_key ? 0 : 1;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, 5 - skipped, &err));
    for (int32_t i = skipped; i < 5; i++) {
        schema->fields[i - skipped] = fields[i];
    }
    return schema;
}

static void put_file(ktk_store *store, int file, const struct made_columns *columns) {
    const struct file_form *form = &forms[file];
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(store);
    struct schema *schema = schema_of(context, form, false);
    bool is_large = form->name == TYPE_LARGE_STRING;
    const void *ids[] = {NULL, columns->ids};
    const void *numbers[] = {columns->number_bits, form->number == TYPE_INT16
                                                       ? (const void *)columns->short_numbers
                                                       : columns->numbers};
    const void *reals[] = {NULL, columns->reals};
    const void *names[] = {columns->name_bits,
                           is_large ? (const void *)columns->large_name_offsets
                                    : columns->name_offsets,
                           columns->names};
    struct batch batch = {0};
    struct buffer bytes;
    char key[64];
    ktk_error err;

    options.page_bytes_max = 700;
    options.row_group_rows_max = GROUP_ROWS;
    options.no_dictionary = form->no_dictionary;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktki_batch_init(&batch, schema, FILE_ROWS, &err));
    batch.columns[0] = array_of(ids, 2, FILE_ROWS, false);
    batch.columns[1] =
        array_of(numbers, form->number == TYPE_NULL ? 0 : 2, FILE_ROWS, form->number == TYPE_NULL);
    batch.columns[2] = array_of(reals, 2, FILE_ROWS, false);
    batch.columns[3] = array_of(names, 3, FILE_ROWS, false);
    CHECK_OK(made_write(&bytes, context, schema, &batch, 1, &options, &err));
    (void)snprintf(key, sizeof(key), "d/table/k=%d/file.parquet", file);
    put(store, key, &bytes);
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
}

/* The schema of the table and the document. */
static void put_dataset(ktk_store *store, struct schema *schema, const char *document) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct buffer bytes;
    ktk_error err;

    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(made_write(&bytes, ktk_store_context(store), schema, NULL, 0, &options, &err));
    put(store, "d/table/_common_metadata", &bytes);
    ktki_buffer_clear(&bytes);
    CHECK_OK(ktk_store_put(store, "d.by-dataset-metadata.json", document, strlen(document), NULL,
                           NULL, &err));
}

static ktk_store *make_store(ktk_context *context, uint32_t *random) {
    static struct made_columns columns;
    struct schema *schema = schema_of(context, &forms[0], true);
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktk_store_open(&store, context, test_store_url(), &err));
    for (int file = 0; file < FILE_COUNT; file++) {
        make_columns(&columns, file, random);
        put_file(store, file, &columns);
    }
    put_dataset(store, schema,
                "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"d\", \"metadata\": {}, "
                "\"partition_keys\": [\"k\"], \"partitions\": {"
                "\"k=0/file\": {\"files\": {\"table\": \"d/table/k=0/file.parquet\"}}, "
                "\"k=1/file\": {\"files\": {\"table\": \"d/table/k=1/file.parquet\"}}, "
                "\"k=2/file\": {\"files\": {\"table\": \"d/table/k=2/file.parquet\"}}}}");
    ktki_schema_free(schema);
    return store;
}

/* ---- the slow way ---- */

enum column { COLUMN_K, COLUMN_RID, COLUMN_X, COLUMN_F, COLUMN_NAME, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = {"k", "rid", "x", "f", "name"};

/* All rows as text; "null" is null, and so is NaN. */
static char cells[ROW_COUNT][COLUMN_COUNT][32];

static bool is_null(const char *text) {
    return strcmp(text, "null") == 0 || strcmp(text, "nan") == 0 || strcmp(text, "-nan") == 0;
}

static int compare(enum column column, const char *a, const char *b) {
    double x = strtod(a, NULL);
    double y = strtod(b, NULL);

    return column == COLUMN_NAME ? strcmp(a, b) : (x > y) - (x < y);
}

#define LITERALS_MAX 4
#define VALUES_MAX 3

struct question {
    size_t conjunction_count;
    size_t counts[LITERALS_MAX];
    ktk_literal literals[LITERALS_MAX];
    enum column columns[LITERALS_MAX];
    ktk_value values[LITERALS_MAX][VALUES_MAX];
    char texts[LITERALS_MAX][VALUES_MAX][32];
};

static bool is_equal(enum column column, const char *cell, const char *text) {
    return is_null(cell) || is_null(text) ? is_null(cell) && is_null(text)
                                          : compare(column, cell, text) == 0;
}

static bool holds(const struct question *question, size_t literal, int row) {
    enum column column = question->columns[literal];
    const char *cell = cells[row][column];
    const char *text = question->texts[literal][0];
    bool is_ordered = !is_null(cell) && !is_null(text);
    bool is_listed = false;

    for (size_t i = 0; i < question->literals[literal].value_count; i++) {
        is_listed = is_listed || is_equal(column, cell, question->texts[literal][i]);
    }
    switch (question->literals[literal].op) {
    case KTK_OP_EQ:
    case KTK_OP_IN:
        return is_listed;
    case KTK_OP_NE:
    case KTK_OP_NOT_IN:
        return !is_listed;
    case KTK_OP_LT:
        return is_ordered && compare(column, cell, text) < 0;
    case KTK_OP_LE:
        return is_ordered && compare(column, cell, text) <= 0;
    case KTK_OP_GT:
        return is_ordered && compare(column, cell, text) > 0;
    default:
        return is_ordered && compare(column, cell, text) >= 0;
    }
}

static bool matches(const struct question *question, int row) {
    size_t literal = 0;
    bool any = false;

    for (size_t i = 0; i < question->conjunction_count; i++) {
        bool all = true;

        for (size_t j = 0; j < question->counts[i]; j++) {
            all = holds(question, literal++, row) && all;
        }
        any = any || all;
    }
    return any;
}

/* ---- random questions ---- */

static void ask_literal(struct question *question, size_t at, uint32_t *random) {
    static const ktk_operator operators[] = {KTK_OP_EQ, KTK_OP_NE, KTK_OP_LT, KTK_OP_LE,
                                             KTK_OP_GT, KTK_OP_GE, KTK_OP_IN, KTK_OP_NOT_IN};
    enum column column = (enum column)random_below(random, COLUMN_COUNT);
    ktk_operator op = operators[random_below(random, 8)];
    bool is_list = op == KTK_OP_IN || op == KTK_OP_NOT_IN;
    size_t count = is_list ? (size_t)random_below(random, VALUES_MAX + 1) : 1;

    for (size_t i = 0; i < count; i++) {
        const char *cell = cells[random_below(random, ROW_COUNT)][column];
        char *text = question->texts[at][i];

        if (is_null(cell) && op >= KTK_OP_LT && op <= KTK_OP_GE) {
            cell = column == COLUMN_NAME ? "n010" : "7"; /* an order of null cannot be asked for */
        }
        (void)snprintf(text, sizeof(question->texts[at][i]), "%s", cell);
        question->values[at][i] =
            (ktk_value){.kind = is_null(text) ? KTK_VALUE_NULL : KTK_VALUE_UNTYPED,
                        .bytes = text,
                        .bytes_size = strlen(text)};
    }
    question->columns[at] = column;
    question->literals[at] = (ktk_literal){column_names[column], op, question->values[at], count};
}

static void ask(struct question *question, uint32_t *random) {
    size_t count = 1 + (size_t)random_below(random, LITERALS_MAX);

    memset(question, 0, sizeof(*question));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || random_below(random, 3) == 0) {
            question->conjunction_count++;
        }
        question->counts[question->conjunction_count - 1]++;
        ask_literal(question, i, random);
    }
}

/* ---- queries ---- */

static void query(struct golden_rows *out, ktk_store *store, const ktk_query_options *options) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, "d", &err));
    CHECK_OK(ktk_query_stream(&stream, dataset, options, &err));
    ktk_dataset_free(dataset);
    CHECK_OK(golden_collect(out, &stream, &err));
}

static void load_cells(ktk_store *store) {
    struct golden_rows all;

    query(&all, store, NULL);
    assert_int_equal(all.row_count, ROW_COUNT);
    for (int row = 0; row < ROW_COUNT; row++) {
        for (int i = 0; i < COLUMN_COUNT; i++) {
            (void)snprintf(cells[row][i], sizeof(cells[row][i]), "%s",
                           golden_text(&all, golden_column(&all, column_names[i]), row));
        }
    }
    golden_rows_clear(&all);
}

/* Some columns of the matching rows, which need not be those that are asked about. Returns how many
 * rows there are. */
static int64_t check_question(ktk_store *store, const struct question *question, uint32_t *random) {
    const char *columns[COLUMN_COUNT];
    enum column chosen[COLUMN_COUNT];
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    struct golden_rows rows;
    int64_t found = 0;
    ktk_error err;

    CHECK_OK(ktk_predicate_new(&where, ktk_store_context(store), question->literals,
                               question->counts, question->conjunction_count, &err));
    options.where = where;
    options.columns = columns;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (random_below(random, 2) == 0) {
            chosen[options.column_count] = (enum column)i;
            columns[options.column_count++] = column_names[i];
        }
    }
    query(&rows, store, &options);
    for (int row = 0; row < ROW_COUNT; row++) {
        if (!matches(question, row)) {
            continue;
        }
        assert_true(found < rows.row_count);
        for (size_t i = 0; i < options.column_count; i++) {
            assert_string_equal(golden_text(&rows, (int64_t)i, found), cells[row][chosen[i]]);
        }
        found++;
    }
    assert_int_equal(rows.row_count, found);
    golden_rows_clear(&rows);
    ktk_predicate_free(where);
    return found;
}

static void a_query_is_reading_all_and_choosing(void **unused) {
    int questions = test_rounds(150, 50);
    uint32_t random = 23;
    int some = 0;

    (void)unused;
    for (int threads = 0; threads < 3; threads++) {
        ktk_context *context = test_context_new(threads);
        ktk_store *store = make_store(context, &random);

        load_cells(store);
        for (int i = 0; i < questions; i++) {
            struct question question;
            int64_t found;

            ask(&question, &random);
            found = check_question(store, &question, &random);
            some += found > 0 && found < ROW_COUNT;
        }
        ktk_store_free(store);
        test_context_free(context);
    }
    assert_true(some > questions);
}

/* ---- what is asked of a store ---- */

#define LARGE_ROWS 200000
#define LARGE_COLUMNS 4
#define LARGE_COLUMN_SIZE ((int64_t)LARGE_ROWS * 8)

/* A file of one row group, whose columns are too large to be fetched together: all count. */
static ktk_store *make_large_store(ktk_context *context) {
    static const char *const names[LARGE_COLUMNS] = {"a", "b", "c", "d"};
    static int64_t numbers[LARGE_ROWS];
    const void *buffers[] = {NULL, numbers};
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_store *store = NULL;
    struct buffer bytes;
    ktk_error err;

    for (int i = 0; i < LARGE_ROWS; i++) {
        numbers[i] = i;
    }
    options.page_bytes_max = 8000;
    options.no_dictionary = true;
    options.compression = KTK_COMPRESSION_NONE;
    ktki_buffer_init(&bytes, test_allocator(), 0);
    CHECK_OK(ktk_store_open(&store, context, test_store_url(), &err));
    CHECK_OK(ktki_schema_new(&schema, context, LARGE_COLUMNS, &err));
    for (int i = 0; i < LARGE_COLUMNS; i++) {
        schema->fields[i] =
            (struct field){.name = names[i], .type = {.id = TYPE_INT64}, .nullable = true};
    }
    CHECK_OK(ktki_batch_init(&batch, schema, LARGE_ROWS, &err));
    for (int i = 0; i < LARGE_COLUMNS; i++) {
        batch.columns[i] = array_of(buffers, 2, LARGE_ROWS, false);
    }
    CHECK_OK(made_write(&bytes, context, schema, &batch, 1, &options, &err));
    put(store, "d/table/file.parquet", &bytes);
    put_dataset(store, schema,
                "{\"dataset_metadata_version\": 4, \"dataset_uuid\": \"d\", \"metadata\": {}, "
                "\"partition_keys\": [], \"partitions\": {"
                "\"file\": {\"files\": {\"table\": \"d/table/file.parquet\"}}}}");
    ktki_buffer_clear(&bytes);
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    return store;
}

/* Reads all columns of the matching rows; returns how many ranges that took. */
static int64_t count_ranges(struct counting_store *counting, ktk_store *store, const char *text,
                            int64_t first_row, int64_t row_count) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    struct golden_rows rows;
    ktk_error err;

    memset(counting, 0, sizeof(*counting));
    CHECK_OK(ktk_predicate_parse(&where, ktk_store_context(store), text, &err));
    options.where = where;
    query(&rows, store, &options);
    assert_int_equal(rows.row_count, row_count);
    for (int64_t row = 0; row < row_count; row += row_count < 1000 ? 1 : 997) {
        for (int64_t column = 0; column < LARGE_COLUMNS; column++) {
            assert_int_equal(strtoll(golden_text(&rows, column, row), NULL, 10), first_row + row);
        }
    }
    golden_rows_clear(&rows);
    ktk_predicate_free(where);
    return atomic_load(&counting->calls[STORE_CALL_GET_RANGE]);
}

static void a_store_is_asked_for_what_is_needed(void **unused) {
    struct counting_store counting = {0};
    ktk_context *context = test_context_new(2);
    ktk_store *base = make_large_store(context);
    ktk_store *store = counting_store_new(&counting, base);

    (void)unused;
    /* The footer, with which the page index comes, a page of `a`, then one of each other column. */
    assert_in_range(count_ranges(&counting, store, "a >= 70000 and a < 70100", 70000, 100), 3, 5);
    assert_true(atomic_load(&counting.bytes_read) < LARGE_COLUMN_SIZE / 5);
    /* Statistics or pages rule everything out: the footer alone. */
    assert_int_equal(count_ranges(&counting, store, "a > 200000", 0, 0), 1);
    assert_int_equal(count_ranges(&counting, store, "a < 10 and a > 190000", 0, 0), 1);
    /* The index says too little: `a` and `b`, but not the others. */
    assert_in_range(count_ranges(&counting, store, "a != 1 and b < 0 or a == 1 and b == 2", 0, 0),
                    1, 3);
    assert_true(atomic_load(&counting.bytes_read) < 2 * LARGE_COLUMN_SIZE);
    /* All rows: what the predicate asks for, then the rest. */
    assert_int_equal(count_ranges(&counting, store, "a >= 0", 0, LARGE_ROWS), 3);
    ktk_store_free(store);
    ktk_store_free(base);
    test_context_free(context);
}

/* ---- failures ---- */

static const char *const keys[] = {"d.by-dataset-metadata.json", "d/table/_common_metadata",
                                   "d/table/k=0/file.parquet", "d/table/k=1/file.parquet",
                                   "d/table/k=2/file.parquet"};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* The dataset of those values in a store of the context. */
static ktk_status copy_store(ktk_store **out, ktk_context *context, const ktk_bytes *values,
                             ktk_error *err) {
    ktk_status status = ktk_store_open(out, context, "hmemory://", err);

    for (size_t i = 0; status == KTK_OK && i < KEY_COUNT; i++) {
        status = ktk_store_put(*out, keys[i], values[i].data, values[i].size, NULL, NULL, err);
    }
    return status;
}

static ktk_status query_copy(ktk_context *context, const ktk_bytes *values, int64_t *row_count,
                             ktk_error *err) {
    static const char *const columns[] = {"rid", "name"};
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct golden_rows rows = {.batches = NULL};
    ktk_dataset *dataset = NULL;
    ktk_predicate *where = NULL;
    ktk_store *store = NULL;
    ktk_status status = copy_store(&store, context, values, err);

    if (status == KTK_OK) {
        status = ktk_predicate_parse(
            &where, context, "x > 100 and x < 1000 and name != n020 or k == 2 and f == 3", err);
    }
    options.columns = columns;
    options.column_count = 2;
    options.where = where;
    if (status == KTK_OK) {
        status = ktk_dataset_open(&dataset, store, "d", err);
    }
    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, &options, err);
    }
    ktk_dataset_free(dataset);
    if (status == KTK_OK) {
        status = golden_collect(&rows, &stream, err);
    }
    *row_count = rows.row_count;
    golden_rows_clear(&rows);
    ktk_predicate_free(where);
    ktk_store_free(store);
    return status;
}

/* A value that outlives its store. */
static void copy_value(ktk_bytes *out, ktk_store *store, const char *key) {
    ktk_bytes value = KTK_BYTES_INIT;
    void *data;
    ktk_error err;

    CHECK_OK(ktk_store_get(store, key, &value, NULL, &err));
    data = malloc(value.size);
    assert_non_null(data);
    memcpy(data, value.data, value.size);
    *out = (ktk_bytes){.data = data, .size = value.size};
    ktk_bytes_clear(&value);
}

static void every_allocation_may_fail(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_bytes values[KEY_COUNT];
    uint32_t random = 3;
    ktk_store *store = make_store(context, &random);
    int64_t wanted = 0;
    int64_t row_count;
    bool is_done = false;
    int64_t n = 0;
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        copy_value(&values[i], store, keys[i]);
    }
    CHECK_OK(query_copy(context, values, &wanted, &err));
    assert_true(wanted > 100);
    ktk_store_free(store);
    test_context_free(context);
    /* Steps grow: each early allocation is failed, of the many later ones some. */
    for (; !is_done; n += 1 + n / 200) {
        ktk_context *failing = test_context_failing(n);
        ktk_status status = query_copy(failing, values, &row_count, &err);

        is_done = status == KTK_OK;
        assert_true(is_done || status == KTK_E_NO_MEMORY);
        assert_true(!is_done || row_count == wanted);
        test_context_free(failing);
    }
    assert_true(n > 200);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        free((void *)(uintptr_t)values[i].data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_reading_all_and_choosing),
        cmocka_unit_test(a_store_is_asked_for_what_is_needed),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
