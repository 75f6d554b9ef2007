/** Splitting an input by the values of its partition columns: dataset.md 7.2. */
#ifndef KTKI_UPDATE_PARTITION_ROWS_H
#define KTKI_UPDATE_PARTITION_ROWS_H

#include "arrow/stream.h"

/** A stretch of the input in the order of groups: group g has the rows [starts[g], starts[g + 1]).
 * Later groups have none. */
struct row_piece {
    struct batch data; /* without the partition columns */
    uint32_t group_count;
    int64_t *starts; /* group_count + 1 */
};

/**
 * All rows of an input, by group. Groups come in the order of their first appearance, the rows of a
 * group in the order of the input. All zero: empty.
 */
struct partition_rows {
    struct schema *schema; /* of the data columns: the input's without the keys */
    struct row_piece *pieces;
    size_t piece_count;
    size_t piece_capacity;
    int64_t row_count;
    struct batch keys; /* values of the partition columns, a row a group */
    uint32_t group_count;
};

/**
 * Read the rest of a stream and group it by the columns `keys` (indices into its schema).
 *
 * @return KTK_E_INVALID for a null in a partition column.
 */
ktk_status ktki_partition_rows_read(struct partition_rows *out, struct stream_reader *reader,
                                    const int32_t *keys, int32_t key_count, ktk_error *err);

/** Rows of a group. */
int64_t ktki_partition_rows_count(const struct partition_rows *rows, uint32_t group);

/** The data columns of the rows of a group that lie in a piece; `out->schema` NULL if there are
 * none. The columns borrow from `rows`, which must outlive them. May be called from several
 * threads. */
ktk_status ktki_partition_rows_view(struct batch *out, const struct partition_rows *rows,
                                    uint32_t group, size_t piece, ktk_error *err);

void ktki_partition_rows_clear(struct partition_rows *rows);

#endif
