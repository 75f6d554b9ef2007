/* The loops of kernels.h for streams of bytes; part of kernels_body.h. Byte k of all values lies in
 * stream k, and the streams are `stride` bytes apart. */

/* Values of one tile stay in fast memory while their bytes come and go. */
#define TILE_VALUES ((size_t)256)

static void join_any(const uint8_t *streams, size_t stride, size_t from, size_t count, size_t width,
                     uint8_t *out) {
    for (size_t start = from; start < count; start += TILE_VALUES) {
        size_t end = count - start < TILE_VALUES ? count : start + TILE_VALUES;
        for (size_t k = 0; k < width; k++) {
            for (size_t i = start; i < end; i++) {
                out[i * width + k] = streams[k * stride + i];
            }
        }
    }
}

static void split_any(const uint8_t *values, size_t from, size_t count, size_t width, size_t stride,
                      uint8_t *streams) {
    for (size_t start = from; start < count; start += TILE_VALUES) {
        size_t end = count - start < TILE_VALUES ? count : start + TILE_VALUES;
        for (size_t k = 0; k < width; k++) {
            for (size_t i = start; i < end; i++) {
                streams[k * stride + i] = values[i * width + k];
            }
        }
    }
}

#if defined(__SSE2__)

/* Sixteen values at a time. Interleaving each vector with the one half of them further on rotates
 * the bits of every byte's address, counted over all vectors, to the left by one. From the address
 * (stream, value) to (value, stream) it is as many steps as a stream's number has bits, back as
 * many as a value's: four. */
#define INTERLEAVE(in, to, vectors)                                                                \
    for (size_t v = 0; v < (vectors) / 2; v++) {                                                   \
        (to)[2 * v] = _mm_unpacklo_epi8((in)[v], (in)[v + (vectors) / 2]);                         \
        (to)[2 * v + 1] = _mm_unpackhi_epi8((in)[v], (in)[v + (vectors) / 2]);                     \
    }

#define JOIN_AND_SPLIT(width, join_rounds, split_rounds)                                           \
    static size_t join_vectors_##width(const uint8_t *streams, size_t stride, size_t count,        \
                                       uint8_t *out) {                                             \
        size_t i = 0;                                                                              \
        for (; i + 16 <= count; i += 16) {                                                         \
            __m128i a[width];                                                                      \
            __m128i b[width];                                                                      \
            for (size_t k = 0; k < (width); k++) {                                                 \
                a[k] = _mm_loadu_si128((const __m128i *)(streams + k * stride + i));               \
            }                                                                                      \
            for (int round = 0; round < (join_rounds); round++) {                                  \
                INTERLEAVE(a, b, width)                                                            \
                memcpy(a, b, sizeof(a));                                                           \
            }                                                                                      \
            for (size_t k = 0; k < (width); k++) {                                                 \
                _mm_storeu_si128((__m128i *)(out + i * (width) + k * 16), a[k]);                   \
            }                                                                                      \
        }                                                                                          \
        return i;                                                                                  \
    }                                                                                              \
    static size_t split_vectors_##width(const uint8_t *values, size_t count, size_t stride,        \
                                        uint8_t *streams) {                                        \
        size_t i = 0;                                                                              \
        for (; i + 16 <= count; i += 16) {                                                         \
            __m128i a[width];                                                                      \
            __m128i b[width];                                                                      \
            for (size_t k = 0; k < (width); k++) {                                                 \
                a[k] = _mm_loadu_si128((const __m128i *)(values + i * (width) + k * 16));          \
            }                                                                                      \
            for (int round = 0; round < (split_rounds); round++) {                                 \
                INTERLEAVE(a, b, width)                                                            \
                memcpy(a, b, sizeof(a));                                                           \
            }                                                                                      \
            for (size_t k = 0; k < (width); k++) {                                                 \
                _mm_storeu_si128((__m128i *)(streams + k * stride + i), a[k]);                     \
            }                                                                                      \
        }                                                                                          \
        return i;                                                                                  \
    }

JOIN_AND_SPLIT(2, 1, 4)
JOIN_AND_SPLIT(4, 2, 4)
JOIN_AND_SPLIT(8, 3, 4)

static void join_streams(const uint8_t *streams, size_t stride, size_t count, size_t width,
                         uint8_t *out) {
    size_t done = width == 2   ? join_vectors_2(streams, stride, count, out)
                  : width == 4 ? join_vectors_4(streams, stride, count, out)
                  : width == 8 ? join_vectors_8(streams, stride, count, out)
                               : 0;

    join_any(streams, stride, done, count, width, out);
}

static void split_streams(const uint8_t *values, size_t count, size_t width, size_t stride,
                          uint8_t *streams) {
    size_t done = width == 2   ? split_vectors_2(values, count, stride, streams)
                  : width == 4 ? split_vectors_4(values, count, stride, streams)
                  : width == 8 ? split_vectors_8(values, count, stride, streams)
                               : 0;

    split_any(values, done, count, width, stride, streams);
}

#else

static void join_streams(const uint8_t *streams, size_t stride, size_t count, size_t width,
                         uint8_t *out) {
    join_any(streams, stride, 0, count, width, out);
}

static void split_streams(const uint8_t *values, size_t count, size_t width, size_t stride,
                          uint8_t *streams) {
    split_any(values, 0, count, width, stride, streams);
}

#endif
