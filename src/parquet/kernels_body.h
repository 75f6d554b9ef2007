/* The loops of kernels.h. Included once by each kernels_<isa>.c, which is compiled for that
 * instruction set; what the set offers shows in the compiler's macros. No include guard on
 * purpose: each file includes it once. */

#include "parquet/kernels.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

static inline uint64_t load_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* ---- unpacking ---- */

/* Numbers [from, count): eight bytes are loaded for each while they lie inside, a copy with zeroes
 * behind it serves the last ones. */
static void unpack_scalar(const uint8_t *packed, size_t packed_size, unsigned bit_width,
                          size_t from, size_t count, uint32_t *out) {
    const uint64_t mask = ((uint64_t)1 << bit_width) - 1;
    size_t bit = from * bit_width;
    uint8_t tail[2 * sizeof(uint64_t)] = {0};
    size_t tail_start;
    size_t i = from;

    for (; i < count && (bit >> 3) + sizeof(uint64_t) <= packed_size; i++, bit += bit_width) {
        out[i] = (uint32_t)(load_u64(packed + (bit >> 3)) >> (bit & 7) & mask);
    }
    if (i == count) {
        return;
    }
    tail_start = bit >> 3;
    memcpy(tail, packed + tail_start, packed_size - tail_start);
    for (; i < count; i++, bit += bit_width) {
        out[i] = (uint32_t)(load_u64(tail + ((bit >> 3) - tail_start)) >> (bit & 7) & mask);
    }
}

#if defined(__AVX2__)

/* Eight numbers of w bits fill w bytes. Numbers 0-3 are cut from the sixteen bytes at the start,
 * numbers 4-7 from the sixteen bytes at w / 2: every number lies in a window of four bytes as long
 * as w is at most 25. */
#define UNPACK_WIDTH_MAX 25

#define BIT_OF(w, k) ((k) * (w) - ((k) < 4 ? 0 : (w) / 2 * 8))
#define WINDOW(w, k)                                                                               \
    BIT_OF(w, k) / 8, BIT_OF(w, k) / 8 + 1, BIT_OF(w, k) / 8 + 2, BIT_OF(w, k) / 8 + 3
#define SHUFFLE(w)                                                                                 \
    {WINDOW(w, 0), WINDOW(w, 1), WINDOW(w, 2), WINDOW(w, 3),                                       \
     WINDOW(w, 4), WINDOW(w, 5), WINDOW(w, 6), WINDOW(w, 7)}
#define SHIFT(w)                                                                                   \
    {BIT_OF(w, 0) % 8, BIT_OF(w, 1) % 8, BIT_OF(w, 2) % 8, BIT_OF(w, 3) % 8,                       \
     BIT_OF(w, 4) % 8, BIT_OF(w, 5) % 8, BIT_OF(w, 6) % 8, BIT_OF(w, 7) % 8}
#define EACH_WIDTH(of)                                                                             \
    of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9), of(10), of(11), of(12),  \
        of(13), of(14), of(15), of(16), of(17), of(18), of(19), of(20), of(21), of(22), of(23),    \
        of(24), of(25)

static const uint8_t shuffles[UNPACK_WIDTH_MAX + 1][32] = {EACH_WIDTH(SHUFFLE)};
static const uint32_t shifts[UNPACK_WIDTH_MAX + 1][8] = {EACH_WIDTH(SHIFT)};

static void unpack(const uint8_t *packed, size_t packed_size, unsigned bit_width, size_t count,
                   uint32_t *out) {
    size_t i = 0;

    if (bit_width <= UNPACK_WIDTH_MAX) {
        const __m256i shuffle = _mm256_loadu_si256((const __m256i *)shuffles[bit_width]);
        const __m256i shift = _mm256_loadu_si256((const __m256i *)shifts[bit_width]);
        const __m256i mask = _mm256_set1_epi32((int)(((uint32_t)1 << bit_width) - 1));
        const size_t half = bit_width / 2;
        const uint8_t *at = packed;
        size_t left = packed_size;

        for (; i + 8 <= count && left >= half + 16; i += 8) {
            __m256i bytes = _mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at)),
                _mm_loadu_si128((const __m128i *)(at + half)), 1);
            bytes = _mm256_srlv_epi32(_mm256_shuffle_epi8(bytes, shuffle), shift);
            _mm256_storeu_si256((__m256i *)(out + i), _mm256_and_si256(bytes, mask));
            at += bit_width;
            left -= bit_width;
        }
    }
    unpack_scalar(packed, packed_size, bit_width, i, count, out);
}

#else

static void unpack(const uint8_t *packed, size_t packed_size, unsigned bit_width, size_t count,
                   uint32_t *out) {
    unpack_scalar(packed, packed_size, bit_width, 0, count, out);
}

#endif

static uint32_t max_of(const uint32_t *values, size_t count) {
    uint32_t max = 0;

    for (size_t i = 0; i < count; i++) {
        max = values[i] > max ? values[i] : max;
    }
    return max;
}

/* ---- gather and fill ---- */

struct bytes_16 {
    uint64_t parts[2];
};
struct bytes_32 {
    uint64_t parts[4];
};

#define GATHER_AND_FILL(name, type)                                                                \
    static void gather_##name(const uint8_t *entries, const uint32_t *indices, size_t count,       \
                              size_t width, uint8_t *out) {                                        \
        (void)width;                                                                               \
        for (size_t i = 0; i < count; i++) {                                                       \
            memcpy(out + i * sizeof(type), entries + (size_t)indices[i] * sizeof(type),            \
                   sizeof(type));                                                                  \
        }                                                                                          \
    }                                                                                              \
    static void fill_##name(const uint8_t *value, size_t count, size_t width, uint8_t *out) {      \
        type copy;                                                                                 \
        (void)width;                                                                               \
        memcpy(&copy, value, sizeof(copy));                                                        \
        for (size_t i = 0; i < count; i++) {                                                       \
            memcpy(out + i * sizeof(copy), &copy, sizeof(copy));                                   \
        }                                                                                          \
    }

GATHER_AND_FILL(1, uint8_t)
GATHER_AND_FILL(2, uint16_t)
GATHER_AND_FILL(4, uint32_t)
GATHER_AND_FILL(8, uint64_t)
GATHER_AND_FILL(16, struct bytes_16)
GATHER_AND_FILL(32, struct bytes_32)

static void gather_any(const uint8_t *entries, const uint32_t *indices, size_t count, size_t width,
                       uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * width, entries + indices[i] * width, width);
    }
}

static void fill_any(const uint8_t *value, size_t count, size_t width, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * width, value, width);
    }
}

/* ---- expansion ---- */

/* `count` (1 … 64) bits from `bit` on; touches no byte without a wanted bit. */
static inline uint64_t load_validity(const uint8_t *validity, int64_t bit, size_t count) {
    const uint8_t *at = validity + (bit >> 3);
    unsigned shift = (unsigned)(bit & 7);
    size_t size = (count + shift + 7) / 8;
    uint64_t word = 0;

    if (size >= sizeof(word)) {
        word = load_u64(at) >> shift;
        if (size > sizeof(word)) {
            word |= (uint64_t)at[8] << (64 - shift);
        }
    } else {
        memcpy(&word, at, size);
        word >>= shift;
    }
    return count == 64 ? word : word & (((uint64_t)1 << count) - 1);
}

static inline size_t count_bits(uint64_t word) {
    return (size_t)__builtin_popcountll(word);
}

/* Sixty-four rows at a time: all there and none there are a copy and a fill, the rest is the
 * business of `some`, which places the values of one word. */
#define EXPAND_BY_WORDS(some, width)                                                               \
    size_t used = 0;                                                                               \
    for (size_t i = 0; i < count; i += 64) {                                                       \
        size_t rows = count - i < 64 ? count - i : 64;                                             \
        uint64_t word = load_validity(validity, bit + (int64_t)i, rows);                           \
        size_t there = count_bits(word);                                                           \
        const uint8_t *from = dense + used * (width);                                              \
        uint8_t *to = out + i * (width);                                                           \
        if (there == rows) {                                                                       \
            memcpy(to, from, rows *(width));                                                       \
        } else if (there == 0) {                                                                   \
            memset(to, 0, rows *(width));                                                          \
        } else {                                                                                   \
            some(from, dense_count - used, word, rows, (width), to);                               \
        }                                                                                          \
        used += there;                                                                             \
    }

static inline void place(const uint8_t *from, size_t left, uint64_t word, size_t rows, size_t width,
                         uint8_t *to) {
    (void)left;
    memset(to, 0, rows * width);
    while (word != 0) {
        memcpy(to + (size_t)__builtin_ctzll(word) * width, from, width);
        from += width;
        word &= word - 1;
    }
}

#if defined(__AVX512F__) && defined(__AVX512VL__)

static inline void place_4(const uint8_t *from, size_t left, uint64_t word, size_t rows,
                           size_t width, uint8_t *to) {
    for (size_t i = 0; i < rows; i += 16, word >>= 16) {
        __mmask16 there = (__mmask16)word;
        size_t taken = count_bits(there);
        __mmask16 lanes = rows - i < 16 ? (__mmask16)((1u << (rows - i)) - 1) : 0xFFFF;
        __m512i values = _mm512_maskz_loadu_epi32(
            left < 16 ? (__mmask16)((1u << left) - 1) : (__mmask16)0xFFFF, from);
        _mm512_mask_storeu_epi32(to + i * width, lanes, _mm512_maskz_expand_epi32(there, values));
        from += taken * width;
        left -= taken;
    }
}

static inline void place_8(const uint8_t *from, size_t left, uint64_t word, size_t rows,
                           size_t width, uint8_t *to) {
    for (size_t i = 0; i < rows; i += 8, word >>= 8) {
        __mmask8 there = (__mmask8)word;
        size_t taken = count_bits(there);
        __mmask8 lanes = rows - i < 8 ? (__mmask8)((1u << (rows - i)) - 1) : 0xFF;
        __m512i values = _mm512_maskz_loadu_epi64(
            left < 8 ? (__mmask8)((1u << left) - 1) : (__mmask8)0xFF, from);
        _mm512_mask_storeu_epi64(to + i * width, lanes, _mm512_maskz_expand_epi64(there, values));
        from += taken * width;
        left -= taken;
    }
}

#elif defined(__AVX2__)

/* Which of the values go to eight places of four bytes, by the set bits of a byte: for each place
 * the number of set bits before it. */
#define BITS_BEFORE(n, k) (uint8_t)__builtin_popcount((n) & ((1u << (k)) - 1))
#define SOURCES_OF(n)                                                                              \
    {BITS_BEFORE(n, 0), BITS_BEFORE(n, 1), BITS_BEFORE(n, 2), BITS_BEFORE(n, 3),                   \
     BITS_BEFORE(n, 4), BITS_BEFORE(n, 5), BITS_BEFORE(n, 6), BITS_BEFORE(n, 7)}
#define FOUR_SOURCES(n) SOURCES_OF(n), SOURCES_OF((n) + 1), SOURCES_OF((n) + 2), SOURCES_OF((n) + 3)
#define SIXTEEN_SOURCES(n)                                                                         \
    FOUR_SOURCES(n), FOUR_SOURCES((n) + 4), FOUR_SOURCES((n) + 8), FOUR_SOURCES((n) + 12)
#define MANY_SOURCES(n)                                                                            \
    SIXTEEN_SOURCES(n), SIXTEEN_SOURCES((n) + 16), SIXTEEN_SOURCES((n) + 32),                      \
        SIXTEEN_SOURCES((n) + 48)

static const uint8_t expand_sources[256][8] = {MANY_SOURCES(0u), MANY_SOURCES(64u),
                                               MANY_SOURCES(128u), MANY_SOURCES(192u)};

/* Places [0, 8) of four bytes whose bits in `there` are set get the next of `values`. */
static inline void place_lanes(const uint8_t *from, unsigned there, uint8_t *to) {
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i sources =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)expand_sources[there]));
    __m256i is_there =
        _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)there), bits), bits);
    __m256i values = _mm256_loadu_si256((const __m256i *)(const void *)from);

    values = _mm256_permutevar8x32_epi32(values, sources);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_and_si256(values, is_there));
}

/* Vectors as long as whole ones can be read and written. */
static inline void place_4(const uint8_t *from, size_t left, uint64_t word, size_t rows,
                           size_t width, uint8_t *to) {
    for (; rows >= 8 && left >= 8; rows -= 8, word >>= 8, to += 8 * width) {
        size_t taken = count_bits(word & 0xFF);
        place_lanes(from, (unsigned)(word & 0xFF), to);
        from += taken * width;
        left -= taken;
    }
    place(from, left, word, rows, width, to);
}

static inline void place_8(const uint8_t *from, size_t left, uint64_t word, size_t rows,
                           size_t width, uint8_t *to) {
    /* Four bits, each of them twice. */
    static const uint8_t twice[16] = {0x00, 0x03, 0x0C, 0x0F, 0x30, 0x33, 0x3C, 0x3F,
                                      0xC0, 0xC3, 0xCC, 0xCF, 0xF0, 0xF3, 0xFC, 0xFF};

    for (; rows >= 4 && left >= 4; rows -= 4, word >>= 4, to += 4 * width) {
        size_t taken = count_bits(word & 0xF);
        place_lanes(from, twice[word & 0xF], to);
        from += taken * width;
        left -= taken;
    }
    place(from, left, word, rows, width, to);
}

#else

#define place_4 place
#define place_8 place

#endif

#define EXPAND(name, bytes, some)                                                                  \
    static void expand_##name(const uint8_t *dense, size_t dense_count, const uint8_t *validity,   \
                              int64_t bit, size_t count, size_t width, uint8_t *out) {             \
        (void)width;                                                                               \
        EXPAND_BY_WORDS(some, bytes)                                                               \
    }

EXPAND(1, 1, place)
EXPAND(2, 2, place)
EXPAND(4, 4, place_4)
EXPAND(8, 8, place_8)
EXPAND(16, 16, place)
EXPAND(32, 32, place)
EXPAND(any, width, place)

static void expand_indices(const uint32_t *dense, size_t dense_count, const uint8_t *validity,
                           int64_t bit, size_t count, uint32_t null, uint32_t *out) {
    expand_4((const uint8_t *)dense, dense_count, validity, bit, count, sizeof(*out),
             (uint8_t *)out);
    if (null == 0) {
        return;
    }
    for (size_t i = 0; i < count; i += 64) {
        size_t rows = count - i < 64 ? count - i : 64;
        uint64_t absent = ~load_validity(validity, bit + (int64_t)i, rows);
        if (rows < 64) {
            absent &= ((uint64_t)1 << rows) - 1;
        }
        for (; absent != 0; absent &= absent - 1) {
            out[i + (size_t)__builtin_ctzll(absent)] = null;
        }
    }
}

#include "parquet/kernels_levels.h"

/* ---- text ---- */

static uint64_t text_size(const struct text_entry *entries, const uint32_t *indices, size_t count) {
    uint64_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += entries[indices[i]].size;
    }
    return size;
}

static inline void copy_text(uint8_t *to, const uint8_t *from, size_t size) {
    memcpy(to, from, KERNEL_SLACK);
    for (size_t done = KERNEL_SLACK; done < size; done += KERNEL_SLACK) {
        memcpy(to + done, from + done, KERNEL_SLACK);
    }
}

#define TEXT_GATHER(name, type)                                                                    \
    static uint64_t text_gather_##name(const struct text_entry *entries, const uint8_t *bytes,     \
                                       const uint32_t *indices, size_t count, uint64_t start,      \
                                       uint8_t *out, type *offsets) {                              \
        uint64_t at = start;                                                                       \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint32_t index;                                                                        \
            struct text_entry entry;                                                               \
            type offset = (type)at;                                                                \
            memcpy(&index, (const uint8_t *)indices + i * sizeof(index), sizeof(index));           \
            entry = entries[index];                                                                \
            memcpy((uint8_t *)offsets + i * sizeof(offset), &offset, sizeof(offset));              \
            copy_text(out + at, bytes + entry.offset, entry.size);                                 \
            at += entry.size;                                                                      \
        }                                                                                          \
        return at;                                                                                 \
    }

TEXT_GATHER(32, int32_t)
TEXT_GATHER(64, int64_t)

/* `copy(to, from)` moves at least `width` bytes. */
#define EVEN_LOOP(type, copy)                                                                      \
    for (size_t i = 0; i < count; i++, at += width) {                                              \
        uint32_t index;                                                                            \
        type offset = (type)at;                                                                    \
        memcpy(&index, (const uint8_t *)indices + i * sizeof(index), sizeof(index));               \
        memcpy((uint8_t *)offsets + i * sizeof(offset), &offset, sizeof(offset));                  \
        copy(out + at, bytes + sizeof(uint32_t) + index * (sizeof(uint32_t) + width));             \
    }

#define COPY_1(to, from) memcpy((to), (from), 1)
#define COPY_8(to, from) memcpy((to), (from), 8)
#define COPY_ANY(to, from) copy_text((to), (from), width)

#define EVEN_GATHER(name, type)                                                                    \
    static uint64_t even_gather_##name(size_t width, const uint8_t *bytes,                         \
                                       const uint32_t *indices, size_t count, uint64_t start,      \
                                       uint8_t *out, type *offsets) {                              \
        uint64_t at = start;                                                                       \
        if (width == 1) {                                                                          \
            EVEN_LOOP(type, COPY_1)                                                                \
        } else if (width <= 8) {                                                                   \
            EVEN_LOOP(type, COPY_8)                                                                \
        } else {                                                                                   \
            EVEN_LOOP(type, COPY_ANY)                                                              \
        }                                                                                          \
        return at;                                                                                 \
    }

EVEN_GATHER(32, int32_t)
EVEN_GATHER(64, int64_t)

static bool is_ascii(const uint8_t *data, size_t size) {
    size_t i = 0;

    for (; i + 64 <= size; i += 64) {
        uint64_t bits = 0;
        for (size_t j = 0; j < 64; j += 8) {
            bits |= load_u64(data + i + j);
        }
        if ((bits & 0x8080808080808080u) != 0) {
            return false;
        }
    }
    for (; i < size; i++) {
        if (data[i] > 0x7F) {
            return false;
        }
    }
    return true;
}

#include "parquet/kernels_delta_body.h"
#include "parquet/kernels_split_body.h"
#include "parquet/kernels_write_body.h"

#define BY_WIDTH(kernel)                                                                           \
    {                                                                                              \
        [WIDTH_1] = kernel##_1,     [WIDTH_2] = kernel##_2,   [WIDTH_4] = kernel##_4,              \
        [WIDTH_8] = kernel##_8,     [WIDTH_16] = kernel##_16, [WIDTH_32] = kernel##_32,            \
        [WIDTH_ANY] = kernel##_any,                                                                \
    }

const struct kernels KERNELS_NAME = {
    .name = KERNELS_TEXT,
    .unpack = unpack,
    .unpack_64 = unpack_64,
    .running_sum_32 = running_sum_32,
    .running_sum_64 = running_sum_64,
    .running_sum_64_of_32 = running_sum_64_of_32,
    .join_streams = join_streams,
    .split_streams = split_streams,
    .max = max_of,
    .gather = BY_WIDTH(gather),
    .fill = BY_WIDTH(fill),
    .expand = BY_WIDTH(expand),
    .expand_indices = expand_indices,
    .unpack_bytes = unpack_bytes,
    .max_byte = max_byte,
    .level_slots = level_slots,
    .level_offsets_32 = level_offsets_32,
    .level_offsets_64 = level_offsets_64,
    .level_continues = level_continues,
    .text_size = text_size,
    .text_gather_32 = text_gather_32,
    .text_gather_64 = text_gather_64,
    .even_gather_32 = even_gather_32,
    .even_gather_64 = even_gather_64,
    .is_ascii = is_ascii,
    .range_int32 = range_int32,
    .range_int64 = range_int64,
    .range_uint32 = range_uint32,
    .range_uint64 = range_uint64,
    .range_float = range_float,
    .range_double = range_double,
    .pack = pack,
};
