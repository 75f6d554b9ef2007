#include <assert.h>

#include "arrow/join.h"
#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* From this mean length of a run on, copying runs beats choosing rows. */
#define RUN_ROWS_MIN 8

/* Rows of a batch that a mask chooses; one of the two lists is made. */
struct selection {
    int64_t row_count;
    int64_t *rows;
    struct array_range *runs; /* their arrays are filled in column by column */
    int64_t run_count;
};

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

static void list_runs(const uint8_t *mask, int64_t row_count, struct array_range *runs) {
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
                *++runs = (struct array_range){NULL, start + skipped, length};
            }
            end = start + skipped + length;
            word = skipped + length == 64 ? 0 : ones >> length << (skipped + length);
        }
    }
}

static ktk_status select_rows(struct selection *out, const ktk_allocator *allocator,
                              const uint8_t *mask, int64_t row_count, ktk_error *err) {
    int64_t chosen = ktki_bits_count(mask, 0, row_count);
    int64_t run_count = count_runs(mask, row_count);
    struct selection selection = {.row_count = chosen};
    ktk_status status = KTK_OK;

    if (chosen >= run_count * RUN_ROWS_MIN) {
        selection.run_count = run_count;
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)run_count, sizeof(*selection.runs),
                                  &selection.runs, err));
        list_runs(mask, row_count, selection.runs);
    } else {
        KTKI_TRY(ktki_alloc_array(allocator, (size_t)chosen, sizeof(*selection.rows),
                                  &selection.rows, err));
        list_rows(mask, row_count, selection.rows);
    }
    *out = selection;
out:
    return status;
}

static ktk_status filter_column(struct ArrowArray *out, ktk_context *context,
                                const struct field *field, const struct ArrowArray *column,
                                const struct selection *selection, ktk_error *err) {
    if (selection->rows != NULL) {
        return ktki_array_take(out, context, field, column, selection->rows, selection->row_count,
                               err);
    }
    for (int64_t i = 0; i < selection->run_count; i++) {
        selection->runs[i].array = column;
    }
    return ktki_array_join(out, context, field, selection->runs, (size_t)selection->run_count, err);
}

static ktk_status filter_columns(struct batch *out, ktk_context *context, const struct batch *batch,
                                 const struct selection *selection, ktk_error *err) {
    struct batch filtered = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&filtered, batch->schema, selection->row_count, err));
    for (int32_t i = 0; i < batch->schema->field_count; i++) {
        KTKI_TRY(filter_column(&filtered.columns[i], context, &batch->schema->fields[i],
                               &batch->columns[i], selection, err));
    }
    *out = filtered;
    filtered = (struct batch){0};
out:
    ktki_batch_clear(&filtered);
    return status;
}

ktk_status ktki_batch_filter(struct batch *out, ktk_context *context, const struct batch *batch,
                             const uint8_t *mask, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct selection selection = {0};
    ktk_status status = KTK_OK;

    KTKI_TRY(select_rows(&selection, allocator, mask, batch->row_count, err));
    KTKI_TRY(filter_columns(out, context, batch, &selection, err));
out:
    ktki_free_array(allocator, selection.rows, (size_t)selection.row_count,
                    sizeof(*selection.rows));
    ktki_free_array(allocator, selection.runs, (size_t)selection.run_count,
                    sizeof(*selection.runs));
    return status;
}

ktk_status ktki_batch_slice(struct batch *out, ktk_context *context, const struct batch *batch,
                            int64_t start, int64_t count, ktk_error *err) {
    struct array_range run = {NULL, start, count};
    const struct selection selection = {.row_count = count, .runs = &run, .run_count = 1};

    assert(start >= 0 && count >= 0 && count <= batch->row_count - start);
    return filter_columns(out, context, batch, &selection, err);
}
