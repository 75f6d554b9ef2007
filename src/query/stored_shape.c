#include "query/stored_shape.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* Both numbers of one kind; null is of every kind. */
static bool are_alike(enum type_id a, enum type_id b) {
    return a == TYPE_NULL || b == TYPE_NULL ||
           (ktki_type_is_signed_integer(a) && ktki_type_is_signed_integer(b)) ||
           (ktki_type_is_unsigned_integer(a) && ktki_type_is_unsigned_integer(b)) ||
           (ktki_type_is_float(a) && ktki_type_is_float(b));
}

/* The type of a column so far, `type`, with one more file: within a kind the ids ascend with the
 * width, and null is the least. */
static ktk_status widen(struct schema *schema, struct field *field, const struct field *stored,
                        const struct field *table, ktk_error *err) {
    const char *name = field->name;
    ktk_status status = KTK_OK;

    if (!are_alike(stored->type.id, table->type.id) || !are_alike(field->type.id, table->type.id)) {
        KTKI_TRY(ktki_field_copy(schema, field, table, err));
        field->name = name;
    } else if (stored->type.id > field->type.id) {
        KTKI_TRY(ktki_field_copy(schema, field, stored, err));
        field->name = name;
    }
    field->nullable = true;
out:
    return status;
}

/* The columns of the first file that the table has, and the one for positions. */
static ktk_status begin(struct query_plan *plan, struct schema **out, const struct scan *scan,
                        ktk_error *err) {
    const struct schema *stored = scan->output;
    size_t count = (size_t)stored->field_count;
    int32_t *kept = NULL;
    int32_t *columns = NULL;
    int32_t kept_count = 0;
    int32_t column_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&plan->arena, count, sizeof(*kept), &kept, err));
    KTKI_TRY(ktki_arena_array(&plan->arena, count, sizeof(*columns), &columns, err));
    for (int32_t i = 0; i < stored->field_count; i++) {
        int32_t field = ktki_schema_find(plan->schema, stored->fields[i].name);
        bool is_position = scan->columns[i].key < 0 && scan->columns[i].read < 0;

        if (field >= 0 || is_position) {
            kept[kept_count++] = i;
        }
        if (field >= 0) {
            columns[column_count++] = field;
        }
    }
    KTKI_TRY(ktki_schema_select(out, stored, kept, kept_count, true, err));
    plan->columns = columns;
    plan->column_count = column_count;
out:
    return status;
}

static ktk_status add_file(const struct query_plan *plan, struct schema *schema,
                           const struct schema *stored, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < plan->column_count; i++) {
        int32_t column = ktki_schema_find(stored, schema->fields[i].name);

        if (column >= 0) {
            KTKI_TRY(widen(schema, &schema->fields[i], &stored->fields[column],
                           &plan->schema->fields[plan->columns[i]], err));
        }
    }
out:
    return status;
}

/* No file can widen anything that is as wide as in the table. */
static bool is_final(const struct query_plan *plan, const struct schema *schema) {
    bool result = true;

    for (int32_t i = 0; i < plan->column_count; i++) {
        result =
            result && schema->fields[i].type.id == plan->schema->fields[plan->columns[i]].type.id;
    }
    return result;
}

/* Nothing is read with the plan when it changes: no other file is opened while the first is looked
 * at, and none at the end. */
ktk_status ktki_stored_shape(struct query_plan *plan, const struct read_ahead_options *options,
                             ktk_error *err) {
    const struct read_ahead_options opening = {.files_at_once = options->files_at_once,
                                               .ahead_bytes_max = options->ahead_bytes_max,
                                               .opens_only = true};
    struct read_ahead *ahead = NULL;
    struct schema *schema = NULL;
    const struct scan *scan;
    ktk_status status = KTK_OK;

    plan->keep_dictionaries = false;
    KTKI_TRY(ktki_read_ahead_new(&ahead, plan, &opening, err));
    do {
        KTKI_TRY(ktki_read_ahead_next_file(ahead, &scan, err));
        if (scan != NULL && schema == NULL) {
            KTKI_TRY(begin(plan, &schema, scan, err));
        }
        if (scan != NULL) {
            KTKI_TRY(add_file(plan, schema, scan->output, err));
        }
    } while (scan != NULL && !is_final(plan, schema));
    ktki_read_ahead_free(ahead);
    ahead = NULL;
    ktki_schema_free(plan->output);
    plan->output = schema;
    schema = NULL;
    plan->shape = KTK_SHAPE_TABLE;
out:
    ktki_read_ahead_free(ahead);
    ktki_schema_free(schema);
    return status;
}
