#include "support/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <kartothek/arrow.h>
#include <kartothek/dataset.h>
#include <kartothek/query.h>

#include "arrow/builder.h"
#include "arrow/stream.h"
#include "base/text.h"
#include "base/time_format.h"
#include "support/test.h"
#include "update/capability.h"

#define COLUMNS_MAX 16
#define BATCHES_MAX 64

static const struct {
    const char *name;
    enum type_id id;
} types[] = {
    {"string", TYPE_STRING},  {"int8", TYPE_INT8},           {"int64", TYPE_INT64},
    {"double", TYPE_FLOAT64}, {"bool", TYPE_BOOL},           {"date32", TYPE_DATE32},
    {"null", TYPE_NULL},      {"timestamp", TYPE_TIMESTAMP},
};

static enum type_id type_of(const char *name, size_t size) {
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i].name) == size && memcmp(types[i].name, name, size) == 0) {
            return types[i].id;
        }
    }
    fail_msg("unknown type %.*s", (int)size, name);
    return TYPE_NULL;
}

static ktk_status make_schema(struct schema **out, ktk_context *context, const char *columns,
                              const char *pandas, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = ktki_schema_new(&schema, context, COLUMNS_MAX, err);
    const char *at = columns;

    if (status != KTK_OK) {
        return status;
    }
    schema->field_count = 0;
    while (status == KTK_OK && *at != '\0') {
        size_t name_size = strcspn(at, ":");
        size_t type_size = strcspn(at + name_size + 1, ",");
        struct field *field = &schema->fields[schema->field_count++];

        assert_true(schema->field_count <= COLUMNS_MAX);
        field->nullable = true;
        field->type.id = type_of(at + name_size + 1, type_size);
        field->type.unit = UNIT_NANO;
        status = ktki_arena_text(&schema->arena, at, name_size, &field->name, err);
        at += name_size + 1 + type_size;
        at += *at == ',';
    }
    if (status == KTK_OK && pandas != NULL) {
        status = ktki_schema_set_key_value(schema, "pandas", pandas, strlen(pandas), err);
    }
    if (status == KTK_OK) {
        *out = schema;
    } else {
        ktki_schema_free(schema);
    }
    return status;
}

static ktk_status append_cell(struct array_builder *builder, const char *cell, size_t size,
                              ktk_error *err) {
    int64_t integer = 0;
    int32_t nanoseconds;
    bool has_offset;
    double real;

    if (size == 0) {
        return ktki_builder_append_null(builder, err);
    }
    switch (builder->field->type.id) {
    case TYPE_STRING:
        return ktki_builder_append_bytes(builder, cell, size, err);
    case TYPE_FLOAT64:
        assert_true(ktki_parse_f64(cell, size, &real));
        return ktki_builder_append_f64(builder, real, err);
    case TYPE_DATE32:
        assert_true(ktki_parse_date(cell, size, &integer));
        break;
    case TYPE_TIMESTAMP:
        assert_true(ktki_parse_timestamp(cell, size, &integer, &nanoseconds, &has_offset));
        integer = integer * 1000000000 + nanoseconds;
        break;
    case TYPE_BOOL:
        integer = cell[0] == 't';
        break;
    default:
        assert_true(ktki_parse_i64(cell, size, &integer));
    }
    return ktki_builder_append_i64(builder, integer, err);
}

/* Append one row; returns where the next begins. */
static ktk_status append_row(struct array_builder *builders, int32_t count, const char **row,
                             ktk_error *err) {
    ktk_status status = KTK_OK;
    const char *at = *row;

    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        size_t size = strcspn(at, ",;");

        status = append_cell(&builders[i], at, size, err);
        at += size;
        at += *at == ',';
    }
    assert_true(status != KTK_OK || *at == ';' || *at == '\0');
    *row = at + (*at == ';');
    return status;
}

static ktk_status make_batch(struct batch *out, ktk_context *context, struct schema *schema,
                             const char **rows, int64_t row_count_max, ktk_error *err) {
    struct array_builder builders[COLUMNS_MAX];
    int32_t count = schema->field_count;
    struct batch batch = {0};
    int64_t row_count = 0;
    ktk_status status = KTK_OK;

    memset(builders, 0, sizeof(builders));
    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        status = ktki_builder_init(&builders[i], context, &schema->fields[i], err);
    }
    for (; status == KTK_OK && **rows != '\0' && row_count < row_count_max; row_count++) {
        status = append_row(builders, count, rows, err);
    }
    if (status == KTK_OK) {
        status = ktki_batch_init(&batch, schema, row_count, err);
    }
    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        status = ktki_builder_finish(&builders[i], &batch.columns[i], err);
    }
    for (int32_t i = 0; i < count; i++) {
        if (builders[i].context != NULL) {
            ktki_builder_clear(&builders[i]);
        }
    }
    if (status == KTK_OK) {
        *out = batch;
    } else {
        ktki_batch_clear(&batch);
    }
    return status;
}

ktk_status test_frame(struct ArrowArrayStream *out, ktk_context *context, const char *columns,
                      const char *rows, int64_t batch_rows, const char *pandas, ktk_error *err) {
    struct batch batches[BATCHES_MAX];
    struct schema *schema = NULL;
    size_t count = 0;
    ktk_status status = make_schema(&schema, context, columns, pandas, err);

    if (status != KTK_OK) {
        return status;
    }
    do {
        assert_true(count < BATCHES_MAX);
        status = make_batch(&batches[count], context, schema, &rows,
                            batch_rows == 0 ? INT64_MAX : batch_rows, err);
        count += status == KTK_OK;
    } while (status == KTK_OK && *rows != '\0');
    if (status == KTK_OK) {
        status = ktki_stream_of_batches(out, context, schema, batches, count, err);
    }
    for (size_t i = 0; i < count && status != KTK_OK; i++) {
        ktki_batch_clear(&batches[i]);
    }
    ktki_schema_free(schema);
    return status;
}

static char *append(char *text, size_t *size, const char *more) {
    size_t more_size = strlen(more);

    text = realloc(text, *size + more_size + 1);
    assert_non_null(text);
    memcpy(text + *size, more, more_size + 1);
    *size += more_size;
    return text;
}

static char *append_rows(char *text, size_t *size, const struct ArrowSchema *schema,
                         const struct ArrowArray *array) {
    char cell[256];
    bool is_null;

    for (int64_t row = 0; row < array->length; row++) {
        if (text[*size - 1] != '|') {
            text = append(text, size, ";");
        }
        for (int64_t i = 0; i < schema->n_children; i++) {
            (void)ktk_format_value(schema->children[i], array->children[i], row, cell, sizeof(cell),
                                   &is_null);
            text = append(text, size, i == 0 ? "" : ",");
            text = append(text, size, cell);
        }
    }
    return text;
}

ktk_status test_frame_text(char **out, struct ArrowArrayStream *stream, ktk_error *err) {
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    char *text = NULL;
    size_t size = 0;
    ktk_status status = ktk_stream_schema(stream, &schema, err);

    text = append(text, &size, "");
    for (int64_t i = 0; status == KTK_OK && i < schema.n_children; i++) {
        text = append(text, &size, i == 0 ? "" : ",");
        text = append(text, &size, schema.children[i]->name);
    }
    text = append(text, &size, "|");
    while (status == KTK_OK) {
        status = ktk_stream_next(stream, &array, err);
        if (status != KTK_OK || array.release == NULL) {
            break;
        }
        text = append_rows(text, &size, &schema, &array);
        array.release(&array);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    ktki_stream_clear(stream);
    if (status == KTK_OK) {
        *out = text;
    } else {
        test_data_free(text);
    }
    return status;
}

ktk_status test_dataset_text(char **out, ktk_store *store, const char *uuid, ktk_error *err) {
    struct ArrowArrayStream stream = {0};
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, uuid, err);

    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, NULL, err);
    }
    ktk_dataset_free(dataset);
    return status == KTK_OK ? test_frame_text(out, &stream, err) : status;
}

void test_check_dataset(ktk_store *store, const char *uuid, const char *wanted) {
    char *text = NULL;
    ktk_error err;

    CHECK_OK(test_dataset_text(&text, store, uuid, &err));
    assert_string_equal(text, wanted);
    test_data_free(text);
}

static ktk_status count_key(void *state, const ktk_store_entry *entry, ktk_error *err) {
    (void)entry;
    (void)err;
    ++*(int64_t *)state;
    return KTK_OK;
}

int64_t test_key_count(ktk_store *store, const char *prefix) {
    int64_t count = 0;
    ktk_error err;

    CHECK_OK(ktk_store_list(store, prefix, count_key, &count, &err));
    return count;
}

ktk_store *test_store_open(ktk_context *context) {
    enum capability_level level;
    ktk_store *store = NULL;
    ktk_error err;

    CHECK_OK(ktk_store_open(&store, context, test_store_url(), &err));
    CHECK_OK(ktki_capability_level(&level, store, "u", &err));
    return store;
}

/* The time of the store, as it tells it. */
static int64_t told_time(ktk_store *store) {
    static const char key[] = "grow-old";
    ktk_store_entry entry;
    ktk_error err;

    CHECK_OK(ktk_store_put(store, key, "x", 1, NULL, NULL, &err));
    CHECK_OK(ktk_store_head(store, key, &entry, &err));
    CHECK_OK(ktk_store_remove(store, key, &err));
    return entry.modified_us;
}

void test_grow_old(ktk_store *store) {
    const struct timespec pause = {0, 20000000};
    int64_t from_us = told_time(store);
    /* Some services round up, and some cut off: two seconds of theirs are one at least. */
    int64_t least_us = from_us % 1000000 == 0 ? 2000000 : 1;

    assert_true(from_us >= 0);
    while (told_time(store) < from_us + least_us) {
        (void)nanosleep(&pause, NULL);
    }
}
