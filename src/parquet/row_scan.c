#include "parquet/row_scan.h"

#include <string.h>

#include "arrow/cast.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"
#include "parquet/row_pieces.h"

/* Columns that take no more in a row group come from a store with one request: less than a round
 * trip is worth. */
#define WHOLE_BYTES_MAX ((int64_t)1 << 20)

/* One run of matching rows for so many rows are many. */
#define SCATTERED_SHARE 10

/* ---- tables ---- */

/* Column chunks whose tables are made together. */
struct table_loads {
    struct row_scan *scan;
    size_t count;
    struct table_load {
        int32_t number;
        size_t range_count;
        struct statistics_rule rule;
        struct page_table_input input;
    } *items;
    size_t range_count; /* of all of them */
    struct byte_range *ranges;
    ktk_bytes *bytes;
};

static ktk_status add_load(struct table_loads *loads, int32_t number, ktk_error *err) {
    struct row_scan *scan = loads->scan;
    const struct parquet_leaf *leaf = &scan->file->schema.leaves[number];
    struct table_load *load = &loads->items[loads->count];
    struct page_table_input *input = &load->input;
    ktk_status status = KTK_OK;

    if (scan->tables[number].is_loaded) {
        goto out;
    }
    load->number = number;
    ktki_statistics_rule(&load->rule, &scan->file->metadata, leaf, number);
    *input = (struct page_table_input){.source = &scan->file->source,
                                       .rule = &load->rule,
                                       .chunk = &scan->group->columns[number],
                                       .row_count = scan->group->row_count,
                                       .is_read_whole = scan->is_small};
    status = ktki_chunk_range(&input->range.offset, &input->range.size, input->chunk, leaf,
                              scan->file->source.size, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", leaf->path);
        goto out;
    }
    load->range_count = ktki_page_table_ranges(input, loads->ranges + loads->range_count);
    loads->range_count += load->range_count;
    loads->count++;
out:
    return status;
}

/* Make the tables of some leaves that are not there yet, of bytes that come together. */
static ktk_status load_tables(struct row_scan *scan, const int32_t *numbers, size_t count,
                              ktk_error *err) {
    struct table_loads loads = {.scan = scan};
    ktk_bytes *bytes;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&scan->arena, count, sizeof(*loads.items), &loads.items, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, count * PAGE_TABLE_RANGES_MAX, sizeof(*loads.ranges),
                              &loads.ranges, err));
    KTKI_TRY(ktki_arena_zeroed(&scan->arena, count * PAGE_TABLE_RANGES_MAX, sizeof(*loads.bytes),
                               &loads.bytes, err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(add_load(&loads, numbers[i], err));
    }
    KTKI_TRY(ktki_file_read(scan->file, loads.ranges, loads.range_count, loads.bytes, err));
    bytes = loads.bytes;
    for (size_t i = 0; i < loads.count; i++) {
        const struct table_load *load = &loads.items[i];

        status = ktki_page_table_load(&scan->tables[load->number], &scan->arena, &load->input,
                                      bytes, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "column '%s'", scan->file->schema.leaves[load->number].path);
            goto out;
        }
        bytes += load->range_count;
    }
out:
    for (size_t i = 0; loads.bytes != NULL && i < loads.range_count; i++) {
        ktk_bytes_clear(&loads.bytes[i]);
    }
    return status;
}

/* From a store come the tables of all columns that are wanted at the same time: those of the filter
 * first, the others once it is known that rows match. */
ktk_status ktki_row_scan_table(struct row_scan *scan, int32_t number, const struct page_table **out,
                               ktk_error *err) {
    size_t filter_count = scan->filter == NULL ? 0 : (size_t)scan->filter->column_count;
    const int32_t *numbers = &number;
    size_t count = 1;
    ktk_status status = KTK_OK;

    if (scan->file->source.kind == SOURCE_STORE) {
        bool is_late = filter_count == 0 || scan->tables[scan->wanted[0]].is_loaded;

        numbers = scan->wanted + (is_late ? filter_count : 0);
        count = is_late          ? scan->wanted_count - filter_count
                : scan->is_small ? scan->wanted_count
                                 : filter_count;
    }
    if (!scan->tables[number].is_loaded) {
        KTKI_TRY(load_tables(scan, numbers, count, err));
    }
    *out = &scan->tables[number];
out:
    return status;
}

/* ---- some leaves at once ---- */

/* A leaf to be read, and what is read of it. */
struct leaf_task {
    int32_t number;
    const struct field *field;
    struct ArrowArray *out;
    struct page_choice choice;
};

struct leaf_tasks {
    struct row_scan *scan;
    const struct row_ranges *rows;
    size_t count;
    struct leaf_task *items;
    const struct row_selection *kept; /* what is kept of the rows; NULL: all */
};

static void bound_memory(struct row_scan *scan) {
    ktki_memory_bound_init(&scan->bound, ktki_context_allocator(scan->file->context),
                           ktki_parquet_memory_max(scan->file));
}

static struct row_read read_of(const struct leaf_tasks *tasks, const struct leaf_task *task) {
    struct row_scan *scan = tasks->scan;

    return (struct row_read){.context = scan->file->context,
                             .allocator = &scan->bound.allocator,
                             .leaf = &scan->file->schema.leaves[task->number],
                             .chunk = &scan->group->columns[task->number],
                             .field = task->field,
                             .table = &scan->tables[task->number],
                             .rows = tasks->rows,
                             .choice = &task->choice,
                             .skips_checksums = scan->plan->skips_checksums,
                             .page_count = &scan->file->decoded_pages};
}

/* Hand out what came for all tasks. */
static void give_bytes(struct leaf_tasks *tasks, const ktk_bytes *bytes) {
    for (size_t i = 0; i < tasks->count; i++) {
        struct page_choice *choice = &tasks->items[i].choice;

        if (choice->range_count > 0) {
            memcpy(choice->bytes, bytes, choice->range_count * sizeof(*bytes));
            bytes += choice->range_count;
        }
    }
}

/* Fetch what the tasks need, all at once. */
static ktk_status fetch(struct leaf_tasks *tasks, ktk_error *err) {
    struct row_scan *scan = tasks->scan;
    struct byte_range *ranges = NULL;
    ktk_bytes *bytes = NULL;
    size_t count = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < tasks->count; i++) {
        struct leaf_task *task = &tasks->items[i];

        KTKI_TRY(ktki_page_choice_init(&task->choice, &scan->bound.allocator,
                                       &scan->tables[task->number], tasks->rows, err));
        count += task->choice.range_count;
    }
    KTKI_TRY(ktki_arena_array(&scan->arena, count, sizeof(*ranges), &ranges, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, count, sizeof(*bytes), &bytes, err));
    count = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        const struct page_choice *choice = &tasks->items[i].choice;

        if (choice->range_count > 0) {
            memcpy(ranges + count, choice->ranges, choice->range_count * sizeof(*ranges));
            count += choice->range_count;
        }
    }
    KTKI_TRY(ktki_file_read(scan->file, ranges, count, bytes, err));
    give_bytes(tasks, bytes);
out:
    return status;
}

static void tasks_clear(struct leaf_tasks *tasks) {
    for (size_t i = 0; i < tasks->count; i++) {
        ktki_page_choice_clear(&tasks->items[i].choice);
    }
}

typedef ktk_status (*read_fn)(struct ArrowArray *out, const struct row_read *read,
                              struct read_scratch *scratch, ktk_error *err);

static ktk_status run_task(struct leaf_tasks *tasks, struct leaf_task *task, read_fn read_leaf,
                           struct ArrowArray *out, ktk_error *err) {
    struct row_scan *scan = tasks->scan;
    struct row_read read = read_of(tasks, task);
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_file_scratch_take(scan->file, &scan->bound, &scratch, err));
    status = read_leaf(out, &read, scratch, err);
    status = ktki_memory_bound_explain(&scan->bound, status, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", read.leaf->path);
    }
out:
    ktki_page_choice_clear(&task->choice); /* now rather than with the others: it may be much */
    ktki_file_scratch_give(scan->file, scratch);
    return status;
}

static ktk_status read_leaf(void *state, size_t item, ktk_error *err) {
    struct leaf_tasks *tasks = state;
    struct leaf_task *task = &tasks->items[item];
    struct ArrowArray all = {0};
    ktk_status status = KTK_OK;

    if (tasks->kept == NULL) {
        return run_task(tasks, task, ktki_row_read, task->out, err);
    }
    KTKI_TRY(run_task(tasks, task, ktki_row_read, &all, err));
    KTKI_TRY(ktki_array_select(task->out, tasks->scan->file->context, task->field, &all,
                               tasks->kept, err));
out:
    ktki_array_clear(&all);
    return status;
}

static ktk_status read_leaves(struct leaf_tasks *tasks, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < tasks->count; i++) {
        const struct page_table *table;

        KTKI_TRY(ktki_row_scan_table(tasks->scan, tasks->items[i].number, &table, err));
    }
    KTKI_TRY(fetch(tasks, err));
    KTKI_TRY(ktki_pool_run(ktki_context_pool(tasks->scan->file->context), tasks->count, read_leaf,
                           tasks, err));
out:
    tasks_clear(tasks);
    return status;
}

ktk_status ktki_row_scan_dictionary(struct row_scan *scan, const struct filter_column *column,
                                    struct ArrowArray *out, ktk_error *err) {
    const struct row_ranges none = {0};
    struct leaf_task task = {.number = column->number, .field = column->values};
    struct leaf_tasks tasks = {.scan = scan, .rows = &none, .count = 1, .items = &task};
    ktk_status status = KTK_OK;

    bound_memory(scan);
    KTKI_TRY(fetch(&tasks, err));
    KTKI_TRY(run_task(&tasks, &task, ktki_row_read_dictionary, out, err));
out:
    tasks_clear(&tasks);
    return status;
}

/* ---- the predicate ---- */

/* A piece of the row group on its way. */
struct piece {
    struct row_scan *scan;
    const struct row_ranges *rows;     /* those looked at */
    const struct field **fields;       /* of the filter's columns, as they were decoded */
    struct ArrowArray *filter_columns; /* of the rows looked at */
    int64_t match_count;
    uint8_t *mask;                  /* those of the rows that match; NULL: all */
    struct row_selection selection; /* the same, if not all match */
    struct row_ranges matches;      /* the same by number in the row group, once it is needed */
};

/* Not all of the rows looked at match. */
static bool is_part(const struct piece *piece) {
    return piece->match_count < piece->rows->row_count;
}

/* The form in which a column of the filter is decoded: where its values are few, as a dictionary,
 * whose entries are tested once; else as the result wants it. */
static const struct field *choose_field(const struct row_scan *scan,
                                        const struct filter_column *column) {
    const struct page_table *table = &scan->tables[column->number];

    if (table->is_all_dictionary && column->coded.dictionary != NULL) {
        return &column->coded;
    }
    for (int32_t i = 0; i < scan->plan->leaf_count; i++) {
        if (scan->plan->leaves[i].number == column->number) {
            return scan->plan->leaves[i].field;
        }
    }
    return column->values;
}

static ktk_status read_filter_columns(struct piece *piece, ktk_error *err) {
    struct row_scan *scan = piece->scan;
    const struct row_filter *filter = scan->filter;
    struct leaf_tasks tasks = {
        .scan = scan, .rows = piece->rows, .count = (size_t)filter->column_count};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&scan->arena, tasks.count, sizeof(*tasks.items), &tasks.items, err));
    for (size_t i = 0; i < tasks.count; i++) {
        const struct filter_column *column = &filter->columns[i];
        const struct page_table *table;

        KTKI_TRY(ktki_row_scan_table(scan, column->number, &table, err));
        piece->fields[i] = choose_field(scan, column);
        tasks.items[i] =
            (struct leaf_task){column->number, piece->fields[i], &piece->filter_columns[i], {0}};
    }
    KTKI_TRY(read_leaves(&tasks, err));
out:
    return status;
}

static ktk_status evaluate(struct piece *piece, uint8_t *mask, ktk_error *err) {
    const struct row_filter *filter = piece->scan->filter;
    const ktk_allocator *allocator = ktki_context_allocator(piece->scan->file->context);
    size_t count = (size_t)filter->field_count;
    const struct ArrowArray **arrays = NULL;
    const struct field **fields = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*arrays), &arrays, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*fields), &fields, err));
    for (size_t i = 0; i < count; i++) {
        int32_t column = filter->columns_of_fields[i];

        if (column >= 0) {
            arrays[i] = &piece->filter_columns[column];
            fields[i] = piece->fields[column];
        }
    }
    KTKI_TRY(ktki_bound_evaluate(filter->where, fields, arrays, piece->rows->row_count, mask, err));
out:
    ktki_free_array(allocator, fields, count, sizeof(*fields));
    ktki_free_array(allocator, arrays, count, sizeof(*arrays));
    return status;
}

static ktk_status find_matches(struct piece *piece, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(piece->scan->file->context);
    int64_t row_count = piece->rows->row_count;
    ktk_status status = KTK_OK;

    piece->match_count = row_count;
    if (piece->scan->filter == NULL) {
        goto out;
    }
    KTKI_TRY(read_filter_columns(piece, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, ktki_bits_size(row_count), 1, &piece->mask, err));
    KTKI_TRY(evaluate(piece, piece->mask, err));
    piece->match_count = ktki_bits_count(piece->mask, 0, row_count);
    if (is_part(piece)) {
        KTKI_TRY(ktki_selection_init(&piece->selection, allocator, piece->mask, row_count, err));
    }
out:
    return status;
}

/* The matching rows by their numbers in the row group. */
static ktk_status find_ranges(struct piece *piece, const struct row_ranges **out, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (is_part(piece) && piece->matches.count == 0) {
        KTKI_TRY(ktki_ranges_select(&piece->matches, piece->rows, piece->mask, err));
    }
    *out = is_part(piece) ? &piece->matches : piece->rows;
out:
    return status;
}

/* ---- columns of the result ---- */

/* The columns that are not flat, whole: their pages cannot be cut by rows. */
static ktk_status read_nested(struct row_scan *scan, ktk_error *err) {
    const struct read_plan *plan = scan->plan;
    int32_t count = 0;
    int32_t *columns = NULL;
    struct read_plan nested = {0};
    ktk_status status = KTK_OK;

    if (scan->nested_columns != NULL) {
        goto out;
    }
    KTKI_TRY(ktki_arena_array(&scan->arena, (size_t)plan->schema->field_count, sizeof(*columns),
                              &columns, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, (size_t)plan->schema->field_count,
                              sizeof(*scan->nested_columns), &scan->nested_columns, err));
    for (int32_t i = 0; i < plan->schema->field_count; i++) {
        const struct parquet_leaf *leaf = plan->leaves[plan->columns[i].first_leaf].leaf;

        scan->nested_columns[i] = leaf->nest == NULL ? -1 : count;
        if (leaf->nest != NULL) {
            columns[count++] = i;
        }
    }
    if (count > 0) {
        KTKI_TRY(ktki_read_plan_select(&nested, plan, columns, count, err));
        KTKI_TRY(ktki_parquet_read_planned(&scan->nested, scan->file,
                                           (int32_t)(scan->group - scan->file->metadata.row_groups),
                                           &nested, err));
    }
out:
    ktki_read_plan_clear(&nested);
    return status;
}

/* The matching rows of a column that the filter decoded. */
static ktk_status take_filter_column(struct piece *piece, int32_t index, const struct field *field,
                                     struct ArrowArray *out, ktk_error *err) {
    ktk_context *context = piece->scan->file->context;
    const struct field *from = piece->fields[index];
    struct ArrowArray *array = &piece->filter_columns[index];
    struct ArrowArray taken = {0};
    ktk_status status = KTK_OK;

    if (is_part(piece)) {
        KTKI_TRY(ktki_array_select(&taken, context, from, array, &piece->selection, err));
    } else {
        ktki_array_move(array, &taken);
    }
    if (from->type.id == TYPE_DICTIONARY && field->type.id != TYPE_DICTIONARY) {
        KTKI_TRY(ktki_array_cast(out, context, &taken, from, field, err));
    } else {
        ktki_array_move(&taken, out);
    }
out:
    ktki_array_clear(&taken);
    return status;
}

static ktk_status take_nested_column(struct piece *piece, int32_t index, const struct field *field,
                                     struct ArrowArray *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(piece->scan->file->context);
    const struct row_ranges *rows = NULL;
    int64_t *numbers = NULL;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_ranges(piece, &rows, err));
    KTKI_TRY(
        ktki_alloc_array(allocator, (size_t)piece->match_count, sizeof(*numbers), &numbers, err));
    for (size_t i = 0; i < rows->count; i++) {
        for (int64_t row = rows->items[i].start; row < rows->items[i].end; row++) {
            numbers[count++] = row;
        }
    }
    KTKI_TRY(ktki_array_take(out, piece->scan->file->context, field,
                             &piece->scan->nested.columns[index], numbers, count, err));
out:
    ktki_free_array(allocator, numbers, (size_t)piece->match_count, sizeof(*numbers));
    return status;
}

static int32_t find_filter_column(const struct row_scan *scan, int32_t number) {
    for (int32_t i = 0; scan->filter != NULL && i < scan->filter->column_count; i++) {
        if (scan->filter->columns[i].number == number) {
            return i;
        }
    }
    return -1;
}

/* Which rows of the other columns are decoded. Matching rows that are scattered are taken from all
 * rows looked at: moving them together in every page, run by run, would take longer. */
static ktk_status choose_rows(struct piece *piece, struct leaf_tasks *tasks, ktk_error *err) {
    if (is_part(piece) && piece->selection.run_count > piece->rows->row_count / SCATTERED_SHARE) {
        tasks->rows = piece->rows;
        tasks->kept = &piece->selection;
        return KTK_OK;
    }
    return find_ranges(piece, &tasks->rows, err);
}

static ktk_status read_columns(struct piece *piece, struct batch *batch, ktk_error *err) {
    struct row_scan *scan = piece->scan;
    struct leaf_tasks tasks = {.scan = scan};
    int32_t field_count = scan->plan->schema->field_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(choose_rows(piece, &tasks, err));
    KTKI_TRY(read_nested(scan, err));
    KTKI_TRY(ktki_arena_array(&scan->arena, (size_t)field_count, sizeof(*tasks.items), &tasks.items,
                              err));
    for (int32_t i = 0; i < field_count; i++) {
        const struct plan_leaf *it = &scan->plan->leaves[scan->plan->columns[i].first_leaf];
        int32_t decoded = find_filter_column(scan, it->number);

        if (scan->nested_columns[i] >= 0) {
            KTKI_TRY(take_nested_column(piece, scan->nested_columns[i],
                                        &scan->plan->schema->fields[i], &batch->columns[i], err));
        } else if (decoded >= 0) {
            KTKI_TRY(take_filter_column(piece, decoded, it->field, &batch->columns[i], err));
        } else {
            tasks.items[tasks.count++] =
                (struct leaf_task){it->number, it->field, &batch->columns[i], {0}};
        }
    }
    KTKI_TRY(read_leaves(&tasks, err));
out:
    return status;
}

/* ---- pieces ---- */

static ktk_status read_piece(struct row_scan *scan, const struct row_ranges *rows,
                             struct batch *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(scan->file->context);
    struct piece piece = {.scan = scan, .rows = rows};
    size_t count = scan->filter == NULL ? 0 : (size_t)scan->filter->column_count;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    ktki_ranges_init(&piece.matches, allocator);
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*piece.fields), &piece.fields, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*piece.filter_columns),
                               &piece.filter_columns, err));
    KTKI_TRY(find_matches(&piece, err));
    KTKI_TRY(ktki_batch_init(&batch, scan->plan->schema, piece.match_count, err));
    if (batch.row_count > 0) {
        KTKI_TRY(read_columns(&piece, &batch, err));
    }
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    for (size_t i = 0; piece.filter_columns != NULL && i < count; i++) {
        ktki_array_clear(&piece.filter_columns[i]);
    }
    ktki_free_array(allocator, piece.mask, ktki_bits_size(rows->row_count), 1);
    ktki_selection_clear(&piece.selection);
    ktki_ranges_clear(&piece.matches);
    ktki_free_array(allocator, piece.fields, count, sizeof(*piece.fields));
    ktki_free_array(allocator, piece.filter_columns, count, sizeof(*piece.filter_columns));
    return status;
}

/* Move the first `rows_max` rows of `from` into the empty `to`; what is left goes to `rest`. */
static ktk_status cut(struct row_ranges *to, struct row_ranges *rest, const struct row_ranges *from,
                      int64_t rows_max, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < from->count; i++) {
        const struct row_range *range = &from->items[i];
        int64_t room = rows_max - to->row_count;
        int64_t middle = range->end - range->start > room ? range->start + room : range->end;

        KTKI_TRY(ktki_ranges_add(to, range->start, middle, err));
        KTKI_TRY(ktki_ranges_add(rest, middle, range->end, err));
    }
out:
    return status;
}

ktk_status ktki_row_scan_next(struct row_scan *scan, int64_t rows_max, struct batch *out,
                              ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(scan->file->context);
    struct row_ranges rows;
    struct row_ranges rest;
    ktk_status status = KTK_OK;

    ktki_ranges_init(&rows, allocator);
    ktki_ranges_init(&rest, allocator);
    bound_memory(scan);
    KTKI_TRY(cut(&rows, &rest, &scan->rows, rows_max, err));
    KTKI_TRY(read_piece(scan, &rows, out, err));
    ktki_ranges_swap(&scan->rows, &rest);
out:
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d", scan->file->source.name,
                           (int)(scan->group - scan->file->metadata.row_groups));
    }
    ktki_ranges_clear(&rows);
    ktki_ranges_clear(&rest);
    return status;
}

/* The flat leaves that are read: those of the filter, then the others. */
static ktk_status list_wanted(struct row_scan *scan, ktk_error *err) {
    const struct row_filter *filter = scan->filter;
    const struct read_plan *plan = scan->plan;
    size_t filter_count = filter == NULL ? 0 : (size_t)filter->column_count;
    int64_t bytes = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&scan->arena, filter_count + (size_t)plan->leaf_count,
                              sizeof(*scan->wanted), &scan->wanted, err));
    for (size_t i = 0; i < filter_count; i++) {
        scan->wanted[scan->wanted_count++] = filter->columns[i].number;
    }
    for (int32_t i = 0; i < plan->leaf_count; i++) {
        if (plan->leaves[i].leaf->nest == NULL &&
            find_filter_column(scan, plan->leaves[i].number) < 0) {
            scan->wanted[scan->wanted_count++] = plan->leaves[i].number;
        }
    }
    for (size_t i = 0; i < scan->wanted_count && bytes <= WHOLE_BYTES_MAX; i++) {
        int64_t size = scan->group->columns[scan->wanted[i]].compressed_size;

        bytes += size >= 0 && size <= WHOLE_BYTES_MAX ? size : WHOLE_BYTES_MAX + 1;
    }
    scan->is_small = scan->file->source.kind == SOURCE_STORE && bytes <= WHOLE_BYTES_MAX;
out:
    return status;
}

/* The rows of a piece that are still wanted. */
static ktk_status cut_piece(struct row_scan *scan, int32_t piece, int32_t piece_count,
                            ktk_error *err) {
    struct row_ranges range;
    struct row_ranges both;
    ktk_status status = KTK_OK;

    ktki_ranges_init(&range, scan->rows.allocator);
    ktki_ranges_init(&both, scan->rows.allocator);
    for (size_t i = 0; i < scan->wanted_count; i++) {
        const struct page_table *table;

        KTKI_TRY(ktki_row_scan_table(scan, scan->wanted[i], &table, err));
    }
    KTKI_TRY(ktki_ranges_add(&range, ktki_row_piece_start(scan, piece, piece_count),
                             ktki_row_piece_start(scan, piece + 1, piece_count), err));
    KTKI_TRY(ktki_ranges_intersect(&both, &scan->rows, &range, err));
    ktki_ranges_swap(&scan->rows, &both);
out:
    ktki_ranges_clear(&range);
    ktki_ranges_clear(&both);
    return status;
}

/* Rows that are to be looked at. */
struct row_choice {
    int64_t first_row;
    int64_t end_row;
    const struct row_ranges *matching; /* as far as they may match; NULL: to be found out */
    int32_t piece;                     /* of these rows, which are then all */
    int32_t piece_count;
};

static ktk_status choose(struct row_scan *scan, const struct row_choice *choice, ktk_error *err) {
    struct row_ranges wanted;
    struct row_ranges matching;
    ktk_status status = KTK_OK;

    ktki_ranges_init(&wanted, scan->rows.allocator);
    ktki_ranges_init(&matching, scan->rows.allocator);
    KTKI_TRY(ktki_ranges_add(&wanted, choice->first_row, choice->end_row, err));
    if (choice->matching != NULL) {
        KTKI_TRY(ktki_ranges_intersect(&scan->rows, &wanted, choice->matching, err));
    } else if (scan->filter != NULL && wanted.count > 0) {
        KTKI_TRY(ktki_row_filter_prune(scan->filter, scan, &matching, err));
        KTKI_TRY(ktki_ranges_intersect(&scan->rows, &wanted, &matching, err));
    } else {
        ktki_ranges_swap(&scan->rows, &wanted);
    }
    if (choice->piece_count > 1 && scan->rows.count > 0) {
        KTKI_TRY(cut_piece(scan, choice->piece, choice->piece_count, err));
    }
out:
    ktki_ranges_clear(&wanted);
    ktki_ranges_clear(&matching);
    return status;
}

static ktk_status scan_init(struct row_scan *out, struct row_scan *scan, int32_t row_group,
                            const struct row_choice *choice, ktk_error *err) {
    ktk_parquet_file *file = scan->file;
    ktk_status status = KTK_OK;

    ktki_arena_init(&scan->arena, ktki_context_allocator(file->context));
    ktki_ranges_init(&scan->rows, ktki_context_allocator(file->context));
    KTKI_TRY(ktki_arena_zeroed(&scan->arena, (size_t)file->schema.leaf_count, sizeof(*scan->tables),
                               &scan->tables, err));
    KTKI_TRY(list_wanted(scan, err));
    scan->is_small = scan->is_small && choice->piece_count == 1;
    KTKI_TRY(choose(scan, choice, err));
    *out = *scan;
    *scan = (struct row_scan){0};
out:
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d", file->source.name, row_group);
    }
    ktki_row_scan_clear(scan);
    return status;
}

ktk_status ktki_row_scan_init(struct row_scan *out, ktk_parquet_file *file, int32_t row_group,
                              const struct read_plan *plan, const struct row_filter *filter,
                              int64_t first_row, int64_t end_row, ktk_error *err) {
    const struct row_choice choice = {.first_row = first_row, .end_row = end_row, .piece_count = 1};
    struct row_scan scan = {.file = file, .plan = plan, .filter = filter};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_row_group(&scan.group, file, row_group, err));
    status = scan_init(out, &scan, row_group, &choice, err);
out:
    return status;
}

ktk_status ktki_row_scan_init_piece(struct row_scan *out, ktk_parquet_file *file, int32_t row_group,
                                    const struct read_plan *plan, const struct row_filter *filter,
                                    const struct row_ranges *matching, int32_t piece,
                                    int32_t piece_count, ktk_error *err) {
    struct row_choice choice = {.matching = matching, .piece = piece, .piece_count = piece_count};
    struct row_scan scan = {.file = file, .plan = plan, .filter = filter};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_row_group(&scan.group, file, row_group, err));
    choice.end_row = scan.group->row_count;
    status = scan_init(out, &scan, row_group, &choice, err);
out:
    return status;
}

void ktki_row_scan_clear(struct row_scan *scan) {
    if (scan->file == NULL) {
        return;
    }
    for (int32_t i = 0; scan->tables != NULL && i < scan->file->schema.leaf_count; i++) {
        ktki_page_table_clear(&scan->tables[i]);
    }
    ktki_batch_clear(&scan->nested);
    ktki_ranges_clear(&scan->rows);
    ktki_arena_clear(&scan->arena);
    *scan = (struct row_scan){0};
}
