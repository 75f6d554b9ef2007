#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/pandas_metadata.h"
#include "dataset/table_schema.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

/* Newer writers call the items of a list otherwise; both originals take that for another type or
 * not, by their age. */
static void name_items(struct field *field) {
    for (; field->type.id == TYPE_LIST; field = &field->children[0]) {
        field->children[0].name = "item";
    }
}

/* The fields that are data, naive timestamps in the unit of pandas, nothing but `pandas` beside. */
static ktk_status table_schema_of(struct schema **out, const struct schema *stored,
                                  ktk_error *err) {
    const struct key_value *entry = ktki_schema_key_value(stored, KTKI_PANDAS_KEY);
    struct schema *schema = NULL;
    struct arena arena;
    bool *marks;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, ktki_context_allocator(stored->context));
    KTKI_TRY(ktki_arena_array(&arena, (size_t)stored->field_count, sizeof(*marks), &marks, err));
    KTKI_TRY(ktki_pandas_index_marks(stored, marks, err));
    KTKI_TRY(ktki_schema_new(&schema, stored->context, stored->field_count, err));
    schema->field_count = 0;
    for (int32_t i = 0; i < stored->field_count; i++) {
        struct field *field = &schema->fields[schema->field_count];

        if (marks[i]) {
            continue;
        }
        KTKI_TRY(ktki_field_copy(schema, field, &stored->fields[i], err));
        schema->field_count++;
        field->key_value_count = 0;
        field->key_values = NULL;
        name_items(field);
        if (field->type.id == TYPE_TIMESTAMP && field->type.unit == UNIT_MICRO &&
            field->type.timezone == NULL) {
            field->type.unit = UNIT_NANO;
            field->nullable = true;
        }
    }
    if (entry != NULL) {
        KTKI_TRY(
            ktki_schema_set_key_value(schema, entry->key, entry->value, entry->value_size, err));
    }
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    ktki_arena_clear(&arena);
    return status;
}

ktk_status ktki_table_schema_decode(struct schema **out, ktk_context *context, const void *data,
                                    size_t size, const char *key, ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    struct source source = {0};
    ktk_parquet_file *file = NULL;
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    /* Borrowed: the file ends before the call does. */
    bytes = (ktk_bytes){data, size, NULL, NULL};
    KTKI_TRY(ktki_source_of_bytes(&source, context, &bytes, key, err));
    KTKI_TRY(ktki_parquet_open(&file, context, &source, err));
    source = (struct source){0};
    status = ktki_parquet_schema(&schema, file, err);
    if (status == KTK_OK) {
        status = table_schema_of(out, schema, err);
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "schema file '%s'", key);
    }
out:
    ktk_parquet_file_free(file);
    ktki_source_free(&source);
    return status;
}

ktk_status ktki_table_schema_encode(struct buffer *out, ktk_context *context,
                                    const struct schema *schema, ktk_error *err) {
    return ktki_parquet_schema_file(out, context, schema, err);
}
