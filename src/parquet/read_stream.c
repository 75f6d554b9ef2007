/* The public ways to open and read a file. */
#include <kartothek/parquet.h>

#include "arrow/stream.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "parquet/read_budget.h"
#include "parquet/row_scan.h"

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
    int64_t row_start; /* rows [row_start, row_end) of the file are wanted */
    int64_t row_end;
    int64_t *group_starts;         /* first row of each row group of the file */
    struct bound_predicate *where; /* NULL: all rows */
    struct row_filter filter;      /* used if `where` is not NULL */
    struct read_budget budget;
    int64_t batch_rows_max;
    struct batch held; /* more rows than a batch may have; those before `held_start` are out */
    int64_t held_start;
    bool is_scanning;
    struct row_scan scan; /* of the row group in front of `next`, if is_scanning */
};

static void file_stream_free(void *state) {
    struct file_stream *stream = state;
    ktk_context *context = ktk_context_ref(stream->file->context);
    const ktk_allocator *allocator = ktki_context_allocator(context);

    ktki_batch_clear(&stream->held);
    ktki_row_scan_clear(&stream->scan);
    ktki_row_filter_clear(&stream->filter);
    ktki_bound_free(stream->where);
    ktki_free_array(allocator, stream->group_starts, (size_t)stream->file->metadata.row_group_count,
                    sizeof(*stream->group_starts));
    ktki_free_array(allocator, stream->row_groups, (size_t)stream->row_group_count,
                    sizeof(*stream->row_groups));
    ktki_read_plan_clear(&stream->plan);
    ktk_parquet_file_free(stream->file);
    KTKI_DELETE(allocator, stream);
    ktk_context_free(context);
}

/* The next piece of the row group that is being scanned; may have no rows. */
static ktk_status scan_next(struct file_stream *stream, struct batch *out, ktk_error *err) {
    int64_t rows_max = ktki_read_budget_rows(&stream->budget, stream->scan.group, &stream->plan);
    int64_t rows = stream->scan.rows.row_count;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_row_scan_next(&stream->scan, rows_max, &batch, err));
    ktki_read_budget_learn(&stream->budget, &batch, rows - stream->scan.rows.row_count);
    if (ktki_row_scan_is_done(&stream->scan)) {
        ktki_row_scan_clear(&stream->scan);
        stream->is_scanning = false;
    }
    if (batch.row_count > 0) {
        *out = batch;
        batch = (struct batch){0};
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Begin with the next row group: it is read at once if all of it is wanted. */
static ktk_status begin_group(struct file_stream *stream, struct batch *out, ktk_error *err) {
    int32_t number = stream->row_groups[stream->next++];
    const struct row_group *group = NULL;
    int64_t origin = stream->group_starts[number];
    int64_t start = larger(stream->row_start - origin, 0);
    int64_t end =
        smaller(stream->row_end - origin, stream->file->metadata.row_groups[number].row_count);
    ktk_status status = KTK_OK;

    if (start >= end) {
        goto out;
    }
    KTKI_TRY(ktki_parquet_row_group(&group, stream->file, number, err));
    if (stream->where == NULL && start == 0 && end == group->row_count &&
        ktki_read_budget_rows(&stream->budget, group, &stream->plan) >= end) {
        return ktki_parquet_read_planned(out, stream->file, number, &stream->plan, err);
    }
    KTKI_TRY(ktki_row_scan_init(&stream->scan, stream->file, number, &stream->plan,
                                stream->where == NULL ? NULL : &stream->filter, start, end, err));
    stream->is_scanning = !ktki_row_scan_is_done(&stream->scan);
    if (!stream->is_scanning) {
        ktki_row_scan_clear(&stream->scan);
    }
out:
    return status;
}

/* The next rows of those that are held. */
static ktk_status slice_held(struct file_stream *stream, struct batch *out, ktk_error *err) {
    int64_t left = stream->held.row_count - stream->held_start;
    int64_t count = smaller(left, stream->batch_rows_max);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_slice(out, stream->file->context, &stream->held, stream->held_start, count,
                              err));
    stream->held_start += count;
    if (count == left) {
        ktki_batch_clear(&stream->held);
    }
out:
    return status;
}

static ktk_status file_stream_next(void *state, struct batch *out, ktk_error *err) {
    struct file_stream *stream = state;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    if (stream->held.schema != NULL) {
        return slice_held(stream, out, err);
    }

    while (batch.row_count == 0 &&
           (stream->is_scanning || stream->next < stream->row_group_count)) {
        KTKI_TRY(stream->is_scanning ? scan_next(stream, &batch, err)
                                     : begin_group(stream, &batch, err));
    }
    if (batch.row_count > stream->batch_rows_max) {
        stream->held = batch;
        stream->held_start = 0;
        KTKI_TRY(slice_held(stream, out, err));
    } else if (batch.row_count > 0) {
        *out = batch;
    }
out:
    return status;
}

static ktk_status choose_columns(struct read_plan *out, const ktk_parquet_file *file,
                                 const ktk_parquet_read_options *options, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    int32_t count = file->schema.arrow->field_count;
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    if (options->columns != NULL) {
        return ktki_read_plan_of_names(out, &file->schema, options->columns, options->column_count,
                                       options->keep_dictionaries, err);
    }
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)count, sizeof(*columns), &columns, err));
    for (int32_t i = 0; i < count; i++) {
        columns[i] = i;
    }
    KTKI_TRY(
        ktki_read_plan_init(out, &file->schema, columns, count, options->keep_dictionaries, err));
out:
    ktki_free_array(allocator, columns, (size_t)count, sizeof(*columns));
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

static ktk_status check_options(const ktk_parquet_read_options *options, ktk_error *err) {
    if (options->row_start < 0 || options->row_count < 0 || options->batch_rows_max < 0 ||
        options->memory_bytes_max < 0) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "row_start, row_count, batch_rows_max and memory_bytes_max cannot be "
                             "negative");
    }
    return KTK_OK;
}

/* Which rows are wanted. */
static ktk_status choose_rows(struct file_stream *stream, const ktk_parquet_read_options *options,
                              ktk_error *err) {
    const struct parquet_metadata *metadata = &stream->file->metadata;
    int64_t row = 0;
    ktk_status status = KTK_OK;

    stream->row_start = options->row_start;
    if (options->row_count == 0 ||
        !ktki_add_i64(options->row_start, options->row_count, &stream->row_end)) {
        stream->row_end = INT64_MAX;
    }
    KTKI_TRY(ktki_alloc_array(ktki_context_allocator(stream->file->context),
                              (size_t)metadata->row_group_count, sizeof(*stream->group_starts),
                              &stream->group_starts, err));
    for (int32_t i = 0; i < metadata->row_group_count; i++) {
        stream->group_starts[i] = row;
        if (!ktki_add_i64(row, metadata->row_groups[i].row_count, &row)) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "'%s': the rows of its row groups do not add up",
                      stream->file->source.name);
        }
    }
out:
    return status;
}

static ktk_status bind_where(struct file_stream *stream, const ktk_predicate *where,
                             ktk_error *err) {
    struct schema *schema = stream->file->schema.arrow;
    size_t count = (size_t)schema->field_count;
    const ktk_allocator *allocator = ktki_context_allocator(stream->file->context);
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_predicate_bind(&stream->where, stream->file->context, where, schema, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < count; i++) {
        columns[i] = (int32_t)i;
    }
    KTKI_TRY(ktki_row_filter_init(&stream->filter, stream->file, stream->where, columns, err));
out:
    ktki_free_array(allocator, columns, count, sizeof(*columns));
    return status;
}

ktk_status ktk_parquet_read(struct ArrowArrayStream *out, ktk_parquet_file *file,
                            const ktk_parquet_read_options *options, ktk_error *err) {
    const ktk_parquet_read_options defaults = KTK_PARQUET_READ_OPTIONS_INIT;
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    struct file_stream *stream = NULL;
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_PARQUET_READ_OPTIONS_INIT", err);
    KTKI_TRY(check_options(options, err));
    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    KTKI_TRY(KTKI_NEW(allocator, &stream, err));
    stream->file = ktk_parquet_file_ref(file);
    stream->batch_rows_max = options->batch_rows_max > 0 ? options->batch_rows_max : INT64_MAX;
    stream->budget.bytes_max = options->memory_bytes_max;
    KTKI_TRY(choose_columns(&stream->plan, file, options, err));
    stream->plan.skips_checksums = options->skip_checksums;
    KTKI_TRY(choose_row_groups(file, options, &stream->row_groups, &stream->row_group_count, err));
    KTKI_TRY(choose_rows(stream, options, err));
    if (options->where != NULL) {
        KTKI_TRY(bind_where(stream, options->where, err));
    }
    KTKI_TRY(ktki_stream_new(out, file->context, stream->plan.schema, file_stream_next,
                             file_stream_free, stream, err));
    stream = NULL;
out:
    if (stream != NULL) {
        file_stream_free(stream);
    }
    return status;
}
