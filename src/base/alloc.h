/** All memory of the library comes through here. Every block is freed with the size it was asked
 * for. */
#ifndef KTKI_BASE_ALLOC_H
#define KTKI_BASE_ALLOC_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stdlib.h>
#include <string.h>

/** The C library's heap, with KTK_ALIGNMENT. */
const ktk_allocator *ktki_alloc_default(void);

/**
 * Allocate `count` elements of `element_size` bytes. `*out` gets a block even for 0 bytes, never
 * NULL on KTK_OK. KTK_E_LIMIT if the size overflows, KTK_E_NO_MEMORY if there is none.
 */
ktk_status ktki_alloc_array(const ktk_allocator *allocator, size_t count, size_t element_size,
                            void *out, ktk_error *err);

/** The same, zeroed. */
ktk_status ktki_alloc_zeroed(const ktk_allocator *allocator, size_t count, size_t element_size,
                             void *out, ktk_error *err);

/** Resize `*block` (may hold NULL with `old_count` 0) to `new_count` >= 1 elements; on failure it
 * stays as it was. */
ktk_status ktki_resize_array(const ktk_allocator *allocator, void *block, size_t old_count,
                             size_t new_count, size_t element_size, ktk_error *err);

/** Free a block of `count` elements; NULL is allowed. */
void ktki_free_array(const ktk_allocator *allocator, void *block, size_t count,
                     size_t element_size);

/** NUL-terminated copy of `size` bytes; free with ktki_free_array(…, size + 1, 1) or
 * ktki_free_text(). */
ktk_status ktki_copy_text(const ktk_allocator *allocator, const char *text, size_t size, char **out,
                          ktk_error *err);

/** Free a text that has no NUL inside. NULL is allowed. */
void ktki_free_text(const ktk_allocator *allocator, char *text);

/** One zeroed object: `KTKI_NEW(allocator, &pointer, err)`. */
#define KTKI_NEW(allocator, out, err)                                                              \
    ktki_alloc_zeroed((allocator), 1, sizeof(**(out)), (out), (err))
#define KTKI_DELETE(allocator, pointer)                                                            \
    ktki_free_array((allocator), (pointer), 1, sizeof(*(pointer)))

/* Direct use of the heap does not compile: it would pass the context's allocator by. base/alloc.c
 * opts out. */
#ifndef KTKI_ALLOC_IMPLEMENTATION
#define malloc(size) use_ktki_alloc_array_instead(size)
#define calloc(count, size) use_ktki_alloc_zeroed_instead(count, size)
#define realloc(block, size) use_ktki_resize_array_instead(block, size)
#define free(block) use_ktki_free_array_instead(block)
#define strdup(text) use_ktki_copy_text_instead(text)
#endif

#endif
