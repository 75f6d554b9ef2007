#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"

/* How often a thread that waits for others asks whether to go on. */
#define ASK_EVERY_NS 100000000L

/* One ktki_pool_run() under way; it lies on the stack of its caller, who leaves only when nobody
 * looks at it any more. Or the run inside a pool_work, whose count grows. */
struct run {
    struct run *next;
    struct run *parent; /* the run whose item began this one; NULL: none */
    bool is_work;       /* its owner waits for some of the items */
    ktki_pool_fn fn;
    void *state;
    size_t count;
    size_t started;  /* items handed out; under the pool's lock */
    size_t finished; /* items done; under the pool's lock */
    bool cancelled;  /* under the pool's lock, as the four below */
    bool failed;
    size_t failed_item;
    ktk_status failed_status;
    ktk_error failed_error;
    pthread_cond_t done;
};

/* An item being worked on; it lies on the stack of its thread. */
struct working {
    struct working *next;
    pthread_t thread;
    struct run *run;
};

struct pool {
    const ktk_allocator *allocator;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct run *runs; /* those that still have items to hand out; newest first, so that nested work
                         ends soon; behind them those of a pool_work, oldest first */
    struct working *working; /* newest first */
    bool is_stopping;
    bool (*keep_going)(void *state); /* NULL: nobody is asked */
    void *keep_going_state;
    size_t thread_count; /* threads that were started */
    size_t thread_capacity;
    pthread_t threads[];
};

static bool has_items(const struct run *run) {
    return !run->failed && run->started < run->count;
}

static void unlink_run(struct pool *pool, struct run *run) {
    struct run **slot = &pool->runs;

    while (*slot != NULL && *slot != run) {
        slot = &(*slot)->next;
    }
    if (*slot != NULL) {
        *slot = run->next;
    }
}

static void unlink_working(struct pool *pool, struct working *working) {
    struct working **slot = &pool->working;

    while (*slot != working) {
        slot = &(*slot)->next;
    }
    *slot = working->next;
}

/* The run that the calling thread works for, NULL for none: of its items, which are nested, the
 * newest. */
static struct run *find_parent(const struct pool *pool) {
    const struct working *working = pool->working;

    while (working != NULL && !pthread_equal(working->thread, pthread_self())) {
        working = working->next;
    }
    return working == NULL ? NULL : working->run;
}

static bool is_within(const struct run *run, const struct run *ancestor) {
    while (run != NULL && run != ancestor) {
        run = run->parent;
    }
    return run != NULL;
}

/* A run with items to hand out that an item of `run` waits for; NULL if there is none. */
static struct run *find_nested(const struct pool *pool, const struct run *run) {
    struct run *nested = pool->runs;

    while (nested != NULL && !is_within(nested, run)) {
        nested = nested->next;
    }
    return nested;
}

static void fail(struct pool *pool, struct run *run, size_t item, ktk_status status,
                 const ktk_error *err) {
    if (!run->failed || item < run->failed_item) {
        run->failed_item = item;
        run->failed_status = status;
        run->failed_error = *err;
    }
    if (!run->failed) {
        run->failed = true;
        unlink_run(pool, run);
    }
}

static void cancel_one(struct pool *pool, struct run *run) {
    ktk_error err;
    ktk_status status = ktk_error_set(&err, KTK_E_CANCELLED, "the call was cancelled");

    run->cancelled = true;
    fail(pool, run, run->count, status, &err);
}

/* Hand out no more items of `run`, nor of those that its items have begun. */
static void cancel(struct pool *pool, struct run *run) {
    struct run *nested = find_nested(pool, run);

    while (nested != NULL) {
        cancel_one(pool, nested);
        nested = find_nested(pool, run);
    }
    cancel_one(pool, run);
}

static bool goes_on(const struct pool *pool) {
    return pool->keep_going == NULL || (pool->keep_going)(pool->keep_going_state);
}

/* Takes one item of `run` and works on it with the lock released; called and left with the lock
 * held. */
static void work_on(struct pool *pool, struct run *run) {
    struct working working = {pool->working, pthread_self(), run};
    size_t item = run->started++;
    bool is_wanted;
    ktk_error err = {0};
    ktk_status status;

    if (!has_items(run)) {
        unlink_run(pool, run);
    }
    pool->working = &working;
    pthread_mutex_unlock(&pool->lock);
    status = run->fn(run->state, item, &err);
    is_wanted = run->is_work || goes_on(pool); /* of work the owner asks, while there is a call */
    pthread_mutex_lock(&pool->lock);
    unlink_working(pool, &working);
    if (status != KTK_OK) {
        fail(pool, run, item, status, &err);
    }
    if (!is_wanted) {
        cancel(pool, run);
    }
    run->finished++;
    if (run->is_work || (run->finished == run->started && !has_items(run))) {
        pthread_cond_signal(&run->done);
    }
}

static void *worker(void *state) {
    struct pool *pool = state;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->runs == NULL && !pool->is_stopping) {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
        if (pool->is_stopping) {
            break;
        }
        work_on(pool, pool->runs);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

ktk_status ktki_pool_new(struct pool **out, const ktk_allocator *allocator, int32_t thread_count,
                         bool (*keep_going)(void *state), void *keep_going_state, ktk_error *err) {
    struct pool *pool = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, sizeof(*pool) + (size_t)thread_count * sizeof(pthread_t),
                               1, &pool, err));
    pool->allocator = allocator;
    pool->thread_capacity = (size_t)thread_count;
    pool->keep_going = keep_going;
    pool->keep_going_state = keep_going_state;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    while (pool->thread_count < pool->thread_capacity) {
        KTKI_TRY(ktki_thread_start(&pool->threads[pool->thread_count], worker, pool, err));
        pool->thread_count++;
    }
    *out = pool;
    pool = NULL;
out:
    ktki_pool_free(pool);
    return status;
}

void ktki_pool_free(struct pool *pool) {
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->lock);
    ktki_free_array(pool->allocator, pool,
                    sizeof(*pool) + pool->thread_capacity * sizeof(pthread_t), 1);
}

static ktk_status run_here(const struct pool *pool, size_t count, ktki_pool_fn fn, void *state,
                           ktk_error *err) {
    ktk_status status = ktki_pool_keep_going(pool, err);

    for (size_t item = 0; item < count && status == KTK_OK; item++) {
        status = fn(state, item, err);
        if (status == KTK_OK) {
            status = ktki_pool_keep_going(pool, err);
        }
    }
    return status;
}

/* Begin to hand out the items: workers are woken, and those who wait for a run that this one is
 * within. */
static void begin(struct pool *pool, struct run *run) {
    run->parent = find_parent(pool);
    run->next = pool->runs;
    pool->runs = run;
    pthread_cond_broadcast(&pool->work);
    for (struct run *waiting = run->parent; waiting != NULL; waiting = waiting->parent) {
        pthread_cond_signal(&waiting->done);
        if (waiting->cancelled) {
            cancel(pool, run);
        }
    }
}

/* Cancel `run` if it is not to go on; asked with the lock released. */
static void ask(struct pool *pool, struct run *run) {
    bool is_wanted;

    if (pool->keep_going != NULL && !run->cancelled) {
        pthread_mutex_unlock(&pool->lock);
        is_wanted = goes_on(pool);
        pthread_mutex_lock(&pool->lock);
        if (!is_wanted) {
            cancel(pool, run);
        }
    }
}

/* Wait until something happens to `run`, for so long that somebody can be asked meanwhile. */
static void wait_a_while(struct pool *pool, struct run *run) {
    struct timespec until = {0};

    if (pool->keep_going == NULL) {
        pthread_cond_wait(&run->done, &pool->lock);
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ASK_EVERY_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(&run->done, &pool->lock, &until) != 0) {
        ask(pool, run);
    }
}

/*
 * Wait for the items that others work on, and help them: what they have begun in turn is taken from
 * here, too. A long last item would leave this thread idle else. Of other runs nothing is taken:
 * they might take long, and might wait for an item that this thread is in the middle of.
 */
static void finish(struct pool *pool, struct run *run) {
    while (run->finished < run->started) {
        struct run *nested = find_nested(pool, run);

        if (nested != NULL) {
            work_on(pool, nested);
        } else {
            wait_a_while(pool, run);
        }
    }
}

static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

ktk_status ktki_pool_keep_going(const struct pool *pool, ktk_error *err) {
    return pool == NULL || goes_on(pool)
               ? KTK_OK
               : ktk_error_set(err, KTK_E_CANCELLED, "the call was cancelled");
}

ktk_status ktki_pool_run(struct pool *pool, size_t count, ktki_pool_fn fn, void *state,
                         ktk_error *err) {
    struct run run = {.fn = fn, .state = state, .count = count};
    ktk_status status;

    if (pool == NULL || pool->thread_count == 0 || count <= 1) {
        return run_here(pool, count, fn, state, err);
    }
    status = ktki_pool_keep_going(pool, err);
    if (status != KTK_OK) {
        return status;
    }
    init_condition(&run.done);
    pthread_mutex_lock(&pool->lock);
    begin(pool, &run);
    while (has_items(&run)) {
        work_on(pool, &run);
    }
    finish(pool, &run);
    pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_destroy(&run.done);
    if (run.failed && err != NULL) {
        *err = run.failed_error;
    }
    return run.failed ? run.failed_status : KTK_OK;
}

/* ---- work bit by bit ---- */

struct pool_work {
    struct run run;
    struct pool *pool;
    ktki_pool_work_fn fn;
    void *state;
    bool is_closed; /* under the pool's lock */
};

static ktk_status do_piece(void *state, size_t item, ktk_error *err) {
    struct pool_work *work = state;

    (void)item;
    (void)err;
    work->fn(work->state);
    return KTK_OK;
}

/* Its run has no parent: it may last longer than whatever it was begun in. */
ktk_status ktki_pool_work_new(struct pool_work **out, struct pool *pool, ktki_pool_work_fn fn,
                              void *state, ktk_error *err) {
    struct pool_work *work = NULL;
    ktk_status status = KTKI_NEW(pool->allocator, &work, err);

    if (status == KTK_OK) {
        work->run = (struct run){.fn = do_piece, .state = work, .is_work = true};
        init_condition(&work->run.done);
        work->pool = pool;
        work->fn = fn;
        work->state = state;
        *out = work;
    }
    return status;
}

static void append_run(struct pool *pool, struct run *run) {
    struct run **slot = &pool->runs;

    while (*slot != NULL) {
        slot = &(*slot)->next;
    }
    run->next = NULL;
    *slot = run;
}

void ktki_pool_work_add(struct pool_work *work) {
    struct pool *pool = work->pool;

    pthread_mutex_lock(&pool->lock);
    if (!work->is_closed && !work->run.cancelled) {
        if (!has_items(&work->run)) {
            append_run(pool, &work->run);
        }
        work->run.count++;
        pthread_cond_signal(&pool->work);
        pthread_cond_signal(&work->run.done); /* the owner, if he waits */
    }
    pthread_mutex_unlock(&pool->lock);
}

ktk_status ktki_pool_work_wait(struct pool_work *work, bool (*is_done)(void *state),
                               ktk_error *err) {
    struct pool *pool = work->pool;
    struct run *run = &work->run;
    bool cancelled;

    pthread_mutex_lock(&pool->lock);
    while (!run->cancelled && !is_done(work->state)) {
        struct run *nested = find_nested(pool, run); /* or the work itself */

        if (nested != NULL) {
            work_on(pool, nested);
            ask(pool, run);
        } else {
            wait_a_while(pool, run);
        }
    }
    cancelled = run->cancelled;
    if (cancelled && err != NULL) {
        *err = run->failed_error;
    }
    pthread_mutex_unlock(&pool->lock);
    return cancelled ? KTK_E_CANCELLED : KTK_OK;
}

void ktki_pool_work_free(struct pool_work *work) {
    struct pool *pool;

    if (work == NULL) {
        return;
    }
    pool = work->pool;
    pthread_mutex_lock(&pool->lock);
    work->is_closed = true;
    unlink_run(pool, &work->run);
    work->run.count = work->run.started;
    finish(pool, &work->run);
    pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_destroy(&work->run.done);
    KTKI_DELETE(pool->allocator, work);
}
