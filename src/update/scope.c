#include "update/scope.h"

#include "base/error.h"
#include "predicate/predicate.h"
#include "query/plan.h"

/* The scope goes by the first table: partition keys are those of all tables. */
static ktk_status plan_scope(struct query_plan **out, const ktk_predicate *scope,
                             ktk_dataset *dataset, const int64_t *partitions,
                             size_t partition_count, ktk_error *err) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;

    options.table = ktk_dataset_table(dataset, 0);
    options.where = scope;
    options.partitions = partitions;
    options.partition_count = partition_count;
    return ktki_plan_new(out, dataset, &options, err);
}

ktk_status ktki_scope_find(struct buffer *out, const struct change *change, ktk_dataset *dataset,
                           const int64_t *partitions, size_t partition_count, ktk_error *err) {
    int64_t count =
        partitions != NULL ? (int64_t)partition_count : ktk_dataset_partition_count(dataset);
    struct query_plan *plan = NULL;
    ktk_status status = KTK_OK;

    if (change->removes_all) {
        for (int64_t i = 0; i < count; i++) {
            int64_t position = partitions != NULL ? partitions[i] : i;

            KTKI_TRY(ktki_buffer_append(out, &position, sizeof(position), err));
        }
    } else if (change->scope != NULL && count > 0) {
        KTKI_TRY(plan_scope(&plan, change->scope, dataset, partitions, partition_count, err));
        KTKI_TRY(ktki_buffer_append(
            out, plan->partitions, (size_t)plan->partition_count * sizeof(*plan->partitions), err));
    }
out:
    ktki_plan_free(plan);
    return status;
}

ktk_status ktki_scope_check(const char **other, const ktk_predicate *scope, ktk_dataset *dataset,
                            ktk_error *err) {
    static const int64_t nothing = 0;
    struct query_plan *plan = NULL;
    ktk_status status = KTK_OK;

    *other = NULL;
    if (ktk_dataset_table_count(dataset) > 0) {
        KTKI_TRY(plan_scope(&plan, scope, dataset, &nothing, 0, err));
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
