#include "update/scope_rows.h"

#include "arrow/array.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "parquet/reader.h"
#include "query/plan.h"
#include "store/store_put.h"
#include "update/file_write.h"
#include "update/scope.h"
#include "update/update_tables.h"

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
};

/* A table that the scope is asked of. */
struct scope_table {
    struct query_plan *plan; /* NULL: its rows are not in question */
    struct path_constants constants;
    int64_t next; /* of the partitions of the plan */
};

/* What the partition at hand comes to in one table. */
struct outcome {
    bool is_hit; /* some rows are in the scope */
    int64_t hits;
    int64_t stays; /* not known, and not 0, if the table was not asked */
    struct written_file file;
};

struct resolve {
    struct ktk_update *update;
    ktk_dataset *dataset;
    struct scope_table *tables; /* one a table of the update */
    struct outcome *outcomes;   /* the same */
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

/* ---- files that take the place of others ---- */

/* What stands behind dataset and table, whichever these are: old documents name files anywhere. */
static const char *behind_table(const char *key) {
    const char *slash = strchr(key, '/');

    slash = slash == NULL ? NULL : strchr(slash + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

/* A fresh label that says what the path of the old file does. */
static ktk_status name_rest(struct ktk_update *update, const char *key, const char **out,
                            ktk_error *err) {
    const char *folder = behind_table(key);
    const char *slash = strrchr(folder, '/');
    char fresh[KTKI_UUID_TEXT_SIZE];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_uuid7(fresh, err));
    KTKI_TRY(ktki_update_text(update, out, err, "%.*s%s",
                              slash == NULL ? 0 : (int)(slash + 1 - folder), folder, fresh));
out:
    return status;
}

/* The file of a table that has no row left. */
static ktk_status put_empty(struct ktk_update *update, int32_t table, const char *key,
                            struct written_file *out, ktk_error *err) {
    struct file_write write = {0};
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    struct schema *schema;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_source_of_key(&source, update->store, key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, update->context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    KTKI_TRY(ktki_file_write_init(&write, update, table, schema, err));
    ktki_file_write_begin(&write, out, false);
    KTKI_TRY(ktki_file_write_put(&write, err));
out:
    ktki_file_write_clear(&write);
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

/* The file of a table that loses nothing, under the new label. */
static ktk_status put_copy(struct ktk_update *update, int32_t table, const char *key,
                           struct written_file *out, ktk_error *err) {
    ktk_put_condition condition = KTK_PUT_CONDITION_INIT;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, update->allocator, 0);
    condition.flags = KTK_PUT_DEFER_SYNC;
    KTKI_TRY(ktki_buffer_append_format(&text, err, "%s/%s/%s%s", update->uuid,
                                       update->tables[table].name, out->label,
                                       KTKI_PARQUET_SUFFIX));
    KTKI_TRY(ktki_copy_text(update->allocator, (const char *)text.data, text.size, &out->key, err));
    KTKI_TRY(ktki_store_transfer(update->store, out->key, update->store, key, &condition,
                                 &out->size, err));
out:
    ktki_buffer_clear(&text);
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

/* Read the file. Rows that stay beside others that go are put anew. */
static ktk_status split_rows(struct ktk_update *update, int32_t table,
                             const struct query_plan *plan, const struct bound_predicate *where,
                             const char *key, struct outcome *out, ktk_error *err) {
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
        KTKI_TRY(ktki_file_write_init(&rows.rest, update, table, rows.schema, err));
        ktki_file_write_begin(&rows.rest, &out->file, false);
    }
    KTKI_TRY(read_rows(&rows, err));
    out->hits = rows.hit_count;
    out->stays = rows.row_count - rows.hit_count;
    out->is_hit = out->hits > 0;
    if (rows.rest.update != NULL && out->hits > 0 && out->stays > 0) {
        KTKI_TRY(ktki_file_write_put(&rows.rest, err));
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

/* The next partition of a plan, if it is the one at hand; these come in order. */
static bool is_planned(struct scope_table *table, int64_t position) {
    const struct query_plan *plan = table->plan;

    while (plan != NULL && table->next < plan->partition_count &&
           plan->partitions[table->next] < position) {
        table->next++;
    }
    return plan != NULL && table->next < plan->partition_count &&
           plan->partitions[table->next] == position;
}

static ktk_status ask_table(struct resolve *resolve, int32_t table, int64_t position,
                            ktk_error *err) {
    struct ktk_update *update = resolve->update;
    struct scope_table *asked = &resolve->tables[table];
    struct outcome *outcome = &resolve->outcomes[table];
    struct bound_predicate *rest = NULL;
    const char *key;
    ktk_status status = KTK_OK;

    outcome->stays = 1;
    if (!is_planned(asked, position)) {
        goto out;
    }
    key = ktki_plan_file(asked->plan, position);
    KTKI_TRY(ask_path(&rest, &outcome->is_hit, asked->plan, &asked->constants, key, err));
    if (rest != NULL && update->delete_mode == KTK_DELETE_EXACT) {
        KTKI_FAIL(err, KTK_E_INVALID,
                  "the path of file '%s' does not say whether its rows are to be deleted; ask for "
                  "rows to be deleted, which writes files anew",
                  key);
    }
    if (rest != NULL) {
        KTKI_TRY(split_rows(update, table, asked->plan, rest, key, outcome, err));
    } else if (outcome->is_hit) {
        outcome->stays = 0;
    }
out:
    ktki_bound_free(rest);
    return status;
}

/* A partition that loses some rows, or all those of some tables, is written anew. */
static ktk_status rewrite(struct resolve *resolve, int64_t position, ktk_error *err) {
    struct ktk_update *update = resolve->update;
    ktk_status status = KTK_OK;

    update->rewritten_count++;
    for (int32_t i = 0; i < update->table_count; i++) {
        struct outcome *outcome = &resolve->outcomes[i];
        const char *key =
            ktk_dataset_partition_file(resolve->dataset, position, update->tables[i].name);

        update->rewritten_hits += outcome->hits;
        if (!writes_rest(update) || outcome->file.key != NULL) {
            continue;
        }
        if (key == NULL) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "partition '%s' has no file of table '%s'",
                      ktk_dataset_partition_label(resolve->dataset, position),
                      update->tables[i].name);
        }
        KTKI_TRY(outcome->stays == 0 ? put_empty(update, i, key, &outcome->file, err)
                                     : put_copy(update, i, key, &outcome->file, err));
    }
out:
    return status;
}

/* The files that were put are the update's, also when it fails: it removes them then. There is room
 * for them. */
static void keep_files(struct resolve *resolve) {
    struct ktk_update *update = resolve->update;

    for (int32_t i = 0; i < update->table_count; i++) {
        struct written_file *file = &resolve->outcomes[i].file;

        if (file->key != NULL) {
            file->is_rest = true;
            KTKI_IGNORE(ktki_buffer_append(&update->files, file, sizeof(*file), NULL));
        }
    }
}

/* Nothing is known yet; the files to come have one label, and room in the list before they are put,
 * as a put may come through although it seems to fail. */
static ktk_status begin_outcomes(struct resolve *resolve, int64_t position, ktk_error *err) {
    struct ktk_update *update = resolve->update;
    const char *label = NULL;
    ktk_status status = KTK_OK;

    memset(resolve->outcomes, 0, (size_t)update->table_count * sizeof(*resolve->outcomes));
    for (int32_t i = 0; i < update->table_count && label == NULL; i++) {
        const char *key =
            ktk_dataset_partition_file(resolve->dataset, position, update->tables[i].name);

        if (key != NULL) {
            KTKI_TRY(name_rest(update, key, &label, err));
        }
    }
    for (int32_t i = 0; i < update->table_count; i++) {
        resolve->outcomes[i].file.label = label;
    }
    KTKI_TRY(ktki_buffer_reserve(&update->files,
                                 (size_t)update->table_count * sizeof(struct written_file), err));
out:
    return status;
}

static ktk_status resolve_one(struct resolve *resolve, int64_t position, ktk_error *err) {
    const char *label = ktk_dataset_partition_label(resolve->dataset, position);
    struct ktk_update *update = resolve->update;
    bool is_hit = false;
    bool keeps = false;
    ktk_status status = KTK_OK;

    if (ktki_change_removes(&update->change, label)) {
        return KTK_OK;
    }
    KTKI_TRY(begin_outcomes(resolve, position, err));
    for (int32_t i = 0; i < update->table_count; i++) {
        KTKI_TRY(ask_table(resolve, i, position, err));
        is_hit = is_hit || resolve->outcomes[i].is_hit;
        keeps = keeps || resolve->outcomes[i].stays > 0;
    }
    keeps = keeps && update->delete_mode == KTK_DELETE_ROWS;
    if (is_hit && keeps) {
        KTKI_TRY(rewrite(resolve, position, err));
    }
    if (is_hit) {
        KTKI_TRY(ktki_change_remove(&update->change, label, keeps, err));
    }
out:
    keep_files(resolve);
    return status;
}

/* ---- all partitions ---- */

static ktk_status plan_tables(struct resolve *resolve, const int64_t *positions, size_t count,
                              ktk_error *err) {
    const struct ktk_update *update = resolve->update;
    const ktk_predicate *scope = update->change.scope;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(resolve->dataset); i++) {
        int32_t at = ktki_update_find_table(update, ktk_dataset_table(resolve->dataset, i));
        bool is_asked;

        KTKI_TRY(ktki_scope_has_table(&is_asked, scope, resolve->dataset, i, err));
        if (is_asked && at >= 0) {
            struct scope_table *table = &resolve->tables[at];

            KTKI_TRY(
                ktki_scope_plan(&table->plan, scope, resolve->dataset, i, positions, count, err));
            KTKI_TRY(ktki_constants_init(&table->constants, table->plan, err));
        }
    }
out:
    return status;
}

static ktk_status resolve_scope(struct resolve *resolve, const int64_t *positions, size_t count,
                                ktk_error *err) {
    struct ktk_update *update = resolve->update;
    size_t table_count = (size_t)update->table_count;
    int64_t partition_count = ktk_dataset_partition_count(resolve->dataset);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(update->allocator, table_count, sizeof(*resolve->tables),
                               &resolve->tables, err));
    KTKI_TRY(ktki_alloc_zeroed(update->allocator, table_count, sizeof(*resolve->outcomes),
                               &resolve->outcomes, err));
    KTKI_TRY(plan_tables(resolve, positions, count, err));
    for (int64_t i = 0; i < partition_count; i++) {
        bool is_any = false;

        for (size_t j = 0; j < table_count; j++) {
            is_any = is_planned(&resolve->tables[j], i) || is_any;
        }
        KTKI_TRY(is_any ? resolve_one(resolve, i, err) : KTK_OK);
    }
out:
    for (size_t i = 0; resolve->tables != NULL && i < table_count; i++) {
        ktki_constants_clear(&resolve->tables[i].constants);
        ktki_plan_free(resolve->tables[i].plan);
    }
    ktki_free_array(update->allocator, resolve->outcomes, table_count, sizeof(*resolve->outcomes));
    ktki_free_array(update->allocator, resolve->tables, table_count, sizeof(*resolve->tables));
    return status;
}

ktk_status ktki_scope_resolve(struct ktk_update *update, ktk_dataset *dataset,
                              const int64_t *positions, size_t count, ktk_error *err) {
    struct resolve resolve = {.update = update, .dataset = dataset};
    ktk_status status = KTK_OK;

    if (update->change.scope == NULL) {
        count = positions != NULL ? count : (size_t)ktk_dataset_partition_count(dataset);
        for (size_t i = 0; i < count; i++) {
            int64_t position = positions != NULL ? positions[i] : (int64_t)i;

            KTKI_TRY(ktki_change_remove(
                &update->change, ktk_dataset_partition_label(dataset, position), false, err));
        }
    } else if (ktk_dataset_partition_count(dataset) > 0 && (positions == NULL || count > 0)) {
        KTKI_TRY(resolve_scope(&resolve, positions, count, err));
    }
out:
    return status;
}
