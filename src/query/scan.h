/** Reading one partition of a plan: its file, piece by piece: a row group, or a part of a large one
 * that comes from afar. */
#ifndef KTKI_QUERY_SCAN_H
#define KTKI_QUERY_SCAN_H

#include "parquet/reader.h"
#include "query/csv_file.h"
#include "query/plan.h"

/** Where a column of the result comes from. */
struct scan_column {
    int32_t key;  /* a constant of the path: index into the plan's keys; else -1 */
    int32_t read; /* a column read from the file: index into `reads`; else -1 */
                  /* neither: the number of the partition */
};

/** An open partition. Once open it is not changed; its pieces may be read in several threads,
 * each once. */
struct scan {
    const struct query_plan *plan;
    int64_t partition;
    const char *key; /* of the file */
    struct path_constants constants;
    struct bound_predicate *where; /* what is left of the predicate; NULL: all rows */
    ktk_parquet_file *file;        /* NULL: CSV */
    struct csv_file csv;
    struct schema *stored; /* of the file; borrowed from it */
    struct schema *output; /* of the batches; a reference */
    struct arena arena;
    struct scan_column *columns; /* output->field_count */
    int32_t *reads;              /* columns of the file to read */
    int32_t read_count;
    int32_t *file_columns;       /* for each field of the table that is needed: the file's column */
    struct parquet_query *query; /* NULL: CSV */
    struct schema *read;         /* of `reads`; CSV only */
    int32_t piece_count;         /* batches of CSV; 0 if no row can match */
};

/**
 * Open the file of a partition and find its columns.
 *
 * @return KTK_E_SCHEMA if a column of the table is neither in the file nor in its key, or cannot be
 * brought to the type of the table.
 */
ktk_status ktki_scan_open(struct scan *out, const struct query_plan *plan, int64_t partition,
                          ktk_error *err);

/** Whether dictionaries of the file are read as such. */
bool ktki_scan_keeps_dictionaries(const struct scan *scan);

/** Bytes that reading a piece will need, about. */
int64_t ktki_scan_piece_bytes(const struct scan *scan, int32_t piece);

/** The matching rows of a piece, assembled; may have none. */
ktk_status ktki_scan_read(const struct scan *scan, int32_t piece, struct batch *out,
                          ktk_error *err);

/** A zeroed scan is allowed. */
void ktki_scan_clear(struct scan *scan);

#endif
