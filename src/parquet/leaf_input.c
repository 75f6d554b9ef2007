#include "parquet/leaf_input.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/index_fetch.h"

/* Definition levels of a list column. */
enum { LIST_NULL = 0, LIST_EMPTY = 1, LIST_ITEM_NULL = 2, LIST_ITEM = 3 };

#define WORD_BITS 64

size_t ktki_piece_positions(const struct leaf_piece *piece, int64_t at, size_t count,
                            uint32_t *positions) {
    uint64_t words[PIECE_POSITIONS_MAX / WORD_BITS] = {0};
    size_t found = 0;

    assert(count <= PIECE_POSITIONS_MAX);
    ktki_bits_copy(piece->validity, piece->validity_offset + at, (uint8_t *)words, 0,
                   (int64_t)count);
    for (size_t base = 0; base < count; base += WORD_BITS) {
        uint64_t word = words[base / WORD_BITS];

        if (word == UINT64_MAX) {
            for (size_t i = 0; i < WORD_BITS; i++) {
                positions[found + i] = (uint32_t)(base + i);
            }
            found += WORD_BITS;
            continue;
        }
        while (word != 0) {
            positions[found++] = (uint32_t)(base + (size_t)__builtin_ctzll(word));
            word &= word - 1;
        }
    }
    return found;
}

size_t ktki_leaf_input_piece(const struct leaf_input *input, int64_t slot) {
    size_t low = 0;
    size_t high = input->piece_count;

    assert(slot >= 0 && slot < input->slot_count);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (input->pieces[middle].first_slot <= slot) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Null slots among [at, at + count) of a piece. */
static int64_t piece_nulls(const struct leaf_piece *piece, int64_t at, int64_t count) {
    if (piece->null_count == 0 || piece->null_count == piece->count) {
        return piece->null_count == 0 ? 0 : count;
    }
    return count - ktki_bits_count(piece->validity, piece->validity_offset + at, count);
}

int64_t ktki_leaf_input_nulls(const struct leaf_input *input, int64_t start, int64_t count) {
    int64_t nulls = 0;

    for (size_t i = count > 0 ? ktki_leaf_input_piece(input, start) : 0; count > 0; i++) {
        const struct leaf_piece *piece = &input->pieces[i];
        int64_t at = start - piece->first_slot;
        int64_t part = smaller(count, piece->count - at);

        nulls += piece_nulls(piece, at, part);
        start += part;
        count -= part;
    }
    return nulls;
}

void ktki_leaf_input_validity(const struct leaf_input *input, int64_t start, int64_t count,
                              uint8_t *bits) {
    int64_t done = 0;

    for (size_t i = count > 0 ? ktki_leaf_input_piece(input, start) : 0; done < count; i++) {
        const struct leaf_piece *piece = &input->pieces[i];
        int64_t at = start + done - piece->first_slot;
        int64_t part = smaller(count - done, piece->count - at);

        if (piece->null_count == 0 || piece->null_count == piece->count) {
            ktki_bits_fill(bits, done, part, piece->null_count == 0);
        } else {
            ktki_bits_copy(piece->validity, piece->validity_offset + at, bits, done, part);
        }
        done += part;
    }
}

/*
 * An entry of a dictionary may be null as well: the validity of the slots is then that of their
 * indices and of what these stand for, together.
 */
static ktk_status merge_dictionary_nulls(struct leaf_piece *piece, struct arena *arena,
                                         const struct write_leaf *leaf, ktk_error *err) {
    const struct value_source *slots = &piece->slots;
    const struct array_view *entries = &piece->values.view;
    uint32_t positions[PIECE_POSITIONS_MAX];
    uint32_t indices[PIECE_POSITIONS_MAX];
    uint8_t *merged = NULL;
    int64_t valid_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(arena, ktki_bits_size(piece->count), 1, &merged, err));
    for (int64_t at = 0; at < piece->count; at += PIECE_POSITIONS_MAX) {
        size_t count = (size_t)smaller(PIECE_POSITIONS_MAX, piece->count - at);

        if (piece->null_count == 0) {
            for (size_t i = 0; i < count; i++) {
                positions[i] = (uint32_t)i;
            }
        } else {
            count = ktki_piece_positions(piece, at, count, positions);
        }
        if (!ktki_index_fetch(slots->type->index, slots->view.values, piece->start + at, positions,
                              count, entries->length, indices)) {
            KTKI_FAIL(err, KTK_E_INVALID, "column '%s': an index is not in its dictionary",
                      leaf->name);
        }
        for (size_t i = 0; i < count; i++) {
            if (!ktki_view_is_null(entries, indices[i])) {
                ktki_bit_set(merged, at + positions[i]);
                valid_count++;
            }
        }
    }
    piece->validity = merged;
    piece->validity_offset = 0;
    piece->null_count = piece->count - valid_count;
out:
    return status;
}

/* Rows [start, start + count) of a leaf's array as the next piece. */
static ktk_status add_piece(struct leaf_input *input, struct arena *arena,
                            const struct ArrowArray *array, int64_t start, int64_t count,
                            ktk_error *err) {
    const struct write_leaf *leaf = input->leaf;
    struct leaf_piece piece = {.count = count, .first_slot = input->slot_count};
    ktk_status status = KTK_OK;

    piece.slots = (struct value_source){array, &leaf->field->type, {0}};
    ktki_array_view(array, piece.slots.type, &piece.slots.view);
    piece.start = start + piece.slots.view.offset;
    piece.validity = piece.slots.view.validity;
    piece.validity_offset = piece.start;
    /* Counted, not believed: buffers are sized by it. */
    piece.null_count = leaf->type->id == TYPE_NULL ? count
                       : piece.validity == NULL
                           ? 0
                           : count - ktki_bits_count(piece.validity, piece.start, count);
    piece.values = piece.slots;
    if (leaf->field->type.id == TYPE_DICTIONARY) {
        piece.values = (struct value_source){array->dictionary, leaf->type, {0}};
        ktki_array_view(array->dictionary, leaf->type, &piece.values.view);
        if (piece.values.view.length > UINT32_MAX) {
            KTKI_FAIL(err, KTK_E_LIMIT, "column '%s': a dictionary of %lld entries is too large",
                      leaf->name, (long long)piece.values.view.length);
        }
        if (piece.values.view.validity != NULL && piece.null_count < count) {
            KTKI_TRY(merge_dictionary_nulls(&piece, arena, leaf, err));
        }
    }
    input->slot_count += count;
    input->null_count += piece.null_count;
    input->pieces[input->piece_count++] = piece;
out:
    return status;
}

static ktk_status build_flat(struct leaf_input *input, struct arena *arena,
                             const struct row_slice *slices, size_t slice_count, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(arena, slice_count, sizeof(*input->pieces), &input->pieces, err));
    for (size_t i = 0; i < slice_count; i++) {
        const struct row_slice *slice = &slices[i];

        if (slice->count > 0) {
            KTKI_TRY(add_piece(input, arena, &slice->batch->columns[input->leaf->field_index],
                               slice->start, slice->count, err));
        }
    }
    input->level_count = input->slot_count;
out:
    return status;
}

/* The lists of one slice. */
struct list_rows {
    const struct ArrowArray *array;
    struct array_view view;
    bool is_large;
    int64_t start;
    int64_t count;
};

static struct list_rows list_rows_of(const struct row_slice *slice, const struct write_leaf *leaf) {
    const struct batch *batch = slice->batch;
    const struct data_type *type = &batch->schema->fields[leaf->field_index].type;
    struct list_rows lists = {.array = &batch->columns[leaf->field_index],
                              .is_large = type->id == TYPE_LARGE_LIST,
                              .start = slice->start,
                              .count = slice->count};

    ktki_array_view(lists.array, type, &lists.view);
    return lists;
}

/* Items [*start, *end) of a list; false if the list is null. A null list may have items in memory,
 * which do not count. */
static bool list_items(const struct list_rows *lists, int64_t row, int64_t *start, int64_t *end) {
    int64_t at = lists->view.offset + lists->start + row;

    if (ktki_view_is_null(&lists->view, lists->start + row)) {
        return false;
    }
    if (lists->is_large) {
        *start = ((const int64_t *)lists->view.offsets)[at];
        *end = ((const int64_t *)lists->view.offsets)[at + 1];
    } else {
        *start = ((const int32_t *)lists->view.offsets)[at];
        *end = ((const int32_t *)lists->view.offsets)[at + 1];
    }
    return true;
}

/* Numbers of levels and pieces that `lists` make: items that do not follow those of the list before
 * begin a piece. */
static ktk_status count_lists(const struct list_rows *lists, const struct write_leaf *leaf,
                              int64_t *level_count, size_t *piece_count, ktk_error *err) {
    int64_t item_count = lists->array->children[0]->length;
    int64_t last_end = -1;
    ktk_status status = KTK_OK;

    for (int64_t row = 0; row < lists->count; row++) {
        int64_t start = 0;
        int64_t end = 0;

        if (!list_items(lists, row, &start, &end) || start == end) {
            *level_count += 1;
            continue;
        }
        if (start < 0 || end < start || end > item_count) {
            KTKI_FAIL(err, KTK_E_INVALID,
                      "column '%s': a list of items %lld to %lld of %lld items is impossible",
                      leaf->name, (long long)start, (long long)end, (long long)item_count);
        }
        *level_count += end - start;
        *piece_count += start != last_end;
        last_end = end;
    }
out:
    return status;
}

struct level_tables {
    uint8_t *definitions;
    uint8_t *repetitions;
};

/* Pieces and repetition levels of the lists, and definition levels as if no item were null. */
static ktk_status add_lists(struct leaf_input *input, struct arena *arena,
                            const struct list_rows *lists, const struct level_tables *tables,
                            ktk_error *err) {
    const struct ArrowArray *items = lists->array->children[0];
    int64_t piece_start = 0;
    int64_t piece_end = 0;
    ktk_status status = KTK_OK;

    for (int64_t row = 0; row < lists->count; row++) {
        int64_t level = input->level_count;
        int64_t start = 0;
        int64_t end = 0;
        bool is_list = list_items(lists, row, &start, &end);

        if (start == end) {
            tables->definitions[level] = is_list ? LIST_EMPTY : LIST_NULL;
            tables->repetitions[level] = 0;
            input->level_count++;
            continue;
        }
        if (start != piece_end && piece_end > piece_start) {
            KTKI_TRY(add_piece(input, arena, items, piece_start, piece_end - piece_start, err));
            piece_start = start;
        } else if (piece_end == piece_start) {
            piece_start = start;
        }
        piece_end = end;
        memset(tables->definitions + level, LIST_ITEM, (size_t)(end - start));
        memset(tables->repetitions + level, 1, (size_t)(end - start));
        tables->repetitions[level] = 0;
        input->level_count += end - start;
    }
    if (piece_end > piece_start) {
        KTKI_TRY(add_piece(input, arena, items, piece_start, piece_end - piece_start, err));
    }
out:
    return status;
}

/* Lower the definition level of every item that is null. */
static ktk_status mark_null_items(struct leaf_input *input, struct arena *arena,
                                  uint8_t *definitions, ktk_error *err) {
    uint8_t *validity = NULL;
    int64_t slot = 0;
    ktk_status status = KTK_OK;

    if (input->null_count == 0) {
        goto out;
    }
    KTKI_TRY(ktki_arena_array(arena, ktki_bits_size(input->slot_count), 1, &validity, err));
    ktki_leaf_input_validity(input, 0, input->slot_count, validity);
    for (int64_t level = 0; level < input->level_count; level++) {
        if (definitions[level] == LIST_ITEM) {
            definitions[level] = ktki_bit_get(validity, slot) ? LIST_ITEM : LIST_ITEM_NULL;
            slot++;
        }
    }
out:
    return status;
}

static ktk_status build_lists(struct leaf_input *input, struct arena *arena,
                              const struct row_slice *slices, size_t slice_count, ktk_error *err) {
    int64_t level_count = 0;
    size_t piece_count = 0;
    struct level_tables tables = {NULL, NULL};
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < slice_count; i++) {
        struct list_rows lists = list_rows_of(&slices[i], input->leaf);

        KTKI_TRY(count_lists(&lists, input->leaf, &level_count, &piece_count, err));
    }
    KTKI_TRY(ktki_arena_array(arena, piece_count, sizeof(*input->pieces), &input->pieces, err));
    KTKI_TRY(ktki_arena_array(arena, (size_t)level_count, 1, &tables.definitions, err));
    KTKI_TRY(ktki_arena_array(arena, (size_t)level_count, 1, &tables.repetitions, err));
    for (size_t i = 0; i < slice_count; i++) {
        struct list_rows lists = list_rows_of(&slices[i], input->leaf);

        KTKI_TRY(add_lists(input, arena, &lists, &tables, err));
    }
    assert(input->level_count == level_count && input->piece_count == piece_count);
    KTKI_TRY(mark_null_items(input, arena, tables.definitions, err));
    input->definitions = tables.definitions;
    input->repetitions = tables.repetitions;
out:
    return status;
}

ktk_status ktki_leaf_input_build(struct leaf_input *out, struct arena *arena,
                                 const struct write_leaf *leaf, const struct row_slice *slices,
                                 size_t slice_count, int64_t first_row, ktk_error *err) {
    struct leaf_input input = {.leaf = leaf, .first_row = first_row};
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < slice_count; i++) {
        input.row_count += slices[i].count;
    }
    if (leaf->is_list) {
        KTKI_TRY(build_lists(&input, arena, slices, slice_count, err));
    } else {
        KTKI_TRY(build_flat(&input, arena, slices, slice_count, err));
    }
    *out = input;
out:
    return status;
}
