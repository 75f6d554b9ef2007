#include "parquet/schema_write.h"

#include "base/alloc.h"
#include "base/error.h"
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

struct planner {
    struct arena *arena;
    struct write_schema plan;
};

static bool is_list(const struct field *field) {
    return field->type.id == TYPE_LIST || field->type.id == TYPE_LARGE_LIST;
}

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

static ktk_status refuse_type(const char *column, const struct field *field,
                              const struct schema *schema, ktk_error *err) {
    struct buffer text;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, schema->arena.allocator, 0);
    KTKI_TRY(ktki_field_type_text(field, &text, err));
    KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s': type '%.*s' cannot be written to Parquet",
              column, (int)text.size, (const char *)text.data);
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

/* The element and the leaf for a flat field; `leaf` has name, path and levels already. */
static ktk_status add_leaf(struct planner *planner, struct write_leaf leaf, const char *name,
                           const struct field *field, const struct schema *schema, ktk_error *err) {
    struct schema_element *element = &planner->plan.elements[planner->plan.element_count];
    const struct field *values = field->type.id == TYPE_DICTIONARY ? field->dictionary : field;
    const struct type_mapping *mapping = &mappings[values->type.id];
    ktk_status status = KTK_OK;

    if (!is_storable(&values->type)) {
        KTKI_TRY(refuse_type(leaf.name, &schema->fields[leaf.field_index], schema, err));
    }
    *element = (struct schema_element){
        .type = mapping->physical,
        .has_type = true,
        .repetition = PQ_OPTIONAL,
        .name = name,
        .converted = mapping->converted,
        .field_id = -1,
        .logical = mapping->logical,
    };
    if (mapping->complete != NULL) {
        mapping->complete(element, &values->type);
    }
    leaf.field = field;
    leaf.type = &values->type;
    leaf.physical = mapping->physical;
    leaf.width = mapping->physical == PQ_FIXED_LEN_BYTE_ARRAY ? (size_t)element->type_length
                                                              : physical_widths[mapping->physical];
    leaf.is_bytes = mapping->order == ORDER_BYTES;
    leaf.is_text = ktki_type_is_text(values->type.id);
    leaf.order = mapping->order;
    leaf.has_old_statistics = ktki_order_is_signed(mapping->order);
    leaf.kernel = ktki_value_kernel(&values->type);
    planner->plan.element_count++;
    planner->plan.leaves[planner->plan.leaf_count++] = leaf;
out:
    return status;
}

static ktk_status add_field(struct planner *planner, const struct schema *schema,
                            int32_t field_index, ktk_error *err) {
    const struct field *field = &schema->fields[field_index];
    struct write_leaf leaf = {.name = field->name, .field_index = field_index};
    const char **path = NULL;
    ktk_status status = KTK_OK;

    leaf.is_list = is_list(field);
    leaf.path_count = leaf.is_list ? 3 : 1;
    KTKI_TRY(ktki_arena_array(planner->arena, (size_t)leaf.path_count, sizeof(*path), &path, err));
    path[0] = field->name;
    leaf.path = path;
    leaf.definition_max = 1;
    if (leaf.is_list) {
        struct schema_element *group = add_group(planner, field->name, PQ_OPTIONAL, 1);

        group->converted = PQ_LIST;
        group->logical.id = PQ_LOGICAL_LIST;
        (void)add_group(planner, "list", PQ_REPEATED, 1);
        path[1] = "list";
        path[2] = "item";
        leaf.definition_max = 3;
        leaf.repetition_max = 1;
        field = &field->children[0];
    }
    KTKI_TRY(add_leaf(planner, leaf, path[leaf.path_count - 1], field, schema, err));
out:
    return status;
}

ktk_status ktki_write_schema_plan(struct write_schema *out, struct arena *arena,
                                  const struct schema *schema, ktk_error *err) {
    struct planner planner = {.arena = arena};
    size_t field_count = (size_t)schema->field_count;
    ktk_status status = KTK_OK;

    /* A list takes three elements. */
    KTKI_TRY(ktki_arena_zeroed(arena, 3 * field_count + 1, sizeof(*planner.plan.elements),
                               &planner.plan.elements, err));
    KTKI_TRY(ktki_arena_zeroed(arena, field_count, sizeof(*planner.plan.leaves),
                               &planner.plan.leaves, err));
    (void)add_group(&planner, "schema", PQ_REQUIRED, schema->field_count);
    for (int32_t i = 0; i < schema->field_count; i++) {
        KTKI_TRY(add_field(&planner, schema, i, err));
    }
    *out = planner.plan;
out:
    return status;
}
