/** Which values a column has in which partitions, out of file names, an index, or the files. */
#ifndef KTKI_QUERY_GROUP_VALUES_H
#define KTKI_QUERY_GROUP_VALUES_H

#include "arrow/group_rows.h"
#include "arrow/group_table.h"
#include "query/plan.h"

/** A value in a partition. */
struct value_place {
    uint32_t place; /* index into the partitions of the plan */
    uint32_t value; /* row of the values */
};

/** All zero: empty. */
struct group_values {
    const struct query_plan *plan;
    int32_t field;         /* of the table's schema */
    struct schema *schema; /* of that field alone */
    struct row_grouper *grouper;
    struct id_table seen; /* pairs of place and value */
    struct buffer pairs;  /* struct value_place, by place, each once */
    struct batch values;  /* one column; the different values */
};

/**
 * @return KTK_E_INVALID if the column is neither a partition key nor has an index.
 */
ktk_status ktki_group_values_find(struct group_values *out, const struct query_plan *plan,
                                  int32_t field, ktk_error *err);
void ktki_group_values_clear(struct group_values *values);

#endif
