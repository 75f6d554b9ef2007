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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_each_item_once),
        cmocka_unit_test(nests),
        cmocka_unit_test(helps_with_what_the_last_item_begins),
        cmocka_unit_test(reports_a_failure_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
