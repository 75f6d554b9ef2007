#include "dataset/table_schema.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "dataset/pandas_metadata.h"

/* ---- types ---- */

/* What a type of data becomes in the schema of a table; types that are not here stay. */
static const struct {
    bool is_changed;
    enum type_id id;
} normal_types[TYPE_COUNT] = {
    [TYPE_INT8] = {true, TYPE_INT64},
    [TYPE_INT16] = {true, TYPE_INT64},
    [TYPE_INT32] = {true, TYPE_INT64},
    [TYPE_UINT8] = {true, TYPE_UINT64},
    [TYPE_UINT16] = {true, TYPE_UINT64},
    [TYPE_UINT32] = {true, TYPE_UINT64},
    [TYPE_FLOAT16] = {true, TYPE_FLOAT64},
    [TYPE_FLOAT32] = {true, TYPE_FLOAT64},
    /* String mode S: what both originals read. */
    [TYPE_LARGE_STRING] = {true, TYPE_STRING},
    [TYPE_STRING_VIEW] = {true, TYPE_STRING},
    [TYPE_LARGE_BINARY] = {true, TYPE_BINARY},
    [TYPE_BINARY_VIEW] = {true, TYPE_BINARY},
};

/* What a file says of a field, in place, on a copy that belongs to the schema being built: anything
 * but the key of a map may be null, dates are days. */
static void simplify(struct field *field, bool is_nullable) {
    if (field->type.id == TYPE_DATE64) {
        field->type.id = TYPE_DATE32;
    }
    field->nullable = is_nullable;
    field->key_value_count = 0;
    field->key_values = NULL;
    if (field->type.id == TYPE_MAP) {
        simplify(&field->children[0], false);
        field->children[0].children[0].nullable = false;
        return;
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        simplify(&field->children[i], true);
    }
}

/* Types within structs and maps, and within lists of other kinds, stay. */
static void normalise_type(struct field *field) {
    ktki_field_decode(field);
    simplify(field, true);
    if (normal_types[field->type.id].is_changed) {
        field->type = (struct data_type){.id = normal_types[field->type.id].id};
    }
    if (field->type.id == TYPE_TIMESTAMP) {
        /* Files hold microseconds in any case; the schema says what pandas makes of them. */
        field->type.unit = UNIT_NANO;
    }
    if (field->type.id == TYPE_LIST) {
        normalise_type(&field->children[0]);
        field->children[0].name = "item";
    }
}

/* Periods and intervals of pandas, which plateau's datasets may have, are no types of Arrow: their
 * names alone tell what the numbers are. */
static bool is_made_by_pandas(const struct pandas_column *column, enum type_id id) {
    const char *name = column->numpy_type;

    return name != NULL && ((id == TYPE_INT64 && strncmp(name, "period[", 7) == 0) ||
                            (id == TYPE_STRUCT && strncmp(name, "interval[", 9) == 0));
}

/* The entry of a column after its type was normalised. Categories are described by their values:
 * kartothek names the dtype of the codes, which plateau then does not take for text, so that it
 * cannot update the dataset. */
static ktk_status normalise_column(struct pandas_column *column, struct arena *arena,
                                   const struct field *normal, ktk_error *err) {
    struct pandas_column derived;
    enum type_id id = normal->type.id;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_pandas_column_of_field(&derived, arena, normal, err));
    if (ktki_type_is_text(id) && column->numpy_type != NULL &&
        strcmp(column->numpy_type, "string") == 0) {
        derived.numpy_type = "string";
    } else if (id == TYPE_BOOL && column->numpy_type != NULL &&
               (strcmp(column->numpy_type, "object") == 0 ||
                strcmp(column->numpy_type, "boolean") == 0)) {
        derived.numpy_type = column->numpy_type;
    } else if (is_made_by_pandas(column, id)) {
        derived.numpy_type = column->numpy_type;
        derived.pandas_type = "object";
    }
    column->pandas_type = derived.pandas_type;
    column->numpy_type = derived.numpy_type;
    column->metadata = derived.metadata;
out:
    return status;
}

/* ---- columns ---- */

/* An entry with its field, if it has one, and what it is ordered by. */
struct item {
    struct pandas_column column;
    struct field field;
    bool has_field;
    int32_t group; /* 0: partition key, 1: named, 2: unnamed */
    int32_t position;
};

struct builder {
    struct schema *schema;
    struct arena *arena; /* of what is needed while building */
    const struct schema *data;
    struct pandas_metadata pandas;
    bool *index_marks;
    struct buffer items;
    struct hash_map columns; /* field name to the position in `pandas.columns` */
};

static int compare_items(const void *a, const void *b) {
    const struct item *first = a;
    const struct item *second = b;
    int order = (first->group > second->group) - (first->group < second->group);

    if (order == 0 && first->group == 1) {
        order = strcmp(first->column.name, second->column.name);
    }
    return order != 0 ? order
                      : (first->position > second->position) - (first->position < second->position);
}

static void set_order(struct item *item, int32_t position, const char *const *partition_keys,
                      int32_t partition_key_count) {
    item->position = position;
    item->group = item->column.name == NULL ? 2 : 1;
    for (int32_t i = 0; i < partition_key_count && item->group == 1; i++) {
        if (strcmp(item->column.name, partition_keys[i]) == 0) {
            item->group = 0;
            item->position = i;
        }
    }
}

static ktk_status map_columns(struct builder *builder, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < builder->pandas.column_count; i++) {
        const char *name = builder->pandas.columns[i].field_name;
        uint64_t *position;

        KTKI_TRY(ktki_hash_map_insert(&builder->columns, name, strlen(name), (uint64_t)i, &position,
                                      NULL, err));
    }
out:
    return status;
}

/* The entry of a field: what the data came with, or what its type says. */
static ktk_status column_of(struct builder *builder, const struct field *field,
                            struct pandas_column *out, ktk_error *err) {
    const uint64_t *position =
        ktki_hash_map_find(&builder->columns, field->name, strlen(field->name));

    if (position != NULL) {
        *out = builder->pandas.columns[*position];
        return KTK_OK;
    }
    return ktki_pandas_column_of_field(out, builder->arena, field, err);
}

static ktk_status add_field(struct builder *builder, const struct field *field, ktk_error *err) {
    struct item item = {.has_field = true};
    ktk_status status = KTK_OK;

    KTKI_TRY(column_of(builder, field, &item.column, err));
    KTKI_TRY(ktki_field_copy(builder->schema, &item.field, field, err));
    normalise_type(&item.field);
    KTKI_TRY(normalise_column(&item.column, builder->arena, &item.field, err));
    /* A column that is data has a name, whatever its entry says. */
    item.column.name = item.column.name == NULL ? field->name : item.column.name;
    KTKI_TRY(ktki_buffer_append(&builder->items, &item, sizeof(item), err));
out:
    return status;
}

/* Entries without data: index columns, stored in files but not part of the table. */
static ktk_status add_index_column(struct builder *builder, const struct pandas_column *column,
                                   ktk_error *err) {
    struct item item = {.column = *column};
    int32_t index = ktki_schema_find(builder->data, column->field_name);
    ktk_status status = KTK_OK;

    if (index >= 0 && column->name != NULL) {
        struct field normal;

        KTKI_TRY(ktki_field_copy(builder->schema, &normal, &builder->data->fields[index], err));
        normalise_type(&normal);
        KTKI_TRY(normalise_column(&item.column, builder->arena, &normal, err));
    }
    KTKI_TRY(ktki_buffer_append(&builder->items, &item, sizeof(item), err));
out:
    return status;
}

static ktk_status add_items(struct builder *builder, ktk_error *err) {
    const struct schema *data = builder->data;
    struct hash_map names;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&names, builder->arena->allocator);
    for (int32_t i = 0; i < data->field_count; i++) {
        const char *name = data->fields[i].name;
        uint64_t *position;
        bool is_new;

        KTKI_TRY(
            ktki_hash_map_insert(&names, name, strlen(name), (uint64_t)i, &position, &is_new, err));
        if (!is_new) {
            KTKI_FAIL(err, KTK_E_INVALID, "column '%s' comes twice", name);
        }
        if (!builder->index_marks[i]) {
            KTKI_TRY(add_field(builder, &data->fields[i], err));
        }
    }
    for (int32_t i = 0; i < builder->pandas.column_count; i++) {
        const struct pandas_column *column = &builder->pandas.columns[i];
        const uint64_t *position =
            ktki_hash_map_find(&names, column->field_name, strlen(column->field_name));

        if (position == NULL || builder->index_marks[*position]) {
            KTKI_TRY(add_index_column(builder, column, err));
        }
    }
out:
    ktki_hash_map_clear(&names);
    return status;
}

/* Order the items and put them into the schema and its entry. */
static ktk_status finish(struct builder *builder, const char *const *partition_keys,
                         int32_t partition_key_count, ktk_error *err) {
    struct item *items = (struct item *)builder->items.data;
    size_t count = builder->items.size / sizeof(*items);
    struct schema *schema = builder->schema;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        set_order(&items[i], (int32_t)i, partition_keys, partition_key_count);
    }
    if (count > 0) {
        qsort(items, count, sizeof(*items), compare_items);
    }
    KTKI_TRY(ktki_arena_array(builder->arena, count, sizeof(struct pandas_column),
                              &builder->pandas.columns, err));
    schema->field_count = 0;
    for (size_t i = 0; i < count; i++) {
        builder->pandas.columns[i] = items[i].column;
        if (items[i].has_field) {
            schema->fields[schema->field_count++] = items[i].field;
        }
    }
    builder->pandas.column_count = (int32_t)count;
    KTKI_TRY(ktki_pandas_attach(&builder->pandas, builder->arena, schema, err));
out:
    return status;
}

static ktk_status check_index(const struct pandas_metadata *pandas, ktk_error *err) {
    if (pandas->index_count > 1) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "a frame with an index of %d levels cannot be stored; reset it to "
                             "columns first",
                             pandas->index_count);
    }
    return KTK_OK;
}

ktk_status ktki_table_schema_normalise(struct schema **out, const struct schema *data,
                                       const char *const *partition_keys,
                                       int32_t partition_key_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(data->context);
    struct arena arena;
    struct builder builder = {.arena = &arena, .data = data};
    bool has_entry;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, allocator);
    ktki_buffer_init(&builder.items, allocator, 0);
    ktki_hash_map_init(&builder.columns, allocator);
    KTKI_TRY(ktki_schema_new(&builder.schema, data->context, data->field_count, err));
    KTKI_TRY(ktki_pandas_parse(&builder.pandas, &has_entry, &arena, data, err));
    if (!has_entry) {
        KTKI_TRY(ktki_pandas_init(&builder.pandas, &arena, err));
    }
    KTKI_TRY(check_index(&builder.pandas, err));
    KTKI_TRY(ktki_arena_array(&arena, (size_t)data->field_count, 1, &builder.index_marks, err));
    KTKI_TRY(ktki_pandas_index_marks(data, builder.index_marks, err));
    KTKI_TRY(map_columns(&builder, err));
    KTKI_TRY(add_items(&builder, err));
    KTKI_TRY(finish(&builder, partition_keys, partition_key_count, err));
    *out = builder.schema;
    builder.schema = NULL;
out:
    ktki_schema_free(builder.schema);
    ktki_hash_map_clear(&builder.columns);
    ktki_buffer_clear(&builder.items);
    ktki_arena_clear(&arena);
    return status;
}
