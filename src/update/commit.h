/**
 * The one step that makes an update visible: where a commit is decided.
 *
 * A loop: look at the document, check that what others did meanwhile can be joined with the change,
 * apply the change to it, put the result if the document is still the one that was looked at. The
 * commit has one id in all its attempts; it is looked for before each, so that an answer that was
 * lost makes no second commit.
 */
#ifndef KTKI_UPDATE_COMMIT_H
#define KTKI_UPDATE_COMMIT_H

#include "update/update_internal.h"

/**
 * Commit. Sets the update's fate: committed, failed, or unknown (KTK_E_UNKNOWN_OUTCOME: the
 * document may hold the commit or come to hold it).
 *
 * On a store without conditional put two writers at the same time can overwrite each other; the
 * document is read before and after the put, which finds most of these cases.
 *
 * @param result `attempts` and what was found on the way.
 */
ktk_status ktki_commit(struct ktk_update *update, ktk_commit *result, ktk_error *err);

#endif
