/* The loops of kernels.h that serve writing; part of kernels_body.h. */

/* ---- smallest and largest ---- */

/* Values that are compared side by side: a register of the widest kind each, twice. */
#define RANGE_LANES(type) ((size_t)2 * 64 / sizeof(type))

/* A comparison with NaN is false, so that it takes no lane. */
#define DEFINE_RANGE(name, type)                                                                   \
    static void name(const type *values, size_t count, type *min, type *max) {                     \
        type low[RANGE_LANES(type)];                                                               \
        type high[RANGE_LANES(type)];                                                              \
        size_t i = 0;                                                                              \
                                                                                                   \
        for (size_t k = 0; k < RANGE_LANES(type); k++) {                                           \
            low[k] = *min;                                                                         \
            high[k] = *max;                                                                        \
        }                                                                                          \
        for (; i + RANGE_LANES(type) <= count; i += RANGE_LANES(type)) {                           \
            for (size_t k = 0; k < RANGE_LANES(type); k++) {                                       \
                low[k] = values[i + k] < low[k] ? values[i + k] : low[k];                          \
                high[k] = values[i + k] > high[k] ? values[i + k] : high[k];                       \
            }                                                                                      \
        }                                                                                          \
        for (; i < count; i++) {                                                                   \
            low[0] = values[i] < low[0] ? values[i] : low[0];                                      \
            high[0] = values[i] > high[0] ? values[i] : high[0];                                   \
        }                                                                                          \
        for (size_t k = 0; k < RANGE_LANES(type); k++) {                                           \
            *min = low[k] < *min ? low[k] : *min;                                                  \
            *max = high[k] > *max ? high[k] : *max;                                                \
        }                                                                                          \
    }

DEFINE_RANGE(range_int32, int32_t)
DEFINE_RANGE(range_int64, int64_t)
DEFINE_RANGE(range_uint32, uint32_t)
DEFINE_RANGE(range_uint64, uint64_t)
DEFINE_RANGE(range_float, float)
DEFINE_RANGE(range_double, double)

/* ---- packing ---- */

/* Bits that do not fill a word yet. */
struct pack_bits {
    uint64_t word;
    unsigned count;
};

static inline uint8_t *put_bits(uint8_t *at, struct pack_bits *pending, uint64_t bits,
                                unsigned count) {
    unsigned used = pending->count;

    pending->word |= bits << used;
    pending->count += count;
    if (pending->count >= 64) {
        memcpy(at, &pending->word, sizeof(pending->word));
        at += sizeof(pending->word);
        pending->word = used == 0 ? 0 : bits >> (64 - used);
        pending->count -= 64;
    }
    return at;
}

static uint8_t *flush_bits(uint8_t *at, const struct pack_bits *pending) {
    memcpy(at, &pending->word, sizeof(pending->word));
    return at + (pending->count + 7) / 8;
}

static uint8_t *pack_pairs(const uint32_t *values, size_t count, unsigned bit_width, uint8_t *out) {
    struct pack_bits pending = {0, 0};

    for (size_t i = 0; i < count; i += 2) {
        uint64_t pair = values[i] | (uint64_t)values[i + 1] << bit_width;

        out = put_bits(out, &pending, pair, 2 * bit_width);
    }
    return flush_bits(out, &pending);
}

#if defined(__AVX2__) && defined(__BMI2__)

/* Eight numbers are narrowed to bytes or halves, and their bits moved together. */
static uint8_t *pack_narrow(const uint32_t *values, size_t count, unsigned bit_width,
                            uint8_t *out) {
    const uint64_t mask = 0x0101010101010101u * ((1u << bit_width) - 1);

    for (size_t i = 0; i < count; i += 8) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(values + i));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(values + i + 4));
        __m128i halves = _mm_packus_epi32(low, high);
        uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(halves, halves));
        uint64_t bits = _pext_u64(bytes, mask);

        memcpy(out, &bits, sizeof(bits));
        out += bit_width;
    }
    return out;
}

static uint8_t *pack_halves(const uint32_t *values, size_t count, unsigned bit_width,
                            uint8_t *out) {
    const uint64_t mask = 0x0001000100010001u * ((1u << bit_width) - 1);
    const unsigned half = 4 * bit_width; /* 36 to 64 */

    for (size_t i = 0; i < count; i += 8) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(values + i));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(values + i + 4));
        __m128i halves = _mm_packus_epi32(low, high);
        uint64_t first = _pext_u64((uint64_t)_mm_cvtsi128_si64(halves), mask);
        uint64_t second = _pext_u64((uint64_t)_mm_extract_epi64(halves, 1), mask);
        uint64_t head = half == 64 ? first : first | second << half;
        uint64_t tail = half == 64 ? second : second >> (64 - half);

        memcpy(out, &head, sizeof(head));
        memcpy(out + sizeof(head), &tail, sizeof(tail));
        out += bit_width;
    }
    return out;
}

static uint8_t *pack(const uint32_t *values, size_t count, unsigned bit_width, uint8_t *out) {
    return bit_width <= 8    ? pack_narrow(values, count, bit_width, out)
           : bit_width <= 16 ? pack_halves(values, count, bit_width, out)
                             : pack_pairs(values, count, bit_width, out);
}

#else

static uint8_t *pack(const uint32_t *values, size_t count, unsigned bit_width, uint8_t *out) {
    return pack_pairs(values, count, bit_width, out);
}

#endif
