#include "store/store_put.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "store/backend.h"

struct store_put {
    ktk_store *store; /* a reference */
    const ktk_allocator *allocator;
    char *key;
    ktk_put_condition condition;
    ktk_store_version matches; /* of the condition */
    const struct put_ops *ops; /* NULL: the store takes whole values only */
    void *state;               /* of the operations */
    struct buffer bytes;       /* for want of operations */
    bool is_over;
};

ktk_status ktki_store_put_begin(struct store_put **out, ktk_store *store, const char *key,
                                const ktk_put_condition *condition, ktk_error *err) {
    static const ktk_put_condition none = KTK_PUT_CONDITION_INIT;
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    struct store_put *put = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &put, err));
    put->store = ktk_store_ref(store);
    put->allocator = allocator;
    ktki_buffer_init(&put->bytes, allocator, 0);
    KTKI_TRY(ktki_copy_text(allocator, key, strlen(key), &put->key, err));
    put->condition = condition == NULL ? none : *condition;
    if (put->condition.matches != NULL) {
        put->matches = *put->condition.matches;
        put->condition.matches = &put->matches;
    }
    KTKI_TRY(ktki_store_begin(store, put->key, &put->condition, &put->ops, &put->state, err));
    *out = put;
    put = NULL;
out:
    ktki_store_put_free(put);
    return status;
}

static ktk_status check_open(const struct store_put *put, ktk_error *err) {
    return put->is_over ? ktk_error_set(err, KTK_E_INVALID, "the put of '%s' is over", put->key)
                        : KTK_OK;
}

ktk_status ktki_store_put_append(struct store_put *put, const void *data, size_t size,
                                 ktk_error *err) {
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_open(put, err));
    put->is_over = true; /* unless all goes well */
    if (put->ops == NULL) {
        KTKI_TRY(ktki_buffer_append(&put->bytes, data, size, err));
    } else {
        status = put->ops->append(put->state, data, size, &inner);
        KTKI_TRY(ktki_store_tell(put->store, put->key, status, &inner, err));
    }
    put->is_over = false;
out:
    return status;
}

ktk_status ktki_store_put_finish(struct store_put *put, ktk_store_version *version,
                                 ktk_error *err) {
    ktk_store_version written = {{0}};
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_open(put, err));
    put->is_over = true;
    if (put->ops == NULL) {
        KTKI_TRY(ktk_store_put(put->store, put->key, put->bytes.data, put->bytes.size,
                               &put->condition, &written, err));
    } else {
        status = put->ops->finish(put->state, &written, &inner);
        KTKI_TRY(ktki_store_tell(put->store, put->key, status, &inner, err));
    }
    if (version != NULL) {
        *version = written;
    }
out:
    return status;
}

void ktki_store_put_free(struct store_put *put) {
    ktk_store *store;

    if (put == NULL) {
        return;
    }
    store = put->store; /* whose context has the allocator */
    if (put->ops != NULL) {
        (put->ops->end)(put->state);
    }
    ktki_buffer_clear(&put->bytes);
    ktki_free_text(put->allocator, put->key);
    KTKI_DELETE(put->allocator, put);
    ktk_store_free(store);
}
