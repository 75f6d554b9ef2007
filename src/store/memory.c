#include "store/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* One written value. It never changes; a put replaces it, and readers keep it alive. */
struct value {
    atomic_int_fast64_t references;
    const ktk_allocator *allocator;
    char *key;
    uint8_t *data;
    size_t size;
    int64_t modified_us;
    uint64_t number; /* of the write, counted over the whole store: the version */
};

/* A treap: ordered by key, and a heap by random weight, which keeps it balanced. */
struct node {
    struct value *value;
    struct node *left;
    struct node *right;
    uint64_t weight;
};

struct memory {
    const ktk_allocator *allocator;
    pthread_mutex_t lock; /* over the fields below */
    struct node *root;
    uint64_t write_count;
};

/* ---- values ---- */

static void value_free(struct value *value) {
    if (value != NULL &&
        atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) == 1) {
        const ktk_allocator *allocator = value->allocator;

        ktki_free_text(allocator, value->key);
        ktki_free_array(allocator, value->data, value->size, 1);
        KTKI_DELETE(allocator, value);
    }
}

static struct value *value_ref(struct value *value) {
    atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
    return value;
}

static int64_t now_us(void) {
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static ktk_status value_new(struct value **out, const ktk_allocator *allocator, const char *key,
                            const void *data, size_t size, ktk_error *err) {
    struct value *value = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &value, err));
    atomic_init(&value->references, 1);
    value->allocator = allocator;
    KTKI_TRY(ktki_copy_text(allocator, key, strlen(key), &value->key, err));
    KTKI_TRY(ktki_alloc_array(allocator, size, 1, &value->data, err));
    if (size > 0) {
        memcpy(value->data, data, size);
    }
    value->size = size;
    value->modified_us = now_us();
    *out = value;
    value = NULL;
out:
    value_free(value);
    return status;
}

static void value_version(const struct value *value, ktk_store_version *out) {
    (void)snprintf(out->text, sizeof(out->text), "%llu", (unsigned long long)value->number);
}

static ktk_store_entry value_entry(const struct value *value) {
    ktk_store_entry entry = {value->key, (int64_t)value->size, value->modified_us, {{0}}};

    value_version(value, &entry.version);
    return entry;
}

/* ---- the map ---- */

/* The slot of a key: where its node hangs, or would hang if the weights did not matter. */
static struct node **find_slot(struct node **slot, const char *key) {
    while (*slot != NULL) {
        int order = strcmp(key, (*slot)->value->key);

        if (order == 0) {
            break;
        }
        slot = order < 0 ? &(*slot)->left : &(*slot)->right;
    }
    return slot;
}

/* Cut a tree in two: keys before `key`, and keys behind it. `key` itself must not be in it. */
static void split(struct node *tree, const char *key, struct node **before, struct node **behind) {
    while (tree != NULL) {
        if (strcmp(tree->value->key, key) < 0) {
            *before = tree;
            before = &tree->right;
            tree = tree->right;
        } else {
            *behind = tree;
            behind = &tree->left;
            tree = tree->left;
        }
    }
    *before = NULL;
    *behind = NULL;
}

static void insert(struct node **slot, struct node *node) {
    while (*slot != NULL && (*slot)->weight >= node->weight) {
        slot = strcmp(node->value->key, (*slot)->value->key) < 0 ? &(*slot)->left : &(*slot)->right;
    }
    split(*slot, node->value->key, &node->left, &node->right);
    *slot = node;
}

/* Hang the two subtrees of a node that leaves into its slot. */
static void unlink_node(struct node **slot) {
    struct node *left = (*slot)->left;
    struct node *right = (*slot)->right;

    while (left != NULL && right != NULL) {
        if (left->weight >= right->weight) {
            *slot = left;
            slot = &left->right;
            left = left->right;
        } else {
            *slot = right;
            slot = &right->left;
            right = right->left;
        }
    }
    *slot = left != NULL ? left : right;
}

/* Weights from a counter by splitmix64: independent of the keys, so that no choice of keys makes
 * the tree deep. */
static uint64_t weight_of(uint64_t counter) {
    uint64_t z = counter * 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* The first value whose key is >= `key` (> `key` if `is_behind`), or NULL. */
static struct value *find_next(const struct node *node, const char *key, bool is_behind) {
    struct value *best = NULL;

    while (node != NULL) {
        int order = strcmp(node->value->key, key);

        if (order > 0 || (order == 0 && !is_behind)) {
            best = node->value;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

/* A reference to the value of a key, NULL if there is none. */
static struct value *lookup(struct memory *memory, const char *key) {
    struct value *value;
    struct node *node;

    pthread_mutex_lock(&memory->lock);
    node = *find_slot(&memory->root, key);
    value = node == NULL ? NULL : value_ref(node->value);
    pthread_mutex_unlock(&memory->lock);
    return value;
}

/* ---- operations ---- */

static ktk_status not_found(const char *key, ktk_error *err) {
    return ktk_error_set(err, KTK_E_NOT_FOUND, "there is no key '%s'", key);
}

static void value_release(ktk_bytes *bytes) {
    value_free(bytes->owner);
}

static ktk_status memory_get(void *state, const char *key, ktk_bytes *out,
                             ktk_store_version *version, ktk_error *err) {
    struct value *value = lookup(state, key);

    if (value == NULL) {
        return not_found(key, err);
    }
    if (version != NULL) {
        value_version(value, version);
    }
    *out = (ktk_bytes){value->data, value->size, value_release, value};
    return KTK_OK;
}

static ktk_status memory_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                   ktk_bytes *out, ktk_error *err) {
    struct value *value = lookup(state, key);
    size_t left;
    ktk_status status = KTK_OK;

    if (value == NULL) {
        return not_found(key, err);
    }
    if ((uint64_t)offset > value->size) {
        KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the %zu bytes of '%s'",
                  (long long)offset, value->size, key);
    }
    left = value->size - (size_t)offset;
    *out = (ktk_bytes){value->data + offset, (uint64_t)size < left ? (size_t)size : left,
                       value_release, value};
    value = NULL;
out:
    value_free(value);
    return status;
}

static ktk_status memory_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct value *value = lookup(state, key);

    if (value == NULL) {
        return not_found(key, err);
    }
    *out = value_entry(value);
    out->key = key;
    value_free(value);
    return KTK_OK;
}

static ktk_status check_condition(const struct node *node, const char *key,
                                  const ktk_put_condition *condition, ktk_error *err) {
    ktk_store_version now = {{0}};

    if (condition == NULL) {
        return KTK_OK;
    }
    if (condition->must_not_exist && node != NULL) {
        return ktk_error_set(err, KTK_E_EXISTS, "key '%s' exists already", key);
    }
    if (condition->matches != NULL) {
        if (node != NULL) {
            value_version(node->value, &now);
        }
        if (strcmp(now.text, condition->matches->text) != 0) {
            return ktk_error_set(err, KTK_E_CONFLICT, "key '%s' was %s meanwhile", key,
                                 node == NULL ? "removed" : "changed");
        }
    }
    return KTK_OK;
}

static ktk_status memory_put(void *state, const char *key, const void *data, size_t size,
                             const ktk_put_condition *condition, ktk_store_version *version,
                             ktk_error *err) {
    struct memory *memory = state;
    struct value *value = NULL;
    struct node *fresh = NULL;
    struct node *node;
    ktk_status status = KTK_OK;

    /* The copy and the node are made outside of the lock, whether they are used or not. */
    KTKI_TRY(value_new(&value, memory->allocator, key, data, size, err));
    KTKI_TRY(KTKI_NEW(memory->allocator, &fresh, err));
    pthread_mutex_lock(&memory->lock);
    node = *find_slot(&memory->root, key);
    status = check_condition(node, key, condition, err);
    if (status == KTK_OK) {
        struct value *old = NULL;

        value->number = ++memory->write_count;
        if (version != NULL) {
            value_version(value, version);
        }
        if (node == NULL) {
            *fresh = (struct node){.value = value, .weight = weight_of(value->number)};
            insert(&memory->root, fresh);
            fresh = NULL;
        } else {
            old = node->value;
            node->value = value;
        }
        value = old;
    }
    pthread_mutex_unlock(&memory->lock);
out:
    value_free(value);
    KTKI_DELETE(memory->allocator, fresh);
    return status;
}

static ktk_status memory_remove(void *state, const char *key, ktk_error *err) {
    struct memory *memory = state;
    struct node **slot;
    struct node *node;

    (void)err;
    pthread_mutex_lock(&memory->lock);
    slot = find_slot(&memory->root, key);
    node = *slot;
    if (node != NULL) {
        unlink_node(slot);
    }
    pthread_mutex_unlock(&memory->lock);
    if (node != NULL) {
        value_free(node->value);
        KTKI_DELETE(memory->allocator, node);
    }
    return KTK_OK;
}

static ktk_status memory_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                              ktk_error *err) {
    struct memory *memory = state;
    size_t prefix_size = strlen(prefix);
    struct value *last = NULL;
    ktk_status status = KTK_OK;

    /* The lock is held only while stepping to the next key, so that `fn` may use the store. */
    for (;;) {
        struct value *value;
        ktk_store_entry entry;

        pthread_mutex_lock(&memory->lock);
        value = find_next(memory->root, last == NULL ? prefix : last->key, last != NULL);
        if (value != NULL) {
            (void)value_ref(value);
        }
        pthread_mutex_unlock(&memory->lock);
        value_free(last);
        last = value;
        if (value == NULL || strncmp(value->key, prefix, prefix_size) != 0) {
            break;
        }
        entry = value_entry(value);
        KTKI_TRY(fn(fn_state, &entry, err));
    }
out:
    value_free(last);
    return status;
}

static void tree_free(struct memory *memory) {
    struct node *node = memory->root;

    /* Right rotations turn the tree into a list that is freed from its front: no recursion. */
    while (node != NULL) {
        struct node *left = node->left;

        if (left != NULL) {
            node->left = left->right;
            left->right = node;
            node = left;
        } else {
            struct node *right = node->right;

            value_free(node->value);
            KTKI_DELETE(memory->allocator, node);
            node = right;
        }
    }
}

static void memory_free(void *state) {
    struct memory *memory = state;

    tree_free(memory);
    pthread_mutex_destroy(&memory->lock);
    KTKI_DELETE(memory->allocator, memory);
}

static const ktk_store_ops memory_ops = {
    .size = sizeof(ktk_store_ops),
    .caps = (uint32_t)KTK_STORE_THREAD_SAFE | (uint32_t)KTK_STORE_CONDITIONAL_PUT,
    .get = memory_get,
    .get_range = memory_get_range,
    .head = memory_head,
    .put = memory_put,
    .remove = memory_remove,
    .list = memory_list,
    .sync = NULL,
    .free = memory_free,
};

ktk_status ktki_store_memory_new(ktk_store **out, ktk_context *context, enum key_space keys,
                                 const char *name, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct store_setup setup = {
        .ops = &memory_ops, .caps = memory_ops.caps, .name = name, .keys = keys};
    struct memory *memory = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &memory, err));
    memory->allocator = allocator;
    if (pthread_mutex_init(&memory->lock, NULL) != 0) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make the lock of a store");
    }
    setup.state = memory;
    KTKI_TRY(ktki_store_new(out, context, &setup, err));
    memory = NULL;
out:
    KTKI_DELETE(allocator, memory);
    return status;
}
