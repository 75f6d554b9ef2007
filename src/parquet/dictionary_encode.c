#include "parquet/dictionary_encode.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/plain_encode.h"

/*
 * Numbers of 4 and 8 bytes are told apart by a look at the page; a slot has the index of an entry
 * plus 1, or 0 if it is free. Of pieces of bytes the slot has a part of the hash as well, which
 * tells most of them apart without that look.
 */
struct bytes_slot {
    uint32_t tag;
    uint32_t entry;
};

#define SLOT_COUNT_MIN 256
#define SLOT_COUNT_BEGIN_MAX ((size_t)1 << 18)

/* Slots per entry at least; else the table grows. Few values then stand in the way of others, which
 * is worth more than a smaller table, up to a size that caches hold. */
#define SLOTS_PER_ENTRY(slot_count) ((size_t)((slot_count) < SLOT_COUNT_BEGIN_MAX ? 4 : 2))

/* Values that are looked up before the table may grow. */
#define BATCH 256

/* Steps from slot to slot that the values of a batch take together. After more the dictionary gives
 * up: either chance is very unkind, or somebody has chosen the values to be so. */
#define PROBES_MAX ((size_t)64 * BATCH)

/* Tables larger than a first-level cache are worth a look ahead. */
#define PREFETCH_SLOTS_MIN ((size_t)1 << 13)
#define PREFETCH_DISTANCE 16

/* Pieces of bytes up to this size are compared and hashed as a few words, without a call. */
#define SHORT_SIZE ((size_t)32)
#define SHORT_WORDS (SHORT_SIZE / sizeof(uint64_t))

static bool is_number(const struct dictionary *dictionary) {
    return !dictionary->is_bytes && (dictionary->width == 4 || dictionary->width == 8);
}

static size_t slot_size(const struct dictionary *dictionary) {
    return is_number(dictionary) ? sizeof(uint32_t) : sizeof(struct bytes_slot);
}

void ktki_dictionary_init(struct dictionary *dictionary, const ktk_allocator *allocator) {
    *dictionary = (struct dictionary){.allocator = allocator};
    ktki_buffer_init(&dictionary->page, allocator, 0);
}

void ktki_dictionary_clear(struct dictionary *dictionary) {
    ktki_buffer_clear(&dictionary->page);
    ktki_free_array(dictionary->allocator, dictionary->slots, dictionary->slots_size, 1);
    ktki_free_array(dictionary->allocator, dictionary->offsets, dictionary->offset_capacity,
                    sizeof(*dictionary->offsets));
    ktki_dictionary_init(dictionary, dictionary->allocator);
}

/* An empty table of at least `slot_count` slots. */
static ktk_status clear_slots(struct dictionary *dictionary, size_t slot_count, ktk_error *err) {
    size_t size = slot_count * slot_size(dictionary);
    ktk_status status = KTK_OK;

    if (size > dictionary->slots_size) {
        ktki_free_array(dictionary->allocator, dictionary->slots, dictionary->slots_size, 1);
        dictionary->slots = NULL;
        dictionary->slots_size = 0;
        KTKI_TRY(ktki_alloc_array(dictionary->allocator, size, 1, &dictionary->slots, err));
        dictionary->slots_size = size;
    }
    memset(dictionary->slots, 0, size);
    dictionary->slot_count = slot_count;
out:
    return status;
}

/* ---- hashes ---- */

/* The high half of a 128-bit product, folded in, spreads keys that differ in few bits. */
static inline uint64_t fold(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline size_t number_place(uint64_t number, unsigned shift) {
    return fold(number ^ UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0xD6E8FEB86659FD93)) >> shift;
}

static inline uint64_t load_number(const uint8_t *at, size_t width) {
    uint64_t number = 0;

    if (width == 4) {
        uint32_t small;
        memcpy(&small, at, sizeof(small));
        number = small;
    } else {
        memcpy(&number, at, sizeof(number));
    }
    return number;
}

/* A short piece of bytes, filled up with zeros. */
struct short_key {
    uint64_t words[SHORT_WORDS];
};

/* 8 bytes from `32 - size + 8 * i` on keep the bytes of word i that belong to a key. */
static const uint8_t key_masks[2 * SHORT_SIZE] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
};

/* Word `i` of a key of `size` bytes, where SHORT_SIZE bytes can be read. */
static inline uint64_t key_word(const uint8_t *bytes, size_t size, size_t i) {
    return load_number(bytes + 8 * i, 8) & load_number(key_masks + SHORT_SIZE - size + 8 * i, 8);
}

/* The second half adds nothing to a key of at most 16 bytes. */
static inline uint64_t hash_half(uint64_t word0, uint64_t word1, size_t size) {
    return fold(word0 ^ UINT64_C(0x9E3779B97F4A7C15) ^ size, word1 ^ UINT64_C(0xD6E8FEB86659FD93));
}

static inline uint64_t hash_key(const struct short_key *key, size_t size) {
    return hash_half(key->words[0], key->words[1], size) ^
           fold(key->words[2], key->words[3] ^ UINT64_C(0xE7037ED1A0B428DB));
}

/* ---- entries ---- */

/* Where an entry's bytes lie, and how many they are. A short key can be read from there. */
static inline const uint8_t *entry_bytes(const struct dictionary *dictionary, uint32_t index,
                                         uint32_t *size) {
    const uint8_t *at = dictionary->page.data;

    if (dictionary->width > 0) {
        *size = (uint32_t)dictionary->width;
        return at + (size_t)index * dictionary->width;
    }
    at += dictionary->offsets[index];
    memcpy(size, at, sizeof(*size));
    return at + sizeof(*size);
}

/* Not inlined: it is long, and would be in the way of the short ones. */
__attribute__((noinline)) static uint64_t hash_long(const uint8_t *bytes, size_t size) {
    return XXH3_64bits(bytes, size);
}

static uint64_t hash_entry(const struct dictionary *dictionary, uint32_t index) {
    struct short_key key;
    uint32_t size;
    const uint8_t *bytes = entry_bytes(dictionary, index, &size);

    if (size > SHORT_SIZE) {
        return hash_long(bytes, size);
    }
    for (size_t i = 0; i < SHORT_WORDS; i++) {
        key.words[i] = key_word(bytes, size, i);
    }
    return hash_key(&key, size);
}

static unsigned place_shift(const struct dictionary *dictionary) {
    return 64 - (unsigned)__builtin_ctzll(dictionary->slot_count);
}

/* Put all entries into an empty table. */
static void insert_all(struct dictionary *dictionary) {
    size_t mask = dictionary->slot_count - 1;
    unsigned shift = place_shift(dictionary);

    for (uint32_t index = 0; index < dictionary->count; index++) {
        if (is_number(dictionary)) {
            const uint8_t *entry = dictionary->page.data + (size_t)index * dictionary->width;
            uint32_t *slots = dictionary->slots;
            size_t at = number_place(load_number(entry, dictionary->width), shift);

            while (slots[at] != 0) {
                at = (at + 1) & mask;
            }
            slots[at] = index + 1;
        } else {
            struct bytes_slot *slots = dictionary->slots;
            uint64_t hash = hash_entry(dictionary, index);
            size_t at = hash & mask;

            while (slots[at].entry != 0) {
                at = (at + 1) & mask;
            }
            slots[at] = (struct bytes_slot){(uint32_t)(hash >> 32), index + 1};
        }
    }
}

/* Make room in the table for `count` more entries. */
static ktk_status reserve_slots(struct dictionary *dictionary, size_t count, ktk_error *err) {
    size_t slot_count = dictionary->slot_count;
    ktk_status status = KTK_OK;

    while (SLOTS_PER_ENTRY(slot_count) * (dictionary->count + count) > slot_count) {
        slot_count *= slot_count < SLOT_COUNT_BEGIN_MAX / 2 ? 4 : 2;
    }
    if (slot_count > dictionary->slot_count) {
        KTKI_TRY(clear_slots(dictionary, slot_count, err));
        insert_all(dictionary);
    }
out:
    return status;
}

ktk_status ktki_dictionary_begin(struct dictionary *dictionary, size_t width, bool is_bytes,
                                 size_t entry_count, ktk_error *err) {
    size_t slot_count = SLOT_COUNT_MIN;

    while (slot_count < 4 * entry_count && slot_count < SLOT_COUNT_BEGIN_MAX) {
        slot_count *= 2;
    }
    dictionary->width = width;
    dictionary->is_bytes = is_bytes;
    dictionary->count = 0;
    dictionary->page.size = 0;
    return clear_slots(dictionary, slot_count, err);
}

/* ---- numbers ---- */

/*
 * Number a batch of values, for which there is room. Returns the values done; less than `count`:
 * the table is degenerate. The page may have become too long.
 */
#define DEFINE_ADD_BATCH(name, type)                                                               \
    __attribute__((noinline)) static size_t name(struct dictionary *dictionary, const void *block, \
                                                 size_t count, uint32_t *indices) {                \
        const size_t mask = dictionary->slot_count - 1;                                            \
        const unsigned shift = place_shift(dictionary);                                            \
        const size_t ahead = dictionary->slot_count >= PREFETCH_SLOTS_MIN ? PREFETCH_DISTANCE : 0; \
        const type *values = block;                                                                \
        uint32_t *slots = dictionary->slots;                                                       \
        type *entries = (type *)(void *)dictionary->page.data;                                     \
        uint32_t next = dictionary->count;                                                         \
        size_t probes_left = PROBES_MAX;                                                           \
        size_t i;                                                                                  \
                                                                                                   \
        for (i = 0; i < count; i++) {                                                              \
            const type value = values[i];                                                          \
            size_t at = number_place(value, shift);                                                \
                                                                                                   \
            if (ahead != 0 && i + ahead < count) {                                                 \
                __builtin_prefetch(&slots[number_place(values[i + ahead], shift)]);                \
            }                                                                                      \
            while (slots[at] != 0 && entries[slots[at] - 1] != value && probes_left > 0) {         \
                at = (at + 1) & mask;                                                              \
                probes_left--;                                                                     \
            }                                                                                      \
            if (slots[at] == 0) {                                                                  \
                entries[next++] = value;                                                           \
                slots[at] = next;                                                                  \
            } else if (entries[slots[at] - 1] != value) {                                          \
                break;                                                                             \
            }                                                                                      \
            indices[i] = slots[at] - 1;                                                            \
        }                                                                                          \
        dictionary->count = next;                                                                  \
        dictionary->page.size = next * sizeof(type);                                               \
        return i;                                                                                  \
    }

DEFINE_ADD_BATCH(add_batch_32, uint32_t)
DEFINE_ADD_BATCH(add_batch_64, uint64_t)

/* Take back the entries that make the page too long. Returns the values before the first of them.
 */
static size_t drop_excess(struct dictionary *dictionary, const uint32_t *indices, size_t count) {
    uint32_t count_max = (uint32_t)(DICTIONARY_BYTES_MAX / dictionary->width);
    size_t kept = 0;

    if (dictionary->count <= count_max) {
        return count;
    }
    while (indices[kept] < count_max) {
        kept++;
    }
    dictionary->count = count_max;
    dictionary->page.size = count_max * dictionary->width;
    return kept;
}

static ktk_status add_numbers(struct dictionary *dictionary, const struct value_block *block,
                              uint32_t *indices, size_t *done, ktk_error *err) {
    size_t width = dictionary->width;
    size_t at = 0;
    size_t part = 0;
    size_t added = 0;
    ktk_status status = KTK_OK;

    while (added == part && at < block->count) {
        const void *values = block->fixed + at * width;

        part = block->count - at < BATCH ? block->count - at : BATCH;
        KTKI_TRY(reserve_slots(dictionary, part, err));
        KTKI_TRY(ktki_buffer_reserve(&dictionary->page, (part + 1) * width, err));
        added = width == 4 ? add_batch_32(dictionary, values, part, indices + at)
                           : add_batch_64(dictionary, values, part, indices + at);
        added = drop_excess(dictionary, indices + at, added);
        at += added;
    }
    *done = at;
out:
    return status;
}

/* ---- pieces of bytes ---- */

/* Bytes up to `end` can be read. `word_count` is a constant where this is called. */
static inline void load_key(struct short_key *out, const uint8_t *bytes, uint32_t size,
                            const uint8_t *end, const size_t word_count) {
    if ((uintptr_t)bytes + SHORT_SIZE <= (uintptr_t)end) {
        for (size_t k = 0; k < word_count; k++) {
            out->words[k] = key_word(bytes, size, k);
        }
    } else {
        *out = (struct short_key){{0}};
        memcpy(out->words, bytes, size);
    }
}

static inline bool is_entry(const struct dictionary *dictionary, uint32_t index,
                            const uint8_t *bytes, uint32_t size, const struct short_key *key,
                            const size_t word_count) {
    uint64_t difference = 0;
    uint32_t entry_size;
    const uint8_t *entry = entry_bytes(dictionary, index, &entry_size);

    if (entry_size != size) {
        return false;
    }
    if (size > SHORT_SIZE) {
        return memcmp(entry, bytes, size) == 0;
    }
    for (size_t k = 0; k < word_count; k++) {
        difference |= key_word(entry, size, k) ^ key->words[k];
    }
    return difference == 0;
}

/* Append an entry to the page, with room behind it for a short key to be read. False if that would
 * make it too long. */
static ktk_status append_entry(struct dictionary *dictionary, const uint8_t *bytes, uint32_t size,
                               bool *is_full, ktk_error *err) {
    size_t prefix = dictionary->width == 0 ? sizeof(size) : 0;
    uint8_t *at;
    ktk_status status = KTK_OK;

    if (dictionary->page.size + prefix + size > DICTIONARY_BYTES_MAX) {
        *is_full = true;
        goto out;
    }
    KTKI_TRY(ktki_buffer_reserve(&dictionary->page, prefix + size + SHORT_SIZE, err));
    if (prefix > 0 && dictionary->count == dictionary->offset_capacity) {
        size_t capacity = dictionary->offset_capacity == 0 ? 256 : 2 * dictionary->offset_capacity;
        KTKI_TRY(ktki_resize_array(dictionary->allocator, &dictionary->offsets,
                                   dictionary->offset_capacity, capacity,
                                   sizeof(*dictionary->offsets), err));
        dictionary->offset_capacity = capacity;
    }
    at = dictionary->page.data + dictionary->page.size;
    if (prefix > 0) {
        dictionary->offsets[dictionary->count] = (uint32_t)dictionary->page.size;
        memcpy(at, &size, prefix);
    }
    ktki_copy_bytes(at + prefix, bytes, size);
    dictionary->page.size += prefix + size;
    dictionary->count++;
out:
    return status;
}

/* Pieces of bytes to be numbered. */
struct pieces {
    const uint8_t *const *starts;
    const uint32_t *sizes;
    size_t count;
    const uint8_t *end; /* bytes up to here can be read */
};

static inline uint64_t hash_piece(const struct pieces *pieces, size_t i, struct short_key *key,
                                  const size_t word_count) {
    uint32_t size = pieces->sizes[i];

    if (size > SHORT_SIZE) {
        return hash_long(pieces->starts[i], size);
    }
    load_key(key, pieces->starts[i], size, pieces->end, word_count);
    return word_count == 2 ? hash_half(key->words[0], key->words[1], size) : hash_key(key, size);
}

/* Number pieces. `word_count`, that of the longest key among them, is a constant where this is
 * called. */
static inline ktk_status look_up(struct dictionary *dictionary, const struct pieces *pieces,
                                 uint32_t *indices, size_t *done, const size_t word_count,
                                 ktk_error *err) {
    const size_t mask = dictionary->slot_count - 1;
    const bool is_large = dictionary->slot_count >= PREFETCH_SLOTS_MIN;
    struct bytes_slot *slots = dictionary->slots;
    bool is_full = false;
    size_t probes = 0;
    size_t i;
    ktk_status status = KTK_OK;

    for (i = 0; is_large && i < pieces->count; i++) {
        struct short_key key;

        __builtin_prefetch(&slots[hash_piece(pieces, i, &key, word_count) & mask]);
    }
    for (i = 0; i < pieces->count; i++) {
        const uint8_t *bytes = pieces->starts[i];
        uint32_t size = pieces->sizes[i];
        struct short_key key;
        uint64_t hash = hash_piece(pieces, i, &key, word_count);
        uint32_t tag = (uint32_t)(hash >> 32);
        size_t at = hash & mask;

        while (slots[at].entry != 0 &&
               (slots[at].tag != tag ||
                !is_entry(dictionary, slots[at].entry - 1, bytes, size, &key, word_count))) {
            at = (at + 1) & mask;
            probes++;
        }
        if (probes > PROBES_MAX) {
            break;
        }
        if (slots[at].entry == 0) {
            KTKI_TRY(append_entry(dictionary, bytes, size, &is_full, err));
            if (is_full) {
                break;
            }
            slots[at] = (struct bytes_slot){tag, dictionary->count};
        }
        indices[i] = slots[at].entry - 1;
    }
    *done = i;
out:
    return status;
}

static ktk_status add_pieces(struct dictionary *dictionary, const struct pieces *pieces,
                             uint32_t *indices, size_t *done, ktk_error *err) {
    uint32_t size_max = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        size_max = pieces->sizes[i] > size_max ? pieces->sizes[i] : size_max;
    }
    return size_max <= 16 ? look_up(dictionary, pieces, indices, done, 2, err)
                          : look_up(dictionary, pieces, indices, done, SHORT_WORDS, err);
}

/* Values of an odd width come as numbers or as pieces. */
static ktk_status add_bytes(struct dictionary *dictionary, const struct value_block *block,
                            uint32_t *indices, size_t *done, ktk_error *err) {
    const uint8_t *starts[BATCH];
    uint32_t sizes[BATCH];
    struct pieces pieces = {.end = block->end};
    size_t at = 0;
    size_t added = 0;
    ktk_status status = KTK_OK;

    while (added == pieces.count && at < block->count) {
        pieces.count = block->count - at < BATCH ? block->count - at : BATCH;
        pieces.starts = block->starts != NULL ? block->starts + at : starts;
        pieces.sizes = block->starts != NULL ? block->sizes + at : sizes;
        for (size_t i = 0; block->starts == NULL && i < pieces.count; i++) {
            starts[i] = block->fixed + (at + i) * dictionary->width;
            sizes[i] = (uint32_t)dictionary->width;
        }
        KTKI_TRY(reserve_slots(dictionary, pieces.count, err));
        KTKI_TRY(add_pieces(dictionary, &pieces, indices + at, &added, err));
        at += added;
    }
    *done = at;
out:
    return status;
}

ktk_status ktki_dictionary_add(struct dictionary *dictionary, const struct value_block *block,
                               uint32_t *indices, size_t *done, ktk_error *err) {
    assert(block->count <= VALUE_BLOCK_MAX);
    return is_number(dictionary) ? add_numbers(dictionary, block, indices, done, err)
                                 : add_bytes(dictionary, block, indices, done, err);
}

void ktki_dictionary_entries(const struct dictionary *dictionary, uint32_t start, size_t count,
                             const uint8_t **starts, uint32_t *sizes, struct value_block *out) {
    assert(start + count <= dictionary->count);
    if (!dictionary->is_bytes) {
        *out = (struct value_block){count, dictionary->page.data + start * dictionary->width, NULL,
                                    NULL, NULL};
        return;
    }
    for (size_t i = 0; i < count; i++) {
        starts[i] = entry_bytes(dictionary, start + (uint32_t)i, &sizes[i]);
    }
    *out = (struct value_block){count, NULL, starts, sizes, NULL};
}
