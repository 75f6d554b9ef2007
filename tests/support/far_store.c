#include "support/far_store.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include <kartothek/sys/store.h>

#include "support/test.h"

static bool is_data_file(const char *key) {
    return strncmp(key, "u/table/", 8) == 0 && strstr(key, ".parquet") != NULL;
}

static bool enter(struct far_store *far) {
    struct timespec until;
    bool fails;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&far->lock);
    fails = far->puts++ == far->fail_at;
    far->inside++;
    far->most = far->inside > far->most ? far->inside : far->most;
    pthread_cond_broadcast(&far->changed);
    while (far->most < far->wanted && !far->is_left_alone) {
        far->is_left_alone = pthread_cond_timedwait(&far->changed, &far->lock, &until) != 0;
    }
    pthread_mutex_unlock(&far->lock);
    return fails;
}

static ktk_status far_put(void *state, const char *key, const void *data, size_t size,
                          const ktk_put_condition *condition, ktk_store_version *version,
                          ktk_error *err) {
    struct far_store *far = state;
    ktk_status status;

    if (!is_data_file(key)) {
        return ktk_store_put(far->base, key, data, size, condition, version, err);
    }
    if (enter(far)) {
        status = ktk_error_set(err, KTK_E_IO, "made to fail");
    } else {
        /* Whoever does not wait for it has the time to show that. */
        (void)poll(NULL, 0, 5);
        status = ktk_store_put(far->base, key, data, size, condition, version, err);
    }
    pthread_mutex_lock(&far->lock);
    far->inside--;
    pthread_mutex_unlock(&far->lock);
    return status;
}

static ktk_status far_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                          ktk_error *err) {
    struct far_store *far = state;

    pthread_mutex_lock(&far->lock);
    far->schema_gets += strstr(key, "/_common_metadata") != NULL;
    pthread_mutex_unlock(&far->lock);
    return ktk_store_get(far->base, key, out, version, err);
}

static ktk_status far_remove(void *state, const char *key, ktk_error *err) {
    return ktk_store_remove(((struct far_store *)state)->base, key, err);
}

static ktk_status far_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                           ktk_error *err) {
    return ktk_store_list(((struct far_store *)state)->base, prefix, fn, fn_state, err);
}

static void far_free(void *state) {
    struct far_store *far = state;

    pthread_cond_destroy(&far->changed);
    pthread_mutex_destroy(&far->lock);
}

static const ktk_store_ops far_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT,
    .get = far_get,
    .put = far_put,
    .remove = far_remove,
    .list = far_list,
    .free = far_free,
    .calls_at_once = 6,
};

ktk_store *far_store_new(struct far_store *far, ktk_store *base) {
    ktk_store *store = NULL;
    ktk_error err;

    *far = (struct far_store){.base = base, .fail_at = -1};
    pthread_mutex_init(&far->lock, NULL);
    pthread_cond_init(&far->changed, NULL);
    CHECK_OK(ktk_store_new(&store, ktk_store_context(base), &far_ops, far, "far store", &err));
    return store;
}
