/** Bounds of values as people read them. */
#ifndef KTKI_PARQUET_STATISTICS_TEXT_H
#define KTKI_PARQUET_STATISTICS_TEXT_H

#include "parquet/leaf_reader.h"

/** Append the text of a bound as its column's values are shown, cut if it is long. `*is_known` is
 * false, and nothing appended, if there is none or it does not have the form of its type. */
ktk_status ktki_bound_text(struct buffer *out, bool *is_known, const struct parquet_leaf *leaf,
                           const struct parquet_bytes *bound, ktk_error *err);

/** The bound to be shown: the new one or, where its order is known to be right, the old one. */
const struct parquet_bytes *ktki_bound_min(const struct parquet_leaf *leaf,
                                           const struct parquet_statistics *statistics);
const struct parquet_bytes *ktki_bound_max(const struct parquet_leaf *leaf,
                                           const struct parquet_statistics *statistics);

#endif
