#include "support/test.h"
#include "support/waiting_store.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/arrow.h>
#include <kartothek/query.h>
#include <kartothek/sys/store.h>

#include "arrow/random_arrays.h"
#include "query/many_files.h"
#include "support/failing_store.h"

/* What comes of many files that are read by several threads, in which order, and what is asked of
 * the store meanwhile. */

/* ---- reading ---- */

static ktk_status begin(struct ArrowArrayStream *out, ktk_store *store,
                        const ktk_query_options *options, ktk_error *err) {
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, "d", err);

    if (status == KTK_OK) {
        status = ktk_query_stream(out, dataset, options, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

/* Read to the end or to a failure; `*next` is the id behind the last row. */
static ktk_status read_on(struct ArrowArrayStream *stream, int64_t mark, int64_t *next,
                          ktk_error *err) {
    ktk_status status = KTK_OK;

    for (;;) {
        struct ArrowArray batch = {.release = NULL};

        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        check_batch(&batch, mark, next);
        batch.release(&batch);
    }
    return status;
}

static ktk_status read_all(ktk_store *store, const ktk_query_options *options, int64_t mark,
                           int64_t *next, ktk_error *err) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_status status = begin(&stream, store, options, err);

    *next = 0;
    if (status == KTK_OK) {
        status = read_on(&stream, mark, next, err);
        stream.release(&stream);
    }
    return status;
}

/* ---- content and order ---- */

static void check_rows(ktk_store *store, const struct made_dataset *made,
                       ktk_query_options *options, bool is_filtered) {
    static const char *const mark_text = "mark == 3";
    ktk_predicate *where = NULL;
    int64_t wanted = made->row_count;
    int64_t next;
    ktk_error err;

    if (is_filtered) {
        CHECK_OK(ktk_predicate_parse(&where, ktk_store_context(store), mark_text, &err));
        while (wanted > 0 && mark_of(wanted - 1) != 3) {
            wanted--;
        }
    }
    options->where = where;
    CHECK_OK(read_all(store, options, is_filtered ? 3 : -1, &next, &err));
    assert_int_equal(next, wanted);
    options->where = NULL;
    ktk_predicate_free(where);
}

static void gives_all_rows_in_order_whatever_the_threads(void **unused) {
    static const int32_t threads[] = {1, 2, 8};
    static const int32_t at_once[] = {0, 1, 3, 20};
    uint32_t random = (uint32_t)test_seed();
    uint64_t rounds = test_scaled(12);

    (void)unused;
    for (uint64_t round = 0; round < rounds; round++) {
        struct made_dataset made;

        draw(&made, &random);
        for (size_t i = 0; i < 3; i++) {
            ktk_context *context = test_context_new(threads[i]);
            ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
            ktk_store *store = store_of(context, &made);

            options.files_at_once = at_once[random_below(&random, 4)];
            options.ahead_bytes_max = random_below(&random, 2) * (1 + random_below(&random, 50000));
            check_rows(store, &made, &options, false);
            check_rows(store, &made, &options, true);
            options.shape = KTK_SHAPE_PARTITION;
            check_rows(store, &made, &options, random_below(&random, 2) == 0);
            ktk_store_free(store);
            test_context_free(context);
        }
    }
}

/* Batches that a file of one row group comes in. */
static int64_t count_batches(ktk_store *store, int64_t row_count, int64_t rows_max,
                             int64_t ahead_bytes_max) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    int64_t count = 0;
    int64_t next = 0;
    ktk_error err;

    options.ahead_bytes_max = ahead_bytes_max;
    CHECK_OK(begin(&stream, store, &options, &err));
    while (next < row_count) {
        struct ArrowArray batch = {.release = NULL};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        assert_true(batch.release != NULL && batch.length <= rows_max);
        check_batch(&batch, -1, &next);
        batch.release(&batch);
        count++;
    }
    assert_int_equal(next, row_count);
    CHECK_OK(read_on(&stream, -1, &next, &err));
    assert_int_equal(next, row_count);
    stream.release(&stream);
    return count;
}

/* 25 MiB of values: three pieces of 8 MiB. */
static void large_row_groups_come_in_pieces_from_afar(void **unused) {
    const struct made_dataset made = regular(1, 1600000);
    ktk_context *context = test_context_new(3);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_store *near = store_of(context, &made);
    struct waiting_store waiting;
    ktk_store *far = waiting_store_new(&waiting, &waiting_far_ops, ktk_store_ref(near));

    (void)unused;
    assert_int_equal(count_batches(near, made.row_count, made.row_count, 0), 1);
    assert_int_equal(count_batches(far, made.row_count, made.row_count / 3 + 20000, 0), 3);
    assert_int_equal(count_batches(far, made.row_count, made.row_count / 3 + 20000, 1), 3);
    check_rows(far, &made, &options, true);
    ktk_store_free(far);
    ktk_store_free(near);
    test_context_free(context);
}

static void refuses_negative_bounds(void **unused) {
    const struct made_dataset made = regular(1, 1);
    ktk_context *context = test_context_new(1);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_store *store = store_of(context, &made);
    ktk_error err;

    (void)unused;
    options.files_at_once = -1;
    CHECK_STATUS(begin(&stream, store, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("must not be negative: -1, 0");
    options.files_at_once = 0;
    options.ahead_bytes_max = -2;
    CHECK_STATUS(begin(&stream, store, &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("must not be negative: 0, -2");
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- what is asked of the store ---- */

/* Read with `threads` in the context and `files_at_once`; of `wanted` files there must be
 * calls at the store at once, and never of more. */
static void check_at_once(const ktk_store_ops *ops, int32_t threads, int32_t files_at_once,
                          int wanted) {
    const struct made_dataset made = regular(FILES_MAX, 10);
    ktk_context *context = test_context_new(threads);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct waiting_store waiting;
    ktk_store *store = waiting_store_new(&waiting, ops, store_of(context, &made));
    ktk_store *view = NULL;
    int64_t next = 0;
    ktk_error err;

    /* A view has the same needs. */
    CHECK_OK(ktk_store_readonly(&view, store, &err));
    options.files_at_once = files_at_once;
    CHECK_OK(begin(&stream, view, &options, &err));
    /* The first rows are read by themselves; then the window opens, batch by batch. Most files are
     * still to be read. */
    for (int i = 0; i < 3; i++) {
        struct ArrowArray batch = {.release = NULL};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        check_batch(&batch, -1, &next);
        batch.release(&batch);
    }
    pthread_mutex_lock(&waiting.lock);
    waiting.wanted = wanted;
    pthread_mutex_unlock(&waiting.lock);
    CHECK_OK(read_on(&stream, -1, &next, &err));
    stream.release(&stream);
    assert_int_equal(next, made.row_count);
    assert_false(waiting.is_left_alone);
    assert_int_equal(waiting.most, wanted);
    assert_int_equal(waiting.has_others, wanted > 1);
    ktk_store_free(view);
    ktk_store_free(store);
    test_context_free(context);
}

static void reads_as_many_at_once_as_there_are_threads(void **unused) {
    (void)unused;
    check_at_once(&waiting_ops, 1, 0, 1);
    check_at_once(&waiting_ops, 2, 0, 2);
    check_at_once(&waiting_ops, 5, 0, 5);
}

/* Of one file of many row groups, after a few batches. */
static void reads_no_more_ahead_than_was_taken_before(void **unused) {
    enum { ROW_GROUPS = 64, ROWS = 5000, TAKEN = 3 };
    struct made_dataset made = regular(1, ROW_GROUPS * ROWS);
    ktk_context *context = test_context_new(4);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct waiting_store waiting;
    ktk_store *store;
    int opening;
    int early;
    int64_t next = 0;
    ktk_error err;

    (void)unused;
    made.row_group_rows[0] = ROWS;
    store = waiting_store_new(&waiting, &waiting_ops, store_of(context, &made));
    CHECK_OK(begin(&stream, store, &options, &err));
    opening = waiting.calls;
    for (int i = 0; i < TAKEN; i++) {
        struct ArrowArray batch = {.release = NULL};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        check_batch(&batch, -1, &next);
        batch.release(&batch);
    }
    (void)poll(NULL, 0, 100); /* others read what they may */
    pthread_mutex_lock(&waiting.lock);
    early = waiting.calls - opening;
    pthread_mutex_unlock(&waiting.lock);
    CHECK_OK(read_on(&stream, -1, &next, &err));
    stream.release(&stream);
    assert_int_equal(next, made.row_count);
    /* The window was 1, 2 and 4: no more than that beside what was taken, and opening the file. */
    assert_true(waiting.calls - opening >= ROW_GROUPS);
    assert_true(early < (waiting.calls - opening) / 3);
    ktk_store_free(store);
    test_context_free(context);
}

static void reads_as_many_at_once_as_are_asked_for(void **unused) {
    (void)unused;
    check_at_once(&waiting_ops, 2, 12, 12);
    check_at_once(&waiting_ops, 1, 4, 4);
    check_at_once(&waiting_ops, 8, 3, 3);
    check_at_once(&waiting_ops, 8, 1, 1);
}

static void reads_as_many_at_once_as_the_store_asks_for(void **unused) {
    (void)unused;
    check_at_once(&waiting_far_ops, 2, 0, 7);
    check_at_once(&waiting_far_ops, 8, 0, 7);
    check_at_once(&waiting_far_ops, 2, 5, 5);
    check_at_once(&waiting_far_ops, 1, 0, 1); /* no threads are wanted */
}

static void asks_a_store_for_one_thread_from_the_callers(void **unused) {
    (void)unused;
    check_at_once(&waiting_lonely_ops, 4, 0, 1);
    check_at_once(&waiting_lonely_ops, 4, 9, 1);
}

/* The first batch leaves nothing behind that goes on; a stream that is released asks for nothing
 * any more. */
static void stops_when_it_is_left(void **unused) {
    const struct made_dataset made = regular(FILES_MAX, 10);
    ktk_context *context = test_context_new(4);
    struct waiting_store waiting;
    ktk_store *store = waiting_store_new(&waiting, &waiting_far_ops, store_of(context, &made));

    (void)unused;
    for (int batches = 0; batches < 12; batches++) {
        struct ArrowArrayStream stream = {.release = NULL};
        int64_t next = 0;
        int64_t calls;
        ktk_error err;

        CHECK_OK(begin(&stream, store, NULL, &err));
        for (int i = 0; i < batches; i++) {
            struct ArrowArray batch = {.release = NULL};

            CHECK_OK(ktk_stream_next(&stream, &batch, &err));
            check_batch(&batch, -1, &next);
            batch.release(&batch);
        }
        if (batches <= 1) {
            assert_false(waiting.has_others);
        }
        stream.release(&stream);
        pthread_mutex_lock(&waiting.lock);
        assert_int_equal(waiting.inside, 0);
        calls = waiting.calls;
        pthread_mutex_unlock(&waiting.lock);
        for (int i = 0; i < 5; i++) {
            const struct timespec pause = {0, 1000000};

            (void)nanosleep(&pause, NULL);
        }
        pthread_mutex_lock(&waiting.lock);
        assert_int_equal(waiting.calls, calls);
        pthread_mutex_unlock(&waiting.lock);
    }
    ktk_store_free(store);
    test_context_free(context);
}

/* The taker's thread is told to stop, at any of the times that it is asked: what came before is
 * right, and the stream stays cancelled. */
struct asking {
    pthread_t caller;
    atomic_int asks_left;
};

static bool keep_going(void *state) {
    struct asking *asking = state;

    return !pthread_equal(pthread_self(), asking->caller) ||
           atomic_fetch_sub(&asking->asks_left, 1) > 0;
}

static void stops_when_told_so(void **unused) {
    const struct made_dataset made = regular(20, 10);

    (void)unused;
    for (int round = 0; round < 60; round++) {
        struct asking asking = {.caller = pthread_self()};
        ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        ktk_context *context = NULL;
        ktk_store *store;
        int64_t next;
        ktk_status status;
        ktk_error err;

        context_options.allocator = test_allocator();
        context_options.threads = 1 + round % 3;
        context_options.keep_going = keep_going;
        context_options.keep_going_state = &asking;
        atomic_store(&asking.asks_left, INT32_MAX);
        CHECK_OK(ktk_context_new(&context, &context_options, &err));
        store = store_of(context, &made);
        options.files_at_once = round % 2 == 0 ? 0 : 5;
        atomic_store(&asking.asks_left, round * 2);
        status = read_all(store, &options, -1, &next, &err);
        assert_true(status == KTK_E_CANCELLED || (status == KTK_OK && next == made.row_count));
        assert_true(round > 2 || status == KTK_E_CANCELLED);
        ktk_store_free(store);
        ktk_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

/* ---- memory ---- */

/* An allocator that knows how much it has given at most. */
struct measured {
    ktk_allocator allocator;
    atomic_int_fast64_t now;
    atomic_int_fast64_t most;
};

static void *measured_resize(void *state, void *block, size_t old_size, size_t new_size) {
    struct measured *measured = state;
    const ktk_allocator *inner = test_allocator();
    int64_t growth = (int64_t)new_size - (block == NULL ? 0 : (int64_t)old_size);
    void *moved = inner->resize(inner->state, block, old_size, new_size);
    int64_t now = atomic_fetch_add(&measured->now, growth) + growth;
    int64_t most = atomic_load(&measured->most);

    while (now > most && !atomic_compare_exchange_weak(&measured->most, &most, now)) {
    }
    return moved;
}

/* Rows of 32 files of 1.6 MB, of which the taker takes some and looks away: what more than the
 * dataset is allocated at most. */
static int64_t peak_of(int64_t ahead_bytes_max, int64_t enough) {
    static struct measured measured;
    const struct made_dataset made = regular(32, 100000);
    ktk_context_options context_options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_context *context = NULL;
    ktk_store *store;
    int64_t next = 0;
    int64_t before;
    ktk_error err;

    measured = (struct measured){.allocator = {measured_resize, &measured}};
    context_options.allocator = &measured.allocator;
    context_options.threads = 4;
    CHECK_OK(ktk_context_new(&context, &context_options, &err));
    store = store_of(context, &made);
    before = atomic_load(&measured.now);
    atomic_store(&measured.most, before);
    options.ahead_bytes_max = ahead_bytes_max;
    CHECK_OK(begin(&stream, store, &options, &err));
    for (int i = 0; i < 10; i++) {
        struct ArrowArray batch = {.release = NULL};

        CHECK_OK(ktk_stream_next(&stream, &batch, &err));
        check_batch(&batch, -1, &next);
        batch.release(&batch);
    }
    for (int i = 0; i < 2000 && atomic_load(&measured.most) - before < enough; i++) {
        const struct timespec pause = {0, 1000000};

        (void)nanosleep(&pause, NULL);
    }
    CHECK_OK(read_on(&stream, -1, &next, &err));
    assert_int_equal(next, made.row_count);
    stream.release(&stream);
    ktk_store_free(store);
    ktk_context_free(context);
    assert_int_equal(atomic_load(&measured.now), 0);
    return atomic_load(&measured.most) - before;
}

/* Beside what is bound: a row group that is let through, and for each thread the pages that it
 * takes apart. */
static void keeps_to_its_memory(void **unused) {
    const int64_t bound = 4 << 20;
    const int64_t beside = (100000 * 16) + 4 * (1 << 20);

    (void)unused;
    assert_true(peak_of(bound, bound) <= bound + beside);
    assert_true(peak_of(1, 1) <= beside);
    assert_true(peak_of(0, bound + beside + 1) > bound + beside); /* it has a reason to */
}

/* ---- failures ---- */

/* File `bad` is damaged: the rows in front of it come, then its name, whatever fails behind it. */
static void tells_the_first_failure_in_order(void **unused) {
    static const int32_t threads[] = {1, 2, 8};
    uint32_t random = (uint32_t)test_seed();

    (void)unused;
    for (int round = 0; round < 30; round++) {
        ktk_context *context = test_context_new(threads[round % 3]);
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        struct made_dataset made;
        ktk_store *store;
        int64_t wanted = 0;
        int64_t next;
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
        for (int file = 0; file < bad; file++) {
            wanted += made.rows[file];
        }
        options.files_at_once = (int32_t)random_below(&random, 12);
        CHECK_STATUS(read_all(store, &options, -1, &next, &err), KTK_E_CORRUPT);
        CHECK_MESSAGE(key);
        assert_int_equal(next, wanted);
        ktk_store_free(store);
        test_context_free(context);
    }
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
            int64_t next;
            ktk_error err;
            ktk_status status = read_all(store, &options, -1, &next, &err);

            done = status == KTK_OK;
            assert_int_equal(status, done ? KTK_OK : KTK_E_IO);
            assert_int_equal(next % 30, 0); /* whole files */
            assert_int_equal(next == made.row_count, done);
            ktk_store_free(store);
        }
    }
    ktk_store_free(base);
    test_context_free(context);
}

/* The context has no threads, the stream has: allocation `n` fails in any of them. */
static void survives_allocation_failures(void **unused) {
    const struct made_dataset made = regular(9, 20);
    ktk_context *plain = test_context_new(1);
    char *folder = test_folder_in_memory();
    bool done = false;
    int64_t n = 0;
    char url[4096];
    ktk_error err;

    (void)unused;
    (void)snprintf(url, sizeof(url), "hfs://%s", folder);
    ktk_store_free(store_at(plain, &made, url));
    test_context_free(plain);
    for (; !done; n += 1 + n / 64) {
        for (int once = 0; once < 2; once++) {
            ktk_context *context =
                once == 1 ? test_context_failing_once(n) : test_context_failing(n);
            ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
            ktk_store *store = NULL;
            int64_t next = 0;
            ktk_status status = ktk_store_open(&store, context, url, &err);

            options.files_at_once = 3;
            if (status == KTK_OK) {
                status = read_all(store, &options, -1, &next, &err);
            }
            done = status == KTK_OK;
            assert_true(done || status == KTK_E_NO_MEMORY);
            assert_int_equal(next == made.row_count, done);
            ktk_store_free(store);
            test_context_free(context);
        }
    }
    assert_true(n > 100);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_all_rows_in_order_whatever_the_threads),
        cmocka_unit_test(large_row_groups_come_in_pieces_from_afar),
        cmocka_unit_test(refuses_negative_bounds),
        cmocka_unit_test(reads_as_many_at_once_as_there_are_threads),
        cmocka_unit_test(reads_no_more_ahead_than_was_taken_before),
        cmocka_unit_test(reads_as_many_at_once_as_are_asked_for),
        cmocka_unit_test(reads_as_many_at_once_as_the_store_asks_for),
        cmocka_unit_test(asks_a_store_for_one_thread_from_the_callers),
        cmocka_unit_test(stops_when_it_is_left),
        cmocka_unit_test(stops_when_told_so),
        cmocka_unit_test(keeps_to_its_memory),
        cmocka_unit_test(tells_the_first_failure_in_order),
        cmocka_unit_test(survives_failing_calls_of_the_store),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
