#include "rows_open.h"

#include "input.h"

static ktk_status open_dataset(struct ArrowArrayStream *out, struct session *session,
                               const struct row_query *query, const char *uuid, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_dataset *dataset = NULL;
    ktk_status status = cli_open_store(session, false, err);

    options.table = query->table;
    options.where = query->where;
    options.columns = query->columns;
    options.column_count = query->column_count;
    if (status == KTK_OK) {
        status = cli_open_dataset(&dataset, session, uuid, &query->state, err);
    }
    if (status == KTK_OK) {
        status = ktk_query_stream(out, dataset, &options, err);
    }
    ktk_dataset_free(dataset);
    return status;
}

static ktk_status open_file(struct ArrowArrayStream *out, struct session *session,
                            const struct row_query *query, const char *path, ktk_error *err) {
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_parquet_file *file = NULL;
    ktk_status status = cli_refuse_version(session, &query->state, path, err);

    options.columns = query->columns;
    options.column_count = query->column_count;
    options.where = query->where;
    if (query->where == NULL && query->limit > 0) {
        options.row_count = query->limit; /* no more is decoded */
    }
    if (status == KTK_OK && query->table != NULL) {
        status = cli_usage(session, err, "--table is for datasets, and '%s' is a file", path);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_open_path(&file, session->context, path, err);
    }
    if (status == KTK_OK) {
        status = ktk_parquet_read(out, file, &options, err);
    }
    ktk_parquet_file_free(file);
    return status;
}

ktk_status cli_rows_open(struct ArrowArrayStream *out, struct session *session,
                         const struct row_query *query, const char *operand, ktk_error *err) {
    return cli_is_file(operand) ? open_file(out, session, query, operand, err)
                                : open_dataset(out, session, query, operand, err);
}
