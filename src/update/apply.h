/** A change on a document: the document that comes out. */
#ifndef KTKI_UPDATE_APPLY_H
#define KTKI_UPDATE_APPLY_H

#include "dataset/snapshot.h"
#include "update/change.h"

/**
 * Append the JSON text of the document that `change` makes of `current`, the state that it replaces
 * (NULL: there is none, or nothing of it stays).
 *
 * Partitions of `current` keep their order, new ones come behind them; what we do not know of the
 * document stays as it is.
 *
 * @param record of the commit; `sum` is set here.
 */
ktk_status ktki_apply(struct buffer *out, const struct change *change, const char *uuid,
                      const ktk_dataset *current, struct commit_record *record, ktk_error *err);

#endif
