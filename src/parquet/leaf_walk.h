/** From the rows of a top-level column down to the slots and levels of one of its leaves, field by
 * field. */
#ifndef KTKI_PARQUET_LEAF_WALK_H
#define KTKI_PARQUET_LEAF_WALK_H

#include "arrow/batch.h"
#include "arrow/join.h"
#include "base/arena.h"
#include "parquet/schema_write.h"

/** Rows [start, start + count) of a batch. */
struct row_slice {
    const struct batch *batch;
    int64_t start;
    int64_t count;
};

/**
 * What is known above some field on the way: the slots of its arrays, and the levels of the leaf as
 * far as they are decided. A slot is open if no field above it is null, else it is closed: what
 * lies below it in memory does not count.
 */
struct leaf_walk {
    const struct write_leaf *leaf;
    struct arena *arena;
    const struct write_node *node;
    struct array_range *ranges; /* the slots: entries of the field's arrays, in order */
    size_t range_count;
    int64_t slot_count;
    int64_t closed_count;
    uint8_t *open; /* bits of the slots that are open; NULL: all are */
    int64_t level_count;
    uint8_t *definitions; /* of open slots: the leaf's maximum; NULL: the leaf is the column */
    uint8_t *repetitions; /* NULL: all are 0 */
};

/**
 * Walk down to the leaf, whose own nulls are not looked at. Tables lie in `arena`.
 *
 * KTK_E_INVALID for lists that are impossible and for nulls that are not allowed; KTK_E_LIMIT for a
 * list that is too long for a page.
 */
ktk_status ktki_leaf_walk(struct leaf_walk *out, struct arena *arena, const struct write_leaf *leaf,
                          const struct row_slice *slices, size_t slice_count, ktk_error *err);

/** Which slots are open and not null in the arrays of the current field; NULL: all. */
ktk_status ktki_walk_validity(const struct leaf_walk *walk, uint8_t **out, ktk_error *err);

/** Close the open slots that are not in `valid`, at the level of nulls of the current field. */
ktk_status ktki_walk_close(struct leaf_walk *walk, uint8_t *valid, ktk_error *err);

#endif
