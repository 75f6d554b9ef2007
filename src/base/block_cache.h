/**
 * Memory for large blocks, kept for the next ones.
 *
 * Fresh memory costs more than most of what is done with it, so large blocks are cut out of regions
 * that are made of huge pages and stay with the cache when their blocks are freed. What is kept so
 * is offered to the kernel, which takes it when it needs it, and is bounded.
 *
 * Blocks may be allocated and freed by any thread. A block lies at a multiple of KTK_ALIGNMENT.
 */
#ifndef KTKI_BASE_BLOCK_CACHE_H
#define KTKI_BASE_BLOCK_CACHE_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stddef.h>

/** Smaller blocks are the heap's. */
#define BLOCK_CACHE_SIZE_MIN ((size_t)256 << 10)

struct block_cache;

/** `kept_max`: bytes of freed blocks that are kept at most; what is above goes back to the kernel
 * at once. */
ktk_status ktki_block_cache_new(struct block_cache **out, size_t kept_max, ktk_error *err);

/** All blocks must have been freed (asserted). NULL is allowed. */
void ktki_block_cache_free(struct block_cache *cache);

/** The heap for small blocks, the cache for large ones; valid as long as the cache. */
ktk_allocator ktki_block_cache_allocator(struct block_cache *cache);

/** Bytes of address space that the regions take, and those of them that no block uses. */
void ktki_block_cache_sizes(struct block_cache *cache, size_t *mapped, size_t *kept);

#endif
