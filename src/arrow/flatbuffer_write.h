/** Writing Flatbuffers front to back: a table first, then what its offsets refer to. */
#ifndef KTKI_ARROW_FLATBUFFER_WRITE_H
#define KTKI_ARROW_FLATBUFFER_WRITE_H

#include "base/buffer.h"

/** `start`: where the Flatbuffer begins in `out`; alignment and positions count from there. */
struct flatbuffer_writer {
    struct buffer *out;
    size_t start;
};

/** One field of a table; its place in the array is its id. */
struct flatbuffer_slot {
    uint8_t width;  /* 1, 2, 4 or 8 bytes; 0: the field is absent */
    uint64_t value; /* little-endian, the low `width` bytes count */
    size_t at;      /* result: position of the field, to be given as `reference` later */
};

/** An offset to be filled by a later call. */
#define FLATBUFFER_REFERENCE {4, 0, 0}

/** Begin at the end of `out`; `*reference` is the place of the offset to the root table. */
ktk_status ktki_flatbuffer_begin(struct flatbuffer_writer *writer, struct buffer *out,
                                 size_t *reference, ktk_error *err);

/** Append a table of at most 16 fields and let `reference` lead to it. */
ktk_status ktki_flatbuffer_write_table(struct flatbuffer_writer *writer, size_t reference,
                                       struct flatbuffer_slot *slots, size_t slot_count,
                                       ktk_error *err);

ktk_status ktki_flatbuffer_write_text(struct flatbuffer_writer *writer, size_t reference,
                                      const char *text, size_t size, ktk_error *err);

/** Append a vector of `count` offsets to be filled; item i is the reference `*items + 4 * i`. */
ktk_status ktki_flatbuffer_write_vector(struct flatbuffer_writer *writer, size_t reference,
                                        size_t count, size_t *items, ktk_error *err);

#endif
