#include "arrow/join.h"

#include <assert.h>

#include "arrow/array_parts.h"
#include "arrow/array_views.h"
#include "arrow/compare.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/* A range at work: where its rows lie in its array (offset included) and where they go. */
struct piece {
    const struct ArrowArray *array;
    struct array_view view;
    int64_t from;
    int64_t to;
    int64_t count;
};

struct join {
    const struct field *field;
    struct piece *pieces; /* only those with rows: empty arrays need not have buffers */
    size_t piece_count;
    struct array_parts *parts;
};

static void join_validity_of(const struct piece *piece, uint8_t *bits) {
    if (piece->view.validity == NULL) {
        ktki_bits_fill(bits, piece->to, piece->count, true);
    } else {
        ktki_bits_copy(piece->view.validity, piece->from, bits, piece->to, piece->count);
    }
}

static ktk_status join_validity(struct join *join, ktk_error *err) {
    bool has_nulls = false;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < join->piece_count; i++) {
        has_nulls |= join->pieces[i].view.validity != NULL;
    }
    if (!has_nulls) {
        goto out;
    }
    KTKI_TRY(
        ktki_parts_allocate_zeroed(join->parts, 0, ktki_bits_size(join->parts->length), 1, err));
    for (size_t i = 0; i < join->piece_count; i++) {
        join_validity_of(&join->pieces[i], join->parts->buffers[0].data);
    }
    ktki_parts_count_nulls(join->parts);
out:
    return status;
}

static ktk_status join_width(struct join *join, size_t width, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(join->parts, 1, (size_t)join->parts->length, width, err));
    for (size_t i = 0; width > 0 && i < join->piece_count; i++) {
        const struct piece *piece = &join->pieces[i];
        memcpy((uint8_t *)join->parts->buffers[1].data + (size_t)piece->to * width,
               (const uint8_t *)piece->view.values + (size_t)piece->from * width,
               (size_t)piece->count * width);
    }
out:
    return status;
}

/* Indices mean the same only in the same dictionary. */
static ktk_status join_dictionaries(struct join *join, ktk_error *err) {
    const struct field *values = join->field->dictionary;
    const struct array_parts *parts = join->parts;
    const struct ArrowArray *first;
    ktk_status status = KTK_OK;

    if (join->piece_count == 0) {
        KTKI_TRY(ktki_array_nulls(&join->parts->dictionary, parts->context, values, 0, err));
        goto out;
    }
    first = join->pieces[0].array->dictionary;
    for (size_t i = 1; i < join->piece_count; i++) {
        if (!ktki_array_equals(values, first, join->pieces[i].array->dictionary)) {
            KTKI_FAIL(err, KTK_E_UNSUPPORTED,
                      "column '%s' has different dictionaries that cannot be joined as they are",
                      join->field->name == NULL ? "" : join->field->name);
        }
    }
    KTKI_TRY(ktki_array_concat(&join->parts->dictionary, parts->context, values, &first, 1, err));
out:
    return status;
}

static ktk_status join_values(struct join *join, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(join_width(join, ktki_type_width(&join->field->type), err));
    if (join->field->dictionary != NULL) {
        KTKI_TRY(join_dictionaries(join, err));
    }
out:
    return status;
}

static ktk_status join_bools(struct join *join, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_parts_allocate_zeroed(join->parts, 1, ktki_bits_size(join->parts->length), 1, err));
    for (size_t i = 0; i < join->piece_count; i++) {
        const struct piece *piece = &join->pieces[i];
        ktki_bits_copy(piece->view.values, piece->from, join->parts->buffers[1].data, piece->to,
                       piece->count);
    }
out:
    return status;
}

static ktk_status join_views(struct join *join, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(join->parts->context);
    struct view_range *ranges = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(join_width(join, VIEW_SIZE, err));
    KTKI_TRY(ktki_alloc_array(allocator, join->piece_count, sizeof(*ranges), &ranges, err));
    for (size_t i = 0; i < join->piece_count; i++) {
        const struct piece *piece = &join->pieces[i];
        ranges[i] = (struct view_range){piece->array, piece->to, piece->count};
    }
    KTKI_TRY(ktki_views_own_data(join->parts, ranges, join->piece_count, err));
out:
    ktki_free_array(allocator, ranges, join->piece_count, sizeof(*ranges));
    return status;
}

/* The bytes or items of a piece, as [start, start + size) of its values or child. */
static struct array_range item_range(const struct join *join, const struct piece *piece) {
    enum layout layout = ktki_type_layout(join->field->type.id);
    bool is_large = layout == LAYOUT_LARGE_BYTES || layout == LAYOUT_LARGE_LIST;
    const int32_t *offsets_32 = piece->view.offsets;
    const int64_t *offsets_64 = piece->view.offsets;
    int64_t start = is_large ? offsets_64[piece->from] : offsets_32[piece->from];
    int64_t end =
        is_large ? offsets_64[piece->from + piece->count] : offsets_32[piece->from + piece->count];

    return (struct array_range){NULL, start, end - start};
}

/* Offsets of a piece whose items begin at `base`; the first one is that of the piece before. */
#define DEFINE_JOIN_OFFSETS(name, type)                                                            \
    static void name(const struct piece *piece, type *to, int64_t base) {                          \
        const type *from = (const type *)piece->view.offsets + piece->from;                        \
        type shift = (type)(base - (int64_t)from[0]);                                              \
        to += piece->to;                                                                           \
        for (int64_t i = 1; i <= piece->count; i++) {                                              \
            to[i] = (type)(from[i] + shift);                                                       \
        }                                                                                          \
    }

DEFINE_JOIN_OFFSETS(join_offsets_32, int32_t)
DEFINE_JOIN_OFFSETS(join_offsets_64, int64_t)

static ktk_status join_offsets(struct join *join, bool is_large, int64_t *total, ktk_error *err) {
    const int64_t total_max = is_large ? INT64_MAX : INT32_MAX;
    size_t width = is_large ? 8 : 4;
    int64_t base = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_parts_allocate(join->parts, 1, (size_t)join->parts->length + 1, width, err));
    memset(join->parts->buffers[1].data, 0, width);
    for (size_t i = 0; i < join->piece_count; i++) {
        const struct piece *piece = &join->pieces[i];
        int64_t size = item_range(join, piece).count;
        if (size > total_max - base) {
            KTKI_FAIL(err, KTK_E_LIMIT, "a column of type %s cannot hold the values of %lld rows",
                      ktki_type_name(join->field->type.id), (long long)join->parts->length);
        }
        if (is_large) {
            join_offsets_64(piece, join->parts->buffers[1].data, base);
        } else {
            join_offsets_32(piece, join->parts->buffers[1].data, base);
        }
        base += size;
    }
    *total = base;
out:
    return status;
}

static ktk_status join_texts(struct join *join, ktk_error *err) {
    bool is_large = ktki_type_layout(join->field->type.id) == LAYOUT_LARGE_BYTES;
    int64_t total;
    uint8_t *to;
    ktk_status status = KTK_OK;

    KTKI_TRY(join_offsets(join, is_large, &total, err));
    KTKI_TRY(ktki_parts_allocate(join->parts, 2, (size_t)total, 1, err));
    to = join->parts->buffers[2].data;
    for (size_t i = 0; i < join->piece_count; i++) {
        const struct piece *piece = &join->pieces[i];
        struct array_range bytes = item_range(join, piece);
        if (bytes.count > 0) {
            memcpy(to, (const uint8_t *)piece->view.values + bytes.start, (size_t)bytes.count);
            to += bytes.count;
        }
    }
out:
    return status;
}

/* The rows of child number `child` that belong to a piece. */
typedef struct array_range (*child_range_fn)(const struct join *join, const struct piece *piece);

static struct array_range struct_range(const struct join *join, const struct piece *piece) {
    (void)join;
    return (struct array_range){NULL, piece->from, piece->count};
}

static struct array_range fixed_list_range(const struct join *join, const struct piece *piece) {
    int64_t width = join->field->type.width;
    return (struct array_range){NULL, piece->from * width, piece->count * width};
}

static ktk_status join_children(struct join *join, child_range_fn range_of, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(join->parts->context);
    struct array_range *ranges = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, join->piece_count, sizeof(*ranges), &ranges, err));
    for (int32_t child = 0; child < join->field->child_count; child++) {
        for (size_t i = 0; i < join->piece_count; i++) {
            ranges[i] = range_of(join, &join->pieces[i]);
            ranges[i].array = join->pieces[i].array->children[child];
        }
        KTKI_TRY(ktki_array_join(&join->parts->children[child], join->parts->context,
                                 &join->field->children[child], ranges, join->piece_count, err));
    }
out:
    ktki_free_array(allocator, ranges, join->piece_count, sizeof(*ranges));
    return status;
}

static ktk_status join_lists(struct join *join, ktk_error *err) {
    bool is_large = ktki_type_layout(join->field->type.id) == LAYOUT_LARGE_LIST;
    int64_t total;
    ktk_status status = KTK_OK;

    KTKI_TRY(join_offsets(join, is_large, &total, err));
    KTKI_TRY(join_children(join, item_range, err));
out:
    return status;
}

static ktk_status join_fixed_lists(struct join *join, ktk_error *err) {
    return join_children(join, fixed_list_range, err);
}

static ktk_status join_structs(struct join *join, ktk_error *err) {
    return join_children(join, struct_range, err);
}

static ktk_status join_nulls(struct join *join, ktk_error *err) {
    (void)join;
    (void)err;
    return KTK_OK;
}

typedef ktk_status (*join_fn)(struct join *join, ktk_error *err);

static const join_fn joins[LAYOUT_COUNT] = {
    [LAYOUT_NULL] = join_nulls,
    [LAYOUT_FIXED] = join_values,
    [LAYOUT_BITS] = join_bools,
    [LAYOUT_BYTES] = join_texts,
    [LAYOUT_LARGE_BYTES] = join_texts,
    [LAYOUT_VIEWS] = join_views,
    [LAYOUT_LIST] = join_lists,
    [LAYOUT_LARGE_LIST] = join_lists,
    [LAYOUT_FIXED_LIST] = join_fixed_lists,
    [LAYOUT_STRUCT] = join_structs,
};

/* Fills join->pieces, which has room for all ranges. */
static ktk_status add_pieces(struct join *join, const struct array_range *ranges,
                             size_t range_count, int64_t *length, ktk_error *err) {
    int64_t total = 0;

    for (size_t i = 0; i < range_count; i++) {
        const struct array_range *range = &ranges[i];
        struct piece *piece = &join->pieces[join->piece_count];
        assert(range->start >= 0 && range->count >= 0 &&
               range->count <= range->array->length - range->start);
        if (range->count == 0) {
            continue;
        }
        *piece = (struct piece){.array = range->array, .to = total, .count = range->count};
        ktki_array_view(range->array, &join->field->type, &piece->view);
        piece->from = range->array->offset + range->start;
        join->piece_count++;
        if (!ktki_add_i64(total, range->count, &total)) {
            return ktk_error_set(err, KTK_E_LIMIT, "more rows than can be counted");
        }
    }
    *length = total;
    return KTK_OK;
}

ktk_status ktki_array_join(struct ArrowArray *out, ktk_context *context, const struct field *field,
                           const struct array_range *ranges, size_t range_count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct array_parts parts = {0};
    struct join join = {.field = field, .parts = &parts};
    int64_t length = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, range_count, sizeof(*join.pieces), &join.pieces, err));
    KTKI_TRY(add_pieces(&join, ranges, range_count, &length, err));
    KTKI_TRY(ktki_parts_init(&parts, context, field, length, err));
    KTKI_TRY(join_validity(&join, err));
    KTKI_TRY(joins[ktki_type_layout(field->type.id)](&join, err));
    KTKI_TRY(ktki_parts_finish(&parts, out, err));
out:
    ktki_parts_clear(&parts);
    ktki_free_array(allocator, join.pieces, range_count, sizeof(*join.pieces));
    return status;
}

ktk_status ktki_array_concat(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *const *arrays,
                             size_t count, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct array_range *ranges = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*ranges), &ranges, err));
    for (size_t i = 0; i < count; i++) {
        ranges[i] = (struct array_range){arrays[i], 0, arrays[i]->length};
    }
    KTKI_TRY(ktki_array_join(out, context, field, ranges, count, err));
out:
    ktki_free_array(allocator, ranges, count, sizeof(*ranges));
    return status;
}
