/** The rows of a row group as one leaf column sees them: where its values lie, and its levels. */
#ifndef KTKI_PARQUET_LEAF_INPUT_H
#define KTKI_PARQUET_LEAF_INPUT_H

#include "arrow/batch.h"
#include "base/arena.h"
#include "parquet/schema_write.h"

/** Rows [start, start + count) of a batch. */
struct row_slice {
    const struct batch *batch;
    int64_t start;
    int64_t count;
};

/** An array that values are fetched from. */
struct value_source {
    const struct ArrowArray *array;
    const struct data_type *type;
    struct array_view view;
};

/** Slots that lie one behind the other in one array. A slot is an entry of the leaf's array, null
 * or not: a row of a flat column, an item of a list. */
struct leaf_piece {
    struct value_source slots;  /* the leaf's array: values, or dictionary indices */
    struct value_source values; /* the same, or the dictionary */
    int64_t start;              /* first slot, as an index into the buffers */
    int64_t count;
    int64_t first_slot; /* slots of the pieces before */
    int64_t null_count;
    const uint8_t *validity; /* not NULL if some slots are null and some are not */
    int64_t validity_offset; /* bit of the first slot */
};

/**
 * Levels of a flat column follow from its slots: 1, or 0 where the slot is null. Those of a list
 * are spelled out, one of each for every item, every empty list and every null list.
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
    const uint8_t *definitions; /* lists only */
    const uint8_t *repetitions; /* lists only */
};

/**
 * The input for the rows of all slices, in order. It refers to the batches, and has its tables in
 * `arena`. KTK_E_INVALID for a dictionary index that is out of range.
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

/** Slots of a piece that one call of ktki_piece_positions() takes at most. */
#define PIECE_POSITIONS_MAX 1024

/** Which of the slots [at, at + count) of a piece are not null, counted from `at`. Returns how
 * many. */
size_t ktki_piece_positions(const struct leaf_piece *piece, int64_t at, size_t count,
                            uint32_t *positions);

#endif
