/** Levels in the encoding BIT_PACKED, which only version 1 pages of old writers have. */
#ifndef KTKI_PARQUET_LEVELS_BIT_PACKED_H
#define KTKI_PARQUET_LEVELS_BIT_PACKED_H

#include "parquet/scratch.h"

/** Take `count` levels up to `level_max` (>= 1) from the front of a page's bytes, and give them as
 * one packed run of the encoding RLE, in the block. KTK_E_CORRUPT if the page is too short. */
ktk_status ktki_levels_bit_packed(struct cursor *page, int32_t level_max, int64_t count,
                                  struct read_scratch *scratch, struct scratch_block *block,
                                  struct cursor *out, ktk_error *err);

#endif
