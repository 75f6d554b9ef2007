#include "base/hash_map.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

#define SLOT_COUNT_MIN 16

/* Open addressing with linear probing; nothing is ever removed, so an empty slot ends each probe.
 */
struct hash_slot {
    const void *key; /* NULL: the slot is empty */
    size_t size;
    uint64_t hash;
    uint64_t value;
};

uint64_t ktki_hash_bytes(const void *data, size_t size) {
    return XXH3_64bits(data, size);
}

void ktki_hash_map_init(struct hash_map *map, const ktk_allocator *allocator) {
    *map = (struct hash_map){.allocator = allocator};
}

void ktki_hash_map_clear(struct hash_map *map) {
    ktki_free_array(map->allocator, map->slots, map->slot_count, sizeof(*map->slots));
    map->slots = NULL;
    map->slot_count = 0;
    map->count = 0;
}

/* The slot that holds the key, or the empty one where it belongs. There is always an empty slot. */
static struct hash_slot *probe(const struct hash_map *map, const void *key, size_t size,
                               uint64_t hash) {
    size_t mask = map->slot_count - 1;
    size_t at = (size_t)hash & mask;

    for (;;) {
        struct hash_slot *slot = &map->slots[at];
        if (slot->key == NULL || (slot->hash == hash && slot->size == size &&
                                  (size == 0 || memcmp(slot->key, key, size) == 0))) {
            return slot;
        }
        at = (at + 1) & mask;
    }
}

uint64_t *ktki_hash_map_find(const struct hash_map *map, const void *key, size_t size) {
    struct hash_slot *slot;

    if (map->count == 0) {
        return NULL;
    }
    slot = probe(map, key, size, ktki_hash_bytes(key, size));
    return slot->key == NULL ? NULL : &slot->value;
}

static ktk_status grow(struct hash_map *map, ktk_error *err) {
    struct hash_map larger = {.allocator = map->allocator, .count = map->count};
    ktk_status status = KTK_OK;

    if (map->slot_count == 0) {
        larger.slot_count = SLOT_COUNT_MIN;
    } else if (!ktki_mul_size(map->slot_count, 2, &larger.slot_count)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a map of %zu keys does not fit in memory", map->count);
    }
    KTKI_TRY(ktki_alloc_zeroed(map->allocator, larger.slot_count, sizeof(*larger.slots),
                               &larger.slots, err));
    for (size_t i = 0; i < map->slot_count; i++) {
        const struct hash_slot *slot = &map->slots[i];
        if (slot->key != NULL) {
            size_t at = (size_t)slot->hash & (larger.slot_count - 1);
            while (larger.slots[at].key != NULL) {
                at = (at + 1) & (larger.slot_count - 1);
            }
            larger.slots[at] = *slot;
        }
    }
    ktki_free_array(map->allocator, map->slots, map->slot_count, sizeof(*map->slots));
    *map = larger;
out:
    return status;
}

ktk_status ktki_hash_map_insert(struct hash_map *map, const void *key, size_t size, uint64_t value,
                                uint64_t **out, bool *is_new, ktk_error *err) {
    uint64_t hash = ktki_hash_bytes(key, size);
    struct hash_slot *slot;
    bool added;
    ktk_status status = KTK_OK;

    /* At most three slots in four are taken. */
    if (map->count >= map->slot_count - map->slot_count / 4) {
        KTKI_TRY(grow(map, err));
    }
    slot = probe(map, key, size, hash);
    added = slot->key == NULL;
    if (added) {
        *slot = (struct hash_slot){size == 0 ? "" : key, size, hash, value};
        map->count++;
    }
    *out = &slot->value;
    if (is_new != NULL) {
        *is_new = added;
    }
out:
    return status;
}
