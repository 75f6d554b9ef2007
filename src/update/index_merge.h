/** Putting the file of a secondary index together: dataset.md 5.3. */
#ifndef KTKI_UPDATE_INDEX_MERGE_H
#define KTKI_UPDATE_INDEX_MERGE_H

#include <kartothek/parquet.h>

#include "arrow/array.h"
#include "base/buffer.h"
#include "base/hash_map.h"
#include "dataset/index.h"

/**
 * What goes into an index, in pieces. Labels are numbered in the order they are declared; what an
 * older file knows of other labels is left out.
 */
struct index_merge {
    ktk_context *context;
    const struct field *field; /* of the column: name and type, borrowed */
    struct hash_map labels;    /* number of each label */
    struct buffer label_texts; /* const char *, borrowed */
    struct buffer pieces;      /* struct ArrowArray: values, no nulls */
    struct buffer counts;      /* uint32_t: labels of each value, through all pieces */
    struct buffer numbers;     /* uint32_t: these labels, one value after the other */
    bool is_cut;               /* some values may end at their first NUL: ktki_index_is_cut() */
};

/** `field` must outlive it, as must the texts of labels. */
void ktki_index_merge_init(struct index_merge *out, ktk_context *context,
                           const struct field *field);
void ktki_index_merge_clear(struct index_merge *merge);

/** Declare a label; each once. */
ktk_status ktki_index_merge_label(struct index_merge *merge, const char *label, ktk_error *err);

/**
 * Add what an index file knows of the declared labels. Marks (sets the bits of) those that it
 * knows, by number.
 *
 * @param fits set to false, and nothing is added, if its values are not of the type of the column.
 */
ktk_status ktki_index_merge_file(struct index_merge *merge, ktk_parquet_file *file, uint8_t *known,
                                 bool *fits, ktk_error *err);

/** Add values, distinct and without nulls, of the label of that number; they are moved. */
ktk_status ktki_index_merge_values(struct index_merge *merge, uint32_t label,
                                   struct ArrowArray *values, ktk_error *err);

/**
 * Append the file: a row a value, in the order of the values, so that readers find one by
 * statistics. It says that it covers the declared labels.
 */
ktk_status ktki_index_merge_write(const struct index_merge *merge, struct buffer *out,
                                  ktk_error *err);

/** What two halves of a merge differ in for one label. */
struct index_gap {
    int64_t only_first;
    int64_t only_second;
};

/**
 * Compare the values that were added before `merge->counts` had `first_count` entries with those
 * added since: how many values of each label are in one half alone.
 *
 * @param gaps one a label, zeroed; added to.
 */
ktk_status ktki_index_merge_compare(const struct index_merge *merge, size_t first_count,
                                    struct index_gap *gaps, ktk_error *err);

/**
 * The distinct values of a column of a data file, without nulls; zeroed if it has none, or no such
 * column.
 *
 * @return KTK_E_UNSUPPORTED for a nested column; KTK_E_SCHEMA if its type does not go with `field`.
 */
ktk_status ktki_index_values_of_file(struct ArrowArray *out, ktk_context *context,
                                     ktk_parquet_file *file, const struct field *field,
                                     ktk_error *err);

#endif
