/* Rows made of the input are written and read back: they must be the same. */
#include <string.h>

#include "arrow/builder.h"
#include "arrow/compare.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/cursor.h"
#include "fuzz.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

static const struct field text = {"item", {.id = TYPE_STRING}, .nullable = true};
static const struct field number = {"item", {.id = TYPE_INT64}, .nullable = true};

static const struct field fields[] = {
    {"a", {.id = TYPE_BOOL}, .nullable = true},
    {"a", {.id = TYPE_INT8}, .nullable = true},
    {"a", {.id = TYPE_UINT16}, .nullable = true},
    {"a", {.id = TYPE_INT32}, .nullable = true},
    {"a", {.id = TYPE_UINT64}, .nullable = true},
    {"a", {.id = TYPE_FLOAT64}, .nullable = true},
    {"a", {.id = TYPE_DATE32}, .nullable = true},
    {"a", {.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO}, .nullable = true},
    {"a", {.id = TYPE_STRING}, .nullable = true},
    {"a", {.id = TYPE_LARGE_BINARY}, .nullable = true},
    {"a", {.id = TYPE_FIXED_BINARY, .width = 3}, .nullable = true},
    {"a", {.id = TYPE_DECIMAL128, .precision = 18, .scale = 2}, .nullable = true},
    {"a", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = (struct field *)&text},
    {"a",
     {.id = TYPE_LARGE_LIST},
     .nullable = true,
     .child_count = 1,
     .children = (struct field *)&number},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))
#define FLAT_COUNT 12 /* of the fields, from the first on */
#define ROWS_MAX 20000
#define NESTED_ROWS_MAX 1000

/* Inputs that begin with such a byte or a higher one say a nested type themselves. */
#define NESTED_MIN 0xE0
#define DEPTH_MAX 4

static uint8_t next_byte(struct cursor *input) {
    uint8_t byte = 0;

    (void)ktki_cursor_u8(input, &byte);
    return byte;
}

/* Up to `size` bytes as a number, the sign of the last one kept. */
static int64_t next_number(struct cursor *input, size_t size) {
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)next_byte(input) << 8 * i;
    }
    return size == 8 ? (int64_t)value : (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size);
}

static ktk_status append_bytes(struct array_builder *builder, struct cursor *input, size_t size) {
    uint8_t mask = ktki_type_is_text(builder->field->type.id) ? 0x7F : 0xFF; /* text is UTF-8 */
    uint8_t bytes[64] = {0};

    for (size_t i = 0; i < size; i++) {
        bytes[i] = next_byte(input) & mask;
    }
    return ktki_builder_append_bytes(builder, bytes, size, NULL);
}

static ktk_status append_value(struct array_builder *builder, struct cursor *input) {
    const struct data_type *type = &builder->field->type;
    uint8_t wide[16];
    int64_t value;
    double real;

    switch (type->id) {
    case TYPE_BOOL:
        return ktki_builder_append_i64(builder, next_byte(input) & 1, NULL);
    case TYPE_UINT16:
        return ktki_builder_append_u64(builder, (uint16_t)next_number(input, 2), NULL);
    case TYPE_UINT64:
        return ktki_builder_append_u64(builder, (uint64_t)next_number(input, 8), NULL);
    case TYPE_FLOAT64:
        value = next_number(input, 8);
        memcpy(&real, &value, sizeof(real));
        return ktki_builder_append_f64(builder, real, NULL);
    case TYPE_STRING:
    case TYPE_LARGE_BINARY:
        return append_bytes(builder, input, next_byte(input) % 40);
    case TYPE_FIXED_BINARY:
        return append_bytes(builder, input, (size_t)type->width);
    case TYPE_DECIMAL128:
        value = next_number(input, 7);
        memset(wide, value < 0 ? 0xFF : 0, sizeof(wide));
        memcpy(wide, &value, sizeof(value));
        return ktki_builder_append_bytes(builder, wide, sizeof(wide), NULL);
    default:
        return ktki_builder_append_i64(builder, next_number(input, ktki_type_width(type)), NULL);
    }
}

/* A control byte, then a value: the last one again, as often as it says. */
static void append_rows(struct array_builder *builder, struct cursor *input) {
    while (!ktki_cursor_is_done(input) && builder->length < ROWS_MAX) {
        uint8_t control = next_byte(input);
        struct cursor value = *input;

        for (int i = 0; i <= (control >> 4) * (control >> 4); i++) {
            *input = value;
            if ((control & 7) == 0) {
                FUZZ_ASSERT(ktki_builder_append_null(builder, NULL) == KTK_OK);
            } else if (builder->item != NULL) {
                for (int item = 0; item < (control & 7) - 1; item++) {
                    if (next_byte(input) % 8 == 0) {
                        FUZZ_ASSERT(ktki_builder_append_null(ktki_builder_item(builder), NULL) ==
                                    KTK_OK);
                    } else {
                        FUZZ_ASSERT(append_value(ktki_builder_item(builder), input) == KTK_OK);
                    }
                }
                FUZZ_ASSERT(ktki_builder_end_list(builder, NULL) == KTK_OK);
            } else {
                FUZZ_ASSERT(append_value(builder, input) == KTK_OK);
            }
        }
    }
}

/* ---- nested columns ---- */

static void next_field(struct field *out, struct schema *schema, struct cursor *input, int depth);

static void add_children(struct field *field, struct schema *schema, struct cursor *input,
                         int32_t count, int depth) {
    static const char *const names[] = {"key", "value", "c"};

    field->child_count = count;
    FUZZ_ASSERT(ktki_arena_zeroed(&schema->arena, (size_t)count, sizeof(*field->children),
                                  &field->children, NULL) == KTK_OK);
    for (int32_t i = 0; i < count; i++) {
        next_field(&field->children[i], schema, input, depth);
        field->children[i].name = count == 1 ? "item" : names[i];
    }
}

/* A type as the input says, in the memory of the schema. */
static void next_field(struct field *out, struct schema *schema, struct cursor *input, int depth) {
    static const enum type_id ids[] = {TYPE_LIST, TYPE_LARGE_LIST, TYPE_FIXED_LIST, TYPE_STRUCT,
                                       TYPE_MAP};
    uint8_t kind = next_byte(input);
    uint8_t detail = next_byte(input);

    if (depth == 0 || kind % 8 >= 5) {
        *out = fields[detail % FLAT_COUNT];
        return;
    }
    *out = (struct field){"a", {.id = ids[kind % 8]}, .nullable = true};
    if (out->type.id == TYPE_STRUCT) {
        add_children(out, schema, input, 1 + detail % 3, depth - 1);
    } else if (out->type.id == TYPE_MAP) {
        FUZZ_ASSERT(ktki_arena_zeroed(&schema->arena, 1, sizeof(*out), &out->children, NULL) ==
                    KTK_OK);
        out->child_count = 1;
        out->children[0] = (struct field){"entries", {.id = TYPE_STRUCT}, .nullable = false};
        add_children(&out->children[0], schema, input, 2, depth - 1);
        out->children[0].children[0].nullable = false;
    } else {
        out->type.width = out->type.id == TYPE_FIXED_LIST ? detail % 4 : 0;
        add_children(out, schema, input, 1, depth - 1);
    }
}

static void make_flat(struct ArrowArray *out, ktk_context *context, const struct field *field,
                      int64_t length, struct cursor *input) {
    struct array_builder builder;

    FUZZ_ASSERT(ktki_builder_init(&builder, context, field, NULL) == KTK_OK);
    while (builder.length < length) {
        if (field->nullable && next_byte(input) % 8 == 1) {
            FUZZ_ASSERT(ktki_builder_append_null(&builder, NULL) == KTK_OK);
        } else {
            FUZZ_ASSERT(append_value(&builder, input) == KTK_OK);
        }
    }
    FUZZ_ASSERT(ktki_builder_finish(&builder, out, NULL) == KTK_OK);
    ktki_builder_clear(&builder);
}

static void make_buffer(struct array_buffer *out, ktk_context *context, size_t size) {
    FUZZ_ASSERT(ktki_alloc_zeroed(ktki_context_allocator(context), size, 1, &out->data, NULL) ==
                KTK_OK);
    out->size = size;
}

/* Offsets of lists of up to three items; no more of them once there are too many. */
static int64_t make_offsets(struct array_buffer *out, ktk_context *context, bool is_large,
                            int64_t length, struct cursor *input) {
    int64_t total = 0;

    make_buffer(out, context, (size_t)(length + 1) * (is_large ? 8 : 4));
    for (int64_t i = 1; i <= length; i++) {
        total += total < NESTED_ROWS_MAX ? next_byte(input) % 4 : 0;
        if (is_large) {
            ((int64_t *)out->data)[i] = total;
        } else {
            ((int32_t *)out->data)[i] = (int32_t)total;
        }
    }
    return total;
}

/* Nulls of nested values have values below them. */
static void make_array(struct ArrowArray *out, ktk_context *context, const struct field *field,
                       int64_t length, struct cursor *input) {
    enum layout layout = ktki_type_layout(field->type.id);
    struct array_buffer buffers[2] = {{NULL, 0}, {NULL, 0}};
    struct ArrowArray children[3];
    int64_t child_length = length;

    if (field->child_count == 0) {
        make_flat(out, context, field, length, input);
        return;
    }
    if (field->nullable && next_byte(input) % 2 == 0) {
        make_buffer(&buffers[0], context, ktki_bits_size(length));
        for (size_t i = 0; i < buffers[0].size; i++) {
            ((uint8_t *)buffers[0].data)[i] = (uint8_t)~next_byte(input);
        }
    }
    if (layout == LAYOUT_FIXED_LIST) {
        child_length *= field->type.width;
    } else if (layout != LAYOUT_STRUCT) {
        child_length =
            make_offsets(&buffers[1], context, layout == LAYOUT_LARGE_LIST, length, input);
    }
    for (int32_t i = 0; i < field->child_count; i++) {
        make_array(&children[i], context, &field->children[i], child_length, input);
    }
    FUZZ_ASSERT(ktki_array_wrap(out, context, length, buffers[0].data == NULL ? 0 : -1, buffers,
                                layout == LAYOUT_STRUCT || layout == LAYOUT_FIXED_LIST ? 1 : 2,
                                children, field->child_count, NULL, NULL) == KTK_OK);
}

/* ---- all together ---- */

static ktk_status append_to_buffer(void *state, const void *data, size_t size, ktk_error *err) {
    return ktki_buffer_append(state, data, size, err);
}

/* The rows as a file, in batches of `batch_rows`. */
static void write_rows(struct buffer *out, ktk_context *context, struct schema *schema,
                       const struct ArrowArray *array, const ktk_parquet_write_options *options,
                       int64_t batch_rows) {
    ktk_parquet_writer *writer = NULL;
    int64_t done = 0;

    FUZZ_ASSERT(ktki_parquet_writer_new(&writer, context, schema, options, append_to_buffer, out,
                                        NULL) == KTK_OK);
    while (done < array->length) {
        struct ArrowArray column = *array;
        struct batch batch = {schema, 0, &column};

        column.offset += done;
        column.length = array->length - done < batch_rows ? array->length - done : batch_rows;
        column.null_count = -1;
        batch.row_count = column.length;
        FUZZ_ASSERT(ktki_parquet_writer_add(writer, &batch, NULL) == KTK_OK);
        done += column.length;
    }
    FUZZ_ASSERT(ktki_parquet_writer_finish(writer, NULL, NULL) == KTK_OK);
    ktki_parquet_writer_free(writer);
}

/* An encoding that does not fit the column is not asked for. */
static void drop_unfit_choice(ktk_parquet_write_options *options, ktk_context *context,
                              struct schema *schema) {
    ktk_parquet_writer *writer = NULL;
    ktk_status status =
        ktki_parquet_writer_new(&writer, context, schema, options, append_to_buffer, NULL, NULL);

    FUZZ_ASSERT(status == KTK_OK || (status == KTK_E_INVALID && options->column_count == 1));
    if (status != KTK_OK) {
        options->column_count = 0;
    }
    ktki_parquet_writer_free(writer);
}

static void check_rows(ktk_parquet_file *file, const struct field *field,
                       const struct ArrowArray *array) {
    const struct parquet_metadata *metadata = ktki_parquet_metadata(file);
    int64_t done = 0;

    for (int32_t group = 0; group < metadata->row_group_count; group++) {
        const int32_t column = 0;
        struct ArrowArray wanted = *array;
        struct batch read = {0};

        FUZZ_ASSERT(ktki_parquet_read_row_group(&read, file, group, &column, 1, false, NULL) ==
                    KTK_OK);
        FUZZ_ASSERT(ktki_field_equals(&read.schema->fields[0], field));
        wanted.offset += done;
        wanted.length = read.row_count;
        wanted.null_count = -1;
        FUZZ_ASSERT(done + read.row_count <= array->length);
        FUZZ_ASSERT(ktki_array_equals(field, &wanted, &read.columns[0]));
        done += read.row_count;
        ktki_batch_clear(&read);
    }
    FUZZ_ASSERT(done == array->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cursor input = ktki_cursor(data, size);
    uint8_t kind = next_byte(&input);
    const struct field *field = &fields[kind % FIELD_COUNT];
    ktk_context_options one_thread = KTK_CONTEXT_OPTIONS_INIT;
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    ktk_parquet_column_options choice = {.path = "a"};
    uint8_t choices;
    int64_t numbers;
    int64_t batch_rows;
    ktk_context *context = NULL;
    struct schema *schema = NULL;
    struct array_builder builder;
    struct ArrowArray array;
    struct buffer file;
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_parquet_file *opened = NULL;

    one_thread.threads = 1;
    options.compression = (ktk_compression)(next_byte(&input) % 4);
    options.row_group_rows_max = next_number(&input, 2) & 0x1FFF;
    options.page_bytes_max = next_number(&input, 2) & 0xFFFF;
    choices = next_byte(&input);
    options.no_dictionary = choices % 4 == 0;
    choice.encoding = (ktk_parquet_encoding)(choices / 4 % 7);
    choice.dictionary = (ktk_parquet_dictionary)(choices / 28 % 3);
    options.columns = &choice;
    options.column_count = kind < NESTED_MIN;
    numbers = next_number(&input, 2);
    batch_rows = 1 + (numbers & 0x3FFF);
    options.data_page_version = 1 + (numbers >> 14 & 1);
    options.page_checksums = (numbers >> 15 & 1) != 0;

    FUZZ_ASSERT(ktk_context_new(&context, &one_thread, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_schema_new(&schema, context, 1, NULL) == KTK_OK);
    if (kind >= NESTED_MIN) {
        next_field(&schema->fields[0], schema, &input, DEPTH_MAX);
        field = &schema->fields[0];
        make_array(&array, context, field, next_number(&input, 2) & 0x3FF, &input);
    } else {
        FUZZ_ASSERT(ktki_field_copy(schema, &schema->fields[0], field, NULL) == KTK_OK);
        FUZZ_ASSERT(ktki_builder_init(&builder, context, field, NULL) == KTK_OK);
        append_rows(&builder, &input);
        FUZZ_ASSERT(ktki_builder_finish(&builder, &array, NULL) == KTK_OK);
        ktki_builder_clear(&builder);
    }
    ktki_buffer_init(&file, ktki_context_allocator(context), 0);
    choice.path = field->child_count > 0 ? "a.list.item" : "a";
    drop_unfit_choice(&options, context, schema);
    /* Row groups of few rows are tried with few rows: a chunk each costs much. */
    if (array.length > 64 * (options.row_group_rows_max + 1)) {
        options.row_group_rows_max = 0;
    }
    write_rows(&file, context, schema, &array, &options, batch_rows);
    FUZZ_ASSERT(ktki_buffer_move(&file, &bytes, NULL) == KTK_OK);
    FUZZ_ASSERT(ktk_parquet_open_bytes(&opened, context, &bytes, NULL) == KTK_OK);
    check_rows(opened, field, &array);

    ktk_parquet_file_free(opened);
    ktki_buffer_clear(&file);
    ktki_array_clear(&array);
    ktki_schema_free(schema);
    ktk_context_free(context);
    return 0;
}
