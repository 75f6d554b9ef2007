/* Differences decoded by the library are the numbers that a bit-by-bit reader finds; both refuse
 * the same input. */
#include "fuzz.h"

#include <string.h>

#include "parquet/delta.h"

#define NUMBERS_MAX ((size_t)20000)

static uint64_t expected[NUMBERS_MAX];

struct slow_reader {
    const uint8_t *data;
    size_t size;
    size_t at; /* bytes read */
};

static bool slow_varint(struct slow_reader *reader, uint64_t *out) {
    unsigned shift = 0;

    *out = 0;
    for (;; shift += 7) {
        uint8_t byte;
        if (reader->at == reader->size) {
            return false;
        }
        byte = reader->data[reader->at++];
        if (shift > 63 || (shift == 63 && byte > 1)) {
            return false;
        }
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
}

static bool slow_zigzag(struct slow_reader *reader, uint64_t *out) {
    uint64_t raw;

    if (!slow_varint(reader, &raw)) {
        return false;
    }
    *out = (raw & 1) != 0 ? ~(raw >> 1) : raw >> 1;
    return true;
}

/* How many of the numbers can be read, NUMBERS_MAX at most; `*is_header` tells whether the header
 * is good. */
static size_t read_slowly(struct slow_reader *reader, bool *is_header) {
    uint64_t block_size;
    uint64_t miniblocks;
    uint64_t total;
    uint64_t last;
    uint64_t min_delta;
    size_t count = 0;

    *is_header = slow_varint(reader, &block_size) && slow_varint(reader, &miniblocks) &&
                 slow_varint(reader, &total) && slow_zigzag(reader, &last) && block_size > 0 &&
                 block_size % 128 == 0 && miniblocks > 0 && block_size % miniblocks == 0 &&
                 block_size / miniblocks % 32 == 0;
    if (!*is_header || total == 0) {
        return 0;
    }
    expected[count++] = last;
    while (count < total && count < NUMBERS_MAX) {
        size_t widths;
        if (!slow_zigzag(reader, &min_delta) || miniblocks > reader->size - reader->at) {
            return count;
        }
        widths = reader->at;
        reader->at += (size_t)miniblocks;
        for (uint64_t m = 0; m < miniblocks && count < total && count < NUMBERS_MAX; m++) {
            uint64_t size = block_size / miniblocks;
            uint64_t wanted = total - count < size ? total - count : size;
            unsigned width = reader->data[widths + m];
            size_t bit = reader->at * 8;
            /* A miniblock is read whole or not at all. */
            if (width > 64 || (width > 0 && wanted > (reader->size - reader->at) * 8 / width)) {
                return count;
            }
            for (uint64_t i = 0; i < wanted && count < NUMBERS_MAX; i++) {
                uint64_t delta = 0;
                for (unsigned j = 0; j < width; j++, bit++) {
                    delta |= (uint64_t)(reader->data[bit / 8] >> (bit % 8) & 1) << j;
                }
                last += min_delta + delta;
                expected[count++] = last;
            }
            if (width > 0) {
                uint64_t bytes = size / 8 > reader->size ? reader->size : size / 8 * width;
                reader->at =
                    bytes > reader->size - reader->at ? reader->size : reader->at + (size_t)bytes;
            }
        }
    }
    return count;
}

static void check_level(const uint8_t *data, size_t size, unsigned bits, size_t step, size_t count,
                        bool is_header, const struct kernels *kernels) {
    static uint64_t out[NUMBERS_MAX];
    struct delta_reader reader;
    size_t done = 0;

    FUZZ_ASSERT(ktki_delta_begin(&reader, ktki_cursor(data, size), bits / 8, kernels) == is_header);
    if (!is_header) {
        return;
    }
    while (done + step <= count) {
        FUZZ_ASSERT(ktki_delta_next(&reader, step, out));
        for (size_t i = 0; i < step; i++) {
            uint64_t value = 0;
            memcpy(&value, (const uint8_t *)out + i * bits / 8, bits / 8);
            FUZZ_ASSERT(value == (bits == 32 ? (uint32_t)expected[done + i] : expected[done + i]));
        }
        done += step;
    }
    if (count < NUMBERS_MAX) {
        FUZZ_ASSERT(!ktki_delta_next(&reader, count - done + 1, out));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned bits;
    size_t step;
    size_t count;
    bool is_header;

    if (size < 2) {
        return 0;
    }
    bits = (data[0] & 1) != 0 ? 64 : 32;
    step = data[1] + (size_t)1;
    count = read_slowly(&(struct slow_reader){data + 2, size - 2, 0}, &is_header);
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        if (ktki_kernels_of_level(level) != NULL) {
            check_level(data + 2, size - 2, bits, step, count, is_header,
                        ktki_kernels_of_level(level));
        }
    }
    return 0;
}
