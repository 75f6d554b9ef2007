#include "query/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/options.h"
#include "dataset/name.h"
#include "query/index_prune.h"
#include "query/path_prune.h"

/* ---- constants ---- */

ktk_status ktki_constants_init(struct path_constants *out, const struct query_plan *plan,
                               ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    struct path_constants constants = {.plan = plan};
    ktk_status status = KTK_OK;

    ktki_arena_init(&constants.arena, allocator);
    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)plan->key_count, sizeof(*constants.arrays),
                               &constants.arrays, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)plan->schema->field_count,
                               sizeof(*constants.by_field), &constants.by_field, err));
    KTKI_TRY(ktki_alloc_zeroed(allocator, (size_t)plan->key_count, sizeof(*constants.order),
                               &constants.order, err));
    *out = constants;
    constants = (struct path_constants){0};
out:
    ktki_constants_clear(&constants);
    return status;
}

static void forget(struct path_constants *constants) {
    for (int32_t i = 0; i < constants->count; i++) {
        int32_t key = constants->order[i];

        constants->by_field[constants->plan->keys[key].field] = NULL;
        ktki_array_clear(&constants->arrays[key]);
    }
    constants->count = 0;
}

void ktki_constants_clear(struct path_constants *constants) {
    const struct query_plan *plan = constants->plan;
    const ktk_allocator *allocator;

    if (plan == NULL) {
        return;
    }
    allocator = ktki_context_allocator(plan->context);
    forget(constants);
    ktki_free_array(allocator, constants->order, (size_t)plan->key_count,
                    sizeof(*constants->order));
    ktki_free_array(allocator, constants->by_field, (size_t)plan->schema->field_count,
                    sizeof(*constants->by_field));
    ktki_free_array(allocator, constants->arrays, (size_t)plan->key_count,
                    sizeof(*constants->arrays));
    ktki_arena_clear(&constants->arena);
    *constants = (struct path_constants){0};
}

int32_t ktki_plan_find_key(const struct query_plan *plan, const struct key_pair *pair) {
    for (int32_t i = 0; i < plan->key_count; i++) {
        if (strlen(plan->keys[i].column) == pair->column_size &&
            memcmp(plan->keys[i].column, pair->column, pair->column_size) == 0) {
            return i;
        }
    }
    return -1;
}

ktk_status ktki_constants_set(struct path_constants *constants, const char *key, ktk_error *err) {
    const struct query_plan *plan = constants->plan;
    struct key_parts parts = {0};
    ktk_status status = KTK_OK;

    forget(constants);
    ktki_arena_reset(&constants->arena);
    KTKI_TRY(ktki_key_decode(&parts, &constants->arena, key, err));
    for (int32_t i = 0; i < parts.pair_count; i++) {
        const struct key_pair *pair = &parts.pairs[i];
        int32_t index = ktki_plan_find_key(plan, pair);
        const struct plan_key *found = &plan->keys[index];

        if (index < 0 || constants->by_field[found->field] != NULL) {
            continue;
        }
        status = ktki_partition_value_parse(&constants->arrays[index], plan->context,
                                            &plan->schema->fields[found->field], pair->value,
                                            pair->value_size, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "file '%s'", key);
            goto out;
        }
        constants->by_field[found->field] = &constants->arrays[index];
        constants->order[constants->count++] = index;
    }
out:
    return status;
}

/* ---- columns ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "there is no column 'a', 'b' in table 't'": all of them, sorted. */
static ktk_status fail_missing(const struct query_plan *plan, const char **names, size_t count,
                               ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer text;

    ktki_buffer_init(&text, ktki_context_allocator(plan->context), 0);
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append_format(&text, err, "%s'%s'", i > 0 ? ", " : "", names[i]));
    }
    status = ktk_error_set(err, KTK_E_NOT_FOUND, "table '%s' of dataset '%s' has no column%s %.*s",
                           plan->table, ktk_dataset_uuid(plan->dataset), count > 1 ? "s" : "",
                           (int)text.size, (const char *)text.data);
out:
    ktki_buffer_clear(&text);
    return status;
}

/* A column more for the numbers of partitions. */
static ktk_status add_position(struct query_plan *plan, const char *name, ktk_error *err) {
    struct schema *schema = plan->output;
    struct field *position = NULL;
    struct field *fields = NULL;
    size_t count = (size_t)schema->field_count;
    ktk_status status = KTK_OK;

    if (ktki_schema_find(plan->schema, name) >= 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "table '%s' has a column '%s' of its own", plan->table, name);
    }
    KTKI_TRY(ktki_arena_zeroed(&plan->arena, 1, sizeof(*position), &position, err));
    KTKI_TRY(ktki_arena_text(&plan->arena, name, strlen(name), &position->name, err));
    position->type.id = TYPE_INT64;
    KTKI_TRY(ktki_arena_zeroed(&schema->arena, count + 1, sizeof(*fields), &fields, err));
    if (count > 0) {
        memcpy(fields, schema->fields, count * sizeof(*fields));
    }
    KTKI_TRY(ktki_field_copy(schema, &fields[count], position, err));
    schema->fields = fields;
    schema->field_count++;
    plan->position = position;
out:
    return status;
}

static ktk_status choose_columns(struct query_plan *plan, const ktk_query_options *options,
                                 ktk_error *err) {
    const struct schema *schema = plan->schema;
    size_t count = options->columns != NULL ? options->column_count : (size_t)schema->field_count;
    const char **missing = NULL;
    size_t missing_count = 0;
    int32_t *columns = NULL;
    bool *is_taken = NULL;
    ktk_status status = KTK_OK;

    if (count > (size_t)ktki_context_limits(plan->context)->column_count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu columns are more than the %d allowed", count,
                  ktki_context_limits(plan->context)->column_count_max);
    }
    KTKI_TRY(ktki_arena_array(&plan->arena, count, sizeof(*columns), &columns, err));
    KTKI_TRY(ktki_arena_array(&plan->arena, count, sizeof(*missing), &missing, err));
    KTKI_TRY(ktki_arena_zeroed(&plan->arena, (size_t)schema->field_count, sizeof(*is_taken),
                               &is_taken, err));
    for (size_t i = 0; i < count; i++) {
        columns[i] = (int32_t)i;
        if (options->columns == NULL) {
            continue;
        }
        columns[i] = ktki_schema_find(schema, options->columns[i]);
        if (columns[i] < 0) {
            missing[missing_count++] = options->columns[i];
        } else if (is_taken[columns[i]]) {
            KTKI_FAIL(err, KTK_E_INVALID, "column '%s' is asked for twice", options->columns[i]);
        } else {
            is_taken[columns[i]] = true;
        }
    }
    if (missing_count > 0) {
        status = fail_missing(plan, missing, missing_count, err);
        goto out;
    }
    plan->has_columns = options->columns != NULL;
    plan->columns = columns;
    plan->column_count = (int32_t)count;
    KTKI_TRY(ktki_schema_select(&plan->output, schema, columns, (int32_t)count, true, err));
    if (options->position_column != NULL) {
        KTKI_TRY(add_position(plan, options->position_column, err));
    }
out:
    return status;
}

static ktk_status find_keys(struct query_plan *plan, ktk_error *err) {
    int32_t count = ktk_dataset_partition_key_count(plan->dataset);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&plan->arena, (size_t)count, sizeof(*plan->keys), &plan->keys, err));
    for (int32_t i = 0; i < count; i++) {
        const char *column = ktk_dataset_partition_key(plan->dataset, i);
        int32_t field = ktki_schema_find(plan->schema, column);

        if (field >= 0) {
            plan->keys[plan->key_count++] = (struct plan_key){column, field};
        }
    }
out:
    return status;
}

/* ---- partitions ---- */

const char *ktki_plan_file(const struct query_plan *plan, int64_t partition) {
    return ktk_dataset_partition_file(plan->dataset, partition, plan->table);
}

/* Only a predicate that mentions a partition key can tell files apart by their keys. */
static ktk_status can_prune(bool *out, const struct query_plan *plan, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    size_t count = (size_t)plan->schema->field_count;
    ktk_status status = KTK_OK;
    bool *marks = NULL;
    bool result = false;

    if (plan->where != NULL) {
        KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*marks), &marks, err));
        ktki_bound_columns(plan->where, marks);
        for (int32_t i = 0; i < plan->key_count; i++) {
            result = result || marks[plan->keys[i].field];
        }
    }
    *out = result;
out:
    ktki_free_array(allocator, marks, count, sizeof(*marks));
    return status;
}

/* A partition without a file of the table is passed over. */
static ktk_status add_partition(struct query_plan *plan, int64_t *partitions, int64_t partition,
                                ktk_error *err) {
    int64_t count = ktk_dataset_partition_count(plan->dataset);
    ktk_status status = KTK_OK;

    if (partition < 0 || partition >= count) {
        KTKI_FAIL(err, KTK_E_INVALID, "dataset '%s' has %lld partitions, there is no number %lld",
                  ktk_dataset_uuid(plan->dataset), (long long)count, (long long)partition);
    }
    if (ktki_plan_file(plan, partition) != NULL) {
        partitions[plan->partition_count++] = partition;
    }
out:
    return status;
}

/* Leave out what the indices rule out. For one partition they are not asked: its file has the
 * answer, too. */
static ktk_status prune_by_indices(struct query_plan *plan, const ktk_predicate *where,
                                   int64_t *partitions, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(plan->context);
    size_t size = ktki_bits_size(ktk_dataset_partition_count(plan->dataset));
    uint8_t *bits = NULL;
    int64_t count = 0;
    bool applies = false;
    ktk_status status = KTK_OK;

    if (where == NULL || plan->shape != KTK_SHAPE_TABLE || plan->partition_count < 2) {
        goto out;
    }
    KTKI_TRY(ktki_alloc_array(allocator, size, 1, &bits, err));
    KTKI_TRY(ktki_index_prune(&applies, bits, plan, where, err));
    if (!applies) {
        goto out;
    }
    for (int64_t i = 0; i < plan->partition_count; i++) {
        if (ktki_bit_get(bits, partitions[i])) {
            partitions[count++] = partitions[i];
        }
    }
    plan->partition_count = count;
out:
    ktki_free_array(allocator, bits, size, 1);
    return status;
}

static ktk_status choose_partitions(struct query_plan *plan, const ktk_query_options *options,
                                    ktk_error *err) {
    int64_t count = options->partitions != NULL ? (int64_t)options->partition_count
                                                : ktk_dataset_partition_count(plan->dataset);
    int64_t *partitions = NULL;
    bool prunes = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&plan->arena, (size_t)count, sizeof(*partitions), &partitions, err));
    plan->partitions = partitions;
    /* A single one that is read as stored says what columns there are, even if no row matches. */
    if (plan->shape == KTK_SHAPE_TABLE || count > 1) {
        KTKI_TRY(can_prune(&prunes, plan, err));
    }
    for (int64_t i = 0; i < count; i++) {
        KTKI_TRY(add_partition(plan, partitions,
                               options->partitions != NULL ? options->partitions[i] : i, err));
    }
    if (prunes) {
        KTKI_TRY(ktki_path_prune(plan, partitions, &plan->partition_count, err));
    }
    KTKI_TRY(prune_by_indices(plan, options->where, partitions, err));
out:
    return status;
}

/* ---- the plan ---- */

ktk_status ktki_plan_new(struct query_plan **out, ktk_dataset *dataset,
                         const ktk_query_options *options, ktk_error *err) {
    static const ktk_query_options defaults = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct query_plan *plan = NULL;
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_QUERY_OPTIONS_INIT", err);
    KTKI_TRY(KTKI_NEW(allocator, &plan, err));
    plan->context = context;
    plan->dataset = ktk_dataset_ref(dataset);
    plan->shape = options->shape;
    plan->keep_dictionaries = options->shape == KTK_SHAPE_PARTITION && options->keep_dictionaries;
    ktki_arena_init(&plan->arena, allocator);
    KTKI_TRY(ktki_dataset_resolve_table(&plan->table, dataset, options->table, err));
    KTKI_TRY(ktki_dataset_table_schema(&schema, dataset, plan->table, err));
    plan->schema = ktki_schema_ref(schema);
    KTKI_TRY(choose_columns(plan, options, err));
    KTKI_TRY(find_keys(plan, err));
    if (options->where != NULL) {
        status = ktki_predicate_bind(&plan->where, context, options->where, plan->schema, err);
        if (status == KTK_E_NOT_FOUND) { /* another table may well have the column */
            ktki_error_context(err, "table '%s' of dataset '%s'", plan->table,
                               ktk_dataset_uuid(dataset));
        }
        KTKI_TRY(status);
    }
    KTKI_TRY(choose_partitions(plan, options, err));
    *out = plan;
    plan = NULL;
out:
    ktki_plan_free(plan);
    return status;
}

void ktki_plan_free(struct query_plan *plan) {
    ktk_dataset *dataset;

    if (plan == NULL) {
        return;
    }
    dataset = plan->dataset;
    ktki_bound_free(plan->where);
    ktki_schema_free(plan->output);
    ktki_schema_free(plan->schema);
    ktki_arena_clear(&plan->arena);
    KTKI_DELETE(ktki_context_allocator(plan->context), plan);
    ktk_dataset_free(dataset); /* holds the store, which holds the context: last */
}
