/** The rows of a row group as one leaf column sees them: where its values lie, and its levels. */
#ifndef KTKI_PARQUET_LEAF_INPUT_H
#define KTKI_PARQUET_LEAF_INPUT_H

#include "parquet/leaf_walk.h"

/** An array that values are fetched from. */
struct value_source {
    const struct ArrowArray *array;
    const struct data_type *type;
    struct array_view view;
};

/** Slots in one array. A slot is an entry of the leaf's array, null or not: a row of a flat column,
 * an item of a list. */
struct leaf_piece {
    struct value_source slots;  /* the leaf's array: values, or dictionary indices */
    struct value_source values; /* the same, or the dictionary */
    int64_t start;              /* first slot, as an index into the buffers */
    int64_t count;
    const uint32_t *positions; /* of the slots, from `start`; NULL: one lies behind the other */
    int64_t first_slot;        /* slots of the pieces before */
    int64_t null_count;        /* slots that are null, or below a null */
    const uint8_t *validity;   /* not NULL if some slots are null and some are not */
    int64_t validity_offset;   /* bit of the first slot */
};

/**
 * Levels of a flat column follow from its slots: 1, or 0 where the slot is null. Those of a leaf of
 * a nested column are spelled out: one of each for every slot, for every list that is empty, and
 * for every null above which there is no slot.
 */
struct leaf_input {
    const struct write_leaf *leaf;
    int64_t first_row; /* row of the file that the input starts with, for messages */
    int64_t row_count;
    int64_t level_count;
    int64_t slot_count;
    int64_t null_count; /* null slots */
    size_t piece_count;
    struct leaf_piece *pieces;
    const uint8_t *definitions; /* NULL for a flat column */
    const uint8_t *repetitions; /* NULL if there is no list */
};

/** The definition level from which on a level has a slot. */
static inline uint8_t ktki_leaf_slot_level(const struct write_leaf *leaf) {
    return leaf->nodes[leaf->node_count - 1].slot_level;
}

/**
 * The input for the rows of all slices, in order. It refers to the batches, and has its tables in
 * `arena`. Errors as ktki_leaf_walk(); KTK_E_INVALID also for a dictionary index that is out of
 * range.
 */
ktk_status ktki_leaf_input_build(struct leaf_input *out, struct arena *arena,
                                 const struct write_leaf *leaf, const struct row_slice *slices,
                                 size_t slice_count, int64_t first_row, ktk_error *err);

/** Index of the piece that holds a slot; `slot` < slot_count. */
size_t ktki_leaf_input_piece(const struct leaf_input *input, int64_t slot);

/** Copy the validity of slots [start, start + count) to `bits`, from bit 0. */
void ktki_leaf_input_validity(const struct leaf_input *input, int64_t start, int64_t count,
                              uint8_t *bits);

/** Null slots in [start, start + count). */
int64_t ktki_leaf_input_nulls(const struct leaf_input *input, int64_t start, int64_t count);

/** Which values of an array's buffers: those at `base + positions[i]`, or `base + i` if `positions`
 * is NULL. */
struct value_selection {
    int64_t base;
    const uint32_t *positions;
    size_t count;
};

/** Slots of a piece that one call of ktki_piece_positions() takes at most. */
#define PIECE_POSITIONS_MAX 1024

/** Which of the slots [at, at + count) of a piece that has a validity are not null, counted from
 * `at`. Returns how many. */
size_t ktki_piece_positions(const struct leaf_piece *piece, int64_t at, size_t count,
                            uint32_t *positions);

/** The entries of the leaf's array in the slots [at, at + count) of a piece that are not null;
 * `count` as above. `positions` is room for that many. */
void ktki_piece_select(const struct leaf_piece *piece, int64_t at, size_t count,
                       uint32_t *positions, struct value_selection *out);

#endif
