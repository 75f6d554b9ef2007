#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

#define BLOCK_BYTES_MIN ((size_t)4096)
#define BLOCK_BYTES_MAX ((size_t)1 << 20)

struct arena_block {
    struct arena_block *previous;
    size_t capacity; /* bytes behind the header */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void ktki_arena_init(struct arena *arena, const ktk_allocator *allocator) {
    *arena = (struct arena){.allocator = allocator};
}

static void free_blocks(struct arena *arena, struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *previous = block->previous;
        ktki_free_array(arena->allocator, block, sizeof(*block) + block->capacity, 1);
        block = previous;
    }
}

void ktki_arena_clear(struct arena *arena) {
    free_blocks(arena, arena->last);
    arena->last = NULL;
    arena->used_bytes = 0;
}

void ktki_arena_reset(struct arena *arena) {
    if (arena->last != NULL) {
        free_blocks(arena, arena->last->previous);
        arena->last->previous = NULL;
        arena->last->used = 0;
    }
    arena->used_bytes = 0;
}

/* Blocks double up to a bound, so that small arenas stay small and large ones need few calls. */
static ktk_status add_block(struct arena *arena, size_t size, ktk_error *err) {
    size_t capacity = arena->last == NULL ? BLOCK_BYTES_MIN : arena->last->capacity * 2;
    struct arena_block *block = NULL;
    size_t total;
    ktk_status status;

    if (capacity > BLOCK_BYTES_MAX) {
        capacity = BLOCK_BYTES_MAX;
    }
    if (capacity < size) {
        capacity = size;
    }
    if (!ktki_add_size(capacity, sizeof(*block), &total)) {
        return ktk_error_set(err, KTK_E_LIMIT, "%zu bytes do not fit in memory", size);
    }
    status = ktki_alloc_array(arena->allocator, total, 1, &block, err);
    if (status == KTK_OK) {
        block->previous = arena->last;
        block->capacity = capacity;
        block->used = 0;
        arena->last = block;
    }
    return status;
}

ktk_status ktki_arena_array(struct arena *arena, size_t count, size_t element_size, void *out,
                            ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t size;

    if (!ktki_mul_size(count, element_size, &size) ||
        !ktki_round_up_size(size, alignof(max_align_t), &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu elements of %zu bytes do not fit in memory", count,
                  element_size);
    }
    if (arena->last == NULL || arena->last->capacity - arena->last->used < size) {
        KTKI_TRY(add_block(arena, size, err));
    }
    *(void **)out = arena->last->bytes + arena->last->used;
    arena->last->used += size;
    arena->used_bytes += size;
out:
    return status;
}

ktk_status ktki_arena_zeroed(struct arena *arena, size_t count, size_t element_size, void *out,
                             ktk_error *err) {
    void *block = NULL;
    ktk_status status = ktki_arena_array(arena, count, element_size, &block, err);

    if (status == KTK_OK) {
        memset(block, 0, count * element_size);
        *(void **)out = block;
    }
    return status;
}

ktk_status ktki_arena_text(struct arena *arena, const char *text, size_t size, const char **out,
                           ktk_error *err) {
    ktk_status status = KTK_OK;
    char *copy = NULL;
    size_t with_end;

    if (!ktki_add_size(size, 1, &with_end)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a text of %zu bytes does not fit in memory", size);
    }
    KTKI_TRY(ktki_arena_array(arena, with_end, 1, &copy, err));
    if (size > 0) {
        memcpy(copy, text, size);
    }
    copy[size] = '\0';
    *out = copy;
out:
    return status;
}
