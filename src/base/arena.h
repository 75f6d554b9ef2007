/** Memory that is freed all at once: metadata of a file, a parsed document, decoding scratch. */
#ifndef KTKI_BASE_ARENA_H
#define KTKI_BASE_ARENA_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

struct arena_block;

struct arena {
    const ktk_allocator *allocator;
    struct arena_block *last;
    size_t used_bytes; /**< handed out so far */
};

/** Nothing is allocated yet. `allocator` must outlive the arena. */
void ktki_arena_init(struct arena *arena, const ktk_allocator *allocator);

/** Free everything; the arena is empty and may be used again. */
void ktki_arena_clear(struct arena *arena);

/** What was handed out is gone, but the newest block stays: for scratch that is filled again and
 * again. */
void ktki_arena_reset(struct arena *arena);

/** `count` elements, aligned for any scalar type, not zeroed; valid until the arena is cleared.
 * Never NULL on KTK_OK. */
ktk_status ktki_arena_array(struct arena *arena, size_t count, size_t element_size, void *out,
                            ktk_error *err);

/** The same, zeroed. */
ktk_status ktki_arena_zeroed(struct arena *arena, size_t count, size_t element_size, void *out,
                             ktk_error *err);

/** NUL-terminated copy of `size` bytes. */
ktk_status ktki_arena_text(struct arena *arena, const char *text, size_t size, const char **out,
                           ktk_error *err);

#endif
