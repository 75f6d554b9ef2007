#include "parquet/dictionary_encode.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/plain_encode.h"

/* Numbers of 4 and 8 bytes are kept in the slot itself; of pieces of bytes the slot has a part of
 * the hash, which tells most of them apart without a look at the entry. `entry` is the index of the
 * entry plus 1, or 0 in a free slot. */
struct number_slot {
    uint64_t number;
    uint32_t entry;
};

struct bytes_slot {
    uint32_t tag;
    uint32_t entry;
};

#define SLOT_COUNT_MIN 256

/* A new value that finds no free slot after so many steps gives up: either chance is very unkind,
 * or somebody has chosen the values to be so. */
#define PROBES_MAX 256

/* Tables larger than a second-level cache are worth a look ahead. */
#define PREFETCH_SLOTS_MIN (1u << 14)
#define PREFETCH_DISTANCE 16

static bool is_number(const struct dictionary *dictionary) {
    return !dictionary->is_bytes && (dictionary->width == 4 || dictionary->width == 8);
}

static size_t slot_size(const struct dictionary *dictionary) {
    return is_number(dictionary) ? sizeof(struct number_slot) : sizeof(struct bytes_slot);
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

/* The high half of a 128-bit product, folded in, spreads keys that differ in few bits. */
static inline uint64_t hash_number(uint64_t number) {
    __extension__ typedef unsigned __int128 uint128;
    uint128 product =
        (uint128)(number ^ UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
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

/* Where an entry's bytes lie, and how many they are. */
static const uint8_t *entry_bytes(const struct dictionary *dictionary, uint32_t index,
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

/* Put all entries into an empty table. */
static void insert_all(struct dictionary *dictionary) {
    size_t mask = dictionary->slot_count - 1;

    for (uint32_t index = 0; index < dictionary->count; index++) {
        uint32_t size;
        const uint8_t *bytes = entry_bytes(dictionary, index, &size);

        if (is_number(dictionary)) {
            struct number_slot *slots = dictionary->slots;
            uint64_t number = load_number(bytes, dictionary->width);
            size_t at = hash_number(number) & mask;

            while (slots[at].entry != 0) {
                at = (at + 1) & mask;
            }
            slots[at] = (struct number_slot){number, index + 1};
        } else {
            struct bytes_slot *slots = dictionary->slots;
            uint64_t hash = XXH3_64bits(bytes, size);
            size_t at = hash & mask;

            while (slots[at].entry != 0) {
                at = (at + 1) & mask;
            }
            slots[at] = (struct bytes_slot){(uint32_t)(hash >> 32), index + 1};
        }
    }
}

static ktk_status grow(struct dictionary *dictionary, ktk_error *err) {
    ktk_status status = clear_slots(dictionary, dictionary->slot_count * 4, err);

    if (status == KTK_OK) {
        insert_all(dictionary);
    }
    return status;
}

ktk_status ktki_dictionary_begin(struct dictionary *dictionary, size_t width, bool is_bytes,
                                 size_t value_count, ktk_error *err) {
    size_t slot_count = SLOT_COUNT_MIN;

    /* Small chunks get a table that need not grow; larger ones start with room for a thousand. */
    while (slot_count < 2 * value_count && slot_count < 2048) {
        slot_count *= 2;
    }
    dictionary->width = width;
    dictionary->is_bytes = is_bytes;
    dictionary->count = 0;
    dictionary->page.size = 0;
    return clear_slots(dictionary, slot_count, err);
}

/* Append an entry to the page. False if that would make it too long. */
static ktk_status append_entry(struct dictionary *dictionary, const uint8_t *bytes, uint32_t size,
                               bool *is_full, ktk_error *err) {
    size_t prefix = dictionary->width == 0 ? sizeof(size) : 0;
    uint8_t *at;
    ktk_status status = KTK_OK;

    if (dictionary->page.size + prefix + size > DICTIONARY_BYTES_MAX) {
        *is_full = true;
        goto out;
    }
    KTKI_TRY(ktki_buffer_reserve(&dictionary->page, prefix + size, err));
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

/* Make room in the table for one more entry. */
static ktk_status ensure_slot(struct dictionary *dictionary, ktk_error *err) {
    return 2 * ((size_t)dictionary->count + 1) > dictionary->slot_count ? grow(dictionary, err)
                                                                        : KTK_OK;
}

/* `width` is a constant where this is called. */
static inline ktk_status add_numbers(struct dictionary *dictionary, const struct value_block *block,
                                     uint32_t *indices, size_t *done, const size_t width,
                                     ktk_error *err) {
    bool is_full = false;
    size_t i = 0;
    ktk_status status = KTK_OK;

    for (i = 0; i < block->count; i++) {
        struct number_slot *slots = dictionary->slots;
        size_t mask = dictionary->slot_count - 1;
        uint64_t number = load_number(block->fixed + i * width, width);
        size_t at = hash_number(number) & mask;
        size_t probes = 0;

        if (mask >= PREFETCH_SLOTS_MIN && i + PREFETCH_DISTANCE < block->count) {
            uint64_t ahead = load_number(block->fixed + (i + PREFETCH_DISTANCE) * width, width);
            __builtin_prefetch(&slots[hash_number(ahead) & mask]);
        }
        while (slots[at].entry != 0 && slots[at].number != number) {
            at = (at + 1) & mask;
            probes++;
        }
        if (slots[at].entry == 0) {
            KTKI_TRY(
                append_entry(dictionary, block->fixed + i * width, (uint32_t)width, &is_full, err));
            if (is_full || probes > PROBES_MAX) {
                break;
            }
            slots[at] = (struct number_slot){number, dictionary->count};
            indices[i] = dictionary->count - 1;
            KTKI_TRY(ensure_slot(dictionary, err));
            continue;
        }
        indices[i] = slots[at].entry - 1;
    }
    *done = i;
out:
    return status;
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t size) {
    uint64_t a_head;
    uint64_t a_tail;
    uint64_t b_head;
    uint64_t b_tail;

    if (size < 8 || size > 16) {
        return memcmp(a, b, size) == 0;
    }
    memcpy(&a_head, a, 8);
    memcpy(&b_head, b, 8);
    memcpy(&a_tail, a + size - 8, 8);
    memcpy(&b_tail, b + size - 8, 8);
    return ((a_head ^ b_head) | (a_tail ^ b_tail)) == 0;
}

/* The slot of a value, or the free one where it belongs. */
static size_t find_bytes(const struct dictionary *dictionary, const uint8_t *bytes, uint32_t size,
                         uint64_t hash, size_t *probes) {
    const struct bytes_slot *slots = dictionary->slots;
    size_t mask = dictionary->slot_count - 1;
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = hash & mask;

    for (; slots[at].entry != 0; at = (at + 1) & mask, (*probes)++) {
        if (slots[at].tag == tag) {
            uint32_t entry_size;
            const uint8_t *entry = entry_bytes(dictionary, slots[at].entry - 1, &entry_size);

            if (entry_size == size && is_equal(entry, bytes, size)) {
                break;
            }
        }
    }
    return at;
}

static ktk_status add_bytes(struct dictionary *dictionary, const struct value_block *block,
                            uint32_t *indices, size_t *done, ktk_error *err) {
    uint64_t hashes[VALUE_BLOCK_MAX];
    size_t width = dictionary->width;
    bool is_full = false;
    size_t i;
    ktk_status status = KTK_OK;

    for (i = 0; i < block->count; i++) {
        hashes[i] = dictionary->is_bytes ? XXH3_64bits(block->starts[i], block->sizes[i])
                                         : XXH3_64bits(block->fixed + i * width, width);
    }
    for (i = 0; i < block->count; i++) {
        struct bytes_slot *slots = dictionary->slots;
        const uint8_t *bytes = dictionary->is_bytes ? block->starts[i] : block->fixed + i * width;
        uint32_t size = dictionary->is_bytes ? block->sizes[i] : (uint32_t)width;
        size_t probes = 0;
        size_t at = find_bytes(dictionary, bytes, size, hashes[i], &probes);

        if (i + PREFETCH_DISTANCE < block->count) {
            __builtin_prefetch(
                &slots[hashes[i + PREFETCH_DISTANCE] & (dictionary->slot_count - 1)]);
        }
        if (slots[at].entry == 0) {
            KTKI_TRY(append_entry(dictionary, bytes, size, &is_full, err));
            if (is_full || probes > PROBES_MAX) {
                break;
            }
            slots[at] = (struct bytes_slot){(uint32_t)(hashes[i] >> 32), dictionary->count};
            indices[i] = dictionary->count - 1;
            KTKI_TRY(ensure_slot(dictionary, err));
            continue;
        }
        indices[i] = slots[at].entry - 1;
    }
    *done = i;
out:
    return status;
}

ktk_status ktki_dictionary_add(struct dictionary *dictionary, const struct value_block *block,
                               uint32_t *indices, size_t *done, ktk_error *err) {
    assert(block->count <= VALUE_BLOCK_MAX);
    if (!is_number(dictionary)) {
        return add_bytes(dictionary, block, indices, done, err);
    }
    return dictionary->width == 4 ? add_numbers(dictionary, block, indices, done, 4, err)
                                  : add_numbers(dictionary, block, indices, done, 8, err);
}

void ktki_dictionary_entries(const struct dictionary *dictionary, uint32_t start, size_t count,
                             const uint8_t **starts, uint32_t *sizes, struct value_block *out) {
    assert(start + count <= dictionary->count);
    if (!dictionary->is_bytes) {
        *out = (struct value_block){count, dictionary->page.data + start * dictionary->width, NULL,
                                    NULL};
        return;
    }
    for (size_t i = 0; i < count; i++) {
        starts[i] = entry_bytes(dictionary, start + (uint32_t)i, &sizes[i]);
    }
    *out = (struct value_block){count, NULL, starts, sizes};
}
