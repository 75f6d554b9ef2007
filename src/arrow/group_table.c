#include "arrow/group_table.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash_map.h"

#define SLOT_COUNT_MIN 64

static ktk_status allocate_slots(struct id_table *out, const ktk_allocator *allocator,
                                 size_t slot_count, ktk_error *err) {
    struct id_table table = {.allocator = allocator, .slot_count = slot_count};
    ktk_status status =
        ktki_alloc_array(allocator, slot_count, sizeof(*table.slots), &table.slots, err);

    if (status == KTK_OK) {
        memset(table.slots, 0xFF, slot_count * sizeof(*table.slots)); /* every id is NONE */
        table.shift = 64 - (uint32_t)__builtin_ctzll((unsigned long long)slot_count);
        *out = table;
    }
    return status;
}

ktk_status ktki_id_table_init(struct id_table *out, const ktk_allocator *allocator,
                              ktk_error *err) {
    return allocate_slots(out, allocator, SLOT_COUNT_MIN, err);
}

void ktki_id_table_clear(struct id_table *table) {
    if (table->allocator != NULL) {
        ktki_free_array(table->allocator, table->slots, table->slot_count, sizeof(*table->slots));
    }
    *table = (struct id_table){0};
}

static void put(struct id_table *table, uint64_t key, uint32_t id) {
    size_t at = ktki_id_table_home(table, key);

    while (table->slots[at].id != GROUP_ID_NONE) {
        at = (at + 1) & (table->slot_count - 1);
    }
    table->slots[at] = (struct id_slot){key, id};
}

static ktk_status grow(struct id_table *table, ktk_error *err) {
    struct id_table larger;
    ktk_status status = allocate_slots(&larger, table->allocator, table->slot_count * 2, err);

    if (status == KTK_OK) {
        for (size_t i = 0; i < table->slot_count; i++) {
            if (table->slots[i].id != GROUP_ID_NONE) {
                put(&larger, table->slots[i].key, table->slots[i].id);
            }
        }
        larger.id_count = table->id_count;
        ktki_id_table_clear(table);
        *table = larger;
    }
    return status;
}

ktk_status ktki_id_table_insert(struct id_table *table, uint64_t key, uint32_t *id,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    if (table->id_count == GROUP_ID_UNKNOWN) {
        KTKI_FAIL(err, KTK_E_LIMIT, "more than %u different keys", GROUP_ID_UNKNOWN);
    }
    if (((size_t)table->id_count + 1) * 2 > table->slot_count) {
        KTKI_TRY(grow(table, err));
    }
    put(table, key, table->id_count);
    *id = table->id_count++;
out:
    return status;
}

ktk_status ktki_bytes_table_init(struct bytes_table *out, const ktk_allocator *allocator,
                                 ktk_error *err) {
    struct bytes_table table = {.hashes = {0}};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&table.offsets, allocator, 0);
    ktki_buffer_init(&table.data, allocator, 0);
    KTKI_TRY(ktki_id_table_init(&table.hashes, allocator, err));
    KTKI_TRY(ktki_buffer_append_zeros(&table.offsets, sizeof(int64_t), err));
    KTKI_TRY(ktki_buffer_reserve(&table.data, 1, err)); /* there even for empty strings alone */
    *out = table;
    table = (struct bytes_table){.hashes = {0}};
out:
    ktki_bytes_table_clear(&table);
    return status;
}

void ktki_bytes_table_clear(struct bytes_table *table) {
    if (table->offsets.allocator != NULL) {
        ktki_buffer_clear(&table->offsets);
        ktki_buffer_clear(&table->data);
    }
    ktki_id_table_clear(&table->hashes);
    *table = (struct bytes_table){.hashes = {0}};
}

static bool is_entry(const struct bytes_table *table, uint32_t id, const uint8_t *data,
                     size_t size) {
    size_t entry_size;
    const uint8_t *entry = ktki_bytes_table_get(table, id, &entry_size);

    return entry_size == size && (size == 0 || memcmp(entry, data, size) == 0);
}

static ktk_status add_entry(struct bytes_table *table, uint64_t hash, const uint8_t *data,
                            size_t size, uint32_t *id, ktk_error *err) {
    int64_t end;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append(&table->data, data, size, err));
    end = (int64_t)table->data.size;
    KTKI_TRY(ktki_buffer_append(&table->offsets, &end, sizeof(end), err));
    KTKI_TRY(ktki_id_table_insert(&table->hashes, hash, id, err));
out:
    return status;
}

ktk_status ktki_bytes_table_number(struct bytes_table *table, const uint8_t *data, size_t size,
                                   uint32_t *id, ktk_error *err) {
    uint64_t hash = ktki_hash_bytes(data, size);
    size_t at = ktki_id_table_home(&table->hashes, hash);

    for (;;) {
        const struct id_slot *slot = &table->hashes.slots[at];
        if (slot->id == GROUP_ID_NONE) {
            return add_entry(table, hash, data, size, id, err);
        }
        if (slot->key == hash && is_entry(table, slot->id, data, size)) {
            *id = slot->id;
            return KTK_OK;
        }
        at = (at + 1) & (table->hashes.slot_count - 1);
    }
}
