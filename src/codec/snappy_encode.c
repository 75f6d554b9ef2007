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
#define MARGIN 24

/* From so many fruitless look-ups on, not every place is tried; a byte matched pays for some. */
#define MISSES_MIN 32
#define MISSES_PER_BYTE 4

/* Words that the table is asked for in vain are a debt, too, which bytes saved pay back. From so
 * much of it on, a few words in a row out of many are looked for: they may be found later. */
#define DEBT_MAX 64
#define DEBT_PER_BYTE 6
#define SAMPLE_WORDS 8
#define SAMPLE_OF_WORDS 256

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

/* A word of eight bytes and what it shares with the one before. */
struct word {
    uint64_t bytes;
    unsigned first; /* of the bytes that are to be told: the element before holds those below */
    unsigned end;   /* of the bytes that differ from those of the word before, 1 … 4 */
};

/* What differs as a literal, then a copy of the others from eight bytes back. */
static inline uint8_t *put_word(uint8_t *out, struct word word) {
    uint64_t bytes = word.bytes >> 8 * word.first;
    unsigned count = word.end - word.first;

    out[0] = (uint8_t)((count - 1) << 2 | LITERAL);
    memcpy(out + 1, &bytes, sizeof(bytes));
    out[1 + count] = (uint8_t)(COPY_1 | (4 - word.end) << 2);
    out[2 + count] = 8;
    return out + 3 + count;
}

/* A word, or all but its lowest bytes, that the table knows: numbers of a small range return, not
 * only one after the other. `*saved` gets how many bytes shorter this is than put_word(). NULL: it
 * is not shorter. */
static inline uint8_t *put_known_word(const struct finder *finder, uint8_t *out, const uint8_t **at,
                                      struct word word, uint32_t *saved) {
    /* From the lowest byte on: what is known from there is shortest, and the table is to hold the
     * places in the order in which they come. */
    for (unsigned i = 0; i < word.end; i++) {
        const uint8_t *place = *at + i;
        const uint8_t *seen = look_up(finder, place, (uint32_t)(word.bytes >> 8 * i));
        size_t offset;
        size_t size;
        size_t length;

        if (seen == NULL || (load_u64(seen) ^ word.bytes >> 8 * i) << 8 * i != 0) {
            continue;
        }
        offset = (size_t)(place - seen);
        size = (i > 0 ? 1 + i : 0) + (offset < 2048 ? 2 : 3);
        if (size >= 3 + word.end - word.first) {
            continue;
        }
        /* Only whole words are added: what comes next is compared word by word, too. */
        length = common_length(seen + 8 - i, place + 8 - i, finder->end) & ~(size_t)7;
        *saved = (uint32_t)(3 + word.end - word.first - size);
        *at += 8 + length;
        out = i > 0 ? put_literal(out, place - i, i) : out;
        return put_copy(out, offset, 8 - i + length);
    }
    return NULL;
}

/*
 * Numbers that ascend, or are of one magnitude, have the upper bytes of the number before. A match
 * eight bytes back hints at them, and from then on each word is compared with the one before, which
 * costs one branch that is nearly always taken. The table is asked for whole words as long as that
 * gains something, and now and then to find out whether it does. Begins at `*position`, where a
 * match has ended; stops in front of a word that is not like that.
 */
static uint8_t *put_words(struct finder finder, uint8_t *out, const uint8_t **position) {
    const uint8_t *at = *position;
    size_t copied = 0; /* by the element before, from eight bytes back; 0: it is another one */
    uint32_t debt = 0;

    while (at < finder.limit) {
        uint64_t difference = load_u64(at) ^ load_u64(at - 8);
        struct word word = {.bytes = load_u64(at)};
        uint8_t *known = NULL;
        uint32_t saved = 0;

        if (difference == 0) {
            size_t length = 8 + common_length(at, at + 8, finder.end);
            out = put_copy(copied > 0 ? out - 2 : out, 8, copied + length);
            copied = 0;
            at += length;
            continue;
        }
        if (difference > UINT32_MAX) {
            break;
        }
        word.end = 4 - (unsigned)__builtin_clz((uint32_t)difference) / 8;
        word.first = copied > 0 ? (unsigned)__builtin_ctz((uint32_t)difference) / 8 : 0;
        if (debt < DEBT_MAX || (at - finder.data) / 8 % SAMPLE_OF_WORDS < SAMPLE_WORDS) {
            known = put_known_word(&finder, out, &at, word, &saved);
            debt = saved * DEBT_PER_BYTE > debt ? 0 : debt - saved * DEBT_PER_BYTE;
            debt += debt < DEBT_MAX;
        }
        if (known != NULL) {
            out = known;
            copied = 0;
        } else {
            if (word.first > 0) { /* the element before goes on with what has not changed */
                out[-2] = (uint8_t)(out[-2] + (word.first << 2));
            }
            out = put_word(out, word);
            copied = 8 - word.end;
            at += 8;
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
