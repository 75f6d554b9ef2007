#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "dataset/name.h"
#include "dataset/snapshot_internal.h"
#include "parquet/reader.h"

/* ---- files ---- */

static ktk_status stream_file(struct ArrowArrayStream *out, ktk_dataset *dataset,
                              const struct document_index *index, ktk_error *err) {
    const char *columns[] = {index->column, KTKI_INDEX_LABELS};
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    ktk_context *context = ktk_store_context(dataset->store);
    ktk_parquet_file *file = NULL;
    struct source source = {0};
    ktk_status status = KTK_OK;

    options.columns = columns;
    options.column_count = 2;
    KTKI_TRY(ktki_source_of_key(&source, dataset->store, index->key, -1, err));
    KTKI_TRY(ktki_parquet_open(&file, context, &source, err));
    source = (struct source){0};
    KTKI_TRY(ktki_index_check_labels(file, err));
    KTKI_TRY(ktk_parquet_read(out, file, &options, err));
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index '%s'", index->key);
    }
    ktki_source_free(&source);
    ktk_parquet_file_free(file);
    return status;
}

/* ---- embedded maps ---- */

/* The column in whichever table has it first. */
static ktk_status find_field(const struct field **out, ktk_dataset *dataset, const char *column,
                             ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < dataset->table_count; i++) {
        struct schema *schema;
        int32_t at;

        KTKI_TRY(ktki_dataset_table_schema(&schema, dataset, dataset->tables[i].name, err));
        at = ktki_schema_find(schema, column);
        if (at >= 0) {
            *out = &schema->fields[at];
            goto out;
        }
    }
    KTKI_FAIL(err, KTK_E_NOT_FOUND, "no table of dataset '%s' has the column '%s' of its index",
              ktk_dataset_uuid(dataset), column);
out:
    return status;
}

static ktk_status index_schema(struct schema **out, ktk_context *context,
                               const struct field *column, ktk_error *err) {
    static struct field item = {.name = "item", .type = {.id = TYPE_STRING}, .nullable = true};
    static const struct field labels = {.name = KTKI_INDEX_LABELS,
                                        .type = {.id = TYPE_LIST},
                                        .nullable = true,
                                        .child_count = 1,
                                        .children = &item};
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, context, 2, err));
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[0], column, err));
    KTKI_TRY(ktki_field_copy(schema, &schema->fields[1], &labels, err));
    *out = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

/* Two columns that grow row by row. */
struct rows {
    struct array_builder values;
    struct array_builder labels;
    int64_t count;
};

static ktk_status append_labels(struct rows *rows, struct json_reader *json, ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_ARRAY_BEGIN, "a list of labels", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_ARRAY_END) {
            break;
        }
        if (event != JSON_STRING) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a label is no text");
        }
        KTKI_TRY(ktki_builder_append_bytes(ktki_builder_item(&rows->labels), json->text,
                                           json->text_size, err));
    }
    KTKI_TRY(ktki_builder_end_list(&rows->labels, err));
    rows->count++;
out:
    return status;
}

static ktk_status append_map(struct rows *rows, struct json_reader *json,
                             const struct field *column, ktk_error *err) {
    enum json_event event;
    bool fits;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_json_expect(json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(
            ktki_value_append_text(&fits, &rows->values, column, json->text, json->text_size, err));
        if (!fits) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "'%.*s' is no value of the column", (int)json->text_size,
                      json->text);
        }
        KTKI_TRY(append_labels(rows, json, err));
    }
out:
    return status;
}

static ktk_status finish(struct ArrowArrayStream *out, ktk_context *context, struct schema *schema,
                         struct rows *rows, ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&batch, schema, rows->count, err));
    KTKI_TRY(ktki_builder_finish(&rows->values, &batch.columns[0], err));
    KTKI_TRY(ktki_builder_finish(&rows->labels, &batch.columns[1], err));
    KTKI_TRY(ktki_stream_of_batches(out, context, schema, &batch, 1, err));
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    return status;
}

static ktk_status stream_embedded(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                  const struct document_index *index, ktk_error *err) {
    ktk_context *context = ktk_store_context(dataset->store);
    struct schema *schema = NULL;
    struct rows rows = {0};
    struct json_reader json;
    const struct field *column = NULL;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&json, ktki_context_allocator(context), index->embedded,
                          index->embedded_size, ktki_context_limits(context)->nesting_max);
    KTKI_TRY(find_field(&column, dataset, index->column, err));
    KTKI_TRY(index_schema(&schema, context, column, err));
    KTKI_TRY(ktki_builder_init(&rows.values, context, &schema->fields[0], err));
    KTKI_TRY(ktki_builder_init(&rows.labels, context, &schema->fields[1], err));
    KTKI_TRY(append_map(&rows, &json, &schema->fields[0], err));
    KTKI_TRY(finish(out, context, schema, &rows, err));
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index '%s'", index->column);
    }
    ktki_builder_clear(&rows.labels);
    ktki_builder_clear(&rows.values);
    ktki_schema_free(schema);
    ktki_json_reader_clear(&json);
    return status;
}

ktk_status ktk_dataset_index_stream(struct ArrowArrayStream *out, ktk_dataset *dataset,
                                    const char *column, ktk_error *err) {
    int32_t at = ktki_index_find(dataset, column);
    const struct document_index *index = at < 0 ? NULL : &dataset->document.indices[at];

    if (index == NULL) {
        return ktk_error_set(err, KTK_E_NOT_FOUND, "dataset '%s' has no index on column '%s'",
                             ktk_dataset_uuid(dataset), column);
    }
    return index->key != NULL ? stream_file(out, dataset, index, err)
                              : stream_embedded(out, dataset, index, err);
}
