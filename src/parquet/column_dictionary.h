/** Whether a column chunk is written by a dictionary, and how far. */
#ifndef KTKI_PARQUET_COLUMN_DICTIONARY_H
#define KTKI_PARQUET_COLUMN_DICTIONARY_H

#include "parquet/write_scratch.h"

/**
 * Number the values of a chunk by the dictionary of the scratch, with the numbers in its `indices`.
 *
 * `*slot_count` gets the slots, counted from the first, whose values are numbered: all of them,
 * some if the dictionary got full, none if a dictionary does not pay. What pays is guessed from a
 * sample first, so that columns of distinct values cost little.
 */
ktk_status ktki_column_dictionary(struct write_scratch *scratch, const struct leaf_input *input,
                                  int64_t *slot_count, ktk_error *err);

#endif
