/** Splitting a frame by the values of its partition columns: dataset.md 7.2. */
#ifndef KTKI_UPDATE_PARTITION_ROWS_H
#define KTKI_UPDATE_PARTITION_ROWS_H

#include "arrow/batch.h"
#include "base/buffer.h"

/** The rows of one batch by group: group g has rows[starts[g]] … rows[starts[g + 1] - 1], in the
 * order of the batch. */
struct partitioned_rows {
    ktk_context *context;
    uint32_t group_count;
    int64_t *starts; /* group_count + 1 */
    int64_t *rows;
    int64_t row_count;
    struct batch keys; /* one row a group: the values of the partition columns */
};

/**
 * KTK_E_INVALID unless `schema` has all columns of `partition_on` and at least one other:
 * dataset.md 7.2 step 3.
 */
ktk_status ktki_partition_columns_check(const struct schema *schema,
                                        const char *const *partition_on, int32_t count,
                                        ktk_error *err);

/**
 * Group the rows of a batch; groups come in order of first appearance. KTK_E_INVALID if a partition
 * column holds a null: such a row would have no partition.
 */
ktk_status ktki_partition_rows(struct partitioned_rows *out, ktk_context *context,
                               const struct batch *batch, const char *const *partition_on,
                               int32_t count, ktk_error *err);

void ktki_partitioned_rows_clear(struct partitioned_rows *rows);

/** Append `column=value/…` of a group, quoted, with a '/' at the end. */
ktk_status ktki_partition_path(struct buffer *out, const struct partitioned_rows *rows,
                               uint32_t group, ktk_error *err);

#endif
