#include "parquet/schema_write.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "parquet/annotation.h"
#include "parquet/leaf_values.h"

/* How values of a type are stored; what depends on the type's parameters is added by `complete`. */
struct type_mapping {
    bool is_known;
    enum parquet_type physical;
    enum parquet_converted converted;
    struct parquet_logical_type logical;
    enum value_order order;
    void (*complete)(struct schema_element *element, const struct data_type *type);
};

/* Bytes of the smallest two's complement number that holds `precision` decimal digits. */
static int32_t decimal_width(int32_t precision) {
    /* A byte holds log10(256) = 2.40824 digits, and the sign takes log10(2) = 0.30103 of them. No
     * precision up to 76 is near enough to a border for rounding to matter. */
    return (int32_t)(((double)precision + 0.30103) / 2.40824) + 1;
}

static void complete_decimal(struct schema_element *element, const struct data_type *type) {
    element->type_length = decimal_width(type->precision);
    element->precision = type->precision;
    element->scale = type->scale;
    element->logical.precision = type->precision;
    element->logical.scale = type->scale;
}

static void complete_fixed_binary(struct schema_element *element, const struct data_type *type) {
    element->type_length = type->width;
}

static void complete_float16(struct schema_element *element, const struct data_type *type) {
    (void)type;
    element->type_length = 2;
}

static void complete_timestamp(struct schema_element *element, const struct data_type *type) {
    element->logical.is_utc = type->timezone != NULL;
}

static void complete_time64(struct schema_element *element, const struct data_type *type) {
    if (type->unit == UNIT_NANO) {
        element->logical.unit = PQ_UNIT_NANOS;
        element->converted = PQ_CONVERTED_NONE; /* there is none for nanoseconds */
    }
}

/* clang-format off */
#define PLAIN_TYPE(physical, order)                                                                \
    {true, physical, PQ_CONVERTED_NONE, {.id = PQ_LOGICAL_NONE}, order, NULL}
#define INTEGER(physical, converted, bits, signedness, order)                                      \
    {true, physical, converted,                                                                    \
     {.id = PQ_LOGICAL_INTEGER, .bit_width = (bits), .is_signed = (signedness)}, order, NULL}
#define TEXT {true, PQ_BYTE_ARRAY, PQ_UTF8, {.id = PQ_LOGICAL_STRING}, ORDER_BYTES, NULL}
#define DATE {true, PQ_INT32, PQ_DATE, {.id = PQ_LOGICAL_DATE}, ORDER_INT32, NULL}
#define DECIMAL                                                                                    \
    {true, PQ_FIXED_LEN_BYTE_ARRAY, PQ_DECIMAL, {.id = PQ_LOGICAL_DECIMAL}, ORDER_DECIMAL,         \
     complete_decimal}
/* clang-format on */

/* The types are those of pyarrow 6 with version "2.0", which the oldest readers we serve know.
 * Times say that they are adjusted to UTC, because only then is there a converted type. */
static const struct type_mapping mappings[TYPE_COUNT] = {
    [TYPE_NULL] = {true, PQ_INT32, PQ_CONVERTED_NONE, {.id = PQ_LOGICAL_NULL}, ORDER_NONE, NULL},
    [TYPE_BOOL] = PLAIN_TYPE(PQ_BOOLEAN, ORDER_BOOL),
    [TYPE_INT8] = INTEGER(PQ_INT32, PQ_INT_8, 8, true, ORDER_INT32),
    [TYPE_INT16] = INTEGER(PQ_INT32, PQ_INT_16, 16, true, ORDER_INT32),
    [TYPE_INT32] = PLAIN_TYPE(PQ_INT32, ORDER_INT32),
    [TYPE_INT64] = PLAIN_TYPE(PQ_INT64, ORDER_INT64),
    [TYPE_UINT8] = INTEGER(PQ_INT32, PQ_UINT_8, 8, false, ORDER_UINT32),
    [TYPE_UINT16] = INTEGER(PQ_INT32, PQ_UINT_16, 16, false, ORDER_UINT32),
    [TYPE_UINT32] = INTEGER(PQ_INT32, PQ_UINT_32, 32, false, ORDER_UINT32),
    [TYPE_UINT64] = INTEGER(PQ_INT64, PQ_UINT_64, 64, false, ORDER_UINT64),
    [TYPE_FLOAT16] = {true,
                      PQ_FIXED_LEN_BYTE_ARRAY,
                      PQ_CONVERTED_NONE,
                      {.id = PQ_LOGICAL_FLOAT16},
                      ORDER_FLOAT16,
                      complete_float16},
    [TYPE_FLOAT32] = PLAIN_TYPE(PQ_FLOAT, ORDER_FLOAT),
    [TYPE_FLOAT64] = PLAIN_TYPE(PQ_DOUBLE, ORDER_DOUBLE),
    [TYPE_STRING] = TEXT,
    [TYPE_LARGE_STRING] = TEXT,
    [TYPE_STRING_VIEW] = TEXT,
    [TYPE_BINARY] = PLAIN_TYPE(PQ_BYTE_ARRAY, ORDER_BYTES),
    [TYPE_LARGE_BINARY] = PLAIN_TYPE(PQ_BYTE_ARRAY, ORDER_BYTES),
    [TYPE_BINARY_VIEW] = PLAIN_TYPE(PQ_BYTE_ARRAY, ORDER_BYTES),
    [TYPE_FIXED_BINARY] = {true,
                           PQ_FIXED_LEN_BYTE_ARRAY,
                           PQ_CONVERTED_NONE,
                           {.id = PQ_LOGICAL_NONE},
                           ORDER_BYTES,
                           complete_fixed_binary},
    [TYPE_DATE32] = DATE,
    [TYPE_DATE64] = DATE,
    [TYPE_TIME32] = {true,
                     PQ_INT32,
                     PQ_TIME_MILLIS,
                     {.id = PQ_LOGICAL_TIME, .is_utc = true, .unit = PQ_UNIT_MILLIS},
                     ORDER_INT32,
                     NULL},
    [TYPE_TIME64] = {true,
                     PQ_INT64,
                     PQ_TIME_MICROS,
                     {.id = PQ_LOGICAL_TIME, .is_utc = true, .unit = PQ_UNIT_MICROS},
                     ORDER_INT64,
                     complete_time64},
    [TYPE_TIMESTAMP] = {true,
                        PQ_INT64,
                        PQ_TIMESTAMP_MICROS,
                        {.id = PQ_LOGICAL_TIMESTAMP, .unit = PQ_UNIT_MICROS},
                        ORDER_INT64,
                        complete_timestamp},
    [TYPE_DURATION] = PLAIN_TYPE(PQ_INT64, ORDER_INT64),
    [TYPE_DECIMAL128] = DECIMAL,
    [TYPE_DECIMAL256] = DECIMAL,
};

/* Bytes of a stored value by physical type; FIXED_LEN_BYTE_ARRAY: the element's length. */
static const size_t physical_widths[PQ_TYPE_COUNT] = {
    [PQ_BOOLEAN] = 1, [PQ_INT32] = 4, [PQ_INT64] = 8,
    [PQ_INT96] = 12,  [PQ_FLOAT] = 4, [PQ_DOUBLE] = 8,
};

/* How nested types are stored: as a group, for lists and maps with a repeated one in it. */
struct group_mapping {
    bool is_known;
    enum parquet_converted converted;
    enum parquet_logical logical;
    const char *repeated; /* name of the group; NULL: there is none */
};

#define LIST_GROUP {true, PQ_LIST, PQ_LOGICAL_LIST, "list"}

static const struct group_mapping group_mappings[TYPE_COUNT] = {
    [TYPE_LIST] = LIST_GROUP,
    [TYPE_LARGE_LIST] = LIST_GROUP,
    [TYPE_FIXED_LIST] = LIST_GROUP,
    [TYPE_MAP] = {true, PQ_MAP, PQ_LOGICAL_MAP, "key_value"},
    [TYPE_STRUCT] = {true, PQ_CONVERTED_NONE, PQ_LOGICAL_NONE, NULL},
};

/* Levels of a value that is there; `slot` as in struct write_node. */
struct levels {
    int32_t definition;
    int32_t repetition;
    int32_t slot;
};

struct planner {
    struct arena *arena;
    int32_t depth_max; /* levels of fields that are allowed */
    int32_t depth;     /* levels of fields that there are */
    struct write_schema plan;
    /* Of the field being planned and all above it. */
    int32_t field_index;
    int32_t path_count;
    const char **path;
    int32_t node_count;
    struct write_node *nodes;
};

/* ---- size ---- */

/* What a map has for its entries needs no element of its own: the repeated group stands for it. */
static const struct field *holder_of_children(const struct field *field) {
    return field->type.id == TYPE_MAP ? &field->children[0] : field;
}

/* Count elements, leaves and levels of a field. */
static ktk_status measure(struct planner *planner, const struct field *field, int32_t depth,
                          ktk_error *err) {
    const struct group_mapping *group = &group_mappings[field->type.id];
    const struct field *holder = holder_of_children(field);
    ktk_status status = KTK_OK;

    depth += 1 + (holder != field);
    /* A level of fields adds two levels of definition at most. */
    if (depth > planner->depth_max || depth > UINT8_MAX / 2) {
        KTKI_FAIL(err, KTK_E_LIMIT, "field '%s' is nested deeper than %d levels", field->name,
                  depth - 1);
    }
    planner->depth = depth > planner->depth ? depth : planner->depth;
    planner->plan.element_count += group->repeated != NULL ? 2 : 1;
    if (!group->is_known) {
        planner->plan.leaf_count++;
        goto out;
    }
    for (int32_t i = 0; i < holder->child_count; i++) {
        KTKI_TRY(measure(planner, &holder->children[i], depth, err));
    }
out:
    return status;
}

static ktk_status allocate(struct planner *planner, const struct schema *schema, ktk_error *err) {
    struct write_schema *plan = &planner->plan;
    ktk_status status = KTK_OK;

    plan->element_count = 1;
    for (int32_t i = 0; i < schema->field_count; i++) {
        KTKI_TRY(measure(planner, &schema->fields[i], 0, err));
    }
    KTKI_TRY(ktki_arena_zeroed(planner->arena, (size_t)plan->element_count, sizeof(*plan->elements),
                               &plan->elements, err));
    KTKI_TRY(ktki_arena_zeroed(planner->arena, (size_t)plan->leaf_count, sizeof(*plan->leaves),
                               &plan->leaves, err));
    KTKI_TRY(ktki_arena_array(planner->arena, 2 * (size_t)planner->depth, sizeof(*planner->path),
                              &planner->path, err));
    KTKI_TRY(ktki_arena_array(planner->arena, (size_t)planner->depth, sizeof(*planner->nodes),
                              &planner->nodes, err));
    plan->element_count = 0;
    plan->leaf_count = 0;
out:
    return status;
}

/* ---- leaves ---- */

/* The dotted path of the field being planned. */
static ktk_status path_text(const struct planner *planner, const char **out, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, planner->arena->allocator, 0);
    for (int32_t i = 0; i < planner->path_count; i++) {
        KTKI_TRY(ktki_buffer_append_text(&text, i == 0 ? "" : ".", err));
        KTKI_TRY(ktki_buffer_append_text(&text, planner->path[i], err));
    }
    KTKI_TRY(ktki_arena_text(planner->arena, (const char *)text.data, text.size, out, err));
out:
    ktki_buffer_clear(&text);
    return status;
}

static ktk_status refuse_type(const struct planner *planner, const struct field *field,
                              ktk_error *err) {
    const char *path = NULL;
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, planner->arena->allocator, 0);
    KTKI_TRY(path_text(planner, &path, err));
    if (field->type.id == TYPE_STRUCT) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "column '%s': a struct without fields cannot be written to Parquet", path);
    }
    KTKI_TRY(ktki_field_type_text(field, &text, err));
    KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s': type '%.*s' cannot be written to Parquet", path,
              (int)text.size, (const char *)text.data);
out:
    ktki_buffer_clear(&text);
    return status;
}

/* What Parquet can say of a type whose parameters Arrow takes in a wider range. */
static bool is_storable(const struct data_type *type) {
    switch (type->id) {
    case TYPE_FIXED_BINARY:
        return type->width > 0;
    case TYPE_DECIMAL128:
    case TYPE_DECIMAL256:
        return type->scale >= 0 && type->scale <= type->precision;
    default:
        return mappings[type->id].is_known;
    }
}

static void describe_values(struct write_leaf *leaf, const struct data_type *type,
                            const struct schema_element *element) {
    enum value_order order = mappings[type->id].order;

    leaf->type = type;
    leaf->physical = element->type;
    leaf->width = element->type == PQ_FIXED_LEN_BYTE_ARRAY ? (size_t)element->type_length
                                                           : physical_widths[element->type];
    leaf->is_bytes = order == ORDER_BYTES;
    leaf->is_text = ktki_type_is_text(type->id);
    leaf->order = order;
    leaf->has_old_statistics = ktki_order_is_signed(order);
    leaf->kernel = ktki_value_kernel(type);
}

/* The way from the top-level field to the leaf. */
static ktk_status keep_way(const struct planner *planner, struct write_leaf *leaf, ktk_error *err) {
    const char **path = NULL;
    struct write_node *nodes = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_arena_array(planner->arena, (size_t)planner->path_count, sizeof(*path), &path, err));
    KTKI_TRY(
        ktki_arena_array(planner->arena, (size_t)planner->node_count, sizeof(*nodes), &nodes, err));
    memcpy(path, planner->path, (size_t)planner->path_count * sizeof(*path));
    memcpy(nodes, planner->nodes, (size_t)planner->node_count * sizeof(*nodes));
    KTKI_TRY(path_text(planner, &leaf->name, err));
    leaf->path_count = planner->path_count;
    leaf->path = path;
    leaf->node_count = planner->node_count;
    leaf->nodes = nodes;
out:
    return status;
}

static ktk_status add_leaf(struct planner *planner, const struct field *field, struct levels levels,
                           enum parquet_repetition repetition, ktk_error *err) {
    const struct field *values = field->type.id == TYPE_DICTIONARY ? field->dictionary : field;
    const struct type_mapping *mapping = &mappings[values->type.id];
    struct schema_element *element = &planner->plan.elements[planner->plan.element_count];
    struct write_leaf leaf = {.field_index = planner->field_index,
                              .field = field,
                              .definition_max = (uint8_t)levels.definition,
                              .repetition_max = (uint8_t)levels.repetition};
    bool has_order = true;
    ktk_status status = KTK_OK;

    if (!is_storable(&values->type)) {
        KTKI_TRY(refuse_type(planner, field, err));
    }
    *element = (struct schema_element){
        .type = mapping->physical,
        .has_type = true,
        .repetition = repetition,
        .name = planner->path[planner->path_count - 1],
        .converted = mapping->converted,
        .field_id = -1,
        .logical = mapping->logical,
    };
    if (mapping->complete != NULL) {
        mapping->complete(element, &values->type);
    }
    KTKI_TRY(keep_way(planner, &leaf, err));
    KTKI_TRY(ktki_annotation_write(element, field, leaf.name, &has_order, err));
    describe_values(&leaf, &values->type, element);
    if (!has_order) {
        leaf.order = ORDER_NONE;
        leaf.has_old_statistics = false;
    }
    planner->plan.element_count++;
    planner->plan.leaves[planner->plan.leaf_count++] = leaf;
out:
    return status;
}

/* ---- groups ---- */

/* Groups have no type; neither has the root. */
static struct schema_element *add_group(struct planner *planner, const char *name,
                                        enum parquet_repetition repetition, int32_t child_count) {
    struct schema_element *element = &planner->plan.elements[planner->plan.element_count++];

    *element = (struct schema_element){
        .repetition = repetition,
        .name = name,
        .child_count = child_count,
        .converted = PQ_CONVERTED_NONE,
        .field_id = -1,
    };
    return element;
}

static struct write_node *push_node(struct planner *planner, const struct field *field,
                                    struct levels levels, bool is_required) {
    struct write_node *node = &planner->nodes[planner->node_count++];

    *node = (struct write_node){.field = field,
                                .is_required = is_required,
                                .null_level = (uint8_t)levels.definition,
                                .slot_level = (uint8_t)levels.slot};
    return node;
}

static ktk_status add_field(struct planner *planner, const struct field *field, const char *name,
                            struct levels levels, bool is_required, ktk_error *err);

/* The names of children are those that the format wants, except in structs. */
static const char *child_name(const struct field *field, int32_t index) {
    switch (field->type.id) {
    case TYPE_STRUCT:
        return field->children[index].name;
    case TYPE_MAP:
        return index == 0 ? "key" : "value";
    default:
        return "item";
    }
}

/* Keys of maps, and what says how a variant is to be read. */
static bool must_be_there(const struct field *field, int32_t index) {
    return (field->type.id == TYPE_MAP && index == 0) ||
           (ktki_annotation_is_variant(field) &&
            strcmp(field->children[index].name, "metadata") == 0);
}

/* The children of a nested field; `levels` are those of its values. */
static ktk_status add_children(struct planner *planner, const struct field *field,
                               struct levels levels, ktk_error *err) {
    const struct group_mapping *group = &group_mappings[field->type.id];
    const struct field *holder = holder_of_children(field);
    struct write_node *node = &planner->nodes[planner->node_count - 1];
    ktk_status status = KTK_OK;

    if (group->repeated != NULL) {
        (void)add_group(planner, group->repeated, PQ_REPEATED, holder->child_count);
        planner->path[planner->path_count++] = group->repeated;
        levels.definition++;
        levels.repetition++;
        levels.slot = levels.definition;
        node->repetition = (uint8_t)levels.repetition;
    }
    if (holder != field) {
        node = push_node(planner, holder, levels, true);
    }
    for (int32_t i = 0; i < holder->child_count; i++) {
        node->child = i;
        KTKI_TRY(add_field(planner, &holder->children[i], child_name(field, i), levels,
                           must_be_there(field, i), err));
    }
    planner->node_count -= holder != field;
    planner->path_count -= group->repeated != NULL;
out:
    return status;
}

/* A field with all that is below it; `levels` are those of its parent's values. */
static ktk_status add_field(struct planner *planner, const struct field *field, const char *name,
                            struct levels levels, bool is_required, ktk_error *err) {
    const struct group_mapping *group = &group_mappings[field->type.id];
    enum parquet_repetition repetition = is_required ? PQ_REQUIRED : PQ_OPTIONAL;
    bool has_order = true;
    ktk_status status = KTK_OK;

    planner->path[planner->path_count++] = name;
    (void)push_node(planner, field, levels, is_required);
    levels.definition += !is_required;
    if (!group->is_known) {
        KTKI_TRY(add_leaf(planner, field, levels, repetition, err));
    } else {
        struct schema_element *element =
            add_group(planner, name, repetition, group->repeated != NULL ? 1 : field->child_count);

        element->converted = group->converted;
        element->logical.id = group->logical;
        KTKI_TRY(ktki_annotation_write(element, field, field->name, &has_order, err));
        if (holder_of_children(field)->child_count == 0) {
            KTKI_TRY(refuse_type(planner, field, err));
        }
        KTKI_TRY(add_children(planner, field, levels, err));
    }
    planner->node_count--;
    planner->path_count--;
out:
    return status;
}

ktk_status ktki_write_schema_plan(struct write_schema *out, struct arena *arena,
                                  const struct schema *schema, ktk_error *err) {
    struct planner planner = {.arena = arena,
                              .depth_max = ktki_context_limits(schema->context)->nesting_max};
    ktk_status status = KTK_OK;

    KTKI_TRY(allocate(&planner, schema, err));
    (void)add_group(&planner, "schema", PQ_REQUIRED, schema->field_count);
    for (int32_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];

        planner.field_index = i;
        KTKI_TRY(add_field(&planner, field, field->name, (struct levels){0}, false, err));
    }
    *out = planner.plan;
out:
    return status;
}
