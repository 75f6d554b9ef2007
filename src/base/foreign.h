/** Memory that a library of the system has written. */
#ifndef KTKI_BASE_FOREIGN_H
#define KTKI_BASE_FOREIGN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define KTKI_MEMORY_SANITIZER
#include <sanitizer/msan_interface.h>
#endif
#endif

/** `size` bytes at `data` have values now. The memory sanitizer sees only the writes of code that
 * is compiled with it; without it this does nothing. For the bytes that the library says it has
 * written, no more. */
static inline void ktki_foreign_wrote(const void *data, size_t size) {
#ifdef KTKI_MEMORY_SANITIZER
    __msan_unpoison(data, size);
#else
    (void)data;
    (void)size;
#endif
}

#endif
