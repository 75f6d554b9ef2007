/** The only place that makes threads: run a number of independent items, the caller's thread taking
 * part. */
#ifndef KTKI_BASE_POOL_H
#define KTKI_BASE_POOL_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stdbool.h>
#include <stddef.h>

struct pool;

/**
 * One item. Items run on any thread and end in any order; each thread has an error of its own.
 * A task may itself call ktki_pool_run(): the nested items then run on the calling thread, on idle
 * workers, and on the thread that waits for the task.
 */
typedef ktk_status (*ktki_pool_fn)(void *state, size_t item, ktk_error *err);

/** `thread_count` workers are started now. `keep_going`: see ktk_context_options; may be NULL. */
ktk_status ktki_pool_new(struct pool **out, const ktk_allocator *allocator, int32_t thread_count,
                         bool (*keep_going)(void *state), void *keep_going_state, ktk_error *err);

/** Wait for the workers to end. No run may be under way. NULL is allowed. */
void ktki_pool_free(struct pool *pool);

/**
 * Run `fn` for items 0 … count-1 and wait for all of them. They are started in order, so that an
 * item may wait for one before it. `pool` NULL: in order on the calling thread.
 *
 * After a failure no further item is started; the failure of the smallest item index that failed is
 * returned, so that the result does not depend on timing more than it must.
 *
 * `keep_going` is asked before the first item and after each, and while the calling thread waits
 * for others. If it says no, neither the run nor those that its items have begun start a further
 * item; the status is KTK_E_CANCELLED unless an item failed.
 */
ktk_status ktki_pool_run(struct pool *pool, size_t count, ktki_pool_fn fn, void *state,
                         ktk_error *err);

/** Ask `keep_going` once. KTK_E_CANCELLED if it says no. `pool` NULL: KTK_OK. */
ktk_status ktki_pool_keep_going(const struct pool *pool, ktk_error *err);

#endif
