/* What stores do about conditions, and which of them are written to. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/update.h>

#include "store/backend.h"
#include "support/frame.h"
#include "update/capability.h"

/* A memory store that takes conditions as the test says. */
struct moody {
    ktk_store *base;
    bool ignores_create;
    bool ignores_match;
    bool rejects_match;  /* whatever the version is */
    bool knows_no_match; /* KTK_E_UNSUPPORTED */
    bool is_by_value;    /* versions are digests of values, as ETags of S3 are */
    bool comes_twice;   /* each put is carried out, and what is heard is the answer to the second */
    ktk_status failure; /* of puts of scratch keys */
    int puts;
};

static ktk_context *context; /* of the case that runs */
static struct moody moody;

static ktk_status moody_get(void *state, const char *key, ktk_bytes *out,
                            ktk_store_version *version, ktk_error *err) {
    struct moody *self = state;
    ktk_status status = ktk_store_get(self->base, key, out, version, err);

    if (status == KTK_OK && self->is_by_value && version != NULL) {
        (void)snprintf(version->text, sizeof(version->text), "%.*s", (int)out->size,
                       (const char *)out->data);
    }
    return status;
}

/* The version of a value is the value. */
static ktk_status put_by_value(struct moody *self, const char *key, const char *value, size_t size,
                               const ktk_put_condition *condition, ktk_store_version *version,
                               ktk_error *err) {
    ktk_put_condition passed = {sizeof(passed), 0, condition->must_not_exist, NULL};
    ktk_bytes there = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    if (condition->matches != NULL) {
        assert_int_equal(ktk_store_get(self->base, key, &there, NULL, err), KTK_OK);
        if (there.size != strlen(condition->matches->text) ||
            memcmp(there.data, condition->matches->text, there.size) != 0) {
            status = ktk_error_set(err, KTK_E_CONFLICT, "412");
        }
        ktk_bytes_clear(&there);
    }
    if (status == KTK_OK) {
        status = ktk_store_put(self->base, key, value, size, &passed, NULL, err);
    }
    if (version != NULL) {
        (void)snprintf(version->text, sizeof(version->text), "%.*s", (int)size, value);
    }
    return status;
}

static ktk_status put_once(struct moody *self, const char *key, const void *data, size_t size,
                           const ktk_put_condition *condition, ktk_store_version *version,
                           ktk_error *err) {
    ktk_put_condition passed = *condition;

    if (self->failure != KTK_OK) {
        return ktk_error_set(err, self->failure, "a bad day");
    }
    if (condition->matches != NULL && self->knows_no_match) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "no such condition");
    }
    if (condition->matches != NULL && self->rejects_match) {
        return ktk_error_set(err, KTK_E_CONFLICT, "412");
    }
    if (self->is_by_value) {
        return put_by_value(self, key, data, size, condition, version, err);
    }
    passed.must_not_exist = passed.must_not_exist && !self->ignores_create;
    passed.matches = self->ignores_match ? NULL : passed.matches;
    return ktk_store_put(self->base, key, data, size, &passed, version, err);
}

static ktk_status moody_put(void *state, const char *key, const void *data, size_t size,
                            const ktk_put_condition *condition, ktk_store_version *version,
                            ktk_error *err) {
    struct moody *self = state;

    self->puts++;
    if (self->comes_twice) {
        (void)put_once(self, key, data, size, condition, NULL, NULL);
    }
    return put_once(self, key, data, size, condition, version, err);
}

static ktk_status moody_remove(void *state, const char *key, ktk_error *err) {
    return ktk_store_remove(((struct moody *)state)->base, key, err);
}

static ktk_status moody_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                             ktk_error *err) {
    return ktk_store_list(((struct moody *)state)->base, prefix, fn, fn_state, err);
}

static void moody_free(void *unused) {
    (void)unused;
}

static const ktk_store_ops moody_ops = {
    .size = sizeof(ktk_store_ops),
    .get = moody_get,
    .put = moody_put,
    .remove = moody_remove,
    .list = moody_list,
    .free = moody_free,
};

static ktk_store *open_moody(uint32_t caps) {
    const struct store_setup setup = {.ops = &moody_ops,
                                      .caps = caps,
                                      .state = &moody,
                                      .name = "moody store",
                                      .keys = KTKI_KEYS_EXTENDED};
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktki_store_new(&store, context, &setup, &err));
    return store;
}

static int set_up(void **unused) {
    ktk_error err;

    (void)unused;
    context = test_context_new(1);
    moody = (struct moody){.base = NULL};
    CHECK_OK(ktk_store_open(&moody.base, context, "hmemory://", &err));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    ktk_store_free(moody.base);
    test_context_free(context);
    return 0;
}

#define PROBED ((uint32_t)KTK_STORE_CONDITIONAL_PUT | (uint32_t)KTK_STORE_PROBED)

/* ---- levels ---- */

static void stores_that_promise_are_tried_out_once(void **unused) {
    static const struct {
        struct moody moody;
        enum capability_level level;
    } cases[] = {
        {{.ignores_create = false}, CAPABILITY_SWAP},
        {{.is_by_value = true}, CAPABILITY_SWAP},
        {{.ignores_create = true}, CAPABILITY_NONE},
        {{.ignores_match = true}, CAPABILITY_CREATE},
        {{.rejects_match = true}, CAPABILITY_CREATE},
        {{.knows_no_match = true}, CAPABILITY_CREATE},
        {{.ignores_create = true, .ignores_match = true}, CAPABILITY_NONE},
        {{.comes_twice = true}, CAPABILITY_SWAP},
        {{.comes_twice = true, .is_by_value = true}, CAPABILITY_SWAP},
        {{.comes_twice = true, .ignores_create = true}, CAPABILITY_NONE},
        {{.comes_twice = true, .ignores_match = true}, CAPABILITY_CREATE},
        {{.comes_twice = true, .rejects_match = true}, CAPABILITY_CREATE},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_store *base = moody.base;
        ktk_store *store;
        enum capability_level level;
        int puts;
        ktk_error err;

        moody = cases[i].moody;
        moody.base = base;
        store = open_moody(PROBED);
        assert_false(ktki_capability_swaps(store));
        CHECK_OK(ktki_capability_level(&level, store, "u", &err));
        assert_int_equal(level, cases[i].level);
        assert_int_equal(ktki_capability_swaps(store), level == CAPABILITY_SWAP);
        puts = moody.puts;
        assert_true(puts > 0);
        CHECK_OK(ktki_capability_level(&level, store, "u", &err));
        assert_int_equal(level, cases[i].level);
        assert_int_equal(moody.puts, puts);
        assert_int_equal(test_key_count(moody.base, ""), 0);
        ktk_store_free(store);
    }
}

static void nothing_is_learnt_from_a_failure(void **unused) {
    ktk_store *store = open_moody(PROBED);
    enum capability_level level = (enum capability_level)77;
    ktk_error err;

    (void)unused;
    moody.failure = KTK_E_UNAVAILABLE;
    CHECK_STATUS(ktki_capability_level(&level, store, "u", &err), KTK_E_UNAVAILABLE);
    assert_int_equal(level, 77);
    moody.failure = KTK_OK;
    CHECK_OK(ktki_capability_level(&level, store, "u", &err));
    assert_int_equal(level, CAPABILITY_SWAP);
    ktk_store_free(store);
}

static void what_is_known_is_not_tried(void **unused) {
    ktk_store *sure = open_moody((uint32_t)KTK_STORE_CONDITIONAL_PUT);
    ktk_store *creating = open_moody((uint32_t)KTK_STORE_CONDITIONAL_CREATE);
    ktk_store *plain = open_moody(0);
    enum capability_level level;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_capability_level(&level, sure, "u", &err));
    assert_int_equal(level, CAPABILITY_SWAP);
    CHECK_OK(ktki_capability_level(&level, plain, "u", &err));
    assert_int_equal(level, CAPABILITY_NONE);
    CHECK_OK(ktki_capability_level(&level, creating, "u", &err));
    assert_int_equal(level, CAPABILITY_CREATE);
    assert_int_equal(moody.puts, 0);
    ktk_store_free(creating);
    ktk_store_free(plain);
    ktk_store_free(sure);
}

/* ---- who is written to ---- */

static ktk_status append(ktk_store *store, const char *row, ktk_error *err) {
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_update *update = NULL;
    ktk_commit commit;
    ktk_status status;

    options.mode = KTK_UPDATE_CREATE_OR_UPDATE;
    status = ktk_update_begin(&update, store, "u", &options, err);
    if (status == KTK_OK) {
        status = test_frame(&stream, context, "v:int64", row, 0, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_add(update, &stream, NULL, err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, &commit, err);
    }
    ktk_update_free(update);
    return status;
}

static void commits_that_could_be_lost_are_refused(void **unused) {
    static const struct {
        uint32_t caps;
        bool ignores;       /* all conditions */
        bool ignores_match; /* only those that name a version */
        bool claims;
        ktk_status status;
    } cases[] = {
        {0, false, false, false, KTK_E_UNSUPPORTED},
        {PROBED, true, true, false, KTK_E_UNSUPPORTED},
        {PROBED, false, false, false, KTK_OK},
        {PROBED, false, true, true, KTK_OK},
        {(uint32_t)KTK_STORE_CONDITIONAL_CREATE, false, true, true, KTK_OK},
        {(uint32_t)KTK_STORE_SINGLE_WRITER, false, false, false, KTK_OK},
        {PROBED | (uint32_t)KTK_STORE_SINGLE_WRITER, true, true, false, KTK_OK},
        {PROBED | (uint32_t)KTK_STORE_SINGLE_WRITER, false, true, false, KTK_OK},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ktk_store *store = open_moody(cases[i].caps);
        ktk_error err;

        moody.ignores_create = cases[i].ignores;
        moody.ignores_match = cases[i].ignores_match;
        CHECK_STATUS(append(store, "1", &err), cases[i].status);
        if (cases[i].status != KTK_OK) {
            CHECK_MESSAGE("single-writer");
            CHECK_MESSAGE("moody store");
            assert_int_equal(test_key_count(moody.base, ""), 0);
        } else {
            CHECK_OK(append(store, "2", &err));
            test_check_dataset(moody.base, "u", "v|1;2");
            assert_int_equal(test_key_count(moody.base, "u/_ktk/claim/"), cases[i].claims ? 2 : 0);
            CHECK_OK(ktk_dataset_drop(moody.base, "u", &err));
        }
        ktk_store_free(store);
    }
}

static void a_url_says_that_there_is_one_writer(void **unused) {
    ktk_store *store = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_open(&store, context, "hmemory://?concurrency=single-writer", &err));
    assert_true((ktki_store_caps(store) & (uint32_t)KTK_STORE_SINGLE_WRITER) != 0);
    ktk_store_free(store);
    store = NULL;
    CHECK_STATUS(ktk_store_open(&store, context, "hmemory://?concurrency=two", &err),
                 KTK_E_INVALID);
    CHECK_MESSAGE("single-writer");
    assert_null(store);
}

/* ---- locks ---- */

struct lock {
    bool is_held;
    int busy;  /* so often it cannot be had */
    int lost;  /* so often it is lost */
    int count; /* how often it was taken */
    char name[8];
};

static ktk_status acquire(void *state, const char *name, ktk_error *err) {
    struct lock *lock = state;

    assert_false(lock->is_held);
    if (lock->busy > 0) {
        lock->busy--;
        return ktk_error_set(err, KTK_E_UNAVAILABLE, "somebody else has it");
    }
    lock->is_held = true;
    lock->count++;
    (void)snprintf(lock->name, sizeof(lock->name), "%s", name);
    return KTK_OK;
}

static ktk_status renew(void *state, const char *name, ktk_error *err) {
    struct lock *lock = state;

    assert_true(lock->is_held);
    assert_string_equal(name, lock->name);
    if (lock->lost > 0) {
        lock->lost--;
        return ktk_error_set(err, KTK_E_CONFLICT, "it lapsed");
    }
    return KTK_OK;
}

static void release(void *state, const char *name) {
    struct lock *lock = state;

    assert_true(lock->is_held);
    assert_string_equal(name, lock->name);
    lock->is_held = false;
}

static const ktk_lock_ops lock_ops = {sizeof(ktk_lock_ops), acquire, renew, release};

static void a_lock_makes_up_for_conditions(void **unused) {
    ktk_store *store = open_moody(0);
    struct lock lock = {.busy = 1, .lost = 1};
    ktk_lock_ops lasting = lock_ops;
    ktk_store *view = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_store_set_lock(store, &lock_ops, &lock, &err));
    CHECK_OK(append(store, "1", &err));
    assert_int_equal(lock.count, 2); /* once more after it was lost */
    assert_false(lock.is_held);
    CHECK_OK(append(store, "2", &err));
    assert_int_equal(lock.count, 3);
    lasting.renew = NULL;
    CHECK_OK(ktk_store_set_lock(store, &lasting, &lock, &err));
    CHECK_OK(ktk_store_prefixed(&view, store, "p/", &err));
    CHECK_OK(append(view, "3", &err));
    assert_int_equal(lock.count, 4);
    assert_false(lock.is_held);
    test_check_dataset(moody.base, "u", "v|1;2");
    moody.failure = KTK_E_DENIED;
    CHECK_STATUS(append(store, "4", &err), KTK_E_DENIED);
    assert_false(lock.is_held);
    lasting.release = NULL;
    CHECK_STATUS(ktk_store_set_lock(store, &lasting, &lock, &err), KTK_E_INVALID);
    ktk_store_free(view);
    ktk_store_free(store);
}

/* Who can do without does without. */
static void conditions_make_up_for_locks(void **unused) {
    static const uint32_t caps[] = {(uint32_t)KTK_STORE_CONDITIONAL_PUT,
                                    (uint32_t)KTK_STORE_CONDITIONAL_CREATE};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        ktk_store *store = open_moody(caps[i]);
        struct lock lock = {.count = 0};
        ktk_error err;

        CHECK_OK(ktk_store_set_lock(store, &lock_ops, &lock, &err));
        CHECK_OK(append(store, "1", &err));
        assert_int_equal(lock.count, 0);
        CHECK_OK(ktk_dataset_drop(store, "u", &err));
        ktk_store_free(store);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(stores_that_promise_are_tried_out_once),
        CASE(nothing_is_learnt_from_a_failure),
        CASE(what_is_known_is_not_tried),
        CASE(commits_that_could_be_lost_are_refused),
        CASE(a_url_says_that_there_is_one_writer),
        CASE(a_lock_makes_up_for_conditions),
        CASE(conditions_make_up_for_locks),
    };
    return cmocka_run_group_tests_name("update/capability", tests, NULL, NULL);
}
