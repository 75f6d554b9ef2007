/** A map from byte strings to 64-bit numbers, and the hash it uses. Keys are borrowed: they must
 * outlive the map. */
#ifndef KTKI_BASE_HASH_MAP_H
#define KTKI_BASE_HASH_MAP_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stdbool.h>

/** XXH3-64 of the bytes. Equal on all machines. */
uint64_t ktki_hash_bytes(const void *data, size_t size);

struct hash_slot;

struct hash_map {
    const ktk_allocator *allocator;
    struct hash_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

void ktki_hash_map_init(struct hash_map *map, const ktk_allocator *allocator);
void ktki_hash_map_clear(struct hash_map *map);

/** Value of a key, or NULL. The pointer is valid until the next insertion. */
uint64_t *ktki_hash_map_find(const struct hash_map *map, const void *key, size_t size);

/** Insert unless present. `*out` points to the value, new or old; `*is_new` may be NULL. */
ktk_status ktki_hash_map_insert(struct hash_map *map, const void *key, size_t size, uint64_t value,
                                uint64_t **out, bool *is_new, ktk_error *err);

#endif
