/* Asking later what became of a commit. */
#include <kartothek/update.h>

#include "base/error.h"
#include "dataset/snapshot.h"
#include "update/commit_chain.h"

ktk_status ktk_commit_status(ktk_commit_state *out, ktk_store *store, const char *uuid,
                             const char *id, ktk_error *err) {
    static const ktk_commit_state states[] = {[CHAIN_ABSENT] = KTK_COMMIT_ABSENT,
                                              [CHAIN_FOUND] = KTK_COMMIT_COMMITTED,
                                              [CHAIN_BROKEN] = KTK_COMMIT_UNKNOWN};
    ktk_dataset *dataset = NULL;
    enum chain_answer answer;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_commit_id_check(id, err));
    KTKI_TRY(ktk_dataset_open(&dataset, store, uuid, err));
    KTKI_TRY(ktki_chain_search(&answer, dataset, id, "", err));
    if (answer == CHAIN_ABSENT && ktki_dataset_record(dataset)->recent_count == 0) {
        answer = CHAIN_BROKEN; /* written by a program that names no commits */
    }
    *out = states[answer];
out:
    ktk_dataset_free(dataset);
    return status;
}
