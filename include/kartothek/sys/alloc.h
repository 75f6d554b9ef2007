/**
 * Extension interface: bring your own allocator. Stable within a minor version.
 */
#ifndef KARTOTHEK_SYS_ALLOC_H
#define KARTOTHEK_SYS_ALLOC_H

#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Every block an allocator returns starts at a multiple of this many bytes (what Arrow recommends
 * for buffers). */
#define KTK_ALIGNMENT 64

/**
 * One function does it all.
 *
 * - `block` NULL: allocate `new_size` bytes (> 0). - `new_size` 0: free `block`. - else: resize,
 * contents kept up to the smaller size. `old_size` is always the size given when the block was last
 * allocated or resized. Returns NULL when memory is short; the old block then stays as it was.
 * Called from several threads at once.
 */
typedef struct ktk_allocator {
    void *(*resize)(void *state, void *block, size_t old_size, size_t new_size);
    void *state;
} ktk_allocator;

#ifdef __cplusplus
}
#endif

#endif
