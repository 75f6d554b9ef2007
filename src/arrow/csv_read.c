#include <kartothek/arrow.h>

#include <stdio.h>

#include "arrow/csv_column.h"
#include "arrow/csv_dialect.h"
#include "arrow/stream.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "base/mapped_file.h"
#include "base/options.h"
#include "base/text.h"

#define BATCH_ROWS_DEFAULT 65536
/* Text of a batch, but for its last rows: batches wait with others for a row group to be full. With
 * rows below 1 GiB it stays below 2 GiB, what 32-bit offsets reach. */
#define BATCH_SIZE_MAX ((size_t)8 << 20)
/* Fields looked at together: a column of them is still in the cache when its turn comes. */
#define CHUNK_FIELDS 8192
#define QUOTED_SIZE_MAX 60

struct csv_column {
    const char *name;
    enum csv_type type;
    bool is_given;
    bool has_negative;
};

/* Rows that make one batch, found by the first pass. */
struct csv_batch {
    size_t offset;
    int64_t row_count;
};

/* The state of the stream. The first pass, in ktk_csv_read(), settles all types and finds all
 * errors; the second, batch by batch, converts. */
struct csv_reader {
    ktk_context *context; /* a reference */
    struct arena arena;
    ktk_bytes bytes; /* owned once the stream is made */
    const uint8_t *text;
    size_t size;
    size_t start; /* of the first row of data */
    bool is_mapped;
    size_t passed; /* what is before is not in memory, if it is mapped */
    uint8_t delimiter;
    struct csv_nulls nulls;
    struct hash_map names; /* name to column; of the first pass only */
    struct csv_column *columns;
    size_t column_count;
    struct csv_field *fields; /* of a chunk, row by row */
    size_t chunk_rows;
    int64_t batch_rows_max;
    struct buffer batches; /* struct csv_batch */
    size_t batches_done;
    struct schema *schema;
};

static void reader_free(void *state) {
    struct csv_reader *reader = state;
    ktk_context *context;

    if (reader == NULL) {
        return;
    }
    context = reader->context;
    ktk_bytes_clear(&reader->bytes);
    ktki_schema_free(reader->schema);
    ktki_hash_map_clear(&reader->names);
    ktki_buffer_clear(&reader->batches);
    ktki_arena_clear(&reader->arena);
    KTKI_DELETE(ktki_context_allocator(context), reader);
    ktk_context_free(context);
}

static ktk_status reader_new(struct csv_reader **out, ktk_context *context, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct csv_reader *reader = NULL;
    ktk_status status = KTKI_NEW(allocator, &reader, err);

    if (status == KTK_OK) {
        reader->context = ktk_context_ref(context);
        ktki_arena_init(&reader->arena, allocator);
        ktki_hash_map_init(&reader->names, allocator);
        ktki_buffer_init(&reader->batches, allocator, 0);
        *out = reader;
    }
    return status;
}

static ktk_status set_text(struct csv_reader *reader, const ktk_bytes *bytes, ktk_error *err) {
    static const uint8_t byte_order_mark[] = {0xEF, 0xBB, 0xBF};
    bool has_mark = bytes->size >= sizeof(byte_order_mark) &&
                    memcmp(bytes->data, byte_order_mark, sizeof(byte_order_mark)) == 0;

    reader->text = bytes->data + (has_mark ? sizeof(byte_order_mark) : 0);
    reader->size = bytes->size - (has_mark ? sizeof(byte_order_mark) : 0);
    if (reader->size == 0) {
        return ktk_error_set(err, KTK_E_INVALID, "the CSV text is empty: not even a header");
    }
    return KTK_OK;
}

static ktk_status set_nulls(struct csv_reader *reader, const char *const *texts, size_t count,
                            ktk_error *err) {
    ktk_status status = KTK_OK;
    struct csv_nulls *nulls = &reader->nulls;
    const char **copies = NULL;
    size_t *sizes = NULL;

    if (texts == NULL) {
        texts = ktki_csv_nulls;
        count = KTKI_CSV_NULL_COUNT;
    }
    KTKI_TRY(ktki_arena_array(&reader->arena, count, sizeof(*copies), &copies, err));
    KTKI_TRY(ktki_arena_array(&reader->arena, count, sizeof(*sizes), &sizes, err));
    for (size_t i = 0; i < count; i++) {
        sizes[i] = strlen(texts[i]);
        KTKI_TRY(ktki_arena_text(&reader->arena, texts[i], sizes[i], &copies[i], err));
        nulls->has_empty = nulls->has_empty || sizes[i] == 0;
        nulls->starts[(uint8_t)texts[i][0]] = true;
        nulls->size_max = sizes[i] > nulls->size_max ? sizes[i] : nulls->size_max;
    }
    nulls->texts = copies;
    nulls->sizes = sizes;
    nulls->count = count;
out:
    return status;
}

static ktk_status set_options(struct csv_reader *reader, const ktk_csv_read_options *options,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_csv_check_delimiter(options->delimiter, &reader->delimiter, err));
    if (options->batch_rows_max < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "the rows of a batch must not be negative: %lld",
                  (long long)options->batch_rows_max);
    }
    reader->batch_rows_max =
        options->batch_rows_max == 0 ? BATCH_ROWS_DEFAULT : options->batch_rows_max;
    reader->nulls.in_quotes = options->quoted_nulls;
    KTKI_TRY(set_nulls(reader, options->null_values, options->null_value_count, err));
out:
    return status;
}

static ktk_status name_from_header(struct csv_reader *reader, const struct csv_field *field,
                                   const char **out, ktk_error *err) {
    ktk_status status = KTK_OK;
    char *name = NULL;
    uint8_t *end;

    KTKI_TRY(ktki_arena_array(&reader->arena, (size_t)field->size + 1, 1, &name, err));
    end = ktki_csv_copy_text(field, (uint8_t *)name);
    *end = '\0';
    if (!ktki_utf8_is_valid(name, (size_t)(end - (uint8_t *)name)) ||
        strlen(name) != (size_t)(end - (uint8_t *)name)) {
        KTKI_FAIL(err, KTK_E_INVALID, "line 1: a column name is not UTF-8, or has a NUL inside");
    }
    *out = name;
out:
    return status;
}

static ktk_status name_from_number(struct csv_reader *reader, size_t number, const char **out,
                                   ktk_error *err) {
    char name[40];
    int size = snprintf(name, sizeof(name), "column_%zu", number);

    return ktki_arena_text(&reader->arena, name, (size_t)size, out, err);
}

static ktk_status read_header(struct csv_reader *reader, bool has_header, ktk_error *err) {
    ktk_status status = KTK_OK;
    const ktk_limits *limits = ktki_context_limits(reader->context);
    struct csv_scanner scanner;
    size_t count;

    ktki_csv_scanner_init(&scanner, reader->text, reader->size, reader->delimiter, 0);
    KTKI_TRY(ktki_csv_scan_row(&scanner, NULL, 0, &count, err));
    if (count > (size_t)limits->column_count_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "line 1 has %zu columns, more than the %d allowed", count,
                  limits->column_count_max);
    }
    reader->column_count = count;
    reader->chunk_rows = count >= CHUNK_FIELDS ? 1 : CHUNK_FIELDS / count;
    reader->start = has_header ? scanner.at : 0;
    KTKI_TRY(
        ktki_arena_zeroed(&reader->arena, count, sizeof(*reader->columns), &reader->columns, err));
    KTKI_TRY(ktki_arena_array(&reader->arena, count * reader->chunk_rows, sizeof(*reader->fields),
                              &reader->fields, err));
    ktki_csv_scanner_init(&scanner, reader->text, reader->size, reader->delimiter, 0);
    KTKI_TRY(ktki_csv_scan_row(&scanner, reader->fields, count, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char **name = &reader->columns[i].name;
        bool is_new;
        uint64_t *index;

        KTKI_TRY(has_header ? name_from_header(reader, &reader->fields[i], name, err)
                            : name_from_number(reader, i, name, err));
        KTKI_TRY(
            ktki_hash_map_insert(&reader->names, *name, strlen(*name), i, &index, &is_new, err));
        if (!is_new) {
            KTKI_FAIL(err, KTK_E_INVALID, "line 1: two columns have the name '%s'", *name);
        }
    }
out:
    return status;
}

static void set_type(struct csv_column *column, enum csv_type type) {
    column->type = type;
    column->is_given = true;
}

static ktk_status set_types(struct csv_reader *reader, const ktk_csv_read_options *options,
                            ktk_error *err) {
    for (size_t i = 0; i < options->type_count; i++) {
        const char *name = options->type_columns[i];
        const uint64_t *index = ktki_hash_map_find(&reader->names, name, strlen(name));
        enum csv_type type = ktki_csv_type_of_name(options->type_names[i]);

        if (index == NULL && !options->optional_types) {
            return ktk_error_set(err, KTK_E_INVALID,
                                 "a type is given for column '%s', which is not there", name);
        }
        if (type == CSV_UNKNOWN) {
            return ktk_error_set(err, KTK_E_INVALID, "column '%s': unknown type '%s'", name,
                                 options->type_names[i]);
        }
        if (index != NULL) {
            set_type(&reader->columns[*index], type);
        }
    }
    if (options->other_type != NULL) {
        enum csv_type type = ktki_csv_type_of_name(options->other_type);

        if (type == CSV_UNKNOWN) {
            return ktk_error_set(err, KTK_E_INVALID, "unknown type '%s'", options->other_type);
        }
        for (size_t i = 0; i < reader->column_count; i++) {
            if (!reader->columns[i].is_given) {
                set_type(&reader->columns[i], type);
            }
        }
    }
    return KTK_OK;
}

/* Rows at the scanner, as many as fit into a chunk and into the batch that starts at `offset` and
 * lacks `row_count_max` more rows. 0: the text ends. */
static ktk_status scan_chunk(struct csv_reader *reader, struct csv_scanner *scanner, size_t offset,
                             int64_t row_count_max, size_t *row_count, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t columns = reader->column_count;
    size_t rows_max = reader->chunk_rows;
    size_t rows = 0;

    if (row_count_max < (int64_t)rows_max) {
        rows_max = (size_t)row_count_max;
    }
    while (rows < rows_max && scanner->at - offset < BATCH_SIZE_MAX) {
        struct csv_field *fields = reader->fields + rows * columns;
        size_t count;

        KTKI_TRY(ktki_csv_scan_row(scanner, fields, columns, &count, err));
        if (count == 0) {
            break;
        }
        if (count != columns) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "line %zu has %zu fields and not %zu",
                      ktki_csv_line(reader->text, (size_t)(fields[0].data - reader->text)), count,
                      columns);
        }
        rows++;
    }
    *row_count = rows;
out:
    return status;
}

static struct csv_values values_of(const struct csv_reader *reader, size_t column,
                                   size_t row_count) {
    return (struct csv_values){reader->fields + column, reader->column_count, row_count,
                               &reader->nulls};
}

/* A value that has not the type given, or is not text. */
static ktk_status refuse_value(const struct csv_reader *reader, size_t column,
                               const struct csv_field *field, const char *wanted, ktk_error *err) {
    size_t size = field->size < QUOTED_SIZE_MAX ? field->size : QUOTED_SIZE_MAX;

    while (size > 0 && !ktki_utf8_is_valid(field->data, size)) {
        size--;
    }
    return ktk_error_set(err, KTK_E_INVALID, "line %zu, column '%s': '%.*s' is not %s",
                         ktki_csv_line(reader->text, (size_t)(field->data - reader->text)),
                         reader->columns[column].name, (int)size, (const char *)field->data,
                         wanted);
}

static ktk_status check_utf8(const struct csv_reader *reader, size_t column,
                             const struct csv_values *values, ktk_error *err) {
    for (size_t i = 0; i < values->count; i++) {
        const struct csv_field *field = &values->fields[i * values->stride];

        if (!ktki_utf8_is_valid(field->data, field->size)) {
            return refuse_value(reader, column, field, "UTF-8 text", err);
        }
    }
    return KTK_OK;
}

static ktk_status infer_chunk(struct csv_reader *reader, size_t row_count, bool is_utf8,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < reader->column_count; i++) {
        struct csv_column *column = &reader->columns[i];
        struct csv_values values = values_of(reader, i, row_count);

        if (column->is_given) {
            size_t fit = ktki_csv_first_misfit(column->type, &values);

            if (fit < row_count) {
                KTKI_TRY(refuse_value(reader, i, &values.fields[fit * values.stride],
                                      ktki_csv_type_name(column->type), err));
            }
        } else {
            column->type = ktki_csv_infer(column->type, &values, &column->has_negative);
        }
        if (!is_utf8 && column->type == CSV_STRING) {
            KTKI_TRY(check_utf8(reader, i, &values, err));
        }
    }
out:
    return status;
}

/* What was read of a mapped file leaves the memory. */
static void pass(struct csv_reader *reader, size_t at) {
    if (reader->is_mapped) {
        ktki_drop_passed(reader->text, at, &reader->passed);
    }
}

static ktk_status first_pass(struct csv_reader *reader, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct csv_scanner scanner;
    struct csv_batch batch;
    size_t row_count;

    ktki_csv_scanner_init(&scanner, reader->text, reader->size, reader->delimiter, reader->start);
    scanner.skips_blank_lines = reader->column_count > 1;
    do {
        batch = (struct csv_batch){scanner.at, 0};
        do {
            size_t start = scanner.at;

            KTKI_TRY(scan_chunk(reader, &scanner, batch.offset,
                                reader->batch_rows_max - batch.row_count, &row_count, err));
            KTKI_TRY(infer_chunk(reader, row_count,
                                 ktki_utf8_is_valid(reader->text + start, scanner.at - start),
                                 err));
            pass(reader, scanner.at);
            batch.row_count += (int64_t)row_count;
        } while (row_count > 0);
        if (batch.row_count > 0) {
            KTKI_TRY(ktki_buffer_append(&reader->batches, &batch, sizeof(batch), err));
        }
    } while (batch.row_count > 0);
    reader->passed = 0;
out:
    return status;
}

static ktk_status make_schema(struct csv_reader *reader, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct schema *schema = NULL;

    KTKI_TRY(ktki_schema_new(&schema, reader->context, (int32_t)reader->column_count, err));
    for (size_t i = 0; i < reader->column_count; i++) {
        struct csv_column *column = &reader->columns[i];
        struct field *field = &schema->fields[i];

        column->type = column->type == CSV_UNKNOWN ? CSV_STRING : column->type;
        field->type = ktki_csv_data_type(column->type);
        field->nullable = true;
        KTKI_TRY(
            ktki_arena_text(&schema->arena, column->name, strlen(column->name), &field->name, err));
    }
    reader->schema = schema;
    schema = NULL;
out:
    ktki_schema_free(schema);
    return status;
}

static ktk_status convert_batch(struct csv_reader *reader, const struct csv_batch *from,
                                struct csv_builder *builders, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct csv_scanner scanner;
    int64_t rows_left = from->row_count;
    size_t row_count;

    for (size_t i = 0; i < reader->column_count; i++) {
        KTKI_TRY(ktki_csv_builder_init(&builders[i], reader->context, reader->columns[i].type,
                                       from->row_count, err));
    }
    ktki_csv_scanner_init(&scanner, reader->text, reader->size, reader->delimiter, from->offset);
    scanner.skips_blank_lines = reader->column_count > 1;
    for (; rows_left > 0; rows_left -= (int64_t)row_count) {
        KTKI_TRY(scan_chunk(reader, &scanner, from->offset, rows_left, &row_count, err));
        for (size_t i = 0; i < reader->column_count; i++) {
            const struct csv_values values = values_of(reader, i, row_count);

            KTKI_TRY(ktki_csv_builder_append(&builders[i], &values, err));
        }
        pass(reader, scanner.at);
    }
out:
    return status;
}

static ktk_status reader_next(void *state, struct batch *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct csv_reader *reader = state;
    const ktk_allocator *allocator = ktki_context_allocator(reader->context);
    struct csv_builder *builders = NULL;
    struct batch batch = {0};
    struct csv_batch from;

    if (reader->batches_done == reader->batches.size / sizeof(from)) {
        goto out;
    }
    memcpy(&from, reader->batches.data + reader->batches_done * sizeof(from), sizeof(from));
    KTKI_TRY(ktki_alloc_zeroed(allocator, reader->column_count, sizeof(*builders), &builders, err));
    KTKI_TRY(convert_batch(reader, &from, builders, err));
    KTKI_TRY(ktki_batch_init(&batch, reader->schema, from.row_count, err));
    for (size_t i = 0; i < reader->column_count; i++) {
        KTKI_TRY(ktki_csv_builder_finish(&builders[i], &batch.columns[i], err));
    }
    reader->batches_done++;
    *out = batch;
    batch = (struct batch){0};
out:
    ktki_batch_clear(&batch);
    for (size_t i = 0; builders != NULL && i < reader->column_count; i++) {
        ktki_csv_builder_clear(&builders[i]);
    }
    ktki_free_array(allocator, builders, reader->column_count, sizeof(*builders));
    return status;
}

static ktk_status read_csv(struct ArrowArrayStream *out, ktk_context *context, ktk_bytes *bytes,
                           bool is_mapped, const ktk_csv_read_options *options, ktk_error *err) {
    const ktk_csv_read_options defaults = KTK_CSV_READ_OPTIONS_INIT;
    ktk_status status = KTK_OK;
    struct csv_reader *reader = NULL;
    struct csv_reader *moved;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_CSV_READ_OPTIONS_INIT", err);
    KTKI_TRY(reader_new(&reader, context, err));
    reader->is_mapped = is_mapped;
    KTKI_TRY(set_options(reader, options, err));
    KTKI_TRY(set_text(reader, bytes, err));
    KTKI_TRY(read_header(reader, !options->no_header, err));
    KTKI_TRY(set_types(reader, options, err));
    ktki_hash_map_clear(&reader->names);
    KTKI_TRY(first_pass(reader, err));
    KTKI_TRY(make_schema(reader, err));
    KTKI_TRY(ktki_stream_new(out, context, reader->schema, reader_next, reader_free, reader, err));
    moved = reader;
    reader = NULL;
    moved->bytes = *bytes;
    *bytes = (ktk_bytes)KTK_BYTES_INIT;
out:
    reader_free(reader);
    return status;
}

ktk_status ktk_csv_read(struct ArrowArrayStream *out, ktk_context *context, ktk_bytes *bytes,
                        const ktk_csv_read_options *options, ktk_error *err) {
    return read_csv(out, context, bytes, false, options, err);
}

ktk_status ktk_csv_read_path(struct ArrowArrayStream *out, ktk_context *context, const char *path,
                             const ktk_csv_read_options *options, ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_map_file(&bytes, path, err));
    status = read_csv(out, context, &bytes, true, options, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s'", path);
    }
out:
    ktk_bytes_clear(&bytes);
    return status;
}
