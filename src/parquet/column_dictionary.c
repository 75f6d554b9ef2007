#include "parquet/column_dictionary.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "parquet/plain_encode.h"
#include "parquet/rle_encode.h"

/* The sample: stretches spread over the chunk. Stretches see values that repeat nearby, their
 * distance sees those that repeat far away. */
#define SAMPLE_STRETCHES 64
#define SAMPLE_STRETCH_SLOTS 64
/* Chunks of fewer slots are numbered without being asked. */
#define SAMPLED_SLOTS_MIN 2048
/* A sample is at most this part of the chunk. */
#define SAMPLE_SHARE 4

/* A dictionary must save a quarter; a bit less is not worth a second page to readers. */
#define PAYING_NUMERATOR 3
#define PAYING_DENOMINATOR 4
/* Bytes of header and so on that the dictionary page adds. */
#define PAGE_OVERHEAD 32

#define UNKNOWN UINT32_MAX

/* What is counted while values are numbered. */
struct numbering {
    struct write_scratch *scratch;
    const struct leaf_input *input;
    struct value_cursor cursor;
    int64_t slot_count; /* slots that are done */
    size_t value_count;
    size_t plain_size; /* of the values that are done, unless entries are numbered */
    bool is_full;
    size_t entry_count; /* expected */
    /* For leaves that are dictionaries: the number of each of their entries. */
    const struct leaf_piece *piece;
    uint32_t *numbers;
};

static uint32_t *indices_end(struct numbering *numbering) {
    return (uint32_t *)(void *)numbering->scratch->indices.data + numbering->value_count;
}

static ktk_status number_values(struct numbering *numbering, ktk_error *err) {
    const struct write_leaf *leaf = numbering->input->leaf;
    struct value_block block;
    int64_t slots = 0;
    size_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_values_next(&numbering->cursor, &block, &slots, err));
    KTKI_TRY(ktki_dictionary_add(&numbering->scratch->dictionary, &block, indices_end(numbering),
                                 &done, err));
    numbering->is_full = done < block.count;
    if (!numbering->is_full) {
        numbering->slot_count += slots;
        numbering->value_count += block.count;
        numbering->plain_size += ktki_plain_size(leaf->physical, leaf->width, &block);
    }
out:
    return status;
}

/* Numbers of the entries of a piece's dictionary, unknown at first. */
static ktk_status begin_piece(struct numbering *numbering, const struct leaf_piece *piece,
                              ktk_error *err) {
    size_t entry_count = (size_t)piece->values.view.length;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_array(&numbering->scratch->arena, entry_count, sizeof(uint32_t),
                              &numbering->numbers, err));
    memset(numbering->numbers, 0xFF, entry_count * sizeof(uint32_t));
    numbering->piece = piece;
out:
    return status;
}

/* An entry is looked up when it first occurs: entries that do not occur stay out. */
static ktk_status number_entry(struct numbering *numbering, const struct index_block *block,
                               size_t index, ktk_error *err) {
    uint32_t *number = &numbering->numbers[block->indices[index]];
    struct value_block value;
    size_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_values_of_index(&numbering->cursor, block, index, &value, err));
    KTKI_TRY(ktki_dictionary_add(&numbering->scratch->dictionary, &value, number, &done, err));
    numbering->is_full = done == 0;
out:
    return status;
}

static ktk_status number_indices(struct numbering *numbering, ktk_error *err) {
    uint32_t *to = indices_end(numbering);
    struct index_block block;
    int64_t slots = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_values_next_indices(&numbering->cursor, &block, &slots, err));
    if (block.piece != numbering->piece) {
        KTKI_TRY(begin_piece(numbering, block.piece, err));
    }
    for (size_t i = 0; i < block.count; i++) {
        if (numbering->numbers[block.indices[i]] == UNKNOWN) {
            KTKI_TRY(number_entry(numbering, &block, i, err));
            if (numbering->is_full) {
                goto out;
            }
        }
        to[i] = numbering->numbers[block.indices[i]];
    }
    numbering->slot_count += slots;
    numbering->value_count += block.count;
out:
    return status;
}

/* Numbering the entries instead of the values pays if there are not many more of them. */
static bool numbers_entries(const struct leaf_input *input) {
    int64_t entry_count = 0;

    if (input->leaf->field->type.id != TYPE_DICTIONARY) {
        return false;
    }
    for (size_t i = 0; i < input->piece_count; i++) {
        entry_count += input->pieces[i].values.view.length;
    }
    return entry_count <= 4 * input->slot_count + VALUE_BLOCK_MAX;
}

/* Whether the values numbered so far take less room so. */
static bool pays(const struct numbering *numbering, bool by_entries) {
    const struct dictionary *dictionary = &numbering->scratch->dictionary;
    unsigned width = ktki_bit_width(dictionary->count == 0 ? 0 : dictionary->count - 1);
    uint64_t cost =
        dictionary->page.size + PAGE_OVERHEAD + (uint64_t)numbering->value_count * width / 8;
    uint64_t plain = numbering->plain_size;

    if (by_entries && dictionary->count > 0) {
        /* As if they were equally frequent. */
        plain = dictionary->page.size / dictionary->count * (uint64_t)numbering->value_count;
    }
    return cost * PAYING_DENOMINATOR <= plain * PAYING_NUMERATOR;
}

/* Number the values of a few stretches. */
static ktk_status take_sample(struct write_scratch *scratch, const struct leaf_input *input,
                              size_t *value_count, bool *is_full, ktk_error *err) {
    int64_t length = input->slot_count / SAMPLE_SHARE / SAMPLE_STRETCHES;
    uint32_t indices[VALUE_BLOCK_MAX];
    size_t done = 0;
    ktk_status status = KTK_OK;

    length = length < SAMPLE_STRETCH_SLOTS ? length : SAMPLE_STRETCH_SLOTS;
    for (int64_t i = 0; i < SAMPLE_STRETCHES && !*is_full; i++) {
        struct value_cursor cursor;

        ktki_values_seek(&cursor, input, &scratch->values, input->slot_count / SAMPLE_STRETCHES * i,
                         length);
        while (!ktki_values_is_done(&cursor)) {
            struct value_block block;

            KTKI_TRY(ktki_values_next(&cursor, &block, NULL, err));
            KTKI_TRY(ktki_dictionary_add(&scratch->dictionary, &block, indices, &done, err));
            *is_full |= done < block.count;
            *value_count += done;
        }
    }
out:
    return status;
}

/*
 * Whether a dictionary may pay, by a sample: of s values drawn from D distinct ones, about s²/2D
 * meet an equal one. Few distinct values make more of them meet, so the guess errs to the side of
 * trying.
 */
static ktk_status looks_repetitive(struct write_scratch *scratch, const struct leaf_input *input,
                                   bool *out, size_t *entry_count, ktk_error *err) {
    const struct dictionary *dictionary = &scratch->dictionary;
    size_t sampled = 0;
    size_t met;
    bool is_full = false;
    ktk_status status = KTK_OK;

    KTKI_TRY(take_sample(scratch, input, &sampled, &is_full, err));
    met = sampled - dictionary->count;
    *out = !is_full;
    if (!is_full && sampled > 0) {
        double value_count = (double)(input->slot_count - input->null_count);
        double distinct =
            met == 0 ? value_count : (double)sampled * (double)sampled / 2 / (double)met;
        double size = distinct * (double)dictionary->page.size / dictionary->count;

        *out = 2 * distinct <= value_count && size <= 1.5 * DICTIONARY_BYTES_MAX;
        /* Few values have all been seen by now. */
        *entry_count =
            (size_t)4 * dictionary->count <= sampled ? dictionary->count : (size_t)distinct;
    }
out:
    return status;
}

static ktk_status number_all(struct numbering *numbering, bool by_entries, ktk_error *err) {
    const struct leaf_input *input = numbering->input;
    struct write_scratch *scratch = numbering->scratch;
    size_t value_count = (size_t)(input->slot_count - input->null_count);
    size_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_dictionary_begin(&scratch->dictionary,
                                   input->leaf->physical == PQ_BYTE_ARRAY ? 0 : input->leaf->width,
                                   input->leaf->is_bytes, numbering->entry_count, err));
    scratch->indices.size = 0;
    if (!ktki_mul_size(value_count, sizeof(uint32_t), &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu values do not fit in memory", value_count);
    }
    if (size > scratch->indices.capacity) {
        scratch->indices.size_max = size; /* not more than that */
    }
    KTKI_TRY(ktki_buffer_reserve(&scratch->indices, size, err));
    ktki_values_seek(&numbering->cursor, input, &scratch->values, 0, input->slot_count);
    while (!ktki_values_is_done(&numbering->cursor) && !numbering->is_full) {
        KTKI_TRY(by_entries ? number_indices(numbering, err) : number_values(numbering, err));
    }
out:
    return status;
}

ktk_status ktki_column_dictionary(struct write_scratch *scratch, const struct leaf_input *input,
                                  int64_t *slot_count, ktk_error *err) {
    const struct write_leaf *leaf = input->leaf;
    struct numbering numbering = {.scratch = scratch, .input = input, .entry_count = 1024};
    bool by_entries = numbers_entries(input);
    bool is_tried = leaf->physical != PQ_BOOLEAN && input->slot_count > input->null_count;
    bool is_wanted = leaf->dictionary == DICTIONARY_ALWAYS;
    int64_t numbered = 0;
    ktk_status status = KTK_OK;

    if (input->slot_count < (int64_t)numbering.entry_count) {
        numbering.entry_count = (size_t)input->slot_count;
    }
    if (is_tried && !is_wanted && !by_entries && input->slot_count >= SAMPLED_SLOTS_MIN) {
        KTKI_TRY(ktki_dictionary_begin(&scratch->dictionary,
                                       leaf->physical == PQ_BYTE_ARRAY ? 0 : leaf->width,
                                       leaf->is_bytes, VALUE_BLOCK_MAX, err));
        KTKI_TRY(looks_repetitive(scratch, input, &is_tried, &numbering.entry_count, err));
    }
    if (is_tried) {
        KTKI_TRY(number_all(&numbering, by_entries, err));
        numbered = is_wanted || pays(&numbering, by_entries) ? numbering.slot_count : 0;
    }
    *slot_count = numbered;
out:
    return status;
}
