#include "support/plain_store.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <kartothek/sys/store.h>

#include "support/test.h"

struct plain_entry {
    char *key;
    char *data;
    size_t size;
};

struct plain {
    struct plain_entry entries[PLAIN_STORE_KEYS_MAX];
    size_t count;
    atomic_int users; /* threads inside; the wrapper lets in one */
};

static void plain_enter(struct plain *plain) {
    assert_int_equal(atomic_fetch_add(&plain->users, 1), 0);
}

static ktk_status plain_leave(struct plain *plain, ktk_status status) {
    atomic_fetch_sub(&plain->users, 1);
    return status;
}

static struct plain_entry *plain_find(struct plain *plain, const char *key) {
    for (size_t i = plain->count; i > 0; i--) {
        if (strcmp(plain->entries[i - 1].key, key) == 0) {
            return &plain->entries[i - 1];
        }
    }
    return NULL;
}

static void plain_release(ktk_bytes *bytes) {
    free(bytes->owner);
}

static ktk_status plain_get(void *state, const char *key, ktk_bytes *out,
                            ktk_store_version *version, ktk_error *err) {
    struct plain *plain = state;
    struct plain_entry *entry;
    char *copy;

    (void)version;
    plain_enter(plain);
    entry = plain_find(plain, key);
    if (entry == NULL) {
        return plain_leave(plain, ktk_error_set(err, KTK_E_NOT_FOUND, "nothing at '%s'", key));
    }
    copy = malloc(entry->size + 1);
    assert_non_null(copy);
    memcpy(copy, entry->data, entry->size);
    *out = (ktk_bytes){(const uint8_t *)copy, entry->size, plain_release, copy};
    return plain_leave(plain, KTK_OK);
}

static ktk_status plain_remove(void *state, const char *key, ktk_error *err) {
    struct plain *plain = state;
    struct plain_entry *entry;

    (void)err;
    plain_enter(plain);
    entry = plain_find(plain, key);
    if (entry != NULL) {
        free(entry->key);
        free(entry->data);
        *entry = plain->entries[--plain->count];
    }
    return plain_leave(plain, KTK_OK);
}

static ktk_status plain_put(void *state, const char *key, const void *data, size_t size,
                            const ktk_put_condition *condition, ktk_store_version *version,
                            ktk_error *err) {
    struct plain *plain = state;
    struct plain_entry *entry;

    (void)condition;
    (void)version;
    (void)plain_remove(state, key, err);
    plain_enter(plain);
    assert_true(plain->count < PLAIN_STORE_KEYS_MAX);
    entry = &plain->entries[plain->count++];
    *entry = (struct plain_entry){strdup(key), malloc(size + 1), size};
    assert_non_null(entry->data);
    if (size > 0) {
        memcpy(entry->data, data, size);
    }
    return plain_leave(plain, KTK_OK);
}

/* Lists too much, and the last first: the wrapper filters and sorts. */
static ktk_status plain_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                             ktk_error *err) {
    struct plain *plain = state;
    ktk_status status = KTK_OK;

    (void)prefix;
    plain_enter(plain);
    for (size_t i = plain->count; i > 0 && status == KTK_OK; i--) {
        const ktk_store_entry entry = {plain->entries[i - 1].key, -1, -1, {{0}}};
        status = fn(fn_state, &entry, err);
    }
    return plain_leave(plain, status);
}

static void plain_free(void *state) {
    struct plain *plain = state;

    while (plain->count > 0) {
        plain->count--;
        free(plain->entries[plain->count].key);
        free(plain->entries[plain->count].data);
    }
    free(plain);
}

static const ktk_store_ops plain_ops = {
    .size = sizeof(ktk_store_ops),
    .get = plain_get,
    .put = plain_put,
    .remove = plain_remove,
    .list = plain_list,
    .free = plain_free,
};

ktk_status plain_store_new(ktk_store **out, ktk_context *context, ktk_error *err) {
    struct plain *plain = calloc(1, sizeof(*plain));
    ktk_status status;

    assert_non_null(plain);
    status = ktk_store_new(out, context, &plain_ops, plain, "plain", err);
    if (status != KTK_OK) {
        free(plain);
    }
    return status;
}
