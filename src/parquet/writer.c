#include "parquet/writer.h"

#include <assert.h>

#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/file_footer.h"
#include "parquet/row_bytes.h"
#include "parquet/write_choices.h"
#include "parquet/write_options.h"

/* Pieces of output below this size are gathered before they go to the sink. */
#define SINK_BYTES_MIN ((size_t)1 << 16)

/* Row groups of fewer values are encoded without the other threads: waking them costs more. */
#define PARALLEL_VALUES_MIN ((int64_t)1 << 15)

/* Pending batches of fewer rows are joined to a neighbour of about the same size. */
#define JOINED_ROWS_MAX 16384

/* Rows that wait for their row group to become full. */
struct pending {
    struct batch batch;
    int64_t start; /* rows before were written already */
};

struct ktk_parquet_writer {
    ktk_context *context; /* a reference */
    struct schema *schema;
    struct write_options options;
    struct file_footer footer;
    struct scratch_pool own_scratches;
    struct scratch_pool *scratches; /* these, or somebody else's */
    struct column_write *columns;   /* one per leaf */
    struct pending *pending;
    size_t pending_count;
    size_t pending_capacity;
    int64_t pending_rows;
    int64_t pending_bytes;
    ktki_sink_fn sink;
    void *sink_state;
    struct buffer gathered; /* for the sink */
    int64_t offset;         /* bytes of the file so far */
    bool is_over;           /* finished or failed */
};

/* ---- life ---- */

static const ktk_allocator *allocator_of(const ktk_parquet_writer *writer) {
    return ktki_context_allocator(writer->context);
}

static ktk_status writer_init(ktk_parquet_writer *writer, const ktk_parquet_write_options *options,
                              ktk_error *err) {
    const ktk_allocator *allocator = allocator_of(writer);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_write_options_resolve(&writer->options, options, err));
    KTKI_TRY(ktki_footer_init(&writer->footer, writer->schema, err));
    if (options != NULL) {
        KTKI_TRY(ktki_write_choices(&writer->footer.plan, options, err));
        KTKI_TRY(ktki_footer_sort(&writer->footer, options->sorting, options->sorting_count, err));
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)writer->footer.plan.leaf_count,
                               sizeof(*writer->columns), &writer->columns, err));
    for (int32_t i = 0; i < writer->footer.plan.leaf_count; i++) {
        ktki_column_write_init(&writer->columns[i], &writer->footer.plan.leaves[i], allocator);
    }
out:
    return status;
}

ktk_status ktki_parquet_writer_new(ktk_parquet_writer **out, ktk_context *context,
                                   struct schema *schema, const ktk_parquet_write_options *options,
                                   ktki_sink_fn sink, void *sink_state, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_parquet_writer *writer = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &writer, err));
    writer->context = ktk_context_ref(context);
    writer->schema = ktki_schema_ref(schema);
    ktki_scratch_pool_init(&writer->own_scratches, allocator);
    writer->scratches = &writer->own_scratches;
    ktki_buffer_init(&writer->gathered, allocator, 0);
    KTKI_TRY(writer_init(writer, options, err));
    ktki_parquet_writer_restart(writer, sink, sink_state);
    *out = writer;
    writer = NULL;
out:
    ktki_parquet_writer_free(writer);
    return status;
}

static void drop_pending(ktk_parquet_writer *writer) {
    for (size_t i = 0; i < writer->pending_count; i++) {
        ktki_batch_clear(&writer->pending[i].batch);
    }
    writer->pending_count = 0;
    writer->pending_rows = 0;
    writer->pending_bytes = 0;
}

void ktki_parquet_writer_restart(ktk_parquet_writer *writer, ktki_sink_fn sink, void *sink_state) {
    drop_pending(writer);
    ktki_footer_restart(&writer->footer);
    writer->sink = sink;
    writer->sink_state = sink_state;
    writer->gathered.size = 0;
    writer->offset = 0;
    writer->is_over = false;
}

void ktki_parquet_writer_share(ktk_parquet_writer *writer, struct scratch_pool *scratches) {
    writer->scratches = scratches;
}

void ktki_parquet_writer_free(ktk_parquet_writer *writer) {
    const ktk_allocator *allocator;
    ktk_context *context;

    if (writer == NULL) {
        return;
    }
    context = writer->context;
    allocator = allocator_of(writer);
    drop_pending(writer);
    ktki_free_array(allocator, writer->pending, writer->pending_capacity, sizeof(*writer->pending));
    if (writer->columns != NULL) {
        for (int32_t i = 0; i < writer->footer.plan.leaf_count; i++) {
            ktki_column_write_clear(&writer->columns[i]);
        }
        ktki_free_array(allocator, writer->columns, (size_t)writer->footer.plan.leaf_count,
                        sizeof(*writer->columns));
    }
    ktki_scratch_pool_clear(&writer->own_scratches);
    ktki_buffer_clear(&writer->gathered);
    ktki_footer_clear(&writer->footer);
    ktki_schema_free(writer->schema);
    KTKI_DELETE(allocator, writer);
    ktk_context_free(context);
}

/* ---- output ---- */

static ktk_status flush(ktk_parquet_writer *writer, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (writer->gathered.size > 0) {
        status =
            writer->sink(writer->sink_state, writer->gathered.data, writer->gathered.size, err);
        writer->gathered.size = 0;
    }
    return status;
}

static ktk_status emit(ktk_parquet_writer *writer, const void *data, size_t size, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (writer->gathered.size + size > SINK_BYTES_MIN) {
        KTKI_TRY(flush(writer, err));
    }
    if (size >= SINK_BYTES_MIN) {
        KTKI_TRY(writer->sink(writer->sink_state, data, size, err));
    } else {
        KTKI_TRY(ktki_buffer_append(&writer->gathered, data, size, err));
    }
    writer->offset += (int64_t)size;
out:
    return status;
}

/* Pages come from any thread, one at a time. */
static ktk_status emit_page(void *state, const void *data, size_t size, ktk_error *err) {
    return emit(state, data, size, err);
}

/* ---- row groups ---- */

/* Filters lie behind the chunks of their row group, where readers of the chunks need not pass over
 * them; kept to the end of the file they would fill memory. */
static ktk_status emit_blooms(ktk_parquet_writer *writer, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < writer->footer.plan.leaf_count; i++) {
        struct column_write *column = &writer->columns[i];

        column->bloom_offset = writer->offset;
        if (column->bloom.size > 0) {
            KTKI_TRY(emit(writer, column->bloom.data, column->bloom.size, err));
        }
    }
out:
    return status;
}

static ktk_status write_row_group(ktk_parquet_writer *writer, const struct row_slice *slices,
                                  size_t slice_count, int64_t row_count, ktk_error *err) {
    int32_t leaf_count = writer->footer.plan.leaf_count;
    bool is_large = row_count >= PARALLEL_VALUES_MIN / (leaf_count > 0 ? leaf_count : 1);
    struct row_group_write group = {
        .columns = writer->columns,
        .column_count = (size_t)leaf_count,
        .slices = slices,
        .slice_count = slice_count,
        .first_row = writer->footer.row_count,
        .settings = &writer->options.column,
        .scratches = writer->scratches,
        .pool = is_large ? ktki_context_pool(writer->context) : NULL,
        .thread_count = (size_t)ktk_context_threads(writer->context),
        .waiting_size_max = writer->options.waiting_size_max,
        .sink = emit_page,
        .sink_state = writer,
    };
    int64_t start;
    ktk_status status = KTK_OK;

    if (writer->offset == 0) {
        KTKI_TRY(emit(writer, PARQUET_MAGIC, PARQUET_MAGIC_SIZE, err));
    }
    start = writer->offset;
    KTKI_TRY(ktki_row_group_write(&group, err));
    KTKI_TRY(emit_blooms(writer, err));
    KTKI_TRY(ktki_footer_add(&writer->footer, writer->columns, row_count,
                             writer->options.column.page.codec_id, start, err));
out:
    return status;
}

/* Encode the pending rows and `more` (NULL: none), together at most a row group. */
static ktk_status write_pending(ktk_parquet_writer *writer, const struct row_slice *more,
                                ktk_error *err) {
    const ktk_allocator *allocator = allocator_of(writer);
    size_t count = writer->pending_count + (more != NULL);
    int64_t row_count = writer->pending_rows + (more != NULL ? more->count : 0);
    struct row_slice *slices = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*slices), &slices, err));
    for (size_t i = 0; i < writer->pending_count; i++) {
        const struct pending *pending = &writer->pending[i];

        slices[i] = (struct row_slice){&pending->batch, pending->start,
                                       pending->batch.row_count - pending->start};
    }
    if (more != NULL) {
        slices[count - 1] = *more;
    }
    KTKI_TRY(write_row_group(writer, slices, count, row_count, err));
    drop_pending(writer);
out:
    ktki_free_array(allocator, slices, count, sizeof(*slices));
    return status;
}

/* ---- adding rows ---- */

static ktk_status check_batch(const ktk_parquet_writer *writer, const struct batch *batch,
                              ktk_error *err) {
    const struct schema *ours = writer->schema;
    const struct schema *theirs = batch->schema;

    if (writer->is_over) {
        return ktk_error_set(err, KTK_E_INVALID, "the file is finished, or has failed");
    }
    if (ours == theirs) {
        return KTK_OK;
    }
    if (ours->field_count != theirs->field_count) {
        return ktk_error_set(err, KTK_E_SCHEMA, "a batch of %d columns for a file of %d",
                             theirs->field_count, ours->field_count);
    }
    for (int32_t i = 0; i < ours->field_count; i++) {
        const struct field *field = &theirs->fields[i];

        if (strcmp(field->name, ours->fields[i].name) != 0 ||
            !ktki_field_equals(field, &ours->fields[i])) {
            return ktk_error_set(err, KTK_E_SCHEMA,
                                 "column %d of a batch, '%s', is not the file's column '%s', or "
                                 "not of its type",
                                 i, field->name, ours->fields[i].name);
        }
    }
    return KTK_OK;
}

/* The next rows of a batch, as far as they belong to the row group that is pending. True if they
 * fill it: by their number, or by their size. It is the row that decides, not the batch. */
static bool take_rows(const ktk_parquet_writer *writer, struct row_slice *slice, int64_t *bytes) {
    int64_t rows_left = writer->options.row_group_rows_max - writer->pending_rows;
    int64_t bytes_left = writer->options.row_group_bytes_max - writer->pending_bytes;
    int64_t count = slice->batch->row_count - slice->start;

    slice->count = count < rows_left ? count : rows_left;
    *bytes = ktki_row_bytes(slice->batch, slice->start, slice->count);
    if (*bytes >= bytes_left) {
        slice->count = ktki_rows_of_bytes(slice->batch, slice->start, slice->count, bytes_left);
        return true;
    }
    return slice->count == rows_left;
}

/* Encode all row groups that the rows of a batch fill. `*done` gets the rows that are written; the
 * bytes of the others are counted. */
static ktk_status write_full_groups(ktk_parquet_writer *writer, const struct batch *batch,
                                    int64_t *done, ktk_error *err) {
    struct row_slice slice = {batch, 0, 0};
    int64_t bytes = 0;
    ktk_status status = KTK_OK;

    while (take_rows(writer, &slice, &bytes)) {
        KTKI_TRY(write_pending(writer, &slice, err));
        slice.start += slice.count;
    }
    writer->pending_bytes += bytes;
    *done = slice.start;
out:
    return status;
}

/* One batch of two, whose columns can be joined. KTK_E_UNSUPPORTED: they cannot. */
static ktk_status join_batches(struct batch *out, ktk_context *context, const struct batch *first,
                               const struct batch *second, ktk_error *err) {
    struct batch joined = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&joined, first->schema, first->row_count + second->row_count, err));
    for (int32_t i = 0; i < first->schema->field_count; i++) {
        const struct ArrowArray *parts[] = {&first->columns[i], &second->columns[i]};

        KTKI_TRY(ktki_array_concat(&joined.columns[i], context, &first->schema->fields[i], parts, 2,
                                   err));
    }
    *out = joined;
    joined = (struct batch){0};
out:
    ktki_batch_clear(&joined);
    return status;
}

/* Join small batches at the end to their neighbour as long as that is not much larger: many small
 * batches then cost their rows a few copies, instead of a table each. */
static ktk_status join_pending(ktk_parquet_writer *writer, ktk_error *err) {
    ktk_status status = KTK_OK;

    while (writer->pending_count >= 2) {
        struct pending *last = &writer->pending[writer->pending_count - 1];
        struct pending *previous = last - 1;
        struct batch joined;

        if (last->start > 0 || previous->start > 0 || previous->batch.row_count > JOINED_ROWS_MAX ||
            previous->batch.row_count > 2 * last->batch.row_count) {
            break;
        }
        status = join_batches(&joined, writer->context, &previous->batch, &last->batch, err);
        if (status == KTK_E_UNSUPPORTED) {
            status = KTK_OK; /* dictionaries that differ: they stay apart */
            break;
        }
        if (status != KTK_OK) {
            break;
        }
        ktki_batch_clear(&previous->batch);
        ktki_batch_clear(&last->batch);
        previous->batch = joined;
        writer->pending_count--;
    }
    return status;
}

static ktk_status push_pending(ktk_parquet_writer *writer, struct batch *batch, int64_t start,
                               ktk_error *err) {
    ktk_status status = KTK_OK;

    if (writer->pending_count == writer->pending_capacity) {
        size_t capacity = writer->pending_capacity == 0 ? 4 : 2 * writer->pending_capacity;

        KTKI_TRY(ktki_resize_array(allocator_of(writer), &writer->pending, writer->pending_capacity,
                                   capacity, sizeof(*writer->pending), err));
        writer->pending_capacity = capacity;
    }
    writer->pending[writer->pending_count++] = (struct pending){*batch, start};
    writer->pending_rows += batch->row_count - start;
    *batch = (struct batch){0};
out:
    return status;
}

ktk_status ktki_parquet_writer_add(ktk_parquet_writer *writer, const struct batch *batch,
                                   ktk_error *err) {
    struct batch copy = {0};
    int64_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_batch(writer, batch, err));
    writer->is_over = true; /* unless all goes well */
    KTKI_TRY(write_full_groups(writer, batch, &done, err));
    if (done < batch->row_count) {
        KTKI_TRY(
            ktki_batch_slice(&copy, writer->context, batch, done, batch->row_count - done, err));
        KTKI_TRY(push_pending(writer, &copy, 0, err));
        KTKI_TRY(join_pending(writer, err));
    }
    writer->is_over = false;
out:
    ktki_batch_clear(&copy);
    return status;
}

ktk_status ktki_parquet_writer_take(ktk_parquet_writer *writer, struct batch *batch,
                                    ktk_error *err) {
    int64_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_batch(writer, batch, err));
    writer->is_over = true;
    KTKI_TRY(write_full_groups(writer, batch, &done, err));
    if (done < batch->row_count) {
        KTKI_TRY(push_pending(writer, batch, done, err));
        KTKI_TRY(join_pending(writer, err));
    }
    ktki_batch_clear(batch);
    writer->is_over = false;
out:
    return status;
}

/* ---- the end ---- */

ktk_status ktki_parquet_writer_finish(ktk_parquet_writer *writer, int64_t *file_size,
                                      ktk_error *err) {
    struct buffer footer;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&footer, allocator_of(writer), 0);
    if (writer->is_over) {
        KTKI_FAIL(err, KTK_E_INVALID, "the file is finished, or has failed");
    }
    writer->is_over = true;
    if (writer->pending_rows > 0 || writer->footer.group_count == 0) {
        KTKI_TRY(write_pending(writer, NULL, err));
    }
    ktki_footer_place_index(&writer->footer, writer->offset);
    KTKI_TRY(emit(writer, writer->footer.index.data, writer->footer.index.size, err));
    KTKI_TRY(ktki_footer_encode(&writer->footer, &footer, err));
    KTKI_TRY(emit(writer, footer.data, footer.size, err));
    KTKI_TRY(flush(writer, err));
    if (file_size != NULL) {
        *file_size = writer->offset;
    }
out:
    ktki_buffer_clear(&footer);
    return status;
}

ktk_status ktki_parquet_schema_file(struct buffer *out, ktk_context *context,
                                    const struct schema *schema, ktk_error *err) {
    struct file_footer footer = {0};
    ktk_status status = KTK_OK;

    (void)context;
    KTKI_TRY(ktki_footer_init(&footer, schema, err));
    KTKI_TRY(ktki_buffer_append(out, PARQUET_MAGIC, PARQUET_MAGIC_SIZE, err));
    KTKI_TRY(ktki_footer_encode(&footer, out, err));
out:
    ktki_footer_clear(&footer);
    return status;
}
