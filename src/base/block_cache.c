#define KTKI_ALLOC_IMPLEMENTATION
#include "base/block_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/error.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define GRANULE_BYTES ((size_t)4096)
#define GRANULES_OF_HUGE_PAGE (HUGE_PAGE_BYTES / GRANULE_BYTES)

/* Runs are counted in 31 bits. What is larger no machine has. */
#define BLOCK_BYTES_MAX ((size_t)4 << 40)

/* Regions double the address space until they are of this size, so that little use takes little. */
#define REGION_BYTES_MIN (2 * HUGE_PAGE_BYTES)
#define REGION_BYTES_MAX ((size_t)64 << 20)

/*
 * A stretch of address space, divided into runs of granules without a gap: each is one block or
 * free, and no two free ones are neighbours. The first and the last granule of a run tell its
 * length, so that the runs beside a block are found without a search.
 */
struct region {
    struct region *next;
    uint8_t *start;
    size_t size; /* a multiple of huge pages */
    size_t granule_count;
    size_t free_count;   /* granules */
    size_t first_free;   /* no run before this granule is free */
    uint32_t run_ends[]; /* length * 2, + 1 if free; by granule */
};

struct block_cache {
    pthread_mutex_t lock;
    struct region *regions; /* in the order they were made */
    size_t mapped_bytes;
    size_t kept_bytes;
    size_t kept_max;
};

/* ---- runs ---- */

static void set_run(struct region *region, size_t granule, size_t length, bool is_free) {
    uint32_t end = (uint32_t)length << 1 | is_free;

    region->run_ends[granule] = end;
    region->run_ends[granule + length - 1] = end;
}

static size_t run_length(const struct region *region, size_t granule) {
    return region->run_ends[granule] >> 1;
}

static bool is_free_run(const struct region *region, size_t granule) {
    return (region->run_ends[granule] & 1) != 0;
}

/* The first free run of `count` granules or more; granule_count if there is none. */
static size_t find_run(struct region *region, size_t count) {
    size_t granule = region->first_free;

    if (region->free_count < count) {
        return region->granule_count;
    }
    while (granule < region->granule_count &&
           (!is_free_run(region, granule) || run_length(region, granule) < count)) {
        granule += run_length(region, granule);
    }
    return granule;
}

/* Takes `count` granules from the start of a free run. */
static void take_run(struct region *region, size_t granule, size_t count) {
    size_t length = run_length(region, granule);

    set_run(region, granule, count, false);
    if (length > count) {
        set_run(region, granule + count, length - count, true);
    }
    if (region->first_free == granule) {
        region->first_free = granule + count;
    }
    region->free_count -= count;
}

/* Frees a run and joins it with its free neighbours; `*granule` and `*length` become those of the
 * run that results. */
static void join_run(struct region *region, size_t *granule, size_t *length) {
    size_t end = *granule + *length;

    region->free_count += *length;
    if (end < region->granule_count && is_free_run(region, end)) {
        *length += run_length(region, end);
    }
    if (*granule > 0 && is_free_run(region, *granule - 1)) {
        size_t before = run_length(region, *granule - 1);
        *granule -= before;
        *length += before;
    }
    set_run(region, *granule, *length, true);
    if (*granule < region->first_free) {
        region->first_free = *granule;
    }
}

/* ---- regions ---- */

/* Address space that starts at a huge page. */
static uint8_t *map_aligned(size_t size) {
    uint8_t *start = mmap(NULL, size + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (start == MAP_FAILED) {
        return NULL;
    }
    before = -(uintptr_t)start & (HUGE_PAGE_BYTES - 1);
    if (before > 0) {
        (void)munmap(start, before);
    }
    (void)munmap(start + before + size, HUGE_PAGE_BYTES - before);
    return start + before;
}

static struct region *region_new(size_t size) {
    size_t granule_count = size / GRANULE_BYTES;
    struct region *region =
        calloc(1, sizeof(*region) + granule_count * sizeof(region->run_ends[0]));

    if (region == NULL) {
        return NULL;
    }
    region->start = map_aligned(size);
    if (region->start == NULL) {
        free(region);
        return NULL;
    }
    /* A fault each instead of 512. The first region is spared them: clearing a whole huge page for
     * a single small block takes longer. */
    if (size > REGION_BYTES_MIN) {
        (void)madvise(region->start, size, MADV_HUGEPAGE);
    }
    region->size = size;
    region->granule_count = granule_count;
    region->free_count = granule_count;
    set_run(region, 0, granule_count, true);
    return region;
}

static void region_free(struct region *region) {
    (void)munmap(region->start, region->size);
    free(region);
}

/* A new region, large enough for a block of `count` granules, or NULL. */
static struct region *add_region(struct block_cache *cache, size_t count) {
    struct region **slot = &cache->regions;
    size_t size = cache->mapped_bytes;
    size_t needed = (count * GRANULE_BYTES + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);

    size = size < REGION_BYTES_MIN ? REGION_BYTES_MIN : size;
    size = size > REGION_BYTES_MAX ? REGION_BYTES_MAX : size & ~(HUGE_PAGE_BYTES - 1);
    while (*slot != NULL) {
        slot = &(*slot)->next;
    }
    *slot = region_new(size < needed ? needed : size);
    if (*slot == NULL && size > needed) {
        *slot = region_new(needed);
    }
    if (*slot != NULL) {
        cache->mapped_bytes += (*slot)->size;
        cache->kept_bytes += (*slot)->size;
    }
    return *slot;
}

static void remove_region(struct block_cache *cache, struct region *region) {
    struct region **slot = &cache->regions;

    while (*slot != region) {
        slot = &(*slot)->next;
    }
    *slot = region->next;
    cache->mapped_bytes -= region->size;
    cache->kept_bytes -= region->size;
    region_free(region);
}

static struct region *region_of(const struct block_cache *cache, const void *block) {
    struct region *region = cache->regions;
    uintptr_t at = (uintptr_t)block;

    while (region != NULL &&
           !(at >= (uintptr_t)region->start && at - (uintptr_t)region->start < region->size)) {
        region = region->next;
    }
    return region;
}

/* ---- blocks ---- */

static size_t granules_of(size_t size) {
    return size / GRANULE_BYTES + (size % GRANULE_BYTES != 0);
}

static void *take_block(struct block_cache *cache, size_t size) {
    size_t count = granules_of(size);
    struct region *region = cache->regions;
    size_t granule = 0;

    while (region != NULL && (granule = find_run(region, count)) == region->granule_count) {
        region = region->next;
    }
    if (region == NULL) {
        region = add_region(cache, count);
        granule = 0;
    }
    if (region == NULL) {
        return NULL;
    }
    take_run(region, granule, count);
    cache->kept_bytes -= count * GRANULE_BYTES;
    return region->start + granule * GRANULE_BYTES;
}

/* Huge pages that have become free as a whole by freeing [granule, granule + count), in the free
 * run [run, run + length): the kernel may have them, or gets them. */
static void offer_pages(const struct block_cache *cache, const struct region *region,
                        size_t granule, size_t count, size_t run, size_t length) {
    const size_t unit = GRANULES_OF_HUGE_PAGE;
    size_t first = granule / unit * unit;
    size_t end = (granule + count + unit - 1) / unit * unit;

    first = first < run ? first + unit : first;
    end = end > run + length ? end - unit : end;
    if (first < end) {
        (void)madvise(region->start + first * GRANULE_BYTES, (end - first) * GRANULE_BYTES,
                      cache->kept_bytes > cache->kept_max ? MADV_DONTNEED : MADV_FREE);
    }
}

static void give_granules(struct block_cache *cache, struct region *region, size_t granule,
                          size_t count) {
    size_t run = granule;
    size_t length = count;

    join_run(region, &run, &length);
    cache->kept_bytes += count * GRANULE_BYTES;
    if (length == region->granule_count && cache->kept_bytes > cache->kept_max) {
        remove_region(cache, region);
    } else {
        offer_pages(cache, region, granule, count, run, length);
    }
}

/* Resize in place if the room behind the block allows it. */
static bool resize_run(struct block_cache *cache, struct region *region, size_t granule,
                       size_t count) {
    size_t length = run_length(region, granule);
    size_t end = granule + length;

    if (count < length) {
        set_run(region, granule, count, false);
        set_run(region, granule + count, length - count, false);
        give_granules(cache, region, granule + count, length - count);
        return true;
    }
    if (count > length) {
        if (end == region->granule_count || !is_free_run(region, end) ||
            run_length(region, end) < count - length) {
            return false;
        }
        take_run(region, end, count - length);
        cache->kept_bytes -= (count - length) * GRANULE_BYTES;
        set_run(region, granule, count, false);
    }
    return true;
}

static void *block_new(struct block_cache *cache, size_t size) {
    const ktk_allocator *heap = ktki_alloc_default();
    void *block = NULL;

    if (size > BLOCK_BYTES_MAX) {
        return NULL;
    }
    if (size >= BLOCK_CACHE_SIZE_MIN) {
        pthread_mutex_lock(&cache->lock);
        block = take_block(cache, size);
        pthread_mutex_unlock(&cache->lock);
    }
    return block != NULL ? block : heap->resize(heap->state, NULL, 0, size);
}

/* True: the block is the cache's, and was freed or resized in place. */
static bool block_changed(struct block_cache *cache, void *block, size_t new_size) {
    struct region *region;
    bool is_done = false;

    pthread_mutex_lock(&cache->lock);
    region = region_of(cache, block);
    if (region != NULL) {
        size_t granule = (size_t)((uint8_t *)block - region->start) / GRANULE_BYTES;

        assert(!is_free_run(region, granule));
        if (new_size == 0) {
            give_granules(cache, region, granule, run_length(region, granule));
            is_done = true;
        } else if (new_size >= BLOCK_CACHE_SIZE_MIN && new_size <= BLOCK_BYTES_MAX) {
            is_done = resize_run(cache, region, granule, granules_of(new_size));
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return is_done;
}

static void *cache_resize(void *state, void *block, size_t old_size, size_t new_size) {
    const ktk_allocator *heap = ktki_alloc_default();
    struct block_cache *cache = state;
    bool may_be_large = old_size >= BLOCK_CACHE_SIZE_MIN;
    void *moved;

    if (block == NULL) {
        return block_new(cache, new_size);
    }
    if (may_be_large && block_changed(cache, block, new_size)) {
        return new_size == 0 ? NULL : block;
    }
    if (new_size == 0 || (!may_be_large && new_size < BLOCK_CACHE_SIZE_MIN)) {
        return heap->resize(heap->state, block, old_size, new_size);
    }
    moved = block_new(cache, new_size);
    if (moved != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        (void)cache_resize(cache, block, old_size, 0);
    }
    return moved;
}

/* ---- the cache ---- */

ktk_status ktki_block_cache_new(struct block_cache **out, size_t kept_max, ktk_error *err) {
    struct block_cache *cache = NULL;
    ktk_status status = KTKI_NEW(ktki_alloc_default(), &cache, err);

    if (status == KTK_OK) {
        (void)pthread_mutex_init(&cache->lock, NULL);
        cache->kept_max = kept_max;
        *out = cache;
    }
    return status;
}

void ktki_block_cache_free(struct block_cache *cache) {
    if (cache == NULL) {
        return;
    }
    assert(cache->kept_bytes == cache->mapped_bytes);
    while (cache->regions != NULL) {
        remove_region(cache, cache->regions);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    KTKI_DELETE(ktki_alloc_default(), cache);
}

ktk_allocator ktki_block_cache_allocator(struct block_cache *cache) {
    return (ktk_allocator){cache_resize, cache};
}

void ktki_block_cache_sizes(struct block_cache *cache, size_t *mapped, size_t *kept) {
    pthread_mutex_lock(&cache->lock);
    *mapped = cache->mapped_bytes;
    *kept = cache->kept_bytes;
    pthread_mutex_unlock(&cache->lock);
}
