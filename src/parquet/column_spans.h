/**
 * The pages of a large chunk as tasks of their own, so that one column keeps several threads busy.
 *
 * Pages of a flat column are independent of each other: the header of each tells how many slots it
 * has. Only where the texts of a page begin depends on the pages before it, and that is known as
 * soon as these are decompressed.
 */
#ifndef KTKI_PARQUET_COLUMN_SPANS_H
#define KTKI_PARQUET_COLUMN_SPANS_H

#include "parquet/column_read.h"
#include "parquet/leaf_reader.h"

/**
 * Read all pages of the chunk into the sink of `reader`, which is empty; its dictionary is loaded.
 * `*is_done` false: nothing is read, because there is no pool, the chunk is small or nested, or its
 * pages hold what must be read in order; the sink is as it was.
 */
ktk_status ktki_spans_read(struct leaf_reader *reader, const struct chunk_read *read, bool *is_done,
                           ktk_error *err);

#endif
