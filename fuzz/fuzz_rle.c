/* Runs read by the library hold the same numbers as those that a bit-by-bit reader finds. */
#include "fuzz.h"

#include <string.h>

#include "parquet/rle.h"

#define NUMBERS_MAX ((size_t)100000)

static uint32_t expected[NUMBERS_MAX];
static bool is_out_of_bounds; /* why the numbers end */

/* The specification, word by word: a varint, then either groups of eight packed numbers or one
 * number in whole bytes. */
static size_t read_slowly(const uint8_t *data, size_t size, unsigned width, uint32_t bound) {
    size_t at = 0;
    size_t count = 0;

    while (at < size && count < NUMBERS_MAX) {
        uint64_t head = 0;
        unsigned shift = 0;
        uint8_t byte = 0x80;
        for (; at < size && (byte & 0x80) != 0; shift += 7) {
            byte = data[at++];
            if (shift > 63 || (shift == 63 && byte > 1)) {
                return count;
            }
            head |= (uint64_t)(byte & 0x7F) << shift;
        }
        if ((byte & 0x80) != 0) {
            return count;
        }
        if ((head & 1) != 0) {
            uint64_t bits_left = (uint64_t)(size - at) * 8;
            for (uint64_t i = 0; i < (head >> 1) * 8 && count < NUMBERS_MAX; i++) {
                uint32_t value = 0;
                if (i * width + width > bits_left) {
                    return count;
                }
                for (unsigned bit = 0; bit < width; bit++) {
                    uint64_t position = at * 8 + i * width + bit;
                    value |= (uint32_t)(data[position / 8] >> (position % 8) & 1) << bit;
                }
                if (value >= bound) {
                    is_out_of_bounds = true;
                    return count;
                }
                expected[count++] = value;
            }
            if ((head >> 1) > (size - at) / (width == 0 ? 1 : width) && width > 0) {
                return count;
            }
            at += (size_t)(head >> 1) * width;
        } else {
            uint32_t value = 0;
            if (size - at < (width + 7) / 8) {
                return count;
            }
            memcpy(&value, data + at, (width + 7) / 8);
            at += (width + 7) / 8;
            if (width < 32 && value >> width != 0) {
                return count;
            }
            if (head >> 1 > 0 && value >= bound) {
                return count;
            }
            for (uint64_t i = 0; i < head >> 1 && count < NUMBERS_MAX; i++) {
                expected[count++] = value;
            }
        }
    }
    return count;
}

static uint32_t read_value(const struct index_piece *piece, size_t i) {
    return piece->indices == NULL ? piece->value : piece->indices[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct index_reader reader;
    unsigned width;
    uint32_t bound;
    size_t wanted;
    size_t count;

    if (size < 4) {
        return 0;
    }
    width = data[0] % 33;
    bound = data[1] == 0 ? UINT32_MAX : (uint32_t)data[1] << (data[2] % 24);
    wanted = data[3] + (size_t)1;
    is_out_of_bounds = false;
    count = read_slowly(data + 4, size - 4, width, bound);
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        const struct kernels *kernels = ktki_kernels_of_level(level);
        struct index_piece piece;
        const uint32_t *exact;
        size_t done = 0;
        if (kernels == NULL) {
            continue;
        }
        ktki_index_init(&reader, ktki_cursor(data + 4, size - 4), width, bound, kernels);
        /* A block with a number out of bounds is refused whole, so that fewer may be seen here. */
        while (done < count && ktki_index_some(&reader, wanted, &piece)) {
            FUZZ_ASSERT(piece.count >= 1 && piece.count <= wanted);
            for (size_t i = 0; i < piece.count && done < count; i++) {
                FUZZ_ASSERT(read_value(&piece, i) == expected[done++]);
            }
        }
        FUZZ_ASSERT(done == count || is_out_of_bounds);
        ktki_index_init(&reader, ktki_cursor(data + 4, size - 4), width, bound, kernels);
        for (done = 0; done + wanted <= count && ktki_index_exactly(&reader, wanted, &exact);
             done += wanted) {
            FUZZ_ASSERT(memcmp(exact, expected + done, wanted * sizeof(*exact)) == 0);
        }
    }
    return 0;
}
