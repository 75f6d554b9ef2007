#include "parquet/nest_sink.h"

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/error.h"

/* Slots that growing makes room for at least. */
#define CAPACITY_MIN 1024

static bool is_list(const struct parquet_nest *nest) {
    return nest->item > 0;
}

/* A struct that is never null has as many slots as what is around it has items. */
static bool is_collected(const struct parquet_nest *nest) {
    return is_list(nest) || nest->rule.valid > nest->rule.slot;
}

static size_t offset_width(const struct nest_sink *sink) {
    return ktki_nest_is_large(sink->nest) ? sizeof(int64_t) : sizeof(int32_t);
}

static ktk_status grow(struct nest_sink *sink, int64_t capacity, ktk_error *err) {
    size_t size = ((size_t)capacity + 1) * offset_width(sink);
    ktk_status status = KTK_OK;

    if (is_list(sink->nest)) {
        KTKI_TRY(ktki_resize_array(sink->validity.allocator, &sink->offsets, sink->offsets_size,
                                   size, 1, err));
        sink->offsets_size = size;
    }
    KTKI_TRY(ktki_validity_grow(&sink->validity, capacity, err));
out:
    return status;
}

static ktk_status begin_sink(struct nest_sink *sink, const struct parquet_nest *nest,
                             int64_t row_count, const ktk_allocator *allocator, ktk_error *err) {
    ktk_status status = KTK_OK;

    sink->nest = nest;
    ktki_validity_init(&sink->validity, allocator, 0);
    if (is_collected(nest)) {
        /* Within a list their number is not known yet. */
        KTKI_TRY(grow(sink, nest->rule.repetition == 0 ? row_count : 0, err));
    }
out:
    return status;
}

ktk_status ktki_nests_begin(struct nest_reader *out, const struct parquet_leaf *leaf,
                            struct nest_sink *sinks, int32_t first, int64_t row_count,
                            const ktk_allocator *allocator, ktk_error *err) {
    const struct parquet_nest *nest = leaf->nest;
    ktk_status status = KTK_OK;

    *out = (struct nest_reader){.leaf = leaf,
                                .sinks = sinks,
                                .first = first,
                                .count = nest == NULL ? 0 : nest->depth + 1 - first,
                                .row_count_max = row_count};
    for (int32_t i = out->count - 1; i >= 0; i--, nest = nest->outer) {
        KTKI_TRY(begin_sink(&sinks[i], nest, row_count, allocator, err));
    }
out:
    return status;
}

static ktk_status reserve(struct nest_sink *sink, int64_t extra, ktk_error *err) {
    int64_t capacity = sink->validity.length + extra;

    if (capacity <= sink->validity.capacity) {
        return KTK_OK;
    }
    if (capacity < 2 * sink->validity.capacity) {
        capacity = 2 * sink->validity.capacity;
    }
    return grow(sink, capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity, err);
}

static void add_offsets(struct nest_sink *sink, const struct level_block *levels,
                        const struct kernels *kernels) {
    const struct parquet_nest *nest = sink->nest;
    int64_t slot = sink->validity.length;

    if (ktki_nest_is_large(nest)) {
        sink->item_count = kernels->level_offsets_64(
            &nest->rule, nest->item, levels, sink->item_count, (int64_t *)sink->offsets + slot);
    } else {
        sink->item_count = kernels->level_offsets_32(
            &nest->rule, nest->item, levels, sink->item_count, (int32_t *)sink->offsets + slot);
    }
}

static ktk_status add_to_sink(struct nest_sink *sink, const struct level_block *levels,
                              struct read_scratch *scratch, ktk_error *err) {
    const struct kernels *kernels = scratch->kernels;
    const struct level_rule *rule = &sink->nest->rule;
    uint8_t *bits = rule->valid > rule->slot ? scratch->level_bits : NULL;
    int64_t count;
    ktk_status status = KTK_OK;

    if (!is_collected(sink->nest)) {
        goto out;
    }
    count = (int64_t)kernels->level_slots(rule, levels, bits);
    KTKI_TRY(reserve(sink, count, err));
    if (is_list(sink->nest)) {
        add_offsets(sink, levels, kernels);
        if (sink->item_count > INT32_MAX && !ktki_nest_is_large(sink->nest)) {
            KTKI_FAIL(err, KTK_E_LIMIT, "its lists have more than %d items in one row group",
                      INT32_MAX);
        }
    }
    KTKI_TRY(bits == NULL ? ktki_validity_add(&sink->validity, count, true, err)
                          : ktki_validity_add_bits(&sink->validity, bits, 0, count, err));
out:
    return status;
}

/* Rows are counted, and no list is continued that has no item yet. */
static ktk_status check_lists(struct nest_reader *reader, const struct level_block *levels,
                              const struct kernels *kernels, ktk_error *err) {
    static const struct level_rule rows = {0};

    if (levels->repetition == NULL) {
        return KTK_OK;
    }
    for (const struct parquet_nest *nest = reader->leaf->nest; nest != NULL; nest = nest->outer) {
        if (is_list(nest) &&
            !kernels->level_continues((uint8_t)(nest->rule.repetition + 1), nest->item, levels,
                                      reader->definition_last)) {
            return ktk_error_set(err, KTK_E_CORRUPT,
                                 "repetition levels continue a list that has no item");
        }
    }
    reader->row_count += (int64_t)kernels->level_slots(&rows, levels, NULL);
    if (reader->row_count > reader->row_count_max) {
        return ktk_error_set(err, KTK_E_CORRUPT, "it has more rows than the row group");
    }
    return KTK_OK;
}

static ktk_status add_block(struct nest_reader *reader, struct validity *leaf,
                            const struct level_block *levels, struct read_scratch *scratch,
                            ktk_error *err) {
    int64_t count;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_lists(reader, levels, scratch->kernels, err));
    for (int32_t i = 0; i < reader->count; i++) {
        KTKI_TRY(add_to_sink(&reader->sinks[i], levels, scratch, err));
    }
    count =
        (int64_t)scratch->kernels->level_slots(&reader->leaf->rule, levels, scratch->level_bits);
    KTKI_TRY(ktki_validity_add_bits(leaf, scratch->level_bits, 0, count, err));
    reader->definition_last = levels->definition[levels->count - 1];
out:
    return status;
}

static ktk_status add_levels(struct nest_reader *reader, struct validity *leaf,
                             const struct page_parts *parts, int64_t count,
                             struct read_scratch *scratch, ktk_error *err) {
    bool has_repetition = reader->leaf->repetition_max > 0;
    struct level_block levels = {
        .repetition = has_repetition ? scratch->repetition.levels : NULL,
        .definition = scratch->definition.levels,
    };
    ktk_status status = KTK_OK;

    ktki_levels_begin(&scratch->repetition, parts->repetition, reader->leaf->repetition_max);
    ktki_levels_begin(&scratch->definition, parts->definition, reader->leaf->definition_max);
    for (int64_t left = count; left > 0; left -= (int64_t)levels.count) {
        levels.count = left < (int64_t)LEVEL_BLOCK ? (size_t)left : LEVEL_BLOCK;
        if (has_repetition &&
            !ktki_levels_next(&scratch->repetition, levels.count, scratch->kernels)) {
            return ktki_levels_damaged("repetition", err);
        }
        if (!ktki_levels_next(&scratch->definition, levels.count, scratch->kernels)) {
            return ktki_levels_damaged("definition", err);
        }
        KTKI_TRY(add_block(reader, leaf, &levels, scratch, err));
    }
out:
    return status;
}

/* With one definition level and no repetition the levels are the validity of what is optional: the
 * leaf or one of the structs around it. */
static ktk_status add_bits(struct nest_reader *reader, struct validity *leaf,
                           struct cursor definition, int64_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < reader->count; i++) {
        if (is_collected(reader->sinks[i].nest)) {
            KTKI_TRY(ktki_levels_flat(&reader->sinks[i].validity, definition, count, err));
        }
    }
    KTKI_TRY(ktki_levels_flat(leaf, definition, count, err));
out:
    return status;
}

ktk_status ktki_nests_add(struct nest_reader *reader, struct validity *leaf,
                          const struct page_parts *parts, int64_t count,
                          struct read_scratch *scratch, ktk_error *err) {
    if (reader->leaf->definition_max == 0) {
        return ktki_validity_add(leaf, count, true, err);
    }
    if (reader->leaf->definition_max == 1 && reader->leaf->repetition_max == 0) {
        return add_bits(reader, leaf, parts->definition, count, err);
    }
    return add_levels(reader, leaf, parts, count, scratch, err);
}

static void put_last_offset(struct nest_sink *sink) {
    if (ktki_nest_is_large(sink->nest)) {
        ((int64_t *)sink->offsets)[sink->validity.length] = sink->item_count;
    } else {
        ((int32_t *)sink->offsets)[sink->validity.length] = (int32_t)sink->item_count;
    }
}

ktk_status ktki_nests_finish(struct nest_reader *reader, ktk_error *err) {
    if (reader->leaf->repetition_max > 0 && reader->row_count != reader->row_count_max) {
        return ktk_error_set(err, KTK_E_CORRUPT, "it has %lld rows where its row group has %lld",
                             (long long)reader->row_count, (long long)reader->row_count_max);
    }
    for (int32_t i = 0; i < reader->count; i++) {
        if (is_list(reader->sinks[i].nest)) {
            put_last_offset(&reader->sinks[i]);
        }
    }
    return KTK_OK;
}

void ktki_nest_clear(struct nest_sink *sink) {
    ktki_free_array(sink->validity.allocator, sink->offsets, sink->offsets_size, 1);
    ktki_validity_clear(&sink->validity);
    *sink = (struct nest_sink){0};
}
