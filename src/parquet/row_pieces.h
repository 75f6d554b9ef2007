/** Cutting a large row group into pieces of rows that are read one by one, each with its own pages:
 * for sources whose bytes come from afar, so that neither they nor the rows are in memory at once.
 *
 * How many pieces there are follows from the footer alone. Where they begin is known once the page
 * tables of all columns are there: at rows with which pages begin, so that hardly any page belongs
 * to two pieces. Where no such row is near, a piece has no rows, and one in front of it more. */
#ifndef KTKI_PARQUET_ROW_PIECES_H
#define KTKI_PARQUET_ROW_PIECES_H

#include "parquet/row_scan.h"

/** What pieces of `bytes_max` bytes take at least, as stored. */
#define PIECE_BYTES_MIN(bytes_max) ((bytes_max) / 8 + 1)

struct row_pieces {
    int32_t count;
    int64_t bytes; /* that one takes, about: the larger of those that are stored and those of the
                      rows. There are both while it is decoded */
};

/** The pieces of a row group, of some `bytes_max` bytes each when decoded: one, if a column is
 * nested or has no page index, or if pieces would be too many requests for their bytes. `filter`
 * may be NULL. */
struct row_pieces ktki_row_pieces(const ktk_parquet_file *file, const struct row_group *group,
                                  const struct read_plan *plan, const struct row_filter *filter,
                                  int64_t bytes_max);

/** The row that a piece begins with; all rows for the number `count`. The tables of all columns
 * that `scan` reads are loaded. */
int64_t ktki_row_piece_start(const struct row_scan *scan, int32_t number, int32_t count);

#endif
