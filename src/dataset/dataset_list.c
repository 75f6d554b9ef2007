#include <kartothek/dataset.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/name.h"

static const char *const document_suffixes[] = {KTKI_DOCUMENT_SUFFIX_JSON,
                                                KTKI_DOCUMENT_SUFFIX_MSGPACK};

#define SUFFIX_COUNT (sizeof(document_suffixes) / sizeof(document_suffixes[0]))

ktk_status ktk_dataset_exists(bool *out, ktk_store *store, const char *uuid, ktk_error *err) {
    bool exists = false;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    KTKI_TRY(ktk_uuid_check(uuid, err));
    for (size_t i = 0; i < SUFFIX_COUNT && !exists; i++) {
        ktk_store_entry entry;

        key.size = 0;
        KTKI_TRY(ktki_buffer_append_format(&key, err, "%s%s", uuid, document_suffixes[i]));
        KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
        status = ktk_store_head(store, (const char *)key.data, &entry, err);
        exists = status == KTK_OK;
        KTKI_TRY(status == KTK_E_NOT_FOUND ? KTK_OK : status);
    }
    *out = exists;
out:
    ktki_buffer_clear(&key);
    return status;
}

struct names {
    struct arena arena;
    struct buffer texts; /* const char * */
};

/* Size of the name that a document key starts with, 0 if the key is of something else. */
static size_t name_size(const char *key) {
    size_t size = strlen(key);

    for (size_t i = 0; i < SUFFIX_COUNT; i++) {
        size_t suffix_size = strlen(document_suffixes[i]);

        if (size > suffix_size && strcmp(key + size - suffix_size, document_suffixes[i]) == 0) {
            return size - suffix_size;
        }
    }
    return 0;
}

static ktk_status visit_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct names *names = state;
    size_t size = name_size(entry->key);
    const char *name;
    ktk_status status = KTK_OK;

    if (size == 0) {
        goto out;
    }
    KTKI_TRY(ktki_arena_text(&names->arena, entry->key, size, &name, err));
    if (ktk_uuid_check(name, NULL) == KTK_OK) {
        KTKI_TRY(ktki_buffer_append(&names->texts, &name, sizeof(name), err));
    }
out:
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

ktk_status ktk_dataset_list(ktk_store *store, ktk_dataset_list_fn fn, void *state, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    struct names names;
    const char **texts;
    size_t count;
    ktk_status status = KTK_OK;

    ktki_arena_init(&names.arena, allocator);
    ktki_buffer_init(&names.texts, allocator, 0);
    KTKI_TRY(ktk_store_list(store, "", visit_key, &names, err));
    texts = (const char **)names.texts.data;
    count = names.texts.size / sizeof(*texts);
    /* By name, which is not the order of the keys: '+' and '-' sort before the suffix's '.'. */
    if (count > 0) {
        qsort(texts, count, sizeof(*texts), compare_names);
    }
    for (size_t i = 0; i < count; i++) {
        /* A dataset may have a document in each format. */
        if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0) {
            KTKI_TRY(fn(state, texts[i], err));
        }
    }
out:
    ktki_buffer_clear(&names.texts);
    ktki_arena_clear(&names.arena);
    return status;
}
