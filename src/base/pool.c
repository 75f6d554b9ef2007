#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"

/* One ktki_pool_run() under way; it lies on the stack of its caller, who leaves only when nobody
 * looks at it any more. */
struct run {
    struct run *next;
    ktki_pool_fn fn;
    void *state;
    size_t count;
    size_t started;  /* items handed out; under the pool's lock */
    size_t finished; /* items done; under the pool's lock */
    bool failed;     /* under the pool's lock, as the three below */
    size_t failed_item;
    ktk_status failed_status;
    ktk_error failed_error;
    pthread_cond_t done;
};

struct pool {
    const ktk_allocator *allocator;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct run *runs; /* those that still have items to hand out; newest first, so that nested work
                         ends soon */
    bool is_stopping;
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

/* Takes one item of `run` and works on it with the lock released; called and left with the lock
 * held. */
static void work_on(struct pool *pool, struct run *run) {
    size_t item = run->started++;
    ktk_error err = {0};
    ktk_status status;

    if (!has_items(run)) {
        unlink_run(pool, run);
    }
    pthread_mutex_unlock(&pool->lock);
    status = run->fn(run->state, item, &err);
    pthread_mutex_lock(&pool->lock);
    if (status != KTK_OK && (!run->failed || item < run->failed_item)) {
        run->failed_item = item;
        run->failed_status = status;
        run->failed_error = err;
    }
    if (status != KTK_OK && !run->failed) {
        run->failed = true;
        unlink_run(pool, run);
    }
    run->finished++;
    if (run->finished == run->started && !has_items(run)) {
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
                         ktk_error *err) {
    struct pool *pool = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, sizeof(*pool) + (size_t)thread_count * sizeof(pthread_t),
                               1, &pool, err));
    pool->allocator = allocator;
    pool->thread_capacity = (size_t)thread_count;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    while (pool->thread_count < pool->thread_capacity) {
        int code = pthread_create(&pool->threads[pool->thread_count], NULL, worker, pool);
        if (code != 0) {
            KTKI_FAIL(err, KTK_E_UNAVAILABLE, "cannot start thread %zu of %d: error %d",
                      pool->thread_count + 1, thread_count, code);
        }
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

static ktk_status run_here(size_t count, ktki_pool_fn fn, void *state, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t item = 0; item < count && status == KTK_OK; item++) {
        status = fn(state, item, err);
    }
    return status;
}

ktk_status ktki_pool_run(struct pool *pool, size_t count, ktki_pool_fn fn, void *state,
                         ktk_error *err) {
    struct run run = {.fn = fn, .state = state, .count = count};

    if (pool == NULL || count <= 1) {
        return run_here(count, fn, state, err);
    }
    (void)pthread_cond_init(&run.done, NULL);
    pthread_mutex_lock(&pool->lock);
    run.next = pool->runs;
    pool->runs = &run;
    pthread_cond_broadcast(&pool->work);
    while (has_items(&run)) {
        work_on(pool, &run);
    }
    while (run.finished < run.started) {
        pthread_cond_wait(&run.done, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_destroy(&run.done);
    if (run.failed && err != NULL) {
        *err = run.failed_error;
    }
    return run.failed ? run.failed_status : KTK_OK;
}
