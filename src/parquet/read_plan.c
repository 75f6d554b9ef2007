#include "parquet/read_plan.h"

#include <assert.h>

#include "base/error.h"

/* Number of nests around two leaves of a column that are the same. */
static int32_t shared_nests(const struct parquet_leaf *a, const struct parquet_leaf *b) {
    const struct parquet_nest *x = a->nest;
    const struct parquet_nest *y = b->nest;

    while (x != y) {
        /* The deeper one cannot be around the other leaf. Both meet at the column at last. */
        if (x->depth >= y->depth) {
            const struct parquet_nest *outer = x->outer;
            y = x->depth == y->depth ? y->outer : y;
            x = outer;
        } else {
            y = y->outer;
        }
    }
    return x == NULL ? 0 : x->depth + 1;
}

/* The leaves of a field of the result, which are the next ones of the plan. */
static void give_fields(struct plan_leaf **leaves, const struct field *field) {
    if (!ktki_type_is_nested(field->type.id)) {
        (*leaves)->field = field;
        (*leaves)++;
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        give_fields(leaves, &field->children[i]);
    }
}

static void plan_column(struct read_plan *plan, const struct parquet_schema *schema, int32_t column,
                        int32_t field) {
    const struct parquet_column *from = &schema->columns[column];
    struct plan_column *to = &plan->columns[field];
    struct plan_leaf *leaves = &plan->leaves[plan->leaf_count];

    *to = (struct plan_column){plan->leaf_count, from->leaf_count};
    for (int32_t i = 0; i < from->leaf_count; i++) {
        const struct parquet_leaf *leaf = &schema->leaves[from->first_leaf + i];
        int32_t depth = leaf->nest == NULL ? 0 : leaf->nest->depth + 1;
        int32_t first = i == 0 ? 0 : shared_nests(leaf - 1, leaf);

        leaves[i] = (struct plan_leaf){.leaf = leaf,
                                       .number = from->first_leaf + i,
                                       .nest_first = first,
                                       .nest_count = depth - first};
    }
    give_fields(&leaves, &plan->schema->fields[field]);
    plan->leaf_count += from->leaf_count;
    assert(leaves == &plan->leaves[plan->leaf_count]);
}

ktk_status ktki_read_plan_init(struct read_plan *out, const struct parquet_schema *schema,
                               const int32_t *columns, int32_t column_count, bool keep_dictionaries,
                               ktk_error *err) {
    struct read_plan plan = {.keeps_dictionaries = keep_dictionaries};
    size_t leaf_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_select(&plan.schema, schema->arrow, columns, column_count, true, err));
    for (int32_t i = 0; i < column_count; i++) {
        leaf_count += (size_t)schema->columns[columns[i]].leaf_count;
    }
    KTKI_TRY(ktki_arena_zeroed(&plan.schema->arena, leaf_count, sizeof(*plan.leaves), &plan.leaves,
                               err));
    KTKI_TRY(ktki_arena_zeroed(&plan.schema->arena, (size_t)column_count, sizeof(*plan.columns),
                               &plan.columns, err));
    for (int32_t i = 0; i < column_count; i++) {
        if (!keep_dictionaries) {
            ktki_field_decode(&plan.schema->fields[i]);
        }
        plan_column(&plan, schema, columns[i], i);
    }
    *out = plan;
    plan.schema = NULL;
out:
    ktki_schema_free(plan.schema);
    return status;
}

void ktki_read_plan_clear(struct read_plan *plan) {
    ktki_schema_free(plan->schema);
    *plan = (struct read_plan){0};
}
