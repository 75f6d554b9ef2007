/** The document that a commit puts. */
#ifndef KTKI_UPDATE_COMMIT_DOCUMENT_H
#define KTKI_UPDATE_COMMIT_DOCUMENT_H

#include "update/update_internal.h"

/**
 * Append the document of the update's dataset: its files, the user's metadata, the time of its
 * creation, and who wrote it under "ktk.commit" and "ktk.recent" (JSON in a text each, so that
 * readers of the originals see plain texts).
 *
 * @param schema_hash hash of the schema file, "" if there is none.
 */
ktk_status ktki_commit_document_write(const struct ktk_update *update, const char *schema_hash,
                                      struct buffer *out, ktk_error *err);

#endif
