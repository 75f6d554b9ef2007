#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/context.h"
#include "base/pool.h"

#define ITEMS 10000

struct marks {
    atomic_int counts[ITEMS];
    struct pool *pool;
};

static ktk_status mark(void *state, size_t item, ktk_error *err) {
    struct marks *marks = state;

    (void)err;
    atomic_fetch_add(&marks->counts[item], 1);
    return KTK_OK;
}

static void runs_each_item_once(void **unused) {
    static struct marks marks;
    ktk_context *context = test_context_new(4);
    ktk_error err;

    (void)unused;
    memset(&marks, 0, sizeof(marks));
    CHECK_OK(ktki_pool_run(ktki_context_pool(context), ITEMS, mark, &marks, &err));
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(atomic_load(&marks.counts[i]), 1);
    }
    test_context_free(context);
}

static ktk_status mark_row(void *state, size_t item, ktk_error *err) {
    struct marks *marks = state;
    atomic_fetch_add(&marks->counts[item], 1);
    return ktki_pool_run(marks->pool, 100, mark, marks, err);
}

static void nests(void **unused) {
    static struct marks marks;
    ktk_context *context = test_context_new(3);
    ktk_error err;

    (void)unused;
    memset(&marks, 0, sizeof(marks));
    marks.pool = ktki_context_pool(context);
    CHECK_OK(ktki_pool_run(marks.pool, 100, mark_row, &marks, &err));
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(atomic_load(&marks.counts[i]), 101);
    }
    test_context_free(context);
}

/* Two outer items, one on each of two threads. */
struct helping {
    struct pool *pool;
    pthread_t caller;
    atomic_int outer_begun;
    atomic_int inner_begun;
    atomic_bool is_left_alone;
};

/* Until both have begun; gives up after long, so that a failure is no hang. */
static bool wait_for_two(atomic_int *begun) {
    const struct timespec pause = {0, 1000000};

    atomic_fetch_add(begun, 1);
    for (int i = 0; i < 20000 && atomic_load(begun) < 2; i++) {
        (void)nanosleep(&pause, NULL);
    }
    return atomic_load(begun) >= 2;
}

static ktk_status wait_inside(void *state, size_t item, ktk_error *err) {
    struct helping *helping = state;

    (void)item;
    (void)err;
    if (!wait_for_two(&helping->inner_begun)) {
        atomic_store(&helping->is_left_alone, true);
    }
    return KTK_OK;
}

static ktk_status begin_inside(void *state, size_t item, ktk_error *err) {
    struct helping *helping = state;

    (void)item;
    if (!wait_for_two(&helping->outer_begun)) {
        atomic_store(&helping->is_left_alone, true);
    }
    return pthread_equal(pthread_self(), helping->caller)
               ? KTK_OK
               : ktki_pool_run(helping->pool, 2, wait_inside, helping, err);
}

/* The worker's item begins two that only end together: the caller, whose own item is done, has to
 * take one of them. */
static void helps_with_what_the_last_item_begins(void **unused) {
    struct helping helping = {.caller = pthread_self()};
    ktk_context *context = test_context_new(2);
    ktk_error err;

    (void)unused;
    helping.pool = ktki_context_pool(context);
    CHECK_OK(ktki_pool_run(helping.pool, 2, begin_inside, &helping, &err));
    assert_false(atomic_load(&helping.is_left_alone));
    assert_int_equal(atomic_load(&helping.inner_begun), 2);
    test_context_free(context);
}

/* Work of PIECES pieces, each of which adds the next. */
#define PIECES 2000

struct chain {
    struct pool *pool;
    struct pool_work *work;
    atomic_int done;
    atomic_int others;
    bool is_nested;
};

static ktk_status count_nested(void *state, size_t item, ktk_error *err) {
    (void)item;
    (void)err;
    atomic_fetch_add((atomic_int *)state, 1);
    return KTK_OK;
}

static void do_piece(void *state) {
    struct chain *chain = state;
    atomic_int nested = 0;
    ktk_error err;

    ktki_pool_work_add(chain->work);
    if (chain->is_nested) {
        CHECK_OK(ktki_pool_run(chain->pool, 3, count_nested, &nested, &err));
        assert_int_equal(atomic_load(&nested), 3);
    }
    atomic_fetch_add(&chain->done, 1);
}

static bool are_done(void *state) {
    return atomic_load(&((struct chain *)state)->done) >= PIECES;
}

/* Whatever is left of the work when the owner has enough is taken back, or waited for. */
static void works_while_its_owner_waits_or_not(void **unused) {
    (void)unused;
    for (int32_t threads = 2; threads <= 8; threads += 3) {
        for (int nested = 0; nested < 2; nested++) {
            ktk_context *context = test_context_new(threads);
            struct chain chain = {.pool = ktki_context_pool(context), .is_nested = nested == 1};
            ktk_error err;
            int done;

            CHECK_OK(ktki_pool_work_new(&chain.work, chain.pool, do_piece, &chain, &err));
            ktki_pool_work_add(chain.work);
            CHECK_OK(ktki_pool_work_wait(chain.work, are_done, &err));
            assert_true(are_done(&chain));
            ktki_pool_work_free(chain.work);
            done = atomic_load(&chain.done);
            CHECK_OK(ktki_pool_run(chain.pool, 10, count_nested, &chain.others, &err));
            assert_int_equal(atomic_load(&chain.done), done);
            test_context_free(context);
        }
    }
}

static void frees_work_that_never_came(void **unused) {
    ktk_context *context = test_context_new(2);
    struct chain chain = {.pool = ktki_context_pool(context)};
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_pool_work_new(&chain.work, chain.pool, do_piece, &chain, &err));
    ktki_pool_work_free(chain.work);
    assert_int_equal(atomic_load(&chain.done), 0);
    ktki_pool_work_free(NULL);
    test_context_free(context);
}

static ktk_status fail_from_seven(void *state, size_t item, ktk_error *err) {
    (void)state;
    return item < 7 ? KTK_OK : ktk_error_set(err, KTK_E_IO, "item %zu", item);
}

static void reports_a_failure_and_stops(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_pool_run(ktki_context_pool(context), ITEMS, fail_from_seven, NULL, &err),
                 KTK_E_IO);
    CHECK_MESSAGE("item 7");
    test_context_free(context);
    context = test_context_new(4);
    CHECK_STATUS(ktki_pool_run(ktki_context_pool(context), ITEMS, fail_from_seven, NULL, &err),
                 KTK_E_IO);
    CHECK_MESSAGE("item ");
    test_context_free(context);
}

/* ---- stopping ---- */

/* Who is asked, and what the items do that are stopped. */
struct asking {
    struct pool *pool;
    pthread_t caller;
    atomic_int asks_left; /* of the caller; the other threads are told to go on */
    atomic_int started;
    atomic_bool is_inside;
};

static bool keep_going(void *state) {
    struct asking *asking = state;

    return !pthread_equal(pthread_self(), asking->caller) ||
           atomic_fetch_sub(&asking->asks_left, 1) > 0;
}

static ktk_context *asking_context(struct asking *asking, int32_t threads, int asks) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;

    options.allocator = test_allocator();
    options.threads = threads;
    options.keep_going = keep_going;
    options.keep_going_state = asking;
    CHECK_OK(ktk_context_new(&context, &options, &err));
    asking->pool = ktki_context_pool(context);
    asking->caller = pthread_self();
    atomic_store(&asking->asks_left, asks);
    return context;
}

static ktk_status count_start(void *state, size_t item, ktk_error *err) {
    struct asking *asking = state;

    (void)item;
    (void)err;
    atomic_fetch_add(&asking->started, 1);
    return KTK_OK;
}

static void stops_when_told_so(void **unused) {
    ktk_error err;

    (void)unused;
    for (int asks = 0; asks < 5; asks++) { /* one before the first item, one after each */
        struct asking asking = {0};
        ktk_context *context = asking_context(&asking, 1, asks);

        CHECK_STATUS(ktki_pool_run(asking.pool, ITEMS, count_start, &asking, &err),
                     KTK_E_CANCELLED);
        assert_int_equal(atomic_load(&asking.started), asks);
        CHECK_STATUS(ktki_context_keep_going(context, &err), KTK_E_CANCELLED);
        ktk_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

static void goes_on_when_nobody_minds(void **unused) {
    struct asking asking = {0};
    ktk_context *context = asking_context(&asking, 3, 2 * ITEMS);
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_pool_run(asking.pool, ITEMS, count_start, &asking, &err));
    CHECK_OK(ktki_context_keep_going(context, &err));
    assert_int_equal(atomic_load(&asking.started), ITEMS);
    ktk_context_free(context);
    assert_int_equal(test_allocator_live(), 0);
}

/* The caller's item ends at once. The worker's waits until the caller, who waits for it, has been
 * told to stop; what it begins after that does not start. */
static ktk_status outlast_the_caller(void *state, size_t item, ktk_error *err) {
    const struct timespec pause = {0, 1000000};
    struct asking *asking = state;
    bool is_caller = pthread_equal(pthread_self(), asking->caller) != 0;

    (void)item;
    atomic_store(&asking->is_inside, atomic_load(&asking->is_inside) || !is_caller);
    for (int i = 0; i < 20000 && is_caller && !atomic_load(&asking->is_inside); i++) {
        (void)nanosleep(&pause, NULL);
    }
    for (int i = 0; i < 20000 && !is_caller && atomic_load(&asking->asks_left) >= 0; i++) {
        (void)nanosleep(&pause, NULL);
    }
    /* The caller needs the lock to note what it was told. */
    for (int i = 0; i < 20000 && !is_caller; i++) {
        ktk_status status = ktki_pool_run(asking->pool, 2, count_start, asking, err);

        if (status != KTK_OK) {
            return status;
        }
        (void)nanosleep(&pause, NULL);
    }
    return KTK_OK;
}

static void stops_what_workers_begin(void **unused) {
    struct asking asking = {0};
    ktk_context *context = asking_context(&asking, 2, 2);
    ktk_error err;

    (void)unused;
    /* One ask before, one after the own item; the third is while waiting. */
    CHECK_STATUS(ktki_pool_run(asking.pool, 2, outlast_the_caller, &asking, &err), KTK_E_CANCELLED);
    assert_true(atomic_load(&asking.is_inside));
    ktk_context_free(context);
    assert_int_equal(test_allocator_live(), 0);
}

/* Of work its owner is asked, before the first piece that he does, or while he waits for others;
 * nothing is begun after that. */
struct asked_work {
    struct asking asking;
    struct pool_work *work;
};

static void add_another(void *state) {
    struct asked_work *asked = state;

    atomic_fetch_add(&asked->asking.started, 1);
    ktki_pool_work_add(asked->work);
}

static bool never(void *state) {
    (void)state;
    return false;
}

static void stops_work_when_its_owner_is_told_so(void **unused) {
    (void)unused;
    for (int32_t threads = 1; threads <= 3; threads++) {
        struct asked_work asked = {{0}, NULL};
        ktk_context *context = asking_context(&asked.asking, threads, 5);
        ktk_error err;
        int started;

        CHECK_OK(ktki_pool_work_new(&asked.work, asked.asking.pool, add_another, &asked, &err));
        ktki_pool_work_add(asked.work);
        CHECK_STATUS(ktki_pool_work_wait(asked.work, never, &err), KTK_E_CANCELLED);
        assert_true(atomic_load(&asked.asking.started) >= (threads == 1 ? 6 : 1));
        CHECK_STATUS(ktki_pool_work_wait(asked.work, never, &err), KTK_E_CANCELLED);
        ktki_pool_work_add(asked.work);
        ktki_pool_work_free(asked.work);
        started = atomic_load(&asked.asking.started);
        atomic_store(&asked.asking.asks_left, 100);
        CHECK_OK(ktki_pool_run(asked.asking.pool, 2, count_start, &asked.asking, &err));
        assert_int_equal(atomic_load(&asked.asking.started), started + 2);
        ktk_context_free(context);
    }
    assert_int_equal(test_allocator_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_each_item_once),
        cmocka_unit_test(nests),
        cmocka_unit_test(helps_with_what_the_last_item_begins),
        cmocka_unit_test(works_while_its_owner_waits_or_not),
        cmocka_unit_test(frees_work_that_never_came),
        cmocka_unit_test(reports_a_failure_and_stops),
        cmocka_unit_test(stops_when_told_so),
        cmocka_unit_test(goes_on_when_nobody_minds),
        cmocka_unit_test(stops_what_workers_begin),
        cmocka_unit_test(stops_work_when_its_owner_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
