#include "rows.h"

#include <string.h>

#include "heap.h"
#include "render.h"

/* Rows in a table that no limit was asked for. More would neither fit a screen nor be read. */
#define TABLE_ROWS_MAX 1000

#define VALUE_SIZE_MAX 4096

/* Of a Parquet file that is written: its row groups wait in memory beside what is read. */
#define WRITER_BYTES_MAX ((int64_t)64 << 20)

/* ---- a stream that ends after so many rows ---- */

struct limited {
    struct ArrowArrayStream inner;
    int64_t left;
};

static int limited_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct limited *limited = stream->private_data;

    return limited->inner.get_schema(&limited->inner, out);
}

static int limited_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct limited *limited = stream->private_data;
    int code;

    if (limited->left == 0) {
        memset(out, 0, sizeof(*out));
        return 0;
    }
    code = limited->inner.get_next(&limited->inner, out);
    if (code != 0 || out->release == NULL) {
        return code;
    }
    if (out->length > limited->left) {
        out->length = limited->left;
        for (int64_t i = 0; i < out->n_children; i++) {
            out->children[i]->length = limited->left;
            out->children[i]->null_count = -1;
        }
    }
    limited->left -= out->length;
    return 0;
}

static const char *limited_error(struct ArrowArrayStream *stream) {
    struct limited *limited = stream->private_data;

    return limited->inner.get_last_error(&limited->inner);
}

static void limited_release(struct ArrowArrayStream *stream) {
    struct limited *limited = stream->private_data;

    limited->inner.release(&limited->inner);
    stream->release = NULL;
}

/* Put a limit on the stream, in place. */
static void limit_stream(struct ArrowArrayStream *stream, int64_t rows) {
    struct limited *limited = cli_alloc(1, sizeof(*limited));

    *limited = (struct limited){*stream, rows};
    *stream = (struct ArrowArrayStream){limited_schema, limited_next, limited_error,
                                        limited_release, limited};
}

/* ---- tables ---- */

static bool is_number(const struct ArrowSchema *column) {
    const char *format = column->dictionary != NULL ? column->dictionary->format : column->format;

    return format[0] == 'd' ||
           (format[0] != '\0' && format[1] == '\0' && strchr("cCsSiIlLefg", format[0]) != NULL);
}

static const char *format_value(const struct ArrowSchema *column, const struct ArrowArray *array,
                                int64_t row) {
    char text[VALUE_SIZE_MAX];
    bool is_null = false;

    (void)ktk_format_value(column, array, row, text, sizeof(text), &is_null);
    return is_null ? NULL : cli_copy(text, strlen(text));
}

static void add_rows(struct table *table, const struct ArrowSchema *schema,
                     const struct ArrowArray *batch, int64_t count) {
    for (int64_t row = 0; row < count; row++) {
        for (int64_t i = 0; i < schema->n_children; i++) {
            cli_table_cell(table, format_value(schema->children[i], batch->children[i], row));
        }
    }
}

/* Up to `limit` rows; `*has_more` says whether others follow. */
static ktk_status collect(struct table *table, struct ArrowArrayStream *stream,
                          const struct ArrowSchema *schema, int64_t limit, int64_t *row_count,
                          bool *has_more, ktk_error *err) {
    ktk_status status;

    *row_count = 0;
    *has_more = false;
    for (;;) {
        struct ArrowArray batch = {.release = NULL};
        int64_t count;

        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        count = batch.length < limit - *row_count ? batch.length : limit - *row_count;
        add_rows(table, schema, &batch, count);
        *row_count += count;
        *has_more = batch.length > count;
        batch.release(&batch);
        if (*has_more) {
            break;
        }
    }
    return status;
}

static void print_table(const struct output *output, const struct table *table,
                        const struct row_options *options, int64_t row_count, bool has_more) {
    const char *rows = cli_count(row_count, "row", "rows");
    const char *columns = cli_count((int64_t)table->column_count, "column", "columns");
    size_t hidden = cli_table_print(table, output);
    const char *left_out = hidden == 0 ? ""
                                       : cli_format(" (%s not shown, name some with --columns)",
                                                    cli_number((int64_t)hidden));

    if (has_more && options->limit < 0) {
        cli_print_footer(output, "the first %s, %s%s; all with --limit N or --format csv", rows,
                         columns, left_out);
    } else {
        cli_print_footer(output, "%s, %s%s", rows, columns, left_out);
    }
}

static ktk_status write_table(struct output *output, struct ArrowArrayStream *stream,
                              const struct row_options *options, ktk_error *err) {
    int64_t limit = options->limit < 0 ? TABLE_ROWS_MAX : options->limit;
    struct ArrowSchema schema = {.release = NULL};
    struct table table = {0};
    int64_t row_count;
    bool has_more;
    ktk_status status = ktk_stream_schema(stream, &schema, err);

    if (status != KTK_OK) {
        goto out;
    }
    for (int64_t i = 0; i < schema.n_children; i++) {
        cli_table_column(&table, schema.children[i]->name,
                         is_number(schema.children[i]) ? COLUMN_NUMBER : COLUMN_TEXT);
    }
    status = collect(&table, stream, &schema, limit, &row_count, &has_more, err);
    if (status == KTK_OK) {
        print_table(output, &table, options, row_count, has_more);
    }
out:
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    stream->release(stream);
    return status;
}

/* ---- the other forms ---- */

static ktk_status write_csv(struct output *output, ktk_context *context,
                            struct ArrowArrayStream *stream, const struct row_options *options,
                            ktk_error *err) {
    ktk_csv_write_options csv = KTK_CSV_WRITE_OPTIONS_INIT;

    csv.delimiter = options->delimiter;
    csv.null_value = options->null_text;
    return ktk_csv_write(context, stream, &csv, cli_output_write, output, err);
}

static ktk_status write_parquet(struct output *output, ktk_context *context,
                                struct ArrowArrayStream *stream, ktk_error *err) {
    ktk_parquet_write_options parquet = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status;

    parquet.memory_bytes_max = WRITER_BYTES_MAX;
    if (output->path != NULL) {
        return ktk_parquet_write_path(context, output->temporary, stream, &parquet, err);
    }
    status = ktk_parquet_write_bytes(&bytes, context, stream, &parquet, err);
    if (status == KTK_OK) {
        status = cli_output_write(output, (const char *)bytes.data, bytes.size, err);
    }
    ktk_bytes_clear(&bytes);
    return status;
}

ktk_status cli_rows_write(struct output *output, ktk_context *context,
                          struct ArrowArrayStream *stream, const struct row_options *options,
                          ktk_error *err) {
    if (options->limit >= 0 && options->format != ROWS_TABLE) {
        limit_stream(stream, options->limit);
    }
    switch (options->format) {
    case ROWS_CSV:
        return write_csv(output, context, stream, options, err);
    case ROWS_JSON:
        return ktk_json_lines_write(context, stream, cli_output_write, output, err);
    case ROWS_PARQUET:
        return write_parquet(output, context, stream, err);
    default:
        return write_table(output, stream, options, err);
    }
}
