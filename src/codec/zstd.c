#include <zstd.h>

#include "base/foreign.h"
#include "codec/codecs.h"

static size_t zstd_bound(size_t size) {
    size_t bound = ZSTD_compressBound(size);
    return ZSTD_isError(bound) ? SIZE_MAX : bound;
}

static ktk_status zstd_compress(struct codec_scratch *scratch, int level, const uint8_t *data,
                                size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    ZSTD_CCtx *context = scratch->compressor[CODEC_ZSTD];
    size_t written;

    if (context == NULL) {
        context = ZSTD_createCCtx();
        if (context == NULL) {
            return ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for ZSTD compression");
        }
        scratch->compressor[CODEC_ZSTD] = context;
    }
    written = ZSTD_compressCCtx(context, out, *out_size, data, size, level);
    if (ZSTD_isError(written)) {
        return ktk_error_set(err, KTK_E_INTERNAL, "ZSTD: %s", ZSTD_getErrorName(written));
    }
    ktki_foreign_wrote(out, written);
    *out_size = written;
    return KTK_OK;
}

static ktk_status zstd_decompress(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                  uint8_t *out, size_t out_size, ktk_error *err) {
    ZSTD_DCtx *context = scratch->decompressor[CODEC_ZSTD];
    size_t written;

    if (context == NULL) {
        context = ZSTD_createDCtx();
        if (context == NULL) {
            return ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for ZSTD decompression");
        }
        scratch->decompressor[CODEC_ZSTD] = context;
    }
    written = ZSTD_decompressDCtx(context, out, out_size, data, size);
    if (ZSTD_isError(written)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "ZSTD data are damaged: %s",
                             ZSTD_getErrorName(written));
    }
    if (written != out_size) {
        return ktk_error_set(err, KTK_E_CORRUPT, "ZSTD data hold %zu bytes where %zu are expected",
                             written, out_size);
    }
    ktki_foreign_wrote(out, out_size);
    return KTK_OK;
}

ktk_status ktki_zstd_content_size(const uint8_t *data, size_t size, uint64_t *out, ktk_error *err) {
    unsigned long long content = ZSTD_getFrameContentSize(data, size);

    if (content == ZSTD_CONTENTSIZE_ERROR) {
        return ktk_error_set(err, KTK_E_CORRUPT, "these are no ZSTD data");
    }
    if (content == ZSTD_CONTENTSIZE_UNKNOWN) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED, "the ZSTD data do not say how much they hold");
    }
    *out = content;
    return KTK_OK;
}

static void free_compressor(void *state) {
    (void)ZSTD_freeCCtx(state);
}

static void free_decompressor(void *state) {
    (void)ZSTD_freeDCtx(state);
}

const struct codec ktki_codec_zstd = {
    .name = "ZSTD",
    .level_default = 1,
    .bound = zstd_bound,
    .compress = zstd_compress,
    .decompress = zstd_decompress,
    .free_compressor = free_compressor,
    .free_decompressor = free_decompressor,
};
