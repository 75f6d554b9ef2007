/**
 * The chain of commits: each document names the commit that wrote it, that one's parent and the
 * last 64, and lies a second time, as it was put, under `<uuid>/_ktk/v/<seq>-<id>.json`.
 */
#ifndef KTKI_UPDATE_COMMIT_CHAIN_H
#define KTKI_UPDATE_COMMIT_CHAIN_H

#include "update/update_internal.h"

enum chain_answer {
    CHAIN_ABSENT, /* not one of the commits that led to the document */
    CHAIN_FOUND,
    CHAIN_BROKEN /* a link is missing: nobody can say */
};

/**
 * Is commit `id` one of those that led to `current` (NULL: there is no document, so it is not)? The
 * search ends at commit `stop`, which is older than `id` can be; "": it goes on to the first one.
 */
ktk_status ktki_chain_search(enum chain_answer *out, ktk_dataset *current, const char *id,
                             const char *stop, ktk_error *err);

/** The document of a commit as it was put. `*out` is NULL if it is not kept, or not as it should
 * be.
 */
ktk_status ktki_chain_open(ktk_dataset **out, ktk_store *store, const char *uuid, int64_t sequence,
                           const char *id, ktk_error *err);

/**
 * The record of the next commit on `current` (NULL: there is none). Texts lie in `arena`. Without a
 * schema of any table.
 */
ktk_status ktki_chain_next(struct commit_record *out, struct arena *arena,
                           const struct ktk_update *update, ktk_dataset *current, ktk_error *err);

/** Append `<uuid>/_ktk/v/<seq>-<id>.json`, NUL-terminated. The number has 12 digits, so that the
 * store lists them in order. */
ktk_status ktki_chain_key(struct buffer *out, const char *uuid, int64_t sequence, const char *id,
                          ktk_error *err);

#endif
