#include "parquet/levels.h"

#include <assert.h>

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/error.h"
#include "parquet/rle.h"

static ktk_status too_few(const char *kind, ktk_error *err) {
    return ktk_error_set(err, KTK_E_CORRUPT, "%s levels are damaged or fewer than the values",
                         kind);
}

ktk_status ktki_levels_flat(struct validity *out, struct cursor levels, int64_t count,
                            ktk_error *err) {
    ktk_status status = KTK_OK;

    while (count > 0) {
        struct rle_run run;
        int64_t slots;
        if (!ktki_rle_run(&levels, 1, &run)) {
            status = too_few("definition", err);
            goto out;
        }
        slots = (uint64_t)run.count < (uint64_t)count ? (int64_t)run.count : count;
        if (run.is_packed) {
            KTKI_TRY(ktki_validity_add_bits(out, run.packed, 0, slots, err));
        } else {
            KTKI_TRY(ktki_validity_add(out, slots, run.value != 0, err));
        }
        count -= slots;
    }
out:
    return status;
}

ktk_status ktki_list_init(struct list_sink *list, const ktk_allocator *allocator, int64_t row_count,
                          bool is_large, ktk_error *err) {
    list->row_count_max = row_count;
    list->is_large = is_large;
    ktki_validity_init(&list->rows, allocator, row_count);
    return ktki_alloc_array(allocator, (size_t)row_count + 1,
                            is_large ? sizeof(int64_t) : sizeof(int32_t), &list->offsets, err);
}

void ktki_list_clear(struct list_sink *list) {
    ktki_free_array(list->rows.allocator, list->offsets, (size_t)list->row_count_max + 1,
                    list->is_large ? sizeof(int64_t) : sizeof(int32_t));
    list->offsets = NULL;
    ktki_validity_clear(&list->rows);
}

static unsigned width_of(uint32_t level_max) {
    return level_max == 0 ? 0 : 32 - (unsigned)__builtin_clz(level_max);
}

/* Levels as bytes, each at most `level_max`. */
static ktk_status unpack_levels(struct cursor levels, uint32_t level_max, int64_t count,
                                const char *kind, const struct kernels *kernels, uint8_t *out,
                                ktk_error *err) {
    unsigned width = width_of(level_max);
    uint32_t block[256];

    while (count > 0) {
        struct rle_run run;
        size_t slots;
        size_t size;
        if (!ktki_rle_run(&levels, width, &run) || (!run.is_packed && run.value > level_max)) {
            return too_few(kind, err);
        }
        slots = run.count < (uint64_t)count ? run.count : (size_t)count;
        if (!run.is_packed) {
            memset(out, (int)run.value, slots);
        }
        for (size_t done = 0; run.is_packed && done < slots; done += 256) {
            size = slots - done < 256 ? slots - done : 256;
            kernels->unpack(run.packed + done / 8 * width, run.packed_size - done / 8 * width,
                            width, size, block);
            if (kernels->max(block, size) > level_max) {
                return too_few(kind, err);
            }
            for (size_t i = 0; i < size; i++) {
                out[done + i] = (uint8_t)block[i];
            }
        }
        out += slots;
        count -= (int64_t)slots;
    }
    return KTK_OK;
}

static void put_offset(struct list_sink *list, int64_t row, int64_t offset) {
    if (list->is_large) {
        ((int64_t *)list->offsets)[row] = offset;
    } else {
        ((int32_t *)list->offsets)[row] = (int32_t)offset;
    }
}

/* Slots are collected in words before they are added. */
struct collector {
    struct validity *validity;
    uint64_t word;
    int64_t count;
};

static ktk_status flush(struct collector *collector, ktk_error *err) {
    ktk_status status = ktki_validity_add_bits(
        collector->validity, (const uint8_t *)&collector->word, 0, collector->count, err);

    collector->word = 0;
    collector->count = 0;
    return status;
}

static ktk_status collect(struct collector *collector, bool is_valid, ktk_error *err) {
    collector->word |= (uint64_t)is_valid << collector->count;
    collector->count++;
    return collector->count == 64 ? flush(collector, err) : KTK_OK;
}

static ktk_status assemble(struct list_sink *list, struct validity *items, int64_t count,
                           const struct level_scratch *levels, ktk_error *err) {
    struct collector row_bits = {.validity = &list->rows};
    struct collector item_bits = {.validity = items};
    int64_t row = list->rows.length;
    int64_t item = items->length;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; i < count; i++) {
        uint8_t definition = levels->definition[i];
        if (levels->repetition[i] == 0) {
            if (row == list->row_count_max) {
                KTKI_FAIL(err, KTK_E_CORRUPT, "it has more rows than the row group");
            }
            put_offset(list, row++, item);
            KTKI_TRY(collect(&row_bits, !list->is_nullable || definition > 0, err));
        } else if (row == 0 || definition < list->item_level) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "repetition levels continue a list that has no item");
        }
        if (definition >= list->item_level) {
            item++;
            KTKI_TRY(collect(&item_bits, definition == list->definition_max, err));
        }
    }
    KTKI_TRY(flush(&row_bits, err));
    KTKI_TRY(flush(&item_bits, err));
    if (!list->is_large && item > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "its lists have more than %d items in one row group",
                  INT32_MAX);
    }
out:
    return status;
}

ktk_status ktki_levels_list(struct list_sink *list, struct validity *items,
                            struct cursor repetition, struct cursor definition, int64_t count,
                            const struct kernels *kernels, const struct level_scratch *scratch,
                            ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(unpack_levels(repetition, 1, count, "repetition", kernels, scratch->repetition, err));
    KTKI_TRY(unpack_levels(definition, list->definition_max, count, "definition", kernels,
                           scratch->definition, err));
    KTKI_TRY(assemble(list, items, count, scratch, err));
out:
    return status;
}

void ktki_list_finish(struct list_sink *list, const struct validity *items) {
    put_offset(list, list->rows.length, items->length);
}
