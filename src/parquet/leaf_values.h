/** From Arrow arrays to blocks of values as Parquet stores them: nulls left out, dictionaries
 * looked up, units changed. */
#ifndef KTKI_PARQUET_LEAF_VALUES_H
#define KTKI_PARQUET_LEAF_VALUES_H

#include "parquet/leaf_input.h"
#include "parquet/value_block.h"

/** Room for the blocks of one cursor. */
struct value_scratch {
    const ktk_allocator *allocator; /* for messages */
    uint32_t positions[VALUE_BLOCK_MAX];
    uint32_t sizes[VALUE_BLOCK_MAX];
    const uint8_t *starts[VALUE_BLOCK_MAX];
    uint8_t fixed[VALUE_BLOCK_MAX * VALUE_WIDTH_MAX];
};

struct value_kernel;

/** Fetch values, into the scratch if they are not taken where they lie. False if one of them cannot
 * be stored. */
typedef bool (*value_fetch_fn)(const struct value_kernel *kernel, const struct value_source *source,
                               const struct value_selection *selection, size_t width,
                               struct value_scratch *scratch, struct value_block *out);

struct value_kernel {
    value_fetch_fn fetch;
    int64_t factor;    /* between units */
    const char *fault; /* what is wrong with a value that cannot be stored */
};

/** The kernel that stores timestamps of one unit in another one. */
const struct value_kernel *ktki_timestamp_kernel(enum time_unit from, enum parquet_time_unit to);

/** The kernel for values of a flat type that is not a dictionary; NULL if it cannot be written.
 * Timestamps are stored in microseconds. */
const struct value_kernel *ktki_value_kernel(const struct data_type *type);

/** Walks the values of a range of slots, a block at a time. */
struct value_cursor {
    const struct leaf_input *input;
    struct value_scratch *scratch;
    size_t piece;
    int64_t at;   /* next slot of the piece */
    int64_t left; /* slots left */
};

void ktki_values_seek(struct value_cursor *out, const struct leaf_input *input,
                      struct value_scratch *scratch, int64_t slot_start, int64_t slot_count);

static inline bool ktki_values_is_done(const struct value_cursor *cursor) {
    return cursor->left == 0;
}

/**
 * The values of the next slots, VALUE_BLOCK_MAX slots at most; fewer values, even none, where there
 * are nulls. `*slot_count` (may be NULL) gets the number of slots. The block is valid until the
 * next call with the same scratch.
 *
 * @return KTK_E_INVALID names column, row and value of one that cannot be stored.
 */
ktk_status ktki_values_next(struct value_cursor *cursor, struct value_block *out,
                            int64_t *slot_count, ktk_error *err);

/** Indices of a leaf that is a dictionary, nulls left out; each lies within the dictionary. */
struct index_block {
    size_t count;
    const uint32_t *indices;
    const struct leaf_piece *piece; /* whose dictionary it is */
};

/** The same for the indices of a leaf that is a dictionary, instead of its values. */
ktk_status ktki_values_next_indices(struct value_cursor *cursor, struct index_block *out,
                                    int64_t *slot_count, ktk_error *err);

/** The value that number `index` of a block of indices stands for, as a block of one. */
ktk_status ktki_values_of_index(const struct value_cursor *cursor, const struct index_block *block,
                                size_t index, struct value_block *out, ktk_error *err);

#endif
