#include "base/alloc.h"
#include "base/error.h"
#include "codec/codecs.h"
#include "codec/snappy_decode.h"
#include "codec/snappy_encode.h"

/*
 * The format's own library is built for the oldest processors, is made for text, and brings the
 * runtime of C++ along. Most of what is compressed here are numbers, for which both directions are
 * about twice as fast in our own.
 */

/* The format stores the length in 32 bits. */
#define SNAPPY_SIZE_MAX UINT32_MAX

/* Of a thread; its allocator is needed to free it. */
struct snappy_compressor {
    const ktk_allocator *allocator;
    uint16_t table[SNAPPY_TABLE_SIZE];
};

static ktk_status compressor_of(struct codec_scratch *scratch, struct snappy_compressor **out,
                                ktk_error *err) {
    struct snappy_compressor *compressor = scratch->compressor[CODEC_SNAPPY];
    ktk_status status = KTK_OK;

    if (compressor == NULL) {
        KTKI_TRY(KTKI_NEW(scratch->allocator, &compressor, err));
        compressor->allocator = scratch->allocator;
        scratch->compressor[CODEC_SNAPPY] = compressor;
    }
    *out = compressor;
out:
    return status;
}

static void free_compressor(void *state) {
    struct snappy_compressor *compressor = state;

    KTKI_DELETE(compressor->allocator, compressor);
}

static size_t snappy_bound(size_t size) {
    return ktki_snappy_bound(size);
}

static ktk_status compress_snappy(struct codec_scratch *scratch, int level, const uint8_t *data,
                                  size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    struct snappy_compressor *compressor = NULL;
    ktk_status status = KTK_OK;

    (void)level;
    if (size > SNAPPY_SIZE_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "SNAPPY cannot compress %zu bytes at once", size);
    }
    if (*out_size < snappy_bound(size)) {
        KTKI_FAIL(err, KTK_E_INTERNAL, "SNAPPY output does not fit into %zu bytes", *out_size);
    }
    KTKI_TRY(compressor_of(scratch, &compressor, err));
    *out_size = ktki_snappy_encode(data, size, compressor->table, out);
out:
    return status;
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
    .free_compressor = free_compressor,
};
