#include "store/object_parts.h"

#include "base/alloc.h"
#include "base/error.h"

size_t ktki_object_part_size(size_t index, size_t count_max) {
    return KTKI_PART_BYTES << (2 * (index / (count_max / KTKI_PART_STEPS)));
}

ktk_status ktki_object_parts_begin(struct object_parts **out, struct object_store *store,
                                   const struct object_parts_ops *ops, const char *key,
                                   const ktk_put_condition *condition, ktk_error *err) {
    struct object_parts *parts = NULL;
    ktk_status status = KTKI_NEW(store->allocator, &parts, err);

    if (status == KTK_OK) {
        parts->store = store;
        parts->ops = ops;
        parts->key = key;
        parts->condition = condition;
        ktki_buffer_init(&parts->filling, store->allocator,
                         ktki_object_part_size(0, ops->count_max));
        ktki_buffer_init(&parts->list, store->allocator, 0);
        for (size_t i = 0; i < KTKI_PARTS_IN_FLIGHT; i++) {
            ktki_buffer_init(&parts->parts[i].bytes, store->allocator, 0);
        }
        *out = parts;
    }
    return status;
}

/* ---- parts on their way ---- */

static struct object_part *part_at(struct object_parts *parts, size_t index) {
    return &parts->parts[index % KTKI_PARTS_IN_FLIGHT];
}

/* Nothing of it is on its way afterwards. */
static void land(struct object_parts *parts, struct object_part *part) {
    (void)atomic_fetch_sub(&parts->store->bytes_in_flight, part->bytes.size);
    ktki_object_call_clear(&part->call);
    part->exchange = NULL;
    part->bytes.size = 0;
}

/* Wait for the answer to the first part whose answer is not there. */
static ktk_status take_part(struct object_parts *parts, ktk_error *err) {
    size_t index = parts->taken_count++;
    struct object_part *part = part_at(parts, index);
    struct http_answer answer = {0};
    ktk_status status = KTK_OK;

    status = ktki_exchange_finish(part->exchange, &answer, NULL, err);
    land(parts, part);
    KTKI_TRY(status);
    KTKI_TRY(parts->ops->note(parts, index, &answer, err));
out:
    ktki_http_answer_clear(&answer);
    return status;
}

/* Wait until there is room for one more of `size` bytes, which are counted then. */
static ktk_status make_room(struct object_parts *parts, size_t size, ktk_error *err) {
    atomic_size_t *total = &parts->store->bytes_in_flight;
    ktk_status status = KTK_OK;

    while (parts->begun_count > parts->taken_count &&
           (parts->begun_count - parts->taken_count == KTKI_PARTS_IN_FLIGHT ||
            atomic_load(total) + size > KTKI_PARTS_BYTES_MAX)) {
        KTKI_TRY(take_part(parts, err));
    }
    (void)atomic_fetch_add(total, size);
out:
    return status;
}

/* Send what has come as the next part. */
static ktk_status send_part(struct object_parts *parts, ktk_error *err) {
    size_t index = parts->begun_count;
    struct object_part *part = part_at(parts, index);
    struct buffer spare;
    ktk_status status = KTK_OK;

    if (index == parts->ops->count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "'%s' is too large: it has more than %zu parts", parts->key,
                  parts->ops->count_max);
    }
    KTKI_TRY(make_room(parts, parts->filling.size, err));
    spare = part->bytes;
    part->bytes = parts->filling;
    parts->filling = spare;
    KTKI_TRY(
        ktki_object_call_init(&part->call, parts->store, "PUT", "put a part of", parts->key, err));
    parts->ops->describe(parts, index, part);
    part->call.call.params = part->params;
    part->call.call.param_count = 2;
    part->call.call.body = part->bytes.data;
    part->call.call.body_size = part->bytes.size;
    KTKI_TRY(ktki_exchange_start(parts->store->exchanger, &part->call.call, &part->exchange, err));
    parts->begun_count++;
out:
    if (status != KTK_OK && part->exchange == NULL && part->bytes.size > 0) {
        land(parts, part);
    }
    return status;
}

/* ---- as of put_ops ---- */

ktk_status ktki_object_parts_append(void *put, const void *data, size_t size, ktk_error *err) {
    struct object_parts *parts = put;
    const uint8_t *bytes = data;
    ktk_status status = KTK_OK;

    while (size > 0) {
        size_t part_size = ktki_object_part_size(parts->begun_count, parts->ops->count_max);
        size_t some = part_size - parts->filling.size;

        if (some == 0) {
            if (!parts->is_begun) {
                KTKI_TRY(parts->ops->begin(parts, err));
                parts->is_begun = true;
            }
            KTKI_TRY(send_part(parts, err));
            part_size = ktki_object_part_size(parts->begun_count, parts->ops->count_max);
            parts->filling.size_max = part_size; /* it takes no more while it grows either */
            KTKI_TRY(ktki_buffer_reserve(&parts->filling, part_size, err));
            some = part_size;
        }
        some = some < size ? some : size;
        KTKI_TRY(ktki_buffer_append(&parts->filling, bytes, some, err));
        bytes += some;
        size -= some;
    }
out:
    return status;
}

ktk_status ktki_object_parts_finish(void *put, ktk_store_version *version, ktk_error *err) {
    struct object_parts *parts = put;
    ktk_status status = KTK_OK;

    if (!parts->is_begun) {
        status = parts->ops->put(parts->store, parts->key, parts->filling.data, parts->filling.size,
                                 parts->condition, version, err);
        goto out;
    }
    KTKI_TRY(send_part(parts, err));
    while (parts->taken_count < parts->begun_count) {
        KTKI_TRY(take_part(parts, err));
    }
    KTKI_TRY(parts->ops->join(parts, version, err));
    parts->is_joined = true;
out:
    return status;
}

void ktki_object_parts_end(void *put) {
    struct object_parts *parts = put;
    const ktk_allocator *allocator = parts->store->allocator;

    for (size_t i = 0; i < KTKI_PARTS_IN_FLIGHT; i++) {
        struct object_part *part = &parts->parts[i];

        if (part->exchange != NULL) {
            ktki_exchange_cancel(part->exchange);
            land(parts, part);
        }
        ktki_buffer_clear(&part->bytes);
    }
    if (parts->is_begun && !parts->is_joined) {
        parts->ops->give_up(parts);
    }
    ktki_buffer_clear(&parts->filling);
    ktki_buffer_clear(&parts->list);
    ktki_free_text(allocator, parts->id);
    KTKI_DELETE(allocator, parts);
}

ktk_status ktki_object_parts_put(struct object_store *store, const struct object_parts_ops *ops,
                                 const char *key, const void *data, size_t size,
                                 ktk_store_version *version, ktk_error *err) {
    static const ktk_put_condition none = KTK_PUT_CONDITION_INIT;
    struct object_parts *parts = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_object_parts_begin(&parts, store, ops, key, &none, err));
    KTKI_TRY(ktki_object_parts_append(parts, data, size, err));
    KTKI_TRY(ktki_object_parts_finish(parts, version, err));
out:
    if (parts != NULL) {
        ktki_object_parts_end(parts);
    }
    return status;
}
