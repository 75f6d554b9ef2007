/** What a commit compares and swaps: the document as it is in the store. */
#ifndef KTKI_UPDATE_DOCUMENT_STATE_H
#define KTKI_UPDATE_DOCUMENT_STATE_H

#include "update/update_internal.h"

/**
 * Read the state of the JSON document of the update's dataset. A missing one is a state, too.
 *
 * @param is_ours set to whether the update's own commit wrote the document, or one that it is in
 * the history of; NULL: not asked.
 */
ktk_status ktki_document_state_read(struct document_state *out, const struct ktk_update *update,
                                    bool *is_ours, ktk_error *err);

/** Nothing has been written between the two. */
bool ktki_document_state_equals(const struct document_state *a, const struct document_state *b);

#endif
