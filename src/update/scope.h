/** Delete scopes: which partitions a predicate takes away. */
#ifndef KTKI_UPDATE_SCOPE_H
#define KTKI_UPDATE_SCOPE_H

#include "dataset/snapshot.h"
#include "query/plan.h"
#include "update/change.h"

/**
 * Is a table, by its position in the dataset, asked for rows of a scope? Those that have all its
 * columns are, and the others keep their rows. If none has, the first is, and says what is missing.
 */
ktk_status ktki_scope_has_table(bool *out, const ktk_predicate *scope, ktk_dataset *dataset,
                                int32_t table, ktk_error *err);

/** The partitions in which a table may have rows of a scope, of those named; NULL: of all. */
ktk_status ktki_scope_plan(struct query_plan **out, const ktk_predicate *scope,
                           ktk_dataset *dataset, int32_t table, const int64_t *partitions,
                           size_t partition_count, ktk_error *err);

/**
 * Partitions that may hold rows of the change's scope, as positions (int64_t) appended to `out`; by
 * the values in their paths alone, so that a scope over partition keys is decided exactly.
 *
 * @param partitions those to look at; NULL: all.
 */
ktk_status ktki_scope_find(struct buffer *out, const struct change *change, ktk_dataset *dataset,
                           const int64_t *partitions, size_t partition_count, ktk_error *err);

/**
 * Check a scope against the schema before anything is written: every column must exist, every value
 * must fit its column.
 *
 * @param other set to the first column that is no partition key, NULL if there is none; borrowed
 * from the predicate.
 */
ktk_status ktki_scope_check(const char **other, const ktk_predicate *scope, ktk_dataset *dataset,
                            ktk_error *err);

#endif
