#include "parquet/schema_read.h"

#include <assert.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "parquet/annotation.h"
#include "parquet/levels.h"

#define ARROW_SCHEMA_KEY "ARROW:schema"

/* A walk over the elements, depth first as they are stored. */
struct walk {
    const struct parquet_metadata *metadata;
    const ktk_limits *limits;
    struct parquet_schema *schema;
    struct arena *arena;
    int32_t next; /* element */
    int32_t top;
    struct buffer path; /* dotted path of the node, without NUL */
    ktk_error *err;
};

/* What the nodes above a node add up to. */
struct levels {
    uint8_t definition;
    uint8_t repetition;
    uint8_t repeated_definition; /* from which the innermost list has an item */
    int32_t depth;
    const struct parquet_nest *nest;
    const struct path_step *step;
    bool is_internal; /* what the next step is */
};

static ktk_status read_content(struct walk *walk, const struct schema_element *element,
                               struct levels levels, struct field *field);

static ktk_status add_step(struct walk *walk, const struct schema_element *element,
                           struct levels *levels) {
    struct path_step *step = NULL;
    ktk_status status = ktki_arena_zeroed(walk->arena, 1, sizeof(*step), &step, walk->err);

    if (status == KTK_OK) {
        step->outer = levels->step;
        step->name = element->name;
        step->depth = levels->depth - 1;
        step->is_internal = levels->is_internal;
        levels->step = step;
        levels->is_internal = false;
    }
    return status;
}

/* The next element; its name joins the path. `*path_size` is the size to cut the path back to. */
static ktk_status take(struct walk *walk, struct levels *levels, const struct schema_element **out,
                       size_t *path_size) {
    const struct schema_element *element;
    int32_t depth_max =
        walk->limits->nesting_max < LEVEL_MAX ? walk->limits->nesting_max : LEVEL_MAX;
    ktk_status status = KTK_OK;

    assert(walk->next < walk->metadata->element_count); /* they form a tree */
    if (++levels->depth > depth_max) {
        KTKI_FAIL(walk->err, KTK_E_LIMIT, "the schema is nested deeper than %d levels", depth_max);
    }
    element = &walk->metadata->elements[walk->next++];
    if (!ktki_utf8_is_valid(element->name, strlen(element->name))) {
        KTKI_FAIL(walk->err, KTK_E_CORRUPT, "the name of column %d is not UTF-8", walk->top);
    }
    KTKI_TRY(add_step(walk, element, levels));
    *path_size = walk->path.size;
    if (walk->path.size > 0) {
        KTKI_TRY(ktki_buffer_append_byte(&walk->path, '.', walk->err));
    }
    KTKI_TRY(ktki_buffer_append_text(&walk->path, element->name, walk->err));
    *out = element;
out:
    return status;
}

static ktk_status name_field(struct walk *walk, const struct schema_element *element,
                             struct field *field) {
    return ktki_arena_text(&walk->schema->arrow->arena, element->name, strlen(element->name),
                           &field->name, walk->err);
}

static ktk_status add_children(struct walk *walk, struct field *field, int32_t count) {
    ktk_status status = ktki_arena_zeroed(&walk->schema->arrow->arena, (size_t)count,
                                          sizeof(struct field), &field->children, walk->err);
    if (status == KTK_OK) {
        field->child_count = count;
    }
    return status;
}

/* The nest of a field, which becomes the innermost one. `definition_item`: see struct parquet_nest.
 */
static ktk_status add_nest(struct walk *walk, const struct field *field, uint8_t definition_item,
                           struct levels *levels) {
    struct parquet_nest *nest = NULL;
    ktk_status status = ktki_arena_zeroed(walk->arena, 1, sizeof(*nest), &nest, walk->err);

    if (status == KTK_OK) {
        nest->outer = levels->nest;
        nest->field = field;
        nest->depth = levels->nest == NULL ? 0 : levels->nest->depth + 1;
        /* Lists that are not optional are told from those that are absent with what is around
         * them: lists of fixed size have items in any case. */
        nest->rule = (struct level_rule){.repetition = levels->repetition,
                                         .slot = levels->repeated_definition,
                                         .valid = field->nullable || definition_item > 0
                                                      ? levels->definition
                                                      : levels->repeated_definition};
        nest->item = definition_item;
        levels->nest = nest;
    }
    return status;
}

/* The field is a list or map, whose items are repeated. */
static ktk_status add_list(struct walk *walk, struct field *field, enum type_id type,
                           struct levels *levels) {
    ktk_status status = KTK_OK;

    field->type.id = type;
    KTKI_TRY(add_children(walk, field, 1));
    KTKI_TRY(add_nest(walk, field, (uint8_t)(levels->definition + 1), levels));
    levels->repetition++;
    levels->repeated_definition = ++levels->definition;
out:
    return status;
}

static ktk_status read_leaf(struct walk *walk, const struct schema_element *element,
                            struct levels levels, struct field *field) {
    struct parquet_leaf *leaf = &walk->schema->leaves[walk->schema->leaf_count];
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parquet_leaf_type(&field->type, element, walk->err));
    KTKI_TRY(ktki_annotation_read(field, &walk->schema->arrow->arena, element, walk->err));
    KTKI_TRY(ktki_arena_text(walk->arena, (const char *)walk->path.data, walk->path.size,
                             &leaf->path, walk->err));
    leaf->element = element;
    leaf->field = field;
    leaf->top = walk->top;
    leaf->definition_max = levels.definition;
    leaf->repetition_max = levels.repetition;
    leaf->step = levels.step;
    leaf->nest = levels.nest;
    leaf->rule =
        (struct level_rule){levels.repetition, levels.repeated_definition, levels.definition};
    walk->schema->leaf_count++;
out:
    return status;
}

/* A node with its repetition: optional nodes are nullable, repeated ones are lists by themselves.
 */
static ktk_status read_node(struct walk *walk, struct levels levels, struct field *field) {
    const struct schema_element *element = NULL;
    size_t path_size = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(take(walk, &levels, &element, &path_size));
    KTKI_TRY(name_field(walk, element, field));
    if (element->repetition == PQ_REPEATED) {
        KTKI_TRY(add_list(walk, field, TYPE_LIST, &levels));
        KTKI_TRY(name_field(walk, element, &field->children[0]));
        KTKI_TRY(read_content(walk, element, levels, &field->children[0]));
    } else {
        field->nullable = element->repetition == PQ_OPTIONAL;
        levels.definition += field->nullable;
        KTKI_TRY(read_content(walk, element, levels, field));
    }
    walk->path.size = path_size;
out:
    return status;
}

static ktk_status read_struct(struct walk *walk, const struct schema_element *element,
                              struct levels levels, struct field *field) {
    ktk_status status = KTK_OK;

    field->type.id = TYPE_STRUCT;
    KTKI_TRY(ktki_annotation_read(field, &walk->schema->arrow->arena, element, walk->err));
    KTKI_TRY(add_children(walk, field, element->child_count));
    KTKI_TRY(add_nest(walk, field, 0, &levels));
    for (int32_t i = 0; i < element->child_count; i++) {
        KTKI_TRY(read_node(walk, levels, &field->children[i]));
    }
out:
    return status;
}

/* The repeated node inside of a LIST or MAP group, which must be its only child. */
static ktk_status take_repeated(struct walk *walk, const struct schema_element *element,
                                struct levels *levels, const struct schema_element **out) {
    size_t path_size;
    ktk_status status = KTK_OK;

    if (element->child_count != 1) {
        KTKI_FAIL(walk->err, KTK_E_CORRUPT,
                  "column '%s' is a list or map with %d instead of 1 repeated child", element->name,
                  element->child_count);
    }
    levels->is_internal = true;
    KTKI_TRY(take(walk, levels, out, &path_size));
    if ((*out)->repetition != PQ_REPEATED) {
        KTKI_FAIL(walk->err, KTK_E_CORRUPT, "column '%s' is a list or map without repetition",
                  element->name);
    }
out:
    return status;
}

/* Old writers put the item itself into the repeated node; the rules that tell the two forms apart
 * are those of the format's "LogicalTypes.md". */
static bool is_item_itself(const struct walk *walk, const struct schema_element *list,
                           const struct schema_element *repeated) {
    size_t list_size = strlen(list->name);

    if (repeated->has_type || repeated->child_count != 1 ||
        walk->next >= walk->metadata->element_count) {
        return true;
    }
    return strcmp(repeated->name, "array") == 0 ||
           (strncmp(repeated->name, list->name, list_size) == 0 &&
            strcmp(repeated->name + list_size, "_tuple") == 0) ||
           walk->metadata->elements[walk->next].repetition == PQ_REPEATED;
}

static ktk_status read_list(struct walk *walk, const struct schema_element *element,
                            struct levels levels, struct field *field) {
    const struct schema_element *repeated = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_repeated(walk, element, &levels, &repeated));
    KTKI_TRY(add_list(walk, field, TYPE_LIST, &levels));
    if (is_item_itself(walk, element, repeated)) {
        KTKI_TRY(name_field(walk, repeated, &field->children[0]));
        KTKI_TRY(read_content(walk, repeated, levels, &field->children[0]));
    } else {
        levels.is_internal = true;
        KTKI_TRY(read_node(walk, levels, &field->children[0]));
    }
out:
    return status;
}

/* A map without values is a list of its keys. */
static ktk_status read_map(struct walk *walk, const struct schema_element *element,
                           struct levels levels, struct field *field) {
    const struct schema_element *repeated = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_repeated(walk, element, &levels, &repeated));
    if (repeated->has_type || repeated->child_count < 1 || repeated->child_count > 2) {
        KTKI_FAIL(walk->err, KTK_E_CORRUPT, "map column '%s' has neither keys nor values",
                  element->name);
    }
    if (repeated->child_count == 1) {
        KTKI_TRY(add_list(walk, field, TYPE_LIST, &levels));
        levels.is_internal = true;
        KTKI_TRY(read_node(walk, levels, &field->children[0]));
    } else {
        KTKI_TRY(add_list(walk, field, TYPE_MAP, &levels));
        KTKI_TRY(name_field(walk, repeated, &field->children[0]));
        KTKI_TRY(read_struct(walk, repeated, levels, &field->children[0]));
        /* Some writers call keys optional. That none is null is checked where they are read. */
        field->children[0].children[0].nullable = false;
    }
out:
    return status;
}

/* What a node is, its repetition apart. */
static ktk_status read_content(struct walk *walk, const struct schema_element *element,
                               struct levels levels, struct field *field) {
    struct parquet_logical_type logical = ktki_parquet_logical(element);

    if (element->has_type) {
        return read_leaf(walk, element, levels, field);
    }
    if (element->child_count == 0) {
        return ktk_error_set(walk->err, KTK_E_CORRUPT, "column '%s' has neither type nor children",
                             element->name);
    }
    if (logical.id == PQ_LOGICAL_LIST) {
        return read_list(walk, element, levels, field);
    }
    if (logical.id == PQ_LOGICAL_MAP) {
        return read_map(walk, element, levels, field);
    }
    return read_struct(walk, element, levels, field);
}

static ktk_status read_columns(struct walk *walk) {
    struct parquet_schema *schema = walk->schema;
    const struct levels levels = {0};
    ktk_status status = KTK_OK;

    for (walk->top = 0; walk->top < schema->arrow->field_count; walk->top++) {
        struct parquet_column *column = &schema->columns[walk->top];
        struct field *field = &schema->arrow->fields[walk->top];

        column->first_leaf = schema->leaf_count;
        KTKI_TRY(read_node(walk, levels, field));
        column->leaf_count = schema->leaf_count - column->first_leaf;
    }
out:
    return status;
}

/* The footer's key/value metadata; what `ARROW:schema` says is applied to the fields instead. */
static ktk_status take_key_values(struct schema *schema, const struct parquet_metadata *metadata,
                                  ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < metadata->key_value_count; i++) {
        const struct parquet_key_value *entry = &metadata->key_values[i];
        if (strcmp(entry->key, ARROW_SCHEMA_KEY) == 0) {
            if (entry->value != NULL) {
                KTKI_TRY(ktki_parquet_schema_restore(schema, entry->value, entry->value_size, err));
            }
        } else {
            KTKI_TRY(ktki_schema_set_key_value(schema, entry->key,
                                               entry->value == NULL ? "" : entry->value,
                                               entry->value_size, err));
        }
    }
out:
    return status;
}

ktk_status ktki_parquet_leaf_count(int32_t *out, const struct parquet_metadata *metadata,
                                   const ktk_limits *limits, ktk_error *err) {
    const struct schema_element *root = metadata->elements;
    int64_t missing = 1; /* elements that those so far have announced */
    int32_t leaf_count = 0;

    if (metadata->element_count == 0 || root->has_type ||
        root->child_count >= metadata->element_count) {
        return ktk_error_set(err, KTK_E_CORRUPT, "the schema has no root or lacks columns");
    }
    if (metadata->element_count - 1 > limits->column_count_max) {
        return ktk_error_set(err, KTK_E_LIMIT, "%d columns are more than the limit of %d",
                             metadata->element_count - 1, limits->column_count_max);
    }
    for (int32_t i = 0; i < metadata->element_count; i++) {
        const struct schema_element *element = &metadata->elements[i];

        if (missing == 0) {
            return ktk_error_set(err, KTK_E_CORRUPT,
                                 "the schema has %d elements outside of its root",
                                 metadata->element_count - i);
        }
        missing += (element->has_type ? 0 : element->child_count) - 1;
        leaf_count += element->has_type;
    }
    if (missing > 0) {
        return ktk_error_set(err, KTK_E_CORRUPT, "the schema ends in the middle of a group");
    }
    *out = leaf_count;
    return KTK_OK;
}

ktk_status ktki_parquet_schema_read(struct parquet_schema *out, ktk_context *context,
                                    const struct parquet_metadata *metadata, struct arena *arena,
                                    ktk_error *err) {
    struct parquet_schema schema = {0};
    struct walk walk = {.metadata = metadata,
                        .limits = ktki_context_limits(context),
                        .schema = &schema,
                        .arena = arena,
                        .next = 1,
                        .err = err};
    int32_t leaf_count = 0;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&walk.path, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_parquet_leaf_count(&leaf_count, metadata, walk.limits, err));
    KTKI_TRY(ktki_schema_new(&schema.arrow, context, metadata->elements[0].child_count, err));
    KTKI_TRY(ktki_arena_zeroed(arena, (size_t)leaf_count, sizeof(struct parquet_leaf),
                               &schema.leaves, err));
    KTKI_TRY(ktki_arena_zeroed(arena, (size_t)schema.arrow->field_count,
                               sizeof(struct parquet_column), &schema.columns, err));
    KTKI_TRY(read_columns(&walk));
    KTKI_TRY(take_key_values(schema.arrow, metadata, err));
    *out = schema;
    schema.arrow = NULL;
out:
    ktki_buffer_clear(&walk.path);
    ktki_schema_free(schema.arrow);
    return status;
}
