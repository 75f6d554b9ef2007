#include "parquet/rle.h"

/* A packed run counts in groups of eight values, which fill `bit_width` bytes each. */
static bool packed_run(struct cursor *cursor, unsigned bit_width, uint64_t groups,
                       struct rle_run *run) {
    size_t left = ktki_cursor_left(cursor);

    run->is_packed = true;
    if (groups > SIZE_MAX / 64) {
        groups = SIZE_MAX / 64; /* more than there can be bytes */
    }
    run->count = (size_t)groups * 8;
    run->packed_size = (size_t)groups * bit_width;
    if (run->packed_size > left) {
        run->packed_size = left;
        run->count = left * 8 / bit_width;
    }
    return ktki_cursor_bytes(cursor, run->packed_size, &run->packed);
}

static bool repeated_run(struct cursor *cursor, unsigned bit_width, uint64_t count,
                         struct rle_run *run) {
    size_t size = (bit_width + 7) / 8;
    uint64_t value = 0;

    run->is_packed = false;
    run->count = (size_t)count;
    if (ktki_cursor_left(cursor) >= sizeof(value)) {
        /* Runs are short and many: no call for a few bytes. */
        memcpy(&value, cursor->at, sizeof(value));
        value &= ((uint64_t)1 << 8 * size) - 1;
        cursor->at += size;
    } else if (!ktki_cursor_copy(cursor, &value, size)) {
        return false;
    }
    run->value = (uint32_t)value;
    return value >> bit_width == 0;
}

bool ktki_rle_run(struct cursor *cursor, unsigned bit_width, struct rle_run *out) {
    struct rle_run run = {0};

    do {
        uint64_t head = 0;
        if (cursor->at < cursor->end && *cursor->at < 0x80) {
            head = *cursor->at++;
        } else if (!ktki_cursor_varint(cursor, &head)) {
            return false;
        }
        if ((head & 1) != 0 ? !packed_run(cursor, bit_width, head >> 1, &run)
                            : !repeated_run(cursor, bit_width, head >> 1, &run)) {
            return false;
        }
        if (run.is_packed && run.count == 0 && head >> 1 != 0) {
            return false; /* it has groups but no bytes */
        }
    } while (run.count == 0);
    *out = run;
    return true;
}

void ktki_index_init(struct index_reader *reader, struct cursor cursor, unsigned bit_width,
                     uint32_t bound, const struct kernels *kernels) {
    reader->cursor = cursor;
    reader->kernels = kernels;
    reader->bit_width = bit_width;
    reader->bound = bound;
    reader->run = (struct rle_run){0};
    reader->start = 0;
    reader->end = 0;
}

/* Runs of one number that are worth being handed out as such. */
#define LONG_RUN ((size_t)256)

static bool next_run(struct index_reader *reader) {
    if (reader->run.count > 0) {
        return true;
    }
    if (!ktki_rle_run(&reader->cursor, reader->bit_width, &reader->run)) {
        reader->run.count = 0;
        return false;
    }
    if (reader->run.is_packed && reader->bit_width == 0) {
        reader->run.is_packed = false; /* nothing is packed: zeroes */
    }
    if (!reader->run.is_packed && reader->run.value >= reader->bound) {
        reader->run.count = 0;
        reader->cursor.at = reader->cursor.end; /* there is no way on */
        return false;
    }
    return true;
}

/* Append up to `room` numbers of the current run to the block. Packed runs are cut only between
 * groups of eight, so that what is left starts at a byte. Up to seven numbers more are written. */
static void append_some(struct index_reader *reader, size_t room) {
    struct rle_run *run = &reader->run;
    uint32_t *to = reader->block + reader->end;
    size_t count = run->count;

    if (count > room) {
        count = run->is_packed ? room / 8 * 8 : room;
    }
    if (!run->is_packed) {
        for (size_t i = 0; i < count; i += 8) {
            for (size_t j = 0; j < 8; j++) {
                to[i + j] = run->value;
            }
        }
    } else {
        size_t size = count == run->count ? run->packed_size : count / 8 * reader->bit_width;
        /* What follows the run may be read, too, which saves care at its end. */
        reader->kernels->unpack(run->packed, (size_t)(reader->cursor.end - run->packed),
                                reader->bit_width, count, to);
        run->packed += size;
        run->packed_size -= size;
    }
    run->count -= count;
    reader->end += count;
}

/* Make `count` (at most INDEX_BLOCK) numbers wait, or as many as there are before a long run of
 * one. The numbers are checked all at once. */
static bool append(struct index_reader *reader, size_t count, size_t long_run) {
    size_t first = reader->end;

    while (reader->end - reader->start < count && next_run(reader) &&
           (reader->run.is_packed || reader->run.count < long_run)) {
        /* Fewer than INDEX_BLOCK wait, so that there is room for a group of eight at least. */
        append_some(reader, 2 * INDEX_BLOCK - reader->end);
    }
    return reader->kernels->max(reader->block + first, reader->end - first) < reader->bound ||
           reader->end == first;
}

bool ktki_index_some(struct index_reader *reader, size_t wanted, struct index_piece *out) {
    struct rle_run *run = &reader->run;
    size_t count = wanted < INDEX_BLOCK ? wanted : INDEX_BLOCK;

    if (reader->start == reader->end) {
        reader->start = 0;
        reader->end = 0;
        if (!append(reader, count, LONG_RUN)) {
            return false;
        }
        if (reader->end == 0) {
            if (run->count == 0 || run->is_packed) {
                return false;
            }
            count = run->count < wanted ? run->count : wanted;
            run->count -= count;
            *out = (struct index_piece){NULL, count, run->value};
            return true;
        }
    }
    count = reader->end - reader->start < count ? reader->end - reader->start : count;
    *out = (struct index_piece){reader->block + reader->start, count, 0};
    reader->start += count;
    return true;
}

bool ktki_index_exactly(struct index_reader *reader, size_t count, const uint32_t **out) {
    if (reader->end - reader->start < count) {
        memmove(reader->block, reader->block + reader->start,
                (reader->end - reader->start) * sizeof(reader->block[0]));
        reader->end -= reader->start;
        reader->start = 0;
    }
    if (!append(reader, count, SIZE_MAX) || reader->end - reader->start < count) {
        return false;
    }
    *out = reader->block + reader->start;
    reader->start += count;
    return true;
}
