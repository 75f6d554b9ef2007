/*
 * Tables as another library could hand them over: a schema of any shape, and arrays whose counts,
 * offsets, indices and views are arbitrary, in buffers exactly as large as length, offset and list
 * offsets imply. What the deep check accepts can be copied, taken in reverse and grouped without
 * reading out of a buffer, and keeps its values.
 */
#include <string.h>

#include "arrow/batch.h"
#include "arrow/compare.h"
#include "arrow/group_rows.h"
#include "arrow/take.h"
#include "base/cursor.h"
#include "fuzz.h"

#define BLOCK_COUNT_MAX 4096
#define DEPTH_MAX 5
#define ROWS_MAX 64
#define BYTES_MAX 512

/* The input, and what was allocated on its behalf. */
struct maker {
    struct cursor input;
    void *blocks[BLOCK_COUNT_MAX];
    size_t block_count;
};

static uint8_t take_byte(struct maker *maker) {
    uint8_t byte = 0;
    (void)ktki_cursor_u8(&maker->input, &byte);
    return byte;
}

/* Zeroed, of exactly that size; NULL when there are enough. */
static void *make_block(struct maker *maker, size_t size) {
    void *block;

    if (maker->block_count == BLOCK_COUNT_MAX) {
        return NULL;
    }
    block = calloc(1, size == 0 ? 1 : size);
    FUZZ_ASSERT(block != NULL);
    maker->blocks[maker->block_count++] = block;
    return block;
}

static void free_blocks(struct maker *maker) {
    for (size_t i = 0; i < maker->block_count; i++) {
        free(maker->blocks[i]);
    }
}

/* A block filled from the input as far as that goes. */
static void *make_filled(struct maker *maker, size_t size) {
    uint8_t *block = make_block(maker, size);
    size_t left = ktki_cursor_left(&maker->input);

    if (block != NULL) {
        (void)ktki_cursor_copy(&maker->input, block, size < left ? size : left);
    }
    return block;
}

static void schema_release(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void array_release(struct ArrowArray *array) {
    array->release = NULL;
}

static const char *make_text(struct maker *maker, size_t size_max) {
    size_t size = take_byte(maker) % (size_max + 1);
    char *text = make_filled(maker, size + 1);

    if (text != NULL) {
        text[size] = '\0';
    }
    return text;
}

static const char *const formats[] = {
    "n",   "b",     "c",         "C",   "s",    "S",   "i",   "I",       "l",    "L",
    "e",   "f",     "g",         "z",   "Z",    "u",   "U",   "vz",      "vu",   "w:3",
    "w:8", "d:9,2", "d:9,2,256", "tdD", "tdm",  "tts", "ttn", "tsu:UTC", "tsn:", "tDu",
    "tin", "tiD",   "+l",        "+L",  "+w:2", "+s",  "+m",
};

static struct ArrowSchema *make_schema(struct maker *maker, int depth) {
    struct ArrowSchema *schema = make_block(maker, sizeof(*schema));
    size_t kind = take_byte(maker);
    uint8_t flags = take_byte(maker);

    if (schema == NULL) {
        return NULL;
    }
    schema->format =
        kind == 255 ? make_text(maker, 12) : formats[kind % (sizeof(formats) / sizeof(formats[0]))];
    schema->name = (flags & 8) != 0 ? NULL : make_text(maker, 3);
    schema->flags = flags & 7;
    schema->release = (flags & 0xF0) == 0xF0 ? NULL : schema_release;
    if (depth < DEPTH_MAX && schema->format != NULL && schema->format[0] == '+') {
        schema->n_children = take_byte(maker) % 4;
        schema->children = make_block(maker, sizeof(*schema->children) * 4);
        for (int64_t i = 0; schema->children != NULL && i < schema->n_children; i++) {
            schema->children[i] = make_schema(maker, depth + 1);
        }
    } else if (depth < DEPTH_MAX && (flags & 0x30) == 0x30) {
        schema->dictionary = make_schema(maker, depth + 1);
    }
    return schema;
}

static struct ArrowArray *make_array(struct maker *maker, const struct field *field);

/* Small numbers are likelier to be right. */
static int64_t make_number(struct maker *maker, int64_t maximum) {
    uint8_t byte = take_byte(maker);
    return byte == 255 ? -1 : byte == 254 ? INT64_MAX : byte % (maximum + 1);
}

/* Data buffers of views and their sizes, which are true. */
static void make_data_buffers(struct maker *maker, struct ArrowArray *array) {
    int64_t count = array->n_buffers - 3;
    int64_t *sizes = make_block(maker, sizeof(*sizes) * (size_t)(count < 1 ? 1 : count));

    for (int64_t i = 0; sizes != NULL && i < count; i++) {
        sizes[i] = take_byte(maker) % 64;
        array->buffers[2 + i] = make_filled(maker, (size_t)sizes[i]);
    }
    if (count >= 0) {
        array->buffers[array->n_buffers - 1] = sizes;
    }
}

/* Bytes of buffer 1 for `end` rows. */
static size_t values_size(const struct field *field, int64_t end) {
    size_t rows = (size_t)end;

    switch (ktki_type_layout(field->type.id)) {
    case LAYOUT_FIXED:
        return rows * ktki_type_width(&field->type);
    case LAYOUT_BITS:
        return ktki_bits_size(end);
    case LAYOUT_BYTES:
    case LAYOUT_LIST:
        return (rows + 1) * sizeof(int32_t);
    case LAYOUT_LARGE_BYTES:
    case LAYOUT_LARGE_LIST:
        return (rows + 1) * sizeof(int64_t);
    case LAYOUT_VIEWS:
        return rows * 16;
    default:
        return 0;
    }
}

/* The bytes of texts are as many as the last offset says; false if that is too many to make. */
static bool make_text_bytes(struct maker *maker, struct ArrowArray *array, bool is_large,
                            int64_t end) {
    int64_t last;

    if (array->buffers[1] == NULL) {
        return true;
    }
    last = is_large ? ((const int64_t *)array->buffers[1])[end]
                    : ((const int32_t *)array->buffers[1])[end];
    if (last > BYTES_MAX) {
        return false;
    }
    array->buffers[2] = make_filled(maker, last < 0 ? 0 : (size_t)last);
    return true;
}

/* Spread the bytes of small offsets, so that ascending ones are likely. */
static void make_offsets(struct maker *maker, struct ArrowArray *array, size_t width, int64_t end) {
    uint8_t *offsets = make_block(maker, (size_t)(end + 1) * width);
    int64_t at = 0;

    for (int64_t i = 0; offsets != NULL && i <= end; i++) {
        memcpy(offsets + (size_t)i * width, &at, width);
        at += (int8_t)take_byte(maker) % 8;
    }
    array->buffers[1] = offsets;
}

static bool make_values(struct maker *maker, const struct field *field, struct ArrowArray *array,
                        int64_t end) {
    enum layout layout = ktki_type_layout(field->type.id);
    bool is_large = layout == LAYOUT_LARGE_BYTES || layout == LAYOUT_LARGE_LIST;
    bool has_offsets = is_large || layout == LAYOUT_BYTES || layout == LAYOUT_LIST;

    if (array->n_buffers > 0 && take_byte(maker) % 4 != 0) {
        array->buffers[0] = make_filled(maker, ktki_bits_size(end));
    }
    if (array->n_buffers > 1 && take_byte(maker) % 16 != 0) {
        if (has_offsets && take_byte(maker) % 4 != 0) {
            make_offsets(maker, array, is_large ? 8 : 4, end);
        } else {
            array->buffers[1] = make_filled(maker, values_size(field, end));
        }
    }
    if (layout == LAYOUT_VIEWS) {
        make_data_buffers(maker, array);
    }
    return array->n_buffers < 3 || (layout != LAYOUT_BYTES && layout != LAYOUT_LARGE_BYTES) ||
           make_text_bytes(maker, array, is_large, end);
}

static const int64_t buffer_counts[LAYOUT_COUNT] = {
    [LAYOUT_FIXED] = 2,       [LAYOUT_BITS] = 2,       [LAYOUT_BYTES] = 3,
    [LAYOUT_LARGE_BYTES] = 3, [LAYOUT_VIEWS] = 5,      [LAYOUT_LIST] = 2,
    [LAYOUT_LARGE_LIST] = 2,  [LAYOUT_FIXED_LIST] = 1, [LAYOUT_STRUCT] = 1,
};

static void make_children(struct maker *maker, const struct field *field,
                          struct ArrowArray *array) {
    array->children = make_block(maker, sizeof(*array->children) * (size_t)array->n_children);
    for (int64_t i = 0; array->children != NULL && i < array->n_children; i++) {
        array->children[i] = i < field->child_count ? make_array(maker, &field->children[i]) : NULL;
    }
}

static struct ArrowArray *make_array(struct maker *maker, const struct field *field) {
    struct ArrowArray *array = make_block(maker, sizeof(*array));
    uint8_t flags = take_byte(maker);
    int64_t end = 0;

    if (array == NULL) {
        return NULL;
    }
    array->length = make_number(maker, ROWS_MAX);
    array->offset = (flags & 3) == 0 ? make_number(maker, 12) : 0;
    array->null_count = (flags & 12) == 0 ? make_number(maker, ROWS_MAX) : -1;
    array->n_buffers = buffer_counts[ktki_type_layout(field->type.id)] + ((flags & 0xF0) == 0xF0);
    array->n_children = field->child_count + ((flags & 0xF0) == 0xE0);
    array->release = (flags & 0xF0) == 0xD0 ? NULL : array_release;
    /* Numbers that no buffer could have are refused before any buffer is looked at. */
    if (array->length >= 0 && array->length <= ROWS_MAX && array->offset >= 0 &&
        array->offset <= 12) {
        end = array->length + array->offset;
    }
    array->buffers = make_block(maker, sizeof(*array->buffers) * (size_t)array->n_buffers);
    if (array->buffers == NULL || !make_values(maker, field, array, end)) {
        return NULL;
    }
    make_children(maker, field, array);
    if (field->dictionary != NULL && (flags & 0xF0) != 0xC0) {
        array->dictionary = make_array(maker, field->dictionary);
    }
    return array;
}

/* A copy equals the original, and rows taken in reverse twice are the original again. */
static void use_array(ktk_context *context, const struct field *field,
                      const struct ArrowArray *array) {
    int64_t rows[ROWS_MAX];
    struct ArrowArray copy;
    struct ArrowArray reversed;
    struct ArrowArray again;

    for (int64_t i = 0; i < array->length; i++) {
        rows[i] = array->length - 1 - i;
    }
    FUZZ_ASSERT(ktki_array_concat(&copy, context, field, &array, 1, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_array_equals(field, array, &copy));
    FUZZ_ASSERT(ktki_array_check(&copy, field, true, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_array_take(&reversed, context, field, array, rows, array->length, NULL) ==
                KTK_OK);
    FUZZ_ASSERT(ktki_array_check(&reversed, field, true, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_array_take(&again, context, field, &reversed, rows, array->length, NULL) ==
                KTK_OK);
    FUZZ_ASSERT(ktki_array_equals(field, array, &again));
    ktki_array_clear(&copy);
    ktki_array_clear(&reversed);
    ktki_array_clear(&again);
}

static void group_by(ktk_context *context, struct batch *batch, int32_t column) {
    struct row_grouper *grouper = NULL;
    struct batch keys = {0};
    uint32_t groups[ROWS_MAX];

    if (ktki_grouper_new(&grouper, context, batch->schema, &column, 1, NULL) == KTK_OK) {
        FUZZ_ASSERT(ktki_grouper_add(grouper, batch, groups, NULL) == KTK_OK);
        FUZZ_ASSERT(ktki_grouper_keys(grouper, &keys, NULL) == KTK_OK);
        for (int64_t row = 0; row < batch->row_count; row++) {
            FUZZ_ASSERT(groups[row] == UINT32_MAX || groups[row] < keys.row_count);
        }
    }
    ktki_batch_clear(&keys);
    ktki_grouper_free(grouper);
}

static void use_batch(ktk_context *context, struct batch *batch) {
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct field *field = &batch->schema->fields[i];
        FUZZ_ASSERT(ktki_array_check(&batch->columns[i], field, true, NULL) == KTK_OK);
        use_array(context, field, &batch->columns[i]);
        group_by(context, batch, i);
    }
}

static void check_export(ktk_context *context, const struct schema *schema) {
    struct schema *again = NULL;
    struct ArrowSchema exported;

    FUZZ_ASSERT(ktki_schema_export(schema, &exported, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_schema_import(&again, context, &exported, NULL) == KTK_OK);
    FUZZ_ASSERT(again->field_count == schema->field_count);
    for (int32_t i = 0; i < schema->field_count; i++) {
        FUZZ_ASSERT(ktki_field_equals(&again->fields[i], &schema->fields[i]));
    }
    exported.release(&exported);
    ktki_schema_free(again);
}

static void import_table(ktk_context *context, struct maker *maker) {
    struct field table = {.name = "", .type = {.id = TYPE_STRUCT}};
    struct schema *schema = NULL;
    struct batch batch = {0};
    struct ArrowArray *array;
    bool is_sound;

    if (ktki_schema_import(&schema, context, make_schema(maker, 0), NULL) != KTK_OK) {
        return;
    }
    check_export(context, schema);
    table.children = schema->fields;
    table.child_count = schema->field_count;
    array = make_array(maker, &table);
    is_sound = array != NULL && ktki_array_check(array, &table, true, NULL) == KTK_OK;
    if (array != NULL && ktki_batch_import(&batch, schema, array, NULL) == KTK_OK) {
        if (is_sound) {
            use_batch(context, &batch);
        }
    } else {
        FUZZ_ASSERT(!is_sound);
    }
    ktki_batch_clear(&batch);
    ktki_schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    struct maker *maker = calloc(1, sizeof(*maker));
    ktk_context *context = NULL;

    options.threads = 1;
    FUZZ_ASSERT(maker != NULL);
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    maker->input = ktki_cursor(data, size);
    import_table(context, maker);
    free_blocks(maker);
    free(maker);
    ktk_context_free(context);
    return 0;
}
