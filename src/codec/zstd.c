#include <zstd.h>
#include <zstd_errors.h>

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

ktk_status ktki_zstd_stream_init(struct zstd_stream *out, const uint8_t *data, size_t size,
                                 ktk_error *err) {
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_bounds windows = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);

    if (context == NULL) {
        return ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for ZSTD decompression");
    }
    /* Callers bound the content, which is all that a window can take. */
    (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windows.upperBound);
    *out = (struct zstd_stream){.data = data, .size = size, .context = context};
    return KTK_OK;
}

ktk_status ktki_zstd_stream_read(struct zstd_stream *stream, uint8_t *out, size_t room,
                                 size_t *read, ktk_error *err) {
    ZSTD_inBuffer in = {stream->data, stream->size, stream->at};
    ZSTD_outBuffer produced = {out, room, 0};
    bool moves = true;

    while (produced.pos < room && moves && (in.pos < in.size || stream->is_open)) {
        size_t in_before = in.pos;
        size_t out_before = produced.pos;
        size_t left = ZSTD_decompressStream(stream->context, &produced, &in);

        if (ZSTD_isError(left)) {
            return ktk_error_set(err,
                                 ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
                                     ? KTK_E_NO_MEMORY
                                     : KTK_E_CORRUPT,
                                 "ZSTD data are damaged: %s", ZSTD_getErrorName(left));
        }
        stream->is_open = left != 0;
        moves = in.pos > in_before || produced.pos > out_before;
    }
    if (!moves && stream->is_open) {
        return ktk_error_set(err, KTK_E_CORRUPT, "ZSTD data are damaged: they end within a frame");
    }
    stream->at = in.pos;
    ktki_foreign_wrote(out, produced.pos);
    *read = produced.pos;
    return KTK_OK;
}

void ktki_zstd_stream_clear(struct zstd_stream *stream) {
    (void)ZSTD_freeDCtx(stream->context);
    *stream = (struct zstd_stream){0};
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
