/** The bloom filter of a column chunk that is being written. */
#ifndef KTKI_PARQUET_COLUMN_BLOOM_H
#define KTKI_PARQUET_COLUMN_BLOOM_H

#include "parquet/column_write.h"

/** Put header and filter of the chunk's values into `column->bloom`, when all pages are written and
 * the scratch is still there; nothing if the leaf is to have no filter. */
ktk_status ktki_column_bloom(struct column_write *column, ktk_error *err);

#endif
