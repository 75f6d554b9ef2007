/** The files of a cache: looked up, put, and removed when they are too many. */
#ifndef KTKI_STORE_CACHE_ROOM_H
#define KTKI_STORE_CACHE_ROOM_H

#include "store/cache_entry.h"

struct cache_room;

/** `files` gets another reference; it may be shared with other processes, and with other files.
 * `bytes_max` > 0. */
ktk_status ktki_cache_room_new(struct cache_room **out, ktk_store *files, int64_t bytes_max,
                               ktk_error *err);

/** NULL is allowed. */
void ktki_cache_room_free(struct cache_room *room);

/**
 * Find the piece of the value that owner, key and piece of `entry` name, and fill in the rest,
 * which lives as long as `bytes`. False: it is not there, whatever the reason. Damaged ones are
 * none.
 */
bool ktki_cache_room_find(struct cache_room *room, struct cache_entry *entry, ktk_bytes *bytes);

/** Keep a piece, if there is a place for it: whatever fails changes nothing for the caller. */
void ktki_cache_room_keep(struct cache_room *room, const struct cache_entry *entry);

#endif
