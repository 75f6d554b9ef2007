#include "update/scope.h"

#include "base/alloc.h"
#include "base/error.h"
#include "predicate/predicate.h"
#include "query/plan.h"

static bool has_columns(const struct schema *schema, const ktk_predicate *scope) {
    for (size_t i = 0; i < scope->conjunction_count; i++) {
        const struct conjunction *conjunction = &scope->conjunctions[i];

        for (size_t j = 0; j < conjunction->literal_count; j++) {
            if (ktki_schema_find(schema, conjunction->literals[j].column) < 0) {
                return false;
            }
        }
    }
    return true;
}

ktk_status ktki_scope_has_table(bool *out, const ktk_predicate *scope, ktk_dataset *dataset,
                                int32_t table, ktk_error *err) {
    bool is_any = false;
    bool is_it = false;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        struct schema *schema;

        KTKI_TRY(ktki_dataset_table_schema(&schema, dataset, ktk_dataset_table(dataset, i), err));
        if (has_columns(schema, scope)) {
            is_any = true;
            is_it = is_it || i == table;
        }
    }
    *out = is_any ? is_it : table == 0;
out:
    return status;
}

ktk_status ktki_scope_plan(struct query_plan **out, const ktk_predicate *scope,
                           ktk_dataset *dataset, int32_t table, const int64_t *partitions,
                           size_t partition_count, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;

    options.table = ktk_dataset_table(dataset, table);
    options.where = scope;
    options.partitions = partitions;
    options.partition_count = partition_count;
    return ktki_plan_new(out, dataset, &options, err);
}

/* Mark the partitions in which some table may have rows of the scope. */
static ktk_status mark_partitions(bool *marks, const ktk_predicate *scope, ktk_dataset *dataset,
                                  const int64_t *partitions, size_t partition_count,
                                  ktk_error *err) {
    struct query_plan *plan = NULL;
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        bool is_asked;

        KTKI_TRY(ktki_scope_has_table(&is_asked, scope, dataset, i, err));
        if (!is_asked) {
            continue;
        }
        KTKI_TRY(ktki_scope_plan(&plan, scope, dataset, i, partitions, partition_count, err));
        for (int64_t j = 0; j < plan->partition_count; j++) {
            marks[plan->partitions[j]] = true;
        }
        ktki_plan_free(plan);
        plan = NULL;
    }
out:
    ktki_plan_free(plan);
    return status;
}

ktk_status ktki_scope_find(struct buffer *out, const struct change *change, ktk_dataset *dataset,
                           const int64_t *partitions, size_t partition_count, ktk_error *err) {
    int64_t total = ktk_dataset_partition_count(dataset);
    int64_t count = partitions != NULL ? (int64_t)partition_count : total;
    bool *marks = NULL;
    ktk_status status = KTK_OK;

    if (change->removes_all) {
        for (int64_t i = 0; i < count; i++) {
            int64_t position = partitions != NULL ? partitions[i] : i;

            KTKI_TRY(ktki_buffer_append(out, &position, sizeof(position), err));
        }
    } else if (change->scope != NULL && count > 0) {
        KTKI_TRY(ktki_alloc_zeroed(out->allocator, (size_t)total, sizeof(*marks), &marks, err));
        KTKI_TRY(mark_partitions(marks, change->scope, dataset, partitions, partition_count, err));
        for (int64_t i = 0; i < total; i++) {
            if (marks[i]) {
                KTKI_TRY(ktki_buffer_append(out, &i, sizeof(i), err));
            }
        }
    }
out:
    ktki_free_array(out->allocator, marks, (size_t)total, sizeof(*marks));
    return status;
}

ktk_status ktki_scope_check(const char **other, const ktk_predicate *scope, ktk_dataset *dataset,
                            ktk_error *err) {
    static const int64_t nothing = 0;
    struct query_plan *plan = NULL;
    ktk_status status = KTK_OK;

    *other = NULL;
    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        bool is_asked;

        KTKI_TRY(ktki_scope_has_table(&is_asked, scope, dataset, i, err));
        if (is_asked) {
            KTKI_TRY(ktki_scope_plan(&plan, scope, dataset, i, &nothing, 0, err));
            ktki_plan_free(plan);
            plan = NULL;
        }
    }
    for (size_t i = 0; i < scope->conjunction_count; i++) {
        const struct conjunction *conjunction = &scope->conjunctions[i];

        for (size_t j = 0; j < conjunction->literal_count && *other == NULL; j++) {
            const char *column = conjunction->literals[j].column;

            if (ktki_dataset_partition_key_find(dataset, column) < 0) {
                *other = column;
            }
        }
    }
out:
    ktki_plan_free(plan);
    return status;
}
