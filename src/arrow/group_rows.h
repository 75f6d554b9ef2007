/** Hash grouping: which rows share the same values in the key columns, in order of first
 * appearance. */
#ifndef KTKI_ARROW_GROUP_ROWS_H
#define KTKI_ARROW_GROUP_ROWS_H

#include "arrow/batch.h"

struct row_grouper;

/**
 * Group rows of any number of batches by the columns `keys` (indices into `schema`, any flat type,
 * dictionaries by value). Values are equal if their bytes are, with two exceptions: -0.0 equals
 * 0.0, every NaN and null count as null.
 */
ktk_status ktki_grouper_new(struct row_grouper **out, ktk_context *context, struct schema *schema,
                            const int32_t *keys, int32_t key_count, ktk_error *err);
void ktki_grouper_free(struct row_grouper *grouper);

/**
 * Assign a group to every row of `batch`, whose key columns have the types of the grouper's schema:
 * `groups[row]`, counted from 0 over all batches. Rows with a null in any key get UINT32_MAX and
 * are counted in ktki_grouper_null_count(). After a failure the grouper can only be freed.
 *
 * @return KTK_E_LIMIT beyond 2^32 - 2 different keys.
 */
ktk_status ktki_grouper_add(struct row_grouper *grouper, const struct batch *batch,
                            uint32_t *groups, ktk_error *err);

uint32_t ktki_grouper_group_count(const struct row_grouper *grouper);
int64_t ktki_grouper_null_count(const struct row_grouper *grouper);

/** The key values of all groups so far, one row a group, one column a key (dictionaries decoded),
 * as a batch of its own. Of values that are equal the first one seen stands for all. */
ktk_status ktki_grouper_keys(const struct row_grouper *grouper, struct batch *out, ktk_error *err);

#endif
