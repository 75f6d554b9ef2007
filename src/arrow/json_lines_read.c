#include <kartothek/arrow.h>

#include "arrow/builder.h"
#include "arrow/csv_column.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/float_text.h"
#include "base/hash_map.h"
#include "base/json_read.h"
#include "base/mapped_file.h"
#include "base/options.h"
#include "base/text.h"
#include "base/time_format.h"

#define BATCH_ROWS_DEFAULT 65536
/* Text of a batch, but for its last row; that of a row stays below 2 GiB, what 32-bit offsets
 * reach, or its column is refused. */
#define BATCH_SIZE_MAX ((size_t)8 << 20)
#define NESTING_MAX 64
#define QUOTED_SIZE_MAX 60

/* The types are those of CSV; what a value is, JSON says itself, but for dates and timestamps. */
struct json_column {
    const char *name;
    enum csv_type type;
    bool is_given;
    bool has_negative;
    int64_t row; /* the last with a value, from 1 */
    struct array_builder builder;
};

struct json_lines {
    ktk_context *context; /* a reference */
    const ktk_allocator *allocator;
    struct arena arena;
    const ktk_json_lines_read_options *options; /* until all rows were looked at */
    const char *text;
    size_t size;
    ktk_bytes bytes; /* of the text; owned once the stream is made of a file */
    bool is_mapped;
    size_t passed;         /* what is before is not in memory, if it is mapped */
    struct hash_map names; /* name to column */
    struct buffer columns; /* struct json_column */
    struct schema *schema; /* once all rows were looked at */
    struct json_reader json;
    size_t at;    /* of the next line */
    int64_t line; /* at hand, from 1 */
    int64_t row;  /* the same, of lines that are not blank */
};

/* One value: its event, and the text of strings and numbers. */
struct json_value {
    enum json_event event;
    struct csv_field text;
};

typedef ktk_status (*value_fn)(struct json_lines *lines, struct json_column *column,
                               const struct json_value *value, ktk_error *err);

static struct json_column *column_at(const struct json_lines *lines, size_t i) {
    return (struct json_column *)(void *)lines->columns.data + i;
}

static size_t column_count(const struct json_lines *lines) {
    return lines->columns.size / sizeof(struct json_column);
}

/* ---- what goes wrong ---- */

static ktk_status refuse(const struct json_lines *lines, const struct json_column *column,
                         const struct json_value *value, const char *what, ktk_error *err) {
    size_t size = value->text.size < QUOTED_SIZE_MAX ? value->text.size : QUOTED_SIZE_MAX;
    const char *text = value->event == JSON_TRUE    ? "true"
                       : value->event == JSON_FALSE ? "false"
                                                    : (const char *)value->text.data;

    if (value->event == JSON_TRUE || value->event == JSON_FALSE) {
        size = strlen(text);
    }
    while (size > 0 && !ktki_utf8_is_valid(text, size)) {
        size--;
    }
    return ktk_error_set(err, KTK_E_INVALID, "line %lld, column '%s': '%.*s' is not %s",
                         (long long)lines->line, column->name, (int)size, text, what);
}

/* ---- types ---- */

static bool fits(enum csv_type type, const struct csv_field *text) {
    static const struct csv_nulls no_nulls = {.count = 0};
    const struct csv_values values = {text, 1, 1, &no_nulls};

    return ktki_csv_first_misfit(type, &values) == 1;
}

static bool is_number(enum csv_type type) {
    return type == CSV_INT64 || type == CSV_UINT64 || type == CSV_DOUBLE;
}

static bool is_text(enum csv_type type) {
    return type == CSV_DATE32 || type == CSV_TIMESTAMP || type == CSV_TIMESTAMP_UTC ||
           type == CSV_STRING;
}

static enum csv_type widen_number(const struct json_column *column, const struct csv_field *text) {
    bool is_negative = column->has_negative || text->data[0] == '-';

    if (column->type == CSV_DOUBLE) {
        return CSV_DOUBLE;
    }
    if (fits(CSV_INT64, text)) {
        return column->type == CSV_UINT64 ? is_negative ? CSV_DOUBLE : CSV_UINT64 : CSV_INT64;
    }
    return fits(CSV_UINT64, text) && !is_negative ? CSV_UINT64 : CSV_DOUBLE;
}

static enum csv_type widen_text(enum csv_type type, const struct csv_field *text) {
    static const enum csv_type candidates[] = {CSV_DATE32, CSV_TIMESTAMP, CSV_TIMESTAMP_UTC};

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        bool is_open = type == CSV_UNKNOWN || type == candidates[i] ||
                       (type == CSV_DATE32 && candidates[i] == CSV_TIMESTAMP);

        if (is_open && fits(candidates[i], text)) {
            return candidates[i];
        }
    }
    return CSV_STRING;
}

/* Has the value the type of the column? `*text` gets what stands for it. */
static ktk_status check_value(const struct json_lines *lines, const struct json_column *column,
                              const struct json_value *value, struct csv_field *text,
                              ktk_error *err) {
    bool is_word = value->event == JSON_TRUE || value->event == JSON_FALSE;

    *text = value->text;
    if (is_word) {
        text->data = (const uint8_t *)(value->event == JSON_TRUE ? "true" : "false");
        text->size = value->event == JSON_TRUE ? 4 : 5;
    }
    if (column->type == CSV_BOOL
            ? !is_word
            : (is_word && column->type != CSV_STRING) || !fits(column->type, text)) {
        return refuse(lines, column, value, ktki_csv_type_name(column->type), err);
    }
    return KTK_OK;
}

/* The first pass: what type has the column? */
static ktk_status infer(struct json_lines *lines, struct json_column *column,
                        const struct json_value *value, ktk_error *err) {
    enum csv_type type = column->type;
    struct csv_field text;

    if (column->is_given) {
        return check_value(lines, column, value, &text, err);
    }
    if (value->event == JSON_STRING && (type == CSV_UNKNOWN || is_text(type))) {
        column->type = widen_text(type, &value->text);
    } else if (value->event == JSON_NUMBER && (type == CSV_UNKNOWN || is_number(type))) {
        column->type = widen_number(column, &value->text);
        column->has_negative = column->has_negative || value->text.data[0] == '-';
    } else if (value->event != JSON_STRING && value->event != JSON_NUMBER &&
               (type == CSV_UNKNOWN || type == CSV_BOOL)) {
        column->type = CSV_BOOL;
    } else {
        return refuse(lines, column, value,
                      is_text(type)     ? "a text, as the values before are; give the column a type"
                      : is_number(type) ? "a number, as the values before are"
                                        : "true or false, as the values before are",
                      err);
    }
    return KTK_OK;
}

/* ---- conversion ---- */

static ktk_status append_instant(struct array_builder *builder, const struct csv_field *text,
                                 ktk_error *err) {
    int64_t seconds;
    int32_t nanoseconds;
    bool has_offset;
    bool is_one = ktki_parse_timestamp((const char *)text->data, text->size, &seconds, &nanoseconds,
                                       &has_offset);

    return is_one ? ktki_builder_append_i64(builder, seconds * 1000000 + nanoseconds / 1000, err)
                  : ktk_error_set(err, KTK_E_INTERNAL, "a timestamp changed");
}

/* A value that fits. */
static ktk_status append_value(struct json_column *column, const struct csv_field *text,
                               ktk_error *err) {
    const char *data = (const char *)text->data;
    struct array_builder *builder = &column->builder;
    int64_t integer = 0;
    uint64_t natural = 0;
    double real = 0;

    switch (column->type) {
    case CSV_STRING:
        return ktki_builder_append_bytes(builder, data, text->size, err);
    case CSV_UINT8:
    case CSV_UINT16:
    case CSV_UINT32:
    case CSV_UINT64:
        (void)ktki_parse_u64(data, text->size, &natural);
        return ktki_builder_append_u64(builder, natural, err);
    case CSV_FLOAT:
    case CSV_DOUBLE:
        (void)ktki_parse_f64(data, text->size, &real);
        return ktki_builder_append_f64(builder, real, err);
    case CSV_DATE32:
        (void)ktki_parse_date(data, text->size, &integer);
        return ktki_builder_append_i64(builder, integer, err);
    case CSV_TIMESTAMP:
    case CSV_TIMESTAMP_UTC:
        return append_instant(builder, text, err);
    default:
        (void)ktki_csv_parse_i64(text, &integer);
        return ktki_builder_append_i64(builder, integer, err);
    }
}

/* The second pass. */
static ktk_status append(struct json_lines *lines, struct json_column *column,
                         const struct json_value *value, ktk_error *err) {
    struct csv_field text;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_value(lines, column, value, &text, err));
    KTKI_TRY(column->type == CSV_BOOL
                 ? ktki_builder_append_i64(&column->builder, value->event == JSON_TRUE, err)
                 : append_value(column, &text, err));
out:
    return status;
}

/* ---- rows ---- */

static void take_type(const struct json_lines *lines, struct json_column *column) {
    const ktk_json_lines_read_options *options = lines->options;

    for (size_t i = 0; i < options->type_count; i++) {
        if (strcmp(options->type_columns[i], column->name) == 0) {
            column->type = ktki_csv_type_of_name(options->type_names[i]);
            column->is_given = true;
        }
    }
}

static ktk_status find_column(struct json_lines *lines, struct json_column **out, ktk_error *err) {
    const struct json_reader *json = &lines->json;
    const ktk_limits *limits = ktki_context_limits(lines->context);
    struct json_column column = {.type = CSV_UNKNOWN};
    uint64_t *index;
    bool is_new;
    ktk_status status = KTK_OK;

    index = ktki_hash_map_find(&lines->names, json->text, json->text_size);
    if (index != NULL) {
        *out = column_at(lines, *index);
        goto out;
    }
    if (memchr(json->text, 0, json->text_size) != NULL) {
        KTKI_FAIL(err, KTK_E_INVALID, "line %lld: the name of a column has a NUL inside",
                  (long long)lines->line);
    }
    if (column_count(lines) == (size_t)limits->column_count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "line %lld: there are more than the %d columns allowed",
                  (long long)lines->line, limits->column_count_max);
    }
    KTKI_TRY(ktki_arena_text(&lines->arena, json->text, json->text_size, &column.name, err));
    take_type(lines, &column);
    KTKI_TRY(ktki_hash_map_insert(&lines->names, column.name, json->text_size, column_count(lines),
                                  &index, &is_new, err));
    KTKI_TRY(ktki_buffer_append(&lines->columns, &column, sizeof(column), err));
    *out = column_at(lines, column_count(lines) - 1);
out:
    return status;
}

static ktk_status read_member(struct json_lines *lines, value_fn fn, ktk_error *err) {
    struct json_reader *json = &lines->json;
    struct json_column *column = NULL;
    struct json_value value;
    ktk_status status = KTK_OK;

    KTKI_TRY(find_column(lines, &column, err));
    KTKI_TRY(ktki_json_next(json, &value.event, err));
    if (value.event == JSON_OBJECT_BEGIN || value.event == JSON_ARRAY_BEGIN) {
        KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                  "line %lld, column '%s': objects and lists within rows are not read",
                  (long long)lines->line, column->name);
    }
    if (column->row == lines->row) {
        KTKI_FAIL(err, KTK_E_INVALID, "line %lld: column '%s' comes twice", (long long)lines->line,
                  column->name);
    }
    if (value.event == JSON_NULL) {
        goto out;
    }
    value.text =
        (struct csv_field){.data = (const uint8_t *)json->text, .size = (uint32_t)json->text_size};
    column->row = lines->row;
    KTKI_TRY(fn(lines, column, &value, err));
out:
    return status;
}

static ktk_status read_row(struct json_lines *lines, const char *line, size_t size, value_fn fn,
                           ktk_error *err) {
    enum json_event event;
    ktk_status status = KTK_OK;

    ktki_json_reader_init(&lines->json, lines->allocator, line, size, NESTING_MAX);
    KTKI_TRY(ktki_json_expect(&lines->json, JSON_OBJECT_BEGIN, "an object, which is a row", err));
    for (;;) {
        KTKI_TRY(ktki_json_next(&lines->json, &event, err));
        if (event == JSON_OBJECT_END) {
            break;
        }
        KTKI_TRY(read_member(lines, fn, err));
    }
    KTKI_TRY(ktki_json_expect(&lines->json, JSON_END, "one row a line", err));
out:
    if (status == KTK_E_CORRUPT) {
        ktki_error_context(err, "line %lld", (long long)lines->line);
    }
    ktki_json_reader_clear(&lines->json);
    return status;
}

/* What was read of a mapped file leaves the memory. */
static void pass(struct json_lines *lines) {
    if (lines->is_mapped) {
        ktki_drop_passed(lines->text, lines->at, &lines->passed);
    }
}

/* The next line that is not blank; false at the end. The one before is not needed any more. */
static bool next_line(struct json_lines *lines, const char **line, size_t *size) {
    pass(lines);
    while (lines->at < lines->size) {
        const char *start = lines->text + lines->at;
        const char *end = memchr(start, '\n', lines->size - lines->at);
        size_t length = end == NULL ? lines->size - lines->at : (size_t)(end - start);
        size_t blank = 0;

        lines->at += length + (end != NULL);
        lines->line++;
        while (blank < length && strchr(" \t\r", start[blank]) != NULL && start[blank] != '\0') {
            blank++;
        }
        if (blank < length) {
            lines->row++;
            *line = start;
            *size = length;
            return true;
        }
    }
    return false;
}

static void rewind_lines(struct json_lines *lines) {
    lines->at = 0;
    lines->passed = 0;
    lines->line = 0;
    lines->row = 0;
}

static ktk_status look_at_rows(struct json_lines *lines, ktk_error *err) {
    const char *line;
    size_t size;
    ktk_status status = KTK_OK;

    while (next_line(lines, &line, &size)) {
        if (size >= UINT32_MAX) {
            KTKI_FAIL(err, KTK_E_LIMIT, "line %lld is longer than 4 GiB", (long long)lines->line);
        }
        KTKI_TRY(read_row(lines, line, size, infer, err));
    }
    if (column_count(lines) == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "there is no row that says what the columns are");
    }
    rewind_lines(lines);
out:
    return status;
}

/* ---- batches ---- */

static ktk_status make_schema(struct json_lines *lines, ktk_error *err) {
    size_t count = column_count(lines);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_schema_new(&lines->schema, lines->context, (int32_t)count, err));
    for (size_t i = 0; i < count; i++) {
        struct json_column *column = column_at(lines, i);
        struct field *field = &lines->schema->fields[i];

        column->type = column->type == CSV_UNKNOWN ? CSV_STRING : column->type;
        column->row = 0;
        field->type = ktki_csv_data_type(column->type);
        field->nullable = true;
        KTKI_TRY(ktki_arena_text(&lines->schema->arena, column->name, strlen(column->name),
                                 &field->name, err));
        KTKI_TRY(ktki_builder_init(&column->builder, lines->context, field, err));
    }
out:
    return status;
}

static ktk_status end_row(struct json_lines *lines, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < column_count(lines); i++) {
        struct json_column *column = column_at(lines, i);

        if (column->row != lines->row) {
            KTKI_TRY(ktki_builder_append_null(&column->builder, err));
        }
    }
out:
    return status;
}

static ktk_status end_batch(struct json_lines *lines, int64_t row_count, struct batch *out,
                            ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&batch, lines->schema, row_count, err));
    for (size_t i = 0; i < column_count(lines); i++) {
        KTKI_TRY(ktki_builder_finish(&column_at(lines, i)->builder, &batch.columns[i], err));
    }
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    return status;
}

/* The producer of the stream. */
static ktk_status lines_next(void *state, struct batch *out, ktk_error *err) {
    struct json_lines *lines = state;
    size_t start = lines->at;
    int64_t row_count = 0;
    const char *line;
    size_t size;
    ktk_status status = KTK_OK;

    while (row_count < BATCH_ROWS_DEFAULT && lines->at - start < BATCH_SIZE_MAX &&
           next_line(lines, &line, &size)) {
        KTKI_TRY(read_row(lines, line, size, append, err));
        KTKI_TRY(end_row(lines, err));
        row_count++;
    }
    KTKI_TRY(row_count > 0 ? end_batch(lines, row_count, out, err) : KTK_OK);
out:
    return status;
}

static ktk_status check_types(const struct json_lines *lines, ktk_error *err) {
    const ktk_json_lines_read_options *options = lines->options;

    for (size_t i = 0; i < options->type_count; i++) {
        enum csv_type type = ktki_csv_type_of_name(options->type_names[i]);

        if (type == CSV_UNKNOWN || type == CSV_BINARY) {
            return ktk_error_set(err, KTK_E_INVALID, "column '%s': JSON has no type '%s'",
                                 options->type_columns[i], options->type_names[i]);
        }
    }
    return KTK_OK;
}

static ktk_status check_given(const struct json_lines *lines, ktk_error *err) {
    const ktk_json_lines_read_options *options = lines->options;

    for (size_t i = 0; i < options->type_count && !options->optional_types; i++) {
        const char *name = options->type_columns[i];

        if (ktki_hash_map_find(&lines->names, name, strlen(name)) == NULL) {
            return ktk_error_set(err, KTK_E_INVALID,
                                 "a type is given for column '%s', which is not there", name);
        }
    }
    return KTK_OK;
}

static void lines_free(void *state) {
    struct json_lines *lines = state;
    ktk_context *context;

    if (lines == NULL) {
        return;
    }
    context = lines->context;
    for (size_t i = 0; i < column_count(lines); i++) {
        ktki_builder_clear(&column_at(lines, i)->builder);
    }
    ktki_buffer_clear(&lines->columns);
    ktki_schema_free(lines->schema);
    ktki_hash_map_clear(&lines->names);
    ktki_arena_clear(&lines->arena);
    ktk_bytes_clear(&lines->bytes);
    KTKI_DELETE(lines->allocator, lines);
    ktk_context_free(context);
}

/* All rows were looked at: the batches can be made. */
static ktk_status lines_new(struct json_lines **out, ktk_context *context, const void *data,
                            size_t size, bool is_mapped, const ktk_json_lines_read_options *options,
                            ktk_error *err) {
    static const ktk_json_lines_read_options defaults = KTK_JSON_LINES_READ_OPTIONS_INIT;
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct json_lines *lines = NULL;
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_JSON_LINES_READ_OPTIONS_INIT", err);
    KTKI_TRY(KTKI_NEW(allocator, &lines, err));
    lines->context = ktk_context_ref(context);
    lines->allocator = allocator;
    lines->options = options;
    lines->text = data;
    lines->size = size;
    lines->is_mapped = is_mapped;
    ktki_arena_init(&lines->arena, allocator);
    ktki_hash_map_init(&lines->names, allocator);
    ktki_buffer_init(&lines->columns, allocator, 0);
    KTKI_TRY(check_types(lines, err));
    KTKI_TRY(look_at_rows(lines, err));
    KTKI_TRY(check_given(lines, err));
    KTKI_TRY(make_schema(lines, err));
    *out = lines;
    lines = NULL;
out:
    lines_free(lines);
    return status;
}

/* All batches, as the text does not stay. */
static ktk_status take_batches(struct json_lines *lines, struct buffer *batches, ktk_error *err) {
    struct batch batch = {0};
    ktk_status status = KTK_OK;

    for (;;) {
        KTKI_TRY(lines_next(lines, &batch, err));
        if (batch.schema == NULL) {
            break;
        }
        KTKI_TRY(ktki_buffer_append(batches, &batch, sizeof(batch), err));
        batch = (struct batch){0};
    }
out:
    ktki_batch_clear(&batch);
    return status;
}

ktk_status ktk_json_lines_read(struct ArrowArrayStream *out, ktk_context *context, const void *data,
                               size_t size, const ktk_json_lines_read_options *options,
                               ktk_error *err) {
    struct json_lines *lines = NULL;
    struct buffer batches;
    struct batch *items;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&batches, ktki_context_allocator(context), 0);
    KTKI_TRY(lines_new(&lines, context, data, size, false, options, err));
    KTKI_TRY(take_batches(lines, &batches, err));
    KTKI_TRY(ktki_stream_of_batches(out, context, lines->schema,
                                    (struct batch *)(void *)batches.data,
                                    batches.size / sizeof(struct batch), err));
    batches.size = 0; /* they have moved */
out:
    items = (struct batch *)(void *)batches.data;
    for (size_t i = 0; i < batches.size / sizeof(*items); i++) {
        ktki_batch_clear(&items[i]);
    }
    ktki_buffer_clear(&batches);
    lines_free(lines);
    return status;
}

ktk_status ktk_json_lines_read_path(struct ArrowArrayStream *out, ktk_context *context,
                                    const char *path, const ktk_json_lines_read_options *options,
                                    ktk_error *err) {
    struct json_lines *lines = NULL;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_map_file(&bytes, path, err));
    status = lines_new(&lines, context, bytes.data, bytes.size, true, options, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s'", path);
        goto out;
    }
    lines->bytes = bytes;
    bytes = (ktk_bytes)KTK_BYTES_INIT;
    KTKI_TRY(ktki_stream_new(out, context, lines->schema, lines_next, lines_free, lines, err));
    lines = NULL;
out:
    lines_free(lines);
    ktk_bytes_clear(&bytes);
    return status;
}
