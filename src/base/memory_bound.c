#include "base/memory_bound.h"

#include "base/error.h"

static void *bounded_resize(void *state, void *block, size_t old_size, size_t new_size) {
    struct memory_bound *bound = state;
    const ktk_allocator *inner = bound->inner;
    int64_t growth = (int64_t)new_size - (block == NULL ? 0 : (int64_t)old_size);
    void *moved;

    if (growth > 0 && atomic_fetch_sub(&bound->bytes_left, growth) < growth) {
        atomic_fetch_add(&bound->bytes_left, growth);
        atomic_store(&bound->was_reached, true);
        return NULL;
    }
    moved = inner->resize(inner->state, block, old_size, new_size);
    if (growth > 0 ? moved == NULL : moved != NULL || new_size == 0) {
        atomic_fetch_add(&bound->bytes_left, growth > 0 ? growth : -growth);
    }
    return moved;
}

void ktki_memory_bound_init(struct memory_bound *bound, const ktk_allocator *inner,
                            int64_t bytes_max) {
    bound->allocator = (ktk_allocator){bounded_resize, bound};
    bound->inner = inner;
    bound->bytes_max = bytes_max;
    atomic_init(&bound->bytes_left, bytes_max);
    atomic_init(&bound->was_reached, false);
}

ktk_status ktki_memory_bound_explain(const struct memory_bound *bound, ktk_status status,
                                     ktk_error *err) {
    if (status != KTK_E_NO_MEMORY || !atomic_load(&bound->was_reached)) {
        return status;
    }
    return ktk_error_set(err, KTK_E_LIMIT,
                         "it would take more than %lld bytes of memory, the most for a file of its "
                         "size; if it is trusted, raise limits.expansion_bytes_max",
                         (long long)bound->bytes_max);
}
