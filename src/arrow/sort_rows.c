#include "arrow/sort_rows.h"

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* Fewer rows are merged instead of counted. */
#define COUNTED_MIN 256

/* A row and as much of its value as 64 bits hold, so that keys order as values do. */
struct item {
    uint64_t key;
    int64_t row;
};

/* One column that is sorted by. */
struct column_sort {
    ktk_context *context;
    const struct field *field;
    const struct ArrowArray *array;
    struct array_view view;
    const uint32_t *ranks; /* of the values of a dictionary */
    struct item *items;
    struct item *scratch; /* of the same size */
    size_t count;
};

/* ---- keys ---- */

#define SIGN_BIT UINT64_C(0x8000000000000000)

static uint64_t load_unsigned(const struct array_view *view, size_t width, int64_t at) {
    switch (width) {
    case 1:
        return ((const uint8_t *)view->values)[at];
    case 2:
        return ((const uint16_t *)view->values)[at];
    case 4:
        return ((const uint32_t *)view->values)[at];
    default:
        return ((const uint64_t *)view->values)[at];
    }
}

/* Two's complement of `width` bytes, with negative values below. */
static uint64_t signed_key(uint64_t bits, size_t width) {
    unsigned unused = 64 - 8 * (unsigned)width;

    return (bits << unused) ^ SIGN_BIT;
}

/* An IEEE number of `width` bytes: the sign turns the order of all other bits round. */
static uint64_t float_key(uint64_t bits, size_t width) {
    uint64_t aligned = bits << (64 - 8 * (unsigned)width);

    if (aligned == SIGN_BIT) {
        aligned = 0; /* -0.0 */
    }
    return (aligned & SIGN_BIT) != 0 ? ~aligned : aligned | SIGN_BIT;
}

static bool is_nan(enum type_id id, uint64_t bits) {
    switch (id) {
    case TYPE_FLOAT16:
        return (bits & 0x7FFF) > 0x7C00;
    case TYPE_FLOAT32:
        return (bits & 0x7FFFFFFF) > 0x7F800000;
    case TYPE_FLOAT64:
        return (bits & ~SIGN_BIT) > UINT64_C(0x7FF0000000000000);
    default:
        return false;
    }
}

static bool is_unsigned(enum type_id id) {
    return ktki_type_is_unsigned_integer(id);
}

static bool is_decimal(enum type_id id) {
    return id == TYPE_DECIMAL128 || id == TYPE_DECIMAL256;
}

/* The key of a value that is not null; `*is_null` if it counts as null all the same. */
static uint64_t number_key(const struct column_sort *sort, int64_t row, bool *is_null) {
    enum type_id id = sort->field->type.id;
    size_t width = ktki_type_width(&sort->field->type);
    int64_t at = row + sort->view.offset;
    uint64_t bits;

    if (id == TYPE_BOOL) {
        return ktki_bit_get(sort->view.values, at);
    }
    bits = load_unsigned(&sort->view, width, at);
    *is_null = is_nan(id, bits);
    if (ktki_type_is_float(id)) {
        return float_key(bits, width);
    }
    return is_unsigned(id) ? bits : signed_key(bits, width);
}

static uint64_t bytes_key(const struct column_sort *sort, int64_t row) {
    const uint8_t *data;
    uint64_t key = 0;
    size_t size;

    ktki_array_bytes(sort->array, &sort->field->type, row, &data, &size);
    for (size_t i = 0; i < sizeof(key); i++) {
        key = key << 8 | (i < size ? data[i] : 0);
    }
    return key;
}

/* Decimals are little-endian: their highest 64 bits. */
static uint64_t decimal_key(const struct column_sort *sort, int64_t row) {
    const uint8_t *data;
    uint64_t key;
    size_t size;

    ktki_array_bytes(sort->array, &sort->field->type, row, &data, &size);
    memcpy(&key, data + size - sizeof(key), sizeof(key));
    return key ^ SIGN_BIT;
}

#define RANK_NULL UINT32_MAX

static uint64_t row_key(const struct column_sort *sort, int64_t row, bool *is_null) {
    enum layout layout = ktki_type_layout(sort->field->type.id);
    enum type_id id = sort->field->type.id;

    *is_null = ktki_view_is_null(&sort->view, row);
    if (*is_null) {
        return 0;
    }
    if (id == TYPE_DICTIONARY) {
        int64_t index = ktki_dictionary_index(sort->view.values, sort->field->type.index,
                                              row + sort->view.offset);

        *is_null = sort->ranks[index] == RANK_NULL;
        return sort->ranks[index];
    }
    if (is_decimal(id)) {
        return decimal_key(sort, row);
    }
    if (id == TYPE_FIXED_BINARY || layout == LAYOUT_BYTES || layout == LAYOUT_LARGE_BYTES ||
        layout == LAYOUT_VIEWS) {
        return bytes_key(sort, row);
    }
    return number_key(sort, row, is_null);
}

/* ---- comparing ---- */

static int compare_decimals(const uint8_t *a, const uint8_t *b, size_t size) {
    for (size_t i = size; i > 0; i -= sizeof(uint64_t)) {
        uint64_t x;
        uint64_t y;

        memcpy(&x, a + i - sizeof(x), sizeof(x));
        memcpy(&y, b + i - sizeof(y), sizeof(y));
        if (x != y) {
            return x < y ? -1 : 1; /* the signed part is equal: the keys are */
        }
    }
    return 0;
}

/* Rows whose keys are equal. */
static int compare_rest(const struct column_sort *sort, int64_t a, int64_t b) {
    const struct data_type *type = &sort->field->type;
    const uint8_t *data[2];
    size_t sizes[2];
    size_t common;
    int order;

    ktki_array_bytes(sort->array, type, a, &data[0], &sizes[0]);
    ktki_array_bytes(sort->array, type, b, &data[1], &sizes[1]);
    if (is_decimal(type->id)) {
        return compare_decimals(data[0], data[1], sizes[0]);
    }
    common = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
    order = common == 0 ? 0 : memcmp(data[0], data[1], common);
    return order != 0 ? order : (sizes[0] > sizes[1]) - (sizes[0] < sizes[1]);
}

/* Keys of 64 bits are the whole of a number. */
static bool has_rest(const struct data_type *type) {
    enum layout layout = ktki_type_layout(type->id);

    return is_decimal(type->id) || type->id == TYPE_FIXED_BINARY || layout == LAYOUT_BYTES ||
           layout == LAYOUT_LARGE_BYTES || layout == LAYOUT_VIEWS;
}

/* ---- sorting items ---- */

/* Merge [0, middle) and [middle, count) of `from` into `to`. */
static void merge(const struct column_sort *sort, bool by_rest, const struct item *from,
                  size_t middle, size_t count, struct item *to) {
    size_t a = 0;
    size_t b = middle;

    for (size_t i = 0; i < count; i++) {
        bool takes_b = a == middle;

        if (a < middle && b < count) {
            takes_b =
                from[b].key < from[a].key || (by_rest && from[b].key == from[a].key &&
                                              compare_rest(sort, from[b].row, from[a].row) < 0);
        }
        to[i] = takes_b ? from[b++] : from[a++];
    }
}

static void sort_by_merging(struct column_sort *sort) {
    bool by_rest = has_rest(&sort->field->type);

    for (size_t width = 1; width < sort->count; width *= 2) {
        struct item *from = sort->items;

        for (size_t at = 0; at < sort->count; at += 2 * width) {
            size_t left = sort->count - at;
            size_t count = left < 2 * width ? left : 2 * width;

            merge(sort, by_rest, from + at, width < count ? width : count, count,
                  sort->scratch + at);
        }
        sort->items = sort->scratch;
        sort->scratch = from;
    }
}

/* By one byte of the keys, stable. */
static void count_byte(struct column_sort *sort, unsigned shift) {
    size_t places[256] = {0};
    size_t place = 0;
    struct item *from = sort->items;

    for (size_t i = 0; i < sort->count; i++) {
        places[from[i].key >> shift & 0xFF]++;
    }
    for (size_t i = 0; i < 256; i++) {
        size_t count = places[i];

        places[i] = place;
        place += count;
    }
    for (size_t i = 0; i < sort->count; i++) {
        sort->scratch[places[from[i].key >> shift & 0xFF]++] = from[i];
    }
    sort->items = sort->scratch;
    sort->scratch = from;
}

/* From the lowest byte up; bytes that are the same everywhere are left out. */
static void sort_by_counting(struct column_sort *sort) {
    uint64_t differs = 0;

    for (size_t i = 1; i < sort->count; i++) {
        differs |= sort->items[i].key ^ sort->items[0].key;
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differs >> shift & 0xFF) != 0) {
            count_byte(sort, shift);
        }
    }
}

/* ---- columns ---- */

static ktk_status fail_type(ktk_context *context, const struct field *field, ktk_error *err) {
    ktk_status status = KTK_OK;
    struct buffer type;

    ktki_buffer_init(&type, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_field_type_text(field, &type, err));
    status = ktk_error_set(err, KTK_E_UNSUPPORTED, "column '%s' is %.*s: it cannot be sorted by",
                           field->name, (int)type.size, (const char *)type.data);
out:
    ktki_buffer_clear(&type);
    return status;
}

static ktk_status sort_by(int64_t *rows, size_t count, ktk_context *context,
                          const struct field *field, const struct ArrowArray *array,
                          const uint32_t *ranks, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct column_sort sort = {.context = context, .field = field, .array = array, .ranks = ranks};
    struct item *items = NULL;
    int64_t *nulls = NULL;
    size_t null_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, 2 * sizeof(*items), &items, err));
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*nulls), &nulls, err));
    ktki_array_view(array, &field->type, &sort.view);
    sort.items = items;
    sort.scratch = items + count;
    for (size_t i = 0; i < count; i++) {
        bool is_null;
        uint64_t key = row_key(&sort, rows[i], &is_null);

        if (is_null) {
            nulls[null_count++] = rows[i];
        } else {
            sort.items[sort.count++] = (struct item){key, rows[i]};
        }
    }
    if (has_rest(&field->type) || sort.count < COUNTED_MIN) {
        sort_by_merging(&sort);
    } else {
        sort_by_counting(&sort);
    }
    for (size_t i = 0; i < sort.count; i++) {
        rows[i] = sort.items[i].row;
    }
    for (size_t i = 0; i < null_count; i++) {
        rows[sort.count + i] = nulls[i];
    }
out:
    ktki_free_array(allocator, nulls, count, sizeof(*nulls));
    ktki_free_array(allocator, items, count, 2 * sizeof(*items));
    return status;
}

static bool are_equal(const struct column_sort *sort, int64_t a, int64_t b) {
    bool is_null;

    return row_key(sort, a, &is_null) == row_key(sort, b, &is_null) &&
           (!has_rest(&sort->field->type) || compare_rest(sort, a, b) == 0);
}

/* Ranks of the values of a dictionary; equal ones share theirs. */
static ktk_status rank_values(uint32_t *ranks, ktk_context *context, const struct field *field,
                              const struct ArrowArray *array, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct column_sort sort = {.context = context, .field = field, .array = array};
    size_t count = (size_t)array->length;
    int64_t *order = NULL;
    uint32_t rank = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*order), &order, err));
    for (size_t i = 0; i < count; i++) {
        order[i] = (int64_t)i;
    }
    KTKI_TRY(sort_by(order, count, context, field, array, NULL, err));
    ktki_array_view(array, &field->type, &sort.view);
    for (size_t i = 0; i < count; i++) {
        bool is_null;

        (void)row_key(&sort, order[i], &is_null);
        rank += i > 0 && !is_null && !are_equal(&sort, order[i - 1], order[i]);
        ranks[order[i]] = is_null ? RANK_NULL : rank;
    }
out:
    ktki_free_array(allocator, order, count, sizeof(*order));
    return status;
}

static ktk_status sort_by_dictionary(int64_t *rows, size_t count, ktk_context *context,
                                     const struct field *field, const struct ArrowArray *array,
                                     ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t value_count = (size_t)array->dictionary->length;
    uint32_t *ranks = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, value_count, sizeof(*ranks), &ranks, err));
    KTKI_TRY(rank_values(ranks, context, field->dictionary, array->dictionary, err));
    KTKI_TRY(sort_by(rows, count, context, field, array, ranks, err));
out:
    ktki_free_array(allocator, ranks, value_count, sizeof(*ranks));
    return status;
}

ktk_status ktki_sort_rows(int64_t *rows, ktk_context *context, const struct batch *batch,
                          const int32_t *columns, int32_t column_count, ktk_error *err) {
    size_t count = (size_t)batch->row_count;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < count; i++) {
        rows[i] = (int64_t)i;
    }
    for (int32_t i = column_count; i > 0; i--) {
        const struct field *field = &batch->schema->fields[columns[i - 1]];
        const struct ArrowArray *array = &batch->columns[columns[i - 1]];
        bool is_dictionary = field->type.id == TYPE_DICTIONARY;
        enum type_id id = is_dictionary ? field->dictionary->type.id : field->type.id;

        if (ktki_type_is_nested(id) || id == TYPE_INTERVAL || id == TYPE_DICTIONARY) {
            KTKI_TRY(fail_type(context, field, err));
        }
        if (id != TYPE_NULL) {
            KTKI_TRY(is_dictionary ? sort_by_dictionary(rows, count, context, field, array, err)
                                   : sort_by(rows, count, context, field, array, NULL, err));
        }
    }
out:
    return status;
}
