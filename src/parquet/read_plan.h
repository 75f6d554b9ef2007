/** Which leaves of a file are read, and what becomes of them. */
#ifndef KTKI_PARQUET_READ_PLAN_H
#define KTKI_PARQUET_READ_PLAN_H

#include "parquet/schema_read.h"

struct plan_leaf {
    const struct parquet_leaf *leaf; /* of the file */
    int32_t number;                  /* among those of the file */
    const struct field *field;       /* in the result */
    int32_t nest_first;              /* nests from this depth on are collected with this leaf; those
                                        around it with a leaf before it */
    int32_t nest_count;              /* so many of them */
};

/** The leaves of a column of the result follow each other. */
struct plan_column {
    int32_t first_leaf;
    int32_t leaf_count;
};

/** Borrows from the schema of the file. Never changes once it is made. */
struct read_plan {
    struct schema *schema; /* of the result; a reference. The plan lies in its memory */
    bool keeps_dictionaries;
    bool skips_checksums; /* false until whoever made the plan says otherwise */
    int32_t leaf_count;
    struct plan_leaf *leaves;
    struct plan_column *columns; /* one for each field of `schema` */
};

/** Top-level columns by index (in range), in that order; without `keep_dictionaries` dictionaries
 * become plain values. */
ktk_status ktki_read_plan_init(struct read_plan *out, const struct parquet_schema *schema,
                               const int32_t *columns, int32_t column_count, bool keep_dictionaries,
                               ktk_error *err);

/** The same by what users call columns: see ktk_parquet_read_options. KTK_E_NOT_FOUND names all
 * that lead to no column. */
ktk_status ktki_read_plan_of_names(struct read_plan *out, const struct parquet_schema *schema,
                                   const char *const *names, size_t name_count,
                                   bool keep_dictionaries, ktk_error *err);

/** Some columns of a plan (in range), in that order. */
ktk_status ktki_read_plan_select(struct read_plan *out, const struct read_plan *plan,
                                 const int32_t *columns, int32_t column_count, ktk_error *err);

void ktki_read_plan_clear(struct read_plan *plan);

#endif
