#include "store/backend.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"

#define KNOWN_CAPS                                                                                 \
    ((uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT |                       \
     (uint32_t)KTK_STORE_PROBED | (uint32_t)KTK_STORE_SINGLE_WRITER |                              \
     (uint32_t)KTK_STORE_CONDITIONAL_CREATE)
#define KNOWN_PUT_FLAGS ((uint32_t)KTK_PUT_DEFER_SYNC)

typedef ktk_status (*list_fn)(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err);

typedef ktk_status (*get_end_fn)(void *state, const char *key, int64_t size, ktk_bytes *out,
                                 int64_t *value_size, ktk_error *err);
typedef ktk_status (*get_ranges_fn)(void *state, const char *key, const struct object_range *ranges,
                                    size_t count, ktk_bytes *out, ktk_error *err);
typedef ktk_status (*remove_many_fn)(void *state, struct removal *removals, size_t count,
                                     ktk_error *err);
typedef ktk_status (*copy_fn)(void *state, const char *key, void *source, const char *source_key,
                              int64_t *size, ktk_error *err);

struct ktk_store {
    atomic_int_fast64_t references;
    ktk_context *context;
    const ktk_allocator *allocator; /* of the context */
    const ktk_store_ops *ops;
    uint32_t caps;
    int32_t calls_at_once;
    atomic_int level;       /* see ktki_store_level() */
    struct store_lock held; /* what updates hold; no operations: none */
    void *state;
    char *name;
    enum key_space keys;
    bool slices;
    bool is_view;
    list_fn list_keys; /* NULL: the store lists everything or nothing of a key */
    int (*take_turn)(void *state, const char *key); /* NULL: there are no turns */
    void (*end_turn)(void *state, int turn);
    get_end_fn get_end;                                      /* NULL: looked at first */
    get_ranges_fn get_ranges;                                /* NULL: one after the other */
    remove_many_fn remove_many;                              /* NULL: one by one */
    copy_fn copy;                                            /* NULL: there is no such way */
    const struct put_ops *puts;                              /* NULL: whole values only */
    void (*describe)(void *state, struct store_origin *out); /* NULL: nothing to say */
    pthread_mutex_t lock; /* held around each operation unless the backend is thread-safe */
};

/* ---- life ---- */

ktk_status ktki_store_new(ktk_store **out, ktk_context *context, const struct store_setup *setup,
                          ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    const ktk_store_ops *ops = setup->ops;
    ktk_store *store = NULL;
    char *name = NULL;
    ktk_status status = KTK_OK;

    if (ops->size != sizeof(*ops)) {
        KTKI_FAIL(err, KTK_E_INVALID, "store operations must have size %zu, not %zu", sizeof(*ops),
                  ops->size);
    }
    if (ops->get == NULL || ops->list == NULL || ops->free == NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "store operations need 'get', 'list' and 'free'");
    }
    if ((setup->caps & ~KNOWN_CAPS) != 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown store capabilities 0x%x", setup->caps & ~KNOWN_CAPS);
    }
    if (setup->calls_at_once < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the number of calls at once must not be negative: %d",
                  setup->calls_at_once);
    }
    KTKI_TRY(ktki_copy_text(allocator, setup->name, strlen(setup->name), &name, err));
    KTKI_TRY(KTKI_NEW(allocator, &store, err));
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make the lock of a store");
    }
    atomic_init(&store->references, 1);
    store->context = ktk_context_ref(context);
    store->allocator = allocator;
    store->ops = ops;
    store->caps = setup->caps;
    store->calls_at_once =
        (setup->caps & (uint32_t)KTK_STORE_THREAD_SAFE) != 0 ? setup->calls_at_once : 1;
    atomic_init(&store->level, -1);
    store->state = setup->state;
    store->name = name;
    store->keys = setup->keys;
    store->slices = setup->slices || ops->get_range == NULL;
    store->is_view = setup->is_view;
    store->list_keys = setup->list_keys;
    store->take_turn = setup->take_turn;
    store->end_turn = setup->end_turn;
    store->get_end = setup->get_end;
    store->get_ranges = setup->get_ranges;
    store->remove_many = setup->remove_many;
    store->copy = setup->copy;
    store->puts = setup->puts;
    store->describe = setup->describe;
    *out = store;
    store = NULL;
    name = NULL;
out:
    KTKI_DELETE(allocator, store);
    ktki_free_text(allocator, name);
    return status;
}

ktk_status ktk_store_new(ktk_store **out, ktk_context *context, const ktk_store_ops *ops,
                         void *state, const char *name, ktk_error *err) {
    const struct store_setup setup = {
        .ops = ops,
        .caps = ops->caps,
        .calls_at_once = ops->calls_at_once,
        .state = state,
        .name = name,
        .keys = KTKI_KEYS_EXTENDED,
    };

    return ktki_store_new(out, context, &setup, err);
}

ktk_store *ktk_store_ref(ktk_store *store) {
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

void ktk_store_free(ktk_store *store) {
    ktk_context *context;

    if (store == NULL ||
        atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    (store->ops->free)(store->state); /* in brackets, or the macro of alloc.h would take it */
    pthread_mutex_destroy(&store->lock);
    context = store->context;
    ktki_free_text(store->allocator, store->name);
    KTKI_DELETE(store->allocator, store);
    ktk_context_free(context);
}

const char *ktk_store_name(const ktk_store *store) {
    return store->name;
}

ktk_context *ktk_store_context(const ktk_store *store) {
    return store->context;
}

bool ktk_store_has_conditional_put(const ktk_store *store) {
    return (store->caps & (uint32_t)KTK_STORE_CONDITIONAL_PUT) != 0;
}

enum key_space ktki_store_key_space(const ktk_store *store) {
    return store->keys;
}

uint32_t ktki_store_caps(const ktk_store *store) {
    return store->caps;
}

int32_t ktki_store_calls_at_once(const ktk_store *store) {
    return store->calls_at_once;
}

bool ktki_store_is_far(const ktk_store *store) {
    return store->calls_at_once > 1 || store->get_end != NULL;
}

int64_t ktki_store_told_within_us(int64_t modified_us) {
    return modified_us % 1000000 == 0 ? 999999 : 0;
}

bool ktki_store_slices(const ktk_store *store) {
    return store->slices;
}

bool ktki_store_has_end(const ktk_store *store) {
    return store->get_end != NULL;
}

ktk_status ktki_store_run(ktk_store *store, size_t count, ktki_pool_fn fn, void *state,
                          ktk_error *err) {
    ktk_context *context = store->context;
    size_t threads = (size_t)ktk_context_threads(context);
    size_t wanted = count < (size_t)store->calls_at_once ? count : (size_t)store->calls_at_once;
    struct pool *own = NULL;
    ktk_status status = KTK_OK;

    if (threads > 1 && wanted > threads) {
        KTKI_TRY(ktki_context_pool_new(&own, context, (int32_t)wanted, err));
    }
    status = ktki_pool_run(own != NULL ? own : ktki_context_pool(context), count, fn, state, err);
out:
    ktki_pool_free(own);
    return status;
}

void ktki_store_add_caps(ktk_store *store, uint32_t caps) {
    store->caps |= caps;
}

int ktki_store_level(const ktk_store *store) {
    return atomic_load_explicit(&store->level, memory_order_relaxed);
}

void ktki_store_set_level(ktk_store *store, int level) {
    atomic_store_explicit(&store->level, level, memory_order_relaxed);
}

ktk_status ktk_store_set_lock(ktk_store *store, const ktk_lock_ops *ops, void *state,
                              ktk_error *err) {
    if (ops->size != sizeof(*ops) || ops->acquire == NULL || ops->release == NULL) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "lock operations must have size %zu, 'acquire' and 'release'",
                             sizeof(*ops));
    }
    store->held = (struct store_lock){ops, state};
    return KTK_OK;
}

void ktki_store_describe(const ktk_store *store, struct store_origin *out) {
    *out = (struct store_origin){0};
    if (store->describe != NULL) {
        store->describe(store->state, out);
    }
}

const struct store_lock *ktki_store_lock(const ktk_store *store) {
    return store->held.ops != NULL ? &store->held : NULL;
}

int ktki_store_take_turn(ktk_store *store, const char *key) {
    return store->take_turn == NULL ? -1 : store->take_turn(store->state, key);
}

void ktki_store_end_turn(ktk_store *store, int turn) {
    if (turn >= 0) {
        store->end_turn(store->state, turn);
    }
}

/* ---- keys ---- */

static bool is_legal(char character, enum key_space keys) {
    static const char punctuation[] = "\\`!\"#$%&'()+,-.<=>?@[]^_{}~";

    if ((character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
        (character >= 'A' && character <= 'Z')) {
        return true;
    }
    if (character == '/' || character == ' ') {
        return keys == KTKI_KEYS_EXTENDED;
    }
    return memchr(punctuation, character, sizeof(punctuation) - 1) != NULL;
}

static ktk_status check_characters(const ktk_store *store, const char *key, ktk_error *err) {
    const char *at = key;

    if (store->keys == KTKI_KEYS_ANY) {
        return ktki_utf8_is_valid(key, strlen(key))
                   ? KTK_OK
                   : ktk_error_set(err, KTK_E_INVALID, "a key is not valid UTF-8 text");
    }
    while (*at != '\0' && is_legal(*at, store->keys)) {
        at++;
    }
    if (*at == '\0') {
        return KTK_OK;
    }
    if (*at == '/' || *at == ' ') {
        return ktk_error_set(err, KTK_E_INVALID,
                             "key '%s' must not contain '%c' in %s; use a URL scheme that starts "
                             "with 'h'",
                             key, *at, store->name);
    }
    if (*at > ' ' && *at <= '~') {
        return ktk_error_set(err, KTK_E_INVALID, "key '%s' must not contain '%c'", key, *at);
    }
    return ktk_error_set(err, KTK_E_INVALID,
                         "byte %zu of a key is 0x%02x; only printable ASCII is allowed",
                         (size_t)(at - key), (unsigned)(unsigned char)*at);
}

static ktk_status check_key(const ktk_store *store, const char *key, ktk_error *err) {
    if (key == NULL || key[0] == '\0') {
        return ktk_error_set(err, KTK_E_INVALID, "a key must not be empty");
    }
    if (strcmp(key, "/") == 0 && store->keys != KTKI_KEYS_ANY) {
        return ktk_error_set(err, KTK_E_INVALID, "'/' alone is no key");
    }
    return check_characters(store, key, err);
}

/* ---- calling the backend ---- */

/* Take what a backend needs before an operation starts. */
static void enter(ktk_store *store) {
    if ((store->caps & (uint32_t)KTK_STORE_THREAD_SAFE) == 0) {
        pthread_mutex_lock(&store->lock);
    }
}

ktk_status ktki_store_tell(const ktk_store *store, const char *key, ktk_status status,
                           ktk_error *inner, ktk_error *err) {
    if (status != KTK_OK && err != NULL) {
        if (inner->message[0] == '\0') {
            (void)ktk_error_set(inner, status, "%s", ktk_status_name(status));
        }
        if (!store->is_view) {
            ktki_error_context(inner, "%s", store->name);
        }
        inner->status = (int32_t)status;
        if (key != NULL) {
            ktki_error_about(inner, KTK_REASON_KEY, key);
        }
        *err = *inner;
    }
    return status;
}

/* The end of an operation: hand its failure over to the caller, with the store's name before it. */
static ktk_status leave(ktk_store *store, const char *key, ktk_status status, ktk_error *inner,
                        ktk_error *err) {
    if ((store->caps & (uint32_t)KTK_STORE_THREAD_SAFE) == 0) {
        pthread_mutex_unlock(&store->lock);
    }
    return ktki_store_tell(store, key, status, inner, err);
}

static ktk_status check_size(const ktk_store *store, const char *key, size_t size, ktk_error *err) {
    int64_t size_max = ktki_context_limits(store->context)->object_bytes_max;

    if (size > (uint64_t)size_max) {
        return ktk_error_set(err, KTK_E_LIMIT,
                             "'%s' has %zu bytes, more than object_bytes_max = %lld", key, size,
                             (long long)size_max);
    }
    return KTK_OK;
}

ktk_status ktk_store_get(ktk_store *store, const char *key, ktk_bytes *out,
                         ktk_store_version *version, ktk_error *err) {
    ktk_store_version found = {{0}};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    enter(store);
    status = store->ops->get(store->state, key, &bytes, &found, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
    KTKI_TRY(check_size(store, key, bytes.size, err));
    *out = bytes;
    bytes = (ktk_bytes)KTK_BYTES_INIT;
    if (version != NULL) {
        *version = found;
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}

/* Part of a value that a backend handed out whole. */
struct slice {
    const ktk_allocator *allocator;
    ktk_bytes whole;
};

static void slice_release(ktk_bytes *bytes) {
    struct slice *slice = bytes->owner;

    ktk_bytes_clear(&slice->whole);
    KTKI_DELETE(slice->allocator, slice);
}

static ktk_status get_and_slice(ktk_store *store, const char *key, int64_t offset, int64_t size,
                                ktk_bytes *out, ktk_error *err) {
    struct slice *slice = NULL;
    ktk_bytes whole = KTK_BYTES_INIT;
    size_t left;
    ktk_status status = KTK_OK;

    KTKI_TRY(store->ops->get(store->state, key, &whole, NULL, err));
    if ((uint64_t)offset > whole.size) {
        KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the %zu bytes of '%s'",
                  (long long)offset, whole.size, key);
    }
    KTKI_TRY(KTKI_NEW(store->allocator, &slice, err));
    left = whole.size - (size_t)offset;
    *slice = (struct slice){store->allocator, whole};
    *out = (ktk_bytes){whole.data == NULL ? NULL : whole.data + offset,
                       (uint64_t)size < left ? (size_t)size : left, slice_release, slice};
    whole = (ktk_bytes)KTK_BYTES_INIT;
out:
    ktk_bytes_clear(&whole);
    return status;
}

ktk_status ktk_store_get_range(ktk_store *store, const char *key, int64_t offset, int64_t size,
                               ktk_bytes *out, ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    if (offset < 0 || size < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a range must not be negative: offset %lld, size %lld",
                  (long long)offset, (long long)size);
    }
    enter(store);
    if (store->ops->get_range != NULL) {
        status = store->ops->get_range(store->state, key, offset, size, out, &inner);
    } else {
        status = get_and_slice(store, key, offset, size, out, &inner);
    }
    KTKI_TRY(leave(store, key, status, &inner, err));
out:
    return status;
}

static ktk_status get_and_measure(ktk_store *store, const char *key, ktk_store_entry *out,
                                  ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = store->ops->get(store->state, key, &bytes, &out->version, err);

    if (status == KTK_OK) {
        out->size = (int64_t)bytes.size;
        ktk_bytes_clear(&bytes);
    }
    return status;
}

ktk_status ktk_store_head(ktk_store *store, const char *key, ktk_store_entry *out, ktk_error *err) {
    ktk_store_entry entry = {NULL, -1, -1, {{0}}};
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    enter(store);
    status = store->ops->head != NULL ? store->ops->head(store->state, key, &entry, &inner)
                                      : get_and_measure(store, key, &entry, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
    entry.key = key;
    *out = entry;
out:
    return status;
}

/* The end of a value that must be looked at first. */
static ktk_status look_and_get_end(ktk_store *store, const char *key, int64_t size, ktk_bytes *out,
                                   int64_t *value_size, ktk_error *err) {
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_store_head(store, key, &entry, err));
    if (entry.size < 0) {
        KTKI_TRY(ktk_store_get(store, key, out, NULL, err));
        entry.size = (int64_t)out->size;
    } else {
        size = size < entry.size ? size : entry.size;
        KTKI_TRY(ktk_store_get_range(store, key, entry.size - size, size, out, err));
    }
    *value_size = entry.size;
out:
    return status;
}

ktk_status ktki_store_get_end(ktk_store *store, const char *key, int64_t size, ktk_bytes *out,
                              int64_t *value_size, ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    if (store->get_end == NULL) {
        return look_and_get_end(store, key, size, out, value_size, err);
    }
    KTKI_TRY(check_key(store, key, err));
    enter(store);
    status = store->get_end(store->state, key, size, out, value_size, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
out:
    return status;
}

static ktk_status get_one_by_one(ktk_store *store, const char *key,
                                 const struct object_range *ranges, size_t count, ktk_bytes *out,
                                 ktk_error *err) {
    size_t done = 0;
    ktk_status status = KTK_OK;

    for (; done < count; done++) {
        KTKI_TRY(ktk_store_get_range(store, key, ranges[done].offset, ranges[done].size, &out[done],
                                     err));
    }
out:
    for (size_t i = 0; i < done && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
    return status;
}

ktk_status ktki_store_get_ranges(ktk_store *store, const char *key,
                                 const struct object_range *ranges, size_t count, ktk_bytes *out,
                                 ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    if (store->get_ranges == NULL || count < 2) {
        return get_one_by_one(store, key, ranges, count, out, err);
    }
    KTKI_TRY(check_key(store, key, err));
    enter(store);
    status = store->get_ranges(store->state, key, ranges, count, out, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
out:
    return status;
}

/* Can the backend honour what the condition asks for? */
static bool can_honour(const ktk_store *store, const ktk_put_condition *condition) {
    if (condition->matches != NULL) {
        return ktk_store_has_conditional_put(store);
    }
    return !condition->must_not_exist || ktk_store_has_conditional_put(store) ||
           (store->caps & (uint32_t)KTK_STORE_CONDITIONAL_CREATE) != 0;
}

static ktk_status check_condition(const ktk_store *store, const ktk_put_condition *condition,
                                  ktk_error *err) {
    if (condition == NULL) {
        return KTK_OK;
    }
    if (condition->size != sizeof(*condition)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "a put condition must start as KTK_PUT_CONDITION_INIT");
    }
    if ((condition->flags & ~KNOWN_PUT_FLAGS) != 0) {
        return ktk_error_set(err, KTK_E_INVALID, "unknown put flags 0x%x", condition->flags);
    }
    if (condition->must_not_exist && condition->matches != NULL) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "a put cannot ask for an absent key and for a version of it");
    }
    if (condition->matches != NULL && condition->matches->text[0] == '\0') {
        return ktk_error_set(err, KTK_E_INVALID, "a put cannot ask for an unknown version");
    }
    if (!can_honour(store, condition)) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "%s has no conditional put, which protects against lost updates",
                             store->name);
    }
    return KTK_OK;
}

static ktk_status check_put(const ktk_store *store, const char *key,
                            const ktk_put_condition *condition, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    if (store->ops->put == NULL) {
        KTKI_FAIL(err, KTK_E_READ_ONLY, "%s is read-only: cannot put '%s'", store->name, key);
    }
    KTKI_TRY(check_condition(store, condition, err));
out:
    return status;
}

ktk_status ktki_store_begin(ktk_store *store, const char *key, const ktk_put_condition *condition,
                            const struct put_ops **ops, void **put, ktk_error *err) {
    const struct put_ops *puts = store->puts;
    bool has_condition = condition->must_not_exist || condition->matches != NULL;
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_put(store, key, condition, err));
    if (puts != NULL && has_condition && !puts->has_conditions) {
        puts = NULL;
    }
    if (puts != NULL) {
        status = puts->begin(store->state, key, condition, put, &inner);
        KTKI_TRY(ktki_store_tell(store, key, status, &inner, err));
    }
    *ops = puts;
out:
    return status;
}

ktk_status ktk_store_put(ktk_store *store, const char *key, const void *data, size_t size,
                         const ktk_put_condition *condition, ktk_store_version *version,
                         ktk_error *err) {
    ktk_store_version written = {{0}};
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_put(store, key, condition, err));
    enter(store);
    status = store->ops->put(store->state, key, data, size, condition, &written, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
    if (version != NULL) {
        *version = written;
    }
out:
    return status;
}

ktk_status ktk_store_sync(ktk_store *store, ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    if (store->ops->sync == NULL) {
        return KTK_OK;
    }
    enter(store);
    status = store->ops->sync(store->state, &inner);
    return leave(store, NULL, status, &inner, err);
}

ktk_status ktk_store_remove(ktk_store *store, const char *key, ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    if (store->ops->remove == NULL) {
        KTKI_FAIL(err, KTK_E_READ_ONLY, "%s is read-only: cannot remove '%s'", store->name, key);
    }
    enter(store);
    status = store->ops->remove(store->state, key, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
out:
    return status;
}

ktk_status ktki_store_remove_batch(ktk_store *store, struct removal *removals, size_t count,
                                   ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(check_key(store, removals[i].key, err));
    }
    if (store->remove_many != NULL && store->ops->remove != NULL && count > 1) {
        enter(store);
        status = store->remove_many(store->state, removals, count, &inner);
        KTKI_TRY(leave(store, NULL, status, &inner, err));
    }
out:
    return status;
}

bool ktki_store_can_copy(const ktk_store *store, const ktk_store *source) {
    return store->copy != NULL && store->copy == source->copy;
}

ktk_status ktki_store_copy(ktk_store *store, const char *key, ktk_store *source,
                           const char *source_key, int64_t *size, ktk_error *err) {
    ktk_error inner = {0};
    int64_t copied;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_key(store, key, err));
    KTKI_TRY(check_key(source, source_key, err));
    if (!ktki_store_can_copy(store, source)) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED, "%s cannot copy what is in %s", store->name,
                  source->name);
    }
    enter(store);
    status = store->copy(store->state, key, source->state, source_key, &copied, &inner);
    KTKI_TRY(leave(store, key, status, &inner, err));
    *size = copied;
out:
    return status;
}

/* ---- listing ---- */

struct listed {
    const char *key;
    const char *version; /* NULL: unknown */
    int64_t size;
    int64_t modified_us;
};

/* A listing is collected before the caller sees it: that sorts it, and leaves the caller free to
 * use the store. */
struct listing {
    const ktk_store *store;
    const char *prefix;
    size_t prefix_size;
    struct arena texts;
    struct listed *entries;
    size_t count;
    size_t capacity;
    bool is_sorted;
};

static ktk_status collect(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct listing *listing = state;
    struct listed *listed;
    ktk_status status = KTK_OK;

    /* Backends may list more than asked for, and files that can be no keys. */
    if (strncmp(entry->key, listing->prefix, listing->prefix_size) != 0 ||
        check_key(listing->store, entry->key, NULL) != KTK_OK) {
        return KTK_OK;
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        KTKI_TRY(ktki_resize_array(listing->store->allocator, &listing->entries, listing->capacity,
                                   capacity, sizeof(*listed), err));
        listing->capacity = capacity;
    }
    listed = &listing->entries[listing->count];
    *listed = (struct listed){NULL, NULL, entry->size, entry->modified_us};
    KTKI_TRY(ktki_arena_text(&listing->texts, entry->key, strlen(entry->key), &listed->key, err));
    if (entry->version.text[0] != '\0') {
        KTKI_TRY(ktki_arena_text(&listing->texts, entry->version.text, strlen(entry->version.text),
                                 &listed->version, err));
    }
    if (listing->count > 0 && strcmp(listed[-1].key, listed->key) > 0) {
        listing->is_sorted = false;
    }
    listing->count++;
out:
    return status;
}

static int compare_listed(const void *a, const void *b) {
    return strcmp(((const struct listed *)a)->key, ((const struct listed *)b)->key);
}

static ktk_status hand_out(const struct listing *listing, ktk_store_list_fn fn, void *state,
                           ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < listing->count && status == KTK_OK; i++) {
        const struct listed *listed = &listing->entries[i];
        ktk_store_entry entry = {listed->key, listed->size, listed->modified_us, {{0}}};

        if (listed->version != NULL) {
            memcpy(entry.version.text, listed->version, strlen(listed->version) + 1);
        }
        status = fn(state, &entry, err);
    }
    return status;
}

static ktk_status list_with(ktk_store *store, list_fn list, const char *prefix,
                            ktk_store_list_fn fn, void *state, ktk_error *err) {
    struct listing listing = {
        .store = store,
        .prefix = prefix,
        .prefix_size = strlen(prefix),
        .is_sorted = true,
    };
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    ktki_arena_init(&listing.texts, store->allocator);
    KTKI_TRY(check_characters(store, prefix, err));
    enter(store);
    status = list(store->state, prefix, collect, &listing, &inner);
    KTKI_TRY(leave(store, NULL, status, &inner, err));
    if (!listing.is_sorted) {
        qsort(listing.entries, listing.count, sizeof(*listing.entries), compare_listed);
    }
    KTKI_TRY(hand_out(&listing, fn, state, err));
out:
    ktki_free_array(store->allocator, listing.entries, listing.capacity, sizeof(*listing.entries));
    ktki_arena_clear(&listing.texts);
    return status;
}

ktk_status ktk_store_list(ktk_store *store, const char *prefix, ktk_store_list_fn fn, void *state,
                          ktk_error *err) {
    return list_with(store, store->ops->list, prefix, fn, state, err);
}

ktk_status ktki_store_list_keys(ktk_store *store, const char *prefix, bool *is_bare,
                                ktk_store_list_fn fn, void *state, ktk_error *err) {
    *is_bare = store->list_keys != NULL;
    return list_with(store, *is_bare ? store->list_keys : store->ops->list, prefix, fn, state, err);
}
