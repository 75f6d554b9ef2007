#include "support/frames.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/arrow.h>
#include <kartothek/dataset.h>
#include <kartothek/query.h>

#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "support/test.h"

static ktk_status append_cell(struct array_builder *builder, const char *text, size_t size,
                              ktk_error *err) {
    int64_t number = 0;

    if (size == 0) {
        return ktki_builder_append_null(builder, err);
    }
    if (builder->field->type.id == TYPE_STRING) {
        return ktki_builder_append_bytes(builder, text, size, err);
    }
    assert_true(ktki_parse_i64(text, size, &number));
    return ktki_builder_append_i64(builder, number, err);
}

/* Every third cell, from `column` on. */
static ktk_status build_column(struct ArrowArray *out, ktk_context *context,
                               const struct field *field, int column, const char *rows,
                               int64_t *row_count, ktk_error *err) {
    struct array_builder builder = {0};
    ktk_status status = ktki_builder_init(&builder, context, field, err);
    const char *at = rows;
    int cell = 0;

    *row_count = 0;
    while (status == KTK_OK && *at != '\0') {
        size_t size = strcspn(at, ",;");
        if (cell == column) {
            status = append_cell(&builder, at, size, err);
            (*row_count)++;
        }
        at += size;
        cell = *at == ',' ? cell + 1 : 0;
        at += *at != '\0';
    }
    if (status == KTK_OK) {
        status = ktki_builder_finish(&builder, out, err);
    }
    ktki_builder_clear(&builder);
    return status;
}

static ktk_status stream_of(struct ArrowArrayStream *out, ktk_context *context,
                            const struct field fields[3], const char *rows, ktk_error *err) {
    struct schema *schema = NULL;
    struct batch batch = {0};
    int64_t row_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, context, 3, err));
    for (int i = 0; i < 3; i++) {
        KTKI_TRY(ktki_field_copy(schema, &schema->fields[i], &fields[i], err));
    }
    KTKI_TRY(ktki_batch_init(&batch, schema, 0, err));
    for (int i = 0; i < 3; i++) {
        KTKI_TRY(
            build_column(&batch.columns[i], context, &schema->fields[i], i, rows, &row_count, err));
    }
    batch.row_count = row_count;
    KTKI_TRY(ktki_stream_of_batches(out, context, schema, &batch, 1, err));
out:
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
    return status;
}

ktk_status frame_stream(struct ArrowArrayStream *out, ktk_context *context, const char *rows,
                        ktk_error *err) {
    const struct field fields[3] = {
        {.name = "p", .type = {.id = TYPE_STRING}, .nullable = true},
        {.name = "q", .type = {.id = TYPE_INT64}, .nullable = true},
        {.name = "v", .type = {.id = TYPE_INT64}, .nullable = true},
    };
    return stream_of(out, context, fields, rows, err);
}

ktk_status frame_stream_text(struct ArrowArrayStream *out, ktk_context *context, const char *column,
                             const char *rows, ktk_error *err) {
    const struct field fields[3] = {
        {.name = "p", .type = {.id = TYPE_STRING}, .nullable = true},
        {.name = "q", .type = {.id = TYPE_INT64}, .nullable = true},
        {.name = column, .type = {.id = TYPE_STRING}, .nullable = true},
    };
    return stream_of(out, context, fields, rows, err);
}

/* ---- reading ---- */

static char *append(char *text, const char *more) {
    size_t size = text == NULL ? 0 : strlen(text);
    char *grown = realloc(text, size + strlen(more) + 1);

    assert_non_null(grown);
    memcpy(grown + size, more, strlen(more) + 1);
    return grown;
}

static char *append_batch(char *text, const struct ArrowSchema *schema,
                          const struct ArrowArray *batch) {
    for (int64_t row = 0; row < batch->length; row++) {
        if (text[0] != '\0') {
            text = append(text, ";");
        }
        for (int64_t c = 0; c < schema->n_children; c++) {
            char value[256];
            bool is_null;
            (void)ktk_format_value(schema->children[c], batch->children[c], row, value,
                                   sizeof(value), &is_null);
            text = append(append(text, c > 0 ? "," : ""), value);
        }
    }
    return text;
}

ktk_status dataset_rows(char **out, ktk_store *store, const char *uuid, ktk_error *err) {
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray batch = {0};
    ktk_dataset *dataset = NULL;
    char *text = append(NULL, "");
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_open(&dataset, store, uuid, err));
    KTKI_TRY(ktk_query_stream(&stream, dataset, NULL, err));
    KTKI_TRY(ktk_stream_schema(&stream, &schema, err));
    for (;;) {
        KTKI_TRY(ktk_stream_next(&stream, &batch, err));
        if (batch.release == NULL) {
            break;
        }
        text = append_batch(text, &schema, &batch);
        batch.release(&batch);
    }
    *out = text;
    text = NULL;
out:
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    ktk_dataset_free(dataset);
    test_data_free(text);
    return status;
}

ktk_status dataset_paths(char **out, ktk_store *store, const char *uuid, ktk_error *err) {
    ktk_dataset *dataset = NULL;
    char *text = append(NULL, "");
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_open(&dataset, store, uuid, err));
    for (int64_t i = 0; i < ktk_dataset_partition_count(dataset); i++) {
        char label[512];
        char *end;

        (void)snprintf(label, sizeof(label), "%s", ktk_dataset_partition_label(dataset, i));
        end = strrchr(label, '/');
        if (end != NULL) {
            *end = '\0';
        }
        text = append(append(text, i > 0 ? " " : ""), label);
    }
    *out = text;
    text = NULL;
out:
    ktk_dataset_free(dataset);
    test_data_free(text);
    return status;
}

static ktk_status count_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)entry;
    (void)err;
    (*(int64_t *)state)++;
    return KTK_OK;
}

int64_t store_key_count(ktk_store *store) {
    int64_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, "", count_key, &count, &err));
    return count;
}
