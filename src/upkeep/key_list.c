#include "upkeep/key_list.h"

#include <string.h>

#include "base/error.h"
#include "store/backend.h"

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

static ktk_status complete_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct key_entry *kept = ktki_key_list_find(state, entry->key);

    (void)err;
    if (kept != NULL) {
        kept->size = entry->size;
        kept->modified_us = entry->modified_us;
        kept->is_bare = false;
    }
    return KTK_OK;
}

ktk_status ktki_key_list_fill_bare(struct key_list *list, ktk_store *store, const char *uuid,
                                   ktk_error *err) {
    struct buffer prefix;
    bool is_bare;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, list->arena.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s/", uuid));
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    KTKI_TRY(ktki_store_list_keys(store, (const char *)prefix.data, &is_bare, keep_key, list, err));
    if (!is_bare) {
        goto out;
    }
    for (size_t i = 0; i < ktki_key_list_count(list); i++) {
        ktki_key_list_at(list, i)->is_bare = true;
    }
    prefix.size--;
    KTKI_TRY(ktki_buffer_append(&prefix, "_ktk/", sizeof("_ktk/"), err));
    KTKI_TRY(ktk_store_list(store, (const char *)prefix.data, complete_key, list, err));
out:
    ktki_buffer_clear(&prefix);
    return status;
}

ktk_status ktki_key_entry_complete(struct key_entry *entry, ktk_store *store, ktk_error *err) {
    ktk_store_entry found;
    ktk_status status = entry->is_bare ? ktk_store_head(store, entry->key, &found, err) : KTK_OK;

    if (status == KTK_OK && entry->is_bare) {
        entry->size = found.size;
        entry->modified_us = found.modified_us;
        entry->is_bare = false;
    }
    return status;
}

struct key_entry *ktki_key_list_find(const struct key_list *list, const char *key) {
    const uint64_t *position = ktki_hash_map_find(&list->positions, key, strlen(key));

    return position == NULL ? NULL : ktki_key_list_at(list, (size_t)*position);
}
