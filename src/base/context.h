/** What the layers take from a context; the public half is kartothek/context.h. */
#ifndef KTKI_BASE_CONTEXT_H
#define KTKI_BASE_CONTEXT_H

#include <kartothek/context.h>

struct pool;

/** The context's allocator; lives as long as the context. */
const ktk_allocator *ktki_context_allocator(const ktk_context *context);

/** Limits with the defaults filled in. */
const ktk_limits *ktki_context_limits(const ktk_context *context);

/** The worker threads, NULL if the context has none. */
struct pool *ktki_context_pool(const ktk_context *context);

#endif
