#include <assert.h>
#include <string.h>

#include "arrow/array.h"

/* Bits set in a word, without the instruction that the baseline of x86-64 lacks. */
static uint64_t count_word(uint64_t word) {
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (word * 0x0101010101010101u) >> 56;
}

/* `count` (at most 64) bits from bit position `offset`; touches no byte without a wanted bit. */
static uint64_t load_bits(const uint8_t *bits, int64_t offset, int64_t count) {
    const uint8_t *at = bits + (offset >> 3);
    unsigned shift = (unsigned)(offset & 7);
    size_t size = ((size_t)count + shift + 7) / 8;
    uint64_t word = 0;

    memcpy(&word, at, size < sizeof(word) ? size : sizeof(word));
    word >>= shift;
    if (size > sizeof(word)) {
        word |= (uint64_t)at[8] << (64 - shift);
    }
    return count == 64 ? word : word & (((uint64_t)1 << count) - 1);
}

/* A whole word; its last byte is touched only if it holds a wanted bit. */
static uint64_t load_word(const uint8_t *bits, int64_t offset) {
    const uint8_t *at = bits + (offset >> 3);
    unsigned shift = (unsigned)(offset & 7);
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return shift == 0 ? word : word >> shift | (uint64_t)at[8] << (64 - shift);
}

int64_t ktki_bits_count(const uint8_t *bits, int64_t offset, int64_t count) {
    int64_t total = 0;
    int64_t done = 0;

    for (; done + 64 <= count; done += 64) {
        total += (int64_t)count_word(load_word(bits, offset + done));
    }
    if (done < count) {
        total += (int64_t)count_word(load_bits(bits, offset + done, count - done));
    }
    return total;
}

/* Bits [offset, offset + count) of one byte. */
static void store_in_byte(uint8_t *byte, unsigned offset, unsigned count, unsigned value) {
    unsigned mask;

    assert(offset + count <= 8);
    mask = ((1u << count) - 1) << offset;
    *byte = (uint8_t)((*byte & ~mask) | (value << offset & mask));
}

void ktki_bits_copy(const uint8_t *from, int64_t from_offset, uint8_t *to, int64_t to_offset,
                    int64_t count) {
    int64_t done = 0;
    unsigned head = (unsigned)(to_offset & 7);

    if (head != 0 && count > 0) {
        unsigned room = 8 - head;
        unsigned step = count < (int64_t)room ? (unsigned)count : room;
        store_in_byte(&to[to_offset >> 3], head, step,
                      (unsigned)load_bits(from, from_offset, step));
        done = step;
    }
    for (; done + 64 <= count; done += 64) {
        uint64_t word = load_word(from, from_offset + done);
        memcpy(to + ((to_offset + done) >> 3), &word, sizeof(word));
    }
    for (; done + 8 <= count; done += 8) {
        to[(to_offset + done) >> 3] = (uint8_t)load_bits(from, from_offset + done, 8);
    }
    if (done < count) {
        store_in_byte(&to[(to_offset + done) >> 3], 0, (unsigned)(count - done),
                      (unsigned)load_bits(from, from_offset + done, count - done));
    }
}

void ktki_bits_fill(uint8_t *bits, int64_t offset, int64_t count, bool value) {
    unsigned byte = value ? 0xFF : 0;
    int64_t done = 0;
    unsigned head = (unsigned)(offset & 7);

    if (head != 0 && count > 0) {
        unsigned room = 8 - head;
        unsigned step = count < (int64_t)room ? (unsigned)count : room;
        store_in_byte(&bits[offset >> 3], head, step, byte);
        done = step;
    }
    if (done + 8 <= count) {
        size_t size = (size_t)(count - done) / 8;
        memset(bits + ((offset + done) >> 3), (int)byte, size);
        done += (int64_t)size * 8;
    }
    if (done < count) {
        store_in_byte(&bits[(offset + done) >> 3], 0, (unsigned)(count - done), byte);
    }
}
