/** What a commit compares and swaps: the document as it is in the store. */
#ifndef KTKI_UPDATE_DOCUMENT_STATE_H
#define KTKI_UPDATE_DOCUMENT_STATE_H

#include "update/update_internal.h"

/**
 * Read the document of the update's dataset. A missing one is a state, too.
 *
 * @param needs_dataset a document that cannot be parsed is a failure; else only `dataset` is NULL:
 * what is about to be overwritten need not be readable.
 */
ktk_status ktki_document_state_read(struct document_state *out, const struct ktk_update *update,
                                    bool needs_dataset, ktk_error *err);

/** Bring a state up to date; reads the document only if it may have changed. `*out` is replaced on
 * success. */
ktk_status ktki_document_state_renew(struct document_state *out, const struct ktk_update *update,
                                     bool needs_dataset, ktk_error *err);

void ktki_document_state_clear(struct document_state *state);

/** Nothing has been written between the two. */
bool ktki_document_state_equals(const struct document_state *a, const struct document_state *b);

/** The same state, with a reference of its own. */
struct document_state ktki_document_state_ref(const struct document_state *state);

#endif
