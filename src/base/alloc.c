#define KTKI_ALLOC_IMPLEMENTATION
#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>

#include "base/checked.h"
#include "base/error.h"

static void *heap_allocate(size_t size) {
    size_t rounded;

    return ktki_round_up_size(size, KTK_ALIGNMENT, &rounded) ? aligned_alloc(KTK_ALIGNMENT, rounded)
                                                             : NULL;
}

static void *heap_resize(void *state, void *block, size_t old_size, size_t new_size) {
    void *moved;

    (void)state;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    if (block == NULL) {
        return heap_allocate(new_size);
    }
    moved = heap_allocate(new_size);
    if (moved != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        free(block);
    }
    return moved;
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
