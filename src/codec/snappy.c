#include <snappy-c.h>

#include "codec/codecs.h"
#include "codec/snappy_decode.h"

/* The format stores the length in 32 bits. */
#define SNAPPY_SIZE_MAX UINT32_MAX

static size_t snappy_bound(size_t size) {
    return snappy_max_compressed_length(size);
}

static ktk_status compress_snappy(struct codec_scratch *scratch, int level, const uint8_t *data,
                                  size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    (void)scratch;
    (void)level;
    if (size > SNAPPY_SIZE_MAX) {
        return ktk_error_set(err, KTK_E_LIMIT, "SNAPPY cannot compress %zu bytes at once", size);
    }
    if (snappy_compress((const char *)data, size, (char *)out, out_size) != SNAPPY_OK) {
        return ktk_error_set(err, KTK_E_INTERNAL, "SNAPPY output does not fit into %zu bytes",
                             *out_size);
    }
    return KTK_OK;
}

static ktk_status decompress_snappy(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                    uint8_t *out, size_t out_size, ktk_error *err) {
    (void)scratch;
    if (!ktki_snappy_decode(data, size, out, out_size)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "SNAPPY data are damaged or not of %zu bytes",
                             out_size);
    }
    return KTK_OK;
}

static ktk_status decompress_snappy_start(struct codec_scratch *scratch, const uint8_t *data,
                                          size_t size, uint8_t *out, size_t out_size, size_t wanted,
                                          ktk_error *err) {
    (void)scratch;
    if (!ktki_snappy_decode_start(data, size, out, out_size, wanted)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "SNAPPY data are damaged or not of %zu bytes",
                             out_size);
    }
    return KTK_OK;
}

const struct codec ktki_codec_snappy = {
    .name = "SNAPPY",
    .bound = snappy_bound,
    .compress = compress_snappy,
    .decompress = decompress_snappy,
    .decompress_start = decompress_snappy_start,
};
