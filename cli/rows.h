/** Rows of an Arrow stream, written in the form asked for. */
#ifndef KTK_CLI_ROWS_H
#define KTK_CLI_ROWS_H

#include <kartothek/kartothek.h>

#include "output.h"

enum row_format { ROWS_TABLE = 0, ROWS_CSV, ROWS_JSON, ROWS_PARQUET };

struct row_options {
    enum row_format format;
    int64_t limit; /* -1: none */
    char delimiter;
    const char *null_text; /* CSV; NULL: nothing */
};

/** Write all rows up to the limit. The stream is consumed and released in every case. */
ktk_status cli_rows_write(struct output *output, ktk_context *context,
                          struct ArrowArrayStream *stream, const struct row_options *options,
                          ktk_error *err);

#endif
