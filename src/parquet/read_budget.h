/** How many rows of a row group are read at once. */
#ifndef KTKI_PARQUET_READ_BUDGET_H
#define KTKI_PARQUET_READ_BUDGET_H

#include "arrow/batch.h"
#include "parquet/read_plan.h"

struct read_budget {
    int64_t bytes_max;     /* 0: no limit */
    int64_t bytes_of_rows; /* of so many rows that were read, as batches showed; 0: none yet */
    int64_t rows;
};

/** Rows to be looked at next in a row group; INT64_MAX: all. */
int64_t ktki_read_budget_rows(const struct read_budget *budget, const struct row_group *group,
                              const struct read_plan *plan);

/** Take in what the last `rows` rows came to. */
void ktki_read_budget_learn(struct read_budget *budget, const struct batch *batch, int64_t rows);

#endif
