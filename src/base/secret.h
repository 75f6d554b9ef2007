/** Memory for keys and tokens: nothing of it stays behind in blocks that are given back. */
#ifndef KTKI_BASE_SECRET_H
#define KTKI_BASE_SECRET_H

#include <kartothek/sys/alloc.h>

/** An allocator on top of another. It must stay where it is. */
struct secret_allocator {
    ktk_allocator allocator; /**< to be used: clears every block before it gives it back */
    const ktk_allocator *inner;
};

/** `inner` must outlive it. */
void ktki_secret_allocator_init(struct secret_allocator *secrets, const ktk_allocator *inner);

/** Clear and free a text that was made with `allocator`. NULL is allowed. */
void ktki_free_secret(const ktk_allocator *allocator, char *text);

#endif
