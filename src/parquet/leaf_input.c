#include "parquet/leaf_input.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/index_fetch.h"

/* Ranges of fewer slots than this, on average, are gathered into a piece with a list of positions:
 * reading it costs less than walking so many pieces. */
#define RANGE_SLOTS_MIN 64

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

void ktki_piece_select(const struct leaf_piece *piece, int64_t at, size_t count,
                       uint32_t *positions, struct value_selection *out) {
    const uint32_t *places = piece->positions == NULL ? NULL : piece->positions + at;

    *out = (struct value_selection){piece->start + (places == NULL ? at : 0), places, count};
    if (piece->null_count == piece->count) {
        out->count = 0;
    } else if (piece->null_count > 0) {
        out->count = ktki_piece_positions(piece, at, count, positions);
        out->positions = positions;
        for (size_t i = 0; places != NULL && i < out->count; i++) {
            positions[i] = places[positions[i]];
        }
    }
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

/* ---- pieces ---- */

/*
 * An entry of a dictionary may be null as well: the validity of the slots is then that of their
 * indices and of what these stand for, together.
 */
static ktk_status merge_dictionary_nulls(struct leaf_piece *piece, struct arena *arena,
                                         const struct write_leaf *leaf, ktk_error *err) {
    const struct value_source *slots = &piece->slots;
    const struct array_view *entries = &piece->values.view;
    uint32_t numbers[PIECE_POSITIONS_MAX];
    uint32_t indices[PIECE_POSITIONS_MAX];
    uint8_t *merged = NULL;
    int64_t valid_count = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(arena, ktki_bits_size(piece->count), 1, &merged, err));
    for (int64_t at = 0; at < piece->count; at += PIECE_POSITIONS_MAX) {
        size_t count = (size_t)smaller(PIECE_POSITIONS_MAX, piece->count - at);
        struct value_selection selection;

        ktki_piece_select(piece, at, count, numbers, &selection);
        if (!ktki_index_fetch(slots->type->index, slots->view.values, selection.base,
                              selection.positions, selection.count, entries->length, indices)) {
            KTKI_FAIL(err, KTK_E_INVALID, "column '%s': an index is not in its dictionary",
                      leaf->name);
        }
        if (piece->null_count > 0) { /* now the slots themselves */
            (void)ktki_piece_positions(piece, at, count, numbers);
        }
        for (size_t i = 0; i < selection.count; i++) {
            if (!ktki_view_is_null(entries, indices[i])) {
                ktki_bit_set(merged, at + (piece->null_count > 0 ? numbers[i] : (int64_t)i));
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

/* The next piece: slots from `start` on in the array. `valid` has the bits of all slots of a nested
 * column, NULL: all are valid; a flat column is as valid as its array is. */
static ktk_status add_piece(struct leaf_input *input, struct arena *arena,
                            const struct array_range *range, const uint32_t *positions,
                            const uint8_t *valid, ktk_error *err) {
    const struct write_leaf *leaf = input->leaf;
    const struct ArrowArray *array = range->array;
    int64_t count = range->count;
    struct leaf_piece piece = {
        .count = count, .positions = positions, .first_slot = input->slot_count};
    ktk_status status = KTK_OK;

    piece.slots = (struct value_source){array, &leaf->field->type, {0}};
    ktki_array_view(array, piece.slots.type, &piece.slots.view);
    piece.start = range->start + piece.slots.view.offset;
    piece.validity = piece.slots.view.validity;
    piece.validity_offset = piece.start;
    if (input->definitions != NULL) {
        piece.validity = valid;
        piece.validity_offset = piece.first_slot;
    }
    /* Counted, not believed: buffers are sized by it. */
    piece.null_count = leaf->type->id == TYPE_NULL ? count
                       : piece.validity == NULL
                           ? 0
                           : count - ktki_bits_count(piece.validity, piece.validity_offset, count);
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

/* Ranges of one array that follow each other. */
struct range_group {
    const struct array_range *ranges;
    size_t range_count;
    int64_t slot_count;
    int64_t start; /* the first entry of the array that is in one of them */
    int64_t end;   /* the entry behind the last one */
};

static struct range_group group_at(const struct leaf_walk *walk, size_t at) {
    const struct array_range *first = &walk->ranges[at];
    struct range_group group = {first, 0, 0, first->start, first->start};

    while (at + group.range_count < walk->range_count &&
           first[group.range_count].array == first->array) {
        const struct array_range *range = &first[group.range_count++];

        group.slot_count += range->count;
        group.start = smaller(group.start, range->start);
        group.end =
            range->start + range->count > group.end ? range->start + range->count : group.end;
    }
    return group;
}

/* The validity of a flat column is where its values are, so it stays in ranges: there are few. */
static bool is_gathered(const struct leaf_input *input, const struct range_group *group) {
    return input->definitions != NULL && group->range_count > 1 &&
           group->slot_count / RANGE_SLOTS_MIN < (int64_t)group->range_count &&
           group->end - group->start <= UINT32_MAX;
}

static ktk_status gather(struct leaf_input *input, struct arena *arena,
                         const struct range_group *group, const uint8_t *valid, ktk_error *err) {
    const struct array_range all = {group->ranges->array, group->start, group->slot_count};
    uint32_t *positions = NULL;
    uint32_t *to;
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_arena_array(arena, (size_t)group->slot_count, sizeof(*positions), &positions, err));
    to = positions;
    for (size_t i = 0; i < group->range_count; i++) {
        const struct array_range *range = &group->ranges[i];
        uint32_t first = (uint32_t)(range->start - group->start);

        for (int64_t k = 0; k < range->count; k++) {
            *to++ = first + (uint32_t)k;
        }
    }
    KTKI_TRY(add_piece(input, arena, &all, positions, valid, err));
out:
    return status;
}

static ktk_status add_pieces(struct leaf_input *input, const struct leaf_walk *walk,
                             const uint8_t *valid, ktk_error *err) {
    size_t piece_count = 0;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < walk->range_count;) {
        struct range_group group = group_at(walk, i);

        piece_count += is_gathered(input, &group) ? 1 : group.range_count;
        i += group.range_count;
    }
    KTKI_TRY(
        ktki_arena_array(walk->arena, piece_count, sizeof(*input->pieces), &input->pieces, err));
    for (size_t i = 0; i < walk->range_count;) {
        struct range_group group = group_at(walk, i);

        i += group.range_count;
        if (is_gathered(input, &group)) {
            KTKI_TRY(gather(input, walk->arena, &group, valid, err));
            continue;
        }
        for (size_t k = 0; k < group.range_count; k++) {
            KTKI_TRY(add_piece(input, walk->arena, &group.ranges[k], NULL, valid, err));
        }
    }
    assert(input->slot_count == walk->slot_count);
out:
    return status;
}

/* ---- all together ---- */

/* Lower the definition level of every slot that is null. */
static ktk_status lower_nulls(const struct leaf_input *input, struct leaf_walk *walk,
                              ktk_error *err) {
    uint8_t *valid = NULL;
    ktk_status status = KTK_OK;

    if (input->null_count > 0) {
        KTKI_TRY(
            ktki_arena_zeroed(walk->arena, ktki_bits_size(input->slot_count) + 1, 1, &valid, err));
        ktki_leaf_input_validity(input, 0, input->slot_count, valid);
    }
    KTKI_TRY(ktki_walk_close(walk, valid, err));
out:
    return status;
}

ktk_status ktki_leaf_input_build(struct leaf_input *out, struct arena *arena,
                                 const struct write_leaf *leaf, const struct row_slice *slices,
                                 size_t slice_count, int64_t first_row, ktk_error *err) {
    struct leaf_input input = {.leaf = leaf, .first_row = first_row};
    struct leaf_walk walk;
    uint8_t *valid = NULL;
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < slice_count; i++) {
        input.row_count += slices[i].count;
    }
    KTKI_TRY(ktki_leaf_walk(&walk, arena, leaf, slices, slice_count, err));
    input.level_count = walk.level_count;
    input.definitions = walk.definitions;
    input.repetitions = walk.repetitions;
    if (walk.definitions != NULL) {
        KTKI_TRY(ktki_walk_validity(&walk, &valid, err));
    }
    KTKI_TRY(add_pieces(&input, &walk, valid, err));
    if (walk.definitions != NULL) {
        KTKI_TRY(lower_nulls(&input, &walk, err));
    }
    *out = input;
out:
    return status;
}
