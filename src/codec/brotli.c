#include <brotli/decode.h>
#include <brotli/encode.h>

#include "base/error.h"
#include "base/foreign.h"
#include "codec/codecs.h"

static size_t brotli_bound(size_t size) {
    size_t bound = BrotliEncoderMaxCompressedSize(size);
    return bound == 0 ? SIZE_MAX : bound;
}

static ktk_status brotli_compress(struct codec_scratch *scratch, int level, const uint8_t *data,
                                  size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    (void)scratch;
    if (level < BROTLI_MIN_QUALITY || level > BROTLI_MAX_QUALITY) {
        return ktk_error_set(err, KTK_E_INVALID, "BROTLI has levels %d to %d, not %d",
                             BROTLI_MIN_QUALITY, BROTLI_MAX_QUALITY, level);
    }
    /* Says neither whether there was no room nor whether there was no memory. */
    if (!BrotliEncoderCompress(level, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, size, data,
                               out_size, out)) {
        return ktk_error_set(err, KTK_E_INTERNAL,
                             "BROTLI compression of %zu bytes failed, for want of memory or room",
                             size);
    }
    ktki_foreign_wrote(out, *out_size);
    return KTK_OK;
}

static ktk_status brotli_decompress(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                    uint8_t *out, size_t out_size, ktk_error *err) {
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    BrotliDecoderResult result;
    size_t left = out_size;
    const uint8_t *start = out;
    ktk_status status = KTK_OK;

    (void)scratch;
    if (state == NULL) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "no memory for BROTLI decompression");
    }
    result = BrotliDecoderDecompressStream(state, &size, &data, &left, &out, NULL);
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "BROTLI data hold more bytes than the %zu stated", out_size);
    }
    if (result != BROTLI_DECODER_RESULT_SUCCESS) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "BROTLI data are damaged or end too early");
    }
    if (left > 0 || size > 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "BROTLI data end %zu bytes too early, %zu bytes follow them",
                  left, size);
    }
    ktki_foreign_wrote(start, out_size);
out:
    BrotliDecoderDestroyInstance(state);
    return status;
}

const struct codec ktki_codec_brotli = {
    .name = "BROTLI",
    .level_default = 5,
    .bound = brotli_bound,
    .compress = brotli_compress,
    .decompress = brotli_decompress,
};
