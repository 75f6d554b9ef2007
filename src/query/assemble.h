/** From columns of a file and constants of its key to columns of the result. */
#ifndef KTKI_QUERY_ASSEMBLE_H
#define KTKI_QUERY_ASSEMBLE_H

#include "query/scan.h"

/**
 * Decide the columns of the result of a scan: sets `columns`, `reads`, `file_columns` and `output`.
 * Columns of the path win over those of the file; what the file's `pandas` entry calls an index is
 * no column.
 */
ktk_status ktki_assemble_plan(struct scan *scan, ktk_error *err);

/** Put the result together. `read` has the columns `reads` of the scan, and is consumed. */
ktk_status ktki_assemble(const struct scan *scan, struct batch *read, struct batch *out,
                         ktk_error *err);

#endif
