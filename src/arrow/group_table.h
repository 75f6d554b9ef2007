/**
 * Hash tables that number what is put into them: 0, 1, 2, … in order of first appearance. Open
 * addressing with linear probing; the tables hold hashes or numbers, never pointers.
 */
#ifndef KTKI_ARROW_GROUP_TABLE_H
#define KTKI_ARROW_GROUP_TABLE_H

#include "base/buffer.h"

/** No id: rows without a group, and empty slots. */
#define GROUP_ID_NONE UINT32_MAX

/** Ids stay below this one, which stands for "not looked up yet". */
#define GROUP_ID_UNKNOWN (UINT32_MAX - 1)

struct id_slot {
    uint64_t key;
    uint32_t id;
};

/** Invariant: at least half of the slots are empty. */
struct id_table {
    const ktk_allocator *allocator;
    struct id_slot *slots;
    size_t slot_count; /* a power of two */
    uint32_t shift;    /* 64 - log2(slot_count) */
    uint32_t id_count;
};

/** `allocator` must outlive the table. */
ktk_status ktki_id_table_init(struct id_table *out, const ktk_allocator *allocator, ktk_error *err);
void ktki_id_table_clear(struct id_table *table);

/** Give a key the next id. It must not be there, unless keys are hashes that may collide.
 * KTK_E_LIMIT when ids run out. */
ktk_status ktki_id_table_insert(struct id_table *table, uint64_t key, uint32_t *id, ktk_error *err);

/** Where the search for a key begins. */
static inline size_t ktki_id_table_home(const struct id_table *table, uint64_t key) {
    return (size_t)(((key ^ key >> 32) * 0x9E3779B97F4A7C15u) >> table->shift);
}

/** Id of a number, GROUP_ID_NONE if it has none yet. */
static inline uint32_t ktki_id_table_find(const struct id_table *table, uint64_t number) {
    size_t at = ktki_id_table_home(table, number);

    for (;;) {
        const struct id_slot *slot = &table->slots[at];
        if (slot->id == GROUP_ID_NONE || slot->key == number) {
            return slot->id;
        }
        at = (at + 1) & (table->slot_count - 1);
    }
}

/** Numbers byte strings, of which it keeps copies one behind the other. */
struct bytes_table {
    struct id_table hashes;
    struct buffer offsets; /* int64_t, id_count + 1 of them */
    struct buffer data;
};

ktk_status ktki_bytes_table_init(struct bytes_table *out, const ktk_allocator *allocator,
                                 ktk_error *err);
void ktki_bytes_table_clear(struct bytes_table *table);

/** Id of a byte string, the next one if it is new. After a failure the table can only be cleared.
 */
ktk_status ktki_bytes_table_number(struct bytes_table *table, const uint8_t *data, size_t size,
                                   uint32_t *id, ktk_error *err);

/** Bytes of an id; valid until the next one is given. */
static inline const uint8_t *ktki_bytes_table_get(const struct bytes_table *table, uint32_t id,
                                                  size_t *size) {
    const int64_t *offsets = (const int64_t *)(const void *)table->offsets.data;

    *size = (size_t)(offsets[id + 1] - offsets[id]);
    return table->data.data + offsets[id];
}

#endif
