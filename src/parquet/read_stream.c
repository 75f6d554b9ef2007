/* The public ways to open and read a file. */
#include <kartothek/parquet.h>

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/file_handle.h"

ktk_status ktk_parquet_open_path(ktk_parquet_file **out, ktk_context *context, const char *path,
                                 ktk_error *err) {
    struct source source = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_source_of_path(&source, context, path, err));
    KTKI_TRY(ktki_parquet_open(out, context, &source, err));
out:
    ktki_source_free(&source);
    return status;
}

ktk_status ktk_parquet_open_bytes(ktk_parquet_file **out, ktk_context *context, ktk_bytes *bytes,
                                  ktk_error *err) {
    ktk_bytes lent = {bytes->data, bytes->size, NULL, NULL};
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    ktk_status status = KTK_OK;

    /* The source first only borrows the bytes, so that they stay the caller's after a failure. */
    KTKI_TRY(ktki_source_of_bytes(&source, context, &lent, "memory", err));
    KTKI_TRY(ktki_parquet_open(&file, context, &source, err));
    ktki_source_adopt(&file->source, bytes);
    *out = file;
out:
    ktki_source_free(&source);
    return status;
}

/* ---- the stream ---- */

struct file_stream {
    ktk_parquet_file *file; /* a reference */
    struct read_plan plan;
    int32_t *row_groups;
    int32_t row_group_count;
    int32_t next;
};

static void file_stream_free(void *state) {
    struct file_stream *stream = state;
    ktk_context *context = ktk_context_ref(stream->file->context);
    const ktk_allocator *allocator = ktki_context_allocator(context);

    ktki_free_array(allocator, stream->row_groups, (size_t)stream->row_group_count,
                    sizeof(*stream->row_groups));
    ktki_read_plan_clear(&stream->plan);
    ktk_parquet_file_free(stream->file);
    KTKI_DELETE(allocator, stream);
    ktk_context_free(context);
}

static ktk_status file_stream_next(void *state, struct batch *out, ktk_error *err) {
    struct file_stream *stream = state;

    while (stream->next < stream->row_group_count) {
        int32_t row_group = stream->row_groups[stream->next++];

        if (stream->file->metadata.row_groups[row_group].row_count > 0) {
            return ktki_parquet_read_planned(out, stream->file, row_group, &stream->plan, err);
        }
    }
    return KTK_OK;
}

/* Names of the columns that are not there, for one message about all of them. */
static ktk_status missing_columns(const struct schema *schema,
                                  const ktk_parquet_read_options *options, struct buffer *names,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < options->column_count; i++) {
        if (ktki_schema_find(schema, options->columns[i]) < 0) {
            KTKI_TRY(ktki_buffer_append_format(names, err, "%s'%s'", names->size > 0 ? ", " : "",
                                               options->columns[i]));
        }
    }
    if (names->size > 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "no such column: %.*s", (int)names->size,
                  (const char *)names->data);
    }
out:
    return status;
}

static ktk_status choose_columns(ktk_parquet_file *file, const ktk_parquet_read_options *options,
                                 int32_t **out, int32_t *out_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    const struct schema *schema = file->schema.arrow;
    size_t count = options->columns == NULL ? (size_t)schema->field_count : options->column_count;
    struct buffer names;
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&names, allocator, 0);
    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu columns", count);
    }
    if (options->columns != NULL) {
        KTKI_TRY(missing_columns(schema, options, &names, err));
    }
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < count; i++) {
        columns[i] =
            options->columns == NULL ? (int32_t)i : ktki_schema_find(schema, options->columns[i]);
    }
    *out = columns;
    *out_count = (int32_t)count;
out:
    ktki_buffer_clear(&names);
    return status;
}

static ktk_status choose_row_groups(ktk_parquet_file *file, const ktk_parquet_read_options *options,
                                    int32_t **out, int32_t *out_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    int32_t available = file->metadata.row_group_count;
    size_t count = options->row_groups == NULL ? (size_t)available : options->row_group_count;
    int32_t *groups = NULL;
    ktk_status status = KTK_OK;

    if (count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu row groups", count);
    }
    for (size_t i = 0; options->row_groups != NULL && i < count; i++) {
        if (options->row_groups[i] < 0 || options->row_groups[i] >= available) {
            KTKI_FAIL(err, KTK_E_INVALID, "no row group %d: the file has %d",
                      options->row_groups[i], available);
        }
    }
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*groups), &groups, err));
    for (size_t i = 0; i < count; i++) {
        groups[i] = options->row_groups == NULL ? (int32_t)i : options->row_groups[i];
    }
    *out = groups;
    *out_count = (int32_t)count;
out:
    return status;
}

ktk_status ktk_parquet_read(struct ArrowArrayStream *out, ktk_parquet_file *file,
                            const ktk_parquet_read_options *options, ktk_error *err) {
    const ktk_parquet_read_options defaults = KTK_PARQUET_READ_OPTIONS_INIT;
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    struct file_stream *stream = NULL;
    int32_t *columns = NULL;
    int32_t column_count = 0;
    ktk_status status = KTK_OK;

    options = options == NULL ? &defaults : options;
    if (options->size != sizeof(*options)) {
        KTKI_FAIL(err, KTK_E_INVALID, "read options must start as KTK_PARQUET_READ_OPTIONS_INIT");
    }
    KTKI_TRY(choose_columns(file, options, &columns, &column_count, err));
    KTKI_TRY(KTKI_NEW(allocator, &stream, err));
    stream->file = ktk_parquet_file_ref(file);
    KTKI_TRY(ktki_read_plan_init(&stream->plan, &file->schema, columns, column_count,
                                 options->keep_dictionaries, err));
    KTKI_TRY(choose_row_groups(file, options, &stream->row_groups, &stream->row_group_count, err));
    KTKI_TRY(ktki_stream_new(out, file->context, stream->plan.schema, file_stream_next,
                             file_stream_free, stream, err));
    stream = NULL;
out:
    ktki_free_array(allocator, columns, (size_t)column_count, sizeof(*columns));
    if (stream != NULL) {
        file_stream_free(stream);
    }
    return status;
}
