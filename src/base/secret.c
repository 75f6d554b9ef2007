#include "base/secret.h"

#include "base/alloc.h"

/* A block never grows in place: where it stood would keep what it held. */
static void *resize(void *state, void *block, size_t old_size, size_t new_size) {
    const ktk_allocator *inner = ((struct secret_allocator *)state)->inner;
    void *moved = NULL;

    if (new_size > 0) {
        moved = inner->resize(inner->state, NULL, 0, new_size);
        if (moved == NULL) {
            return NULL;
        }
    }
    if (block != NULL) {
        if (moved != NULL) {
            memcpy(moved, block, old_size < new_size ? old_size : new_size);
        }
        explicit_bzero(block, old_size);
        (void)inner->resize(inner->state, block, old_size, 0);
    }
    return moved;
}

void ktki_secret_allocator_init(struct secret_allocator *secrets, const ktk_allocator *inner) {
    secrets->allocator = (ktk_allocator){resize, secrets};
    secrets->inner = inner;
}

void ktki_free_secret(const ktk_allocator *allocator, char *text) {
    if (text != NULL) {
        size_t size = strlen(text);

        explicit_bzero(text, size);
        ktki_free_array(allocator, text, size + 1, 1);
    }
}
