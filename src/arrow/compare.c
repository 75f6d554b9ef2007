#include "arrow/compare.h"

#include <string.h>

/* Two ranges of rows, starts without the arrays' offsets. */
struct pair {
    const struct field *field;
    const struct ArrowArray *a;
    const struct ArrowArray *b;
    int64_t a_start;
    int64_t b_start;
    int64_t count;
};

static bool ranges_equal(const struct pair *pair);

/* Null in the indices or in the dictionary: both are no value. */
static bool is_null(const struct field *field, const struct ArrowArray *array, int64_t row) {
    const uint8_t *validity;

    if (field->type.id == TYPE_NULL) {
        return true;
    }
    validity = array->null_count == 0 ? NULL : array->buffers[0];
    if (validity != NULL && !ktki_bit_get(validity, array->offset + row)) {
        return true;
    }
    return field->dictionary != NULL &&
           is_null(
               field->dictionary, array->dictionary,
               ktki_dictionary_index(array->buffers[1], field->type.index, array->offset + row));
}

static bool bits_equal(const struct pair *pair, int64_t i) {
    return ktki_bit_get(pair->a->buffers[1], pair->a->offset + pair->a_start + i) ==
           ktki_bit_get(pair->b->buffers[1], pair->b->offset + pair->b_start + i);
}

static bool bytes_equal(const struct pair *pair, int64_t i) {
    const uint8_t *a;
    const uint8_t *b;
    size_t a_size;
    size_t b_size;

    ktki_array_bytes(pair->a, &pair->field->type, pair->a_start + i, &a, &a_size);
    ktki_array_bytes(pair->b, &pair->field->type, pair->b_start + i, &b, &b_size);
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool dictionary_values_equal(const struct pair *pair, int64_t i) {
    enum type_id index = pair->field->type.index;
    const struct pair values = {
        .field = pair->field->dictionary,
        .a = pair->a->dictionary,
        .b = pair->b->dictionary,
        .a_start =
            ktki_dictionary_index(pair->a->buffers[1], index, pair->a->offset + pair->a_start + i),
        .b_start =
            ktki_dictionary_index(pair->b->buffers[1], index, pair->b->offset + pair->b_start + i),
        .count = 1,
    };
    return ranges_equal(&values);
}

static bool values_equal(const struct pair *pair, int64_t i) {
    return pair->field->dictionary != NULL ? dictionary_values_equal(pair, i)
                                           : bytes_equal(pair, i);
}

/* Items [*start, *start + *count) of a list, without the child's offset. */
static void list_items(const struct field *field, const struct ArrowArray *array, int64_t row,
                       int64_t *start, int64_t *count) {
    int64_t at = array->offset + row;

    if (field->type.id == TYPE_FIXED_LIST) {
        *start = at * field->type.width;
        *count = field->type.width;
    } else if (ktki_type_layout(field->type.id) == LAYOUT_LARGE_LIST) {
        const int64_t *offsets = array->buffers[1];
        *start = offsets[at];
        *count = offsets[at + 1] - offsets[at];
    } else {
        const int32_t *offsets = array->buffers[1];
        *start = offsets[at];
        *count = offsets[at + 1] - offsets[at];
    }
}

static bool lists_equal(const struct pair *pair, int64_t i) {
    struct pair items = {
        .field = &pair->field->children[0], .a = pair->a->children[0], .b = pair->b->children[0]};
    int64_t b_count;

    list_items(pair->field, pair->a, pair->a_start + i, &items.a_start, &items.count);
    list_items(pair->field, pair->b, pair->b_start + i, &items.b_start, &b_count);
    return items.count == b_count && ranges_equal(&items);
}

static bool structs_equal(const struct pair *pair, int64_t i) {
    bool is_equal = true;

    for (int32_t child = 0; is_equal && child < pair->field->child_count; child++) {
        const struct pair values = {
            .field = &pair->field->children[child],
            .a = pair->a->children[child],
            .b = pair->b->children[child],
            .a_start = pair->a->offset + pair->a_start + i,
            .b_start = pair->b->offset + pair->b_start + i,
            .count = 1,
        };
        is_equal = ranges_equal(&values);
    }
    return is_equal;
}

typedef bool (*value_equals_fn)(const struct pair *pair, int64_t i);

static const value_equals_fn comparisons[LAYOUT_COUNT] = {
    [LAYOUT_FIXED] = values_equal,     [LAYOUT_BITS] = bits_equal,
    [LAYOUT_BYTES] = bytes_equal,      [LAYOUT_LARGE_BYTES] = bytes_equal,
    [LAYOUT_VIEWS] = bytes_equal,      [LAYOUT_LIST] = lists_equal,
    [LAYOUT_LARGE_LIST] = lists_equal, [LAYOUT_FIXED_LIST] = lists_equal,
    [LAYOUT_STRUCT] = structs_equal,
};

static bool ranges_equal(const struct pair *pair) {
    value_equals_fn equals = comparisons[ktki_type_layout(pair->field->type.id)];
    bool is_equal = true;

    if (equals == NULL) {
        return true; /* the null type */
    }
    for (int64_t i = 0; is_equal && i < pair->count; i++) {
        bool a_null = is_null(pair->field, pair->a, pair->a_start + i);
        bool b_null = is_null(pair->field, pair->b, pair->b_start + i);
        is_equal = a_null == b_null && (a_null || equals(pair, i));
    }
    return is_equal;
}

/* The very same rows: arrays that share their memory need not be compared value by value. */
static bool is_same(const struct ArrowArray *a, const struct ArrowArray *b) {
    return a == b || (a->buffers == b->buffers && a->buffers != NULL && a->offset == b->offset &&
                      a->children == b->children && a->dictionary == b->dictionary);
}

bool ktki_array_equals(const struct field *field, const struct ArrowArray *a,
                       const struct ArrowArray *b) {
    const struct pair all = {field, a, b, 0, 0, a->length};

    return a->length == b->length && (is_same(a, b) || ranges_equal(&all));
}
