/** A piece of a value as it is kept in a cache: with what it is a piece of, and a checksum. */
#ifndef KTKI_STORE_CACHE_ENTRY_H
#define KTKI_STORE_CACHE_ENTRY_H

#include <kartothek/store.h>

#include "base/buffer.h"

/** Borrowed. */
struct cache_entry {
    const char *owner;   /**< tells the stores apart whose values are kept */
    const char *key;     /**< of the value */
    const char *piece;   /**< which part of it this is */
    const char *version; /**< of the value; "": not known */
    int64_t value_size;  /**< -1: not known */
    const void *data;
    size_t size;
};

/** Append the bytes of a file. */
ktk_status ktki_cache_entry_write(struct buffer *out, const struct cache_entry *entry,
                                  ktk_error *err);

/** Read them; the entry's fields point into `data`. False: they are damaged, or nothing of this
 * kind. */
bool ktki_cache_entry_read(struct cache_entry *out, const void *data, size_t size);

#endif
