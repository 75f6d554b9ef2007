#include "update/scope_rows.h"

#include "arrow/array.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "parquet/reader.h"
#include "query/plan.h"
#include "update/file_write.h"

/* The partition at hand. Arrays have an element a field of the table. */
struct rows {
    struct ktk_update *update;
    const struct query_plan *plan;
    const struct bound_predicate *where; /* what the path of the partition leaves of the scope */
    ktk_parquet_file *file;
    struct schema *schema; /* of the file; borrowed */
    int32_t *all;          /* all columns of the file */
    int32_t *columns;      /* of the file; -1: not in it */
    const struct field **fields;
    const struct ArrowArray **arrays;
    struct arena arena;
    int64_t row_count;
    int64_t hit_count;
    struct file_write rest; /* the rows that stay; not begun if none are to be written */
    struct written_file written;
};

/* ---- the rows ---- */

static ktk_status find_columns(struct rows *rows, ktk_error *err) {
    const struct schema *table = rows->plan->schema;
    size_t count = (size_t)table->field_count;
    bool *marks;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&rows->arena, count, sizeof(*marks), &marks, err));
    KTKI_TRY(ktki_arena_array(&rows->arena, count, sizeof(*rows->columns), &rows->columns, err));
    KTKI_TRY(ktki_arena_zeroed(&rows->arena, count, sizeof(*rows->fields), &rows->fields, err));
    KTKI_TRY(ktki_arena_zeroed(&rows->arena, count, sizeof(*rows->arrays), &rows->arrays, err));
    KTKI_TRY(ktki_arena_array(&rows->arena, (size_t)rows->schema->field_count, sizeof(*rows->all),
                              &rows->all, err));
    for (int32_t i = 0; i < rows->schema->field_count; i++) {
        rows->all[i] = i;
    }
    ktki_bound_columns(rows->where, marks);
    for (int32_t i = 0; i < table->field_count; i++) {
        rows->columns[i] = ktki_schema_find(rows->schema, table->fields[i].name);
        if (marks[i] && rows->columns[i] < 0) {
            KTKI_FAIL(err, KTK_E_SCHEMA, "column '%s' is missing", table->fields[i].name);
        }
    }
out:
    return status;
}

/* The rows of the batch that the mask does not choose. */
static ktk_status leave_out(struct batch *out, struct rows *rows, const struct batch *batch,
                            uint8_t *mask, ktk_error *err) {
    struct row_selection selection = {0};
    struct batch kept = {0};
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < ktki_bits_size(batch->row_count); i++) {
        mask[i] = (uint8_t)~mask[i];
    }
    KTKI_TRY(ktki_selection_init(&selection, rows->update->allocator, mask, batch->row_count, err));
    KTKI_TRY(ktki_batch_init(&kept, batch->schema, selection.row_count, err));
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        KTKI_TRY(ktki_array_select(&kept.columns[i], rows->update->context,
                                   &batch->schema->fields[i], &batch->columns[i], &selection, err));
    }
    *out = kept;
    kept = (struct batch){0};
out:
    ktki_batch_clear(&kept);
    ktki_selection_clear(&selection);
    return status;
}

static ktk_status take_rows(struct rows *rows, struct batch *batch, ktk_error *err) {
    size_t mask_size = ktki_bits_size(batch->row_count);
    struct batch kept = {0};
    uint8_t *mask = NULL;
    int64_t hits;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < rows->plan->schema->field_count; i++) {
        int32_t column = rows->columns[i];

        rows->fields[i] = column < 0 ? NULL : &batch->schema->fields[column];
        rows->arrays[i] = column < 0 ? NULL : &batch->columns[column];
    }
    KTKI_TRY(ktki_alloc_zeroed(rows->update->allocator, mask_size, 1, &mask, err));
    KTKI_TRY(
        ktki_bound_evaluate(rows->where, rows->fields, rows->arrays, batch->row_count, mask, err));
    hits = ktki_bits_count(mask, 0, batch->row_count);
    rows->hit_count += hits;
    rows->row_count += batch->row_count;
    if (rows->rest.update == NULL || hits == batch->row_count) {
        goto out;
    }
    if (hits > 0) {
        KTKI_TRY(leave_out(&kept, rows, batch, mask, err));
        ktki_batch_clear(batch);
        *batch = kept;
        kept = (struct batch){0};
    }
    KTKI_TRY(ktki_file_write_take(&rows->rest, batch, err));
    *batch = (struct batch){0};
out:
    ktki_batch_clear(&kept);
    ktki_free_array(rows->update->allocator, mask, mask_size, 1);
    return status;
}

static ktk_status read_rows(struct rows *rows, ktk_error *err) {
    int32_t group_count = ktki_parquet_metadata(rows->file)->row_group_count;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < group_count; i++) {
        KTKI_TRY(ktki_parquet_read_row_group(&batch, rows->file, i, rows->all,
                                             rows->schema->field_count, true, err));
        KTKI_TRY(take_rows(rows, &batch, err));
        ktki_batch_clear(&batch);
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

/* What stands behind dataset and table, whichever these are: old documents name files anywhere. */
static const char *behind_table(const char *key) {
    const char *slash = strchr(key, '/');

    slash = slash == NULL ? NULL : strchr(slash + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

/* A fresh label that says what the path of the old file does. */
static ktk_status name_rest(struct rows *rows, const char *key, ktk_error *err) {
    struct ktk_update *update = rows->update;
    const char *folder = behind_table(key);
    const char *slash = strrchr(folder, '/');
    char fresh[KTKI_UUID_TEXT_SIZE];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(fresh, err));
    KTKI_TRY(ktki_update_text(update, &rows->written.label, err, "%.*s%s",
                              slash == NULL ? 0 : (int)(slash + 1 - folder), folder, fresh));
out:
    return status;
}

static ktk_status keep_rest(struct rows *rows, const char *key, ktk_error *err) {
    struct ktk_update *update = rows->update;
    ktk_status status = KTK_OK;

    KTKI_TRY(name_rest(rows, key, err));
    /* In the list before the put, which may come through although it seems to fail. */
    KTKI_TRY(ktki_buffer_reserve(&update->files, sizeof(rows->written), err));
    status = ktki_file_write_put(&rows->rest, &rows->written, false, err);
    if (rows->written.key != NULL) {
        rows->written.is_rest = true;
        KTKI_IGNORE(
            ktki_buffer_append(&update->files, &rows->written, sizeof(rows->written), NULL));
    }
out:
    return status;
}

/* ---- one partition ---- */

/* What is known by the path. `*rest` NULL: `*is_hit` holds for all rows. */
static ktk_status ask_path(struct bound_predicate **rest, bool *is_hit,
                           const struct query_plan *plan, struct path_constants *constants,
                           const char *key, ktk_error *err) {
    bool is_false = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_constants_set(constants, key, err));
    KTKI_TRY(
        ktki_bound_reduce(rest, &is_false, plan->context, plan->where, constants->by_field, err));
    *is_hit = !is_false;
out:
    return status;
}

static bool writes_rest(const struct ktk_update *update) {
    return update->delete_mode == KTK_DELETE_ROWS && !update->dry_run;
}

/* Read the partition. `*hits`, `*stays`: rows that match the scope, and that do not. */
static ktk_status split_rows(struct ktk_update *update, const struct query_plan *plan,
                             const struct bound_predicate *where, const char *key, int64_t *hits,
                             int64_t *stays, ktk_error *err) {
    struct rows rows = {.update = update, .plan = plan, .where = where};
    struct source source = {0};
    ktk_status status = KTK_OK;

    ktki_arena_init(&rows.arena, update->allocator);
    KTKI_TRY(ktki_source_of_key(&source, update->store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&rows.file, update->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_parquet_schema(&rows.schema, rows.file, err));
    KTKI_TRY(find_columns(&rows, err));
    if (writes_rest(update)) {
        KTKI_TRY(ktki_file_write_init(&rows.rest, update, 0, rows.schema, err));
    }
    KTKI_TRY(read_rows(&rows, err));
    *hits = rows.hit_count;
    *stays = rows.row_count - rows.hit_count;
    if (rows.rest.update != NULL && *hits > 0 && *stays > 0) {
        KTKI_TRY(keep_rest(&rows, key, err));
    }
out:
    if (status != KTK_OK) {
        ktki_error_context(err, "file '%s'", key);
    }
    ktki_file_write_clear(&rows.rest);
    ktk_parquet_file_free(rows.file);
    ktki_source_free(&source);
    ktki_arena_clear(&rows.arena);
    return status;
}

static ktk_status resolve_one(struct ktk_update *update, const struct query_plan *plan,
                              struct path_constants *constants, int64_t position, ktk_error *err) {
    const char *label = ktk_dataset_partition_label(plan->dataset, position);
    const char *key = ktki_plan_file(plan, position);
    struct bound_predicate *rest = NULL;
    bool is_hit = false;
    int64_t hits = 0;
    int64_t stays = 0;
    ktk_status status = KTK_OK;

    if (ktki_change_removes(&update->change, label)) {
        goto out;
    }
    KTKI_TRY(ask_path(&rest, &is_hit, plan, constants, key, err));
    if (rest != NULL && update->delete_mode == KTK_DELETE_EXACT) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the path of file '%s' does not say whether its rows are to be deleted; ask for "
                  "rows to be deleted, which writes files anew",
                  key);
    }
    if (rest != NULL && ktk_dataset_table_count(plan->dataset) > 1) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "dataset '%s' has several tables, of which no single rows can be deleted",
                  update->uuid);
    }
    if (rest != NULL) {
        KTKI_TRY(split_rows(update, plan, rest, key, &hits, &stays, err));
        is_hit = hits > 0;
    }
    if (!is_hit) {
        goto out;
    }
    if (stays > 0 && update->delete_mode == KTK_DELETE_ROWS) {
        update->rewritten_count++;
        update->rewritten_hits += hits;
    }
    KTKI_TRY(ktki_change_remove(&update->change, label,
                                stays > 0 && update->delete_mode == KTK_DELETE_ROWS, err));
out:
    ktki_bound_free(rest);
    return status;
}

ktk_status ktki_scope_resolve(struct ktk_update *update, ktk_dataset *dataset,
                              const int64_t *positions, size_t count, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct path_constants constants = {0};
    struct query_plan *plan = NULL;
    ktk_status status = KTK_OK;

    if (update->change.scope == NULL) {
        count = positions != NULL ? count : (size_t)ktk_dataset_partition_count(dataset);
        for (size_t i = 0; i < count; i++) {
            int64_t position = positions != NULL ? positions[i] : (int64_t)i;

            KTKI_TRY(ktki_change_remove(
                &update->change, ktk_dataset_partition_label(dataset, position), false, err));
        }
        goto out;
    }
    if (ktk_dataset_partition_count(dataset) == 0 || (positions != NULL && count == 0)) {
        goto out;
    }
    options.table = ktk_dataset_table(dataset, 0);
    options.where = update->change.scope;
    options.partitions = positions;
    options.partition_count = count;
    KTKI_TRY(ktki_plan_new(&plan, dataset, &options, err));
    KTKI_TRY(ktki_constants_init(&constants, plan, err));
    for (int64_t i = 0; i < plan->partition_count; i++) {
        KTKI_TRY(resolve_one(update, plan, &constants, plan->partitions[i], err));
    }
out:
    ktki_constants_clear(&constants);
    ktki_plan_free(plan);
    return status;
}
