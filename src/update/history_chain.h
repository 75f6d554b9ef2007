/**
 * The commits that led to a document, newest first: a walk that reads a document only where the ids
 * in those it has read run out, which is one in 63.
 */
#ifndef KTKI_UPDATE_HISTORY_CHAIN_H
#define KTKI_UPDATE_HISTORY_CHAIN_H

#include "update/update_internal.h"

struct chain_link {
    char id[KTKI_UUID_TEXT_SIZE];
    int64_t sequence;
    enum operation operation; /* OPERATION_COUNT: not known */
};

struct chain_cursor {
    ktk_dataset *head;      /* borrowed */
    ktk_dataset *at;        /* owned: the document that is known to follow the links at hand */
    int32_t position;       /* of the link at hand among the recent ones of `at` */
    struct chain_link link; /* at hand; valid after a step that gave one */
};

/** Stand in front of the newest commit of `head`, which must outlive the cursor. */
void ktki_chain_cursor_init(struct chain_cursor *out, ktk_dataset *head);

/** Step to the next older commit. `*is_there` false: nothing older is known. */
ktk_status ktki_chain_cursor_next(struct chain_cursor *cursor, bool *is_there, ktk_error *err);

/** The document of the commit at hand as it was put; `*out` is NULL if it is not kept. The caller
 * frees it. */
ktk_status ktki_chain_cursor_open(ktk_dataset **out, const struct chain_cursor *cursor,
                                  ktk_error *err);

void ktki_chain_cursor_clear(struct chain_cursor *cursor);

/** The document is what its newest commit made of it: nobody without records changed it since. */
bool ktki_is_own_state(const ktk_dataset *dataset);

/** When the store last saw the current document written; -1: unknown. */
ktk_status ktki_document_written_at(int64_t *out_us, const ktk_dataset *dataset, ktk_error *err);

#endif
