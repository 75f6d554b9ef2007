/** MessagePack to JSON text and back, both as streams: no tree, memory of the output only. */
#ifndef KTKI_BASE_MSGPACK_H
#define KTKI_BASE_MSGPACK_H

#include <kartothek/error.h>

#include "base/buffer.h"

/**
 * Append one MessagePack value as JSON text (as json_write.h writes it). Maps keep their order and
 * repeated keys; numbers that are no JSON numbers become NaN, Infinity and -Infinity.
 *
 * @return KTK_E_CORRUPT with the byte position for what is cut off, is followed by more bytes, has
 * a key that is no text or a text that is no UTF-8; KTK_E_UNSUPPORTED for binary and extension
 * values, which JSON has no form for; KTK_E_LIMIT for more than `depth_max` (at most 63) levels.
 */
ktk_status ktki_msgpack_to_json(struct buffer *out, const void *data, size_t size,
                                int32_t depth_max, ktk_error *err);

/** Bytes that come piece by piece. */
struct msgpack_source {
    /** The next ones, up to `room`; `*read` 0: there are no more. */
    ktk_status (*read)(void *state, uint8_t *data, size_t room, size_t *read, ktk_error *err);
    void *state;
};

/** The same of a source: of the MessagePack no more than a piece, or the longest text in it, is in
 * memory. */
ktk_status ktki_msgpack_source_to_json(struct buffer *out, const struct msgpack_source *source,
                                       int32_t depth_max, ktk_error *err);

/**
 * Append JSON text as MessagePack: each value in its shortest form, as Python's msgpack does.
 *
 * @return KTK_E_CORRUPT for what is no JSON, KTK_E_LIMIT for more than `depth_max` levels,
 * KTK_E_INVALID for a whole number beyond 64 bits, which MessagePack has no form for.
 */
ktk_status ktki_msgpack_of_json(struct buffer *out, const char *json, size_t size,
                                int32_t depth_max, ktk_error *err);

#endif
