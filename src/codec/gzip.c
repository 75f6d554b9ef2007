#include <libdeflate.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/foreign.h"
#include "codec/codecs.h"

/* A libdeflate compressor is made for one level. */
struct gzip_compressor {
    const ktk_allocator *allocator;
    struct libdeflate_compressor *compressor;
    int level;
};

static size_t gzip_bound(size_t size) {
    return libdeflate_gzip_compress_bound(NULL, size);
}

static void free_compressor(void *state) {
    struct gzip_compressor *gzip = state;

    libdeflate_free_compressor(gzip->compressor);
    KTKI_DELETE(gzip->allocator, gzip);
}

static ktk_status compressor_of_level(struct codec_scratch *scratch, int level,
                                      struct gzip_compressor **out, ktk_error *err) {
    struct gzip_compressor *gzip = scratch->compressor[CODEC_GZIP];
    struct libdeflate_compressor *compressor = NULL;
    ktk_status status = KTK_OK;

    if (gzip == NULL) {
        KTKI_TRY(KTKI_NEW(scratch->allocator, &gzip, err));
        gzip->allocator = scratch->allocator;
        scratch->compressor[CODEC_GZIP] = gzip;
    }
    if (gzip->compressor == NULL || gzip->level != level) {
        compressor = libdeflate_alloc_compressor(level);
        if (compressor == NULL) {
            KTKI_FAIL(err, KTK_E_NO_MEMORY, "no memory for GZIP compression at level %d", level);
        }
        libdeflate_free_compressor(gzip->compressor);
        gzip->compressor = compressor;
        gzip->level = level;
    }
    *out = gzip;
out:
    return status;
}

static ktk_status gzip_compress(struct codec_scratch *scratch, int level, const uint8_t *data,
                                size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    struct gzip_compressor *gzip = NULL;
    size_t written;
    ktk_status status = KTK_OK;

    if (level < 0 || level > 12) {
        KTKI_FAIL(err, KTK_E_INVALID, "GZIP has levels 0 to 12, not %d", level);
    }
    KTKI_TRY(compressor_of_level(scratch, level, &gzip, err));
    written = libdeflate_gzip_compress(gzip->compressor, data, size, out, *out_size);
    if (written == 0) {
        KTKI_FAIL(err, KTK_E_INTERNAL, "GZIP output does not fit into %zu bytes", *out_size);
    }
    ktki_foreign_wrote(out, written);
    *out_size = written;
out:
    return status;
}

static ktk_status new_decompressor(struct libdeflate_decompressor **out, ktk_error *err) {
    *out = libdeflate_alloc_decompressor();
    return *out == NULL ? ktk_error_set(err, KTK_E_NO_MEMORY, "no memory for GZIP decompression")
                        : KTK_OK;
}

/* Writers with a buffer of their own end a gzip member now and then: the members of a page follow
 * each other. */
static ktk_status gzip_decompress(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                  uint8_t *out, size_t out_size, ktk_error *err) {
    struct libdeflate_decompressor *state = scratch->decompressor[CODEC_GZIP];

    if (state == NULL) {
        ktk_status status = new_decompressor(&state, err);

        if (status != KTK_OK) {
            return status;
        }
        scratch->decompressor[CODEC_GZIP] = state;
    }
    do {
        size_t used = 0;
        size_t written = 0;
        enum libdeflate_result result =
            libdeflate_gzip_decompress_ex(state, data, size, out, out_size, &used, &written);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
            return ktk_error_set(err, KTK_E_CORRUPT, "GZIP data hold more bytes than stated");
        }
        if (result != LIBDEFLATE_SUCCESS) {
            return ktk_error_set(err, KTK_E_CORRUPT, "GZIP data are damaged");
        }
        ktki_foreign_wrote(out, written);
        data += used;
        size -= used;
        out += written;
        out_size -= written;
    } while (size > 0);
    if (out_size > 0) {
        return ktk_error_set(err, KTK_E_CORRUPT, "GZIP data end %zu bytes too early", out_size);
    }
    return KTK_OK;
}

/* What to make room for at first. A file ends with the size of its last member, which nearly always
 * is the only one; deflate cannot shrink anything to less than a 1032nd, so more is not believed.
 */
static size_t size_hint(const uint8_t *data, size_t size) {
    uint32_t stated = 0;

    for (size_t i = 1; i <= 4 && i <= size; i++) {
        stated = stated << 8 | data[size - i];
    }
    return stated / 1032 > size ? size : stated;
}

/* One member; more room is made, and the member begun anew, until it fits. */
static ktk_status expand_member(struct libdeflate_decompressor *state, struct buffer *out,
                                const uint8_t **data, size_t *size, ktk_error *err) {
    enum libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
    size_t used = 0;
    size_t written = 0;
    ktk_status status = KTK_OK;

    while (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
        size_t room = out->capacity - out->size;

        result = libdeflate_gzip_decompress_ex(state, *data, *size, out->data + out->size, room,
                                               &used, &written);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
            KTKI_TRY(ktki_buffer_reserve(out, room + 1, err));
        }
    }
    if (result != LIBDEFLATE_SUCCESS) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "GZIP data are damaged");
    }
    ktki_foreign_wrote(out->data + out->size, written);
    out->size += written;
    *data += used;
    *size -= used;
out:
    return status;
}

static bool is_zero(const uint8_t *data, size_t size) {
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

ktk_status ktki_gzip_expand(struct buffer *out, const uint8_t *data, size_t size, ktk_error *err) {
    struct libdeflate_decompressor *state = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(new_decompressor(&state, err));
    KTKI_TRY(ktki_buffer_reserve(out, size_hint(data, size) + 1, err));
    do {
        KTKI_TRY(expand_member(state, out, &data, &size, err));
    } while (!is_zero(data, size));
out:
    libdeflate_free_decompressor(state);
    return status;
}

static void free_decompressor(void *state) {
    libdeflate_free_decompressor(state);
}

const struct codec ktki_codec_gzip = {
    .name = "GZIP",
    .level_default = 6,
    .bound = gzip_bound,
    .compress = gzip_compress,
    .decompress = gzip_decompress,
    .free_compressor = free_compressor,
    .free_decompressor = free_decompressor,
};
