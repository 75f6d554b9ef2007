/** Run a number of independent items on threads of its own, the caller's taking part. */
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

/** Work that the workers do while its owner does something else, and that comes bit by bit. */
struct pool_work;

/** One piece of it, on any thread; pieces end in any order. It may call ktki_pool_run(). */
typedef void (*ktki_pool_work_fn)(void *state);

/** There is nothing to do yet. The pool must outlive it. */
ktk_status ktki_pool_work_new(struct pool_work **out, struct pool *pool, ktki_pool_work_fn fn,
                              void *state, ktk_error *err);

/** One more piece is to be done, after what ktki_pool_run() was called for. The owner may say so,
 * or a piece; while the work is freed, nothing comes of it. */
void ktki_pool_work_add(struct pool_work *work);

/**
 * For the owner's thread: take part in the work until `is_done` says that enough of it is done,
 * which it is asked at first and after each piece. It is asked with the pool's lock held, so that
 * it must call nothing of the pool.
 *
 * `keep_going` is asked meanwhile. If it says no, no piece is begun any more, now or later, and the
 * status is KTK_E_CANCELLED.
 */
ktk_status ktki_pool_work_wait(struct pool_work *work, bool (*is_done)(void *state),
                               ktk_error *err);

/** Take back the pieces that are not begun, and wait for those that are. NULL is allowed. */
void ktki_pool_work_free(struct pool_work *work);

#endif
