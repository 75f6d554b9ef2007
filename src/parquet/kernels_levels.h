/* The loops over levels, a part of kernels_body.h. Sixty-four entries at a time become masks of
 * bits; what is left is counting and picking bits. */

/* Group i of eight numbers fills `bit_width` bytes, so that it never takes more than one word. */
static void unpack_bytes(const uint8_t *packed, size_t packed_size, unsigned bit_width,
                         size_t count, uint8_t *out) {
    const uint64_t mask = 0x0101010101010101u * (((uint64_t)1 << bit_width) - 1);

    for (size_t i = 0; i < count; i += 8) {
        size_t left = packed_size - i / 8 * bit_width;
        size_t taken = count - i < 8 ? count - i : 8;
        uint64_t word = 0;
        uint64_t bytes = 0;
        memcpy(&word, packed + i / 8 * bit_width, left < sizeof(word) ? left : sizeof(word));
#if defined(__BMI2__)
        bytes = _pdep_u64(word, mask);
#else
        for (unsigned k = 0; k < 8; k++) {
            bytes |= (word >> (k * bit_width) & (mask & 0xFF)) << (8 * k);
        }
#endif
        memcpy(out + i, &bytes, taken);
    }
}

static uint8_t max_byte(const uint8_t *values, size_t count) {
    uint8_t max = 0;

    for (size_t i = 0; i < count; i++) {
        max = values[i] > max ? values[i] : max;
    }
    return max;
}

/* Which of 64 levels are at least `bound`. */
static inline uint64_t at_least(const uint8_t *levels, uint8_t bound) {
#if defined(__AVX512BW__)
    return _mm512_cmpge_epu8_mask(_mm512_loadu_si512(levels), _mm512_set1_epi8((char)bound));
#elif defined(__AVX2__)
    const __m256i bounds = _mm256_set1_epi8((char)bound);
    __m256i low = _mm256_loadu_si256((const __m256i *)levels);
    __m256i high = _mm256_loadu_si256((const __m256i *)(levels + 32));

    low = _mm256_cmpeq_epi8(_mm256_max_epu8(low, bounds), low);
    high = _mm256_cmpeq_epi8(_mm256_max_epu8(high, bounds), high);
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
#else
    uint64_t bits = 0;

    for (unsigned i = 0; i < 64; i++) {
        bits |= (uint64_t)(levels[i] >= bound) << i;
    }
    return bits;
#endif
}

/* The bits of `bits` where `mask` is set, moved together. */
static inline uint64_t pick_bits(uint64_t bits, uint64_t mask) {
#if defined(__BMI2__)
    return _pext_u64(bits, mask);
#else
    uint64_t picked = 0;

    for (unsigned i = 0; mask != 0; i++, mask &= mask - 1) {
        picked |= (bits >> __builtin_ctzll(mask) & 1) << i;
    }
    return picked;
#endif
}

/* Entries of a block from `from` on (at most 64) with these levels. */
static inline uint64_t entries_with(const struct level_block *levels, size_t from,
                                    uint8_t repetition_max, uint8_t definition_min) {
    size_t left = levels->count - from;
    uint64_t bits = at_least(levels->definition + from, definition_min);

    if (levels->repetition != NULL) {
        bits &= ~at_least(levels->repetition + from, (uint8_t)(repetition_max + 1));
    }
    return left < 64 ? bits & (((uint64_t)1 << left) - 1) : bits;
}

static size_t level_slots(const struct level_rule *rule, const struct level_block *levels,
                          uint8_t *bits) {
    uint64_t word = 0;
    size_t count = 0;

    for (size_t i = 0; i < levels->count; i += 64) {
        uint64_t slots = entries_with(levels, i, rule->repetition, rule->slot);
        size_t added = count_bits(slots);
        if (bits != NULL) {
            uint64_t valid = pick_bits(at_least(levels->definition + i, rule->valid), slots);
            unsigned shift = (unsigned)(count % 64);
            word |= valid << shift;
            memcpy(bits + count / 64 * sizeof(word), &word, sizeof(word));
            if (shift + added >= 64) {
                word = shift == 0 ? 0 : valid >> (64 - shift);
                memcpy(bits + (count / 64 + 1) * sizeof(word), &word, sizeof(word));
            }
        }
        count += added;
    }
    return count;
}

#define LEVEL_OFFSETS(name, type)                                                                  \
    static int64_t level_offsets_##name(const struct level_rule *rule, uint8_t item,               \
                                        const struct level_block *levels, int64_t first,           \
                                        type *offsets) {                                           \
        int64_t items = first;                                                                     \
        for (size_t i = 0; i < levels->count; i += 64) {                                           \
            uint64_t slots = entries_with(levels, i, rule->repetition, rule->slot);                \
            uint64_t made = entries_with(levels, i, (uint8_t)(rule->repetition + 1), item);        \
            for (; slots != 0; slots &= slots - 1) {                                               \
                uint64_t before = made & ((slots & (0 - slots)) - 1);                              \
                *offsets++ = (type)(items + (int64_t)count_bits(before));                          \
            }                                                                                      \
            items += (int64_t)count_bits(made);                                                    \
        }                                                                                          \
        return items;                                                                              \
    }

LEVEL_OFFSETS(32, int32_t)
LEVEL_OFFSETS(64, int64_t)

static bool level_continues(uint8_t repetition, uint8_t item, const struct level_block *levels,
                            uint8_t before) {
    uint64_t carry = before >= item;

    for (size_t i = 0; i < levels->count; i += 64) {
        size_t left = levels->count - i;
        uint64_t items = at_least(levels->definition + i, item);
        uint64_t continuing = at_least(levels->repetition + i, repetition) &
                              ~at_least(levels->repetition + i, (uint8_t)(repetition + 1));
        if (left < 64) {
            continuing &= ((uint64_t)1 << left) - 1;
        }
        if ((continuing & ~(items & (items << 1 | carry))) != 0) {
            return false;
        }
        carry = items >> 63;
    }
    return true;
}
