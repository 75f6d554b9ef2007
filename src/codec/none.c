#include <string.h>

#include "codec/codecs.h"

static size_t none_bound(size_t size) {
    return size;
}

static ktk_status none_compress(struct codec_scratch *scratch, int level, const uint8_t *data,
                                size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    (void)scratch;
    (void)level;
    if (size > *out_size) {
        return ktk_error_set(err, KTK_E_INTERNAL, "%zu bytes do not fit into %zu", size, *out_size);
    }
    if (size > 0) {
        memcpy(out, data, size);
    }
    *out_size = size;
    return KTK_OK;
}

static ktk_status none_decompress(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                  uint8_t *out, size_t out_size, ktk_error *err) {
    (void)scratch;
    if (size != out_size) {
        return ktk_error_set(err, KTK_E_CORRUPT, "%zu uncompressed bytes where %zu are expected",
                             size, out_size);
    }
    if (size > 0) {
        memcpy(out, data, size);
    }
    return KTK_OK;
}

const struct codec ktki_codec_none = {
    .name = "UNCOMPRESSED",
    .bound = none_bound,
    .compress = none_compress,
    .decompress = none_decompress,
};
