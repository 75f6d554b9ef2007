#include "base/context.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/block_cache.h"
#include "base/error.h"
#include "base/options.h"
#include "base/pool.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "Parquet and Arrow buffers are read in place, little-endian");
_Static_assert(sizeof(ktk_error) == 768, "ktk_error is ABI");

#define THREADS_MAX 256

/* Bytes of large blocks that are kept for reuse. */
#define KEPT_BYTES_MAX ((size_t)512 << 20)

/* Under a sanitizer each block comes from the heap, where it sees what is done to it. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define KEEPS_BLOCKS false
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_BLOCKS false
#endif
#if !defined(KEEPS_BLOCKS)
#define KEEPS_BLOCKS true
#endif

struct ktk_context {
    atomic_int_fast64_t references;
    ktk_allocator allocator;
    struct block_cache *blocks; /* NULL: the allocator is the caller's, or the heap */
    ktk_limits limits;
    struct pool *pool; /* NULL: the caller's thread does all the work */
    int32_t threads;
};

static ktk_limits limits_with_defaults(const ktk_limits *given) {
    ktk_limits limits = *given;

    limits.document_bytes_max =
        limits.document_bytes_max > 0 ? limits.document_bytes_max : (int64_t)4 << 30;
    limits.footer_bytes_max =
        limits.footer_bytes_max > 0 ? limits.footer_bytes_max : (int64_t)512 << 20;
    limits.page_bytes_max = limits.page_bytes_max > 0 ? limits.page_bytes_max : (int64_t)1 << 30;
    limits.object_bytes_max =
        limits.object_bytes_max > 0 ? limits.object_bytes_max : (int64_t)64 << 30;
    limits.nesting_max = limits.nesting_max > 0 ? limits.nesting_max : 64;
    limits.column_count_max = limits.column_count_max > 0 ? limits.column_count_max : 1000000;
    limits.expansion_bytes_max =
        limits.expansion_bytes_max > 0 ? limits.expansion_bytes_max : (int64_t)256 << 20;
    return limits;
}

static int32_t thread_count(int32_t wanted) {
    if (wanted == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        wanted = processors > 0 ? (int32_t)processors : 1;
    }
    return wanted > THREADS_MAX ? THREADS_MAX : wanted;
}

ktk_status ktk_context_new(ktk_context **out, const ktk_context_options *options, ktk_error *err) {
    const ktk_context_options defaults = KTK_CONTEXT_OPTIONS_INIT;
    const ktk_allocator *allocator;
    ktk_context *context = NULL;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_CONTEXT_OPTIONS_INIT", err);
    if (options->threads < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the number of threads must not be negative: %d",
                  options->threads);
    }
    allocator = options->allocator != NULL ? options->allocator : ktki_alloc_default();
    KTKI_TRY(KTKI_NEW(allocator, &context, err));
    atomic_init(&context->references, 1);
    context->allocator = *allocator;
    if (options->allocator == NULL && KEEPS_BLOCKS) {
        KTKI_TRY(ktki_block_cache_new(&context->blocks, KEPT_BYTES_MAX, err));
        context->allocator = ktki_block_cache_allocator(context->blocks);
    }
    context->limits = limits_with_defaults(&options->limits);
    context->threads = thread_count(options->threads);
    if (context->threads > 1 || options->keep_going != NULL) {
        KTKI_TRY(ktki_pool_new(&context->pool, &context->allocator, context->threads - 1,
                               options->keep_going, options->keep_going_state, err));
    }
    *out = context;
    context = NULL;
out:
    ktk_context_free(context);
    return status;
}

ktk_context *ktk_context_ref(ktk_context *context) {
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void ktk_context_free(ktk_context *context) {
    struct block_cache *blocks;
    ktk_allocator allocator;

    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    ktki_pool_free(context->pool);
    allocator = context->allocator;
    blocks = context->blocks;
    KTKI_DELETE(&allocator, context);
    ktki_block_cache_free(blocks);
}

int32_t ktk_context_threads(const ktk_context *context) {
    return context->threads;
}

const ktk_allocator *ktki_context_allocator(const ktk_context *context) {
    return &context->allocator;
}

const ktk_limits *ktki_context_limits(const ktk_context *context) {
    return &context->limits;
}

struct pool *ktki_context_pool(const ktk_context *context) {
    return context->pool;
}

ktk_status ktki_context_keep_going(const ktk_context *context, ktk_error *err) {
    return ktki_pool_keep_going(context->pool, err);
}

static bool goes_on(void *context) {
    return ktki_context_keep_going(context, NULL) == KTK_OK;
}

ktk_status ktki_context_pool_new(struct pool **out, ktk_context *context, int32_t threads,
                                 ktk_error *err) {
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    return ktki_pool_new(out, &context->allocator, threads - 1, goes_on, context, err);
}
