#include "parquet/delta.h"

#include "base/checked.h"

/* Sizes of blocks and miniblocks are multiples of these. */
#define BLOCK_UNIT 128
#define MINIBLOCK_UNIT 32

/* Numbers that are unpacked at a time; a multiple of eight. */
#define PIECE ((size_t)256)

bool ktki_delta_begin(struct delta_reader *reader, struct cursor in, size_t width,
                      const struct kernels *kernels) {
    uint64_t block_size;
    uint64_t miniblock_count;
    uint64_t count;
    int64_t first;

    if (!ktki_cursor_varint(&in, &block_size) || !ktki_cursor_varint(&in, &miniblock_count) ||
        !ktki_cursor_varint(&in, &count) || !ktki_cursor_zigzag(&in, &first)) {
        return false;
    }
    if (block_size == 0 || block_size % BLOCK_UNIT != 0 || miniblock_count == 0 ||
        block_size % miniblock_count != 0 || block_size / miniblock_count % MINIBLOCK_UNIT != 0) {
        return false;
    }
    reader->in = in;
    reader->kernels = kernels;
    reader->width = width;
    reader->count = count;
    reader->left = count;
    reader->miniblock_size = block_size / miniblock_count;
    reader->miniblock_count = (size_t)miniblock_count;
    reader->is_first = true;
    reader->last = (uint64_t)first;
    reader->bit_width_count = 0;
    reader->miniblock.left = 0;
    reader->stage_start = 0;
    reader->stage_end = 0;
    return true;
}

static bool next_block(struct delta_reader *reader) {
    int64_t min_delta;

    if (!ktki_cursor_zigzag(&reader->in, &min_delta) ||
        !ktki_cursor_bytes(&reader->in, reader->miniblock_count, &reader->bit_widths)) {
        return false;
    }
    reader->min_delta = (uint64_t)min_delta;
    reader->bit_width_count = reader->miniblock_count;
    return true;
}

/* Miniblocks are filled up to their size. The last one may be cut behind its last number: not all
 * writers fill it. */
static bool next_miniblock(struct delta_reader *reader) {
    struct delta_miniblock *miniblock = &reader->miniblock;
    size_t size;
    size_t room;

    if (reader->bit_width_count == 0 && !next_block(reader)) {
        return false;
    }
    room = ktki_cursor_left(&reader->in);
    miniblock->bit_width = *reader->bit_widths++;
    reader->bit_width_count--;
    miniblock->left = reader->left < reader->miniblock_size ? reader->left : reader->miniblock_size;
    if (miniblock->bit_width > 64 ||
        (miniblock->bit_width > 0 && miniblock->left > (uint64_t)room * 8 / miniblock->bit_width)) {
        return false;
    }
    if (!ktki_mul_size((size_t)(reader->miniblock_size / 8), miniblock->bit_width, &size) ||
        size > room) {
        size = room;
    }
    return ktki_cursor_bytes(&reader->in, size, &miniblock->packed);
}

/* Decode `count` numbers of the current miniblock, PIECE at most. */
static void decode_piece(struct delta_reader *reader, size_t count, uint8_t *out) {
    const struct kernels *kernels = reader->kernels;
    struct delta_miniblock *miniblock = &reader->miniblock;
    size_t packed_size = (size_t)(reader->in.end - miniblock->packed);
    bool is_narrow = reader->width == sizeof(uint32_t);
    uint32_t narrow[PIECE];
    uint64_t wide[PIECE];

    if (miniblock->bit_width == 0) {
        memset(narrow, 0, count * sizeof(narrow[0]));
    } else if (miniblock->bit_width <= 32) {
        kernels->unpack(miniblock->packed, packed_size, miniblock->bit_width, count, narrow);
    } else {
        kernels->unpack_64(miniblock->packed, packed_size, miniblock->bit_width, count, wide);
        /* DuckDB takes differences of 32-bit numbers in 64 bits; in 32 they are the same. */
        for (size_t i = 0; i < count && is_narrow; i++) {
            narrow[i] = (uint32_t)wide[i];
        }
    }
    if (is_narrow) {
        reader->last = kernels->running_sum_32(narrow, count, (uint32_t)reader->min_delta,
                                               (uint32_t)reader->last, out);
    } else if (miniblock->bit_width <= 32) {
        reader->last =
            kernels->running_sum_64_of_32(narrow, count, reader->min_delta, reader->last, out);
    } else {
        reader->last = kernels->running_sum_64(wide, count, reader->min_delta, reader->last, out);
    }
    miniblock->packed += count / 8 * miniblock->bit_width;
    miniblock->left -= count;
    reader->left -= count;
}

/* Decode some of the next numbers, at most `room` (>= 8) of them; 0: they are damaged. Miniblocks
 * are cut between groups of eight only, so that what is left starts at a byte. */
static size_t decode_some(struct delta_reader *reader, size_t room, uint8_t *out) {
    size_t count = room < PIECE ? room : PIECE;

    if (reader->left == 0) {
        return 0;
    }
    if (reader->is_first) {
        memcpy(out, &reader->last, reader->width);
        reader->is_first = false;
        reader->left--;
        return 1;
    }
    if (reader->miniblock.left == 0 && !next_miniblock(reader)) {
        return 0;
    }
    count = reader->miniblock.left <= count ? (size_t)reader->miniblock.left : count / 8 * 8;
    decode_piece(reader, count, out);
    return count;
}

bool ktki_delta_next(struct delta_reader *reader, size_t count, void *out) {
    uint8_t *to = out;
    size_t width = reader->width;

    while (count > 0) {
        size_t done = reader->stage_end - reader->stage_start;

        if (done == 0 && count >= DELTA_STAGE) {
            done = decode_some(reader, count, to);
            if (done == 0) {
                return false;
            }
        } else {
            if (done == 0) {
                reader->stage_start = 0;
                reader->stage_end = decode_some(reader, DELTA_STAGE, (uint8_t *)reader->stage);
                done = reader->stage_end;
            }
            if (done == 0) {
                return false;
            }
            done = done < count ? done : count;
            memcpy(to, (const uint8_t *)reader->stage + reader->stage_start * width, done * width);
            reader->stage_start += done;
        }
        to += done * width;
        count -= done;
    }
    return true;
}
