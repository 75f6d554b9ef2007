#include "support/failing_store.h"

#include <stdlib.h>

#include "store/backend.h"
#include "support/test.h"

struct faulty {
    struct failing_store *failing;
    ktk_store *base;
};

enum fate { FATE_WORKS, FATE_FAILS, FATE_ANSWER_LOST };

static enum fate fate_of(void *state, enum store_call call) {
    struct failing_store *failing = ((struct faulty *)state)->failing;
    int64_t number;

    if (failing->kinds != 0 && (failing->kinds & (1u << call)) == 0) {
        return FATE_WORKS;
    }
    number = atomic_fetch_add(&failing->calls, 1);
    if (failing->fail_at < 0 || number < failing->fail_at ||
        (number > failing->fail_at && failing->fails_once)) {
        return FATE_WORKS;
    }
    atomic_fetch_add(&failing->failures, 1);
    return number == failing->fail_at && failing->is_applied ? FATE_ANSWER_LOST : FATE_FAILS;
}

static ktk_status made_to_fail(void *state, const char *key, ktk_error *err) {
    struct failing_store *failing = ((struct faulty *)state)->failing;

    return ktk_error_set(err, failing->status == KTK_OK ? KTK_E_IO : failing->status,
                         "made to fail at '%s'", key);
}

static ktk_store *base_of(void *state) {
    return ((struct faulty *)state)->base;
}

/* Reads change nothing: a lost answer is a failure. */

static ktk_status faulty_get(void *state, const char *key, ktk_bytes *out,
                             ktk_store_version *version, ktk_error *err) {
    return fate_of(state, STORE_CALL_GET) != FATE_WORKS
               ? made_to_fail(state, key, err)
               : ktk_store_get(base_of(state), key, out, version, err);
}

static ktk_status faulty_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                   ktk_bytes *out, ktk_error *err) {
    return fate_of(state, STORE_CALL_GET_RANGE) != FATE_WORKS
               ? made_to_fail(state, key, err)
               : ktk_store_get_range(base_of(state), key, offset, size, out, err);
}

static ktk_status faulty_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    return fate_of(state, STORE_CALL_HEAD) != FATE_WORKS
               ? made_to_fail(state, key, err)
               : ktk_store_head(base_of(state), key, out, err);
}

static ktk_status faulty_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err) {
    return fate_of(state, STORE_CALL_LIST) != FATE_WORKS
               ? made_to_fail(state, prefix, err)
               : ktk_store_list(base_of(state), prefix, fn, fn_state, err);
}

static ktk_status faulty_put(void *state, const char *key, const void *data, size_t size,
                             const ktk_put_condition *condition, ktk_store_version *version,
                             ktk_error *err) {
    enum fate fate = fate_of(state, STORE_CALL_PUT);
    ktk_status status = KTK_OK;

    if (fate != FATE_FAILS) {
        status = ktk_store_put(base_of(state), key, data, size, condition,
                               fate == FATE_WORKS ? version : NULL, err);
    }
    return fate == FATE_WORKS ? status : made_to_fail(state, key, err);
}

static ktk_status faulty_remove(void *state, const char *key, ktk_error *err) {
    enum fate fate = fate_of(state, STORE_CALL_REMOVE);
    ktk_status status = fate == FATE_FAILS ? KTK_OK : ktk_store_remove(base_of(state), key, err);

    return fate == FATE_WORKS ? status : made_to_fail(state, key, err);
}

static ktk_status faulty_sync(void *state, ktk_error *err) {
    enum fate fate = fate_of(state, STORE_CALL_SYNC);
    ktk_status status = fate == FATE_FAILS ? KTK_OK : ktk_store_sync(base_of(state), err);

    return fate == FATE_WORKS ? status : made_to_fail(state, "", err);
}

static void faulty_free(void *state) {
    ktk_store_free(base_of(state));
    free(state);
}

static const ktk_store_ops faulty_ops = {
    .size = sizeof(ktk_store_ops),
    .get = faulty_get,
    .get_range = faulty_get_range,
    .head = faulty_head,
    .put = faulty_put,
    .remove = faulty_remove,
    .list = faulty_list,
    .sync = faulty_sync,
    .free = faulty_free,
};

ktk_store *failing_store_new(struct failing_store *failing, ktk_store *base) {
    struct faulty *faulty = malloc(sizeof(*faulty));
    const struct store_setup setup = {
        .ops = &faulty_ops,
        .caps = ktki_store_caps(base) | (uint32_t)KTK_STORE_THREAD_SAFE,
        .state = faulty,
        .name = "failing store",
        .keys = ktki_store_key_space(base),
        .is_view = true,
    };
    ktk_store *store = NULL;
    ktk_error err;

    assert_non_null(faulty);
    *faulty = (struct faulty){failing, ktk_store_ref(base)};
    CHECK_OK(ktki_store_new(&store, ktk_store_context(base), &setup, &err));
    ktki_store_set_level(store, ktki_store_level(base));
    return store;
}
