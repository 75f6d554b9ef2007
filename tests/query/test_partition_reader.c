#include "support/test.h"
#include "support/waiting_store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/arrow.h>
#include <kartothek/query.h>

#include "arrow/random_arrays.h"
#include "query/golden.h"
#include "query/many_files.h"
#include "support/failing_store.h"

/* Partition by partition: what comes is what a query of each one by itself gives, in the same
 * order, whatever the threads. */

static ktk_partition_reader *begin(ktk_store *store, const char *uuid,
                                   const ktk_query_options *options) {
    ktk_partition_reader *reader = NULL;
    ktk_dataset *dataset = NULL;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
    CHECK_OK(ktk_partition_reader_new(&reader, dataset, options, &err));
    ktk_dataset_free(dataset); /* the reader outlives the handle */
    return reader;
}

/* Must give the rows of one file, those with `mark` or all (-1), or fail; the stream is released.
 */
static ktk_status read_file(struct ArrowArrayStream *stream, const struct made_dataset *made,
                            int file, int64_t mark, ktk_error *err) {
    bool is_end = false;
    int64_t next = 0;
    int64_t end;
    ktk_status status = KTK_OK;

    for (int i = 0; i < file; i++) {
        next += made->rows[i];
    }
    end = next + made->rows[file];
    while (status == KTK_OK && !is_end) {
        struct ArrowArray batch = {.release = NULL};

        status = ktk_stream_next(stream, &batch, err);
        is_end = batch.release == NULL;
        if (!is_end) {
            check_batch(&batch, mark, &next);
            batch.release(&batch);
        }
    }
    while (mark >= 0 && next < end && mark_of(next) != mark) {
        next++;
    }
    assert_true(next == end || status != KTK_OK);
    stream->release(stream);
    return status;
}

static void check_file(struct ArrowArrayStream *stream, const struct made_dataset *made, int file,
                       int64_t mark) {
    ktk_error err;

    CHECK_OK(read_file(stream, made, file, mark, &err));
}

/* Streams are looked at when the reader and the handle of the store are gone. */
static void check_rows(ktk_store *store, const struct made_dataset *made,
                       ktk_query_options *options, int64_t mark) {
    struct ArrowArrayStream streams[FILES_MAX] = {{.release = NULL}};
    ktk_partition_reader *reader = begin(store, "d", options);
    struct ArrowArrayStream end = {.release = NULL};
    int64_t partition = -1;
    ktk_error err;

    for (int file = 0; file < made->file_count; file++) {
        CHECK_OK(ktk_partition_reader_next(reader, &partition, &streams[file], &err));
        assert_int_equal(partition, file);
        assert_non_null(streams[file].release);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ktk_partition_reader_next(reader, &partition, &end, &err));
        assert_null(end.release);
        assert_int_equal(partition, made->file_count - 1);
    }
    ktk_partition_reader_free(reader);
    ktk_store_free(store);
    for (int file = 0; file < made->file_count; file++) {
        check_file(&streams[file], made, file, mark);
    }
}

static void gives_the_rows_of_each_file_whatever_the_threads(void **unused) {
    static const int32_t threads[] = {1, 2, 8};
    static const int32_t at_once[] = {0, 1, 3, 20};
    uint32_t random = (uint32_t)test_seed();
    uint64_t rounds = test_scaled(8);

    (void)unused;
    for (uint64_t round = 0; round < rounds * 6; round++) {
        ktk_context *context = test_context_new(threads[round % 3]);
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        ktk_predicate *where = NULL;
        struct made_dataset made;
        ktk_error err;

        draw(&made, &random);
        options.files_at_once = at_once[random_below(&random, 4)];
        options.ahead_bytes_max = random_below(&random, 2) * (1 + random_below(&random, 50000));
        options.shape = random_below(&random, 2) == 0 ? KTK_SHAPE_TABLE : KTK_SHAPE_PARTITION;
        if (round % 2 == 1) { /* of short files no row has the mark */
            CHECK_OK(ktk_predicate_parse(&where, context, "mark == 3", &err));
            options.where = where;
        }
        check_rows(store_of(context, &made), &made, &options, round % 2 == 1 ? 3 : -1);
        ktk_predicate_free(where);
        test_context_free(context);
    }
}

/* ---- as each partition by itself ---- */

/* Bytes of the metadata of the C Data Interface: a count, then keys and values with their sizes. */
static size_t metadata_size(const char *metadata) {
    size_t size = metadata == NULL ? 0 : sizeof(int32_t);
    int32_t count = 0;

    if (metadata != NULL) {
        memcpy(&count, metadata, sizeof(count));
    }
    for (int32_t i = 0; i < 2 * count; i++) {
        int32_t length;

        memcpy(&length, metadata + size, sizeof(length));
        size += sizeof(length) + (size_t)length;
    }
    return size;
}

static void check_alike(const struct golden_rows *rows, const struct golden_rows *wanted) {
    size_t size = metadata_size(wanted->schema.metadata);

    assert_int_equal(metadata_size(rows->schema.metadata), size);
    assert_memory_equal(rows->schema.metadata, wanted->schema.metadata, size);
    assert_int_equal(rows->schema.n_children, wanted->schema.n_children);
    assert_int_equal(rows->row_count, wanted->row_count);
    for (int64_t i = 0; i < rows->schema.n_children; i++) {
        assert_string_equal(rows->schema.children[i]->name, wanted->schema.children[i]->name);
        assert_string_equal(rows->schema.children[i]->format, wanted->schema.children[i]->format);
        for (int64_t row = 0; row < rows->row_count; row++) {
            char text[4096];

            (void)snprintf(text, sizeof(text), "%s", golden_text(wanted, i, row));
            assert_string_equal(golden_text(rows, i, row), text);
        }
    }
}

/* Partitions of a dataset have columns and types of their own. */
static void check_shapes(ktk_store *store, const char *uuid, const char *text) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_predicate *where = NULL;
    ktk_dataset *dataset = NULL;
    ktk_partition_reader *reader;
    int64_t *matching;
    size_t matching_count;
    size_t count = 0;
    ktk_error err;

    if (text != NULL) {
        CHECK_OK(ktk_predicate_parse(&where, ktk_store_context(store), text, &err));
    }
    options.shape = KTK_SHAPE_PARTITION;
    options.where = where;
    options.position_column = "of";
    CHECK_OK(ktk_dataset_open(&dataset, store, uuid, &err));
    CHECK_OK(ktk_query_partitions(&matching, &matching_count, dataset, &options, &err));
    assert_true(matching_count > 1);
    reader = begin(store, uuid, &options);
    for (;;) {
        struct ArrowArrayStream stream = {.release = NULL};
        struct ArrowArrayStream alone = {.release = NULL};
        struct golden_rows rows;
        struct golden_rows wanted;
        int64_t partition = -1;

        CHECK_OK(ktk_partition_reader_next(reader, &partition, &stream, &err));
        if (stream.release == NULL) {
            break;
        }
        assert_true(count < matching_count);
        assert_int_equal(partition, matching[count]);
        options.partitions = &partition;
        options.partition_count = 1;
        CHECK_OK(ktk_query_stream(&alone, dataset, &options, &err));
        CHECK_OK(golden_collect(&wanted, &alone, &err));
        CHECK_OK(golden_collect(&rows, &stream, &err));
        check_alike(&rows, &wanted);
        golden_rows_clear(&wanted);
        golden_rows_clear(&rows);
        count++;
    }
    assert_int_equal(count, matching_count);
    ktk_query_partitions_free(dataset, matching, matching_count);
    ktk_partition_reader_free(reader);
    ktk_dataset_free(dataset);
    ktk_predicate_free(where);
}

static void gives_each_partition_as_a_query_of_it_alone(void **unused) {
    ktk_context *context = test_context_new(3);
    ktk_store *types = golden_store(context, "stores/k53/types");
    ktk_store *partitions = golden_store(context, "stores/k53/partitions");

    (void)unused;
    check_shapes(types, "types_null_then_typed", NULL);
    check_shapes(partitions, "part_multi", NULL);
    check_shapes(partitions, "part_multi", "country == 'DE'"); /* the paths rule out the others */
    ktk_store_free(partitions);
    ktk_store_free(types);
    test_context_free(context);
}

static void refuses_what_a_query_refuses(void **unused) {
    const struct made_dataset made = regular(2, 1);
    const char *const columns[] = {"nothing"};
    ktk_context *context = test_context_new(1);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_store *store = store_of(context, &made);
    ktk_partition_reader *reader = NULL;
    ktk_dataset *dataset = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_open(&dataset, store, "d", &err));
    CHECK_STATUS(ktk_partition_reader_new(NULL, dataset, NULL, &err), KTK_E_INVALID);
    CHECK_STATUS(ktk_partition_reader_new(&reader, NULL, NULL, &err), KTK_E_INVALID);
    options.ahead_bytes_max = -2;
    CHECK_STATUS(ktk_partition_reader_new(&reader, dataset, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("must not be negative: 0, -2");
    options.columns = columns;
    options.column_count = 1;
    CHECK_STATUS(ktk_partition_reader_new(&reader, dataset, &options, &err), KTK_E_NOT_FOUND);
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- what is asked of the store ---- */

static void take(ktk_partition_reader *reader, const struct made_dataset *made, int file) {
    struct ArrowArrayStream stream = {.release = NULL};
    int64_t partition = -1;
    ktk_error err;

    CHECK_OK(ktk_partition_reader_next(reader, &partition, &stream, &err));
    assert_int_equal(partition, file);
    check_file(&stream, made, file, -1);
}

/* The first partition is read by the taker alone; a reader that is freed asks for nothing more. */
static void stops_when_it_is_left(void **unused) {
    const struct made_dataset made = regular(FILES_MAX, 10);
    ktk_context *context = test_context_new(4);
    struct waiting_store waiting;
    ktk_store *store = waiting_store_new(&waiting, &waiting_far_ops, store_of(context, &made));

    (void)unused;
    for (int files = 0; files < 12; files++) {
        ktk_partition_reader *reader = begin(store, "d", NULL);
        const struct timespec pause = {0, 5000000};
        int64_t calls;

        for (int file = 0; file < files; file++) {
            take(reader, &made, file);
        }
        if (files <= 1) {
            assert_false(waiting.has_others);
        }
        ktk_partition_reader_free(reader);
        pthread_mutex_lock(&waiting.lock);
        assert_int_equal(waiting.inside, 0);
        calls = waiting.calls;
        pthread_mutex_unlock(&waiting.lock);
        (void)nanosleep(&pause, NULL);
        pthread_mutex_lock(&waiting.lock);
        assert_int_equal(waiting.calls, calls);
        pthread_mutex_unlock(&waiting.lock);
    }
    ktk_store_free(store);
    test_context_free(context);
}

/* Calls of seven files wait for each other, once the window is open: by then it has room for 28,
 * and nothing in front of them stands still. */
static void reads_several_partitions_at_once(void **unused) {
    const struct made_dataset made = regular(FILES_MAX, 10);
    ktk_context *context = test_context_new(2);
    struct waiting_store waiting;
    ktk_store *store = waiting_store_new(&waiting, &waiting_far_ops, store_of(context, &made));
    ktk_partition_reader *reader = begin(store, "d", NULL);

    (void)unused;
    waiting.wanted = 7;
    waiting.first = 20;
    for (int file = 0; file < FILES_MAX; file++) {
        take(reader, &made, file);
    }
    ktk_partition_reader_free(reader);
    assert_false(waiting.is_left_alone);
    assert_int_equal(waiting.most, 7);
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- failures ---- */

static void check_it_stays_so(ktk_partition_reader *reader, ktk_status status,
                              const char *message) {
    struct ArrowArrayStream stream = {.release = NULL};
    int64_t partition = -1;
    ktk_error err;

    assert_int_equal(ktk_partition_reader_next(reader, &partition, &stream, &err), status);
    assert_string_equal(err.message, message);
    assert_null(stream.release);
}

/* Takes all there is; the number of partitions in front of a failure, or all. */
static int take_all(ktk_store *store, const struct made_dataset *made,
                    const ktk_query_options *options, ktk_status *status, ktk_error *err) {
    ktk_partition_reader *reader = NULL;
    ktk_dataset *dataset = NULL;
    int count = 0;
    bool is_end = false;

    *status = ktk_dataset_open(&dataset, store, "d", err);
    if (*status == KTK_OK) {
        *status = ktk_partition_reader_new(&reader, dataset, options, err);
    }
    ktk_dataset_free(dataset);
    while (*status == KTK_OK && !is_end) {
        struct ArrowArrayStream stream = {.release = NULL};
        int64_t partition = -1;

        *status = ktk_partition_reader_next(reader, &partition, &stream, err);
        is_end = stream.release == NULL;
        if (!is_end) {
            assert_int_equal(partition, count);
            *status = read_file(&stream, made, count, -1, err);
            count += *status == KTK_OK ? 1 : 0;
        } else if (*status != KTK_OK) {
            check_it_stays_so(reader, *status, err->message);
        }
    }
    ktk_partition_reader_free(reader);
    return count;
}

static void tells_a_failure_where_its_partition_would_stand(void **unused) {
    static const int32_t threads[] = {1, 2, 8};
    uint32_t random = (uint32_t)test_seed();

    (void)unused;
    for (int round = 0; round < 30; round++) {
        ktk_context *context = test_context_new(threads[round % 3]);
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        struct made_dataset made;
        ktk_store *store;
        ktk_status status;
        char key[64];
        int bad;
        ktk_error err;

        draw(&made, &random);
        store = store_of(context, &made);
        bad = (int)random_below(&random, made.file_count);
        for (int file = made.file_count - 1; file >= bad; file--) {
            if (file == bad || random_below(&random, 2) == 0) {
                (void)snprintf(key, sizeof(key), "d/table/f%02d.parquet", file);
                CHECK_OK(ktk_store_put(store, key, "PAR1 nothing PAR1", 17, NULL, NULL, &err));
            }
        }
        options.files_at_once = (int32_t)random_below(&random, 12);
        assert_int_equal(take_all(store, &made, &options, &status, &err), bad);
        assert_int_equal(status, KTK_E_CORRUPT);
        CHECK_MESSAGE(key);
        ktk_store_free(store);
        test_context_free(context);
    }
}

/* The taker is told to stop at any of the times that it is asked, also within a partition: none
 * comes without some of its rows. */
static bool keep_going(void *state) {
    return atomic_fetch_sub((atomic_int *)state, 1) > 0;
}

static void stays_cancelled(void **unused) {
    struct made_dataset made = regular(6, 200);

    (void)unused;
    for (int file = 0; file < made.file_count; file++) {
        made.row_group_rows[file] = 20;
    }
    for (int round = 0; round < 80; round++) {
        ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
        atomic_int asks_left;
        ktk_context *context = NULL;
        ktk_store *store;
        ktk_status status;
        int count;
        ktk_error err;

        context_options.allocator = test_allocator();
        context_options.threads = 1 + round % 3;
        context_options.keep_going = keep_going;
        context_options.keep_going_state = &asks_left;
        atomic_init(&asks_left, INT32_MAX);
        CHECK_OK(ktk_context_new(&context, &context_options, &err));
        store = store_of(context, &made);
        atomic_store(&asks_left, round * 2);
        count = take_all(store, &made, NULL, &status, &err);
        assert_true(status == KTK_E_CANCELLED || (status == KTK_OK && count == made.file_count));
        assert_true(round > 2 || status == KTK_E_CANCELLED);
        ktk_store_free(store);
        ktk_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

static void survives_failing_calls_of_the_store(void **unused) {
    const struct made_dataset made = regular(12, 30);
    ktk_context *context = test_context_new(3);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_store *base = store_of(context, &made);
    bool done = false;

    (void)unused;
    options.files_at_once = 5;
    for (int64_t n = 0; !done; n++) {
        for (int once = 0; once < 2; once++) {
            struct failing_store failing = {.fail_at = n, .fails_once = once == 1};
            ktk_store *store = failing_store_new(&failing, base);
            ktk_status status;
            ktk_error err;
            int count = take_all(store, &made, &options, &status, &err);

            done = status == KTK_OK;
            assert_int_equal(status, done ? KTK_OK : KTK_E_IO);
            assert_int_equal(count == made.file_count, done);
            ktk_store_free(store);
        }
    }
    ktk_store_free(base);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    struct made_dataset made = regular(4, 60);
    ktk_context *plain = test_context_new(1);
    char *folder = test_folder_in_memory();
    bool done = false;
    int64_t n = 0;
    char url[4096];
    ktk_error err;

    (void)unused;
    made.row_group_rows[1] = 5; /* the list of batches grows */
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    ktk_store_free(store_at(plain, &made, url));
    test_context_free(plain);
    for (; !done; n += 1 + n / 64) {
        for (int once = 0; once < 2; once++) {
            ktk_context *context =
                once == 1 ? test_context_failing_once(n) : test_context_failing(n);
            ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
            ktk_store *store = NULL;
            ktk_status status = ktk_store_open(&store, context, url, &err);
            int count = 0;

            options.files_at_once = 3;
            if (status == KTK_OK) {
                count = take_all(store, &made, &options, &status, &err);
            }
            done = status == KTK_OK;
            assert_true(done || status == KTK_E_NO_MEMORY);
            assert_true(!done || count == made.file_count);
            ktk_store_free(store);
            test_context_free(context);
        }
    }
    assert_true(n > 100);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_rows_of_each_file_whatever_the_threads),
        cmocka_unit_test(gives_each_partition_as_a_query_of_it_alone),
        cmocka_unit_test(refuses_what_a_query_refuses),
        cmocka_unit_test(stops_when_it_is_left),
        cmocka_unit_test(reads_several_partitions_at_once),
        cmocka_unit_test(tells_a_failure_where_its_partition_would_stand),
        cmocka_unit_test(stays_cancelled),
        cmocka_unit_test(survives_failing_calls_of_the_store),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
