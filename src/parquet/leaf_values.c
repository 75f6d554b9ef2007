#include "parquet/leaf_values.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "arrow/format_value.h"
#include "base/alloc.h"
#include "base/error.h"
#include "parquet/index_fetch.h"

_Static_assert(VALUE_BLOCK_MAX <= PIECE_POSITIONS_MAX, "a block takes one call");

/* ---- kernels ---- */

/* Runs `body` for value `at` of the source and place `i` of the block. The branch on `positions`
 * stands outside of the loop, so that the loop without is a simple one. */
#define FOR_SELECTED(selection, body)                                                              \
    do {                                                                                           \
        const uint32_t *positions_ = (selection)->positions;                                       \
        size_t count_ = (selection)->count;                                                        \
        if (positions_ == NULL) {                                                                  \
            for (size_t i = 0; i < count_; i++) {                                                  \
                size_t at = i;                                                                     \
                body;                                                                              \
            }                                                                                      \
        } else {                                                                                   \
            for (size_t i = 0; i < count_; i++) {                                                  \
                size_t at = positions_[i];                                                         \
                body;                                                                              \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Values stored as they lie in memory: not moved unless nulls have to be left out. */
#define DEFINE_SAME(name, type)                                                                    \
    static bool name(const struct value_kernel *kernel, const struct value_source *source,         \
                     const struct value_selection *selection, size_t width,                        \
                     struct value_scratch *scratch, struct value_block *out) {                     \
        const type *from = (const type *)source->view.values + selection->base;                    \
        type *to = (type *)(void *)scratch->fixed;                                                 \
                                                                                                   \
        (void)kernel;                                                                              \
        (void)width;                                                                               \
        *out = (struct value_block){selection->count, (const uint8_t *)from, NULL, NULL, NULL};    \
        if (selection->positions != NULL) {                                                        \
            FOR_SELECTED(selection, to[i] = from[at]);                                             \
            out->fixed = scratch->fixed;                                                           \
        }                                                                                          \
        return true;                                                                               \
    }

DEFINE_SAME(fetch_same_16, uint16_t)
DEFINE_SAME(fetch_same_32, uint32_t)
DEFINE_SAME(fetch_same_64, uint64_t)

/* Values stored as another type: `is_bad |=` marks one that does not fit. */
#define DEFINE_CONVERT(name, from_type, to_type, body)                                             \
    static bool name(const struct value_kernel *kernel, const struct value_source *source,         \
                     const struct value_selection *selection, size_t width,                        \
                     struct value_scratch *scratch, struct value_block *out) {                     \
        const from_type *from = (const from_type *)source->view.values + selection->base;          \
        to_type *to = (to_type *)(void *)scratch->fixed;                                           \
        const int64_t factor = kernel->factor;                                                     \
        bool is_bad = false;                                                                       \
                                                                                                   \
        (void)width;                                                                               \
        (void)factor;                                                                              \
        FOR_SELECTED(selection, body);                                                             \
        *out = (struct value_block){selection->count, scratch->fixed, NULL, NULL, NULL};           \
        return !is_bad;                                                                            \
    }

DEFINE_CONVERT(fetch_i8, int8_t, int32_t, to[i] = from[at])
DEFINE_CONVERT(fetch_i16, int16_t, int32_t, to[i] = from[at])
DEFINE_CONVERT(fetch_u8, uint8_t, int32_t, to[i] = from[at])
DEFINE_CONVERT(fetch_u16, uint16_t, int32_t, to[i] = from[at])
DEFINE_CONVERT(fetch_multiplied_32, int32_t, int32_t,
               is_bad |= __builtin_mul_overflow(from[at], (int32_t)factor, &to[i]))
DEFINE_CONVERT(fetch_multiplied_64, int64_t, int64_t,
               is_bad |= __builtin_mul_overflow(from[at], factor, &to[i]))
/* The divisors are constants for the sake of speed. */
DEFINE_CONVERT(fetch_thousandths, int64_t, int64_t, to[i] = from[at] / 1000;
               is_bad |= to[i] * 1000 != from[at])
DEFINE_CONVERT(fetch_millionths, int64_t, int64_t, to[i] = from[at] / 1000000;
               is_bad |= to[i] * 1000000 != from[at])
DEFINE_CONVERT(fetch_date64, int64_t, int32_t, int64_t day = from[at] / 86400000;
               to[i] = (int32_t)day; is_bad |= day * 86400000 != from[at] || to[i] != day)

static bool fetch_bool(const struct value_kernel *kernel, const struct value_source *source,
                       const struct value_selection *selection, size_t width,
                       struct value_scratch *scratch, struct value_block *out) {
    const uint8_t *bits = source->view.values;
    uint8_t *to = scratch->fixed;

    (void)kernel;
    (void)width;
    FOR_SELECTED(selection, to[i] = ktki_bit_get(bits, selection->base + (int64_t)at));
    *out = (struct value_block){selection->count, to, NULL, NULL, NULL};
    return true;
}

/* A decimal is stored with its highest byte first, in as few bytes as its precision needs; what is
 * cut off must be nothing but sign. */
static bool store_decimal(const uint8_t *from, size_t from_width, uint8_t *to, size_t width) {
    uint8_t sign = from[from_width - 1] & 0x80 ? 0xFF : 0;
    bool is_good = true;

    for (size_t i = 0; i < width; i++) {
        to[width - 1 - i] = from[i];
    }
    for (size_t i = width; i < from_width; i++) {
        is_good &= from[i] == sign;
    }
    return is_good && ((to[0] ^ sign) & 0x80) == 0;
}

#define DEFINE_DECIMAL(name, from_width)                                                           \
    static bool name(const struct value_kernel *kernel, const struct value_source *source,         \
                     const struct value_selection *selection, size_t width,                        \
                     struct value_scratch *scratch, struct value_block *out) {                     \
        const uint8_t *from =                                                                      \
            (const uint8_t *)source->view.values + (size_t)selection->base * (from_width);         \
        bool is_good = true;                                                                       \
                                                                                                   \
        (void)kernel;                                                                              \
        FOR_SELECTED(selection, is_good &= store_decimal(from + at * (from_width), from_width,     \
                                                         scratch->fixed + i * width, width));      \
        *out = (struct value_block){selection->count, scratch->fixed, NULL, NULL, NULL};           \
        return is_good;                                                                            \
    }

DEFINE_DECIMAL(fetch_decimal128, 16)
DEFINE_DECIMAL(fetch_decimal256, 32)

/* The bytes of texts that are all empty may lie nowhere. */
static const uint8_t *bytes_of(const struct value_source *source) {
    return source->view.values != NULL ? source->view.values : (const uint8_t *)"";
}

/* Sizes from 2 GiB on cannot be stored; offsets that descend look like that, too. */
#define DEFINE_BYTES(name, offset_type)                                                            \
    static bool name(const struct value_kernel *kernel, const struct value_source *source,         \
                     const struct value_selection *selection, size_t width,                        \
                     struct value_scratch *scratch, struct value_block *out) {                     \
        const offset_type *offsets = (const offset_type *)source->view.offsets + selection->base;  \
        const uint8_t *bytes = bytes_of(source);                                                   \
        uint64_t seen = 0;                                                                         \
                                                                                                   \
        (void)kernel;                                                                              \
        (void)width;                                                                               \
        FOR_SELECTED(selection, uint64_t size = (uint64_t)(offsets[at + 1] - offsets[at]);         \
                     seen |= size; scratch->sizes[i] = (uint32_t)size;                             \
                     scratch->starts[i] = bytes + offsets[at]);                                    \
        *out =                                                                                     \
            (struct value_block){selection->count, NULL, scratch->starts, scratch->sizes, NULL};   \
        if (source->view.length > 0) {                                                             \
            out->end =                                                                             \
                bytes + ((const offset_type *)                                                     \
                             source->view.offsets)[source->view.offset + source->view.length];     \
        }                                                                                          \
        return seen <= INT32_MAX;                                                                  \
    }

DEFINE_BYTES(fetch_bytes, int32_t)
DEFINE_BYTES(fetch_large_bytes, int64_t)

static bool fetch_views(const struct value_kernel *kernel, const struct value_source *source,
                        const struct value_selection *selection, size_t width,
                        struct value_scratch *scratch, struct value_block *out) {
    size_t seen = 0;

    (void)kernel;
    (void)width;
    FOR_SELECTED(selection, size_t size;
                 ktki_array_bytes(source->array, source->type,
                                  selection->base + (int64_t)at - source->view.offset,
                                  &scratch->starts[i], &size);
                 seen |= size; scratch->sizes[i] = (uint32_t)size);
    *out = (struct value_block){selection->count, NULL, scratch->starts, scratch->sizes, NULL};
    return seen <= INT32_MAX;
}

static bool fetch_fixed_binary(const struct value_kernel *kernel, const struct value_source *source,
                               const struct value_selection *selection, size_t width,
                               struct value_scratch *scratch, struct value_block *out) {
    const uint8_t *from = (const uint8_t *)source->view.values + (size_t)selection->base * width;

    (void)kernel;
    FOR_SELECTED(selection, scratch->starts[i] = from + at * width;
                 scratch->sizes[i] = (uint32_t)width);
    *out = (struct value_block){selection->count, NULL, scratch->starts, scratch->sizes, NULL};
    return true;
}

/* All slots are null: there is never a value to fetch. */
static bool fetch_nothing(const struct value_kernel *kernel, const struct value_source *source,
                          const struct value_selection *selection, size_t width,
                          struct value_scratch *scratch, struct value_block *out) {
    (void)kernel;
    (void)source;
    (void)width;
    (void)scratch;
    assert(selection->count == 0);
    *out = (struct value_block){selection->count, NULL, NULL, NULL, NULL};
    return true;
}

#define TOO_LONG "is longer than Parquet can store"
#define TOO_PRECISE "does not fit the precision of its type"

static const struct value_kernel kernels[TYPE_COUNT] = {
    [TYPE_NULL] = {fetch_nothing, 0, NULL},
    [TYPE_BOOL] = {fetch_bool, 0, NULL},
    [TYPE_INT8] = {fetch_i8, 0, NULL},
    [TYPE_INT16] = {fetch_i16, 0, NULL},
    [TYPE_INT32] = {fetch_same_32, 0, NULL},
    [TYPE_INT64] = {fetch_same_64, 0, NULL},
    [TYPE_UINT8] = {fetch_u8, 0, NULL},
    [TYPE_UINT16] = {fetch_u16, 0, NULL},
    [TYPE_UINT32] = {fetch_same_32, 0, NULL},
    [TYPE_UINT64] = {fetch_same_64, 0, NULL},
    [TYPE_FLOAT16] = {fetch_same_16, 0, NULL},
    [TYPE_FLOAT32] = {fetch_same_32, 0, NULL},
    [TYPE_FLOAT64] = {fetch_same_64, 0, NULL},
    [TYPE_STRING] = {fetch_bytes, 0, TOO_LONG},
    [TYPE_LARGE_STRING] = {fetch_large_bytes, 0, TOO_LONG},
    [TYPE_BINARY] = {fetch_bytes, 0, TOO_LONG},
    [TYPE_LARGE_BINARY] = {fetch_large_bytes, 0, TOO_LONG},
    [TYPE_STRING_VIEW] = {fetch_views, 0, TOO_LONG},
    [TYPE_BINARY_VIEW] = {fetch_views, 0, TOO_LONG},
    [TYPE_FIXED_BINARY] = {fetch_fixed_binary, 0, NULL},
    [TYPE_DATE32] = {fetch_same_32, 0, NULL},
    [TYPE_DATE64] = {fetch_date64, 0, "is not a whole day"},
    [TYPE_TIME32] = {fetch_same_32, 0, NULL},
    [TYPE_TIME64] = {fetch_same_64, 0, NULL},
    [TYPE_DURATION] = {fetch_same_64, 0, NULL},
    [TYPE_DECIMAL128] = {fetch_decimal128, 0, TOO_PRECISE},
    [TYPE_DECIMAL256] = {fetch_decimal256, 0, TOO_PRECISE},
};

#define OUT_OF(unit) "is out of the range of " unit "s"
#define REST_BELOW(unit) "has a rest below a " unit "; round it first"

/* By the unit that is stored, then by the array's. */
static const struct value_kernel timestamp_kernels[][4] = {
    [PQ_UNIT_MILLIS] = {[UNIT_SECOND] = {fetch_multiplied_64, 1000, OUT_OF("millisecond")},
                        [UNIT_MILLI] = {fetch_same_64, 0, NULL},
                        [UNIT_MICRO] = {fetch_thousandths, 0, REST_BELOW("millisecond")},
                        [UNIT_NANO] = {fetch_millionths, 0, REST_BELOW("millisecond")}},
    [PQ_UNIT_MICROS] = {[UNIT_SECOND] = {fetch_multiplied_64, 1000000, OUT_OF("microsecond")},
                        [UNIT_MILLI] = {fetch_multiplied_64, 1000, OUT_OF("microsecond")},
                        [UNIT_MICRO] = {fetch_same_64, 0, NULL},
                        [UNIT_NANO] = {fetch_thousandths, 0, REST_BELOW("microsecond")}},
    [PQ_UNIT_NANOS] = {[UNIT_SECOND] = {fetch_multiplied_64, 1000000000, OUT_OF("nanosecond")},
                       [UNIT_MILLI] = {fetch_multiplied_64, 1000000, OUT_OF("nanosecond")},
                       [UNIT_MICRO] = {fetch_multiplied_64, 1000, OUT_OF("nanosecond")},
                       [UNIT_NANO] = {fetch_same_64, 0, NULL}},
};

const struct value_kernel *ktki_timestamp_kernel(enum time_unit from, enum parquet_time_unit to) {
    return &timestamp_kernels[to][from];
}

static const struct value_kernel time_of_seconds = {fetch_multiplied_32, 1000,
                                                    "is out of the range of milliseconds"};

const struct value_kernel *ktki_value_kernel(const struct data_type *type) {
    if (type->id == TYPE_TIMESTAMP) {
        return ktki_timestamp_kernel(type->unit, PQ_UNIT_MICROS);
    }
    if (type->id == TYPE_TIME32 && type->unit == UNIT_SECOND) {
        return &time_of_seconds;
    }
    return kernels[type->id].fetch != NULL ? &kernels[type->id] : NULL;
}

/* ---- cursor ---- */

void ktki_values_seek(struct value_cursor *out, const struct leaf_input *input,
                      struct value_scratch *scratch, int64_t slot_start, int64_t slot_count) {
    *out = (struct value_cursor){.input = input, .scratch = scratch, .left = slot_count};
    if (slot_count > 0) {
        out->piece = ktki_leaf_input_piece(input, slot_start);
        out->at = slot_start - input->pieces[out->piece].first_slot;
    }
}

/* Row of the file that a slot belongs to. */
static int64_t row_of_slot(const struct leaf_input *input, int64_t slot) {
    int64_t row = -1;
    int64_t slots = 0;

    if (input->repetitions == NULL) {
        return input->first_row + slot;
    }
    for (int64_t level = 0; slots <= slot; level++) {
        row += input->repetitions[level] == 0;
        slots += input->definitions[level] >= ktki_leaf_slot_level(input->leaf);
    }
    return input->first_row + row;
}

/* Say that the value at `at` of a source cannot be stored. `place` says where it stands. */
static ktk_status refuse_value(const struct write_leaf *leaf, const struct value_source *source,
                               int64_t at, const char *place, const ktk_allocator *allocator,
                               ktk_error *err) {
    const struct field *field =
        leaf->field->type.id == TYPE_DICTIONARY ? leaf->field->dictionary : leaf->field;
    int64_t row = at - source->view.offset;
    const uint8_t *bytes = NULL;
    struct buffer text;
    bool is_null = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&text, allocator, 0);
    if (leaf->is_bytes) {
        size_t size = 0;
        ktki_array_bytes(source->array, source->type, row, &bytes, &size);
        KTKI_TRY(ktki_buffer_append_format(&text, err, "of %zu bytes", size));
    } else {
        KTKI_TRY(ktki_buffer_append_byte(&text, '\'', err));
        KTKI_TRY(ktki_format_value(field, source->array, row, &text, &is_null, err));
        KTKI_TRY(ktki_buffer_append_byte(&text, '\'', err));
    }
    KTKI_FAIL(err, KTK_E_INVALID, "column '%s', %s: value %.*s %s", leaf->name, place,
              (int)text.size, (const char *)text.data, leaf->kernel->fault);
out:
    ktki_buffer_clear(&text);
    return status;
}

/* A run of slots, and what is to be fetched for those that are not null. */
struct slot_run {
    const struct leaf_piece *piece;
    int64_t at; /* first slot of the piece */
    int64_t count;
    struct value_selection selection;
};

/* Row of the file in which value number `index` of a run stands. */
static int64_t row_of_value(const struct value_cursor *cursor, const struct slot_run *run,
                            size_t index) {
    int64_t slot = run->piece->first_slot + run->at + (int64_t)index;

    if (run->piece->null_count > 0) {
        uint32_t positions[VALUE_BLOCK_MAX];

        (void)ktki_piece_positions(run->piece, run->at, (size_t)run->count, positions);
        slot = run->piece->first_slot + run->at + positions[index];
    }
    return row_of_slot(cursor->input, slot);
}

/* Find the first value of a run that cannot be stored, and say so. */
static ktk_status report_fault(const struct value_cursor *cursor, const struct slot_run *run,
                               ktk_error *err) {
    const struct write_leaf *leaf = cursor->input->leaf;
    const struct value_selection *selection = &run->selection;
    char place[32];

    for (size_t i = 0; i < selection->count; i++) {
        int64_t offset = selection->positions == NULL ? (int64_t)i : selection->positions[i];
        struct value_selection one = {selection->base + offset, NULL, 1};
        struct value_block block;

        if (!leaf->kernel->fetch(leaf->kernel, &run->piece->values, &one, leaf->width,
                                 cursor->scratch, &block)) {
            (void)snprintf(place, sizeof(place), "row %" PRId64, row_of_value(cursor, run, i));
            return refuse_value(leaf, &run->piece->values, one.base, place,
                                cursor->scratch->allocator, err);
        }
    }
    return ktk_error_set(err, KTK_E_INTERNAL, "column '%s': a value is refused without a reason",
                         leaf->name);
}

/* Take the next slots. */
static struct slot_run take_slots(struct value_cursor *cursor) {
    const struct leaf_piece *piece = &cursor->input->pieces[cursor->piece];
    struct slot_run run = {.piece = piece, .at = cursor->at};

    assert(cursor->left > 0);
    run.count = piece->count - cursor->at;
    run.count = run.count < cursor->left ? run.count : cursor->left;
    run.count = run.count < VALUE_BLOCK_MAX ? run.count : VALUE_BLOCK_MAX;
    ktki_piece_select(piece, run.at, (size_t)run.count, cursor->scratch->positions, &run.selection);
    cursor->left -= run.count;
    cursor->at += run.count;
    if (cursor->at == piece->count) {
        cursor->piece++;
        cursor->at = 0;
    }
    return run;
}

/* Replace the selection of dictionary indices by that of the entries they name. */
static ktk_status look_up(const struct value_cursor *cursor, struct slot_run *run, ktk_error *err) {
    const struct value_source *slots = &run->piece->slots;
    const struct array_view *entries = &run->piece->values.view;
    struct value_selection *selection = &run->selection;

    if (!ktki_index_fetch(slots->type->index, slots->view.values, selection->base,
                          selection->positions, selection->count, entries->length,
                          cursor->scratch->positions)) {
        return ktk_error_set(err, KTK_E_INVALID,
                             "column '%s', rows from %" PRId64
                             " on: an index is not in its dictionary of %" PRId64 " entries",
                             cursor->input->leaf->name, row_of_value(cursor, run, 0),
                             entries->length);
    }
    selection->base = entries->offset;
    selection->positions = cursor->scratch->positions;
    return KTK_OK;
}

ktk_status ktki_values_next(struct value_cursor *cursor, struct value_block *out,
                            int64_t *slot_count, ktk_error *err) {
    const struct write_leaf *leaf = cursor->input->leaf;
    struct slot_run run = take_slots(cursor);
    ktk_status status = KTK_OK;

    if (leaf->field->type.id == TYPE_DICTIONARY && run.selection.count > 0) {
        KTKI_TRY(look_up(cursor, &run, err));
    }
    if (!leaf->kernel->fetch(leaf->kernel, &run.piece->values, &run.selection, leaf->width,
                             cursor->scratch, out)) {
        KTKI_TRY(report_fault(cursor, &run, err));
    }
    if (slot_count != NULL) {
        *slot_count = run.count;
    }
out:
    return status;
}

ktk_status ktki_values_next_indices(struct value_cursor *cursor, struct index_block *out,
                                    int64_t *slot_count, ktk_error *err) {
    struct slot_run run = take_slots(cursor);
    ktk_status status = KTK_OK;

    if (run.selection.count > 0) {
        KTKI_TRY(look_up(cursor, &run, err));
    }
    *out = (struct index_block){run.selection.count, cursor->scratch->positions, run.piece};
    if (slot_count != NULL) {
        *slot_count = run.count;
    }
out:
    return status;
}

ktk_status ktki_values_of_index(const struct value_cursor *cursor, const struct index_block *block,
                                size_t index, struct value_block *out, ktk_error *err) {
    const struct write_leaf *leaf = cursor->input->leaf;
    const struct value_source *entries = &block->piece->values;
    struct value_selection one = {entries->view.offset + block->indices[index], NULL, 1};

    if (!leaf->kernel->fetch(leaf->kernel, entries, &one, leaf->width, cursor->scratch, out)) {
        return refuse_value(leaf, entries, one.base, "in its dictionary",
                            cursor->scratch->allocator, err);
    }
    return KTK_OK;
}
