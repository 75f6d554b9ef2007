#include "query/csv_file.h"

#include <kartothek/arrow.h>

#include "arrow/cast.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/codec.h"
#include "dataset/name.h"

#define DELIMITER ';'
/* What a byte of a compressed file is believed to stand for without asking limits. */
#define EXPANSION_MAX 128
#define SHOWN_MAX 60

/* ---- bytes ---- */

static ktk_status expand(ktk_bytes *bytes, ktk_context *context, ktk_error *err) {
    const ktk_limits *limits = ktki_context_limits(context);
    uint64_t size_max =
        (uint64_t)limits->expansion_bytes_max + (uint64_t)EXPANSION_MAX * bytes->size;
    struct buffer text;
    ktk_status status = KTK_OK;

    if (size_max > (uint64_t)limits->object_bytes_max) {
        size_max = (uint64_t)limits->object_bytes_max;
    }
    ktki_buffer_init(&text, ktki_context_allocator(context), (size_t)size_max);
    KTKI_TRY(ktki_gzip_expand(&text, bytes->data, bytes->size, err));
    ktk_bytes_clear(bytes);
    KTKI_TRY(ktki_buffer_move(&text, bytes, err));
out:
    ktki_buffer_clear(&text);
    return status;
}

/* A frame without columns, and without rows, is written as an empty line or as nothing at all. */
static bool is_blank(const ktk_bytes *bytes) {
    size_t size = 0;

    while (size < bytes->size && (bytes->data[size] == '\n' || bytes->data[size] == '\r')) {
        size++;
    }
    return size == bytes->size;
}

/* ---- columns ---- */

/* The type that the CSV reader knows the values of a field by; text if it has none for them: such
 * values are looked at one by one. */
static const char *type_name(const struct field *field) {
    switch (field->type.id) {
    case TYPE_BOOL:
        return "bool";
    case TYPE_INT8:
        return "int8";
    case TYPE_INT16:
        return "int16";
    case TYPE_INT32:
        return "int32";
    case TYPE_INT64:
        return "int64";
    case TYPE_UINT8:
        return "uint8";
    case TYPE_UINT16:
        return "uint16";
    case TYPE_UINT32:
        return "uint32";
    case TYPE_UINT64:
        return "uint64";
    case TYPE_FLOAT32:
        return "float";
    case TYPE_FLOAT64:
        return "double";
    case TYPE_DATE32:
        return "date32";
    default:
        return "string";
    }
}

/* The originals write the notation of a Python literal for bytes, which is no value. */
static bool is_held_by_csv(const struct field *field) {
    return !ktki_type_is_nested(field->type.id) && !ktki_type_is_binary(field->type.id) &&
           field->type.id != TYPE_FIXED_BINARY;
}

static ktk_status fail_value(const struct field *field, int64_t row, const char *text, size_t size,
                             const ktk_allocator *allocator, ktk_error *err) {
    struct buffer type;
    ktk_status status = KTK_OK;

    size = size > SHOWN_MAX ? SHOWN_MAX : size;
    while (!ktki_utf8_is_valid(text, size)) {
        size--;
    }
    ktki_buffer_init(&type, allocator, 0);
    KTKI_TRY(ktki_field_type_text(field, &type, err));
    KTKI_FAIL(err, KTK_E_CORRUPT, "row %lld, column '%s': '%.*s' is no %.*s", (long long)row,
              field->name, (int)size, text, (int)type.size, (const char *)type.data);
out:
    ktki_buffer_clear(&type);
    return status;
}

/* Values of a text column by the text forms of another type. */
static ktk_status parse_texts(struct ArrowArray *out, ktk_context *context,
                              const struct ArrowArray *texts, const struct field *from,
                              const struct field *to, int64_t first_row, ktk_error *err) {
    struct array_builder builder = {0};
    struct array_view view;
    ktk_status status = KTK_OK;

    ktki_array_view(texts, &from->type, &view);
    KTKI_TRY(ktki_builder_init(&builder, context, to, err));
    for (int64_t row = 0; row < view.length; row++) {
        const uint8_t *text;
        size_t size;
        bool fits = false;

        if (ktki_view_is_null(&view, row)) {
            KTKI_TRY(ktki_builder_append_null(&builder, err));
            continue;
        }
        ktki_array_bytes(texts, &from->type, row, &text, &size);
        if (to->type.id != TYPE_NULL) {
            KTKI_TRY(ktki_value_append_text(&fits, &builder, to, (const char *)text, size, err));
        }
        if (!fits) {
            status = fail_value(to, first_row + row, (const char *)text, size,
                                ktki_context_allocator(context), err);
            goto out;
        }
    }
    KTKI_TRY(ktki_builder_finish(&builder, out, err));
out:
    ktki_builder_clear(&builder);
    return status;
}

/* `read` is consumed. */
static ktk_status convert(struct batch *out, const struct csv_file *file, struct batch *read,
                          int64_t first_row, ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&batch, file->schema, read->row_count, err));
    for (int32_t i = 0; i < file->schema->field_count; i++) {
        const struct field *from = &read->schema->fields[i];
        const struct field *to = &file->schema->fields[i];

        KTKI_TRY(ktki_cast_is_possible(from, to)
                     ? ktki_array_cast(&batch.columns[i], file->context, &read->columns[i], from,
                                       to, err)
                     : parse_texts(&batch.columns[i], file->context, &read->columns[i], from, to,
                                   first_row, err));
    }
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    ktki_batch_clear(read);
    return status;
}

/* ---- the file ---- */

/* The columns of the file, those wanted with the fields of the table. */
static ktk_status make_schema(struct csv_file *file, const struct schema *read,
                              const struct schema *table, const bool *wanted, ktk_error *err) {
    struct schema *schema = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&schema, file->context, read->field_count, err));
    for (int32_t i = 0; i < read->field_count; i++) {
        int32_t field = ktki_schema_find(table, read->fields[i].name);
        const struct field *from =
            field >= 0 && wanted[field] ? &table->fields[field] : &read->fields[i];

        if (!is_held_by_csv(from)) {
            KTKI_FAIL(err, KTK_E_UNSUPPORTED, "column '%s' has a type that CSV cannot hold",
                      from->name);
        }
        KTKI_TRY(ktki_field_copy(schema, &schema->fields[i], from, err));
    }
    file->schema = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

/* All batches of the stream. */
static ktk_status collect(struct csv_file *file, struct ArrowArrayStream *stream,
                          const struct schema *table, const bool *wanted, ktk_error *err) {
    struct stream_reader reader = {0};
    struct buffer batches;
    struct batch batch = {0};
    int64_t row_count = 0;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&batches, ktki_context_allocator(file->context), 0);
    KTKI_TRY(ktki_reader_init(&reader, file->context, stream, err));
    KTKI_TRY(make_schema(file, reader.schema, table, wanted, err));
    for (;;) {
        struct batch read = {0};

        KTKI_TRY(ktki_reader_next(&reader, &read, err));
        if (read.schema == NULL) {
            break;
        }
        KTKI_TRY(convert(&batch, file, &read, row_count + 1, err));
        row_count += batch.row_count;
        KTKI_TRY(ktki_buffer_append(&batches, &batch, sizeof(batch), err));
        batch = (struct batch){0};
    }
out:
    /* On failure, too: the file is cleared with what it has. */
    file->batch_count = batches.size / sizeof(batch);
    file->batch_capacity = batches.capacity;
    file->batches = (struct batch *)batches.data;
    ktki_batch_clear(&batch);
    ktki_reader_clear(&reader);
    return status;
}

/* Parse the text, which moves into the stream. */
static ktk_status parse(struct csv_file *file, ktk_bytes *bytes, const struct schema *table,
                        const bool *wanted, ktk_error *err) {
    static const char *const null_texts[] = {""};
    const ktk_allocator *allocator = ktki_context_allocator(file->context);
    size_t field_count = (size_t)table->field_count;
    ktk_csv_read_options options = KTK_CSV_READ_OPTIONS_INIT;
    struct ArrowArrayStream stream = {.release = NULL};
    const char **names = NULL;
    const char **types = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, field_count, sizeof(*names), &names, err));
    KTKI_TRY(ktki_alloc_array(allocator, field_count, sizeof(*types), &types, err));
    for (int32_t i = 0; i < table->field_count; i++) {
        if (wanted[i]) {
            names[options.type_count] = table->fields[i].name;
            types[options.type_count++] = type_name(&table->fields[i]);
        }
    }
    options.delimiter = DELIMITER;
    options.null_values = null_texts;
    options.null_value_count = 1;
    options.quoted_nulls = true;
    options.type_columns = names;
    options.type_names = types;
    options.optional_types = true;
    options.other_type = "string";
    status = ktk_csv_read(&stream, file->context, bytes, &options, err);
    if (status == KTK_E_INVALID) { /* of a stored file it is no mistake of the caller */
        status = KTK_E_CORRUPT;
        if (err != NULL) {
            err->status = status;
        }
    }
    KTKI_TRY(status);
    KTKI_TRY(collect(file, &stream, table, wanted, err));
out:
    ktki_stream_clear(&stream);
    ktki_free_array(allocator, types, field_count, sizeof(*types));
    ktki_free_array(allocator, names, field_count, sizeof(*names));
    return status;
}

ktk_status ktki_csv_file_open(struct csv_file *out, ktk_store *store, const char *key,
                              struct schema *table, const bool *wanted, ktk_error *err) {
    struct csv_file file = {.context = ktk_store_context(store)};
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_store_get(store, key, &bytes, NULL, err));
    if (strcmp(strrchr(key, '.'), ".gz") == 0) {
        status = expand(&bytes, file.context, err);
    }
    if (status == KTK_OK && is_blank(&bytes)) {
        file.schema = ktki_schema_ref(table);
    } else if (status == KTK_OK) {
        status = parse(&file, &bytes, table, wanted, err);
    }
    if (status != KTK_OK) {
        ktki_error_context(err, "file '%s'", key);
        goto out;
    }
    *out = file;
    file = (struct csv_file){0};
out:
    ktki_csv_file_clear(&file);
    ktk_bytes_clear(&bytes);
    return status;
}

void ktki_csv_file_clear(struct csv_file *file) {
    if (file->context == NULL) {
        return;
    }
    for (size_t i = 0; i < file->batch_count; i++) {
        ktki_batch_clear(&file->batches[i]);
    }
    ktki_free_array(ktki_context_allocator(file->context), file->batches, file->batch_capacity, 1);
    ktki_schema_free(file->schema);
    *file = (struct csv_file){0};
}
