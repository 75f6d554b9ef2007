#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "made_file.h"
#include "opened.h"
#include "predicate/evaluate.h"

/* Pieces of a row group that are read in several threads: what is asked of the file for all of
 * them. That they hold the right rows is tested in test_row_scan.c. */

#define ROWS 20000
#define GROUP_ROWS 10000
#define PAGE_ROWS 500
#define THREADS 4

/* A file in memory that counts how often the Bloom filters are asked for. */
struct asked_file {
    struct buffer bytes;
    int64_t blooms[ROWS / GROUP_ROWS]; /* where they are */
    atomic_int asked[ROWS / GROUP_ROWS];
    atomic_int failures; /* to come */
};

static ktk_status asked_read(void *state, const struct byte_range *ranges, size_t count,
                             ktk_bytes *out, ktk_error *err) {
    struct asked_file *file = state;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < ROWS / GROUP_ROWS; j++) {
            if (ranges[i].offset != file->blooms[j]) {
                continue;
            }
            (void)atomic_fetch_add(&file->asked[j], 1);
            if (atomic_load(&file->failures) > 0) {
                (void)atomic_fetch_sub(&file->failures, 1);
                return ktk_error_set(err, KTK_E_IO, "the filter is not to be had");
            }
        }
        out[i] = (ktk_bytes){.data = file->bytes.data + ranges[i].offset,
                             .size = (size_t)ranges[i].size};
    }
    return KTK_OK;
}

static void nothing(void *state) {
    (void)state;
}

static const struct source_ops asked_ops = {.read = asked_read, .free = nothing};

/* x has the even numbers in order. */
static void make(struct asked_file *out, ktk_context *context, ktk_parquet_file **file) {
    const ktk_parquet_column_options with_bloom = {.path = "x", .bloom_filter = true};
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    static int64_t numbers[ROWS];
    const void *buffers[] = {NULL, numbers};
    struct source source = {&asked_ops, out, 0, "made", SOURCE_STORE};
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_error err;

    for (int i = 0; i < ROWS; i++) {
        numbers[i] = 2 * (int64_t)i;
    }
    options.page_bytes_max = PAGE_ROWS * sizeof(int64_t);
    options.row_group_rows_max = GROUP_ROWS;
    options.no_dictionary = true;
    options.columns = &with_bloom;
    options.column_count = 1;
    *out = (struct asked_file){0};
    ktki_buffer_init(&out->bytes, test_allocator(), 0);
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    schema->fields[0] = (struct field){.name = "x", .type = {.id = TYPE_INT64}, .nullable = true};
    CHECK_OK(ktki_batch_init(&batch, schema, ROWS, &err));
    batch.columns[0] = (struct ArrowArray){.length = ROWS, .n_buffers = 2, .buffers = buffers};
    CHECK_OK(made_write(&out->bytes, context, schema, &batch, 1, &options, &err));
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    source.size = (int64_t)out->bytes.size;
    CHECK_OK(ktki_parquet_open(file, context, &source, &err));
    for (int32_t i = 0; i < ROWS / GROUP_ROWS; i++) {
        out->blooms[i] = opened_row_group(*file, i)->columns[0].bloom.offset;
        assert_true(out->blooms[i] > 0);
    }
}

/* A query and the predicate that it is for. */
struct asked_query {
    struct parquet_query *query;
    struct bound_predicate *bound;
    atomic_int next; /* piece */
    atomic_llong rows;
    atomic_int failed;
};

static void ask(struct asked_query *out, ktk_context *context, ktk_parquet_file *file,
                const char *where) {
    static const int32_t columns[] = {0};
    struct parquet_query_input input = {
        .columns = columns, .column_count = 1, .piece_bytes_max = 10000, .file_columns = columns};
    ktk_predicate *predicate = NULL;
    ktk_error err;

    *out = (struct asked_query){0};
    CHECK_OK(ktk_predicate_parse(&predicate, context, where, &err));
    CHECK_OK(ktki_predicate_bind(&out->bound, context, predicate, opened_schema(file), &err));
    input.where = out->bound;
    CHECK_OK(ktki_parquet_query_new(&out->query, file, &input, &err));
    assert_int_equal(ktki_parquet_query_piece_count(out->query), ROWS / GROUP_ROWS * 9);
    ktk_predicate_free(predicate);
}

static void asked_query_clear(struct asked_query *query) {
    ktki_parquet_query_free(query->query);
    ktki_bound_free(query->bound);
}

static void *read_pieces(void *state) {
    struct asked_query *query = state;
    int32_t piece;

    while ((piece = atomic_fetch_add(&query->next, 1)) <
           ktki_parquet_query_piece_count(query->query)) {
        struct batch batch = {0};

        if (ktki_parquet_query_read(&batch, query->query, piece, NULL) == KTK_OK) {
            (void)atomic_fetch_add(&query->rows, batch.row_count);
        } else {
            (void)atomic_fetch_add(&query->failed, 1);
        }
        ktki_batch_clear(&batch);
    }
    return NULL;
}

static void filters_are_fetched_once_for_all_pieces(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    struct asked_file asked;

    (void)unused;
    make(&asked, context, &file);
    for (int x = 1; x < 2 * ROWS; x += 997) {
        int32_t group = x / 2 / GROUP_ROWS;
        struct asked_query query;
        pthread_t threads[THREADS];
        char where[32];

        (void)snprintf(where, sizeof(where), "x == %d", x);
        atomic_store(&asked.asked[0], 0);
        atomic_store(&asked.asked[1], 0);
        ask(&query, context, file, where);
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, read_pieces, &query), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(query.failed, 0);
        assert_int_equal(query.rows, x % 2 == 0);
        assert_int_equal(asked.asked[group], 1);
        assert_int_equal(asked.asked[1 - group], 0); /* its statistics say enough */
        asked_query_clear(&query);
    }
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&asked.bytes);
    test_context_free(context);
}

/* Whoever is told of the failure is not the last one to try. */
static void a_failure_is_that_of_one_piece(void **unused) {
    ktk_context *context = test_context_new(0);
    ktk_parquet_file *file = NULL;
    struct asked_query query;
    struct asked_file asked;

    (void)unused;
    make(&asked, context, &file);
    ask(&query, context, file, "x == 9994");
    atomic_store(&asked.failures, 2);
    (void)read_pieces(&query);
    assert_int_equal(query.failed, 2);
    assert_int_equal(query.rows, 1); /* in a piece behind the first two */
    assert_int_equal(asked.asked[0], 3);
    asked_query_clear(&query);
    ktk_parquet_file_free(file);
    ktki_buffer_clear(&asked.bytes);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_fetched_once_for_all_pieces),
        cmocka_unit_test(a_failure_is_that_of_one_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
