/**
 * Bounded reading of Flatbuffers. Every function returns false for bytes that are no such buffer:
 * an offset, a vtable or a vector that leaves the buffer, or parts that are used so often that the
 * work would exceed a small multiple of the buffer's size.
 */
#ifndef KTKI_ARROW_FLATBUFFER_READ_H
#define KTKI_ARROW_FLATBUFFER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The bytes of one buffer. `work_left` shrinks with each table, vector and text looked at. */
struct flatbuffer {
    const uint8_t *data;
    size_t size;
    size_t work_left;
};

/** Where a table and its vtable lie; both are inside the buffer. `buffer` NULL: absent. */
struct flatbuffer_table {
    struct flatbuffer *buffer;
    size_t start;
    size_t size;
    size_t vtable_start;
    size_t vtable_size;
};

/** A vector of tables; its `count` offsets are inside the buffer. */
struct flatbuffer_vector {
    struct flatbuffer *buffer;
    size_t start;
    uint32_t count;
};

/** `data` must outlive all tables and texts. */
void ktki_flatbuffer_init(struct flatbuffer *buffer, const uint8_t *data, size_t size);

/** The table that the buffer starts with. */
bool ktki_flatbuffer_root(struct flatbuffer *buffer, struct flatbuffer_table *out);

/** Scalar field `id` of `width` bytes; `*out` keeps its default if the field is absent. */
bool ktki_flatbuffer_scalar(const struct flatbuffer_table *table, uint32_t id, void *out,
                            size_t width);

/** Table field `id`; absent: `out->buffer` is NULL. */
bool ktki_flatbuffer_child(const struct flatbuffer_table *table, uint32_t id,
                           struct flatbuffer_table *out);

/** Text field `id`, borrowed, not NUL-terminated; absent: NULL. */
bool ktki_flatbuffer_text(const struct flatbuffer_table *table, uint32_t id, const char **text,
                          size_t *size);

/** Vector of tables in field `id`; absent: count 0. */
bool ktki_flatbuffer_vector(const struct flatbuffer_table *table, uint32_t id,
                            struct flatbuffer_vector *out);

/** Item `index` < count (asserted). */
bool ktki_flatbuffer_item(const struct flatbuffer_vector *vector, uint32_t index,
                          struct flatbuffer_table *out);

#endif
