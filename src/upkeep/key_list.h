/** The keys of a dataset in its store, with what the store says of each. */
#ifndef KTKI_UPKEEP_KEY_LIST_H
#define KTKI_UPKEEP_KEY_LIST_H

#include <kartothek/store.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/hash_map.h"

struct key_entry {
    const char *key;
    int64_t size;        /* -1: unknown */
    int64_t modified_us; /* -1: unknown */
    bool is_named;       /* for the use of who made the list; false at first */
    bool is_bare;        /* size and time were not asked for */
};

/** Ascending by key. Texts lie in the arena. */
struct key_list {
    struct arena arena;
    struct buffer entries;     /* struct key_entry */
    struct hash_map positions; /* key to the position in `entries` */
};

void ktki_key_list_init(struct key_list *list, const ktk_allocator *allocator);
void ktki_key_list_clear(struct key_list *list);

/** Add the keys under `<uuid>/`. Once a list. */
ktk_status ktki_key_list_fill(struct key_list *list, ktk_store *store, const char *uuid,
                              ktk_error *err);

/** The same where few keys are asked for their size and time: those outside `<uuid>/_ktk/` may be
 * bare. */
ktk_status ktki_key_list_fill_bare(struct key_list *list, ktk_store *store, const char *uuid,
                                   ktk_error *err);

/** Ask the store for size and time of a bare key. KTK_E_NOT_FOUND if it is gone. */
ktk_status ktki_key_entry_complete(struct key_entry *entry, ktk_store *store, ktk_error *err);

static inline size_t ktki_key_list_count(const struct key_list *list) {
    return list->entries.size / sizeof(struct key_entry);
}

static inline struct key_entry *ktki_key_list_at(const struct key_list *list, size_t position) {
    return (struct key_entry *)list->entries.data + position;
}

/** NULL if there is no such key. */
struct key_entry *ktki_key_list_find(const struct key_list *list, const char *key);

#endif
