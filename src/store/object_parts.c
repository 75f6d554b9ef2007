#include "store/object_parts.h"

#include "base/alloc.h"
#include "base/error.h"

ktk_status ktki_object_parts_init(struct object_parts *out, const struct object_store *store,
                                  const char *key, const void *data, size_t size, size_t part_bytes,
                                  size_t count_max, ktk_error *err) {
    ktk_status status = KTK_OK;

    *out = (struct object_parts){.store = store, .key = key, .data = data, .size = size};
    while ((size - 1) / part_bytes + 1 > count_max) {
        part_bytes *= 2;
    }
    out->part_bytes = part_bytes;
    out->part_count = (size - 1) / part_bytes + 1;
    KTKI_TRY(ktki_alloc_zeroed(store->allocator, out->part_count, sizeof(*out->parts), &out->parts,
                               err));
out:
    return status;
}

void ktki_object_parts_clear(struct object_parts *parts) {
    for (size_t i = 0; parts->parts != NULL && i < parts->part_count; i++) {
        ktki_exchange_cancel(parts->parts[i].exchange);
        ktki_object_call_clear(&parts->parts[i].call);
    }
    if (parts->store != NULL) {
        ktki_free_array(parts->store->allocator, parts->parts, parts->part_count,
                        sizeof(*parts->parts));
    }
    *parts = (struct object_parts){0};
}

static ktk_status start(struct object_parts *parts, size_t index, object_part_fn describe,
                        void *state, ktk_error *err) {
    struct object_part *part = &parts->parts[index];
    size_t offset = index * parts->part_bytes;
    size_t left = parts->size - offset;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_object_call_init(&part->call, parts->store, "PUT", "put a part of", parts->key, err));
    describe(state, index, part);
    part->call.call.params = part->params;
    part->call.call.param_count = 2;
    part->call.call.body = parts->data + offset;
    part->call.call.body_size = left < parts->part_bytes ? left : parts->part_bytes;
    KTKI_TRY(ktki_exchange_start(parts->store->exchanger, &part->call.call, &part->exchange, err));
out:
    return status;
}

static ktk_status finish(struct object_parts *parts, size_t index, ktk_error *err) {
    struct object_part *part = &parts->parts[index];
    struct exchange *exchange = part->exchange;
    struct http_answer answer = {0};
    ktk_status status = KTK_OK;

    part->exchange = NULL;
    KTKI_TRY(ktki_exchange_finish(exchange, &answer, NULL, err));
    ktki_object_version(&answer, &part->version);
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&part->call);
    return status;
}

ktk_status ktki_object_parts_send(struct object_parts *parts, object_part_fn describe, void *state,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < parts->part_count + KTKI_PARTS_IN_FLIGHT; i++) {
        if (i >= KTKI_PARTS_IN_FLIGHT) {
            KTKI_TRY(finish(parts, i - KTKI_PARTS_IN_FLIGHT, err));
        }
        if (i < parts->part_count) {
            KTKI_TRY(start(parts, i, describe, state, err));
        }
    }
out:
    return status;
}
