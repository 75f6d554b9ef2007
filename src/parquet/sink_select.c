/* Dropping rows of a page that was decoded behind those before it. Pages are small enough to stay
 * in a processor's cache: the rows that are not wanted never reach memory. */
#include <string.h>

#include "parquet/leaf_reader.h"

/* A run of slots that moves down. */
struct slot_move {
    int64_t from;
    int64_t to;
    int64_t count;
    uint64_t text_end; /* of the texts that were kept */
};

typedef void (*move_fn)(struct leaf_reader *reader, struct slot_move *move);

static void move_elements(uint8_t *values, size_t width, const struct slot_move *move) {
    memmove(values + (size_t)move->to * width, values + (size_t)move->from * width,
            (size_t)move->count * width);
}

static void move_nothing(struct leaf_reader *reader, struct slot_move *move) {
    (void)reader;
    (void)move;
}

static void move_fixed(struct leaf_reader *reader, struct slot_move *move) {
    move_elements(reader->sink.values, reader->rule.width, move);
}

static void move_bits(struct leaf_reader *reader, struct slot_move *move) {
    ktki_bits_copy(reader->sink.values, move->from, reader->sink.values, move->to, move->count);
}

static void move_indices(struct leaf_reader *reader, struct slot_move *move) {
    move_elements(reader->sink.values, sizeof(uint32_t), move);
}

/* Texts whose offsets are there move with their bytes; those that wait are indices. */
#define DEFINE_MOVE_TEXTS(name, type)                                                              \
    static void name(struct leaf_reader *reader, struct slot_move *move) {                         \
        struct leaf_sink *sink = &reader->sink;                                                    \
        type *offsets = (type *)(void *)sink->values;                                              \
        int64_t end = move->from + move->count;                                                    \
        uint64_t start = (uint64_t)offsets[move->from];                                            \
        uint64_t stop = end < sink->validity.length ? (uint64_t)offsets[end] : sink->bytes_size;   \
        uint64_t shift = start - move->text_end;                                                   \
                                                                                                   \
        memmove(sink->bytes + move->text_end, sink->bytes + start, stop - start);                  \
        for (int64_t i = 0; i < move->count; i++) {                                                \
            offsets[move->to + i] = (type)((uint64_t)offsets[move->from + i] - shift);             \
        }                                                                                          \
        move->text_end += stop - start;                                                            \
    }

DEFINE_MOVE_TEXTS(move_texts_32, int32_t)
DEFINE_MOVE_TEXTS(move_texts_64, int64_t)

static void move_waiting(struct leaf_reader *reader, struct slot_move *move) {
    move_elements((uint8_t *)ktki_text_indices(reader), sizeof(uint32_t), move);
}

static const move_fn moves[SINK_KIND_COUNT] = {
    [SINK_NULLS] = move_nothing,    [SINK_FIXED] = move_fixed,      [SINK_BITS] = move_bits,
    [SINK_TEXT_32] = move_texts_32, [SINK_TEXT_64] = move_texts_64, [SINK_INDEX] = move_indices,
};

static bool is_text(enum sink_kind kind) {
    return kind == SINK_TEXT_32 || kind == SINK_TEXT_64;
}

static void forget_bits(uint8_t *bits, int64_t start, int64_t end) {
    if (bits != NULL) {
        ktki_bits_fill(bits, start, end - start, false);
    }
}

void ktki_sink_keep(struct leaf_reader *reader, int64_t slot, const struct row_ranges *rows,
                    int64_t first_row) {
    struct leaf_sink *sink = &reader->sink;
    struct validity *validity = &sink->validity;
    int64_t length = validity->length;
    int64_t end_row = first_row + length - slot;
    bool waits = is_text(reader->rule.kind) && sink->waiting <= slot && length > slot;
    move_fn move_values = waits ? move_waiting : moves[reader->rule.kind];
    int64_t null_count = 0;
    struct slot_move move = {.to = slot};

    if (validity->bits != NULL) {
        null_count = length - slot - ktki_bits_count(validity->bits, slot, length - slot);
        validity->null_count -= null_count;
    }
    move.text_end = sink->bytes_size;
    if (reader->rule.kind == SINK_TEXT_32 && !waits && length > slot) {
        move.text_end = (uint64_t)((const int32_t *)(const void *)sink->values)[slot];
    } else if (reader->rule.kind == SINK_TEXT_64 && !waits && length > slot) {
        move.text_end = (uint64_t)((const int64_t *)(const void *)sink->values)[slot];
    }
    for (size_t i = ktki_ranges_find(rows, first_row);
         i < rows->count && rows->items[i].start < end_row; i++) {
        int64_t start = rows->items[i].start > first_row ? rows->items[i].start : first_row;
        int64_t end = rows->items[i].end < end_row ? rows->items[i].end : end_row;

        move.from = slot + start - first_row;
        move.count = end - start;
        move_values(reader, &move);
        if (null_count > 0) {
            ktki_bits_copy(validity->bits, move.from, validity->bits, move.to, move.count);
        }
        move.to += move.count;
    }
    if (null_count > 0) {
        validity->null_count +=
            move.to - slot - ktki_bits_count(validity->bits, slot, move.to - slot);
    }
    validity->length = move.to;
    forget_bits(validity->bits, move.to, length);
    if (reader->rule.kind == SINK_BITS) {
        forget_bits(sink->values, move.to, length);
    }
    sink->bytes_size = move.text_end;
    sink->waiting = !waits && is_text(reader->rule.kind) ? move.to : sink->waiting;
}
