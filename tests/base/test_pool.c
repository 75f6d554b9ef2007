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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_each_item_once),
        cmocka_unit_test(nests),
        cmocka_unit_test(helps_with_what_the_last_item_begins),
        cmocka_unit_test(reports_a_failure_and_stops),
        cmocka_unit_test(stops_when_told_so),
        cmocka_unit_test(goes_on_when_nobody_minds),
        cmocka_unit_test(stops_what_workers_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
