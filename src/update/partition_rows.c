#include "update/partition_rows.h"

#include "arrow/group_rows.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "update/reorder_rows.h"

/* Batches of the input are reordered together up to this size: few large pieces are better than
 * many small ones, but the rows of a piece are in memory twice while it is made, and no text column
 * may pass 2 GiB. */
#define PIECE_ROWS_MAX ((int64_t)8 << 20)
#define PIECE_BYTES_MAX ((int64_t)64 << 20)

static bool has_dictionaries(const struct field *fields, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (fields[i].type.id == TYPE_DICTIONARY ||
            has_dictionaries(fields[i].children, fields[i].child_count)) {
            return true;
        }
    }
    return false;
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
    bool is_alone;         /* no two batches may share a piece: their dictionaries may differ */
    struct buffer pending; /* struct batch: data that is not yet in a piece */
    struct buffer groups;  /* uint32_t: of the rows of these */
    int64_t pending_rows;
    int64_t pending_bytes;
};

/* Counting sort: turn groups into positions in the order of groups, in place. */
static ktk_status positions_of_groups(struct row_piece *piece, uint32_t *groups, int64_t count,
                                      const ktk_allocator *allocator, ktk_error *err) {
    int64_t *next = NULL;
    int64_t total = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)piece->group_count + 1, sizeof(*piece->starts),
                               &piece->starts, err));
    KTKI_TRY(
        ktki_alloc_array(allocator, (size_t)piece->group_count + 1, sizeof(*next), &next, err));
    for (int64_t i = 0; i < count; i++) {
        piece->starts[groups[i]]++;
    }
    for (uint32_t g = 0; g <= piece->group_count; g++) {
        int64_t size = piece->starts[g];

        piece->starts[g] = total;
        next[g] = total;
        total += size;
    }
    for (int64_t i = 0; i < count; i++) {
        groups[i] = (uint32_t)next[groups[i]]++;
    }
out:
    ktki_free_array(allocator, next, (size_t)piece->group_count + 1, sizeof(*next));
    return status;
}

static void piece_clear(struct row_piece *piece, const ktk_allocator *allocator) {
    ktki_free_array(allocator, piece->starts, (size_t)piece->group_count + 1,
                    sizeof(*piece->starts));
    ktki_batch_clear(&piece->data);
}

static ktk_status add_piece(struct reading *reading, ktk_error *err) {
    struct partition_rows *rows = reading->rows;
    struct row_piece piece = {.group_count = ktki_grouper_group_count(reading->grouper)};
    uint32_t *groups = (uint32_t *)reading->groups.data;
    ktk_status status = KTK_OK;

    if (rows->piece_count == rows->piece_capacity) {
        size_t capacity = rows->piece_capacity == 0 ? 4 : rows->piece_capacity * 2;

        KTKI_TRY(ktki_resize_array(reading->allocator, &rows->pieces, rows->piece_capacity,
                                   capacity, sizeof(*rows->pieces), err));
        rows->piece_capacity = capacity;
    }
    KTKI_TRY(positions_of_groups(&piece, groups, reading->pending_rows, reading->allocator, err));
    KTKI_TRY(ktki_reorder_rows(
        &piece.data, reading->context, rows->schema, (struct batch *)reading->pending.data,
        reading->pending.size / sizeof(struct batch), groups, reading->pending_rows, err));
    rows->pieces[rows->piece_count++] = piece;
    piece = (struct row_piece){0};
out:
    piece_clear(&piece, reading->allocator);
    return status;
}

static void clear_pending(struct reading *reading) {
    struct batch *batches = (struct batch *)reading->pending.data;

    for (size_t i = 0; i < reading->pending.size / sizeof(*batches); i++) {
        ktki_batch_clear(&batches[i]);
    }
    reading->pending.size = 0;
    reading->groups.size = 0;
    reading->pending_rows = 0;
    reading->pending_bytes = 0;
}

/* Make a piece of the batches that wait. Once there was a null it is known to end in a failure;
 * only the rows are still counted. */
static ktk_status flush_pending(struct reading *reading, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (reading->pending_rows > 0 && ktki_grouper_null_count(reading->grouper) == 0) {
        status = add_piece(reading, err);
    }
    clear_pending(reading);
    return status;
}

static void mark_nulls(struct reading *reading, const struct batch *batch) {
    for (int32_t i = 0; i < reading->key_count; i++) {
        if (ktki_array_null_count(&batch->columns[reading->keys[i]]) > 0) {
            reading->null_marks[i] = true;
        }
    }
}

/* Groups of the rows of a batch; of the batch only the data is kept. */
static ktk_status add_batch(struct reading *reading, struct batch *batch, ktk_error *err) {
    size_t group_bytes = (size_t)batch->row_count * sizeof(uint32_t);
    int64_t row_count = batch->row_count;
    int64_t bytes = ktki_batch_bytes(batch);
    struct batch data = {0};
    ktk_status status = KTK_OK;

    if (row_count > UINT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%lld rows in one batch are too many to be split",
                  (long long)row_count);
    }
    if (reading->is_alone || reading->pending_rows + row_count > PIECE_ROWS_MAX ||
        reading->pending_bytes + bytes > PIECE_BYTES_MAX) {
        KTKI_TRY(flush_pending(reading, err));
    }
    KTKI_TRY(ktki_buffer_reserve(&reading->groups, group_bytes, err));
    KTKI_TRY(ktki_grouper_add(reading->grouper, batch,
                              (uint32_t *)(reading->groups.data + reading->groups.size), err));
    mark_nulls(reading, batch);
    reading->groups.size += group_bytes;
    reading->rows->row_count += row_count;
    KTKI_TRY(ktki_batch_select(&data, batch, reading->rows->schema, reading->data_columns, err));
    KTKI_TRY(ktki_buffer_append(&reading->pending, &data, sizeof(data), err));
    data = (struct batch){0};
    reading->pending_rows += row_count;
    reading->pending_bytes += bytes;
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
        if (batch.row_count > 0) {
            KTKI_TRY(add_batch(reading, &batch, err));
        }
        ktki_batch_clear(&batch);
    }
    KTKI_TRY(flush_pending(reading, err));
out:
    ktki_batch_clear(&batch);
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
              "Original dataframe size (%lld rows) does not match new dataframe size (%lld rows). "
              "Hint: you may see this if you are trying to use `partition_on` on a column with "
              "null values: %.*s",
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
    reading->is_alone =
        has_dictionaries(reading->rows->schema->fields, reading->rows->schema->field_count);
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
    for (size_t i = 0; i < rows->piece_count; i++) {
        piece_clear(&rows->pieces[i], allocator);
    }
    ktki_free_array(allocator, rows->pieces, rows->piece_capacity, sizeof(*rows->pieces));
    ktki_batch_clear(&rows->keys);
    ktki_schema_free(rows->schema);
    *rows = (struct partition_rows){0};
}

/* ---- groups ---- */

static int64_t count_in_piece(const struct row_piece *piece, uint32_t group) {
    return group < piece->group_count ? piece->starts[group + 1] - piece->starts[group] : 0;
}

int64_t ktki_partition_rows_count(const struct partition_rows *rows, uint32_t group) {
    int64_t count = 0;

    for (size_t i = 0; i < rows->piece_count; i++) {
        count += count_in_piece(&rows->pieces[i], group);
    }
    return count;
}

static void view_release(struct ArrowArray *array) {
    array->release = NULL;
}

/* Rows [start, start + count) of an array that lives longer. */
static struct ArrowArray view_of(const struct ArrowArray *array, int64_t start, int64_t count) {
    struct ArrowArray view = *array;

    view.offset += start;
    view.length = count;
    view.null_count = array->null_count == 0 ? 0 : -1;
    view.release = view_release;
    view.private_data = NULL;
    return view;
}

ktk_status ktki_partition_rows_view(struct batch *out, const struct partition_rows *rows,
                                    uint32_t group, size_t piece, ktk_error *err) {
    const struct row_piece *from = &rows->pieces[piece];
    int64_t count = count_in_piece(from, group);
    struct batch view = {0};
    ktk_status status = KTK_OK;

    if (count > 0) {
        KTKI_TRY(ktki_batch_init(&view, rows->schema, count, err));
        for (int32_t i = 0; i < rows->schema->field_count; i++) {
            view.columns[i] = view_of(&from->data.columns[i], from->starts[group], count);
        }
    }
    *out = view;
out:
    return status;
}
