/** The rows of what a user names: a dataset, or a Parquet file without a store. */
#ifndef KTK_CLI_ROWS_OPEN_H
#define KTK_CLI_ROWS_OPEN_H

#include "version.h"

struct row_query {
    const char *table; /* NULL: the only one */
    const ktk_predicate *where;
    const char *const *columns; /* NULL: all */
    size_t column_count;        /* with `columns` not NULL, 0: none */
    struct version_values state;
    int64_t limit; /* more rows are not needed; -1: all are */
};

/** Opens the store for a dataset. */
ktk_status cli_rows_open(struct ArrowArrayStream *out, struct session *session,
                         const struct row_query *query, const char *operand, ktk_error *err);

#endif
