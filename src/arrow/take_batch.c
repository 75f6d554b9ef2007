#include <assert.h>

#include "arrow/join.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* From this mean length of a run on, copying runs beats choosing rows. */
#define RUN_ROWS_MIN 8

static uint64_t mask_word(const uint8_t *mask, int64_t start, int64_t count) {
    uint64_t word = 0;

    memcpy(&word, mask + start / 8, count >= 64 ? sizeof(word) : ktki_bits_size(count));
    return count >= 64 ? word : word & (((uint64_t)1 << count) - 1);
}

/* Bits that are set while the one before is not. */
static int64_t count_runs(const uint8_t *mask, int64_t row_count) {
    uint64_t before = 0;
    int64_t runs = 0;

    for (int64_t start = 0; start < row_count; start += 64) {
        uint64_t word = mask_word(mask, start, row_count - start);
        runs += __builtin_popcountll(word & ~(word << 1 | before));
        before = word >> 63;
    }
    return runs;
}

static void list_rows(const uint8_t *mask, int64_t row_count, int64_t *rows) {
    for (int64_t start = 0; start < row_count; start += 64) {
        uint64_t word = mask_word(mask, start, row_count - start);
        for (; word != 0; word &= word - 1) {
            *rows++ = start + __builtin_ctzll(word);
        }
    }
}

static void list_runs(const uint8_t *mask, int64_t row_count, struct row_run *runs) {
    int64_t end = -1; /* of the run before */

    runs--;
    for (int64_t start = 0; start < row_count; start += 64) {
        uint64_t word = mask_word(mask, start, row_count - start);
        while (word != 0) {
            int skipped = __builtin_ctzll(word);
            uint64_t ones = word >> skipped;
            int length = ones == UINT64_MAX ? 64 : __builtin_ctzll(~ones);
            assert(skipped + length <= 64);
            if (start + skipped == end) {
                runs->count += length;
            } else {
                *++runs = (struct row_run){start + skipped, length};
            }
            end = start + skipped + length;
            word = skipped + length == 64 ? 0 : ones >> length << (skipped + length);
        }
    }
}

ktk_status ktki_selection_init(struct row_selection *out, const ktk_allocator *allocator,
                               const uint8_t *mask, int64_t row_count, ktk_error *err) {
    struct row_selection selection = {.allocator = allocator,
                                      .row_count = ktki_bits_count(mask, 0, row_count),
                                      .run_count = count_runs(mask, row_count)};
    ktk_status status = KTK_OK;

    if (selection.row_count >= selection.run_count * RUN_ROWS_MIN) {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)selection.run_count, sizeof(*selection.runs),
                                  &selection.runs, err));
        list_runs(mask, row_count, selection.runs);
    } else {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)selection.row_count, sizeof(*selection.rows),
                                  &selection.rows, err));
        list_rows(mask, row_count, selection.rows);
    }
    *out = selection;
out:
    return status;
}

void ktki_selection_clear(struct row_selection *selection) {
    if (selection->allocator != NULL) {
        ktki_free_array(selection->allocator, selection->rows, (size_t)selection->row_count,
                        sizeof(*selection->rows));
        ktki_free_array(selection->allocator, selection->runs, (size_t)selection->run_count,
                        sizeof(*selection->runs));
    }
    *selection = (struct row_selection){0};
}

ktk_status ktki_array_select(struct ArrowArray *out, ktk_context *context,
                             const struct field *field, const struct ArrowArray *array,
                             const struct row_selection *selection, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t count = (size_t)selection->run_count;
    struct array_range *ranges = NULL;
    ktk_status status = KTK_OK;

    if (selection->rows != NULL) {
        return ktki_array_take(out, context, field, array, selection->rows, selection->row_count,
                               err);
    }
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*ranges), &ranges, err));
    for (size_t i = 0; i < count; i++) {
        ranges[i] = (struct array_range){array, selection->runs[i].start, selection->runs[i].count};
    }
    KTKI_TRY(ktki_array_join(out, context, field, ranges, count, err));
out:
    ktki_free_array(allocator, ranges, count, sizeof(*ranges));
    return status;
}

ktk_status ktki_batch_slice(struct batch *out, ktk_context *context, const struct batch *batch,
                            int64_t start, int64_t count, ktk_error *err) {
    struct batch slice = {0};
    ktk_status status = KTK_OK;

    assert(start >= 0 && count >= 0 && count <= batch->row_count - start);
    KTKI_TRY(ktki_batch_init(&slice, batch->schema, count, err));
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        const struct array_range run = {&batch->columns[i], start, count};

        KTKI_TRY(
            ktki_array_join(&slice.columns[i], context, &batch->schema->fields[i], &run, 1, err));
    }
    *out = slice;
    slice = (struct batch){0};
out:
    ktki_batch_clear(&slice);
    return status;
}
