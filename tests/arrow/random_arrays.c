#include "random_arrays.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static const struct field int64_item = {"item", {.id = TYPE_INT64}, .nullable = true};
static const struct field text_value = {NULL, {.id = TYPE_STRING}, .nullable = true};
static const struct field large_value = {NULL, {.id = TYPE_LARGE_STRING}, .nullable = true};
static const struct field text_item = {"item", {.id = TYPE_STRING}, .nullable = true};
static struct field pair[] = {{"a", {.id = TYPE_INT32}, .nullable = true},
                              {"b", {.id = TYPE_STRING}, .nullable = true},
                              {"c", {.id = TYPE_BOOL}, .nullable = true}};
static struct field key_value_pair[] = {{"key", {.id = TYPE_STRING}, .nullable = true},
                                        {"value", {.id = TYPE_FLOAT64}, .nullable = true}};
static const struct field entries = {
    "entries", {.id = TYPE_STRUCT}, .child_count = 2, .children = key_value_pair};
static const struct field inner_list = {"item",
                                        {.id = TYPE_LIST},
                                        .nullable = true,
                                        .child_count = 1,
                                        .children = (struct field *)&text_item};

#define FLAT(id_)                                                                                  \
    &(const struct field) {                                                                        \
        "f", {.id = (id_)}, .nullable = true                                                       \
    }
#define PARENT(id_, child, count)                                                                  \
    &(const struct field) {                                                                        \
        "f", {.id = (id_), .width = 3}, .nullable = true, .child_count = (count),                  \
            .children = (struct field *)(child)                                                    \
    }
#define DICTIONARY(index_, values)                                                                 \
    &(const struct field) {                                                                        \
        "f", {.id = TYPE_DICTIONARY, .index = (index_)}, .nullable = true,                         \
            .dictionary = (struct field *)(values)                                                 \
    }

const struct field *const random_fields[] = {
    FLAT(TYPE_NULL),
    FLAT(TYPE_BOOL),
    FLAT(TYPE_INT8),
    FLAT(TYPE_UINT16),
    FLAT(TYPE_INT32),
    FLAT(TYPE_INT64),
    FLAT(TYPE_FLOAT16),
    FLAT(TYPE_FLOAT32),
    FLAT(TYPE_FLOAT64),
    FLAT(TYPE_STRING),
    FLAT(TYPE_LARGE_STRING),
    FLAT(TYPE_BINARY),
    FLAT(TYPE_LARGE_BINARY),
    FLAT(TYPE_STRING_VIEW),
    FLAT(TYPE_BINARY_VIEW),
    &(const struct field){"f", {.id = TYPE_FIXED_BINARY, .width = 5}, .nullable = true},
    &(const struct field){"f", {.id = TYPE_FIXED_BINARY, .width = 0}, .nullable = true},
    FLAT(TYPE_DATE32),
    FLAT(TYPE_TIMESTAMP),
    &(const struct field){"f", {.id = TYPE_DECIMAL128, .precision = 9}, .nullable = true},
    &(const struct field){"f", {.id = TYPE_DECIMAL256, .precision = 9}, .nullable = true},
    &(const struct field){"f", {.id = TYPE_INTERVAL, .width = 16}, .nullable = true},
    DICTIONARY(TYPE_INT8, &text_value),
    DICTIONARY(TYPE_UINT32, &large_value),
    DICTIONARY(TYPE_INT64, &int64_item),
    PARENT(TYPE_LIST, &int64_item, 1),
    PARENT(TYPE_LARGE_LIST, &inner_list, 1),
    PARENT(TYPE_FIXED_LIST, &text_item, 1),
    PARENT(TYPE_STRUCT, pair, 3),
    PARENT(TYPE_MAP, &entries, 1),
};

const size_t random_field_count = sizeof(random_fields) / sizeof(random_fields[0]);

static const struct field random_leaves[] = {
    {"f", {.id = TYPE_STRING}, .nullable = true},
    {"f", {.id = TYPE_INT32}, .nullable = true},
    {"f", {.id = TYPE_FLOAT64}, .nullable = true},
    {"f", {.id = TYPE_LARGE_STRING}, .nullable = true},
    {"f", {.id = TYPE_BOOL}, .nullable = true},
    {"f", {.id = TYPE_STRING_VIEW}, .nullable = true},
    {"f", {.id = TYPE_INT64}, .nullable = true},
    {"f",
     {.id = TYPE_DICTIONARY, .index = TYPE_UINT8},
     .nullable = true,
     .dictionary = (struct field *)&text_value},
    {"f",
     {.id = TYPE_DICTIONARY, .index = TYPE_INT32},
     .nullable = true,
     .dictionary = (struct field *)&int64_item},
    {"f", {.id = TYPE_NULL}, .nullable = true},
};

/* The last one cannot be a key: it has nothing but nulls. */
#define RANDOM_LEAF_COUNT (int64_t)(sizeof(random_leaves) / sizeof(random_leaves[0]))

uint32_t random_next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

int64_t random_below(uint32_t *random, int64_t bound) {
    return (int64_t)(random_next(random) % (uint64_t)bound);
}

static struct field *random_children(struct schema *schema, struct field *parent, int32_t count,
                                     int depth, uint32_t *random) {
    static const char *const names[] = {"a", "b", "c", "d"};
    ktk_error err;

    CHECK_OK(ktki_arena_zeroed(&schema->arena, (size_t)count, sizeof(*parent->children),
                               &parent->children, &err));
    parent->child_count = count;
    for (int32_t i = 0; i < count; i++) {
        random_nested_field(schema, &parent->children[i], names[i], depth, random);
    }
    return parent->children;
}

void random_nested_field(struct schema *schema, struct field *out, const char *name, int depth,
                         uint32_t *random) {
    static const enum type_id nested[] = {TYPE_LIST,   TYPE_LARGE_LIST, TYPE_FIXED_LIST,
                                          TYPE_STRUCT, TYPE_STRUCT,     TYPE_MAP};
    bool is_leaf = depth <= 1 || random_below(random, 5) == 0;
    struct field field = is_leaf ? random_leaves[random_below(random, RANDOM_LEAF_COUNT)]
                                 : (struct field){.type.id = nested[random_below(random, 6)]};
    struct field *key;
    ktk_error err;

    field.name = name;
    field.nullable = true;
    if (field.type.id == TYPE_STRUCT) {
        (void)random_children(schema, &field, 1 + (int32_t)random_below(random, 4), depth - 1,
                              random);
    } else if (field.type.id == TYPE_MAP) {
        CHECK_OK(ktki_arena_zeroed(&schema->arena, 1, sizeof(field), &field.children, &err));
        field.child_count = 1;
        field.children[0] = (struct field){"entries", {.id = TYPE_STRUCT}, .nullable = false};
        key = random_children(schema, &field.children[0], 2, depth - 1, random);
        key->nullable = false;
        if (key->type.id == TYPE_NULL) {
            key->type.id = TYPE_INT64;
        }
    } else if (!is_leaf) {
        field.type.width = field.type.id == TYPE_FIXED_LIST ? (int32_t)random_below(random, 4) : 0;
        (void)random_children(schema, &field, 1, depth - 1, random);
    }
    *out = field;
}

static void *allocate(size_t size) {
    void *block = malloc(size == 0 ? 1 : size);

    assert_non_null(block);
    return block;
}

/* Frees an array whose parts are all blocks of the C library. */
static void release(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_buffers; i++) {
        free((void *)(uintptr_t)array->buffers[i]);
    }
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
        free(array->children[i]);
    }
    if (array->dictionary != NULL) {
        array->dictionary->release(array->dictionary);
        free(array->dictionary);
    }
    free(array->children);
    free((void *)array->buffers);
    array->release = NULL;
}

static uint8_t *random_bits(int64_t end, int null_share, uint32_t *random) {
    uint8_t *bits = allocate(ktki_bits_size(end));

    memset(bits, 0, ktki_bits_size(end));
    for (int64_t i = 0; i < end; i++) {
        if (random_below(random, 256) >= null_share) {
            bits[i / 8] |= (uint8_t)(1u << (i % 8));
        }
    }
    return bits;
}

/* Few different values: only the last byte varies much. */
static void *random_fixed(int64_t end, size_t width, uint32_t *random) {
    uint8_t *values = allocate((size_t)end * width);

    for (int64_t i = 0; i < end && width > 0; i++) {
        memset(values + (size_t)i * width, (int)random_below(random, 3), width);
        values[(size_t)i * width] = (uint8_t)random_below(random, 7);
    }
    return values;
}

/* Indices in range even below nulls is more than the format promises; here garbage is put there. */
static void *random_indices(int64_t end, size_t width, int64_t count, const uint8_t *validity,
                            uint32_t *random) {
    uint8_t *values = allocate((size_t)end * width);

    memset(values, 0, (size_t)end * width);
    for (int64_t i = 0; i < end; i++) {
        bool is_null = validity != NULL && (validity[i / 8] >> (i % 8) & 1) == 0;
        if (is_null) {
            memset(values + (size_t)i * width, 0x7F, width);
        } else {
            values[(size_t)i * width] = (uint8_t)random_below(random, count);
        }
    }
    return values;
}

static size_t random_size(uint32_t *random) {
    int64_t kind = random_below(random, 10);
    return (size_t)(kind < 2 ? 0 : kind < 8 ? random_below(random, 9) : random_below(random, 40));
}

/* Ascending offsets that begin at 3 items; `*total` is the last one. */
static void *random_offsets(int64_t end, size_t width, int64_t *total, uint32_t *random) {
    uint8_t *offsets = allocate((size_t)(end + 1) * width);
    int64_t at = 3;

    for (int64_t i = 0; i <= end; i++) {
        memcpy(offsets + (size_t)i * width, &at, width);
        at += i < end ? (int64_t)random_size(random) : 0;
    }
    *total = at;
    return offsets;
}

static uint8_t *random_letters(size_t size, uint32_t *random) {
    uint8_t *letters = allocate(size);

    for (size_t i = 0; i < size; i++) {
        letters[i] = (uint8_t)('a' + random_below(random, 2));
    }
    return letters;
}

/* Two data buffers; views of null rows are garbage. */
static void random_views(struct ArrowArray *array, int64_t end, uint32_t *random) {
    const uint8_t *validity = array->buffers[0];
    uint8_t *views = allocate((size_t)end * 16);
    int64_t *sizes = allocate(2 * sizeof(*sizes));

    sizes[0] = 100;
    sizes[1] = 64;
    for (int64_t i = 0; i < end; i++) {
        int32_t parts[4] = {(int32_t)random_size(random), 0, (int32_t)random_below(random, 2), 0};
        parts[3] = (int32_t)random_below(random, sizes[parts[2]] - parts[0] + 1);
        memcpy(views + i * 16, parts, 16);
        if (parts[0] <= 12) {
            memset(views + i * 16 + 4, 0, 12);
            memset(views + i * 16 + 4, 'v', (size_t)parts[0]);
        }
        if (validity != NULL && (validity[i / 8] >> (i % 8) & 1) == 0) {
            memset(views + i * 16, 0x55, 16);
        }
    }
    array->buffers[1] = views;
    array->buffers[2] = random_letters((size_t)sizes[0], random);
    array->buffers[3] = random_letters((size_t)sizes[1], random);
    array->buffers[4] = sizes;
}

static void add_child(struct ArrowArray *array, int64_t index, const struct field *field,
                      int64_t length, int null_share, uint32_t *random) {
    array->children[index] = allocate(sizeof(struct ArrowArray));
    random_array(array->children[index], field, length, field->nullable ? null_share : 0, random);
}

static int64_t buffer_count(enum layout layout) {
    static const int64_t counts[LAYOUT_COUNT] = {
        [LAYOUT_FIXED] = 2,       [LAYOUT_BITS] = 2,       [LAYOUT_BYTES] = 3,
        [LAYOUT_LARGE_BYTES] = 3, [LAYOUT_VIEWS] = 5,      [LAYOUT_LIST] = 2,
        [LAYOUT_LARGE_LIST] = 2,  [LAYOUT_FIXED_LIST] = 1, [LAYOUT_STRUCT] = 1,
    };
    return counts[layout];
}

static void fill_values(struct ArrowArray *out, const struct field *field, int64_t end,
                        int null_share, uint32_t *random) {
    enum layout layout = ktki_type_layout(field->type.id);
    size_t width = layout == LAYOUT_BYTES || layout == LAYOUT_LIST ? 4 : 8;
    int64_t items = layout == LAYOUT_FIXED_LIST ? end * field->type.width : end;

    if (field->dictionary != NULL) {
        out->dictionary = allocate(sizeof(*out->dictionary));
        random_array(out->dictionary, field->dictionary, 6, null_share, random);
        out->buffers[1] =
            random_indices(end, ktki_type_width(&field->type), 6, out->buffers[0], random);
    } else if (layout == LAYOUT_FIXED) {
        out->buffers[1] = random_fixed(end, ktki_type_width(&field->type), random);
    } else if (layout == LAYOUT_BITS) {
        out->buffers[1] = random_bits(end, 128, random);
    } else if (layout == LAYOUT_VIEWS) {
        random_views(out, end, random);
    } else if (out->n_buffers > 1) {
        out->buffers[1] = random_offsets(end, width, &items, random);
    }
    if (layout == LAYOUT_BYTES || layout == LAYOUT_LARGE_BYTES) {
        out->buffers[2] = random_letters((size_t)items, random);
    }
    for (int64_t i = 0; i < out->n_children; i++) {
        add_child(out, i, &field->children[i], items, null_share, random);
    }
}

void random_array(struct ArrowArray *out, const struct field *field, int64_t length, int null_share,
                  uint32_t *random) {
    int64_t offset = random_below(random, 13);
    int64_t end = offset + length;

    *out = (struct ArrowArray){
        .length = length,
        .offset = offset,
        .null_count = null_share == 0 ? 0 : -1,
        .n_buffers = buffer_count(ktki_type_layout(field->type.id)),
        .n_children = field->child_count,
        .release = release,
    };
    out->buffers = allocate((size_t)out->n_buffers * sizeof(void *));
    out->children = allocate((size_t)out->n_children * sizeof(void *));
    if (out->n_buffers > 0) {
        out->buffers[0] = null_share == 0 ? NULL : random_bits(end, null_share, random);
    }
    fill_values(out, field, end, null_share, random);
}

static void append(struct buffer *out, const char *text) {
    ktk_error err;
    CHECK_OK(ktki_buffer_append_text(out, text, &err));
}

static int64_t number_at(const void *data, int64_t at, size_t width) {
    int64_t value = 0;

    memcpy(&value, (const uint8_t *)data + (size_t)at * width, width);
    return value;
}

static void bytes_text(const uint8_t *bytes, size_t size, struct buffer *out) {
    char digits[3];

    append(out, "'");
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(digits, sizeof(digits), "%02X", bytes[i]);
        append(out, digits);
    }
    append(out, "'");
}

static void view_text(const struct ArrowArray *array, int64_t at, struct buffer *out) {
    const uint8_t *view = (const uint8_t *)array->buffers[1] + at * 16;
    int64_t size = number_at(view, 0, 4);

    if (size <= 12) {
        bytes_text(view + 4, (size_t)size, out);
    } else {
        const uint8_t *data = array->buffers[2 + number_at(view, 2, 4)];
        const int64_t *sizes = array->buffers[array->n_buffers - 1];
        assert_true(number_at(view, 3, 4) + size <= sizes[number_at(view, 2, 4)]);
        bytes_text(data + number_at(view, 3, 4), (size_t)size, out);
    }
}

static void items_text(const struct field *field, const struct ArrowArray *child, int64_t start,
                       int64_t end, struct buffer *out) {
    append(out, "[");
    for (int64_t i = start; i < end; i++) {
        append(out, i > start ? "," : "");
        value_text(field, child, i, out);
    }
    append(out, "]");
}

static void nested_text(const struct field *field, const struct ArrowArray *array, int64_t at,
                        struct buffer *out) {
    size_t width = ktki_type_layout(field->type.id) == LAYOUT_LARGE_LIST ? 8 : 4;

    if (field->type.id == TYPE_STRUCT) {
        append(out, "{");
        for (int32_t i = 0; i < field->child_count; i++) {
            append(out, i > 0 ? "," : "");
            value_text(&field->children[i], array->children[i], at, out);
        }
        append(out, "}");
    } else if (field->type.id == TYPE_FIXED_LIST) {
        items_text(&field->children[0], array->children[0], at * field->type.width,
                   (at + 1) * field->type.width, out);
    } else {
        items_text(&field->children[0], array->children[0], number_at(array->buffers[1], at, width),
                   number_at(array->buffers[1], at + 1, width), out);
    }
}

void value_text(const struct field *field, const struct ArrowArray *array, int64_t row,
                struct buffer *out) {
    enum layout layout = ktki_type_layout(field->type.id);
    size_t width = layout == LAYOUT_LARGE_BYTES ? 8 : 4;
    int64_t at = array->offset + row;
    const uint8_t *validity = layout == LAYOUT_NULL ? NULL : array->buffers[0];

    assert_in_range(row, 0, array->length - 1);
    if (layout == LAYOUT_NULL || (validity != NULL && (validity[at / 8] >> (at % 8) & 1) == 0)) {
        append(out, "null");
    } else if (field->dictionary != NULL) {
        value_text(field->dictionary, array->dictionary,
                   number_at(array->buffers[1], at, ktki_type_width(&field->type)), out);
    } else if (layout == LAYOUT_FIXED) {
        width = ktki_type_width(&field->type);
        bytes_text((const uint8_t *)array->buffers[1] + (size_t)at * width, width, out);
    } else if (layout == LAYOUT_BITS) {
        append(out, (((const uint8_t *)array->buffers[1])[at / 8] >> (at % 8) & 1) ? "1" : "0");
    } else if (layout == LAYOUT_VIEWS) {
        view_text(array, at, out);
    } else if (layout == LAYOUT_BYTES || layout == LAYOUT_LARGE_BYTES) {
        int64_t start = number_at(array->buffers[1], at, width);
        bytes_text((const uint8_t *)array->buffers[2] + start,
                   (size_t)(number_at(array->buffers[1], at + 1, width) - start), out);
    } else {
        nested_text(field, array, at, out);
    }
}

void assert_same_value(const struct field *field, const struct ArrowArray *a, int64_t a_row,
                       const struct ArrowArray *b, int64_t b_row) {
    struct buffer a_text;
    struct buffer b_text;
    ktk_error err;

    ktki_buffer_init(&a_text, test_allocator(), 0);
    ktki_buffer_init(&b_text, test_allocator(), 0);
    value_text(field, a, a_row, &a_text);
    value_text(field, b, b_row, &b_text);
    CHECK_OK(ktki_buffer_append_byte(&a_text, 0, &err));
    CHECK_OK(ktki_buffer_append_byte(&b_text, 0, &err));
    if (strcmp((char *)a_text.data, (char *)b_text.data) != 0) {
        fail_msg("type %s: row %lld is %s, row %lld is %s", ktki_type_name(field->type.id),
                 (long long)a_row, (char *)a_text.data, (long long)b_row, (char *)b_text.data);
    }
    ktki_buffer_clear(&a_text);
    ktki_buffer_clear(&b_text);
}
