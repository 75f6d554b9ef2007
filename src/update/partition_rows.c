#include "update/partition_rows.h"

#include "arrow/group_rows.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"

/* Batches of the input are joined up to this size: taking the rows of a group from few large pieces
 * is faster than from many small ones, and no text column may pass 2 GiB. */
#define PIECE_ROWS_MAX ((int64_t)4 << 20)
#define PIECE_BYTES_MAX ((int64_t)512 << 20)

/* ---- sizes ---- */

static int64_t text_bytes(const struct ArrowArray *array, const struct data_type *type) {
    bool is_large = type->id == TYPE_LARGE_STRING || type->id == TYPE_LARGE_BINARY;
    struct array_view view;

    ktki_array_view(array, type, &view);
    if (view.offsets == NULL || view.length == 0) {
        return view.length * 16;
    }
    if (is_large) {
        const int64_t *offsets = (const int64_t *)view.offsets + view.offset;
        return offsets[view.length] - offsets[0] + view.length * 8;
    }
    const int32_t *offsets = (const int32_t *)view.offsets + view.offset;
    return offsets[view.length] - offsets[0] + view.length * 4;
}

/* Rough: what is not of fixed width and no text is taken for 16 bytes a row. */
static int64_t batch_bytes(const struct batch *batch) {
    int64_t bytes = 0;

    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct data_type *type = &batch->schema->fields[i].type;
        size_t width = ktki_type_width(type);

        if (width > 0) {
            bytes += batch->row_count * (int64_t)width;
        } else {
            bytes += text_bytes(&batch->columns[i], type);
        }
    }
    return bytes;
}

int64_t ktki_partition_rows_width(const struct partition_rows *rows) {
    int64_t bytes = 0;

    for (size_t i = 0; i < rows->piece_count; i++) {
        bytes += batch_bytes(&rows->pieces[i]);
    }
    return rows->row_count == 0 ? 0 : bytes / rows->row_count + 1;
}

/* ---- reading ---- */

struct reading {
    struct partition_rows *rows;
    const ktk_allocator *allocator;
    ktk_context *context;
    struct row_grouper *grouper;
    int32_t *data_columns; /* indices of those that are no key */
    int32_t data_column_count;
    const int32_t *keys;
    int32_t key_count;
    bool *null_marks;      /* by key: it had a null that is marked as one */
    struct buffer groups;  /* uint32_t, of all rows so far */
    struct buffer pending; /* struct batch, not yet a piece */
    int64_t pending_rows;
    int64_t pending_bytes;
};

static ktk_status add_piece(struct reading *reading, struct batch *batch, ktk_error *err) {
    struct partition_rows *rows = reading->rows;
    size_t count = rows->piece_count;
    ktk_status status = KTK_OK;

    if (count == rows->piece_capacity) {
        size_t capacity = count == 0 ? 4 : count * 2;

        KTKI_TRY(ktki_resize_array(reading->allocator, &rows->pieces, rows->piece_capacity,
                                   capacity, sizeof(*rows->pieces), err));
        rows->piece_capacity = capacity;
    }
    rows->pieces[count] = *batch;
    rows->piece_count++;
    *batch = (struct batch){0};
out:
    return status;
}

static ktk_status join_column(struct reading *reading, struct batch *joined, int32_t column,
                              const struct ArrowArray **arrays, ktk_error *err) {
    const struct batch *batches = (const struct batch *)reading->pending.data;
    size_t count = reading->pending.size / sizeof(*batches);

    for (size_t i = 0; i < count; i++) {
        arrays[i] = &batches[i].columns[column];
    }
    return ktki_array_concat(&joined->columns[column], reading->context,
                             &joined->schema->fields[column], arrays, count, err);
}

static ktk_status join_pending(struct reading *reading, struct batch *out, ktk_error *err) {
    const struct ArrowArray **arrays = NULL;
    size_t count = reading->pending.size / sizeof(struct batch);
    struct batch joined = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(reading->allocator, count, sizeof(*arrays), &arrays, err));
    KTKI_TRY(ktki_batch_init(&joined, reading->rows->schema, reading->pending_rows, err));
    for (int32_t i = 0; i < joined.schema->field_count; i++) {
        KTKI_TRY(join_column(reading, &joined, i, arrays, err));
    }
    *out = joined;
    joined = (struct batch){0};
out:
    ktki_batch_clear(&joined);
    ktki_free_array(reading->allocator, arrays, count, sizeof(*arrays));
    return status;
}

static void clear_pending(struct reading *reading) {
    struct batch *batches = (struct batch *)reading->pending.data;

    for (size_t i = 0; i < reading->pending.size / sizeof(*batches); i++) {
        ktki_batch_clear(&batches[i]);
    }
    reading->pending.size = 0;
    reading->pending_rows = 0;
    reading->pending_bytes = 0;
}

/* Make a piece of the batches that wait; dictionaries that differ keep them apart. */
static ktk_status flush_pending(struct reading *reading, ktk_error *err) {
    struct batch *batches = (struct batch *)reading->pending.data;
    size_t count = reading->pending.size / sizeof(*batches);
    struct batch joined = {0};
    ktk_error inner = {0};
    ktk_status status = KTK_OK;

    if (count > 1) {
        status = join_pending(reading, &joined, &inner);
    }
    if (count > 1 && status == KTK_OK) {
        KTKI_TRY(add_piece(reading, &joined, err));
    } else if (status == KTK_OK || status == KTK_E_UNSUPPORTED) {
        status = KTK_OK;
        for (size_t i = 0; i < count; i++) {
            KTKI_TRY(add_piece(reading, &batches[i], err));
        }
    } else if (err != NULL) {
        *err = inner;
    }
out:
    ktki_batch_clear(&joined);
    clear_pending(reading);
    return status;
}

/* Groups of the rows of a batch; of the batch only the data is kept. */
static ktk_status add_batch(struct reading *reading, struct batch *batch, ktk_error *err) {
    size_t bytes = (size_t)batch->row_count * sizeof(uint32_t);
    struct batch data = {0};
    ktk_status status = KTK_OK;

    if (batch->row_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_buffer_reserve(&reading->groups, bytes, err));
    KTKI_TRY(ktki_grouper_add(reading->grouper, batch,
                              (uint32_t *)(reading->groups.data + reading->groups.size), err));
    reading->groups.size += bytes;
    for (int32_t i = 0; i < reading->key_count; i++) {
        reading->null_marks[i] =
            reading->null_marks[i] || ktki_array_null_count(&batch->columns[reading->keys[i]]) > 0;
    }
    reading->rows->row_count += batch->row_count;
    KTKI_TRY(ktki_batch_select(&data, batch, reading->rows->schema, reading->data_columns, err));
    reading->pending_rows += data.row_count;
    reading->pending_bytes += batch_bytes(&data);
    KTKI_TRY(ktki_buffer_append(&reading->pending, &data, sizeof(data), err));
    data = (struct batch){0};
    if (reading->pending_rows >= PIECE_ROWS_MAX || reading->pending_bytes >= PIECE_BYTES_MAX) {
        KTKI_TRY(flush_pending(reading, err));
    }
out:
    ktki_batch_clear(&data);
    return status;
}

static ktk_status read_batches(struct reading *reading, struct stream_reader *reader,
                               ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(add_batch(reading, &batch, err));
        ktki_batch_clear(&batch);
    }
    KTKI_TRY(flush_pending(reading, err));
out:
    ktki_batch_clear(&batch);
    return status;
}

/* ---- rows by group ---- */

/* Counting sort: stable, and with one pass over the rows each way. */
static ktk_status sort_rows(struct partition_rows *rows, const uint32_t *groups,
                            const ktk_allocator *allocator, ktk_error *err) {
    size_t group_count = rows->group_count;
    int64_t *ends = NULL;
    int64_t total = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, group_count + 1, sizeof(*ends), &rows->starts, err));
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)rows->row_count, sizeof(*rows->rows), &rows->rows,
                              err));
    ends = rows->starts;
    for (int64_t i = 0; i < rows->row_count; i++) {
        ends[groups[i]]++;
    }
    for (size_t i = 0; i <= group_count; i++) {
        total += ends[i];
        ends[i] = total;
    }
    /* From the last row backwards each end moves to the start of its group. */
    for (int64_t i = rows->row_count - 1; i >= 0; i--) {
        rows->rows[--ends[groups[i]]] = i;
    }
out:
    return status;
}

static ktk_status number_pieces(struct partition_rows *rows, const ktk_allocator *allocator,
                                ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, rows->piece_count + 1, sizeof(*rows->piece_starts),
                               &rows->piece_starts, err));
    for (size_t i = 0; i < rows->piece_count; i++) {
        rows->piece_starts[i + 1] = rows->piece_starts[i] + rows->pieces[i].row_count;
    }
out:
    return status;
}

/* The columns with nulls; those whose only nulls are NaN do not stand out, so then it is all. */
static ktk_status append_null_keys(const struct reading *reading, const struct schema *schema,
                                   struct buffer *names, ktk_error *err) {
    bool any = false;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < reading->key_count; i++) {
        any = any || reading->null_marks[i];
    }
    for (int32_t i = 0; i < reading->key_count; i++) {
        if (reading->null_marks[i] || !any) {
            KTKI_TRY(ktki_buffer_append_format(names, err, "%s'%s'", names->size == 0 ? "" : ", ",
                                               schema->fields[reading->keys[i]].name));
        }
    }
out:
    return status;
}

static ktk_status check_nulls(const struct reading *reading, const struct schema *schema,
                              ktk_error *err) {
    int64_t null_count = ktki_grouper_null_count(reading->grouper);
    int64_t row_count = reading->rows->row_count;
    struct buffer names;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&names, reading->allocator, 0);
    if (null_count == 0) {
        goto out;
    }
    KTKI_TRY(append_null_keys(reading, schema, &names, err));
    KTKI_FAIL(err, KTK_E_INVALID,
              "Original dataframe size (%lld rows) does not match new dataframe size (%lld rows) "
              "after splitting it by %.*s; hint: you may see this if you are trying to use "
              "`partition_on` on a column with null values",
              (long long)row_count, (long long)(row_count - null_count), (int)names.size,
              (const char *)names.data);
out:
    ktki_buffer_clear(&names);
    return status;
}

static ktk_status choose_data_columns(struct reading *reading, const struct schema *schema,
                                      ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(reading->allocator, (size_t)schema->field_count,
                              sizeof(*reading->data_columns), &reading->data_columns, err));
    for (int32_t i = 0; i < schema->field_count; i++) {
        bool is_key = false;

        for (int32_t j = 0; j < reading->key_count; j++) {
            is_key = is_key || reading->keys[j] == i;
        }
        if (!is_key) {
            reading->data_columns[reading->data_column_count++] = i;
        }
    }
    KTKI_TRY(ktki_schema_select(&reading->rows->schema, schema, reading->data_columns,
                                reading->data_column_count, true, err));
    KTKI_TRY(ktki_alloc_zeroed(reading->allocator, (size_t)reading->key_count,
                               sizeof(*reading->null_marks), &reading->null_marks, err));
out:
    return status;
}

ktk_status ktki_partition_rows_read(struct partition_rows *out, struct stream_reader *reader,
                                    const int32_t *keys, int32_t key_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(reader->context);
    struct partition_rows rows = {0};
    struct reading reading = {.rows = &rows,
                              .allocator = allocator,
                              .context = reader->context,
                              .keys = keys,
                              .key_count = key_count};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&reading.groups, allocator, 0);
    ktki_buffer_init(&reading.pending, allocator, 0);
    KTKI_TRY(choose_data_columns(&reading, reader->schema, err));
    KTKI_TRY(
        ktki_grouper_new(&reading.grouper, reader->context, reader->schema, keys, key_count, err));
    KTKI_TRY(read_batches(&reading, reader, err));
    KTKI_TRY(check_nulls(&reading, reader->schema, err));
    rows.group_count = ktki_grouper_group_count(reading.grouper);
    KTKI_TRY(ktki_grouper_keys(reading.grouper, &rows.keys, err));
    KTKI_TRY(number_pieces(&rows, allocator, err));
    KTKI_TRY(sort_rows(&rows, (const uint32_t *)reading.groups.data, allocator, err));
    *out = rows;
    rows = (struct partition_rows){0};
out:
    clear_pending(&reading);
    ktki_buffer_clear(&reading.pending);
    ktki_buffer_clear(&reading.groups);
    ktki_grouper_free(reading.grouper);
    ktki_free_array(allocator, reading.null_marks, (size_t)key_count, sizeof(*reading.null_marks));
    ktki_free_array(allocator, reading.data_columns, (size_t)reader->schema->field_count,
                    sizeof(*reading.data_columns));
    ktki_partition_rows_clear(&rows);
    return status;
}

void ktki_partition_rows_clear(struct partition_rows *rows) {
    const ktk_allocator *allocator;

    if (rows->schema == NULL) {
        return;
    }
    allocator = ktki_context_allocator(rows->schema->context);
    ktki_free_array(allocator, rows->rows, (size_t)rows->row_count, sizeof(*rows->rows));
    ktki_free_array(allocator, rows->starts, (size_t)rows->group_count + 1, sizeof(*rows->starts));
    ktki_free_array(allocator, rows->piece_starts, rows->piece_count + 1,
                    sizeof(*rows->piece_starts));
    for (size_t i = 0; i < rows->piece_count; i++) {
        ktki_batch_clear(&rows->pieces[i]);
    }
    ktki_free_array(allocator, rows->pieces, rows->piece_capacity, sizeof(*rows->pieces));
    ktki_batch_clear(&rows->keys);
    ktki_schema_free(rows->schema);
    *rows = (struct partition_rows){0};
}

/* ---- taking ---- */

/* The first of `count` ascending rows that is not below `bound`. */
static int64_t lower_bound(const int64_t *rows, int64_t count, int64_t bound) {
    int64_t low = 0;
    int64_t high = count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (rows[middle] < bound) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ktk_status take_columns(struct batch *out, const struct partition_rows *rows, size_t piece,
                               const int64_t *indices, int64_t count, ktk_error *err) {
    struct batch taken = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&taken, rows->schema, count, err));
    for (int32_t i = 0; i < rows->schema->field_count; i++) {
        KTKI_TRY(ktki_array_take(&taken.columns[i], rows->schema->context, &rows->schema->fields[i],
                                 &rows->pieces[piece].columns[i], indices, count, err));
    }
    *out = taken;
    taken = (struct batch){0};
out:
    ktki_batch_clear(&taken);
    return status;
}

ktk_status ktki_partition_rows_take(struct batch *out, const struct partition_rows *rows,
                                    uint32_t group, size_t piece, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(rows->schema->context);
    const int64_t *indices = rows->rows + rows->starts[group];
    int64_t count = rows->starts[group + 1] - rows->starts[group];
    int64_t first = lower_bound(indices, count, rows->piece_starts[piece]);
    int64_t *local = NULL;
    ktk_status status = KTK_OK;

    count = lower_bound(indices, count, rows->piece_starts[piece + 1]) - first;
    indices += first;
    if (count == 0) {
        *out = (struct batch){0};
        goto out;
    }
    if (rows->piece_starts[piece] > 0) {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)count, sizeof(*local), &local, err));
        for (int64_t i = 0; i < count; i++) {
            local[i] = indices[i] - rows->piece_starts[piece];
        }
        indices = local;
    }
    KTKI_TRY(take_columns(out, rows, piece, indices, count, err));
out:
    if (local != NULL) {
        ktki_free_array(allocator, local, (size_t)count, sizeof(*local));
    }
    return status;
}
