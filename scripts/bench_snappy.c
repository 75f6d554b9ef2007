/*
 * The C interface of snappy over our own codec: limits.c of ../shared/bench, linked with this in
 * the place of -lsnappy, measures our coder on the same pages. See bench_limits.py.
 */
#include <snappy-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "codec/codecs.h"

/* A block begins with its decompressed size, seven bits a byte, the lowest first. */
static size_t block_size(const uint8_t *data, size_t size) {
    uint64_t result = 0;
    for (size_t i = 0; i < size && i < 5; i++) {
        result |= (uint64_t)(data[i] & 127) << (7 * i);
        if (data[i] < 128) {
            return (size_t)result;
        }
    }
    return SIZE_MAX;
}

snappy_status snappy_uncompress(const char *compressed, size_t compressed_length,
                                char *uncompressed, size_t *uncompressed_length) {
    const uint8_t *data = (const uint8_t *)compressed;
    size_t size = block_size(data, compressed_length);
    if (size > *uncompressed_length) {
        return SNAPPY_INVALID_INPUT;
    }
    *uncompressed_length = size;
    return ktki_codec_snappy.decompress(NULL, data, compressed_length, (uint8_t *)uncompressed,
                                        size, NULL) == KTK_OK
               ? SNAPPY_OK
               : SNAPPY_INVALID_INPUT;
}

size_t snappy_max_compressed_length(size_t source_length) {
    return ktki_codec_snappy.bound(source_length);
}

snappy_status snappy_compress(const char *input, size_t input_length, char *compressed,
                              size_t *compressed_length) {
    static struct codec_scratch scratch;
    scratch.allocator = ktki_alloc_default();
    return ktki_codec_snappy.compress(&scratch, 0, (const uint8_t *)input, input_length,
                                      (uint8_t *)compressed, compressed_length, NULL) == KTK_OK
               ? SNAPPY_OK
               : SNAPPY_BUFFER_TOO_SMALL;
}
