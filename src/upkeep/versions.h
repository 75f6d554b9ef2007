/**
 * Everything that may name a file of a dataset: its documents in both formats, and those of earlier
 * commits that are kept under `<uuid>/_ktk/v/`.
 */
#ifndef KTKI_UPKEEP_VERSIONS_H
#define KTKI_UPKEEP_VERSIONS_H

#include "dataset/snapshot.h"
#include "upkeep/key_list.h"

/** The documents that a reader may find; NULL for one that is missing, not both are. */
struct current_documents {
    ktk_dataset *json;
    ktk_dataset *msgpack;
};

/**
 * Read both. One that is hidden by the other counts, too: whoever removes the one brings the other
 * to light (defect D-14).
 *
 * @return KTK_E_NOT_FOUND if there is none; KTK_E_CORRUPT for one that does not parse.
 */
ktk_status ktki_current_documents_read(struct current_documents *out, ktk_store *store,
                                       const char *uuid, ktk_error *err);
void ktki_current_documents_clear(struct current_documents *documents);

/** The one that is read: JSON, if there is one. */
static inline ktk_dataset *ktki_current_document(const struct current_documents *documents) {
    return documents->json != NULL ? documents->json : documents->msgpack;
}

/** Number and id of a commit whose document lies under `key`, `<uuid>/_ktk/v/<number>-<id>.json`.
 * False, and nothing is written, for another key. */
bool ktki_version_of_key(const char *key, const char *uuid, int64_t *sequence,
                         char id[KTKI_UUID_TEXT_SIZE]);

/** Mark the files of partitions and indices that a document names. */
void ktki_mark_named(struct key_list *list, const ktk_dataset *dataset);

/**
 * Mark the documents of earlier commits that are kept, and what they name. One is kept unless a
 * commit with a higher number came before `superseded_us`; that of commit `current_id` always is.
 *
 * @return KTK_E_CORRUPT for one that is to be kept and does not parse: nobody can say what it
 * names.
 */
ktk_status ktki_mark_versions(struct key_list *list, ktk_store *store, const char *uuid,
                              const char *current_id, int64_t superseded_us, ktk_error *err);

#endif
