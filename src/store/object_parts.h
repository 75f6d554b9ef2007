/** A large object sent in parts, several at a time. */
#ifndef KTKI_STORE_OBJECT_PARTS_H
#define KTKI_STORE_OBJECT_PARTS_H

#include "store/object.h"

/** Parts that are on their way at a time: each is up to the size of a part of its own memory at the
 * other end, and enough of them fill a line. */
#define KTKI_PARTS_IN_FLIGHT 4

struct object_part {
    struct object_call call;
    struct call_param params[2];
    char name[64]; /**< for a parameter's value */
    struct exchange *exchange;
    ktk_store_version version; /**< of the part, once it was taken */
};

/** Set the parameters of part `index`, from 0. */
typedef void (*object_part_fn)(void *state, size_t index, struct object_part *part);

/** What is sent; borrowed. */
struct object_parts {
    const struct object_store *store;
    const char *key;
    const uint8_t *data;
    size_t size;
    size_t part_bytes;
    size_t part_count;
    struct object_part *parts;
};

/** Cut `size` > 0 bytes into parts of `part_bytes`, or of twice, four times … as much, so that
 * there are no more than `count_max`. */
ktk_status ktki_object_parts_init(struct object_parts *out, const struct object_store *store,
                                  const char *key, const void *data, size_t size, size_t part_bytes,
                                  size_t count_max, ktk_error *err);

/** Nothing is under way afterwards. A zeroed one is allowed. */
void ktki_object_parts_clear(struct object_parts *parts);

/** Send all of them. */
ktk_status ktki_object_parts_send(struct object_parts *parts, object_part_fn describe, void *state,
                                  ktk_error *err);

#endif
