/** An allocator that hands out no more than so many bytes of another one's: for work on input that
 * says itself how much it needs. */
#ifndef KTKI_BASE_MEMORY_BOUND_H
#define KTKI_BASE_MEMORY_BOUND_H

#include <stdatomic.h>

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>

/** Must not be moved while `allocator` is in use. Blocks may be freed by the inner allocator too,
 * which is then not noticed. */
struct memory_bound {
    ktk_allocator allocator;
    const ktk_allocator *inner;
    int64_t bytes_max;
    atomic_int_fast64_t bytes_left;
    atomic_bool was_reached;
};

void ktki_memory_bound_init(struct memory_bound *bound, const ktk_allocator *inner,
                            int64_t bytes_max);

/** The status to go on with: want of memory that the bound is the reason of becomes KTK_E_LIMIT,
 * everything else stays. */
ktk_status ktki_memory_bound_explain(const struct memory_bound *bound, ktk_status status,
                                     ktk_error *err);

#endif
