/* Removing a dataset. */
#include <kartothek/update.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"

/* Keys to be removed, collected first: a listing must not change under its own feet. */
struct doomed {
    struct arena arena;
    const char *uuid;
    size_t uuid_size;
    const char **keys;
    size_t count;
    size_t capacity;
};

/* A key belongs to the dataset if the name is followed by '.' or '/': `abc_ext` is not part of
 * `abc`. */
static ktk_status collect_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct doomed *doomed = state;
    char next = entry->key[doomed->uuid_size];
    ktk_status status = KTK_OK;

    if (next != '.' && next != '/') {
        goto out;
    }
    if (doomed->count == doomed->capacity) {
        size_t capacity = doomed->capacity == 0 ? 64 : 2 * doomed->capacity;
        KTKI_TRY(ktki_resize_array(doomed->arena.allocator, &doomed->keys, doomed->capacity,
                                   capacity, sizeof(*doomed->keys), err));
        doomed->capacity = capacity;
    }
    KTKI_TRY(ktki_arena_text(&doomed->arena, entry->key, strlen(entry->key),
                             &doomed->keys[doomed->count], err));
    doomed->count++;
out:
    return status;
}

static ktk_status remove_document(ktk_store *store, const char *uuid, const char *suffix,
                                  ktk_error *err) {
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s%s", uuid, suffix));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(ktk_store_remove(store, (const char *)key.data, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktk_dataset_drop(ktk_store *store, const char *uuid, ktk_error *err) {
    struct doomed doomed = {.uuid = uuid, .uuid_size = strlen(uuid)};
    bool exists = false;
    ktk_status status = KTK_OK;

    ktki_arena_init(&doomed.arena, ktki_context_allocator(ktk_store_context(store)));
    KTKI_TRY(ktk_uuid_check(uuid, err));
    KTKI_TRY(ktk_dataset_exists(&exists, store, uuid, err));
    if (!exists) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no dataset '%s' in '%s'", uuid,
                  ktk_store_name(store));
    }
    KTKI_TRY(ktk_store_list(store, uuid, collect_key, &doomed, err));
    /* The document that readers look for first goes last of the two, so that no older twin comes to
     * light in between. */
    KTKI_TRY(remove_document(store, uuid, KTKI_DOCUMENT_SUFFIX_MSGPACK, err));
    KTKI_TRY(remove_document(store, uuid, KTKI_DOCUMENT_SUFFIX_JSON, err));
    for (size_t i = 0; i < doomed.count; i++) {
        KTKI_TRY(ktk_store_remove(store, doomed.keys[i], err));
    }
out:
    ktki_free_array(doomed.arena.allocator, (void *)doomed.keys, doomed.capacity,
                    sizeof(*doomed.keys));
    ktki_arena_clear(&doomed.arena);
    return status;
}
