/** Which commit of a dataset's history is meant. */
#ifndef KTKI_UPDATE_HISTORY_OPEN_H
#define KTKI_UPDATE_HISTORY_OPEN_H

#include "update/history_chain.h"

/**
 * Open a version by its name, out of those that led to `head`.
 *
 * @return as ktk_dataset_open_version().
 */
ktk_status ktki_history_open(ktk_dataset **out, ktk_dataset *head, const char *version,
                             ktk_error *err);

/** Open the state of a time, out of those that led to `head`; as ktk_dataset_open_at(). */
ktk_status ktki_history_open_at(ktk_dataset **out, ktk_dataset *head, int64_t time_us,
                                ktk_error *err);

/** When a commit was begun, which its id holds; INT64_MIN if it does not. */
int64_t ktki_commit_begun_us(const char *id);

#endif
