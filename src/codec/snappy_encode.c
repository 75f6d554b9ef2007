#include "codec/snappy_encode.h"

#include <stdbool.h>
#include <string.h>

#include "codec/snappy_words.h"

/*
 * The elements of a block are described in snappy_decode.c. Matches are found as everywhere in this
 * family of formats: a table tells for a hash of four bytes where they were seen last. Three things
 * differ from the format's own library:
 *
 * - Places are kept modulo 64 Ki, as offsets reach no further; what the table holds is thus always
 *   a place in the window before, right or wrong, and nothing needs to be forgotten block by block.
 * - How far to step where nothing matches is a debt that matches pay back, so that data with a
 *   match here and there, which gain next to nothing, are passed over quickly, too.
 * - Columns of 64-bit numbers are compressed word by word: see put_words().
 */

enum { LITERAL = 0, COPY_1 = 1, COPY_2 = 2 };

#define TABLE_BITS 13
_Static_assert(1 << TABLE_BITS == SNAPPY_TABLE_SIZE, "");

/* Below this size there is nothing to gain. */
#define SIZE_MIN 64
/* Matches start at least so many bytes before the end, so that whole words can be read. */
#define MARGIN 40

/* From so many fruitless look-ups on, not every place is tried; a byte matched pays for some. */
#define MISSES_MIN 32
#define MISSES_PER_BYTE 2

struct finder {
    const uint8_t *data;
    const uint8_t *limit; /* where the last match may start */
    const uint8_t *end;
    uint16_t *table;
    unsigned shift;
};

/* ---- finding ---- */

static inline uint16_t *slot_of(const struct finder *finder, uint32_t bytes) {
    return &finder->table[bytes * UINT32_C(0x9E3779B1) >> finder->shift];
}

static inline void remember(const struct finder *finder, const uint8_t *at, uint32_t bytes) {
    *slot_of(finder, bytes) = (uint16_t)(at - finder->data);
}

/* Where the four bytes that are at `at` were seen before, if the table knows; NULL otherwise. */
static inline const uint8_t *look_up(const struct finder *finder, const uint8_t *at,
                                     uint32_t bytes) {
    uint16_t *slot = slot_of(finder, bytes);
    uint16_t place = (uint16_t)(at - finder->data);
    const uint8_t *seen = at - (uint16_t)(place - *slot);

    *slot = place;
    return load_u32(seen) == bytes && seen != at ? seen : NULL;
}

/* The first place from `at` on with a match, which is `*seen`; NULL if there is none. */
static inline const uint8_t *search(const struct finder *finder, const uint8_t *at,
                                    uint32_t *misses, const uint8_t **seen) {
    for (int round = 0; round < 2 && *misses < MISSES_MIN; round++) {
        uint64_t bytes;
        if (at >= finder->limit) {
            return NULL;
        }
        bytes = load_u64(at);
        for (int i = 0; i < 4; i++) {
            *seen = look_up(finder, at + i, (uint32_t)(bytes >> 8 * i));
            if (*seen != NULL) {
                return at + i;
            }
        }
        at += 4;
    }
    *misses += *misses < MISSES_MIN ? 8 : 0;
    while (at < finder->limit) {
        *seen = look_up(finder, at, load_u32(at));
        if (*seen != NULL) {
            return at;
        }
        *misses += 1;
        at += *misses / MISSES_MIN + 1;
    }
    return NULL;
}

/* How many bytes from `at` on are those from `seen` on. */
static size_t common_length(const uint8_t *seen, const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;

    while (end - at >= 8) {
        uint64_t difference = load_u64(seen) ^ load_u64(at);
        if (difference != 0) {
            return (size_t)(at - start) + (size_t)__builtin_ctzll(difference) / 8;
        }
        seen += 8;
        at += 8;
    }
    while (at < end && *seen == *at) {
        seen++;
        at++;
    }
    return (size_t)(at - start);
}

/* Length of a match of which four bytes are known. `*next` gets the bytes from the last one of the
 * match on: what is hashed next waits for them, and shifting them out of words that are there is
 * quicker than reading them from a place that is just being computed. */
static inline size_t match_length(const struct finder *finder, const uint8_t *seen,
                                  const uint8_t *at, uint64_t *next) {
    uint64_t difference = load_u64(seen + 4) ^ load_u64(at + 4);
    size_t length;

    if (difference != 0) {
        unsigned shift = (unsigned)__builtin_ctzll(difference) & ~7u;
        *next = load_u64(at + 3) >> shift | load_u64(at + 11) << 1 << (63 - shift);
        return 4 + shift / 8;
    }
    length = 12 + common_length(seen + 12, at + 12, finder->end);
    *next = at + length < finder->limit ? load_u64(at + length - 1) : 0;
    return length;
}

/* ---- elements ---- */

static uint8_t *put_long_literal(uint8_t *out, const uint8_t *data, size_t size) {
    uint32_t count = (uint32_t)(size - 1);

    if (count < 60) {
        *out++ = (uint8_t)(count << 2 | LITERAL);
    } else {
        unsigned bytes = (unsigned)(39 - __builtin_clz(count)) / 8;
        *out++ = (uint8_t)((59 + bytes) << 2 | LITERAL);
        for (unsigned i = 0; i < bytes; i++) {
            *out++ = (uint8_t)(count >> 8 * i);
        }
    }
    memcpy(out, data, size);
    return out + size;
}

/* Reads and writes up to 16 bytes too much. */
static inline uint8_t *put_literal(uint8_t *out, const uint8_t *data, size_t size) {
    if (size > 16) {
        return put_long_literal(out, data, size);
    }
    *out = (uint8_t)((size - 1) << 2 | LITERAL);
    memcpy(out + 1, data, 16);
    return out + 1 + size;
}

/* Writes up to two bytes too much. */
static inline uint8_t *put_copy(uint8_t *out, size_t offset, size_t length) {
    uint32_t short_form;
    uint32_t long_form;
    bool is_short;
    uint32_t element;

    for (; length > 64; out += 3) {
        /* What is left must not be too short for an element. */
        size_t part = length < 68 ? 60 : 64;
        element = (uint32_t)(COPY_2 | (part - 1) << 2 | offset << 8);
        memcpy(out, &element, sizeof(element));
        length -= part;
    }
    is_short = length < 12 && offset < 2048;
    short_form = (uint32_t)(COPY_1 | (length - 4) << 2 | offset >> 8 << 5 | (offset & 0xFF) << 8);
    long_form = (uint32_t)(COPY_2 | (length - 1) << 2 | offset << 8);
    element = is_short ? short_form : long_form;
    memcpy(out, &element, sizeof(element));
    return out + (is_short ? 2 : 3);
}

/* ---- words ---- */

/* A word of whose bytes the lowest `changed` (1 … 4) differ from those of the word before: these as
 * a literal, then a copy of the others. */
static inline uint8_t *put_word(uint8_t *out, uint64_t word, unsigned changed) {
    out[0] = (uint8_t)((changed - 1) << 2 | LITERAL);
    memcpy(out + 1, &word, sizeof(word));
    out[1 + changed] = (uint8_t)(COPY_1 | (4 - changed) << 2);
    out[2 + changed] = 8;
    return out + 3 + changed;
}

/* The same for a word whose upper five bytes the table knows together. NULL: it does not, or they
 * are not five. */
static inline uint8_t *put_known_word(const struct finder *finder, uint8_t *out,
                                      const uint8_t *at) {
    const uint8_t *seen = look_up(finder, at + 3, load_u32(at + 3));

    if (seen == NULL || seen[4] != at[7] || seen[5] == at[8]) {
        return NULL;
    }
    out[0] = 2 << 2 | LITERAL;
    memcpy(out + 1, at, 4);
    return put_copy(out + 4, (size_t)(at + 3 - seen), 5);
}

/*
 * Numbers that ascend, or are of one magnitude, have the upper bytes of the number before. A match
 * eight bytes back hints at them, and from then on each word is compared with the one before
 * instead of being looked for, with one branch that is nearly always taken. Begins at `*position`,
 * where a match has ended; stops in front of a word that is not like that.
 */
static uint8_t *put_words(struct finder finder, uint8_t *out, const uint8_t **position) {
    const uint8_t *at = *position;
    size_t copied = 0; /* by the element before, from eight bytes back; 0: it is another one */

    while (at < finder.limit) {
        uint64_t word = load_u64(at);
        uint64_t difference = word ^ load_u64(at - 8);
        uint8_t *known;

        if (difference - 1 < 0xFFFFFF) {
            unsigned changed = 4 - (unsigned)__builtin_clz((uint32_t)difference) / 8;
            out = put_word(out, word, changed);
            copied = 8 - changed;
            at += 8;
        } else if (difference == 0) {
            size_t length = 8 + common_length(at, at + 8, finder.end);
            out = put_copy(copied > 0 ? out - 2 : out, 8, copied + length);
            copied = 0;
            at += length;
        } else if (difference <= UINT32_MAX) {
            known = put_known_word(&finder, out, at);
            copied = known != NULL ? 0 : 4;
            out = known != NULL ? known : put_word(out, word, 4);
            at += 8;
        } else {
            break;
        }
    }
    if (at != *position && at < finder.limit) {
        remember(&finder, at - 4, load_u32(at - 4));
        remember(&finder, at - 5, load_u32(at - 5));
    }
    *position = at;
    return out;
}

/* ---- the block ---- */

/* Everything but the last literal, which starts at `*rest`. */
static uint8_t *put_matches(const struct finder *finder, uint8_t *out, const uint8_t **rest) {
    const uint8_t *literal = finder->data;
    const uint8_t *at = finder->data + 1;
    const uint8_t *seen = NULL;
    uint32_t misses = 0;

    while ((at = search(finder, at, &misses, &seen)) != NULL) {
        out = put_literal(out, literal, (size_t)(at - literal));
        do {
            size_t offset = (size_t)(at - seen);
            uint64_t next;
            size_t length = match_length(finder, seen, at, &next);

            out = put_copy(out, offset, length);
            at += length;
            misses -=
                misses < length * MISSES_PER_BYTE ? misses : (uint32_t)length * MISSES_PER_BYTE;
            if (offset == 8 && at < finder->limit) {
                out = put_words(*finder, out, &at);
                next = at < finder->limit ? load_u64(at - 1) : 0;
            }
            literal = at;
            if (at >= finder->limit) {
                goto out;
            }
            remember(finder, at - 1, (uint32_t)next);
            seen = look_up(finder, at, (uint32_t)(next >> 8));
        } while (seen != NULL);
        at++;
    }
out:
    *rest = literal;
    return out;
}

size_t ktki_snappy_encode(const uint8_t *data, size_t size, uint16_t *table, uint8_t *out) {
    const uint8_t *end = data + size;
    const uint8_t *rest = data;
    uint8_t *at = out;
    size_t left = size;

    for (; left >= 0x80; left >>= 7) {
        *at++ = (uint8_t)(left | 0x80);
    }
    *at++ = (uint8_t)left;
    if (size >= SIZE_MIN) {
        struct finder finder = {data, end - MARGIN, end, table, 32 - TABLE_BITS};
        /* A table larger than the data only takes time to clear. */
        while (finder.shift < 32 - 8 && (size_t)1 << (32 - finder.shift - 1) >= size) {
            finder.shift++;
        }
        memset(table, 0, sizeof(*table) << (32 - finder.shift));
        at = put_matches(&finder, at, &rest);
    }
    if (rest < end) {
        at = put_long_literal(at, rest, (size_t)(end - rest));
    }
    return (size_t)(at - out);
}
