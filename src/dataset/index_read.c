#include "dataset/index.h"

#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/json_read.h"
#include "dataset/name.h"
#include "parquet/reader.h"
#include "predicate/evaluate.h"

/* ---- files ---- */

static bool is_list(enum type_id id) {
    return id == TYPE_LIST || id == TYPE_LARGE_LIST;
}

ktk_status ktki_index_check_labels(ktk_parquet_file *file, ktk_error *err) {
    struct schema *schema = NULL;
    const struct field *field = NULL;
    ktk_status status = KTK_OK;
    int32_t at;

    KTKI_TRY(ktki_parquet_schema(&schema, file, err));
    at = ktki_schema_find(schema, KTKI_INDEX_LABELS);
    field = at < 0 ? NULL : &schema->fields[at];
    if (field == NULL || !is_list(field->type.id) || field->child_count != 1 ||
        !ktki_type_is_text(field->children[0].type.id)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "this is no index: it has no column '%s' of lists of texts",
                  KTKI_INDEX_LABELS);
    }
out:
    return status;
}

static int64_t offset_at(const struct array_view *view, bool is_large, int64_t row) {
    return is_large ? ((const int64_t *)view->offsets)[view->offset + row]
                    : ((const int32_t *)view->offsets)[view->offset + row];
}

ktk_status ktki_index_row_labels(const struct field *field, const struct ArrowArray *lists,
                                 int64_t row, ktki_index_label_fn fn, void *state, ktk_error *err) {
    const struct data_type *text = &field->children[0].type;
    const struct ArrowArray *items = lists->children[0];
    bool is_large = field->type.id == TYPE_LARGE_LIST;
    struct array_view list_view;
    struct array_view item_view;
    int64_t end;
    ktk_status status = KTK_OK;

    ktki_array_view(lists, &field->type, &list_view);
    ktki_array_view(items, text, &item_view);
    if (ktki_view_is_null(&list_view, row)) {
        goto out;
    }
    end = offset_at(&list_view, is_large, row + 1);
    for (int64_t i = offset_at(&list_view, is_large, row); i < end; i++) {
        const uint8_t *data;
        size_t size;

        if (!ktki_view_is_null(&item_view, i)) {
            ktki_array_bytes(items, text, i, &data, &size);
            KTKI_TRY(fn(state, (const char *)data, size, err));
        }
    }
out:
    return status;
}

static ktk_status pass_batches(struct stream_reader *reader, ktki_index_label_fn fn, void *state,
                               ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(ktki_reader_next(reader, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        for (int64_t row = 0; row < batch.row_count; row++) {
            KTKI_TRY(ktki_index_row_labels(&reader->schema->fields[0], &batch.columns[0], row, fn,
                                           state, err));
        }
        ktki_batch_clear(&batch);
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

/* Values of another type than the table's, or a column of another name: the index was built for
 * something else. */
static bool is_misfit(ktk_status status) {
    return status == KTK_E_INVALID || status == KTK_E_NOT_FOUND || status == KTK_E_UNSUPPORTED;
}

ktk_status ktki_index_file_labels(bool *applies, ktk_parquet_file *file, ktk_context *context,
                                  const ktk_predicate *where, ktki_index_label_fn fn, void *state,
                                  ktk_error *err) {
    static const char *const columns[] = {KTKI_INDEX_LABELS};
    ktk_parquet_read_options options = KTK_PARQUET_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    struct stream_reader reader = {0};
    ktk_status status = KTK_OK;

    options.columns = columns;
    options.column_count = 1;
    options.where = where;
    KTKI_TRY(ktki_index_check_labels(file, err));
    status = ktk_parquet_read(&stream, file, &options, err);
    if (where != NULL && is_misfit(status)) {
        *applies = false;
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(ktki_reader_init(&reader, context, &stream, err));
    KTKI_TRY(pass_batches(&reader, fn, state, err));
    *applies = true;
out:
    ktki_reader_clear(&reader);
    ktki_stream_clear(&stream);
    return status;
}

/* ---- embedded maps ---- */

struct embedded {
    ktk_context *context;
    struct json_reader json;
    struct schema *schema;
    const struct field *field;     /* of the column */
    int32_t field_index;           /* in the schema */
    struct bound_predicate *where; /* NULL: every value */
    const struct field **fields;   /* of the schema */
    const struct ArrowArray **columns;
};

/* Does the value that a key of the map stands for match? `*is_value` false: it is none of the type.
 */
static ktk_status match_key(const struct embedded *embedded, bool *is_value, bool *matches,
                            ktk_error *err) {
    const struct json_reader *json = &embedded->json;
    struct ArrowArray value = {.release = NULL};
    uint8_t mask = 1;
    ktk_status status = KTK_OK;

    *is_value = true;
    if (embedded->where != NULL) {
        status = ktki_partition_value_parse(&value, embedded->context, embedded->field, json->text,
                                            json->text_size, err);
        *is_value = status != KTK_E_CORRUPT && status != KTK_E_UNSUPPORTED;
        if (!*is_value) {
            status = KTK_OK;
            goto out;
        }
        KTKI_TRY(status);
        embedded->columns[embedded->field_index] = &value;
        KTKI_TRY(ktki_bound_evaluate(embedded->where, embedded->fields, embedded->columns, 1, &mask,
                                     err));
    }
    *matches = (mask & 1) != 0;
out:
    ktki_array_clear(&value);
    return status;
}

/* The list of labels of one key. */
static ktk_status pass_list(struct embedded *embedded, bool matches, ktki_index_label_fn fn,
                            void *state, ktk_error *err) {
    struct json_reader *json = &embedded->json;
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
        if (matches) {
            KTKI_TRY(fn(state, json->text, json->text_size, err));
        }
    }
out:
    return status;
}

static ktk_status pass_map(bool *applies, struct embedded *embedded, ktki_index_label_fn fn,
                           void *state, ktk_error *err) {
    enum json_event event;
    bool matches = false;
    ktk_status status = KTK_OK;

    *applies = true;
    KTKI_TRY(ktki_json_expect(&embedded->json, JSON_OBJECT_BEGIN, "a map", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&embedded->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(match_key(embedded, applies, &matches, err));
        if (!*applies) {
            break;
        }
        KTKI_TRY(pass_list(embedded, matches, fn, state, err));
    }
out:
    return status;
}

static ktk_status embedded_init(struct embedded *embedded, const struct document_index *index,
                                const ktk_predicate *where, struct arena *arena, ktk_error *err) {
    struct schema *schema = embedded->schema;
    size_t count = (size_t)schema->field_count;
    ktk_status status = KTK_OK;

    embedded->field_index = ktki_schema_find(schema, index->column);
    if (embedded->field_index < 0) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "there is no column '%s'", index->column);
    }
    embedded->field = &schema->fields[embedded->field_index];
    KTKI_TRY(ktki_arena_zeroed(arena, count, sizeof(*embedded->fields), &embedded->fields, err));
    KTKI_TRY(ktki_arena_zeroed(arena, count, sizeof(*embedded->columns), &embedded->columns, err));
    for (size_t i = 0; i < count; i++) {
        embedded->fields[i] = &schema->fields[i];
    }
    if (where != NULL) {
        KTKI_TRY(ktki_predicate_bind(&embedded->where, embedded->context, where, schema, err));
    }
out:
    return status;
}

ktk_status ktki_index_embedded_labels(bool *applies, const struct document_index *index,
                                      ktk_context *context, struct schema *schema,
                                      const ktk_predicate *where, ktki_index_label_fn fn,
                                      void *state, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct embedded embedded = {.context = context, .schema = schema};
    struct arena arena;
    ktk_status status = KTK_OK;

    ktki_arena_init(&arena, allocator);
    ktki_json_reader_init(&embedded.json, allocator, index->embedded, index->embedded_size,
                          ktki_context_limits(context)->nesting_max);
    status = embedded_init(&embedded, index, where, &arena, err);
    if (where != NULL && is_misfit(status)) {
        *applies = false;
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    KTKI_TRY(pass_map(applies, &embedded, fn, state, err));
out:
    ktki_bound_free(embedded.where);
    ktki_json_reader_clear(&embedded.json);
    ktki_arena_clear(&arena);
    return status;
}
