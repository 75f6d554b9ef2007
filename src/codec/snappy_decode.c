#include "codec/snappy_decode.h"

#include <string.h>

#include "codec/snappy_words.h"

/*
 * A block is its size and then elements: literals (bytes to copy from the input) and copies (bytes
 * to repeat from `offset` bytes back in the output). The first byte of an element is its tag, whose
 * low bits tell the kind.
 *
 * Which kind comes next cannot be predicted, and guessing wrong costs more than an element. So
 * nearly all elements take the same steps whatever they are: both places that the bytes could come
 * from and both places where the next tag could be are worked out, one of each is selected, and 16
 * bytes are copied, or 64 if the length is above that; what is written too much is written over by
 * the next element. Few elements are longer, and a wider store than is needed has its price: bytes
 * that were stored in several pieces can be loaded only after all of these have reached the cache.
 * Only rare elements, those near the ends and the first ones are decoded one by one.
 */

enum { LITERAL = 0, COPY_1 = 1, COPY_2 = 2, COPY_4 = 3 };

/* Literals of more bytes have their length behind the tag. */
#define SHORT_LITERAL_MAX 60

/* What two steps may read and write beyond where they begin: each at most 61 bytes of element, or
 * 64 bytes of output, and 64 bytes from there on. */
#define MARGIN 160

/* What a tag says, as a number: the length in the low byte, and above it the part of the offset
 * that is in the tag. Literals have an offset that is never wrong once OFFSET_OF_LITERAL bytes are
 * written; elements that are decoded one by one have a length that is longer than any offset of
 * theirs here. */
#define LENGTH_MASK 0xFFu
#define OFFSET_MASK 0x700u
#define OFFSET_OF_LITERAL 0x100u
#define RARE 0xFFu

#define LITERAL_OF(n) ((n) < SHORT_LITERAL_MAX ? (OFFSET_OF_LITERAL | ((n) + 1)) : RARE)
#define TAGS_OF(n) LITERAL_OF(n), (((n) & 7) + 4) | ((n) >> 3) << 8, (n) + 1, RARE
#define FOUR_OF(n) TAGS_OF(n), TAGS_OF((n) + 1), TAGS_OF((n) + 2), TAGS_OF((n) + 3)
#define SIXTEEN_OF(n) FOUR_OF(n), FOUR_OF((n) + 4), FOUR_OF((n) + 8), FOUR_OF((n) + 12)

static const uint16_t tags[256] = {SIXTEEN_OF(0u), SIXTEEN_OF(16u), SIXTEEN_OF(32u),
                                   SIXTEEN_OF(48u)};

struct position {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *out;
    uint8_t *out_end;
    const uint8_t *out_start;
    size_t wanted; /* bytes; with more of them decoding may end */
};

static inline void copy_16(uint8_t *to, const uint8_t *from) {
    uint8_t bytes[16];
    memcpy(bytes, from, sizeof(bytes));
    memcpy(to, bytes, sizeof(bytes));
}

/* Up to 64 bytes, of which `to` may be only `length` behind `from`: what is read of those that were
 * just written is not wanted. */
static inline void copy_element(uint8_t *to, const uint8_t *from, size_t length) {
    copy_16(to, from);
    if (__builtin_expect(length > 16, false)) {
        copy_16(to + 16, from + 16);
        copy_16(to + 32, from + 32);
        copy_16(to + 48, from + 48);
    }
}

static inline bool has_margin(const struct position *at) {
    return at->in_end - at->in > MARGIN && at->out_end - at->out > MARGIN;
}

/* ---- one by one ---- */

static bool decode_literal(struct position *at, size_t length) {
    if ((size_t)(at->in_end - at->in) < length || (size_t)(at->out_end - at->out) < length) {
        return false;
    }
    memcpy(at->out, at->in, length);
    at->in += length;
    at->out += length;
    return true;
}

/* A pattern of fewer than 8 bytes; writes up to 8 bytes too much. */
static void repeat_pattern(uint8_t *to, size_t offset, size_t length) {
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

static bool decode_copy(struct position *at, size_t offset, size_t length) {
    uint8_t *to = at->out;
    const uint8_t *from = to - offset;

    if (offset - 1 >= (size_t)(to - at->out_start) || (size_t)(at->out_end - to) < length) {
        return false;
    }
    at->out += length;
    if (!has_margin(at)) {
        while (to < at->out) {
            *to++ = *from++;
        }
    } else if (offset >= 8) {
        for (; to < at->out; to += 8, from += 8) {
            memcpy(to, from, 8);
        }
    } else {
        repeat_pattern(to, offset, length);
    }
    return true;
}

/* Bytes that follow a tag: the length of a long literal or the offset of a copy. */
static size_t head_size(uint8_t tag) {
    static const uint8_t copies[] = {[COPY_1] = 1, [COPY_2] = 2, [COPY_4] = 4};
    unsigned length = tag >> 2;

    if ((tag & 3) != LITERAL) {
        return copies[tag & 3];
    }
    return length < SHORT_LITERAL_MAX ? 0 : length - (SHORT_LITERAL_MAX - 1);
}

static bool decode_element(struct position *at) {
    uint8_t tag = *at->in++;
    size_t more = head_size(tag);
    size_t length = (size_t)(tag >> 2) + 1;
    uint32_t head = 0;

    if ((size_t)(at->in_end - at->in) < more) {
        return false;
    }
    memcpy(&head, at->in, more);
    at->in += more;
    if ((tag & 3) == LITERAL) {
        return decode_literal(at, more == 0 ? length : (size_t)head + 1);
    }
    return (tag & 3) == COPY_1
               ? decode_copy(at, (size_t)(tag >> 5) << 8 | head, ((size_t)(tag >> 2) & 7) + 4)
               : decode_copy(at, head, length);
}

/* ---- in steps ---- */

/* A COPY_1 of 8 bytes back whose next element is a literal of up to 8 bytes. */
#define IS_WORD_PAIR(word) (((word) & 0xE3FFE3) == (8 << 8 | COPY_1))

/*
 * Columns of 64-bit numbers compress to copies from 8 bytes back and short literals in turn. Each
 * copy reads what was written just before it in several pieces, which a processor can do only after
 * all of them have reached its cache. Here the last 8 bytes of the output stay in a register
 * instead. `at->in` is at the tag of the first copy, and is at a tag again afterwards.
 */
static inline void step_words(struct position *at, const uint8_t *in_max, const uint8_t *out_max) {
    uint64_t last = load_u64(at->out - 8);
    uint64_t word = load_u64(at->in);

    do {
        size_t length = ((size_t)word >> 2 & 7) + 4;
        size_t count = ((size_t)word >> 18 & 7) + 1;
        unsigned turn = (unsigned)(8 * length) & 63;
        uint64_t literal = load_u64(at->in + 3);

        memcpy(at->out, &last, 8);
        memcpy(at->out + 8, &last, 8);
        at->out += length;
        memcpy(at->out, &literal, 8);
        at->out += count;
        last = last >> turn | last << (-turn & 63);
        last = last >> (8 * count - 8) >> 8 | literal << (64 - 8 * count);
        at->in += 3 + count;
        word = load_u64(at->in);
    } while (IS_WORD_PAIR(word) && at->in < in_max && at->out < out_max);
}

/* The compiler is told that it cannot know, so that it does not branch. */
#define EITHER(condition) __builtin_expect_with_probability((condition), 1, 0.5)

/* An element whose tag is `*tag`, just before `at->in`; `*tag` becomes the next one. False: it is
 * none of those that take these steps, and nothing is done. */
static inline bool step(struct position *at, size_t *tag, bool *is_word) {
    static const uint32_t head_masks[] = {0, 0xFF, 0xFFFF, 0};
    size_t kind = *tag & 3;
    size_t length = tags[*tag] & LENGTH_MASK;
    size_t offset = (tags[*tag] & OFFSET_MASK) + (load_u32(at->in) & head_masks[kind]);
    const uint8_t *behind_literal = at->in + (*tag >> 2) + 1;
    const uint8_t *behind_copy = at->in + kind;
    size_t tag_behind_literal = *behind_literal;
    size_t tag_behind_copy = *behind_copy;
    bool is_literal = EITHER(kind == LITERAL);
    const uint8_t *from;

    /* The offset reaches the length, so that nothing overlaps, and not before the start. */
    if (offset - length > (size_t)(at->out - at->out_start) - length) {
        return false;
    }
    if (offset == 8 && IS_WORD_PAIR(load_u64(at->in - 1))) {
        *is_word = true;
        return false;
    }
    from = at->out - offset;
    from = is_literal ? at->in : from;
    at->in = (is_literal ? behind_literal : behind_copy) + 1;
    *tag = is_literal ? tag_behind_literal : tag_behind_copy;
    copy_element(at->out, from, length);
    at->out += length;
    return true;
}

/* From a position with margins on, until one is reached or there is an element that does not take
 * steps. At least OFFSET_OF_LITERAL bytes are written. */
static void decode_in_steps(struct position *position) {
    struct position at = *position;
    const uint8_t *in_max = at.in_end - MARGIN;
    const uint8_t *out_max = at.out_end - MARGIN;

    if (at.wanted < (size_t)(out_max - at.out_start)) {
        out_max = at.out_start + at.wanted;
    }
    while (at.in < in_max && at.out < out_max) {
        size_t tag = *at.in++;
        bool is_word = false;

        while (step(&at, &tag, &is_word)) {
            if (!step(&at, &tag, &is_word) || at.in >= in_max || at.out >= out_max) {
                break;
            }
        }
        at.in--;
        if (!is_word) {
            break;
        }
        step_words(&at, in_max, out_max);
    }
    *position = at;
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

static bool decode(struct position *position, size_t out_size) {
    struct position at = *position;
    size_t stated;

    if (!read_size(&at, &stated) || stated != out_size) {
        return false;
    }
    while (at.in < at.in_end && (size_t)(at.out - at.out_start) < at.wanted) {
        if (at.out - at.out_start >= (ptrdiff_t)OFFSET_OF_LITERAL && has_margin(&at)) {
            decode_in_steps(&at);
        }
        if (!decode_element(&at)) {
            return false;
        }
    }
    *position = at;
    return true;
}

bool ktki_snappy_decode(const uint8_t *data, size_t size, uint8_t *out, size_t out_size) {
    /* The input has to end as well. */
    struct position at = {data, data + size, out, out + out_size, out, SIZE_MAX};

    return decode(&at, out_size) && at.out == at.out_end;
}

bool ktki_snappy_decode_start(const uint8_t *data, size_t size, uint8_t *out, size_t out_size,
                              size_t wanted) {
    struct position at = {data, data + size, out, out + out_size, out, wanted};

    return decode(&at, out_size) && (size_t)(at.out - at.out_start) >= wanted;
}
