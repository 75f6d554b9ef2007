#include "dataset/table_schema.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/pandas_metadata.h"

static void mark_indices(const struct schema *schema, const struct pandas_metadata *pandas,
                         bool *marks) {
    if (schema->field_count > 0) {
        memset(marks, 0, (size_t)schema->field_count * sizeof(*marks));
    }
    for (int32_t i = 0; i < pandas->index_count; i++) {
        const char *name = pandas->indices[i].field_name;
        int32_t index = name != NULL ? ktki_schema_find(schema, name) : -1;

        if (index >= 0) {
            marks[index] = true;
        }
    }
}

ktk_status ktki_pandas_index_marks(const struct schema *schema, bool *marks, ktk_error *err) {
    struct pandas_metadata pandas;
    struct arena arena;
    bool has_entry;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, ktki_context_allocator(schema->context));
    KTKI_TRY(ktki_pandas_parse(&pandas, &has_entry, &arena, schema, err));
    mark_indices(schema, &pandas, marks);
out:
    ktki_arena_clear(&arena);
    return status;
}

/* An entry that the originals' readers take: types by the field where it is not of it, dtypes that
 * every reader knows. */
static ktk_status file_column(struct pandas_column *column, struct arena *arena,
                              const struct field *field, ktk_error *err) {
    struct pandas_column derived;
    bool is_categorical =
        column->pandas_type != NULL && strcmp(column->pandas_type, "categorical") == 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_pandas_column_of_field(&derived, arena, field, err));
    if (is_categorical != (field->type.id == TYPE_DICTIONARY)) {
        derived.name = column->name;
        *column = derived;
        goto out;
    }
    if (column->numpy_type == NULL || !ktki_numpy_type_is_common(column->numpy_type)) {
        column->numpy_type = derived.numpy_type;
    }
    if (column->pandas_type == NULL || ktki_type_is_text(field->type.id)) {
        column->pandas_type = derived.pandas_type;
    }
out:
    return status;
}

static const struct pandas_column *find_column(const struct pandas_metadata *pandas,
                                               const char *field_name) {
    for (int32_t i = 0; i < pandas->column_count; i++) {
        if (strcmp(pandas->columns[i].field_name, field_name) == 0) {
            return &pandas->columns[i];
        }
    }
    return NULL;
}

/* The range of a default index counted the rows of the whole frame; of the rows of one partition
 * there is none, and readers number them from 0. Index columns that are stored stay. */
static void drop_ranges(struct pandas_metadata *pandas) {
    int32_t kept = 0;

    for (int32_t i = 0; i < pandas->index_count; i++) {
        if (pandas->indices[i].field_name != NULL) {
            pandas->indices[kept++] = pandas->indices[i];
        }
    }
    pandas->index_count = kept;
}

static bool is_partition_key(const char *const *partition_keys, int32_t count, const char *name) {
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(partition_keys[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static ktk_status add_file_field(struct schema *schema, struct pandas_column *columns,
                                 const struct pandas_metadata *pandas, struct arena *arena,
                                 const struct field *field, ktk_error *err) {
    const struct pandas_column *column = find_column(pandas, field->name);
    struct pandas_column *out = &columns[schema->field_count];
    ktk_status status = KTK_OK;

    if (column != NULL) {
        *out = *column;
        KTKI_TRY(file_column(out, arena, field, err));
    } else {
        KTKI_TRY(ktki_pandas_column_of_field(out, arena, field, err));
    }
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[schema->field_count], field, err));
    schema->field_count++;
out:
    return status;
}

ktk_status ktki_table_schema_of_file(struct schema **out, const struct schema *data,
                                     const char *const *partition_keys, int32_t partition_key_count,
                                     ktk_error *err) {
    struct schema *schema = NULL;
    struct pandas_metadata pandas;
    struct pandas_column *columns;
    struct arena arena;
    bool has_entry;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, ktki_context_allocator(data->context));
    KTKI_TRY(ktki_schema_new(&schema, data->context, data->field_count, err));
    KTKI_TRY(ktki_pandas_parse(&pandas, &has_entry, &arena, data, err));
    if (!has_entry) {
        KTKI_TRY(ktki_pandas_init(&pandas, &arena, err));
    }
    KTKI_TRY(ktki_arena_array(&arena, (size_t)data->field_count, sizeof(*columns), &columns, err));
    schema->field_count = 0;
    for (int32_t i = 0; i < data->field_count; i++) {
        if (!is_partition_key(partition_keys, partition_key_count, data->fields[i].name)) {
            KTKI_TRY(add_file_field(schema, columns, &pandas, &arena, &data->fields[i], err));
        }
    }
    pandas.columns = columns;
    pandas.column_count = schema->field_count;
    if (partition_key_count > 0) {
        drop_ranges(&pandas);
    }
    KTKI_TRY(ktki_pandas_attach(&pandas, &arena, schema, err));
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    ktki_arena_clear(&arena);
    return status;
}
