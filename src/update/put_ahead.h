/** Data files on their way into a store that takes several at once, while their writer goes on.
 *
 * A put that fails is told by whoever asks for the next one, or waits for all. What one update puts
 * ahead must all be there, or have failed, before anything is said or done about its files: before
 * a commit, a hand-over, a removal. */
#ifndef KTKI_UPDATE_PUT_AHEAD_H
#define KTKI_UPDATE_PUT_AHEAD_H

#include "update/update_internal.h"

/** What the writer of a file may take, as of ktk_parquet_write_options: what the caller says or,
 * from afar, what leaves room for parts on their way. */
int64_t ktki_put_writer_memory(const struct ktk_update *update);

/** Before so many files are put by the update, on its thread: from the second one on they are put
 * ahead, unless the store takes one call at a time or the context has one thread. */
ktk_status ktki_put_ahead_begin(struct ktk_update *update, size_t file_count, ktk_error *err);

/**
 * Put the bytes under a key that nobody else has, later or at once. `bytes` is empty afterwards,
 * and may have other room. May be called from several threads.
 *
 * @param ahead NULL: at once
 */
ktk_status ktki_put_ahead(struct put_ahead *ahead, ktk_store *store, const char *key,
                          struct buffer *bytes, ktk_error *err);

/** Wait for all, on the update's thread, and tell the first failure. NULL is allowed. */
ktk_status ktki_put_ahead_finish(struct put_ahead *ahead, ktk_error *err);

/** Puts that have not begun never will; the others are waited for. NULL is allowed. */
void ktki_put_ahead_free(struct put_ahead *ahead);

#endif
