#include <kartothek/arrow.h>

#include "arrow/group_rows.h"
#include "arrow/sort_rows.h"
#include "arrow/stream.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"

/* The rows of a group, a batch for each batch of the input that has some. */
struct part {
    struct buffer batches; /* struct batch */
};

struct ktk_split {
    ktk_context *context; /* a reference */
    struct schema *schema;
    struct buffer parts; /* struct part, by group as the grouper numbers them */
    struct batch values; /* a row a group, ascending */
    int64_t *order;      /* group of each of these rows */
    int64_t group_count;
};

/* A batch on its way into the groups: rows [starts[g], starts[g + 1]) of `rows` are those of group
 * g. `places` are the batches of the groups that have any. */
struct splitting {
    struct ktk_split *split;
    const struct batch *from;
    uint32_t group_count;
    int64_t *starts; /* group_count + 1 */
    int64_t *rows;
    struct batch *places; /* group_count of them */
};

static size_t part_count(const struct ktk_split *split) {
    return split->parts.size / sizeof(struct part);
}

static struct part *parts_of(const struct ktk_split *split) {
    return (struct part *)(void *)split->parts.data;
}

/* ---- batches ---- */

/* Counting sort of the rows that have a group; both lists are as long as the batch at least. */
static void sort_rows(struct splitting *splitting, const uint32_t *groups) {
    int64_t count = splitting->from->row_count;
    int64_t *starts = splitting->starts;
    int64_t total = 0;

    for (int64_t i = 0; i < count; i++) {
        if (groups[i] != UINT32_MAX) {
            starts[groups[i]]++;
        }
    }
    for (uint32_t g = 0; g <= splitting->group_count; g++) {
        int64_t size = starts[g];

        starts[g] = total;
        total += size;
    }
    for (int64_t i = 0; i < count; i++) {
        if (groups[i] != UINT32_MAX) {
            splitting->rows[starts[groups[i]]++] = i;
        }
    }
    /* Each start has moved to the end of its group, which is the start of the next. */
    for (uint32_t g = splitting->group_count; g > 0; g--) {
        starts[g] = starts[g - 1];
    }
    starts[0] = 0;
}

/* One column for all groups: what is read stays near. */
static ktk_status take_column(void *state, size_t item, ktk_error *err) {
    const struct splitting *splitting = state;
    const struct batch *from = splitting->from;
    ktk_status status = KTK_OK;

    for (uint32_t g = 0; g < splitting->group_count; g++) {
        int64_t start = splitting->starts[g];

        if (splitting->places[g].schema != NULL) {
            KTKI_TRY(ktki_array_take(&splitting->places[g].columns[item], splitting->split->context,
                                     &from->schema->fields[item], &from->columns[item],
                                     splitting->rows + start, splitting->places[g].row_count, err));
        }
    }
out:
    return status;
}

static ktk_status take_rows(struct splitting *splitting, ktk_error *err) {
    struct ktk_split *split = splitting->split;
    const ktk_allocator *allocator = ktki_context_allocator(split->context);
    size_t count = splitting->group_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_alloc_zeroed(allocator, count, sizeof(*splitting->places), &splitting->places, err));
    for (size_t g = 0; g < count; g++) {
        int64_t rows = splitting->starts[g + 1] - splitting->starts[g];

        if (rows > 0) {
            KTKI_TRY(ktki_batch_init(&splitting->places[g], split->schema, rows, err));
        }
    }
    KTKI_TRY(ktki_pool_run(ktki_context_pool(split->context), (size_t)split->schema->field_count,
                           take_column, splitting, err));
    for (size_t g = 0; g < count; g++) {
        struct batch *batch = &splitting->places[g];

        if (batch->schema != NULL) {
            KTKI_TRY(ktki_buffer_append(&parts_of(split)[g].batches, batch, sizeof(*batch), err));
            *batch = (struct batch){0};
        }
    }
out:
    for (size_t g = 0; splitting->places != NULL && g < count; g++) {
        ktki_batch_clear(&splitting->places[g]);
    }
    ktki_free_array(allocator, splitting->places, count, sizeof(*splitting->places));
    return status;
}

static ktk_status add_parts(struct ktk_split *split, uint32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    while (part_count(split) < count) {
        struct part part;

        ktki_buffer_init(&part.batches, ktki_context_allocator(split->context), 0);
        KTKI_TRY(ktki_buffer_append(&split->parts, &part, sizeof(part), err));
    }
out:
    return status;
}

static ktk_status split_batch(struct ktk_split *split, struct row_grouper *grouper,
                              const struct batch *batch, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(split->context);
    struct splitting splitting = {.split = split, .from = batch};
    size_t row_count = (size_t)batch->row_count;
    uint32_t *groups = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, row_count, sizeof(*groups), &groups, err));
    KTKI_TRY(ktki_grouper_add(grouper, batch, groups, err));
    splitting.group_count = ktki_grouper_group_count(grouper);
    KTKI_TRY(add_parts(split, splitting.group_count, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)splitting.group_count + 1,
                               sizeof(*splitting.starts), &splitting.starts, err));
    KTKI_TRY(ktki_alloc_array(allocator, row_count, sizeof(*splitting.rows), &splitting.rows, err));
    sort_rows(&splitting, groups);
    KTKI_TRY(take_rows(&splitting, err));
out:
    ktki_free_array(allocator, splitting.rows, row_count, sizeof(*splitting.rows));
    ktki_free_array(allocator, splitting.starts, (size_t)splitting.group_count + 1,
                    sizeof(*splitting.starts));
    ktki_free_array(allocator, groups, row_count, sizeof(*groups));
    return status;
}

/* ---- the order of groups ---- */

static ktk_status sort_groups(struct ktk_split *split, const struct row_grouper *grouper,
                              ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(split->context);
    struct batch keys = {0};
    struct batch sorted = {0};
    int32_t *columns = NULL;
    size_t column_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_grouper_keys(grouper, &keys, err));
    column_count = (size_t)keys.schema->field_count;
    KTKI_TRY(ktki_alloc_array(allocator, column_count, sizeof(*columns), &columns, err));
    for (size_t i = 0; i < column_count; i++) {
        columns[i] = (int32_t)i;
    }
    split->group_count = keys.row_count;
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)keys.row_count, sizeof(*split->order),
                              &split->order, err));
    KTKI_TRY(
        ktki_sort_rows(split->order, split->context, &keys, columns, (int32_t)column_count, err));
    KTKI_TRY(ktki_batch_init(&sorted, keys.schema, keys.row_count, err));
    for (size_t i = 0; i < column_count; i++) {
        KTKI_TRY(ktki_array_take(&sorted.columns[i], split->context, &keys.schema->fields[i],
                                 &keys.columns[i], split->order, keys.row_count, err));
    }
    split->values = sorted;
    sorted = (struct batch){0};
out:
    ktki_batch_clear(&sorted);
    ktki_batch_clear(&keys);
    ktki_free_array(allocator, columns, column_count, sizeof(*columns));
    return status;
}

/* ---- the whole ---- */

static ktk_status find_columns(int32_t *out, const struct schema *schema,
                               const char *const *columns, size_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        out[i] = ktki_schema_find(schema, columns[i]);
        if (out[i] < 0) {
            KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s' to split by", columns[i]);
        }
    }
out:
    return status;
}

static ktk_status read_batches(struct ktk_split *split, struct stream_reader *reader,
                               const int32_t *keys, int32_t key_count, int64_t bytes_max,
                               ktk_error *err) {
    struct row_grouper *grouper = NULL;
    int64_t bytes = 0;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_grouper_new(&grouper, split->context, split->schema, keys, key_count, err));
    for (;;) {
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        bytes += ktki_batch_bytes(&batch);
        if (bytes_max > 0 && bytes > bytes_max) {
            KTKI_FAIL(err, KTK_E_LIMIT, "the rows to split take more than %lld bytes",
                      (long long)bytes_max);
        }
        KTKI_TRY(split_batch(split, grouper, &batch, err));
        ktki_batch_clear(&batch);
    }
    KTKI_TRY(sort_groups(split, grouper, err));
out:
    ktki_batch_clear(&batch);
    ktki_grouper_free(grouper);
    return status;
}

ktk_status ktk_split_new(ktk_split **out, ktk_context *context, struct ArrowArrayStream *stream,
                         const char *const *columns, size_t column_count, int64_t bytes_max,
                         ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct stream_reader reader = {0};
    struct ktk_split *split = NULL;
    int32_t *keys = NULL;
    ktk_status status = KTK_OK;

    if (column_count == 0 || column_count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "rows cannot be split by %zu columns", column_count);
    }
    KTKI_TRY(ktki_reader_init(&reader, context, stream, err));
    KTKI_TRY(ktki_alloc_array(allocator, column_count, sizeof(*keys), &keys, err));
    KTKI_TRY(find_columns(keys, reader.schema, columns, column_count, err));
    KTKI_TRY(KTKI_NEW(allocator, &split, err));
    split->context = ktk_context_ref(context);
    split->schema = ktki_schema_ref(reader.schema);
    ktki_buffer_init(&split->parts, allocator, 0);
    KTKI_TRY(read_batches(split, &reader, keys, (int32_t)column_count, bytes_max, err));
    *out = split;
    split = NULL;
out:
    ktk_split_free(split);
    ktki_free_array(allocator, keys, column_count, sizeof(*keys));
    ktki_reader_clear(&reader);
    ktki_stream_clear(stream);
    return status;
}

void ktk_split_free(ktk_split *split) {
    const ktk_allocator *allocator;
    ktk_context *context;

    if (split == NULL) {
        return;
    }
    context = split->context;
    allocator = ktki_context_allocator(context);
    for (size_t g = 0; g < part_count(split); g++) {
        struct buffer *batches = &parts_of(split)[g].batches;

        for (size_t i = 0; i < batches->size / sizeof(struct batch); i++) {
            ktki_batch_clear((struct batch *)(void *)batches->data + i);
        }
        ktki_buffer_clear(batches);
    }
    ktki_buffer_clear(&split->parts);
    ktki_batch_clear(&split->values);
    ktki_free_array(allocator, split->order, (size_t)split->group_count, sizeof(*split->order));
    ktki_schema_free(split->schema);
    KTKI_DELETE(allocator, split);
    ktk_context_free(context);
}

int64_t ktk_split_group_count(const ktk_split *split) {
    return split->group_count;
}

ktk_status ktk_split_values(struct ArrowArrayStream *out, ktk_split *split, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct batch copy = {0};

    KTKI_TRY(
        ktki_batch_slice(&copy, split->context, &split->values, 0, split->values.row_count, err));
    KTKI_TRY(ktki_stream_of_batches(out, split->context, split->values.schema, &copy, 1, err));
    copy = (struct batch){0};
out:
    ktki_batch_clear(&copy);
    return status;
}

ktk_status ktk_split_take(struct ArrowArrayStream *out, ktk_split *split, int64_t group,
                          ktk_error *err) {
    struct buffer *batches;
    ktk_status status = KTK_OK;

    if (group < 0 || group >= split->group_count) {
        KTKI_FAIL(err, KTK_E_INVALID, "there are %lld groups, there is no number %lld",
                  (long long)split->group_count, (long long)group);
    }
    batches = &parts_of(split)[split->order[group]].batches;
    KTKI_TRY(ktki_stream_of_batches(out, split->context, split->schema,
                                    (struct batch *)(void *)batches->data,
                                    batches->size / sizeof(struct batch), err));
    ktki_buffer_clear(batches);
out:
    return status;
}
