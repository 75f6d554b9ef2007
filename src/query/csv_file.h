/** Data files in CSV: the dialect of the originals' CsvSerializer (dataset.md 4.3). */
#ifndef KTKI_QUERY_CSV_FILE_H
#define KTKI_QUERY_CSV_FILE_H

#include <kartothek/store.h>

#include "arrow/batch.h"

/** All rows of a file. Columns have the types of the table; those that are not in the table, or not
 * wanted, are text. */
struct csv_file {
    ktk_context *context; /* borrowed */
    struct schema *schema;
    struct batch *batches;
    size_t batch_count;
    size_t batch_capacity; /* bytes */
};

/**
 * Fetch, expand (".csv.gz") and parse a file whole: it has no parts that could be read alone. An
 * empty field is null, quoted or not, as the originals write nulls; every other text is a value. A
 * file without a header holds no rows.
 *
 * @param wanted a mark for each field of the table: whether it is asked for.
 * @return KTK_E_CORRUPT with the line or row, the column and the value if one is not of the type of
 * its column, KTK_E_UNSUPPORTED for types that CSV cannot hold.
 */
ktk_status ktki_csv_file_open(struct csv_file *out, ktk_store *store, const char *key,
                              struct schema *table, const bool *wanted, ktk_error *err);
void ktki_csv_file_clear(struct csv_file *file);

#endif
