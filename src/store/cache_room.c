#include "store/cache_room.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "store/backend.h"

/* All files are below this, so that nothing else is removed; another form of files has another. */
#define FOLDER "ktk-cache-1/"
#define KEY_SIZE 64

/* How much one process adds before it looks what there is: others add, too. */
#define SHARE_UNSEEN 16
/* What is removed beyond what must go, so that it is not done all the time. */
#define SHARE_FREED 8
/* A larger piece would drive out too much. */
#define SHARE_PIECE 4

struct cache_room {
    ktk_store *files;
    const ktk_allocator *allocator;
    int64_t bytes_max;
    pthread_mutex_t lock;
    int64_t unseen_bytes; /* added since the last look; under the lock */
    bool is_looking;      /* a thread looks just now; likewise */
};

/* A file of the cache. */
struct kept {
    const char *key;
    int64_t size;
    int64_t written_us;
};

struct listing {
    struct arena keys;
    struct buffer kept; /* struct kept */
    int64_t bytes;
};

/* ---- names ---- */

static void name_file(char out[KEY_SIZE], const struct cache_entry *entry) {
    uint64_t parts[3] = {ktki_hash_bytes(entry->owner, strlen(entry->owner)),
                         ktki_hash_bytes(entry->key, strlen(entry->key)),
                         ktki_hash_bytes(entry->piece, strlen(entry->piece))};
    uint64_t hash = ktki_hash_bytes(parts, sizeof(parts));

    (void)snprintf(out, KEY_SIZE, FOLDER "%02x/%016llx", (unsigned)(hash & 0xff),
                   (unsigned long long)hash);
}

bool ktki_cache_room_find(struct cache_room *room, struct cache_entry *entry, ktk_bytes *bytes) {
    struct cache_entry found;
    char key[KEY_SIZE];

    name_file(key, entry);
    if (ktk_store_get(room->files, key, bytes, NULL, NULL) != KTK_OK) {
        return false;
    }
    if (!ktki_cache_entry_read(&found, bytes->data, bytes->size) ||
        strcmp(found.owner, entry->owner) != 0 || strcmp(found.key, entry->key) != 0 ||
        strcmp(found.piece, entry->piece) != 0) {
        ktk_bytes_clear(bytes);
        return false;
    }
    *entry = found;
    return true;
}

/* ---- room ---- */

static ktk_status note(void *state, const ktk_store_entry *entry, ktk_error *err) {
    struct listing *listing = state;
    struct kept kept = {.size = entry->size > 0 ? entry->size : 0,
                        .written_us = entry->modified_us};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_text(&listing->keys, entry->key, strlen(entry->key), &kept.key, err));
    KTKI_TRY(ktki_buffer_append(&listing->kept, &kept, sizeof(kept), err));
    listing->bytes += kept.size;
out:
    return status;
}

static int compare_ages(const void *a, const void *b) {
    int64_t first = ((const struct kept *)a)->written_us;
    int64_t second = ((const struct kept *)b)->written_us;

    return first < second ? -1 : first > second;
}

/* Remove the oldest. Another process may do the same at the same time: its turn comes first, and
 * then there is less to do. */
static void make_room(struct cache_room *room) {
    struct listing listing = {.bytes = 0};
    int turn = ktki_store_take_turn(room->files, FOLDER);
    struct kept *kept;
    int64_t wanted = room->bytes_max - room->bytes_max / SHARE_FREED;

    ktki_arena_init(&listing.keys, room->allocator);
    ktki_buffer_init(&listing.kept, room->allocator, 0);
    if (ktk_store_list(room->files, FOLDER, note, &listing, NULL) == KTK_OK &&
        listing.bytes > room->bytes_max) {
        size_t count = listing.kept.size / sizeof(*kept);

        kept = (struct kept *)listing.kept.data;
        qsort(kept, count, sizeof(*kept), compare_ages);
        for (size_t i = 0; i < count && listing.bytes > wanted; i++) {
            if (ktk_store_remove(room->files, kept[i].key, NULL) == KTK_OK) {
                listing.bytes -= kept[i].size;
            }
        }
    }
    ktki_buffer_clear(&listing.kept);
    ktki_arena_clear(&listing.keys);
    ktki_store_end_turn(room->files, turn);
}

/* Whether the caller is the one to look what there is. */
static bool must_look(struct cache_room *room, int64_t added) {
    bool must;

    pthread_mutex_lock(&room->lock);
    room->unseen_bytes += added;
    must = room->unseen_bytes >= room->bytes_max / SHARE_UNSEEN && !room->is_looking;
    if (must) {
        room->unseen_bytes = 0;
        room->is_looking = true;
    }
    pthread_mutex_unlock(&room->lock);
    return must;
}

void ktki_cache_room_keep(struct cache_room *room, const struct cache_entry *entry) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer bytes;
    char key[KEY_SIZE];

    ktki_buffer_init(&bytes, room->allocator, 0);
    condition.flags = KTK_PUT_DEFER_SYNC; /* a file that a power cut damages is seen by its hash */
    name_file(key, entry);
    if (entry->size <= (size_t)(room->bytes_max / SHARE_PIECE) &&
        ktki_cache_entry_write(&bytes, entry, NULL) == KTK_OK &&
        ktk_store_put(room->files, key, bytes.data, bytes.size, &condition, NULL, NULL) == KTK_OK &&
        must_look(room, (int64_t)bytes.size)) {
        make_room(room);
        pthread_mutex_lock(&room->lock);
        room->is_looking = false;
        pthread_mutex_unlock(&room->lock);
    }
    ktki_buffer_clear(&bytes);
}

/* ---- life ---- */

ktk_status ktki_cache_room_new(struct cache_room **out, ktk_store *files, int64_t bytes_max,
                               ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(files));
    struct cache_room *room = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &room, err));
    if (pthread_mutex_init(&room->lock, NULL) != 0) {
        KTKI_DELETE(allocator, room);
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make a lock");
    }
    room->allocator = allocator;
    room->bytes_max = bytes_max;
    room->unseen_bytes = bytes_max; /* what there is from before is looked at first */
    room->files = ktk_store_ref(files);
    *out = room;
out:
    return status;
}

void ktki_cache_room_free(struct cache_room *room) {
    ktk_store *files;

    if (room != NULL) {
        files = room->files;
        (void)pthread_mutex_destroy(&room->lock);
        /* The store goes last: the allocator lives in its context. */
        KTKI_DELETE(room->allocator, room);
        ktk_store_free(files);
    }
}
