#include "store/read_cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "store/cache_room.h"

/* Ranges are kept in blocks, so that what queries have in common is kept once. What is fetched
 * beyond a range is little for the 100 MB/s of a connection. */
#define BLOCK_BYTES ((int64_t)256 * 1024)
/* A value that is got whole is kept up to this size. */
#define WHOLE_BYTES_MAX ((int64_t)64 * 1024 * 1024)
/* Two requests at a time are faster than one that is larger. */
#define RUN_BYTES_MAX ((int64_t)16 * 1024 * 1024)

#define LABEL_SIZE 32

struct read_cache {
    ktk_store *base;
    struct cache_room *room;
    const ktk_allocator *allocator;
    char *owner; /* tells this store from others whose values are kept */
};

/* ---- which values ---- */

enum trust {
    TRUST_NONE,    /* may change, and is read anew */
    TRUST_CHECKED, /* may change, and is looked at before it is taken from the cache */
    TRUST_NAME     /* a label that is given once */
};

/* Names that end with a UUID without dashes are made by the library and by the originals for each
 * file anew. Other files of Parquet are indices, and those whose names a program chose. */
static enum trust trust_of(const char *key) {
    static const char suffix[] = ".parquet";
    size_t size = strlen(key);
    size_t digits = 0;

    if (size < sizeof(suffix) - 1 || strcmp(key + size - sizeof(suffix) + 1, suffix) != 0) {
        return TRUST_NONE;
    }
    size -= sizeof(suffix) - 1;
    while (digits < size && strchr("0123456789abcdef", key[size - 1 - digits]) != NULL) {
        digits++;
    }
    return digits == LABEL_SIZE && digits < size && key[size - 1 - digits] == '/' ? TRUST_NAME
                                                                                  : TRUST_CHECKED;
}

/* ---- pieces ---- */

static bool find(const struct read_cache *cache, const char *key, const char *piece,
                 struct cache_entry *entry, ktk_bytes *bytes) {
    *entry = (struct cache_entry){.owner = cache->owner, .key = key, .piece = piece};
    return ktki_cache_room_find(cache->room, entry, bytes);
}

static void keep(const struct read_cache *cache, const char *key, const char *piece,
                 const char *version, int64_t value_size, const void *data, size_t size) {
    const struct cache_entry entry = {cache->owner, key, piece, version, value_size, data, size};

    ktki_cache_room_keep(cache->room, &entry);
}

static ktk_status give(const struct read_cache *cache, const struct cache_entry *entry,
                       ktk_bytes *out, ktk_error *err) {
    return ktki_bytes_copy(cache->allocator, entry->data, entry->size, out, err);
}

/* ---- whole values ---- */

/* `now`: what the base says of a value whose name may be used again; NULL: it may not. */
static ktk_status get_whole(const struct read_cache *cache, const char *key,
                            const ktk_store_entry *now, ktk_bytes *out, ktk_store_version *version,
                            ktk_error *err) {
    ktk_store_version found = {{0}};
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct cache_entry entry;
    ktk_status status = KTK_OK;

    if (find(cache, key, "whole", &entry, &bytes) && entry.value_size == (int64_t)entry.size &&
        (now == NULL || (now->version.text[0] != '\0' && now->size == entry.value_size &&
                         strcmp(now->version.text, entry.version) == 0))) {
        (void)snprintf(found.text, sizeof(found.text), "%s", entry.version);
        KTKI_TRY(give(cache, &entry, out, err));
    } else {
        KTKI_TRY(ktk_store_get(cache->base, key, out, &found, err));
        if (out->size <= (size_t)WHOLE_BYTES_MAX) {
            keep(cache, key, "whole", found.text, (int64_t)out->size, out->data, out->size);
        }
    }
    if (version != NULL) {
        *version = found;
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}

ktk_status ktki_read_cache_get(struct read_cache *cache, const char *key, ktk_bytes *out,
                               ktk_store_version *version, ktk_error *err) {
    enum trust trust = trust_of(key);
    ktk_store_entry now;
    ktk_status status = KTK_OK;

    if (trust == TRUST_NONE) {
        return ktk_store_get(cache->base, key, out, version, err);
    }
    if (trust == TRUST_CHECKED) {
        KTKI_TRY(ktk_store_head(cache->base, key, &now, err));
    }
    status = get_whole(cache, key, trust == TRUST_CHECKED ? &now : NULL, out, version, err);
out:
    return status;
}

/* A part of a value whose name may be used again: out of the whole, whose bytes and version belong
 * together. `*is_read` false: it is too large for that. */
static ktk_status get_part(const struct read_cache *cache, const char *key, ktk_bytes *whole,
                           bool *is_read, ktk_error *err) {
    ktk_store_entry now;
    ktk_status status = KTK_OK;

    *is_read = false;
    KTKI_TRY(ktk_store_head(cache->base, key, &now, err));
    if (now.size < 0 || now.size > WHOLE_BYTES_MAX) {
        goto out;
    }
    KTKI_TRY(get_whole(cache, key, &now, whole, NULL, err));
    *is_read = true;
out:
    return status;
}

/* ---- ends ---- */

static ktk_status get_end_checked(const struct read_cache *cache, const char *key, int64_t size,
                                  ktk_bytes *out, int64_t *value_size, ktk_error *err) {
    ktk_bytes whole = KTK_BYTES_INIT;
    bool is_read;
    ktk_status status = KTK_OK;

    KTKI_TRY(get_part(cache, key, &whole, &is_read, err));
    if (!is_read) {
        KTKI_TRY(ktki_store_get_end(cache->base, key, size, out, value_size, err));
        goto out;
    }
    *value_size = (int64_t)whole.size;
    size = size < *value_size ? size : *value_size;
    KTKI_TRY(ktki_bytes_copy(cache->allocator, size == 0 ? NULL : whole.data + (*value_size - size),
                             (size_t)size, out, err));
out:
    ktk_bytes_clear(&whole);
    return status;
}

ktk_status ktki_read_cache_get_end(struct read_cache *cache, const char *key, int64_t size,
                                   ktk_bytes *out, int64_t *value_size, ktk_error *err) {
    enum trust trust = trust_of(key);
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct cache_entry entry;
    char piece[32];
    ktk_status status = KTK_OK;

    if (trust == TRUST_NONE) {
        return ktki_store_get_end(cache->base, key, size, out, value_size, err);
    }
    if (trust == TRUST_CHECKED) {
        return get_end_checked(cache, key, size, out, value_size, err);
    }
    (void)snprintf(piece, sizeof(piece), "end %lld", (long long)size);
    if (find(cache, key, piece, &entry, &bytes) &&
        (int64_t)entry.size == (entry.value_size < size ? entry.value_size : size)) {
        KTKI_TRY(give(cache, &entry, out, err));
        *value_size = entry.value_size;
    } else {
        KTKI_TRY(ktki_store_get_end(cache->base, key, size, out, value_size, err));
        keep(cache, key, piece, "", *value_size, out->data, out->size);
        keep(cache, key, "size", "", *value_size, NULL, 0);
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}

/* ---- ranges ---- */

/* Ranges of one value that are being read. */
struct reading {
    const struct read_cache *cache;
    const char *key;
    const struct object_range *ranges; /* none behind the end of the value */
    struct buffer *parts;              /* what was read of each */
    size_t count;
    int64_t value_size;
    struct buffer runs; /* struct object_range: neighbouring blocks that are not there */
};

static ktk_status find_size(const struct read_cache *cache, const char *key, int64_t *out,
                            ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct cache_entry entry;
    ktk_store_entry now;
    ktk_status status = KTK_OK;

    if (find(cache, key, "size", &entry, &bytes)) {
        *out = entry.value_size;
    } else {
        KTKI_TRY(ktk_store_head(cache->base, key, &now, err));
        *out = now.size;
        if (now.size >= 0) {
            keep(cache, key, "size", "", now.size, NULL, 0);
        }
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}

/* Bytes from an offset on that the value has. */
static int64_t cut_size(const struct reading *reading, int64_t offset, int64_t size) {
    int64_t left = reading->value_size - offset;

    return size < left ? size : left;
}

/* Give each range what it wants of some bytes of the value. */
static void share(struct reading *reading, int64_t offset, const uint8_t *data, int64_t size) {
    for (size_t i = 0; i < reading->count; i++) {
        int64_t start = reading->ranges[i].offset;
        int64_t end = start + (int64_t)reading->parts[i].size;
        int64_t from = start > offset ? start : offset;
        int64_t to = end < offset + size ? end : offset + size;

        if (from < to) {
            memcpy(reading->parts[i].data + (from - start), data + (from - offset),
                   (size_t)(to - from));
        }
    }
}

static void name_block(char out[32], int64_t offset) {
    (void)snprintf(out, 32, "block %lld", (long long)(offset / BLOCK_BYTES));
}

static bool take_block(struct reading *reading, int64_t offset) {
    int64_t size = cut_size(reading, offset, BLOCK_BYTES);
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct cache_entry entry;
    char piece[32];
    bool is_there;

    name_block(piece, offset);
    is_there =
        find(reading->cache, reading->key, piece, &entry, &bytes) && (int64_t)entry.size == size;
    if (is_there) {
        share(reading, offset, entry.data, size);
    }
    ktk_bytes_clear(&bytes);
    return is_there;
}

static int compare_offsets(const void *a, const void *b) {
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;

    return first < second ? -1 : first > second;
}

/* Where the blocks begin in which the ranges lie; ascending, some more than once. */
static ktk_status list_blocks(const struct reading *reading, struct buffer *out, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < reading->count; i++) {
        int64_t offset = reading->ranges[i].offset;
        int64_t end = offset + (int64_t)reading->parts[i].size;

        for (offset -= offset % BLOCK_BYTES; offset < end; offset += BLOCK_BYTES) {
            KTKI_TRY(ktki_buffer_append(out, &offset, sizeof(offset), err));
        }
    }
    if (out->size > 0) {
        qsort(out->data, out->size / sizeof(int64_t), sizeof(int64_t), compare_offsets);
    }
out:
    return status;
}

/* Take what is there; what is not becomes runs. */
static ktk_status take_blocks(struct reading *reading, ktk_error *err) {
    struct object_range run = {0, 0};
    struct buffer blocks;
    const int64_t *at;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&blocks, reading->cache->allocator, 0);
    KTKI_TRY(list_blocks(reading, &blocks, err));
    at = (const int64_t *)blocks.data;
    for (size_t i = 0; i < blocks.size / sizeof(*at); i++) {
        if ((i > 0 && at[i] == at[i - 1]) || take_block(reading, at[i])) {
            continue;
        }
        if (run.size >= RUN_BYTES_MAX || (run.size > 0 && run.offset + run.size != at[i])) {
            KTKI_TRY(ktki_buffer_append(&reading->runs, &run, sizeof(run), err));
            run.size = 0;
        }
        run.offset = run.size > 0 ? run.offset : at[i];
        run.size += cut_size(reading, at[i], BLOCK_BYTES);
    }
    if (run.size > 0) {
        KTKI_TRY(ktki_buffer_append(&reading->runs, &run, sizeof(run), err));
    }
out:
    ktki_buffer_clear(&blocks);
    return status;
}

static ktk_status take_run(struct reading *reading, const struct object_range *run,
                           const ktk_bytes *bytes, ktk_error *err) {
    char piece[32];

    if ((int64_t)bytes->size != run->size) {
        return ktk_error_set(err, KTK_E_IO, "'%s': %zu bytes came where %lld were asked for",
                             reading->key, bytes->size, (long long)run->size);
    }
    share(reading, run->offset, bytes->data, run->size);
    for (int64_t done = 0; done < run->size; done += BLOCK_BYTES) {
        int64_t left = run->size - done;

        name_block(piece, run->offset + done);
        keep(reading->cache, reading->key, piece, "", reading->value_size, bytes->data + done,
             (size_t)(left < BLOCK_BYTES ? left : BLOCK_BYTES));
    }
    return KTK_OK;
}

static ktk_status fetch_runs(struct reading *reading, ktk_error *err) {
    const struct object_range *runs = (const struct object_range *)reading->runs.data;
    size_t count = reading->runs.size / sizeof(*runs);
    const ktk_allocator *allocator = reading->cache->allocator;
    ktk_bytes *bytes = NULL;
    ktk_status status = KTK_OK;

    if (count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*bytes), &bytes, err));
    KTKI_TRY(ktki_store_get_ranges(reading->cache->base, reading->key, runs, count, bytes, err));
    for (size_t i = 0; i < count && status == KTK_OK; i++) {
        status = take_run(reading, &runs[i], &bytes[i], err);
        ktk_bytes_clear(&bytes[i]);
    }
out:
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        ktk_bytes_clear(&bytes[i]);
    }
    ktki_free_array(allocator, bytes, count, sizeof(*bytes));
    return status;
}

static ktk_status make_parts(struct reading *reading, ktk_error *err) {
    const ktk_allocator *allocator = reading->cache->allocator;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, reading->count, sizeof(*reading->parts), &reading->parts,
                               err));
    for (size_t i = 0; i < reading->count; i++) {
        const struct object_range *range = &reading->ranges[i];
        struct buffer *part = &reading->parts[i];

        if (range->offset > reading->value_size) {
            KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the %lld bytes of '%s'",
                      (long long)range->offset, (long long)reading->value_size, reading->key);
        }
        ktki_buffer_init(part, allocator, 0);
        KTKI_TRY(
            ktki_buffer_reserve(part, (size_t)cut_size(reading, range->offset, range->size), err));
        part->size = (size_t)cut_size(reading, range->offset, range->size);
    }
out:
    return status;
}

/* Ranges of a value of known size. */
static ktk_status read_ranges(struct reading *reading, ktk_bytes *out, ktk_error *err) {
    size_t done = 0;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&reading->runs, reading->cache->allocator, 0);
    KTKI_TRY(make_parts(reading, err));
    KTKI_TRY(take_blocks(reading, err));
    KTKI_TRY(fetch_runs(reading, err));
    for (; done < reading->count; done++) {
        KTKI_TRY(ktki_buffer_move(&reading->parts[done], &out[done], err));
    }
out:
    for (size_t i = 0; i < done && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
    for (size_t i = 0; reading->parts != NULL && i < reading->count; i++) {
        ktki_buffer_clear(&reading->parts[i]);
    }
    ktki_free_array(reading->cache->allocator, reading->parts, reading->count,
                    sizeof(*reading->parts));
    ktki_buffer_clear(&reading->runs);
    return status;
}

/* Ranges of a value whose name may be used again. */
static ktk_status get_ranges_checked(const struct read_cache *cache, const char *key,
                                     const struct object_range *ranges, size_t count,
                                     ktk_bytes *out, ktk_error *err) {
    ktk_bytes whole = KTK_BYTES_INIT;
    size_t done = 0;
    bool is_read;
    ktk_status status = KTK_OK;

    KTKI_TRY(get_part(cache, key, &whole, &is_read, err));
    if (!is_read) {
        KTKI_TRY(ktki_store_get_ranges(cache->base, key, ranges, count, out, err));
        done = count;
    }
    for (; done < count; done++) {
        int64_t offset = ranges[done].offset;
        int64_t left = (int64_t)whole.size - offset;
        int64_t size = ranges[done].size < left ? ranges[done].size : left;

        if (left < 0) {
            KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the %zu bytes of '%s'",
                      (long long)offset, whole.size, key);
        }
        KTKI_TRY(ktki_bytes_copy(cache->allocator, size == 0 ? NULL : whole.data + offset,
                                 (size_t)size, &out[done], err));
    }
out:
    for (size_t i = 0; i < done && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
    ktk_bytes_clear(&whole);
    return status;
}

ktk_status ktki_read_cache_get_ranges(struct read_cache *cache, const char *key,
                                      const struct object_range *ranges, size_t count,
                                      ktk_bytes *out, ktk_error *err) {
    struct reading reading = {.cache = cache, .key = key, .ranges = ranges, .count = count};
    enum trust trust = trust_of(key);
    ktk_status status = KTK_OK;

    if (trust == TRUST_NONE) {
        return ktki_store_get_ranges(cache->base, key, ranges, count, out, err);
    }
    if (trust == TRUST_CHECKED) {
        return get_ranges_checked(cache, key, ranges, count, out, err);
    }
    KTKI_TRY(find_size(cache, key, &reading.value_size, err));
    status = reading.value_size < 0
                 ? ktki_store_get_ranges(cache->base, key, ranges, count, out, err)
                 : read_ranges(&reading, out, err);
out:
    return status;
}

ktk_status ktki_read_cache_get_range(struct read_cache *cache, const char *key, int64_t offset,
                                     int64_t size, ktk_bytes *out, ktk_error *err) {
    const struct object_range range = {offset, size};

    return ktki_read_cache_get_ranges(cache, key, &range, 1, out, err);
}

/* ---- life ---- */

/* A bucket of one name may be at many endpoints. */
static ktk_status name_owner(struct read_cache *cache, ktk_error *err) {
    struct store_origin origin;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_store_describe(cache->base, &origin);
    ktki_buffer_init(&text, cache->allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&text, err, "%s at %s", ktk_store_name(cache->base),
                                       origin.endpoint == NULL ? "" : origin.endpoint));
    KTKI_TRY(
        ktki_copy_text(cache->allocator, (const char *)text.data, text.size, &cache->owner, err));
out:
    ktki_buffer_clear(&text);
    return status;
}

ktk_status ktki_read_cache_new(struct read_cache **out, ktk_store *base, ktk_store *files,
                               int64_t bytes_max, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(base));
    struct read_cache *cache = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &cache, err));
    cache->allocator = allocator;
    cache->base = ktk_store_ref(base);
    KTKI_TRY(name_owner(cache, err));
    KTKI_TRY(ktki_cache_room_new(&cache->room, files, bytes_max, err));
    *out = cache;
    cache = NULL;
out:
    ktki_read_cache_free(cache);
    return status;
}

void ktki_read_cache_free(struct read_cache *cache) {
    ktk_store *base;

    if (cache != NULL) {
        base = cache->base;
        ktki_cache_room_free(cache->room);
        ktki_free_text(cache->allocator, cache->owner);
        /* The store goes last: the allocator lives in its context. */
        KTKI_DELETE(cache->allocator, cache);
        ktk_store_free(base);
    }
}
