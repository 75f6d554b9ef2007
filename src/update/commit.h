/** The one step that makes an update visible: where a commit is decided. reliability: one
 * conditional put of the document, its outcome resolved by a commit id. */
#ifndef KTKI_UPDATE_COMMIT_H
#define KTKI_UPDATE_COMMIT_H

#include "update/update_internal.h"

/**
 * Commit. Sets the update's fate: committed, failed, or unknown (KTK_E_UNAVAILABLE: the document
 * may be there or may come to be).
 *
 * On a store without conditional put two writers at the same time can overwrite each other; the
 * document is read before and after the put, which finds most of these cases (KTK_E_EXISTS,
 * KTK_E_CONFLICT).
 *
 * @param attempts puts of the document that were tried.
 */
ktk_status ktki_commit(struct ktk_update *update, int32_t *attempts, ktk_error *err);

/** Somebody else was faster: KTK_E_EXISTS for a dataset to be created, else KTK_E_CONFLICT. */
ktk_status ktki_commit_lost(const struct ktk_update *update, ktk_error *err);

#endif
