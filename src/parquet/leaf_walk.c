#include "parquet/leaf_walk.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

/* A row is in one page, which has fewer levels than this. */
#define LIST_ITEMS_MAX (INT32_MAX / 2)

/* ---- nulls ---- */

ktk_status ktki_walk_validity(const struct leaf_walk *walk, uint8_t **out, ktk_error *err) {
    const struct data_type *type = &walk->node->field->type;
    uint8_t *valid = NULL;
    bool has_validity = type->id == TYPE_NULL;
    int64_t slot = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < walk->range_count && !has_validity; i++) {
        struct array_view view;

        ktki_array_view(walk->ranges[i].array, type, &view);
        has_validity = view.validity != NULL;
    }
    if (!has_validity) {
        *out = walk->open;
        goto out;
    }
    /* A byte more than needed: ktki_walk_close() looks at the bit behind the last slot. */
    KTKI_TRY(ktki_arena_zeroed(walk->arena, ktki_bits_size(walk->slot_count) + 1, 1, &valid, err));
    for (size_t i = 0; i < walk->range_count && type->id != TYPE_NULL; i++) {
        const struct array_range *range = &walk->ranges[i];
        struct array_view view;

        ktki_array_view(range->array, type, &view);
        if (view.validity == NULL) {
            ktki_bits_fill(valid, slot, range->count, true);
        } else {
            ktki_bits_copy(view.validity, range->start + view.offset, valid, slot, range->count);
        }
        slot += range->count;
    }
    for (size_t i = 0; walk->open != NULL && i < ktki_bits_size(walk->slot_count); i++) {
        valid[i] &= walk->open[i];
    }
    *out = valid;
out:
    return status;
}

ktk_status ktki_walk_close(struct leaf_walk *walk, uint8_t *valid, ktk_error *err) {
    const struct write_node *node = walk->node;
    const uint8_t open_level = walk->leaf->definition_max;
    int64_t closed_count = 0;
    int64_t slot = 0;
    ktk_status status = KTK_OK;

    if (valid != NULL) {
        closed_count = walk->slot_count - ktki_bits_count(valid, 0, walk->slot_count);
    }
    if (closed_count == walk->closed_count) {
        goto out;
    }
    if (node->is_required) {
        KTKI_FAIL(err, KTK_E_INVALID, "column '%s': %s of a map is null", walk->leaf->name,
                  node[-1].field->type.id == TYPE_MAP ? "an entry" : "a key");
    }
    /* Slots that are closed already are so in `valid`, too. */
    assert(valid != NULL);
    for (int64_t level = 0; level < walk->level_count; level++) {
        uint8_t definition = walk->definitions[level];
        bool is_closing = definition == open_level && !ktki_bit_get(valid, slot);

        walk->definitions[level] = is_closing ? node->null_level : definition;
        slot += definition >= node->slot_level;
    }
    assert(slot == walk->slot_count);
    walk->open = valid;
    walk->closed_count = closed_count;
out:
    return status;
}

/* ---- structs ---- */

/* Each row of a struct has one in every child. */
static void enter_struct(struct leaf_walk *walk) {
    for (size_t i = 0; i < walk->range_count; i++) {
        struct array_range *range = &walk->ranges[i];

        range->start += range->array->offset;
        range->array = range->array->children[walk->node->child];
    }
}

/* ---- lists ---- */

/* Lists being replaced by their items. */
struct expansion {
    uint32_t *sizes; /* of the open lists */
    int64_t size_count;
    struct array_range *ranges; /* of items */
    size_t range_count;
    int64_t item_count;
    int64_t empty_count;
};

/* Some open lists that follow each other. */
struct list_run {
    const struct ArrowArray *array;
    struct array_view view;
    int64_t start; /* in the buffers */
    int64_t count;
};

/* Sizes of the lists of a run; false if one of them is impossible or too long. `*first` and `*end`
 * get the items of the run. */
typedef bool (*list_sizes_fn)(const struct write_node *node, const struct list_run *run,
                              uint32_t *sizes, int64_t *first, int64_t *end);

/* Offsets that descend look like sizes that are too large. */
#define DEFINE_SIZES(name, offset_type)                                                            \
    static bool name(const struct write_node *node, const struct list_run *run, uint32_t *sizes,   \
                     int64_t *first, int64_t *end) {                                               \
        const offset_type *offsets = (const offset_type *)run->view.offsets + run->start;          \
        uint64_t seen = 0;                                                                         \
                                                                                                   \
        (void)node;                                                                                \
        for (int64_t i = 0; i < run->count; i++) {                                                 \
            uint64_t size = (uint64_t)offsets[i + 1] - (uint64_t)offsets[i];                       \
            sizes[i] = (uint32_t)size;                                                             \
            seen |= size;                                                                          \
        }                                                                                          \
        *first = offsets[0];                                                                       \
        *end = offsets[run->count];                                                                \
        return seen <= LIST_ITEMS_MAX;                                                             \
    }

DEFINE_SIZES(sizes_32, int32_t)
DEFINE_SIZES(sizes_64, int64_t)

static bool sizes_fixed(const struct write_node *node, const struct list_run *run, uint32_t *sizes,
                        int64_t *first, int64_t *end) {
    int32_t width = node->field->type.width;

    for (int64_t i = 0; i < run->count; i++) {
        sizes[i] = (uint32_t)width;
    }
    return width >= 0 && width <= LIST_ITEMS_MAX && ktki_mul_i64(run->start, width, first) &&
           ktki_mul_i64(run->start + run->count, width, end);
}

static const list_sizes_fn list_sizes[LAYOUT_COUNT] = {
    [LAYOUT_LIST] = sizes_32,
    [LAYOUT_LARGE_LIST] = sizes_64,
    [LAYOUT_FIXED_LIST] = sizes_fixed,
};

/* Say which list of a run is impossible. */
static ktk_status refuse_list(const struct leaf_walk *walk, const struct list_run *run,
                              ktk_error *err) {
    list_sizes_fn sizes_of = list_sizes[ktki_type_layout(walk->node->field->type.id)];
    int64_t item_count = run->array->children[0]->length;
    struct list_run one = *run;
    int64_t first = 0;
    int64_t end = 0;
    bool is_sized = true;
    uint32_t size;

    one.count = 1;
    for (int64_t i = 0; is_sized && first >= 0 && end <= item_count && i < run->count; i++) {
        one.start = run->start + i;
        is_sized = sizes_of(walk->node, &one, &size, &first, &end);
    }
    if (first >= 0 && end <= item_count && end - first > LIST_ITEMS_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT,
                             "column '%s': a list of %lld items is too long for Parquet",
                             walk->leaf->name, (long long)(end - first));
    }
    return ktk_error_set(err, KTK_E_INVALID,
                         "column '%s': a list of items %lld to %lld of %lld items is impossible",
                         walk->leaf->name, (long long)first, (long long)end, (long long)item_count);
}

static ktk_status add_run(struct expansion *expansion, const struct leaf_walk *walk,
                          const struct list_run *run, ktk_error *err) {
    enum layout layout = ktki_type_layout(walk->node->field->type.id);
    const struct ArrowArray *items = run->array->children[0];
    uint32_t *sizes = expansion->sizes + expansion->size_count;
    struct array_range *last = &expansion->ranges[expansion->range_count];
    int64_t first = 0;
    int64_t end = 0;
    ktk_status status = KTK_OK;

    if (!list_sizes[layout](walk->node, run, sizes, &first, &end) || first < 0 ||
        end > items->length) {
        KTKI_TRY(refuse_list(walk, run, err));
    }
    for (int64_t i = 0; i < run->count; i++) {
        expansion->empty_count += sizes[i] == 0;
    }
    expansion->size_count += run->count;
    expansion->item_count += end - first;
    if (first == end) {
        goto out;
    }
    if (expansion->range_count > 0 && last[-1].array == items &&
        last[-1].start + last[-1].count == first) {
        last[-1].count += end - first;
    } else {
        *last = (struct array_range){items, first, end - first};
        expansion->range_count++;
    }
out:
    return status;
}

/* The first bit in [start, end) that is `value`, or `end`. */
static int64_t find_bit(const uint8_t *bits, int64_t start, int64_t end, bool value) {
    const uint8_t skipped = value ? 0x00 : 0xFF;

    while (start < end && ktki_bit_get(bits, start) != value) {
        start += (start & 7) == 0 && bits[start >> 3] == skipped ? 8 : 1;
    }
    return start < end ? start : end;
}

/* Runs of open lists there are at most. */
static size_t count_runs(const struct leaf_walk *walk) {
    size_t count = walk->range_count;

    for (int64_t slot = 0; walk->open != NULL && slot < walk->slot_count; count++) {
        slot = find_bit(walk->open, slot, walk->slot_count, false);
        slot = find_bit(walk->open, slot, walk->slot_count, true);
    }
    return count;
}

/* Sizes and items of the open lists. */
static ktk_status measure_lists(struct expansion *expansion, const struct leaf_walk *walk,
                                ktk_error *err) {
    int64_t first_slot = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(walk->arena, (size_t)(walk->slot_count - walk->closed_count),
                              sizeof(*expansion->sizes), &expansion->sizes, err));
    KTKI_TRY(ktki_arena_array(walk->arena, count_runs(walk), sizeof(*expansion->ranges),
                              &expansion->ranges, err));
    for (size_t i = 0; i < walk->range_count; i++) {
        const struct array_range *range = &walk->ranges[i];
        int64_t end = first_slot + range->count;
        int64_t slot = first_slot;
        struct list_run run = {.array = range->array};

        ktki_array_view(range->array, &walk->node->field->type, &run.view);
        while (slot < end) {
            int64_t run_end = end;

            if (walk->open != NULL) {
                slot = find_bit(walk->open, slot, end, true);
                run_end = find_bit(walk->open, slot, end, false);
            }
            run.start = run.view.offset + range->start + slot - first_slot;
            run.count = run_end - slot;
            if (run.count > 0) {
                KTKI_TRY(add_run(expansion, walk, &run, err));
            }
            slot = run_end;
        }
        first_slot = end;
    }
out:
    return status;
}

/* An open list has the levels of its items, or one if it is empty; all other levels stay. */
static ktk_status expand_levels(struct leaf_walk *walk, const struct expansion *expansion,
                                ktk_error *err) {
    const struct write_node *node = walk->node;
    const uint8_t open_level = walk->leaf->definition_max;
    const uint8_t empty_level = (uint8_t)(node->null_level + !node->is_required);
    const uint32_t *sizes = expansion->sizes;
    int64_t level_count =
        walk->level_count - expansion->size_count + expansion->item_count + expansion->empty_count;
    uint8_t *definitions = NULL;
    uint8_t *repetitions = NULL;
    int64_t to = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(walk->arena, (size_t)level_count, 1, &definitions, err));
    KTKI_TRY(ktki_arena_array(walk->arena, (size_t)level_count, 1, &repetitions, err));
    memset(definitions, open_level, (size_t)level_count);
    memset(repetitions, node->repetition, (size_t)level_count);
    for (int64_t level = 0; level < walk->level_count; level++) {
        uint8_t definition = walk->definitions[level];
        uint32_t size = 0;

        if (definition == open_level) {
            size = *sizes++;
            definition = size == 0 ? empty_level : open_level;
        }
        definitions[to] = definition;
        repetitions[to] = walk->repetitions != NULL ? walk->repetitions[level] : 0;
        to += size + (size == 0);
    }
    assert(to == level_count && sizes == expansion->sizes + expansion->size_count);
    walk->definitions = definitions;
    walk->repetitions = repetitions;
    walk->level_count = level_count;
out:
    return status;
}

/* Only items of open lists are slots: all of them are open. */
static ktk_status enter_lists(struct leaf_walk *walk, ktk_error *err) {
    struct expansion expansion = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(measure_lists(&expansion, walk, err));
    KTKI_TRY(expand_levels(walk, &expansion, err));
    walk->ranges = expansion.ranges;
    walk->range_count = expansion.range_count;
    walk->slot_count = expansion.item_count;
    walk->closed_count = 0;
    walk->open = NULL;
out:
    return status;
}

/* ---- all together ---- */

/* The rows of the top-level column, of which nothing is decided yet. */
static ktk_status begin(struct leaf_walk *walk, const struct row_slice *slices, size_t slice_count,
                        ktk_error *err) {
    const struct write_leaf *leaf = walk->leaf;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(walk->arena, slice_count, sizeof(*walk->ranges), &walk->ranges, err));
    for (size_t i = 0; i < slice_count; i++) {
        const struct row_slice *slice = &slices[i];

        if (slice->count > 0) {
            walk->ranges[walk->range_count++] = (struct array_range){
                &slice->batch->columns[leaf->field_index], slice->start, slice->count};
            walk->slot_count += slice->count;
        }
    }
    walk->level_count = walk->slot_count;
    if (leaf->node_count > 1) {
        KTKI_TRY(
            ktki_arena_array(walk->arena, (size_t)walk->level_count, 1, &walk->definitions, err));
        memset(walk->definitions, leaf->definition_max, (size_t)walk->level_count);
    }
out:
    return status;
}

ktk_status ktki_leaf_walk(struct leaf_walk *out, struct arena *arena, const struct write_leaf *leaf,
                          const struct row_slice *slices, size_t slice_count, ktk_error *err) {
    struct leaf_walk walk = {.leaf = leaf, .arena = arena, .node = leaf->nodes};
    const struct write_node *end = leaf->nodes + leaf->node_count - 1;
    ktk_status status = KTK_OK;

    KTKI_TRY(begin(&walk, slices, slice_count, err));
    for (; walk.node < end; walk.node++) {
        uint8_t *valid = NULL;

        KTKI_TRY(ktki_walk_validity(&walk, &valid, err));
        KTKI_TRY(ktki_walk_close(&walk, valid, err));
        if (walk.node->field->type.id == TYPE_STRUCT) {
            enter_struct(&walk);
        } else {
            KTKI_TRY(enter_lists(&walk, err));
        }
    }
    *out = walk;
out:
    return status;
}
