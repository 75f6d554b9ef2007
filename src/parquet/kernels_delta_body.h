/* The loops of kernels.h for differences; part of kernels_body.h. */

/* ---- unpacking of wide numbers ---- */

/* Sixteen bytes from `at` on, zeroes behind the end. */
static inline void load_window(const uint8_t *packed, size_t packed_size, size_t at,
                               uint64_t out[2]) {
    size_t left = packed_size - at;

    out[0] = 0;
    out[1] = 0;
    memcpy(out, packed + at, left < 16 ? left : 16);
}

static void unpack_64(const uint8_t *packed, size_t packed_size, unsigned bit_width, size_t count,
                      uint64_t *out) {
    const uint64_t mask = UINT64_MAX >> (64 - bit_width);
    size_t bit = 0;

    for (size_t i = 0; i < count; i++, bit += bit_width) {
        unsigned shift = bit & 7;
        uint64_t window[2];
        load_window(packed, packed_size, bit >> 3, window);
        /* Two steps, because a shift by 64 is none. */
        out[i] = (window[0] >> shift | window[1] << 1 << (63 - shift)) & mask;
    }
}

/* ---- running sums ---- */

/* The numbers [from, count). */
#define RUNNING_SUM(name, number, delta_number)                                                    \
    static number name(const delta_number *deltas, size_t from, size_t count, number step,         \
                       number last, uint8_t *out) {                                                \
        for (size_t i = from; i < count; i++) {                                                    \
            last += step + deltas[i];                                                              \
            memcpy(out + i * sizeof(last), &last, sizeof(last));                                   \
        }                                                                                          \
        return last;                                                                               \
    }

RUNNING_SUM(running_sum_32_scalar, uint32_t, uint32_t)
RUNNING_SUM(running_sum_64_scalar, uint64_t, uint64_t)
RUNNING_SUM(running_sum_64_of_32_scalar, uint64_t, uint32_t)

#if defined(__AVX2__)

/* Sums within each half by shifts, then the sum of the lower half is added to the upper one, and
 * the last number to all. */
static uint32_t running_sum_32(const uint32_t *deltas, size_t count, uint32_t step, uint32_t last,
                               uint8_t *out) {
    const __m256i steps = _mm256_set1_epi32((int)step);
    const __m256i top = _mm256_set1_epi32(7);
    __m256i carry = _mm256_set1_epi32((int)last);
    size_t i = 0;

    for (; i + 8 <= count; i += 8) {
        __m256i sum = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(deltas + i)), steps);
        __m256i lower;
        sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 4));
        sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
        lower = _mm256_permute2x128_si256(sum, sum, 0x08);
        sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(lower, 0xFF));
        sum = _mm256_add_epi32(sum, carry);
        carry = _mm256_permutevar8x32_epi32(sum, top);
        _mm256_storeu_si256((__m256i *)(out + i * sizeof(last)), sum);
    }
    last = (uint32_t)_mm256_cvtsi256_si32(carry);
    return running_sum_32_scalar(deltas, i, count, step, last, out);
}

static inline __m256i sum_of_four(__m256i sum, __m256i *carry) {
    __m256i lower;

    sum = _mm256_add_epi64(sum, _mm256_slli_si256(sum, 8));
    lower = _mm256_permute2x128_si256(sum, sum, 0x08);
    sum = _mm256_add_epi64(sum, _mm256_unpackhi_epi64(lower, lower));
    sum = _mm256_add_epi64(sum, *carry);
    *carry = _mm256_permute4x64_epi64(sum, 0xFF);
    return sum;
}

static uint64_t running_sum_64(const uint64_t *deltas, size_t count, uint64_t step, uint64_t last,
                               uint8_t *out) {
    const __m256i steps = _mm256_set1_epi64x((long long)step);
    __m256i carry = _mm256_set1_epi64x((long long)last);
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m256i sum = _mm256_add_epi64(_mm256_loadu_si256((const __m256i *)(deltas + i)), steps);
        _mm256_storeu_si256((__m256i *)(out + i * sizeof(last)), sum_of_four(sum, &carry));
    }
    last = (uint64_t)_mm256_extract_epi64(carry, 0);
    return running_sum_64_scalar(deltas, i, count, step, last, out);
}

static uint64_t running_sum_64_of_32(const uint32_t *deltas, size_t count, uint64_t step,
                                     uint64_t last, uint8_t *out) {
    const __m256i steps = _mm256_set1_epi64x((long long)step);
    __m256i carry = _mm256_set1_epi64x((long long)last);
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        __m256i wide = _mm256_cvtepu32_epi64(_mm_loadu_si128((const __m128i *)(deltas + i)));
        _mm256_storeu_si256((__m256i *)(out + i * sizeof(last)),
                            sum_of_four(_mm256_add_epi64(wide, steps), &carry));
    }
    last = (uint64_t)_mm256_extract_epi64(carry, 0);
    return running_sum_64_of_32_scalar(deltas, i, count, step, last, out);
}

#else

static uint32_t running_sum_32(const uint32_t *deltas, size_t count, uint32_t step, uint32_t last,
                               uint8_t *out) {
    return running_sum_32_scalar(deltas, 0, count, step, last, out);
}

static uint64_t running_sum_64(const uint64_t *deltas, size_t count, uint64_t step, uint64_t last,
                               uint8_t *out) {
    return running_sum_64_scalar(deltas, 0, count, step, last, out);
}

static uint64_t running_sum_64_of_32(const uint32_t *deltas, size_t count, uint64_t step,
                                     uint64_t last, uint8_t *out) {
    return running_sum_64_of_32_scalar(deltas, 0, count, step, last, out);
}

#endif
