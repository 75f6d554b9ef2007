#include "predicate/column_model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t model_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

const struct type_case model_types[MODEL_TYPE_COUNT] = {
    {GROUP_NULL, {.id = TYPE_NULL}},
    {GROUP_BOOL, {.id = TYPE_BOOL}},
    {GROUP_SIGNED, {.id = TYPE_INT8}},
    {GROUP_SIGNED, {.id = TYPE_INT16}},
    {GROUP_SIGNED, {.id = TYPE_INT32}},
    {GROUP_SIGNED, {.id = TYPE_INT64}},
    {GROUP_UNSIGNED, {.id = TYPE_UINT8}},
    {GROUP_UNSIGNED, {.id = TYPE_UINT16}},
    {GROUP_UNSIGNED, {.id = TYPE_UINT32}},
    {GROUP_UNSIGNED, {.id = TYPE_UINT64}},
    {GROUP_REAL, {.id = TYPE_FLOAT16}},
    {GROUP_REAL, {.id = TYPE_FLOAT32}},
    {GROUP_REAL, {.id = TYPE_FLOAT64}},
    {GROUP_TEXT, {.id = TYPE_STRING}},
    {GROUP_TEXT, {.id = TYPE_LARGE_STRING}},
    {GROUP_TEXT, {.id = TYPE_STRING_VIEW}},
    {GROUP_TEXT, {.id = TYPE_BINARY}},
    {GROUP_TEXT, {.id = TYPE_LARGE_BINARY}},
    {GROUP_TEXT, {.id = TYPE_BINARY_VIEW}},
    {GROUP_TEXT, {.id = TYPE_FIXED_BINARY, .width = 2}},
    {GROUP_DATE, {.id = TYPE_DATE32}},
    {GROUP_DATE, {.id = TYPE_DATE64}},
    {GROUP_TIME, {.id = TYPE_TIME32, .unit = UNIT_SECOND}},
    {GROUP_TIME, {.id = TYPE_TIME32, .unit = UNIT_MILLI}},
    {GROUP_TIME, {.id = TYPE_TIME64, .unit = UNIT_MICRO}},
    {GROUP_TIME, {.id = TYPE_TIME64, .unit = UNIT_NANO}},
    {GROUP_TIMESTAMP, {.id = TYPE_TIMESTAMP, .unit = UNIT_SECOND}},
    {GROUP_TIMESTAMP, {.id = TYPE_TIMESTAMP, .unit = UNIT_MILLI}},
    {GROUP_TIMESTAMP, {.id = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "UTC"}},
    {GROUP_TIMESTAMP, {.id = TYPE_TIMESTAMP, .unit = UNIT_NANO}},
    {GROUP_DECIMAL, {.id = TYPE_DECIMAL128, .precision = 9, .scale = 2}},
    {GROUP_DECIMAL, {.id = TYPE_DECIMAL256, .precision = 40, .scale = 2}},
};

struct cell whole_cell(wide value) {
    return (struct cell){.whole = value, .real = (double)value};
}

struct cell text_cell(const char *text) {
    struct cell cell = {.text_size = strlen(text)};

    memcpy(cell.text, text, cell.text_size);
    return cell;
}

enum model_class model_class_of(enum type_id id) {
    switch (id) {
    case TYPE_NULL:
        return MODEL_NULL;
    case TYPE_BOOL:
        return MODEL_BOOL;
    case TYPE_FLOAT16:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return MODEL_REAL;
    case TYPE_STRING:
    case TYPE_LARGE_STRING:
    case TYPE_BINARY:
    case TYPE_LARGE_BINARY:
    case TYPE_STRING_VIEW:
    case TYPE_BINARY_VIEW:
    case TYPE_FIXED_BINARY:
        return MODEL_TEXT;
    default:
        return MODEL_WHOLE;
    }
}

wide model_scale(const struct data_type *type) {
    static const int64_t nanos[] = {1000000000, 1000000, 1000, 1};

    switch (type->id) {
    case TYPE_TIME32:
    case TYPE_TIME64:
    case TYPE_TIMESTAMP:
        return nanos[type->unit];
    case TYPE_DATE32:
        return 86400000;
    default:
        return 1;
    }
}

/* ---- the oracle ---- */

bool model_is_null(enum model_class class, const struct cell *cell) {
    return cell->is_null || class == MODEL_NULL || (class == MODEL_REAL && isnan(cell->real));
}

int model_compare(enum model_class class, const struct cell *a, wide a_scale, const struct cell *b,
                  wide b_scale) {
    wide left = a->whole * a_scale;
    wide right = b->whole * b_scale;

    if (model_is_null(class, a) || model_is_null(class, b)) {
        return 2;
    }
    if (class == MODEL_REAL) {
        return a->real < b->real ? -1 : a->real > b->real ? 1 : 0;
    }
    if (class == MODEL_TEXT) {
        for (size_t i = 0;; i++) {
            int x = i < a->text_size ? (unsigned char)a->text[i] : -1;
            int y = i < b->text_size ? (unsigned char)b->text[i] : -1;

            if (x != y || x < 0) {
                return x < y ? -1 : x > y ? 1 : 0;
            }
        }
    }
    return left < right ? -1 : left > right ? 1 : 0;
}

bool model_holds(enum model_class class, const struct cell *row, wide row_scale, ktk_operator op,
                 const struct cell *values, size_t value_count, wide value_scale) {
    bool row_null = model_is_null(class, row);
    bool found = false;
    int order;

    if (op == KTK_OP_IN || op == KTK_OP_NOT_IN) {
        for (size_t i = 0; i < value_count; i++) {
            bool value_null =
                model_is_null(class, &values[i]) && (class != MODEL_NULL || values[i].is_null);

            found =
                found || (row_null ? value_null
                                   : !value_null && model_compare(class, row, row_scale, &values[i],
                                                                  value_scale) == 0);
        }
        return found == (op == KTK_OP_IN);
    }
    if (values->is_null || (class == MODEL_REAL && isnan(values->real))) {
        return row_null == (op == KTK_OP_EQ);
    }
    if (row_null) {
        return op == KTK_OP_NE || op == KTK_OP_IS_DISTINCT_FROM;
    }
    if (op == KTK_OP_STARTS_WITH) {
        return row->text_size >= values->text_size &&
               memcmp(row->text, values->text, values->text_size) == 0;
    }
    order = model_compare(class, row, row_scale, values, value_scale);
    switch (op) {
    case KTK_OP_EQ:
        return order == 0;
    case KTK_OP_NE:
    case KTK_OP_IS_DISTINCT_FROM:
        return order != 0;
    case KTK_OP_LT:
        return order < 0;
    case KTK_OP_LE:
        return order <= 0;
    case KTK_OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* ---- layouts ---- */

static void release_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_buffers; i++) {
        free((void *)(uintptr_t)array->buffers[i]);
    }
    free(array->buffers);
    if (array->dictionary != NULL) {
        array->dictionary->release(array->dictionary);
        free(array->dictionary);
    }
    array->release = NULL;
}

/* Blocks of exactly the size needed, so that a read past the end is seen by the sanitizer. */
static void *block(size_t size) {
    void *data = calloc(size > 0 ? size : 1, 1);
    assert(data != NULL);
    return data;
}

static size_t width_of(const struct data_type *type) {
    switch (type->id) {
    case TYPE_INT8:
    case TYPE_UINT8:
        return 1;
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_FLOAT16:
        return 2;
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_FLOAT32:
    case TYPE_DATE32:
    case TYPE_TIME32:
        return 4;
    case TYPE_FIXED_BINARY:
        return (size_t)type->width;
    case TYPE_DECIMAL128:
    case TYPE_STRING_VIEW:
    case TYPE_BINARY_VIEW:
        return 16;
    case TYPE_DECIMAL256:
        return 32;
    default:
        return 8;
    }
}

/* Halves that the tests use are exact: sign, exponent and ten bits of a float. */
static uint16_t half_of(double value) {
    float single = (float)value;
    uint32_t bits;
    int exponent;

    memcpy(&bits, &single, 4);
    if (isnan(value)) {
        return 0x7E00;
    }
    if (isinf(value)) {
        return value < 0 ? 0xFC00 : 0x7C00;
    }
    exponent = (int)(bits >> 23 & 0xFF) - 127 + 15;
    if (exponent <= 0) {
        return (uint16_t)((bits >> 16 & 0x8000) | (uint32_t)(fabs(value) * 0x1p24));
    }
    return (uint16_t)((bits >> 16 & 0x8000) | (uint32_t)exponent << 10 | (bits >> 13 & 0x3FF));
}

static void put_fixed(uint8_t *at, const struct data_type *type, const struct cell *cell) {
    uint16_t half = half_of(cell->real);
    float single = (float)cell->real;
    uint64_t top = cell->whole < 0 ? UINT64_MAX : 0;

    switch (type->id) {
    case TYPE_FLOAT16:
        memcpy(at, &half, 2);
        break;
    case TYPE_FLOAT32:
        memcpy(at, &single, 4);
        break;
    case TYPE_FLOAT64:
        memcpy(at, &cell->real, 8);
        break;
    case TYPE_FIXED_BINARY:
        memcpy(at, cell->text, (size_t)type->width);
        break;
    case TYPE_DECIMAL256:
        memcpy(at, &cell->whole, 16);
        memcpy(at + 16, &top, 8);
        memcpy(at + 24, &top, 8);
        break;
    default:
        memcpy(at, &cell->whole, width_of(type)); /* little-endian: the low bytes */
        break;
    }
}

static bool has_offsets(enum type_id id) {
    return id == TYPE_STRING || id == TYPE_LARGE_STRING || id == TYPE_BINARY ||
           id == TYPE_LARGE_BINARY;
}

static bool is_view(enum type_id id) {
    return id == TYPE_STRING_VIEW || id == TYPE_BINARY_VIEW;
}

static void set_bit(uint8_t *bits, int64_t at) {
    bits[at / 8] |= (uint8_t)(1 << at % 8);
}

static void put_offset(void *offsets, bool is_large, int64_t at, int64_t value) {
    int32_t narrow = (int32_t)value;

    if (is_large) {
        memcpy((uint8_t *)offsets + 8 * at, &value, 8);
    } else {
        memcpy((uint8_t *)offsets + 4 * at, &narrow, 4);
    }
}

static void build_texts(struct ArrowArray *array, const struct data_type *type,
                        const struct cell *cells, int64_t offset, int64_t count) {
    bool is_large = type->id == TYPE_LARGE_STRING || type->id == TYPE_LARGE_BINARY;
    void *offsets = block((size_t)(offset + count + 1) * (is_large ? 8 : 4));
    size_t used = 0;
    uint8_t *data;

    for (int64_t i = 0; i < count; i++) {
        used += cells[i].is_null ? 0 : cells[i].text_size;
    }
    data = block(used);
    used = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!cells[i].is_null) {
            memcpy(data + used, cells[i].text, cells[i].text_size);
            used += cells[i].text_size;
        }
        put_offset(offsets, is_large, offset + i + 1, (int64_t)used);
    }
    array->n_buffers = 3;
    array->buffers[1] = offsets;
    array->buffers[2] = data;
    if (used == 0) {
        free(data);
        array->buffers[2] = NULL;
    }
}

/* Long texts lie in a data buffer behind the views, short ones within. */
static void build_views(struct ArrowArray *array, const struct cell *cells, int64_t offset,
                        int64_t count) {
    uint8_t *views = block((size_t)(offset + count) * 16);
    char *data = block((size_t)count * 16);
    int64_t *sizes = block(8);
    int32_t used = 0;

    for (int64_t i = 0; i < count; i++) {
        uint8_t *view = views + 16 * (offset + i);
        int32_t size = cells[i].is_null ? 0 : (int32_t)cells[i].text_size;
        int32_t zero = 0;

        memcpy(view, &size, 4);
        if (size <= 12) {
            memcpy(view + 4, cells[i].text, (size_t)size);
            continue;
        }
        memcpy(view + 4, cells[i].text, 4);
        memcpy(view + 8, &zero, 4);
        memcpy(view + 12, &used, 4);
        memcpy(data + used, cells[i].text, (size_t)size);
        used += size;
    }
    *sizes = used;
    array->n_buffers = 4;
    array->buffers[1] = views;
    array->buffers[2] = data;
    array->buffers[3] = sizes;
}

static void build_fixed(struct ArrowArray *array, const struct data_type *type,
                        const struct cell *cells, int64_t offset, int64_t count) {
    size_t width = type->id == TYPE_BOOL ? 1 : width_of(type);
    uint8_t *values = block(type->id == TYPE_BOOL ? (size_t)(offset + count + 7) / 8
                                                  : (size_t)(offset + count) * width);

    for (int64_t i = 0; i < count; i++) {
        if (type->id != TYPE_BOOL) {
            put_fixed(values + (size_t)(offset + i) * width, type, &cells[i]);
        } else if (cells[i].whole != 0) {
            set_bit(values, offset + i);
        }
    }
    array->n_buffers = 2;
    array->buffers[1] = values;
}

static void build_plain(struct ArrowArray *array, const struct data_type *type,
                        const struct cell *cells, int64_t offset, int64_t count) {
    bool has_null = false;

    *array = (struct ArrowArray){
        .length = count, .null_count = -1, .offset = offset, .release = release_array};
    if (type->id == TYPE_NULL) {
        return;
    }
    array->buffers = block(4 * sizeof(void *));
    if (has_offsets(type->id)) {
        build_texts(array, type, cells, offset, count);
    } else if (is_view(type->id)) {
        build_views(array, cells, offset, count);
    } else {
        build_fixed(array, type, cells, offset, count);
    }
    for (int64_t i = 0; i < count; i++) {
        has_null = has_null || cells[i].is_null;
    }
    if (has_null) {
        uint8_t *validity = block((size_t)(offset + count + 7) / 8);

        for (int64_t i = 0; i < count; i++) {
            if (!cells[i].is_null) {
                set_bit(validity, offset + i);
            }
        }
        array->buffers[0] = validity;
    }
}

/* The dictionary holds the cells backwards, one entry a row, equal ones twice. */
static void build_dictionary(struct column *column, struct data_type index,
                             struct layout_choice layout) {
    struct cell *backwards = block((size_t)column->count * sizeof(*backwards));
    struct cell *indices = block((size_t)column->count * sizeof(*indices));

    for (int64_t i = 0; i < column->count; i++) {
        backwards[column->count - 1 - i] = column->cells[i];
        indices[i].whole = column->count - 1 - i;
        indices[i].is_null = column->cells[i].is_null && !layout.null_in_dictionary;
    }
    build_plain(&column->array, &index, indices, layout.offset, column->count);
    column->array.dictionary = block(sizeof(*column->array.dictionary));
    build_plain(column->array.dictionary, &column->values.type, backwards, 0, column->count);
    free(indices);
    free(backwards);
}

void column_init(struct column *out, const char *name, struct data_type type,
                 const struct cell *cells, int64_t count, struct layout_choice layout) {
    *out = (struct column){.count = count, .cells = block((size_t)count * sizeof(*cells))};
    if (count > 0) {
        memcpy(out->cells, cells, (size_t)count * sizeof(*cells));
    }
    out->field = (struct field){.name = name, .type = type, .nullable = true};
    if (layout.index == TYPE_NULL) {
        build_plain(&out->array, &type, out->cells, layout.offset, count);
    } else {
        out->values = out->field;
        out->field.type = (struct data_type){.id = TYPE_DICTIONARY, .index = layout.index};
        out->field.dictionary = &out->values;
        build_dictionary(out, (struct data_type){.id = layout.index}, layout);
    }
}

void column_clear(struct column *column) {
    column->array.release(&column->array);
    free(column->cells);
}

struct schema *model_schema(ktk_context *context, const struct field *const *fields,
                            int32_t count) {
    struct schema *schema = NULL;

    assert(ktki_schema_new(&schema, context, count, NULL) == KTK_OK);
    for (int32_t i = 0; i < count; i++) {
        assert(ktki_field_copy(schema, &schema->fields[i], fields[i], NULL) == KTK_OK);
    }
    return schema;
}
