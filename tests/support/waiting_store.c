#include "support/waiting_store.h"

#include "support/test.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

static int file_of(const char *key) {
    int file = WAITING_FILES_MAX;

    if (sscanf(key, "d/table/f%d.parquet", &file) != 1 || file < 0 || file > WAITING_FILES_MAX) {
        file = WAITING_FILES_MAX;
    }
    return file;
}

static int *calls_inside(struct waiting_store *waiting, const char *key) {
    return &waiting->calls_inside[file_of(key)];
}

static void enter(struct waiting_store *waiting, const char *key) {
    struct timespec until;
    bool is_full;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&waiting->lock);
    waiting->calls++;
    waiting->inside += (*calls_inside(waiting, key))++ == 0;
    waiting->most = waiting->inside > waiting->most ? waiting->inside : waiting->most;
    waiting->has_others = waiting->has_others || !pthread_equal(pthread_self(), waiting->caller);
    pthread_cond_broadcast(&waiting->changed);
    while (waiting->most < waiting->wanted && file_of(key) >= waiting->first &&
           !waiting->is_left_alone) {
        waiting->is_left_alone =
            pthread_cond_timedwait(&waiting->changed, &waiting->lock, &until) != 0;
    }
    is_full = waiting->wanted > 0 && waiting->inside >= waiting->wanted;
    pthread_mutex_unlock(&waiting->lock);
    /* If more than are wanted would come, they have the time. */
    if (is_full) {
        (void)poll(NULL, 0, 20);
    }
}

static ktk_status leave(struct waiting_store *waiting, const char *key, ktk_status status) {
    pthread_mutex_lock(&waiting->lock);
    waiting->inside -= --(*calls_inside(waiting, key)) == 0;
    pthread_mutex_unlock(&waiting->lock);
    return status;
}

static ktk_status waiting_get(void *state, const char *key, ktk_bytes *out,
                              ktk_store_version *version, ktk_error *err) {
    struct waiting_store *waiting = state;

    enter(waiting, key);
    return leave(waiting, key, ktk_store_get(waiting->base, key, out, version, err));
}

static ktk_status waiting_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                    ktk_bytes *out, ktk_error *err) {
    struct waiting_store *waiting = state;

    enter(waiting, key);
    return leave(waiting, key, ktk_store_get_range(waiting->base, key, offset, size, out, err));
}

static ktk_status waiting_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct waiting_store *waiting = state;

    enter(waiting, key);
    return leave(waiting, key, ktk_store_head(waiting->base, key, out, err));
}

static ktk_status waiting_list(void *state, const char *prefix, ktk_store_list_fn fn,
                               void *fn_state, ktk_error *err) {
    struct waiting_store *waiting = state;

    return ktk_store_list(waiting->base, prefix, fn, fn_state, err);
}

static void waiting_free(void *state) {
    struct waiting_store *waiting = state;

    ktk_store_free(waiting->base);
    pthread_cond_destroy(&waiting->changed);
    pthread_mutex_destroy(&waiting->lock);
}

const ktk_store_ops waiting_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = KTK_STORE_THREAD_SAFE,
    .get = waiting_get,
    .get_range = waiting_get_range,
    .head = waiting_head,
    .list = waiting_list,
    .free = waiting_free,
};

const ktk_store_ops waiting_far_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = KTK_STORE_THREAD_SAFE,
    .get = waiting_get,
    .get_range = waiting_get_range,
    .head = waiting_head,
    .list = waiting_list,
    .free = waiting_free,
    .calls_at_once = 7,
};

const ktk_store_ops waiting_lonely_ops = {
    .size = sizeof(ktk_store_ops),
    .get = waiting_get,
    .get_range = waiting_get_range,
    .head = waiting_head,
    .list = waiting_list,
    .free = waiting_free,
    .calls_at_once = 7,
};

ktk_store *waiting_store_new(struct waiting_store *waiting, const ktk_store_ops *ops,
                             ktk_store *base) {
    ktk_store *store = NULL;
    ktk_error err;

    *waiting = (struct waiting_store){.base = base, .caller = pthread_self()};
    pthread_mutex_init(&waiting->lock, NULL);
    pthread_cond_init(&waiting->changed, NULL);
    CHECK_OK(ktk_store_new(&store, ktk_store_context(base), ops, waiting, "waiting store", &err));
    return store;
}
