#include "support/timed_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/backend.h"
#include "support/test.h"

struct timed {
    struct timed_store *timed;
    ktk_store *base;
};

static ktk_store *enter(void *state, const char *key) {
    struct timed *timed = state;

    if (timed->timed->before_call != NULL) {
        timed->timed->before_call(timed->timed->state, key);
    }
    return timed->base;
}

static struct timed_keys *keys_of(void *state) {
    return ((struct timed *)state)->timed->keys;
}

static int64_t *find_time(struct timed_keys *keys, const char *key) {
    for (size_t i = keys->count; i > 0; i--) {
        if (strcmp(keys->items[i - 1].key, key) == 0) {
            return &keys->items[i - 1].written_us;
        }
    }
    return NULL;
}

/* Keys that were there before count as old as can be. */
static int64_t time_of(struct timed_keys *keys, const char *key) {
    const int64_t *found = find_time(keys, key);

    return keys->is_unknown ? -1 : found != NULL ? *found : 0;
}

static ktk_status timed_get(void *state, const char *key, ktk_bytes *out,
                            ktk_store_version *version, ktk_error *err) {
    return ktk_store_get(enter(state, key), key, out, version, err);
}

static ktk_status timed_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    ktk_status status = ktk_store_head(enter(state, key), key, out, err);

    if (status == KTK_OK) {
        out->modified_us = time_of(keys_of(state), key);
    }
    return status;
}

static ktk_status timed_put(void *state, const char *key, const void *data, size_t size,
                            const ktk_put_condition *condition, ktk_store_version *version,
                            ktk_error *err) {
    struct timed_keys *keys = keys_of(state);
    ktk_status status = ktk_store_put(enter(state, key), key, data, size, condition, version, err);
    int64_t *found = find_time(keys, key);

    if (status == KTK_OK && found != NULL) {
        *found = keys->now_us;
    } else if (status == KTK_OK) {
        assert_true(keys->count < TIMED_KEYS_MAX);
        assert_true(strlen(key) < sizeof(keys->items[0].key));
        (void)snprintf(keys->items[keys->count].key, sizeof(keys->items[0].key), "%s", key);
        keys->items[keys->count++].written_us = keys->now_us;
    }
    return status;
}

static ktk_status timed_remove(void *state, const char *key, ktk_error *err) {
    return ktk_store_remove(enter(state, key), key, err);
}

struct listing {
    struct timed_keys *keys;
    ktk_store_list_fn fn;
    void *state;
};

static ktk_status list_one(void *state, const ktk_store_entry *entry, ktk_error *err) {
    const struct listing *listing = state;
    ktk_store_entry timed = *entry;

    timed.modified_us = time_of(listing->keys, entry->key);
    return listing->fn(listing->state, &timed, err);
}

static ktk_status timed_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                             ktk_error *err) {
    struct listing listing = {keys_of(state), fn, fn_state};

    return ktk_store_list(enter(state, prefix), prefix, list_one, &listing, err);
}

static void timed_free(void *state) {
    ktk_store_free(((struct timed *)state)->base);
    free(state);
}

static const ktk_store_ops timed_ops = {
    .size = sizeof(ktk_store_ops),
    .get = timed_get,
    .head = timed_head,
    .put = timed_put,
    .remove = timed_remove,
    .list = timed_list,
    .free = timed_free,
};

ktk_store *timed_store_new(struct timed_store *timed, ktk_store *base) {
    struct timed *state = malloc(sizeof(*state));
    const struct store_setup setup = {
        .ops = &timed_ops,
        .caps = ktki_store_caps(base) | (uint32_t)KTK_STORE_THREAD_SAFE,
        .state = state,
        .name = "timed store",
        .keys = ktki_store_key_space(base),
        .is_view = true,
    };
    ktk_store *store = NULL;
    ktk_error err;

    assert_non_null(state);
    *state = (struct timed){timed, ktk_store_ref(base)};
    CHECK_OK(ktki_store_new(&store, ktk_store_context(base), &setup, &err));
    ktki_store_set_level(store, ktki_store_level(base));
    return store;
}
