#include "codec/snappy_decode.h"

#include <string.h>

/*
 * A block is its size and then elements: literals (bytes to copy from the input) and copies (bytes
 * to repeat from `offset` bytes back in the output). The first byte of an element is its tag, whose
 * low bits tell the kind.
 *
 * As long as input and output have MARGIN bytes left, elements are copied in whole steps of 32
 * bytes, whatever their length; what is written too much is written over by the next element. The
 * rest is done byte by byte.
 */

enum { LITERAL = 0, COPY_1 = 1, COPY_2 = 2, COPY_4 = 3 };

/* The longest step: tag, five bytes of head, 64 bytes of literal or copy, and 8 bytes beyond. */
#define MARGIN 80

struct position {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *out;
    uint8_t *out_end;
    const uint8_t *out_start;
};

static inline uint64_t load_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static inline void copy_32(uint8_t *to, const uint8_t *from) {
    uint64_t parts[4];
    memcpy(parts, from, sizeof(parts));
    memcpy(to, parts, sizeof(parts));
}

static inline bool has_margin(const struct position *at) {
    return at->in_end - at->in > MARGIN && at->out_end - at->out > MARGIN;
}

/* ---- byte by byte ---- */

/* Bytes that follow a tag: the length of a long literal or the offset of a copy. */
static size_t head_size(uint8_t tag) {
    static const uint8_t copies[] = {[COPY_1] = 1, [COPY_2] = 2, [COPY_4] = 4};
    unsigned length = tag >> 2;

    if ((tag & 3) != LITERAL) {
        return copies[tag & 3];
    }
    return length < 60 ? 0 : length - 59;
}

static bool decode_element(struct position *at) {
    uint8_t tag = *at->in++;
    size_t more = head_size(tag);
    uint32_t head = 0;
    size_t length = (size_t)(tag >> 2) + 1;
    size_t offset;

    if ((size_t)(at->in_end - at->in) < more) {
        return false;
    }
    memcpy(&head, at->in, more);
    at->in += more;
    if ((tag & 3) == LITERAL) {
        length = more == 0 ? length : (size_t)head + 1;
        if ((size_t)(at->in_end - at->in) < length || (size_t)(at->out_end - at->out) < length) {
            return false;
        }
        memcpy(at->out, at->in, length);
        at->in += length;
        at->out += length;
        return true;
    }
    length = (tag & 3) == COPY_1 ? ((size_t)(tag >> 2) & 7) + 4 : length;
    offset = (tag & 3) == COPY_1 ? ((size_t)(tag >> 5) << 8 | head) : head;
    if (offset - 1 >= (size_t)(at->out - at->out_start) ||
        (size_t)(at->out_end - at->out) < length) {
        return false;
    }
    for (const uint8_t *from = at->out - offset; length > 0; length--) {
        *at->out++ = *from++;
    }
    return true;
}

/* ---- in steps ---- */

/* A literal of up to 60 bytes, or a long one if it lies within input and output. */
static inline bool step_literal(struct position *at, uint8_t tag) {
    size_t length = tag >> 2;
    size_t more;

    if (length < 60) {
        copy_32(at->out, at->in + 1);
        if (length >= 32) {
            copy_32(at->out + 32, at->in + 33);
        }
        at->in += length + 2;
        at->out += length + 1;
        return true;
    }
    more = length - 59;
    length = (size_t)(load_u64(at->in + 1) & (UINT64_MAX >> (64 - 8 * more))) + 1;
    if ((size_t)(at->in_end - at->in) - 1 - more < length ||
        (size_t)(at->out_end - at->out) < length) {
        return false;
    }
    memcpy(at->out, at->in + 1 + more, length);
    at->in += 1 + more + length;
    at->out += length;
    return true;
}

/* A copy whose bytes overlap what they are copied to: a pattern of `offset` bytes. */
static inline void repeat_pattern(uint8_t *to, size_t offset, size_t length) {
    uint8_t *end = to + length;
    size_t step = offset * (8 / offset); /* of whole patterns, at least 5 bytes */

    for (int i = 0; i < 8; i++, to++) {
        *to = *(to - offset);
    }
    for (; to < end; to += step) {
        uint64_t word = load_u64(to - step);
        memcpy(to, &word, sizeof(word));
    }
}

static inline void step_copy(struct position *at, size_t offset, size_t length) {
    uint8_t *to = at->out;
    const uint8_t *from = to - offset;

    at->out += length;
    if (length <= offset || offset >= 32) {
        copy_32(to, from);
        if (length > 32) {
            copy_32(to + 32, from + 32);
        }
    } else if (offset >= 8) {
        for (; to < at->out; to += 8, from += 8) {
            memcpy(to, from, 8);
        }
    } else {
        repeat_pattern(to, offset, length);
    }
}

/*
 * Columns of 64-bit numbers compress to short literals with copies from 8 bytes back in between.
 * Each copy reads what was written just before it in several pieces, which a processor can only do
 * after all of them have reached its cache. Here the last 8 bytes of the output stay in a register
 * instead. Begins with a copy of `length` bytes whose tag is behind `at->in` already; returns the
 * tag of the next element.
 */
static inline uint8_t step_words(struct position *at, size_t length) {
    uint64_t last = load_u64(at->out - 8);

    for (;;) {
        const uint64_t four[4] = {last, last, last, last};
        unsigned turn = (unsigned)(8 * length) & 63;
        uint8_t tag = *at->in;
        size_t count = (size_t)(tag >> 2) + 1;
        uint64_t word;

        memcpy(at->out, four, sizeof(four));
        if (length > 32) {
            memcpy(at->out + 32, four, sizeof(four));
        }
        at->out += length;
        last = last >> turn | last << (-turn & 63);
        if ((tag & 3) != LITERAL || count > 8 || !has_margin(at)) {
            return tag;
        }
        word = load_u64(at->in + 1);
        memcpy(at->out, &word, sizeof(word));
        at->in += count + 1;
        at->out += count;
        last = count == 8 ? word : last >> 8 * count | word << (64 - 8 * count);
        word = load_u64(at->in);
        /* COPY_1 with an offset of 8 */
        if ((word & 0xFFE3) != (8 << 8 | COPY_1) || !has_margin(at)) {
            return (uint8_t)word;
        }
        length = ((size_t)word >> 2 & 7) + 4;
        at->in += 2;
    }
}

/* From a position with margins on, until one is reached or an element does not fit. False: an
 * offset lies before the start. */
static bool decode_in_steps(struct position *position) {
    struct position at = *position;
    uint8_t tag = *at.in;

    for (;;) {
        uint64_t word;
        size_t kind = tag & 3;
        size_t offset;
        size_t length;

        if (kind == LITERAL) {
            if (!step_literal(&at, tag) || !has_margin(&at)) {
                break;
            }
            tag = *at.in;
            continue;
        }
        /* The next tag comes out of the same word, which is there sooner than a load could be. */
        word = load_u64(at.in);
        offset = kind == COPY_1 ? ((size_t)tag >> 5 << 8 | (word >> 8 & 0xFF))
                                : (size_t)(word >> 8 & 0xFFFF);
        length = kind == COPY_1 ? ((size_t)tag >> 2 & 7) + 4 : (size_t)(tag >> 2) + 1;
        at.in += kind + 1;
        tag = (uint8_t)(word >> (8 * kind + 8));
        if (kind == COPY_4) {
            offset = (size_t)(word >> 8 & UINT32_MAX);
            at.in++;
            tag = *at.in;
        }
        if (offset - 1 >= (size_t)(at.out - at.out_start)) {
            return false;
        }
        if (offset == 8) {
            tag = step_words(&at, length);
        } else {
            step_copy(&at, offset, length);
        }
        if (!has_margin(&at)) {
            break;
        }
    }
    *position = at;
    return true;
}

static bool read_size(struct position *at, size_t *out) {
    uint64_t size = 0;

    for (unsigned shift = 0; shift <= 28; shift += 7) {
        uint8_t byte;
        if (at->in == at->in_end) {
            return false;
        }
        byte = *at->in++;
        size |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = (size_t)size;
            return size <= UINT32_MAX;
        }
    }
    return false;
}

bool ktki_snappy_decode(const uint8_t *data, size_t size, uint8_t *out, size_t out_size) {
    struct position at = {data, data + size, out, out + out_size, out};
    size_t stated;

    if (!read_size(&at, &stated) || stated != out_size) {
        return false;
    }
    if (has_margin(&at) && !decode_in_steps(&at)) {
        return false;
    }
    while (at.in < at.in_end) {
        if (!decode_element(&at)) {
            return false;
        }
    }
    return at.out == at.out_end;
}
