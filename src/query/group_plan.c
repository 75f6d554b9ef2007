/* Groups of partitions: which values occur in which partitions, joined over the columns, without
 * what the predicate rules out. */
#include "arrow/builder.h"
#include "arrow/sort_rows.h"
#include "arrow/stream.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "query/group_values.h"

#define PARTITIONS "ktk.partitions"

/* A partition in a group. */
struct member {
    uint32_t group;
    uint32_t place; /* index into the partitions of the plan */
};

/* Groups are numbered as they are met; `numbers` has the rows of their values, one for each
 * column. */
struct grouping {
    struct query_plan *plan;
    const ktk_allocator *allocator;
    struct arena arena;
    int32_t count; /* of columns */
    struct group_values *columns;
    struct bytes_table numbers;
    struct buffer members; /* struct member, by place */
    struct batch values;   /* a row a group */
    int64_t *starts;       /* by group, and one more: where its partitions are in the next */
    int64_t *partitions;
    int64_t *order;      /* groups that have partitions, ascending by value */
    int64_t order_count; /* `order` is as long as there are groups */
};

static uint32_t group_count(const struct grouping *grouping) {
    return grouping->numbers.hashes.id_count;
}

static const uint32_t *numbers_of(const struct grouping *grouping, uint32_t group) {
    size_t size;

    return (const uint32_t *)(const void *)ktki_bytes_table_get(&grouping->numbers, group, &size);
}

/* ---- every combination of the values of a partition ---- */

/* The pairs of one partition. */
struct range {
    const struct value_place *pairs;
    size_t count;
    size_t at;
};

static bool next_combination(struct range *ranges, int32_t count) {
    for (int32_t i = count - 1; i >= 0; i--) {
        if (++ranges[i].at < ranges[i].count) {
            return true;
        }
        ranges[i].at = 0;
    }
    return false;
}

static ktk_status add_combinations(struct grouping *grouping, struct range *ranges,
                                   uint32_t *numbers, uint32_t place, ktk_error *err) {
    struct member member = {.place = place};
    ktk_status status = KTK_OK;

    do {
        for (int32_t i = 0; i < grouping->count; i++) {
            numbers[i] = ranges[i].pairs[ranges[i].at].value;
        }
        KTKI_TRY(ktki_bytes_table_number(&grouping->numbers, (const uint8_t *)numbers,
                                         (size_t)grouping->count * sizeof(*numbers), &member.group,
                                         err));
        KTKI_TRY(ktki_buffer_append(&grouping->members, &member, sizeof(member), err));
    } while (next_combination(ranges, grouping->count));
out:
    return status;
}

static ktk_status combine(struct grouping *grouping, ktk_error *err) {
    size_t count = (size_t)grouping->count;
    struct range *ranges = NULL;
    uint32_t *numbers = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&grouping->arena, count, sizeof(*ranges), &ranges, err));
    KTKI_TRY(ktki_arena_zeroed(&grouping->arena, count, sizeof(*numbers), &numbers, err));
    for (int64_t place = 0; place < grouping->plan->partition_count; place++) {
        bool has_all = true;

        for (size_t i = 0; i < count; i++) {
            const struct buffer *pairs = &grouping->columns[i].pairs;
            const struct value_place *first = (const struct value_place *)(void *)pairs->data;
            const struct value_place *end = first + pairs->size / sizeof(*first);
            struct range *range = &ranges[i];

            range->pairs = range->pairs == NULL ? first : range->pairs + range->count;
            range->count = 0;
            range->at = 0;
            while (range->pairs + range->count < end && range->pairs[range->count].place == place) {
                range->count++;
            }
            has_all = has_all && range->count > 0;
        }
        if (has_all) {
            KTKI_TRY(add_combinations(grouping, ranges, numbers, (uint32_t)place, err));
        }
    }
out:
    return status;
}

/* The values of all groups, side by side. */
static ktk_status take_values(struct grouping *grouping, struct schema *schema, ktk_error *err) {
    size_t count = group_count(grouping);
    int64_t *rows = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(grouping->allocator, count, sizeof(*rows), &rows, err));
    KTKI_TRY(ktki_batch_init(&grouping->values, schema, (int64_t)count, err));
    for (int32_t i = 0; i < grouping->count; i++) {
        const struct batch *values = &grouping->columns[i].values;

        for (uint32_t group = 0; group < count; group++) {
            rows[group] = numbers_of(grouping, group)[i];
        }
        KTKI_TRY(ktki_array_take(&grouping->values.columns[i], grouping->plan->context,
                                 &values->schema->fields[0], &values->columns[0], rows,
                                 (int64_t)count, err));
    }
out:
    ktki_free_array(grouping->allocator, rows, count, sizeof(*rows));
    return status;
}

/* ---- what the predicate rules out ---- */

static ktk_status mentions_columns(bool *out, struct grouping *grouping, ktk_error *err) {
    bool *marks = NULL;
    ktk_status status = KTK_OK;

    *out = false;
    if (grouping->plan->where == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_arena_zeroed(&grouping->arena, (size_t)grouping->plan->schema->field_count,
                               sizeof(*marks), &marks, err));
    ktki_bound_columns(grouping->plan->where, marks);
    for (int32_t i = 0; i < grouping->count; i++) {
        *out = *out || marks[grouping->columns[i].field];
    }
out:
    return status;
}

/* A row of an array that lives longer; never released. */
static struct ArrowArray row_of(const struct ArrowArray *array, uint32_t row) {
    struct ArrowArray view = *array;

    view.offset += row;
    view.length = 1;
    view.null_count = 0;
    return view;
}

/* May rows of the partition that have the values of the group match? */
static ktk_status may_match(bool *out, const struct grouping *grouping, const struct member *member,
                            struct path_constants *constants, struct ArrowArray *rows,
                            ktk_error *err) {
    const struct query_plan *plan = grouping->plan;
    struct bound_predicate *rest = NULL;
    bool is_false = false;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < grouping->count; i++) {
        const struct group_values *column = &grouping->columns[i];

        rows[i] = row_of(&column->values.columns[0], numbers_of(grouping, member->group)[i]);
        constants->by_field[column->field] = &rows[i];
    }
    KTKI_TRY(
        ktki_bound_reduce(&rest, &is_false, plan->context, plan->where, constants->by_field, err));
    *out = !is_false;
out:
    ktki_bound_free(rest);
    for (int32_t i = 0; i < grouping->count; i++) {
        constants->by_field[grouping->columns[i].field] = NULL;
    }
    return status;
}

static ktk_status filter(struct grouping *grouping, ktk_error *err) {
    const struct query_plan *plan = grouping->plan;
    struct member *members = (struct member *)(void *)grouping->members.data;
    size_t count = grouping->members.size / sizeof(*members);
    struct path_constants constants = {.plan = NULL};
    struct ArrowArray *rows = NULL;
    size_t kept = 0;
    bool applies = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(mentions_columns(&applies, grouping, err));
    if (!applies) {
        goto out;
    }
    KTKI_TRY(
        ktki_arena_zeroed(&grouping->arena, (size_t)grouping->count, sizeof(*rows), &rows, err));
    KTKI_TRY(ktki_constants_init(&constants, plan, err));
    for (size_t i = 0; i < count; i++) {
        bool matches = false;

        KTKI_TRY(ktki_constants_set(&constants,
                                    ktki_plan_file(plan, plan->partitions[members[i].place]), err));
        KTKI_TRY(may_match(&matches, grouping, &members[i], &constants, rows, err));
        if (matches) {
            members[kept++] = members[i];
        }
    }
    grouping->members.size = kept * sizeof(*members);
out:
    ktki_constants_clear(&constants);
    return status;
}

/* ---- order ---- */

/* The partitions of each group; they come by place, so a counting sort keeps their order. */
static ktk_status list_partitions(struct grouping *grouping, ktk_error *err) {
    const struct member *members = (const struct member *)(void *)grouping->members.data;
    size_t member_count = grouping->members.size / sizeof(*members);
    size_t count = group_count(grouping);
    int64_t *starts = NULL;
    int64_t *partitions = NULL;
    int64_t total = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&grouping->arena, count + 1, sizeof(*starts), &starts, err));
    KTKI_TRY(
        ktki_arena_array(&grouping->arena, member_count, sizeof(*partitions), &partitions, err));
    for (size_t i = 0; i < member_count; i++) {
        starts[members[i].group]++;
    }
    for (size_t group = 0; group <= count; group++) {
        int64_t size = starts[group];

        starts[group] = total;
        total += size;
    }
    for (size_t i = 0; i < member_count; i++) {
        partitions[starts[members[i].group]++] = grouping->plan->partitions[members[i].place];
    }
    /* Each start has moved to the end of its group, which is the start of the next. */
    for (size_t group = count; group > 0; group--) {
        starts[group] = starts[group - 1];
    }
    starts[0] = 0;
    grouping->starts = starts;
    grouping->partitions = partitions;
out:
    return status;
}

static ktk_status sort_groups(struct grouping *grouping, ktk_error *err) {
    size_t count = group_count(grouping);
    int32_t *columns = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_arena_array(&grouping->arena, count, sizeof(*grouping->order), &grouping->order, err));
    KTKI_TRY(ktki_arena_array(&grouping->arena, (size_t)grouping->count, sizeof(*columns), &columns,
                              err));
    for (int32_t i = 0; i < grouping->count; i++) {
        columns[i] = i;
    }
    KTKI_TRY(ktki_sort_rows(grouping->order, grouping->plan->context, &grouping->values, columns,
                            grouping->count, err));
    for (size_t i = 0; i < count; i++) {
        int64_t group = grouping->order[i];

        if (grouping->starts[group + 1] > grouping->starts[group]) {
            grouping->order[grouping->order_count++] = group;
        }
    }
out:
    return status;
}

/* ---- the result ---- */

static ktk_status result_schema(struct schema **out, const struct grouping *grouping,
                                ktk_error *err) {
    struct field item = {.name = "item", .type = {.id = TYPE_INT64}};
    const struct field partitions = {
        .name = PARTITIONS, .type = {.id = TYPE_LIST}, .child_count = 1, .children = &item};
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, grouping->plan->context, grouping->count + 1, err));
    for (int32_t i = 0; i < grouping->count; i++) {
        KTKI_TRY(ktki_field_copy(schema, &schema->fields[i],
                                 &grouping->columns[i].schema->fields[0], err));
    }
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[grouping->count], &partitions, err));
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

static ktk_status append_list(struct array_builder *lists, const int64_t *partitions, int64_t count,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_builder_append_i64(ktki_builder_item(lists), partitions[i], err));
    }
    KTKI_TRY(ktki_builder_end_list(lists, err));
out:
    return status;
}

static ktk_status build_lists(const struct grouping *grouping, const struct field *field,
                              struct ArrowArray *out, ktk_error *err) {
    const struct query_plan *plan = grouping->plan;
    struct array_builder lists = {.context = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_builder_init(&lists, plan->context, field, err));
    if (grouping->count == 0 && plan->partition_count > 0) {
        KTKI_TRY(append_list(&lists, plan->partitions, plan->partition_count, err));
    }
    for (int64_t i = 0; i < grouping->order_count; i++) {
        int64_t start = grouping->starts[grouping->order[i]];

        KTKI_TRY(append_list(&lists, grouping->partitions + start,
                             grouping->starts[grouping->order[i] + 1] - start, err));
    }
    KTKI_TRY(ktki_builder_finish(&lists, out, err));
out:
    ktki_builder_clear(&lists);
    return status;
}

static ktk_status build(struct batch *out, const struct grouping *grouping, struct schema *schema,
                        ktk_error *err) {
    struct batch batch = {0};
    struct ArrowArray lists = {.release = NULL};
    ktk_status status = KTK_OK;

    KTKI_TRY(build_lists(grouping, &schema->fields[grouping->count], &lists, err));
    KTKI_TRY(ktki_batch_init(&batch, schema, lists.length, err));
    for (int32_t i = 0; i < grouping->count; i++) {
        KTKI_TRY(ktki_array_take(&batch.columns[i], grouping->plan->context, &schema->fields[i],
                                 &grouping->values.columns[i], grouping->order,
                                 grouping->order_count, err));
    }
    ktki_array_move(&lists, &batch.columns[grouping->count]);
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_array_clear(&lists);
    ktki_batch_clear(&batch);
    return status;
}

/* ---- the whole ---- */

static ktk_status find_columns(struct grouping *grouping, const char *const *by, ktk_error *err) {
    const struct query_plan *plan = grouping->plan;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&grouping->arena, (size_t)grouping->count,
                               sizeof(*grouping->columns), &grouping->columns, err));
    for (int32_t i = 0; i < grouping->count; i++) {
        int32_t field = ktki_schema_find(plan->schema, by[i]);

        if (field < 0) {
            KTKI_FAIL(err, KTK_E_INVALID, "table '%s' of dataset '%s' has no column '%s'",
                      plan->table, ktk_dataset_uuid(plan->dataset), by[i]);
        }
        for (int32_t j = 0; j < i; j++) {
            if (grouping->columns[j].field == field) {
                KTKI_FAIL(err, KTK_E_INVALID, "column '%s' is named twice", by[i]);
            }
        }
        KTKI_TRY(ktki_group_values_find(&grouping->columns[i], plan, field, err));
    }
out:
    return status;
}

static ktk_status group_partitions(struct grouping *grouping, const char *const *by,
                                   struct schema **schema, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_bytes_table_init(&grouping->numbers, grouping->allocator, err));
    KTKI_TRY(find_columns(grouping, by, err));
    KTKI_TRY(result_schema(schema, grouping, err));
    if (grouping->count > 0) {
        KTKI_TRY(combine(grouping, err));
        KTKI_TRY(filter(grouping, err));
        KTKI_TRY(take_values(grouping, *schema, err));
        KTKI_TRY(list_partitions(grouping, err));
        KTKI_TRY(sort_groups(grouping, err));
    }
out:
    return status;
}

static void grouping_clear(struct grouping *grouping) {
    for (int32_t i = 0; grouping->columns != NULL && i < grouping->count; i++) {
        ktki_group_values_clear(&grouping->columns[i]);
    }
    ktki_batch_clear(&grouping->values);
    ktki_buffer_clear(&grouping->members);
    ktki_bytes_table_clear(&grouping->numbers);
    ktki_arena_clear(&grouping->arena);
    ktki_plan_free(grouping->plan);
}

ktk_status ktk_query_groups(struct ArrowArrayStream *out, ktk_dataset *dataset,
                            const ktk_query_options *options, const char *const *by,
                            size_t by_count, ktk_error *err) {
    ktk_query_options table_options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));
    struct grouping grouping = {.allocator = ktki_context_allocator(context)};
    struct schema *schema = NULL;
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    ktki_arena_init(&grouping.arena, grouping.allocator);
    ktki_buffer_init(&grouping.members, grouping.allocator, 0);
    if (options != NULL) {
        table_options = *options;
        table_options.shape = KTK_SHAPE_TABLE;
    }
    if (by_count > (size_t)ktki_context_limits(context)->column_count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "partitions cannot be grouped by %zu columns", by_count);
    }
    grouping.count = (int32_t)by_count;
    KTKI_TRY(ktki_plan_new(&grouping.plan, dataset, &table_options, err));
    KTKI_TRY(group_partitions(&grouping, by, &schema, err));
    KTKI_TRY(build(&batch, &grouping, schema, err));
    KTKI_TRY(ktki_stream_of_batches(out, context, schema, &batch, 1, err));
out:
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    grouping_clear(&grouping);
    return status;
}
