#include "arrow/take.h"

#include <assert.h>

#include "arrow/array_parts.h"
#include "arrow/array_views.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/* Rows that are being taken; `parts` gets them. */
struct take {
    const struct ArrowArray *array;
    const struct field *field;
    struct array_view view;
    const int64_t *rows;
    int64_t count;
    struct array_parts *parts;
};

static void take_bits(const uint8_t *bits, int64_t offset, const int64_t *rows, int64_t count,
                      uint8_t *out) {
    int64_t i = 0;

    for (; i + 8 <= count; i += 8) {
        unsigned byte = 0;
        for (int k = 0; k < 8; k++) {
            int64_t bit = rows[i + k] + offset;
            byte |= (bits[bit >> 3] >> (bit & 7) & 1u) << k;
        }
        out[i >> 3] = (uint8_t)byte;
    }
    if (i < count) {
        out[i >> 3] = 0;
    }
    for (; i < count; i++) {
        if (ktki_bit_get(bits, rows[i] + offset)) {
            ktki_bit_set(out, i);
        }
    }
}

/* One function a width: the size of the copies is then known to the compiler. */
#define DEFINE_TAKE_FIXED(width)                                                                   \
    static void take_fixed_##width(const uint8_t *from, const int64_t *rows, int64_t count,        \
                                   uint8_t *to) {                                                  \
        for (int64_t i = 0; i < count; i++) {                                                      \
            memcpy(to + i * (width), from + rows[i] * (width), (width));                           \
        }                                                                                          \
    }

DEFINE_TAKE_FIXED(1)
DEFINE_TAKE_FIXED(2)
DEFINE_TAKE_FIXED(4)
DEFINE_TAKE_FIXED(8)
DEFINE_TAKE_FIXED(16)
DEFINE_TAKE_FIXED(32)

static void take_fixed_any(const uint8_t *from, size_t width, const int64_t *rows, int64_t count,
                           uint8_t *to) {
    for (int64_t i = 0; i < count; i++) {
        memcpy(to + (size_t)i * width, from + (size_t)rows[i] * width, width);
    }
}

typedef void (*take_fixed_fn)(const uint8_t *from, const int64_t *rows, int64_t count, uint8_t *to);

static take_fixed_fn fixed_kernel(size_t width) {
    switch (width) {
    case 1:
        return take_fixed_1;
    case 2:
        return take_fixed_2;
    case 4:
        return take_fixed_4;
    case 8:
        return take_fixed_8;
    case 16:
        return take_fixed_16;
    case 32:
        return take_fixed_32;
    default:
        return NULL;
    }
}

static ktk_status take_width(struct take *take, size_t width, ktk_error *err) {
    const uint8_t *from = take->view.values;
    take_fixed_fn fn = fixed_kernel(width);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(take->parts, 1, (size_t)take->count, width, err));
    if (take->count == 0 || width == 0) {
        goto out;
    }
    from += (size_t)take->view.offset * width;
    if (fn != NULL) {
        fn(from, take->rows, take->count, take->parts->buffers[1].data);
    } else {
        take_fixed_any(from, width, take->rows, take->count, take->parts->buffers[1].data);
    }
out:
    return status;
}

static ktk_status take_values(struct take *take, ktk_error *err) {
    const struct ArrowArray *dictionary = take->array->dictionary;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_width(take, ktki_type_width(&take->field->type), err));
    if (take->field->dictionary != NULL) {
        KTKI_TRY(ktki_array_concat(&take->parts->dictionary, take->parts->context,
                                   take->field->dictionary, &dictionary, 1, err));
    }
out:
    return status;
}

static ktk_status take_bools(struct take *take, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(take->parts, 1, ktki_bits_size(take->count), 1, err));
    take_bits(take->view.values, take->view.offset, take->rows, take->count,
              take->parts->buffers[1].data);
out:
    return status;
}

static ktk_status take_views(struct take *take, ktk_error *err) {
    const struct view_range all = {take->array, 0, take->count};
    ktk_status status = KTK_OK;

    KTKI_TRY(take_width(take, VIEW_SIZE, err));
    KTKI_TRY(ktki_views_own_data(take->parts, &all, 1, err));
out:
    return status;
}

/* Offsets of the rows taken; null rows are empty. Negative once they do not fit the type. */
#define DEFINE_TAKE_OFFSETS(name, type, maximum)                                                   \
    static int64_t name(const struct take *take, type *to) {                                       \
        const type *from = (const type *)take->view.offsets + take->view.offset;                   \
        int64_t total = 0;                                                                         \
        to[0] = 0;                                                                                 \
        for (int64_t i = 0; i < take->count; i++) {                                                \
            int64_t row = take->rows[i];                                                           \
            int64_t size = (int64_t)from[row + 1] - (int64_t)from[row];                            \
            if (take->view.validity != NULL && ktki_view_is_null(&take->view, row)) {              \
                size = 0;                                                                          \
            }                                                                                      \
            if (size > (maximum) - total) {                                                        \
                return -1;                                                                         \
            }                                                                                      \
            total += size;                                                                         \
            to[i + 1] = (type)total;                                                               \
        }                                                                                          \
        return total;                                                                              \
    }

DEFINE_TAKE_OFFSETS(take_offsets_32, int32_t, INT32_MAX)
DEFINE_TAKE_OFFSETS(take_offsets_64, int64_t, INT64_MAX)

static ktk_status take_offsets(struct take *take, bool is_large, int64_t *total, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(take->parts, 1, (size_t)take->count + 1, is_large ? 8 : 4, err));
    if (take->count == 0) { /* the array may have no offsets at all */
        memset(take->parts->buffers[1].data, 0, is_large ? 8 : 4);
        *total = 0;
        goto out;
    }
    *total = is_large ? take_offsets_64(take, take->parts->buffers[1].data)
                      : take_offsets_32(take, take->parts->buffers[1].data);
    if (*total < 0) {
        KTKI_FAIL(err, KTK_E_LIMIT, "a column of type %s cannot hold the values of %lld rows",
                  ktki_type_name(take->field->type.id), (long long)take->count);
    }
out:
    return status;
}

/* Most texts are short, and for these a call of memcpy() costs more than the copy. */
static inline void copy_bytes(uint8_t *to, const uint8_t *from, size_t size) {
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t first;
        uint64_t last;
        memcpy(&first, from, 8);
        memcpy(&last, from + size - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + size - 8, &last, 8);
    } else if (size >= 4) {
        uint32_t first;
        uint32_t last;
        memcpy(&first, from, 4);
        memcpy(&last, from + size - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + size - 4, &last, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

#define DEFINE_COPY_TEXTS(name, type)                                                              \
    static void name(const struct take *take, const type *to_offsets, uint8_t *to) {               \
        const type *from_offsets = (const type *)take->view.offsets + take->view.offset;           \
        const uint8_t *from = take->view.values;                                                   \
        for (int64_t i = 0; i < take->count; i++) {                                                \
            copy_bytes(to + to_offsets[i], from + from_offsets[take->rows[i]],                     \
                       (size_t)(to_offsets[i + 1] - to_offsets[i]));                               \
        }                                                                                          \
    }

DEFINE_COPY_TEXTS(copy_texts_32, int32_t)
DEFINE_COPY_TEXTS(copy_texts_64, int64_t)

static ktk_status take_texts(struct take *take, ktk_error *err) {
    bool is_large = ktki_type_layout(take->field->type.id) == LAYOUT_LARGE_BYTES;
    struct array_buffer *buffers = take->parts->buffers;
    int64_t total;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_offsets(take, is_large, &total, err));
    KTKI_TRY(ktki_parts_allocate(take->parts, 2, (size_t)total, 1, err));
    if (total == 0) {
        goto out;
    }
    if (is_large) {
        copy_texts_64(take, buffers[1].data, buffers[2].data);
    } else {
        copy_texts_32(take, buffers[1].data, buffers[2].data);
    }
out:
    return status;
}

/* Rows of the child: `size` from `start` for each list that is taken. */
static void add_items(int64_t *items, int64_t start, int64_t size) {
    for (int64_t k = 0; k < size; k++) {
        items[k] = start + k;
    }
}

static void list_items(const struct take *take, bool is_large, int64_t *items) {
    const int32_t *from_32 = take->view.offsets;
    const int64_t *from_64 = take->view.offsets;
    const int32_t *to_32 = take->parts->buffers[1].data;
    const int64_t *to_64 = take->parts->buffers[1].data;

    for (int64_t i = 0; i < take->count; i++) {
        int64_t at = take->view.offset + take->rows[i];
        int64_t done = is_large ? to_64[i] : to_32[i];
        int64_t end = is_large ? to_64[i + 1] : to_32[i + 1];
        add_items(items + done, is_large ? from_64[at] : from_32[at], end - done);
    }
}

static ktk_status take_lists(struct take *take, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(take->parts->context);
    bool is_large = ktki_type_layout(take->field->type.id) == LAYOUT_LARGE_LIST;
    int64_t *items = NULL;
    int64_t total = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_offsets(take, is_large, &total, err));
    KTKI_TRY(ktki_alloc_array(allocator, (size_t)total, sizeof(*items), &items, err));
    list_items(take, is_large, items);
    KTKI_TRY(ktki_array_take(&take->parts->children[0], take->parts->context,
                             &take->field->children[0], take->array->children[0], items, total,
                             err));
out:
    ktki_free_array(allocator, items, (size_t)total, sizeof(*items));
    return status;
}

static ktk_status take_fixed_lists(struct take *take, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(take->parts->context);
    int64_t width = take->field->type.width;
    int64_t *items = NULL;
    size_t total = 0;
    ktk_status status = KTK_OK;

    if (!ktki_mul_size((size_t)take->count, (size_t)width, &total)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%lld lists of %lld items do not fit in memory",
                  (long long)take->count, (long long)width);
    }
    KTKI_TRY(ktki_alloc_array(allocator, total, sizeof(*items), &items, err));
    for (int64_t i = 0; i < take->count; i++) {
        add_items(items + i * width, (take->view.offset + take->rows[i]) * width, width);
    }
    KTKI_TRY(ktki_array_take(&take->parts->children[0], take->parts->context,
                             &take->field->children[0], take->array->children[0], items,
                             (int64_t)total, err));
out:
    ktki_free_array(allocator, items, total, sizeof(*items));
    return status;
}

/* The rows of a child that belong to a struct's rows: a look, not to be released. */
static struct ArrowArray struct_child(const struct ArrowArray *array, int32_t index) {
    struct ArrowArray child = *array->children[index];

    child.offset += array->offset;
    child.length = array->length;
    child.null_count = child.null_count == 0 ? 0 : -1;
    return child;
}

static ktk_status take_structs(struct take *take, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < take->field->child_count; i++) {
        const struct ArrowArray child = struct_child(take->array, i);
        KTKI_TRY(ktki_array_take(&take->parts->children[i], take->parts->context,
                                 &take->field->children[i], &child, take->rows, take->count, err));
    }
out:
    return status;
}

static ktk_status take_nulls(struct take *take, ktk_error *err) {
    (void)take;
    (void)err;
    return KTK_OK;
}

typedef ktk_status (*take_fn)(struct take *take, ktk_error *err);

static const take_fn takes[LAYOUT_COUNT] = {
    [LAYOUT_NULL] = take_nulls,
    [LAYOUT_FIXED] = take_values,
    [LAYOUT_BITS] = take_bools,
    [LAYOUT_BYTES] = take_texts,
    [LAYOUT_LARGE_BYTES] = take_texts,
    [LAYOUT_VIEWS] = take_views,
    [LAYOUT_LIST] = take_lists,
    [LAYOUT_LARGE_LIST] = take_lists,
    [LAYOUT_FIXED_LIST] = take_fixed_lists,
    [LAYOUT_STRUCT] = take_structs,
};

static ktk_status take_validity(struct take *take, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (take->view.validity == NULL) {
        goto out;
    }
    KTKI_TRY(ktki_parts_allocate(take->parts, 0, ktki_bits_size(take->count), 1, err));
    take_bits(take->view.validity, take->view.offset, take->rows, take->count,
              take->parts->buffers[0].data);
    ktki_parts_count_nulls(take->parts);
out:
    return status;
}

ktk_status ktki_array_take(struct ArrowArray *out, ktk_context *context, const struct field *field,
                           const struct ArrowArray *array, const int64_t *rows, int64_t row_count,
                           ktk_error *err) {
    struct array_parts parts = {0};
    struct take take = {
        .array = array, .field = field, .rows = rows, .count = row_count, .parts = &parts};
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < row_count; i++) {
        assert(rows[i] >= 0 && rows[i] < array->length);
    }
    ktki_array_view(array, &field->type, &take.view);
    KTKI_TRY(ktki_parts_init(&parts, context, field, row_count, err));
    KTKI_TRY(take_validity(&take, err));
    KTKI_TRY(takes[ktki_type_layout(field->type.id)](&take, err));
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    return status;
}
