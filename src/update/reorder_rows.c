#include "update/reorder_rows.h"

#include <assert.h>

#include "arrow/take.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/pool.h"

struct reordering {
    ktk_context *context;
    const ktk_allocator *allocator;
    struct batch *batches;
    size_t batch_count;
    const uint32_t *positions;
    int64_t row_count;
    struct batch out;
};

/* ---- values of fixed width: out[positions[i]] = values[i] ---- */

#define SCATTER(width, type)                                                                       \
    static void scatter_##width(const void *values, const uint32_t *positions, int64_t count,      \
                                void *out) {                                                       \
        const type *from = values;                                                                 \
        type *to = out;                                                                            \
        for (int64_t i = 0; i < count; i++) {                                                      \
            to[positions[i]] = from[i];                                                            \
        }                                                                                          \
    }

struct wide_16 {
    uint64_t words[2];
};

struct wide_32 {
    uint64_t words[4];
};

SCATTER(1, uint8_t)
SCATTER(2, uint16_t)
SCATTER(4, uint32_t)
SCATTER(8, uint64_t)
SCATTER(16, struct wide_16)
SCATTER(32, struct wide_32)

typedef void (*scatter_fn)(const void *values, const uint32_t *positions, int64_t count, void *out);

static const scatter_fn scatters[] = {[1] = scatter_1, [2] = scatter_2,   [4] = scatter_4,
                                      [8] = scatter_8, [16] = scatter_16, [32] = scatter_32};

static scatter_fn scatter_of(size_t width) {
    return width < sizeof(scatters) / sizeof(scatters[0]) ? scatters[width] : NULL;
}

/* Bits, of which those that are set are written into zeroed ones. */
static void scatter_bits(const uint8_t *bits, int64_t offset, const uint32_t *positions,
                         int64_t count, uint8_t *out) {
    for (int64_t i = 0; i < count; i++) {
        int64_t from = offset + i;
        uint32_t to = positions[i];

        out[to >> 3] |= (uint8_t)((bits[from >> 3] >> (from & 7) & 1) << (to & 7));
    }
}

/* ---- parts of a column ---- */

struct column {
    const struct reordering *run;
    const struct field *field;
    int32_t index;
    int64_t null_count;
    struct array_buffer buffers[3]; /* as the layout has them; owned until they are wrapped */
};

static struct ArrowArray *source_of(const struct column *column, size_t batch) {
    return &column->run->batches[batch].columns[column->index];
}

static ktk_status new_buffer(struct column *column, size_t place, size_t count, size_t width,
                             bool is_zeroed, ktk_error *err) {
    const ktk_allocator *allocator = column->run->allocator;
    struct array_buffer *buffer = &column->buffers[place];
    ktk_status status = is_zeroed ? ktki_alloc_zeroed(allocator, count, width, &buffer->data, err)
                                  : ktki_alloc_array(allocator, count, width, &buffer->data, err);

    if (status == KTK_OK) {
        buffer->size = count * width;
    }
    return status;
}

static ktk_status scatter_validity(struct column *column, ktk_error *err) {
    const struct reordering *run = column->run;
    int64_t start = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < run->batch_count; i++) {
        column->null_count += ktki_array_null_count(source_of(column, i));
    }
    if (column->null_count == 0) {
        goto out;
    }
    KTKI_TRY(new_buffer(column, 0, ((size_t)run->row_count + 7) / 8, 1, true, err));
    for (size_t i = 0; i < run->batch_count; i++) {
        struct array_view view;

        ktki_array_view(source_of(column, i), &column->field->type, &view);
        if (view.validity != NULL) {
            scatter_bits(view.validity, view.offset, run->positions + start, view.length,
                         column->buffers[0].data);
        } else {
            uint8_t *bits = column->buffers[0].data;

            for (int64_t row = start; row < start + view.length; row++) {
                bits[run->positions[row] >> 3] |= (uint8_t)(1u << (run->positions[row] & 7));
            }
        }
        start += view.length;
    }
out:
    return status;
}

static ktk_status scatter_fixed(struct column *column, ktk_error *err) {
    const struct reordering *run = column->run;
    size_t width = ktki_type_width(&column->field->type);
    int64_t start = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(new_buffer(column, 1, (size_t)run->row_count, width, false, err));
    for (size_t i = 0; i < run->batch_count; i++) {
        struct array_view view;

        ktki_array_view(source_of(column, i), &column->field->type, &view);
        if (view.length > 0) {
            scatter_of(width)((const uint8_t *)view.values + (size_t)view.offset * width,
                              run->positions + start, view.length, column->buffers[1].data);
        }
        start += view.length;
    }
out:
    return status;
}

static ktk_status scatter_bools(struct column *column, ktk_error *err) {
    const struct reordering *run = column->run;
    int64_t start = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(new_buffer(column, 1, ((size_t)run->row_count + 7) / 8, 1, true, err));
    for (size_t i = 0; i < run->batch_count; i++) {
        struct array_view view;

        ktki_array_view(source_of(column, i), &column->field->type, &view);
        scatter_bits(view.values, view.offset, run->positions + start, view.length,
                     column->buffers[1].data);
        start += view.length;
    }
out:
    return status;
}

/* ---- texts ---- */

/* Short texts are the rule, and a call of memcpy costs more than their few bytes. Never writes
 * behind `size`: the neighbour may be there already. */
static void copy_text(uint8_t *to, const uint8_t *from, size_t size) {
    uint64_t first;
    uint64_t last;
    uint32_t first_half;
    uint32_t last_half;

    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        memcpy(&first, from, 8);
        memcpy(&last, from + size - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + size - 8, &last, 8);
    } else if (size >= 4) {
        memcpy(&first_half, from, 4);
        memcpy(&last_half, from + size - 4, 4);
        memcpy(to, &first_half, 4);
        memcpy(to + size - 4, &last_half, 4);
    } else {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
        }
    }
}

/* For offsets of each width: sizes at their new places, offsets of these, then the texts. */
#define SCATTER_TEXTS(name, type)                                                                  \
    static void sizes_##name(const struct array_view *view, const uint32_t *positions,             \
                             void *out) {                                                          \
        const type *offsets = (const type *)view->offsets + view->offset;                          \
        type *sizes = (type *)out + 1;                                                             \
        for (int64_t i = 0; i < view->length; i++) {                                               \
            sizes[positions[i]] = (type)(offsets[i + 1] - offsets[i]);                             \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static bool sum_##name(void *out, int64_t count, size_t *total) {                              \
        type *offsets = out;                                                                       \
        type sum = 0;                                                                              \
        offsets[0] = 0;                                                                            \
        for (int64_t i = 1; i <= count; i++) {                                                     \
            if (__builtin_add_overflow(sum, offsets[i], &sum)) {                                   \
                return false;                                                                      \
            }                                                                                      \
            offsets[i] = sum;                                                                      \
        }                                                                                          \
        *total = (size_t)sum;                                                                      \
        return true;                                                                               \
    }                                                                                              \
                                                                                                   \
    static void texts_##name(const struct array_view *view, const uint32_t *positions,             \
                             const void *out_offsets, uint8_t *out) {                              \
        const type *offsets = (const type *)view->offsets + view->offset;                          \
        const type *to = out_offsets;                                                              \
        for (int64_t i = 0; i < view->length; i++) {                                               \
            copy_text(out + to[positions[i]], (const uint8_t *)view->values + offsets[i],          \
                      (size_t)(offsets[i + 1] - offsets[i]));                                      \
        }                                                                                          \
    }

SCATTER_TEXTS(32, int32_t)
SCATTER_TEXTS(64, int64_t)

static const struct text_kernels {
    size_t width;
    void (*sizes)(const struct array_view *view, const uint32_t *positions, void *out);
    bool (*sum)(void *out, int64_t count, size_t *total);
    void (*texts)(const struct array_view *view, const uint32_t *positions, const void *out_offsets,
                  uint8_t *out);
} narrow_texts = {sizeof(int32_t), sizes_32, sum_32, texts_32},
  wide_texts = {sizeof(int64_t), sizes_64, sum_64, texts_64};

/* NULL for a type that is no text. */
static const struct text_kernels *text_kernels_of(enum type_id id) {
    if (id == TYPE_STRING || id == TYPE_BINARY) {
        return &narrow_texts;
    }
    return id == TYPE_LARGE_STRING || id == TYPE_LARGE_BINARY ? &wide_texts : NULL;
}

static ktk_status scatter_texts(struct column *column, ktk_error *err) {
    const struct reordering *run = column->run;
    const struct text_kernels *kernels = text_kernels_of(column->field->type.id);
    struct array_view view;
    int64_t start = 0;
    size_t total;
    ktk_status status = KTK_OK;

    KTKI_TRY(new_buffer(column, 1, (size_t)run->row_count + 1, kernels->width, false, err));
    for (size_t i = 0; i < run->batch_count; i++) {
        ktki_array_view(source_of(column, i), &column->field->type, &view);
        if (view.length > 0) {
            kernels->sizes(&view, run->positions + start, column->buffers[1].data);
        }
        start += view.length;
    }
    if (!kernels->sum(column->buffers[1].data, run->row_count, &total)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "the texts of column '%s' are more than fit into one array",
                  column->field->name);
    }
    KTKI_TRY(new_buffer(column, 2, total, 1, false, err));
    start = 0;
    for (size_t i = 0; i < run->batch_count; i++) {
        ktki_array_view(source_of(column, i), &column->field->type, &view);
        if (view.length > 0) {
            kernels->texts(&view, run->positions + start, column->buffers[1].data,
                           column->buffers[2].data);
        }
        start += view.length;
    }
out:
    return status;
}

/* ---- any other type: joined, then taken row by row ---- */

static ktk_status gather(struct column *column, struct ArrowArray *out, ktk_error *err) {
    const struct reordering *run = column->run;
    const struct ArrowArray **arrays = NULL;
    struct ArrowArray joined = {0};
    int64_t *rows = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(run->allocator, (size_t)run->row_count, sizeof(*rows), &rows, err));
    KTKI_TRY(ktki_alloc_array(run->allocator, run->batch_count, sizeof(*arrays), &arrays, err));
    for (int64_t i = 0; i < run->row_count; i++) {
        rows[run->positions[i]] = i;
    }
    for (size_t i = 0; i < run->batch_count; i++) {
        arrays[i] = source_of(column, i);
    }
    if (run->batch_count > 1) {
        KTKI_TRY(
            ktki_array_concat(&joined, run->context, column->field, arrays, run->batch_count, err));
        arrays[0] = &joined;
    }
    KTKI_TRY(
        ktki_array_take(out, run->context, column->field, arrays[0], rows, run->row_count, err));
out:
    ktki_array_clear(&joined);
    ktki_free_array(run->allocator, arrays, run->batch_count, sizeof(*arrays));
    ktki_free_array(run->allocator, rows, (size_t)run->row_count, sizeof(*rows));
    return status;
}

/* ---- columns ---- */

static ktk_status wrap(struct column *column, int32_t buffer_count, struct ArrowArray *out,
                       ktk_error *err) {
    const struct reordering *run = column->run;
    struct ArrowArray dictionary = {0};
    struct ArrowArray *source = source_of(column, 0);
    ktk_status status = KTK_OK;

    if (column->field->type.id == TYPE_DICTIONARY) {
        assert(run->batch_count == 1);
        ktki_array_move(source->dictionary, &dictionary);
    }
    status = ktki_array_wrap(out, run->context, run->row_count, column->null_count, column->buffers,
                             buffer_count, NULL, 0, dictionary.release != NULL ? &dictionary : NULL,
                             err);
    if (status == KTK_OK) {
        memset(column->buffers, 0, sizeof(column->buffers));
    }
    ktki_array_clear(&dictionary);
    return status;
}

static ktk_status scatter_column(struct column *column, struct ArrowArray *out, ktk_error *err) {
    const struct data_type *type = &column->field->type;
    bool is_text = text_kernels_of(type->id) != NULL;
    ktk_status status = KTK_OK;

    if (type->id != TYPE_BOOL && !is_text && scatter_of(ktki_type_width(type)) == NULL) {
        return gather(column, out, err);
    }
    KTKI_TRY(scatter_validity(column, err));
    if (is_text) {
        KTKI_TRY(scatter_texts(column, err));
    } else if (type->id == TYPE_BOOL) {
        KTKI_TRY(scatter_bools(column, err));
    } else {
        KTKI_TRY(scatter_fixed(column, err));
    }
    KTKI_TRY(wrap(column, is_text ? 3 : 2, out, err));
out:
    for (size_t i = 0; i < 3; i++) {
        ktki_free_array(column->run->allocator, column->buffers[i].data, column->buffers[i].size,
                        1);
    }
    return status;
}

static ktk_status reorder_column(void *state, size_t item, ktk_error *err) {
    struct reordering *run = state;
    struct column column = {
        .run = run, .field = &run->out.schema->fields[item], .index = (int32_t)item};
    ktk_status status = scatter_column(&column, &run->out.columns[item], err);

    for (size_t i = 0; i < run->batch_count; i++) {
        ktki_array_clear(&run->batches[i].columns[item]);
    }
    return status;
}

ktk_status ktki_reorder_rows(struct batch *out, ktk_context *context, struct schema *schema,
                             struct batch *batches, size_t batch_count, const uint32_t *positions,
                             int64_t row_count, ktk_error *err) {
    struct reordering run = {.context = context,
                             .allocator = ktki_context_allocator(context),
                             .batches = batches,
                             .batch_count = batch_count,
                             .positions = positions,
                             .row_count = row_count};
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_batch_init(&run.out, schema, row_count, err));
    KTKI_TRY(ktki_pool_run(ktki_context_pool(context), (size_t)schema->field_count, reorder_column,
                           &run, err));
    *out = run.out;
    run.out = (struct batch){0};
out:
    ktki_batch_clear(&run.out);
    return status;
}
