/** A predicate on the columns of one file: what it asks of which leaf, and which rows of a row
 * group it can be true for. Pruning may only select too much; the rows decide. */
#ifndef KTKI_PARQUET_ROW_FILTER_H
#define KTKI_PARQUET_ROW_FILTER_H

#include "parquet/page_table.h"
#include "parquet/row_ranges.h"
#include "predicate/evaluate.h"

struct row_scan;

/** A column that is asked about. */
struct filter_column {
    int32_t number; /* of the leaf, and of its chunk in a row group */
    const struct parquet_leaf *leaf;
    const struct field *values; /* as plain values */
    struct field coded;         /* texts: as a dictionary of such values */
    struct statistics_rule rule;
};

/** Never changes once it is made; may be used from several threads. */
struct row_filter {
    const struct bound_predicate *where; /* borrowed */
    struct arena arena;
    int32_t column_count;
    struct filter_column *columns;
    int32_t field_count;        /* of the schema that was bound */
    int32_t *columns_of_fields; /* by its fields: index into `columns`; -1: is not asked about */
};

/**
 * `file_columns[i]` is the top-level column of the file for field i of the schema that `where` was
 * bound to; fields that it does not mention may have any.
 */
ktk_status ktki_row_filter_init(struct row_filter *out, const ktk_parquet_file *file,
                                const struct bound_predicate *where, const int32_t *file_columns,
                                ktk_error *err);
void ktki_row_filter_clear(struct row_filter *filter);

/** Put into the empty `out` those rows of the scan's row group that the filter may be true for, as
 * statistics, Bloom filters, dictionaries and bounds of pages tell. */
ktk_status ktki_row_filter_prune(const struct row_filter *filter, struct row_scan *scan,
                                 struct row_ranges *out, ktk_error *err);

#endif
