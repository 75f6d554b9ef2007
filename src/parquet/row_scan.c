#include "parquet/row_scan.h"

#include "arrow/cast.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"

/* ---- one leaf ---- */

ktk_status ktki_row_scan_table(struct row_scan *scan, const struct parquet_leaf *leaf,
                               int32_t number, const struct page_table **out, ktk_error *err) {
    struct page_table *table = &scan->tables[number];
    const struct column_chunk *chunk = &scan->group->columns[number];
    struct page_table_input input = {
        .source = &scan->file->source, .chunk = chunk, .row_count = scan->group->row_count};
    struct statistics_rule rule;
    ktk_status status = KTK_OK;

    if (table->chunk.size == 0) {
        ktki_statistics_rule(&rule, &scan->file->metadata, leaf, number);
        input.rule = &rule;
        KTKI_TRY(ktki_chunk_range(&input.range.offset, &input.range.size, chunk, leaf,
                                  scan->file->source.size, err));
        KTKI_TRY(ktki_page_table_load(table, &scan->arena, &input, err));
    }
    *out = table;
out:
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", leaf->path);
    }
    return status;
}

static void bound_memory(struct row_scan *scan) {
    ktki_memory_bound_init(&scan->bound, ktki_context_allocator(scan->file->context),
                           ktki_parquet_memory_max(scan->file));
}

static struct row_read read_of(struct row_scan *scan, const struct parquet_leaf *leaf,
                               int32_t number, const struct field *field,
                               const struct row_ranges *rows) {
    return (struct row_read){.context = scan->file->context,
                             .allocator = &scan->bound.allocator,
                             .source = &scan->file->source,
                             .leaf = leaf,
                             .chunk = &scan->group->columns[number],
                             .field = field,
                             .table = &scan->tables[number],
                             .rows = rows,
                             .skips_checksums = scan->plan->skips_checksums,
                             .page_count = &scan->file->decoded_pages};
}

ktk_status ktki_row_scan_dictionary(struct row_scan *scan, const struct filter_column *column,
                                    struct ArrowArray *out, ktk_error *err) {
    const struct row_ranges none = {0};
    struct row_read read = read_of(scan, column->leaf, column->number, column->values, &none);
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    bound_memory(scan);
    KTKI_TRY(ktki_file_scratch_take(scan->file, &scan->bound, &scratch, err));
    status = ktki_row_read_dictionary(out, &read, scratch, err);
    status = ktki_memory_bound_explain(&scan->bound, status, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", column->leaf->path);
    }
out:
    ktki_file_scratch_give(scan->file, scratch);
    return status;
}

/* ---- some leaves at once ---- */

struct leaf_task {
    const struct parquet_leaf *leaf;
    int32_t number;
    const struct field *field;
    struct ArrowArray *out;
};

struct leaf_tasks {
    struct row_scan *scan;
    const struct row_ranges *rows;
    size_t count;
    struct leaf_task *items;
};

static ktk_status read_leaf(void *state, size_t item, ktk_error *err) {
    struct leaf_tasks *tasks = state;
    struct leaf_task *task = &tasks->items[item];
    struct row_read read = read_of(tasks->scan, task->leaf, task->number, task->field, tasks->rows);
    struct read_scratch *scratch = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_file_scratch_take(tasks->scan->file, &tasks->scan->bound, &scratch, err));
    status = ktki_row_read(task->out, &read, scratch, err);
    status = ktki_memory_bound_explain(&tasks->scan->bound, status, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "column '%s'", task->leaf->path);
    }
out:
    ktki_file_scratch_give(tasks->scan->file, scratch);
    return status;
}

static ktk_status read_leaves(struct leaf_tasks *tasks, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < tasks->count; i++) {
        const struct page_table *table;

        KTKI_TRY(ktki_row_scan_table(tasks->scan, tasks->items[i].leaf, tasks->items[i].number,
                                     &table, err));
    }
    KTKI_TRY(ktki_pool_run(ktki_context_pool(tasks->scan->file->context), tasks->count, read_leaf,
                           tasks, err));
out:
    return status;
}

/* ---- the predicate ---- */

/* A piece of the row group on its way. */
struct piece {
    struct row_scan *scan;
    const struct row_ranges *rows;     /* those looked at */
    struct row_ranges matches;         /* those of them that match */
    int64_t *match_rows;               /* the same as numbers among those looked at; NULL: all */
    const struct field **fields;       /* of the filter's columns, as they were decoded */
    struct ArrowArray *filter_columns; /* of the rows looked at */
};

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
    struct leaf_tasks tasks = {scan, piece->rows, (size_t)filter->column_count, NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&scan->arena, tasks.count, sizeof(*tasks.items), &tasks.items, err));
    for (size_t i = 0; i < tasks.count; i++) {
        const struct filter_column *column = &filter->columns[i];
        const struct page_table *table;

        KTKI_TRY(ktki_row_scan_table(scan, column->leaf, column->number, &table, err));
        piece->fields[i] = choose_field(scan, column);
        tasks.items[i] = (struct leaf_task){column->leaf, column->number, piece->fields[i],
                                            &piece->filter_columns[i]};
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

/* What number the matching rows have among those looked at. */
static ktk_status number_matches(struct piece *piece, ktk_error *err) {
    const struct row_range *looked_at = piece->rows->items;
    int64_t base = 0; /* number of the first row of the range looked at */
    int64_t count = 0;
    ktk_status status = KTK_OK;

    if (piece->matches.row_count == piece->rows->row_count) {
        goto out;
    }
    KTKI_TRY(ktki_alloc_array(ktki_context_allocator(piece->scan->file->context),
                              (size_t)piece->matches.row_count, sizeof(*piece->match_rows),
                              &piece->match_rows, err));
    for (size_t i = 0; i < piece->matches.count; i++) {
        const struct row_range *range = &piece->matches.items[i];

        for (int64_t row = range->start; row < range->end; row++) {
            while (row >= looked_at->end) {
                base += looked_at->end - looked_at->start;
                looked_at++;
            }
            piece->match_rows[count++] = base + row - looked_at->start;
        }
    }
out:
    return status;
}

static ktk_status find_matches(struct piece *piece, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(piece->scan->file->context);
    size_t size = ktki_bits_size(piece->rows->row_count);
    uint8_t *mask = NULL;
    ktk_status status = KTK_OK;

    if (piece->scan->filter == NULL) {
        const struct row_ranges none = {0};

        KTKI_TRY(ktki_ranges_unite(&piece->matches, piece->rows, &none, err));
        goto out;
    }
    KTKI_TRY(read_filter_columns(piece, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, size, 1, &mask, err));
    KTKI_TRY(evaluate(piece, mask, err));
    KTKI_TRY(ktki_ranges_select(&piece->matches, piece->rows, mask, err));
    KTKI_TRY(number_matches(piece, err));
out:
    ktki_free_array(allocator, mask, size, 1);
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

    if (piece->match_rows == NULL) {
        ktki_array_move(array, &taken);
    } else {
        KTKI_TRY(ktki_array_take(&taken, context, from, array, piece->match_rows,
                                 piece->matches.row_count, err));
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
    const struct row_ranges *rows = &piece->matches;
    int64_t *numbers = NULL;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, (size_t)rows->row_count, sizeof(*numbers), &numbers, err));
    for (size_t i = 0; i < rows->count; i++) {
        for (int64_t row = rows->items[i].start; row < rows->items[i].end; row++) {
            numbers[count++] = row;
        }
    }
    KTKI_TRY(ktki_array_take(out, piece->scan->file->context, field,
                             &piece->scan->nested.columns[index], numbers, count, err));
out:
    ktki_free_array(allocator, numbers, (size_t)rows->row_count, sizeof(*numbers));
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

static ktk_status read_columns(struct piece *piece, struct batch *batch, ktk_error *err) {
    struct row_scan *scan = piece->scan;
    struct leaf_tasks tasks = {.scan = scan, .rows = &piece->matches};
    int32_t field_count = scan->plan->schema->field_count;
    ktk_status status = KTK_OK;

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
                (struct leaf_task){it->leaf, it->number, it->field, &batch->columns[i]};
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
    KTKI_TRY(ktki_batch_init(&batch, scan->plan->schema, piece.matches.row_count, err));
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
    if (piece.match_rows != NULL) {
        ktki_free_array(allocator, piece.match_rows, (size_t)piece.matches.row_count,
                        sizeof(*piece.match_rows));
    }
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

ktk_status ktki_row_scan_init(struct row_scan *out, ktk_parquet_file *file, int32_t row_group,
                              const struct read_plan *plan, const struct row_filter *filter,
                              int64_t first_row, int64_t end_row, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    struct row_scan scan = {.file = file,
                            .group = &file->metadata.row_groups[row_group],
                            .plan = plan,
                            .filter = filter};
    struct row_ranges wanted;
    struct row_ranges matching;
    ktk_status status = KTK_OK;

    ktki_arena_init(&scan.arena, allocator);
    ktki_ranges_init(&scan.rows, allocator);
    ktki_ranges_init(&wanted, allocator);
    ktki_ranges_init(&matching, allocator);
    KTKI_TRY(ktki_arena_zeroed(&scan.arena, (size_t)file->schema.leaf_count, sizeof(*scan.tables),
                               &scan.tables, err));
    KTKI_TRY(ktki_ranges_add(&wanted, first_row, end_row, err));
    if (filter != NULL && wanted.count > 0) {
        KTKI_TRY(ktki_row_filter_prune(filter, &scan, &matching, err));
        KTKI_TRY(ktki_ranges_intersect(&scan.rows, &wanted, &matching, err));
    } else {
        ktki_ranges_swap(&scan.rows, &wanted);
    }
    *out = scan;
    scan = (struct row_scan){0};
out:
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s', row group %d", file->source.name, row_group);
    }
    ktki_ranges_clear(&wanted);
    ktki_ranges_clear(&matching);
    ktki_row_scan_clear(&scan);
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

ktk_status ktki_parquet_may_match(bool *out, ktk_parquet_file *file, int32_t row_group,
                                  const struct bound_predicate *where, const int32_t *file_columns,
                                  ktk_error *err) {
    struct row_scan scan = {.file = file, .group = &file->metadata.row_groups[row_group]};
    struct row_filter filter = {0};
    ktk_status status = KTK_OK;

    ktki_arena_init(&scan.arena, ktki_context_allocator(file->context));
    ktki_ranges_init(&scan.rows, ktki_context_allocator(file->context));
    KTKI_TRY(ktki_row_filter_init(&filter, file, where, file_columns, err));
    KTKI_TRY(ktki_row_filter_may_match(&filter, &scan, out, err));
out:
    ktki_row_filter_clear(&filter);
    ktki_row_scan_clear(&scan);
    return status;
}
