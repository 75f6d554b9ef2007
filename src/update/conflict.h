/** What may be merged with what: the conflict matrix of docs/commits.md. */
#ifndef KTKI_UPDATE_CONFLICT_H
#define KTKI_UPDATE_CONFLICT_H

#include <kartothek/update.h>

#include "update/change.h"
#include "update/document_diff.h"

/**
 * What was done between the two states, as bits 1u << enum operation of the matrix's columns. The
 * difference decides; where the newer state has a complete record of the commits since, that says
 * what a difference alone cannot: whether partitions were replaced, or some deleted and others
 * appended.
 */
uint32_t ktki_conflict_operations(const struct document_diff *diff);

/**
 * May `change`, which was made on `diff->from`, be applied to `diff->to`?
 *
 * @param late positions (int64_t) in `diff->to` of partitions that the scope of the change has to
 * be asked about again, appended (KTK_ON_CONFLICT_REEVALUATE).
 * @return KTK_E_CONFLICT, naming what stands in the way.
 */
ktk_status ktki_conflict_check(const struct change *change, const struct document_diff *diff,
                               ktk_on_conflict on_conflict, struct buffer *late, ktk_error *err);

#endif
