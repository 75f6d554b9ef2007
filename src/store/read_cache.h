/**
 * What is read of a store, kept in another one: of files that are never changed, which are those of
 * datasets with a label that nobody gives twice, and of others that are looked at first.
 */
#ifndef KTKI_STORE_READ_CACHE_H
#define KTKI_STORE_READ_CACHE_H

#include "store/backend.h"

struct read_cache;

/** Both get another reference. `bytes_max` > 0. */
ktk_status ktki_read_cache_new(struct read_cache **out, ktk_store *base, ktk_store *files,
                               int64_t bytes_max, ktk_error *err);

/** NULL is allowed. */
void ktki_read_cache_free(struct read_cache *cache);

/** As ktk_store_get(), ktk_store_get_range(), ktki_store_get_ranges() and ktki_store_get_end() of
 * the base. */
ktk_status ktki_read_cache_get(struct read_cache *cache, const char *key, ktk_bytes *out,
                               ktk_store_version *version, ktk_error *err);
ktk_status ktki_read_cache_get_range(struct read_cache *cache, const char *key, int64_t offset,
                                     int64_t size, ktk_bytes *out, ktk_error *err);
ktk_status ktki_read_cache_get_ranges(struct read_cache *cache, const char *key,
                                      const struct object_range *ranges, size_t count,
                                      ktk_bytes *out, ktk_error *err);
ktk_status ktki_read_cache_get_end(struct read_cache *cache, const char *key, int64_t size,
                                   ktk_bytes *out, int64_t *value_size, ktk_error *err);

#endif
