#include "parquet/levels.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

ktk_status ktki_levels_damaged(const char *kind, ktk_error *err) {
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
            status = ktki_levels_damaged("definition", err);
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

static unsigned width_of(int32_t level_max) {
    return level_max == 0 ? 0 : 32 - (unsigned)__builtin_clz((uint32_t)level_max);
}

void ktki_levels_begin(struct level_reader *reader, struct cursor levels, int32_t level_max) {
    assert(level_max <= LEVEL_MAX);
    reader->cursor = levels;
    reader->level_max = (uint8_t)level_max;
    reader->bit_width = width_of(level_max);
    reader->run = (struct rle_run){0};
    reader->start = 0;
    reader->end = 0;
}

/* Append at least one and, but for the rest of a group of eight, at most `wanted` levels of the
 * run. */
static void unpack_some(struct level_reader *reader, size_t wanted, const struct kernels *kernels) {
    struct rle_run *run = &reader->run;
    uint8_t *to = reader->levels + reader->end;
    size_t count = run->count;

    if (count > wanted) {
        count = run->is_packed ? (wanted + 7) / 8 * 8 : wanted;
        count = count < run->count ? count : run->count;
    }
    if (run->is_packed) {
        size_t size = count == run->count ? run->packed_size : count / 8 * reader->bit_width;
        kernels->unpack_bytes(run->packed, run->packed_size, reader->bit_width, count, to);
        run->packed += size;
        run->packed_size -= size;
    } else {
        memset(to, (int)run->value, count);
    }
    run->count -= count;
    reader->end += count;
}

bool ktki_levels_next(struct level_reader *reader, size_t count, const struct kernels *kernels) {
    assert(count <= LEVEL_BLOCK);
    memmove(reader->levels, reader->levels + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = count;
    while (reader->end < count) {
        if (reader->run.count == 0 &&
            !ktki_rle_run(&reader->cursor, reader->bit_width, &reader->run)) {
            return false;
        }
        unpack_some(reader, count - reader->end, kernels);
    }
    /* What fills a last group of eight may be anything: only what is taken is checked. */
    return kernels->max_byte(reader->levels, count) <= reader->level_max;
}
