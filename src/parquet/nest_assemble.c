#include "parquet/nest_assemble.h"

#include "arrow/take.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/context.h"
#include "base/error.h"

/* A walk over the field, which takes the leaves one after the other. */
struct assembly {
    ktk_context *context;
    struct leaf_part *next;
    ktk_error *err;
};

/* A field as it is to be built: how many nests are around it, and how many slots it must have. */
struct place {
    const struct field *field;
    int32_t depth;
    int64_t length;
};

static ktk_status assemble(struct assembly *assembly, struct place place, struct ArrowArray *out);

static ktk_status check_length(const struct assembly *assembly, const struct place *place,
                               int64_t length) {
    if (length != place->length) {
        return ktk_error_set(assembly->err, KTK_E_CORRUPT,
                             "column '%s' has %lld slots at '%s' where those beside it have %lld",
                             assembly->next->path, (long long)length, place->field->name,
                             (long long)place->length);
    }
    return KTK_OK;
}

/* What only nulls around it make null has no validity of its own; but indices of such slots may
 * have no dictionary entry that they could stand for. */
static void drop_validity(const struct field *field, struct ArrowArray *array) {
    if (!field->nullable && array->n_buffers > 0 &&
        (array->dictionary == NULL || array->dictionary->length > 0)) {
        array->buffers[0] = NULL;
        array->null_count = 0;
    }
}

static ktk_status take_leaf(struct assembly *assembly, struct place place, struct ArrowArray *out) {
    struct leaf_part *part = assembly->next;
    ktk_status status = check_length(assembly, &place, part->values.length);

    if (status == KTK_OK) {
        drop_validity(place.field, &part->values);
        ktki_array_move(&part->values, out);
        assembly->next++;
    }
    return status;
}

static void clear_children(const ktk_allocator *allocator, struct ArrowArray *children,
                           int32_t count) {
    for (int32_t i = 0; children != NULL && i < count; i++) {
        ktki_array_clear(&children[i]);
    }
    ktki_free_array(allocator, children, (size_t)count, sizeof(*children));
}

/* What is not nullable is null only where something around it is. */
static struct array_buffer validity_of(const struct place *place, const struct nest_sink *sink) {
    bool has_bits = place->field->nullable && sink->validity.bits != NULL;

    return has_bits
               ? (struct array_buffer){sink->validity.bits, ktki_bits_size(sink->validity.capacity)}
               : (struct array_buffer){NULL, 0};
}

static int64_t null_count_of(const struct place *place, const struct nest_sink *sink) {
    return place->field->nullable ? sink->validity.null_count : 0;
}

/* The array is made; it owns what validity_of() gave. */
static void give_validity(const struct place *place, struct nest_sink *sink) {
    if (place->field->nullable) {
        sink->validity.bits = NULL;
    }
}

/* The sink is only emptied once the array is made. A struct that is never null has collected
 * nothing. */
static ktk_status wrap_struct(struct assembly *assembly, const struct place *place,
                              struct nest_sink *sink, struct ArrowArray *children,
                              struct ArrowArray *out) {
    struct array_buffer validity = validity_of(place, sink);
    ktk_status status =
        ktki_array_wrap(out, assembly->context, place->length, null_count_of(place, sink),
                        &validity, 1, children, place->field->child_count, NULL, assembly->err);

    if (status == KTK_OK) {
        give_validity(place, sink);
    }
    return status;
}

static ktk_status build_struct(struct assembly *assembly, struct place place,
                               struct nest_sink *sink, struct ArrowArray *out) {
    const ktk_allocator *allocator = ktki_context_allocator(assembly->context);
    size_t count = (size_t)place.field->child_count;
    struct ArrowArray *children = NULL;
    ktk_status status = KTK_OK;

    if (place.field->nullable) {
        KTKI_TRY(check_length(assembly, &place, sink->validity.length));
    }
    KTKI_TRY(ktki_alloc_zeroed(allocator, count, sizeof(*children), &children, assembly->err));
    for (size_t i = 0; i < count; i++) {
        struct place child = {&place.field->children[i], place.depth + 1, place.length};
        KTKI_TRY(assemble(assembly, child, &children[i]));
    }
    KTKI_TRY(wrap_struct(assembly, &place, sink, children, out));
out:
    clear_children(allocator, children, place.field->child_count);
    return status;
}

static ktk_status wrap_list(struct assembly *assembly, const struct place *place,
                            struct nest_sink *sink, struct ArrowArray *items,
                            struct ArrowArray *out) {
    struct array_buffer buffers[2] = {validity_of(place, sink),
                                      {sink->offsets, sink->offsets_size}};
    ktk_status status =
        ktki_array_wrap(out, assembly->context, place->length, null_count_of(place, sink), buffers,
                        2, items, 1, NULL, assembly->err);

    if (status == KTK_OK) {
        give_validity(place, sink);
        sink->offsets = NULL;
    }
    return status;
}

/* ---- lists of fixed size ---- */

static bool is_null(const struct nest_sink *sink, int64_t slot) {
    return sink->validity.bits != NULL && !ktki_bit_get(sink->validity.bits, slot);
}

static ktk_status check_sizes(const struct assembly *assembly, const struct place *place,
                              const struct nest_sink *sink) {
    const int32_t *offsets = sink->offsets;
    int32_t width = place->field->type.width;

    for (int64_t i = 0; i < place->length; i++) {
        if (offsets[i + 1] - offsets[i] != width && !is_null(sink, i)) {
            return ktk_error_set(assembly->err, KTK_E_CORRUPT,
                                 "list %lld of '%s' has %d items where its type has %d",
                                 (long long)i, place->field->name, offsets[i + 1] - offsets[i],
                                 width);
        }
    }
    return KTK_OK;
}

/* Null lists have items, too, in an array of lists of fixed size; any will do. */
static void choose_items(const struct place *place, const struct nest_sink *sink, int64_t *rows) {
    const int32_t *offsets = sink->offsets;
    int32_t width = place->field->type.width;

    for (int64_t i = 0; i < place->length; i++) {
        bool null = is_null(sink, i);
        for (int32_t j = 0; j < width; j++) {
            *rows++ = null ? 0 : (int64_t)offsets[i] + j;
        }
    }
}

static ktk_status spread_items(struct assembly *assembly, const struct place *place,
                               const struct nest_sink *sink, struct ArrowArray *items) {
    const ktk_allocator *allocator = ktki_context_allocator(assembly->context);
    const struct field *item = &place->field->children[0];
    int64_t count_max =
        ktki_context_limits(assembly->context)->page_bytes_max / (int64_t)sizeof(int64_t);
    struct ArrowArray spread = {0};
    int64_t *rows = NULL;
    int64_t count = 0;
    ktk_status status = KTK_OK;

    if (!ktki_mul_i64(place->length, place->field->type.width, &count) || count > count_max) {
        count = 0;
        KTKI_FAIL(assembly->err, KTK_E_LIMIT,
                  "%lld lists of %d items, some of them null, are more than the %lld items that "
                  "the limit of a page allows",
                  (long long)place->length, place->field->type.width, (long long)count_max);
    }
    if (items->length == 0) {
        KTKI_TRY(ktki_array_nulls(&spread, assembly->context, item, count, assembly->err));
    } else {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)count, sizeof(*rows), &rows, assembly->err));
        choose_items(place, sink, rows);
        KTKI_TRY(
            ktki_array_take(&spread, assembly->context, item, items, rows, count, assembly->err));
    }
    ktki_array_clear(items);
    ktki_array_move(&spread, items);
out:
    ktki_free_array(allocator, rows, (size_t)count, sizeof(*rows));
    return status;
}

static ktk_status wrap_fixed_list(struct assembly *assembly, const struct place *place,
                                  struct nest_sink *sink, struct ArrowArray *items,
                                  struct ArrowArray *out) {
    struct array_buffer validity = validity_of(place, sink);
    ktk_status status = KTK_OK;

    KTKI_TRY(check_sizes(assembly, place, sink));
    if (sink->validity.null_count > 0) {
        KTKI_TRY(spread_items(assembly, place, sink, items));
    }
    KTKI_TRY(ktki_array_wrap(out, assembly->context, place->length, null_count_of(place, sink),
                             &validity, 1, items, 1, NULL, assembly->err));
    give_validity(place, sink);
out:
    return status;
}

/* ---- lists and maps ---- */

/* A file may call keys optional; as long as none is null nothing is lost. */
static ktk_status check_keys(const struct assembly *assembly, const struct place *place) {
    const struct field *key = &place->field->children[0].children[0];
    const struct leaf_part *part = assembly->next;
    int64_t null_count = part->values.null_count;

    if (ktki_type_is_nested(key->type.id)) {
        null_count = part->nests[place->depth + 2 - part->nest_first].validity.null_count;
    }
    if (null_count > 0 && key->type.id != TYPE_NULL) {
        return ktk_error_set(assembly->err, KTK_E_CORRUPT, "map '%s' has %lld keys that are null",
                             place->field->name, (long long)null_count);
    }
    return KTK_OK;
}

static ktk_status build_list(struct assembly *assembly, struct place place, struct nest_sink *sink,
                             struct ArrowArray *out) {
    struct place item = {&place.field->children[0], place.depth + 1, sink->item_count};
    struct ArrowArray items = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(check_length(assembly, &place, sink->validity.length));
    if (place.field->type.id == TYPE_MAP) {
        KTKI_TRY(check_keys(assembly, &place));
    }
    KTKI_TRY(assemble(assembly, item, &items));
    KTKI_TRY((place.field->type.id == TYPE_FIXED_LIST ? wrap_fixed_list : wrap_list)(
        assembly, &place, sink, &items, out));
out:
    ktki_array_clear(&items);
    return status;
}

static ktk_status assemble(struct assembly *assembly, struct place place, struct ArrowArray *out) {
    struct leaf_part *part = assembly->next;
    struct nest_sink *sink;

    if (!ktki_type_is_nested(place.field->type.id)) {
        return take_leaf(assembly, place, out);
    }
    /* The first leaf within a nest is the one that it was collected with. */
    sink = &part->nests[place.depth - part->nest_first];
    return (place.field->type.id == TYPE_STRUCT ? build_struct : build_list)(assembly, place, sink,
                                                                             out);
}

ktk_status ktki_nest_assemble(struct ArrowArray *out, ktk_context *context,
                              const struct field *field, struct leaf_part *parts, int64_t row_count,
                              ktk_error *err) {
    struct assembly assembly = {.context = context, .next = parts, .err = err};
    const struct place place = {field, 0, row_count};

    return assemble(&assembly, place, out);
}
