#include "parquet/read_plan.h"

#include <assert.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "parquet/levels.h"

/* Number of nests around two leaves of a column that are the same. */
static int32_t shared_nests(const struct parquet_leaf *a, const struct parquet_leaf *b) {
    const struct parquet_nest *x = a->nest;
    const struct parquet_nest *y = b->nest;

    while (x != y) {
        assert(x != NULL && y != NULL);
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

/* What is to become of top-level columns of the file. */
struct selection {
    int32_t count;
    int32_t *columns;
    bool *is_part;   /* only the leaves that are wanted; NULL: all columns are whole */
    bool *is_wanted; /* of each leaf of the file */
};

static bool takes_part(const struct selection *selection, int32_t index) {
    return selection->is_part != NULL && selection->is_part[index];
}

/* Leave out of a field what none of its leaves, from `*leaf` on, is wanted of. Returns whether
 * there is something left. */
static bool prune(struct field *field, const bool **leaf) {
    int32_t kept = 0;

    if (!ktki_type_is_nested(field->type.id)) {
        return *(*leaf)++;
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        if (prune(&field->children[i], leaf)) {
            field->children[kept++] = field->children[i];
        }
    }
    /* Lists and maps keep their form as long as they keep anything. */
    field->child_count = field->type.id == TYPE_STRUCT ? kept : field->child_count;
    return kept > 0;
}

static void plan_column(struct read_plan *plan, const struct parquet_schema *schema,
                        const struct selection *selection, int32_t index) {
    const struct parquet_column *from = &schema->columns[selection->columns[index]];
    struct plan_leaf *leaves = &plan->leaves[plan->leaf_count];
    const bool *is_wanted = takes_part(selection, index) ? selection->is_wanted : NULL;
    const struct parquet_leaf *before = NULL;
    int32_t count = 0;

    for (int32_t i = from->first_leaf; i < from->first_leaf + from->leaf_count; i++) {
        const struct parquet_leaf *leaf = &schema->leaves[i];
        int32_t depth = leaf->nest == NULL ? 0 : leaf->nest->depth + 1;
        int32_t first = before == NULL ? 0 : shared_nests(before, leaf);

        if (is_wanted == NULL || is_wanted[i]) {
            leaves[count++] = (struct plan_leaf){
                .leaf = leaf, .number = i, .nest_first = first, .nest_count = depth - first};
            before = leaf;
        }
    }
    if (is_wanted != NULL) {
        is_wanted += from->first_leaf;
        (void)prune(&plan->schema->fields[index], &is_wanted);
    }
    give_fields(&leaves, &plan->schema->fields[index]);
    plan->columns[index] = (struct plan_column){plan->leaf_count, count};
    plan->leaf_count += count;
    assert(leaves == &plan->leaves[plan->leaf_count]);
}

static ktk_status make_plan(struct read_plan *out, const struct parquet_schema *schema,
                            const struct selection *selection, bool keep_dictionaries,
                            ktk_error *err) {
    struct read_plan plan = {.keeps_dictionaries = keep_dictionaries};
    size_t leaf_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_select(&plan.schema, schema->arrow, selection->columns, selection->count,
                                true, err));
    for (int32_t i = 0; i < selection->count; i++) {
        leaf_count += (size_t)schema->columns[selection->columns[i]].leaf_count;
    }
    KTKI_TRY(ktki_arena_zeroed(&plan.schema->arena, leaf_count, sizeof(*plan.leaves), &plan.leaves,
                               err));
    KTKI_TRY(ktki_arena_zeroed(&plan.schema->arena, (size_t)selection->count, sizeof(*plan.columns),
                               &plan.columns, err));
    for (int32_t i = 0; i < selection->count; i++) {
        if (!keep_dictionaries) {
            ktki_field_decode(&plan.schema->fields[i]);
        }
        plan_column(&plan, schema, selection, i);
    }
    *out = plan;
    plan.schema = NULL;
out:
    ktki_schema_free(plan.schema);
    return status;
}

ktk_status ktki_read_plan_init(struct read_plan *out, const struct parquet_schema *schema,
                               const int32_t *columns, int32_t column_count, bool keep_dictionaries,
                               ktk_error *err) {
    const struct selection selection = {.count = column_count,
                                        .columns = (int32_t *)(uintptr_t)columns};

    return make_plan(out, schema, &selection, keep_dictionaries, err);
}

ktk_status ktki_read_plan_select(struct read_plan *out, const struct read_plan *plan,
                                 const int32_t *columns, int32_t column_count, ktk_error *err) {
    struct read_plan some = {.keeps_dictionaries = plan->keeps_dictionaries,
                             .skips_checksums = plan->skips_checksums};
    size_t leaf_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_select(&some.schema, plan->schema, columns, column_count, true, err));
    for (int32_t i = 0; i < column_count; i++) {
        leaf_count += (size_t)plan->columns[columns[i]].leaf_count;
    }
    KTKI_TRY(
        ktki_arena_array(&some.schema->arena, leaf_count, sizeof(*some.leaves), &some.leaves, err));
    KTKI_TRY(ktki_arena_array(&some.schema->arena, (size_t)column_count, sizeof(*some.columns),
                              &some.columns, err));
    for (int32_t i = 0; i < column_count; i++) {
        const struct plan_column *from = &plan->columns[columns[i]];
        struct plan_leaf *leaves = &some.leaves[some.leaf_count];

        memcpy(leaves, &plan->leaves[from->first_leaf], (size_t)from->leaf_count * sizeof(*leaves));
        give_fields(&leaves, &some.schema->fields[i]);
        some.columns[i] = (struct plan_column){some.leaf_count, from->leaf_count};
        some.leaf_count += from->leaf_count;
    }
    *out = some;
    some.schema = NULL;
out:
    ktki_schema_free(some.schema);
    return status;
}

/* ---- by name ---- */

/* Whether a path leads to the leaf or to what is around it. */
static bool leads_to(const char *path, const struct parquet_leaf *leaf) {
    const struct path_step *steps[LEVEL_MAX] = {NULL};
    int32_t count = leaf->step->depth + 1;

    for (const struct path_step *step = leaf->step; step != NULL; step = step->outer) {
        steps[step->depth] = step;
    }
    for (int32_t i = 0; i < count; i++) {
        size_t size = strlen(steps[i]->name);

        if (strncmp(path, steps[i]->name, size) == 0 && path[size] == '\0') {
            return true;
        }
        if (strncmp(path, steps[i]->name, size) == 0 && path[size] == '.') {
            path += size + 1;
        } else if (!steps[i]->is_internal) {
            return false;
        }
    }
    return false;
}

/* The first top-level column that a path leads into, whose leaves become wanted; -1: none. */
static int32_t want_path(struct selection *selection, const struct parquet_schema *schema,
                         const char *path) {
    int32_t top = -1;

    for (int32_t i = 0; i < schema->leaf_count; i++) {
        if ((top < 0 || schema->leaves[i].top == top) && leads_to(path, &schema->leaves[i])) {
            selection->is_wanted[i] = true;
            top = schema->leaves[i].top;
        }
    }
    return top;
}

/* The place of a column in the selection, -1: none. */
static int32_t find_column(const struct selection *selection, int32_t column) {
    int32_t i = selection->count - 1;

    while (i >= 0 && selection->columns[i] != column) {
        i--;
    }
    return i;
}

/* Paths into one column make one column of it, and nothing if the column itself is there. */
static void add_column(struct selection *selection, int32_t column, bool is_part) {
    int32_t place = find_column(selection, column);

    if (place < 0 || (!is_part && !selection->is_part[place])) {
        place = selection->count++;
        selection->columns[place] = column;
        selection->is_part[place] = is_part;
    } else {
        selection->is_part[place] = selection->is_part[place] && is_part;
    }
}

/* One of the names; what is not there joins `missing`. */
static ktk_status add_name(struct selection *selection, const struct parquet_schema *schema,
                           const char *name, struct buffer *missing, ktk_error *err) {
    int32_t column = ktki_schema_find(schema->arrow, name);
    bool is_part = column < 0;

    if (is_part) {
        column = want_path(selection, schema, name);
    }
    if (column < 0) {
        return ktki_buffer_append_format(missing, err, "%s'%s'", missing->size > 0 ? ", " : "",
                                         name);
    }
    add_column(selection, column, is_part);
    return KTK_OK;
}

static bool any_wanted(const bool *is_wanted, int32_t start, int32_t end) {
    for (int32_t i = start; i < end; i++) {
        if (is_wanted[i]) {
            return true;
        }
    }
    return false;
}

/* A map has keys and values, or it is none: a part of its values brings the keys, keys alone bring
 * the values. Returns the leaf behind the field. */
static int32_t complete_maps(const struct field *field, bool *is_wanted, int32_t leaf) {
    const struct field *children =
        field->type.id == TYPE_MAP ? field->children[0].children : field->children;
    int32_t count = field->type.id == TYPE_MAP ? 2 : field->child_count;
    int32_t start = leaf;
    int32_t key_end = leaf;

    if (!ktki_type_is_nested(field->type.id)) {
        return leaf + 1;
    }
    for (int32_t i = 0; i < count; i++) {
        leaf = complete_maps(&children[i], is_wanted, leaf);
        key_end = i == 0 ? leaf : key_end;
    }
    if (field->type.id == TYPE_MAP && any_wanted(is_wanted, start, leaf)) {
        bool has_values = any_wanted(is_wanted, key_end, leaf);

        for (int32_t i = start; i < (has_values ? key_end : leaf); i++) {
            is_wanted[i] = true;
        }
    }
    return leaf;
}

ktk_status ktki_read_plan_of_names(struct read_plan *out, const struct parquet_schema *schema,
                                   const char *const *names, size_t name_count,
                                   bool keep_dictionaries, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(schema->arrow->context);
    struct selection selection = {.count = 0};
    struct buffer missing;
    struct arena arena;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, allocator);
    ktki_buffer_init(&missing, allocator, 0);
    if (name_count > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu columns", name_count);
    }
    KTKI_TRY(
        ktki_arena_array(&arena, name_count, sizeof(*selection.columns), &selection.columns, err));
    KTKI_TRY(ktki_arena_array(&arena, name_count, sizeof(bool), &selection.is_part, err));
    KTKI_TRY(ktki_arena_zeroed(&arena, (size_t)schema->leaf_count, sizeof(bool),
                               &selection.is_wanted, err));
    for (size_t i = 0; i < name_count; i++) {
        KTKI_TRY(add_name(&selection, schema, names[i], &missing, err));
    }
    if (missing.size > 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "no such column: %.*s", (int)missing.size,
                  (const char *)missing.data);
    }
    for (int32_t i = 0; i < selection.count; i++) {
        (void)complete_maps(&schema->arrow->fields[selection.columns[i]], selection.is_wanted,
                            schema->columns[selection.columns[i]].first_leaf);
    }
    KTKI_TRY(make_plan(out, schema, &selection, keep_dictionaries, err));
out:
    ktki_buffer_clear(&missing);
    ktki_arena_clear(&arena);
    return status;
}

void ktki_read_plan_clear(struct read_plan *plan) {
    ktki_schema_free(plan->schema);
    *plan = (struct read_plan){0};
}
