/** The document that an update commits, and the commit ids in documents. */
#ifndef KTKI_UPDATE_COMMIT_DOCUMENT_H
#define KTKI_UPDATE_COMMIT_DOCUMENT_H

#include "update/update_internal.h"

/** The key of our entry in a document's metadata: a JSON text, so that old readers carry it along
 * like any other entry. */
#define KTKI_COMMIT_KEY "ktk.commit"

/** Our keys in the metadata begin with this; the caller's metadata cannot set them. */
#define KTKI_RESERVED_PREFIX "ktk."

/** What a document says of the commit that wrote it. */
struct commit_entry {
    char id[KTKI_UUID_TEXT_SIZE]; /* "": none, an old writer's document */
    int64_t seq;                  /* commits since the dataset was created, from 1; 0: unknown */
};

/** Read the entry of a document; a document without one, or with one that we do not understand,
 * gives an empty entry. */
ktk_status ktki_commit_entry_read(struct commit_entry *out, ktk_context *context, const char *text,
                                  size_t size, ktk_error *err);

/** Append the document of the update, which follows on `parent`. */
ktk_status ktki_commit_document(struct buffer *out, const ktk_update *update,
                                const struct commit_entry *parent, ktk_error *err);

#endif
