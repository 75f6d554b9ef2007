#include "support/counting_store.h"

#include <stdlib.h>

#include "store/backend.h"
#include "support/test.h"

struct counted {
    struct counting_store *counting;
    ktk_store *base;
};

static ktk_store *count(void *state, enum store_call call) {
    struct counted *counted = state;

    atomic_fetch_add(&counted->counting->calls[call], 1);
    return counted->base;
}

static void count_read(void *state, ktk_status status, const ktk_bytes *bytes) {
    struct counted *counted = state;

    if (status == KTK_OK) {
        atomic_fetch_add(&counted->counting->bytes_read, (int64_t)bytes->size);
    }
}

static ktk_status counted_get(void *state, const char *key, ktk_bytes *out,
                              ktk_store_version *version, ktk_error *err) {
    ktk_status status = ktk_store_get(count(state, STORE_CALL_GET), key, out, version, err);

    count_read(state, status, out);
    return status;
}

static ktk_status counted_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                    ktk_bytes *out, ktk_error *err) {
    ktk_status status =
        ktk_store_get_range(count(state, STORE_CALL_GET_RANGE), key, offset, size, out, err);

    count_read(state, status, out);
    return status;
}

static ktk_status counted_get_end(void *state, const char *key, int64_t size, ktk_bytes *out,
                                  int64_t *value_size, ktk_error *err) {
    ktk_status status =
        ktki_store_get_end(count(state, STORE_CALL_GET_END), key, size, out, value_size, err);

    count_read(state, status, out);
    return status;
}

static ktk_status counted_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    return ktk_store_head(count(state, STORE_CALL_HEAD), key, out, err);
}

static ktk_status counted_put(void *state, const char *key, const void *data, size_t size,
                              const ktk_put_condition *condition, ktk_store_version *version,
                              ktk_error *err) {
    struct counted *counted = state;
    ktk_status status =
        ktk_store_put(count(state, STORE_CALL_PUT), key, data, size, condition, version, err);

    if (status == KTK_OK) {
        atomic_fetch_add(&counted->counting->bytes_written, (int64_t)size);
    }
    return status;
}

static ktk_status counted_remove(void *state, const char *key, ktk_error *err) {
    return ktk_store_remove(count(state, STORE_CALL_REMOVE), key, err);
}

static ktk_status counted_list(void *state, const char *prefix, ktk_store_list_fn fn,
                               void *fn_state, ktk_error *err) {
    return ktk_store_list(count(state, STORE_CALL_LIST), prefix, fn, fn_state, err);
}

static ktk_status counted_sync(void *state, ktk_error *err) {
    return ktk_store_sync(count(state, STORE_CALL_SYNC), err);
}

static void counted_free(void *state) {
    struct counted *counted = state;

    ktk_store_free(counted->base);
    free(counted);
}

static const ktk_store_ops counted_ops = {
    .size = sizeof(ktk_store_ops),
    .get = counted_get,
    .get_range = counted_get_range,
    .head = counted_head,
    .put = counted_put,
    .remove = counted_remove,
    .list = counted_list,
    .sync = counted_sync,
    .free = counted_free,
};

static ktk_store *make(struct counting_store *counting, ktk_store *base, bool is_far) {
    struct counted *counted = malloc(sizeof(*counted));
    const struct store_setup setup = {
        .ops = &counted_ops,
        .caps = ktki_store_caps(base) | (uint32_t)KTK_STORE_THREAD_SAFE,
        .state = counted,
        .name = "counting store",
        .keys = ktki_store_key_space(base),
        .is_view = true,
        .get_end = is_far ? counted_get_end : NULL,
    };
    ktk_store *store = NULL;
    ktk_error err;

    assert_non_null(counted);
    *counted = (struct counted){counting, ktk_store_ref(base)};
    CHECK_OK(ktki_store_new(&store, ktk_store_context(base), &setup, &err));
    ktki_store_set_level(store, ktki_store_level(base));
    return store;
}

ktk_store *counting_store_new(struct counting_store *counting, ktk_store *base) {
    return make(counting, base, false);
}

ktk_store *counting_store_new_far(struct counting_store *counting, ktk_store *base) {
    return make(counting, base, true);
}

int64_t counting_store_calls(const struct counting_store *counting) {
    int64_t sum = 0;

    for (int i = 0; i < STORE_CALL_COUNT; i++) {
        sum += atomic_load(&counting->calls[i]);
    }
    return sum;
}
