#include "upkeep/key_list.h"

#include <string.h>

#include "base/error.h"

void ktki_key_list_init(struct key_list *list, const ktk_allocator *allocator) {
    ktki_arena_init(&list->arena, allocator);
    ktki_buffer_init(&list->entries, allocator, 0);
    ktki_hash_map_init(&list->positions, allocator);
}

void ktki_key_list_clear(struct key_list *list) {
    ktki_hash_map_clear(&list->positions);
    ktki_buffer_clear(&list->entries);
    ktki_arena_clear(&list->arena);
}

static ktk_status keep_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct key_list *list = state;
    struct key_entry kept = {.size = entry->size, .modified_us = entry->modified_us};
    size_t size = strlen(entry->key);
    uint64_t *position;
    bool is_new;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&list->arena, entry->key, size, &kept.key, err));
    KTKI_TRY(ktki_hash_map_insert(&list->positions, kept.key, size, ktki_key_list_count(list),
                                  &position, &is_new, err));
    if (is_new) {
        KTKI_TRY(ktki_buffer_append(&list->entries, &kept, sizeof(kept), err));
    }
out:
    return status;
}

ktk_status ktki_key_list_fill(struct key_list *list, ktk_store *store, const char *uuid,
                              ktk_error *err) {
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, list->arena.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/", uuid));
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktk_store_list(store, (const char *)prefix.data, keep_key, list, err));
out:
    ktki_buffer_clear(&prefix);
    return status;
}

struct key_entry *ktki_key_list_find(const struct key_list *list, const char *key) {
    const uint64_t *position = ktki_hash_map_find(&list->positions, key, strlen(key));

    return position == NULL ? NULL : ktki_key_list_at(list, (size_t)*position);
}
