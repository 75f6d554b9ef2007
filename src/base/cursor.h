/**
 * A bounded cursor over input bytes. Each reader either moves past what it read, or returns false
 * and leaves the cursor and the output as they were. All decoding of foreign bytes goes through
 * here.
 */
#ifndef KTKI_BASE_CURSOR_H
#define KTKI_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Invariant: at <= end, both not NULL; bytes in [at, end) may be read. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/** `data` may be NULL if `size` is 0. */
static inline struct cursor ktki_cursor(const void *data, size_t size) {
    static const uint8_t nothing = 0;
    const uint8_t *at = data == NULL ? &nothing : (const uint8_t *)data;
    return (struct cursor){at, at + size};
}

/** Bytes left. */
static inline size_t ktki_cursor_left(const struct cursor *cursor) {
    return (size_t)(cursor->end - cursor->at);
}

static inline bool ktki_cursor_is_done(const struct cursor *cursor) {
    return cursor->at == cursor->end;
}

/** Borrow the next `size` bytes. */
static inline bool ktki_cursor_bytes(struct cursor *cursor, size_t size, const uint8_t **out) {
    if (ktki_cursor_left(cursor) < size) {
        return false;
    }
    *out = cursor->at;
    cursor->at += size;
    return true;
}

static inline bool ktki_cursor_skip(struct cursor *cursor, size_t size) {
    const uint8_t *ignored;
    return ktki_cursor_bytes(cursor, size, &ignored);
}

/** Cut the next `size` bytes off into a cursor of their own. */
static inline bool ktki_cursor_split(struct cursor *cursor, size_t size, struct cursor *out) {
    const uint8_t *start;
    if (!ktki_cursor_bytes(cursor, size, &start)) {
        return false;
    }
    *out = (struct cursor){start, cursor->at};
    return true;
}

static inline bool ktki_cursor_copy(struct cursor *cursor, void *out, size_t size) {
    const uint8_t *start;
    if (!ktki_cursor_bytes(cursor, size, &start)) {
        return false;
    }
    memcpy(out, start, size);
    return true;
}

static inline bool ktki_cursor_u8(struct cursor *cursor, uint8_t *out) {
    return ktki_cursor_copy(cursor, out, 1);
}

/* The formats read here are little-endian; so are the machines we support, which context.c asserts
 * at compile time. */
static inline bool ktki_cursor_u16le(struct cursor *cursor, uint16_t *out) {
    return ktki_cursor_copy(cursor, out, sizeof(*out));
}

static inline bool ktki_cursor_u32le(struct cursor *cursor, uint32_t *out) {
    return ktki_cursor_copy(cursor, out, sizeof(*out));
}

static inline bool ktki_cursor_u64le(struct cursor *cursor, uint64_t *out) {
    return ktki_cursor_copy(cursor, out, sizeof(*out));
}

static inline bool ktki_cursor_i32le(struct cursor *cursor, int32_t *out) {
    return ktki_cursor_copy(cursor, out, sizeof(*out));
}

static inline bool ktki_cursor_i64le(struct cursor *cursor, int64_t *out) {
    return ktki_cursor_copy(cursor, out, sizeof(*out));
}

/** Unsigned LEB128 of at most 10 bytes; bits beyond 64 are an error. */
static inline bool ktki_cursor_varint(struct cursor *cursor, uint64_t *out) {
    const uint8_t *at = cursor->at;
    uint64_t value = 0;
    unsigned shift = 0;

    if (at != cursor->end && *at < 0x80) { /* most are small */
        cursor->at = at + 1;
        *out = *at;
        return true;
    }
    for (;;) {
        uint8_t byte;
        if (at == cursor->end || shift > 63) {
            return false;
        }
        byte = *at++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            break;
        }
        shift += 7;
    }
    cursor->at = at;
    *out = value;
    return true;
}

/** Zigzag-coded signed varint. */
static inline bool ktki_cursor_zigzag(struct cursor *cursor, int64_t *out) {
    uint64_t value;
    if (!ktki_cursor_varint(cursor, &value)) {
        return false;
    }
    *out = (int64_t)((value >> 1) ^ (0 - (value & 1)));
    return true;
}

#endif
