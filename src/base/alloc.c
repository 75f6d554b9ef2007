#define KTKI_ALLOC_IMPLEMENTATION
#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>

#include "base/checked.h"
#include "base/error.h"

/*
 * glibc carves an aligned block out of a larger one and gives the rest back, which takes several
 * times as long as a plain block and leaves the heap in pieces. So blocks are plain ones with room
 * to move the start to the next multiple, and the byte in front of it holds how far it has moved.
 * The address sanitizer gets blocks that end where they should.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ENDS_EXACTLY
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ENDS_EXACTLY
#endif

#if defined(ENDS_EXACTLY)

static void *heap_allocate(size_t size) {
    size_t rounded;

    return ktki_round_up_size(size, KTK_ALIGNMENT, &rounded) ? aligned_alloc(KTK_ALIGNMENT, rounded)
                                                             : NULL;
}

static void heap_free(void *block) {
    free(block);
}

static void *heap_change(void *block, size_t old_size, size_t new_size) {
    void *moved = heap_allocate(new_size);

    if (moved != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        free(block);
    }
    return moved;
}

#else

/* 1 to KTK_ALIGNMENT. */
static size_t distance_to_start(const uint8_t *raw) {
    return KTK_ALIGNMENT - (uintptr_t)raw % KTK_ALIGNMENT;
}

static uint8_t *raw_of(void *block) {
    uint8_t *start = block;

    return start - start[-1];
}

static void *heap_allocate(size_t size) {
    size_t with_room;
    uint8_t *raw = ktki_add_size(size, KTK_ALIGNMENT, &with_room) ? malloc(with_room) : NULL;
    uint8_t *start = NULL;

    if (raw != NULL) {
        start = raw + distance_to_start(raw);
        start[-1] = (uint8_t)(start - raw);
    }
    return start;
}

static void heap_free(void *block) {
    if (block != NULL) {
        free(raw_of(block));
    }
}

static void *heap_change(void *block, size_t old_size, size_t new_size) {
    size_t old_distance = (size_t)((uint8_t *)block - raw_of(block));
    size_t kept = old_size < new_size ? old_size : new_size;
    size_t with_room;
    uint8_t *start = NULL;
    uint8_t *raw = NULL;

    if (ktki_add_size(new_size, KTK_ALIGNMENT, &with_room)) {
        raw = realloc(raw_of(block), with_room);
    }
    if (raw != NULL) {
        start = raw + distance_to_start(raw);
        if (start != raw + old_distance) {
            memmove(start, raw + old_distance, kept);
        }
        start[-1] = (uint8_t)(start - raw);
    }
    return start;
}

#endif

static void *heap_resize(void *state, void *block, size_t old_size, size_t new_size) {
    (void)state;
    if (new_size == 0) {
        heap_free(block);
        return NULL;
    }
    return block == NULL ? heap_allocate(new_size) : heap_change(block, old_size, new_size);
}

static const ktk_allocator heap = {heap_resize, NULL};

const ktk_allocator *ktki_alloc_default(void) {
    return &heap;
}

/* Zero-size requests get a byte, so that a NULL pointer always means "nothing there". */
static size_t block_size(size_t count, size_t element_size) {
    size_t size = count * element_size;
    return size == 0 ? 1 : size;
}

ktk_status ktki_resize_array(const ktk_allocator *allocator, void *block, size_t old_count,
                             size_t new_count, size_t element_size, ktk_error *err) {
    void **slot = block;
    size_t old_size = *slot == NULL ? 0 : block_size(old_count, element_size);
    size_t new_size;
    void *moved;

    if (!ktki_mul_size(new_count, element_size, &new_size) || new_size > PTRDIFF_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "%zu elements of %zu bytes do not fit in memory",
                             new_count, element_size);
    }
    new_size = block_size(new_count, element_size);
    moved = allocator->resize(allocator->state, *slot, old_size, new_size);
    if (moved == NULL) {
        return ktki_error_memory(err, new_size);
    }
    *slot = moved;
    return KTK_OK;
}

ktk_status ktki_alloc_array(const ktk_allocator *allocator, size_t count, size_t element_size,
                            void *out, ktk_error *err) {
    void *block = NULL;
    ktk_status status = ktki_resize_array(allocator, &block, 0, count, element_size, err);

    if (status == KTK_OK) {
        *(void **)out = block;
    }
    return status;
}

ktk_status ktki_alloc_zeroed(const ktk_allocator *allocator, size_t count, size_t element_size,
                             void *out, ktk_error *err) {
    void *block = NULL;
    ktk_status status = ktki_alloc_array(allocator, count, element_size, &block, err);

    if (status == KTK_OK) {
        memset(block, 0, block_size(count, element_size));
        *(void **)out = block;
    }
    return status;
}

void ktki_free_array(const ktk_allocator *allocator, void *block, size_t count,
                     size_t element_size) {
    if (block != NULL) {
        (void)allocator->resize(allocator->state, block, block_size(count, element_size), 0);
    }
}

ktk_status ktki_copy_text(const ktk_allocator *allocator, const char *text, size_t size, char **out,
                          ktk_error *err) {
    char *copy = NULL;
    size_t with_end;
    ktk_status status;

    if (!ktki_add_size(size, 1, &with_end)) {
        return ktk_error_set(err, KTK_E_LIMIT, "a text of %zu bytes does not fit in memory", size);
    }
    status = ktki_alloc_array(allocator, with_end, 1, &copy, err);
    if (status == KTK_OK) {
        if (size > 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
        *out = copy;
    }
    return status;
}

void ktki_free_text(const ktk_allocator *allocator, char *text) {
    if (text != NULL) {
        ktki_free_array(allocator, text, strlen(text) + 1, 1);
    }
}
