/** Dictionary indices of any integer type, brought to one type and checked. */
#ifndef KTKI_PARQUET_INDEX_FETCH_H
#define KTKI_PARQUET_INDEX_FETCH_H

#include "arrow/type.h"

/**
 * Fetch `count` indices: those at `base + positions[i]` (`base + i` if `positions` is NULL).
 * `positions` and `out` may be the same memory. False if one of them is not in [0, limit), `limit`
 * <= UINT32_MAX; `out` is then unspecified.
 */
bool ktki_index_fetch(enum type_id type, const void *indices, int64_t base,
                      const uint32_t *positions, size_t count, int64_t limit, uint32_t *out);

#endif
