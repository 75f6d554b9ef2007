/**
 * Commits on stores that put where nothing is, but not in place of a known version.
 *
 * Before a writer puts the document it creates the next claim, `<uuid>/_ktk/claim/<number>`, which
 * only one can. It names the commit, whose document lies under `_ktk/v/` by then. The newest claim
 * decides what the document is to be: whoever finds another one, because the writer has died, or
 * because an old put came late and went over a newer one, puts the document that the claim names.
 * So a commit that was acknowledged is never lost, whatever comes late, and no clock has a say in
 * it: time only decides how long others wait for the writer before they do it for him.
 */
#ifndef KTKI_UPDATE_CLAIM_H
#define KTKI_UPDATE_CLAIM_H

#include "update/update_internal.h"

/** What a claim says. */
struct claim {
    char id[KTKI_UUID_TEXT_SIZE]; /* of the commit */
    int64_t sequence;             /* of the commit */
    ktk_document_format format;
    char base[KTKI_HASH_TEXT_SIZE]; /* hash of the document that it goes on top of, or "none" */
};

/** What a writer knows of the claims. All zero at first. */
struct claim_watch {
    int64_t newest;                 /* number of the newest claim; 0: there is none */
    int64_t known;                  /* number of the claim below; 0: none was read */
    struct claim claim;             /* never changes once it is made */
    char seen[KTKI_HASH_TEXT_SIZE]; /* hash of the document beside which it was seen undone */
    int64_t since_ms;               /* since when, if `looks` is not 0 */
    int32_t looks;                  /* how often in a row */
};

/**
 * Bring the document up to the newest claim, and `current`, which was just read, up to the
 * document. A claim that cannot be about this document - it was made on another one - is passed
 * over.
 *
 * @return KTK_E_UNAVAILABLE while the writer of the newest claim may still be at work.
 */
ktk_status ktki_claim_settle(struct claim_watch *watch, struct document_state *current,
                             const struct ktk_update *update, bool needs_dataset, ktk_error *err);

/**
 * Make the next claim, to put the document of commit `sequence` in place of `current`. On success
 * nobody else will put one. `watch` is as ktki_claim_settle() left it; `*number`: of the claim that
 * was tried, and may come to be made unless it is known to be somebody else's: 0.
 *
 * @return KTK_E_CONFLICT if somebody else has the claim, or a newer one, or has changed the
 * document meanwhile; KTK_E_UNAVAILABLE if that is not known.
 */
ktk_status ktki_claim_make(int64_t *number, struct claim_watch *watch,
                           const struct ktk_update *update, int64_t sequence,
                           const struct document_state *current, ktk_error *err);

/** Take a claim of the update back, as far as possible: its commit is not to be. */
void ktki_claim_withdraw(const struct ktk_update *update, int64_t number);

/** Remove a claim that later ones have made meaningless, now that `number` is done. */
void ktki_claim_tidy(const struct ktk_update *update, int64_t number);

#endif
