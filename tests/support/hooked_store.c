#include "support/hooked_store.h"

#include <stdlib.h>

#include <kartothek/sys/store.h>

#include "store/backend.h"
#include "support/test.h"

struct hooks {
    struct hooked_store *hooked;
    ktk_store *base;
};

static ktk_store *base_of(void *state) {
    return ((struct hooks *)state)->base;
}

static ktk_status hooked_get(void *state, const char *key, ktk_bytes *out,
                             ktk_store_version *version, ktk_error *err) {
    return ktk_store_get(base_of(state), key, out, version, err);
}

static ktk_status hooked_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    return ktk_store_head(base_of(state), key, out, err);
}

static ktk_status hooked_remove(void *state, const char *key, ktk_error *err) {
    return ktk_store_remove(base_of(state), key, err);
}

static ktk_status hooked_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err) {
    return ktk_store_list(base_of(state), prefix, fn, fn_state, err);
}

static void call_once(void (**hook)(void *), void *state) {
    void (*fn)(void *) = *hook;

    *hook = NULL;
    if (fn != NULL) {
        fn(state);
    }
}

static ktk_status hooked_put(void *state, const char *key, const void *data, size_t size,
                             const ktk_put_condition *condition, ktk_store_version *version,
                             ktk_error *err) {
    struct hooked_store *hooked = ((struct hooks *)state)->hooked;
    size_t key_size = strlen(key);
    size_t suffix_size = hooked->key_suffix == NULL ? 0 : strlen(hooked->key_suffix);
    bool is_awaited = hooked->key_suffix != NULL && key_size >= suffix_size &&
                      strcmp(key + key_size - suffix_size, hooked->key_suffix) == 0;
    ktk_status status;

    if (is_awaited) {
        call_once(&hooked->before_put, hooked->state);
    }
    status = ktk_store_put(base_of(state), key, data, size, condition, version, err);
    if (is_awaited) {
        call_once(&hooked->after_put, hooked->state);
    }
    return status;
}

static void hooked_free(void *state) {
    ktk_store_free(base_of(state));
    free(state);
}

static const ktk_store_ops hooked_ops = {
    .size = sizeof(ktk_store_ops),
    .get = hooked_get,
    .head = hooked_head,
    .put = hooked_put,
    .remove = hooked_remove,
    .list = hooked_list,
    .free = hooked_free,
};

ktk_store *hooked_store_new(struct hooked_store *hooked, ktk_store *base) {
    struct hooks *hooks = malloc(sizeof(*hooks));
    const struct store_setup setup = {
        .ops = &hooked_ops,
        .caps = (uint32_t)KTK_STORE_THREAD_SAFE |
                (hooked->is_unconditional ? (uint32_t)KTK_STORE_SINGLE_WRITER
                 : hooked->creates_only   ? (uint32_t)KTK_STORE_CONDITIONAL_CREATE
                                          : (uint32_t)KTK_STORE_CONDITIONAL_PUT),
        .state = hooks,
        .name = "hooked store",
        .keys = ktki_store_key_space(base),
        .is_view = true,
    };
    ktk_store *store = NULL;
    ktk_error err;

    assert_non_null(hooks);
    *hooks = (struct hooks){hooked, ktk_store_ref(base)};
    CHECK_OK(ktki_store_new(&store, ktk_store_context(base), &setup, &err));
    return store;
}
