#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"
#include "store/backend.h"

#define INDEX_SUFFIX ".by-dataset-index.parquet"

struct keys {
    struct arena arena;
    struct buffer texts; /* const char * */
    const char *suffix;  /* keys that do not end so are passed over */
};

static bool ends_with(const char *key, const char *suffix) {
    size_t size = strlen(key);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(key + size - suffix_size, suffix) == 0;
}

static ktk_status keep_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct keys *keys = state;
    const char *key;
    ktk_status status = KTK_OK;

    if (!ends_with(entry->key, keys->suffix)) {
        goto out;
    }
    KTKI_TRY(ktki_arena_text(&keys->arena, entry->key, strlen(entry->key), &key, err));
    KTKI_TRY(ktki_buffer_append(&keys->texts, &key, sizeof(key), err));
out:
    return status;
}

/* All keys of `<uuid><separator>…<suffix>`; listed before any is removed. */
static ktk_status list_keys(struct keys *keys, ktk_store *store, const char *uuid, char separator,
                            const char *suffix, ktk_error *err) {
    struct buffer prefix;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&prefix, keys->arena.allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&prefix, err, "%s%c", uuid, separator));
    KTKI_TRY(ktki_buffer_append_byte(&prefix, '\0', err));
    keys->suffix = suffix;
    KTKI_TRY(ktk_store_list(store, (const char *)prefix.data, keep_key, keys, err));
out:
    ktki_buffer_clear(&prefix);
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

/* These alone may be put again, under the same keys, by who makes a dataset of that name while many
 * files are still being removed: they go first. */
static bool is_of_schema(const char *key) {
    return ends_with(key, "/" KTKI_SCHEMA_FILE) || ends_with(key, KTKI_SCHEMA_COPY_SUFFIX);
}

/* Those of schemas alone, or all others. */
static ktk_status remove_some(const struct keys *keys, ktk_store *store, bool schemas,
                              ktk_error *err) {
    const char *const *texts = (const char *const *)keys->texts.data;
    struct buffer removals; /* struct removal */
    ktk_status status = KTK_OK;

    ktki_buffer_init(&removals, keys->arena.allocator, 0);
    for (size_t i = 0; i < keys->texts.size / sizeof(*texts); i++) {
        const struct removal removal = {texts[i], false};

        if (is_of_schema(texts[i]) == schemas) {
            KTKI_TRY(ktki_buffer_append(&removals, &removal, sizeof(removal), err));
        }
    }
    KTKI_TRY(ktki_store_remove_many(store, (struct removal *)removals.data,
                                    removals.size / sizeof(struct removal), err));
out:
    ktki_buffer_clear(&removals);
    return status;
}

ktk_status ktk_dataset_drop(ktk_store *store, const char *uuid, ktk_error *err) {
    struct keys keys;
    bool exists;
    ktk_status status = KTK_OK;

    ktki_arena_init(&keys.arena, ktki_context_allocator(ktk_store_context(store)));
    ktki_buffer_init(&keys.texts, keys.arena.allocator, 0);
    KTKI_TRY(ktk_dataset_exists(&exists, store, uuid, err));
    if (!exists) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' does not exist in %s", uuid,
                  ktk_store_name(store));
    }
    KTKI_TRY(list_keys(&keys, store, uuid, '/', "", err));
    KTKI_TRY(list_keys(&keys, store, uuid, '.', INDEX_SUFFIX, err));
    /* The JSON document hides the other one, which may be older: it goes last of the two. */
    KTKI_TRY(remove_document(store, uuid, KTKI_DOCUMENT_SUFFIX_MSGPACK, err));
    KTKI_TRY(remove_document(store, uuid, KTKI_DOCUMENT_SUFFIX_JSON, err));
    KTKI_TRY(remove_some(&keys, store, true, err));
    KTKI_TRY(remove_some(&keys, store, false, err));
out:
    ktki_buffer_clear(&keys.texts);
    ktki_arena_clear(&keys.arena);
    return status;
}
