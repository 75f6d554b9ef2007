#include "support/test.h"

#include <stdlib.h>

#include "base/block_cache.h"
#include "base/pool.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static void *resize(const ktk_allocator *allocator, void *block, size_t old_size, size_t new_size) {
    return allocator->resize(allocator->state, block, old_size, new_size);
}

static struct block_cache *cache_new(size_t kept_max) {
    struct block_cache *cache = NULL;
    ktk_error err;

    CHECK_OK(ktki_block_cache_new(&cache, kept_max, &err));
    return cache;
}

static size_t mapped_by(struct block_cache *cache) {
    size_t mapped;
    size_t kept;

    ktki_block_cache_sizes(cache, &mapped, &kept);
    return mapped;
}

static size_t kept_by(struct block_cache *cache) {
    size_t mapped;
    size_t kept;

    ktki_block_cache_sizes(cache, &mapped, &kept);
    return kept;
}

static void leaves_small_blocks_to_the_heap(void **unused) {
    struct block_cache *cache = cache_new(MIB);
    ktk_allocator allocator = ktki_block_cache_allocator(cache);
    void *block = resize(&allocator, NULL, 0, BLOCK_CACHE_SIZE_MIN - 1);

    (void)unused;
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % KTK_ALIGNMENT, 0);
    assert_int_equal(mapped_by(cache), 0);
    assert_null(resize(&allocator, block, BLOCK_CACHE_SIZE_MIN - 1, 0));
    ktki_block_cache_free(cache);
    ktki_block_cache_free(NULL);
}

static void hands_freed_blocks_out_again(void **unused) {
    struct block_cache *cache = cache_new(64 * MIB);
    ktk_allocator allocator = ktki_block_cache_allocator(cache);
    void *first = resize(&allocator, NULL, 0, 3 * MIB);
    void *second = resize(&allocator, NULL, 0, 5 * MIB + 1);
    size_t mapped = mapped_by(cache);

    (void)unused;
    assert_true(mapped >= 8 * MIB);
    assert_null(resize(&allocator, first, 3 * MIB, 0));
    assert_ptr_equal(resize(&allocator, NULL, 0, MIB), first);
    assert_ptr_equal(resize(&allocator, NULL, 0, 2 * MIB), (uint8_t *)first + MIB);
    assert_int_equal(mapped_by(cache), mapped);
    /* The two halves become one run again. */
    assert_null(resize(&allocator, first, MIB, 0));
    assert_null(resize(&allocator, (uint8_t *)first + MIB, 2 * MIB, 0));
    assert_ptr_equal(resize(&allocator, NULL, 0, 3 * MIB), first);
    assert_null(resize(&allocator, first, 3 * MIB, 0));
    assert_null(resize(&allocator, second, 5 * MIB + 1, 0));
    assert_int_equal(kept_by(cache), mapped);
    assert_int_equal(mapped_by(cache), mapped);
    ktki_block_cache_free(cache);
}

static void keeps_no_more_than_it_may(void **unused) {
    struct block_cache *cache = cache_new(0);
    ktk_allocator allocator = ktki_block_cache_allocator(cache);
    uint8_t *block = resize(&allocator, NULL, 0, 40 * MIB);
    uint8_t *other = resize(&allocator, NULL, 0, 4 * MIB);
    size_t mapped = mapped_by(cache);

    (void)unused;
    memset(block, 7, 40 * MIB);
    assert_null(resize(&allocator, block, 40 * MIB, 0));
    assert_int_equal(mapped_by(cache), mapped - 40 * MIB);
    /* What went back while its region stays reads as zeroes. */
    memset(other, 7, 4 * MIB);
    assert_ptr_equal(resize(&allocator, other, 4 * MIB, 300 * KIB), other);
    assert_ptr_equal(resize(&allocator, other, 300 * KIB, 4 * MIB), other);
    assert_int_equal(other[300 * KIB - 1], 7);
    assert_int_equal(other[3 * MIB], 0);
    assert_null(resize(&allocator, other, 4 * MIB, 0));
    assert_int_equal(mapped_by(cache), 0);
    ktki_block_cache_free(cache);
}

static void refuses_what_no_machine_has(void **unused) {
    struct block_cache *cache = cache_new(MIB);
    ktk_allocator allocator = ktki_block_cache_allocator(cache);
    void *block = resize(&allocator, NULL, 0, MIB);
    size_t mapped = mapped_by(cache);

    (void)unused;
    assert_null(resize(&allocator, NULL, 0, PTRDIFF_MAX));
    assert_null(resize(&allocator, NULL, 0, SIZE_MAX));
    assert_null(resize(&allocator, block, MIB, PTRDIFF_MAX));
    assert_int_equal(mapped_by(cache), mapped);
    assert_null(resize(&allocator, block, MIB, 0));
    ktki_block_cache_free(cache);
}

/* Blocks that are filled with a byte of their own, to see that none lies in another. */
struct owned {
    uint8_t *block;
    size_t size;
    uint8_t mark;
};

enum { OWNED_COUNT = 40, STEPS = 3000 };

struct random {
    uint64_t state;
};

static size_t random_below(struct random *random, size_t bound) {
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random->state >> 33) % bound;
}

/* Sizes around the smallest of the cache, and some of several huge pages. */
static size_t random_size(struct random *random) {
    static const size_t bounds[] = {1 * KIB, 300 * KIB, 700 * KIB, 5 * MIB};

    return 1 + random_below(random, bounds[random_below(random, 4)]);
}

/* Marks at both ends and at each page in between stand for the whole block. */
static void mark(struct owned *owned) {
    for (size_t i = 0; i < owned->size; i += 4096) {
        owned->block[i] = owned->mark;
    }
    owned->block[owned->size - 1] = owned->mark;
}

static bool is_marked(const struct owned *owned, size_t size) {
    for (size_t i = 0; i < size; i += 4096) {
        if (owned->block[i] != owned->mark) {
            return false;
        }
    }
    return true;
}

static ktk_status churn(void *state, size_t item, ktk_error *err) {
    const ktk_allocator *allocator = state;
    struct random random = {item + 1};
    struct owned owned[OWNED_COUNT] = {{0}};
    bool is_sound = true;

    for (int step = 0; step < STEPS && is_sound; step++) {
        struct owned *one = &owned[random_below(&random, OWNED_COUNT)];
        size_t size = random_below(&random, 3) == 0 ? 0 : random_size(&random);
        size_t kept = size < one->size ? size : one->size;

        if (size == 0 && one->block == NULL) {
            continue;
        }
        one->block = resize(allocator, one->block, one->size, size);
        is_sound = (one->block == NULL) == (size == 0) &&
                   (uintptr_t)one->block % KTK_ALIGNMENT == 0 && is_marked(one, kept);
        one->size = size;
        one->mark = (uint8_t)random_below(&random, 256);
        if (size > 0) {
            mark(one);
        }
    }
    for (size_t i = 0; i < OWNED_COUNT; i++) {
        is_sound &= is_marked(&owned[i], owned[i].size);
        if (owned[i].block != NULL) {
            (void)resize(allocator, owned[i].block, owned[i].size, 0);
        }
    }
    return is_sound ? KTK_OK
                    : ktk_error_set(err, KTK_E_INTERNAL, "a block of item %zu changed", item);
}

static void keeps_blocks_apart(void **unused) {
    static const size_t kept_max[] = {0, 4 * MIB, 512 * MIB};
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(kept_max) / sizeof(kept_max[0]); i++) {
        struct block_cache *cache = cache_new(kept_max[i]);
        ktk_allocator allocator = ktki_block_cache_allocator(cache);

        CHECK_OK(churn(&allocator, i, &err));
        assert_int_equal(kept_by(cache), mapped_by(cache));
        /* Each region that is left would have gone, had it been the last one above the bound. */
        assert_true(kept_by(cache) <= kept_max[i]);
        ktki_block_cache_free(cache);
    }
}

static void serves_several_threads(void **unused) {
    struct block_cache *cache = cache_new(64 * MIB);
    ktk_allocator allocator = ktki_block_cache_allocator(cache);
    struct pool *pool = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_pool_new(&pool, test_allocator(), 3, NULL, NULL, &err));
    CHECK_OK(ktki_pool_run(pool, 8, churn, &allocator, &err));
    ktki_pool_free(pool);
    assert_int_equal(kept_by(cache), mapped_by(cache));
    ktki_block_cache_free(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_small_blocks_to_the_heap),
        cmocka_unit_test(hands_freed_blocks_out_again),
        cmocka_unit_test(keeps_no_more_than_it_may),
        cmocka_unit_test(refuses_what_no_machine_has),
        cmocka_unit_test(keeps_blocks_apart),
        cmocka_unit_test(serves_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
