/** What the layers take from a context; the public half is kartothek/context.h. */
#ifndef KTKI_BASE_CONTEXT_H
#define KTKI_BASE_CONTEXT_H

#include <kartothek/context.h>

struct pool;

/** The context's allocator; lives as long as the context. */
const ktk_allocator *ktki_context_allocator(const ktk_context *context);

/** Limits with the defaults filled in. */
const ktk_limits *ktki_context_limits(const ktk_context *context);

/** Where work is shared out: NULL, or without a worker, if the context has no threads. */
struct pool *ktki_context_pool(const ktk_context *context);

/** A pool of the caller's, for work that waits: `threads` take part (>= 1; at most 256 do), his own
 * included. It asks whom the context asks. To be freed before the context. */
ktk_status ktki_context_pool_new(struct pool **out, ktk_context *context, int32_t threads,
                                 ktk_error *err);

/** Ask the caller whether to go on, in what takes long without ktki_pool_run(), which asks itself.
 * KTK_E_CANCELLED if not. */
ktk_status ktki_context_keep_going(const ktk_context *context, ktk_error *err);

#endif
