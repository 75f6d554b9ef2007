#include <limits.h>
#include <lz4.h>
#include <lz4hc.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/foreign.h"
#include "codec/codecs.h"

/* Level 1 is the fast compressor, those above it search longer. */
#define LEVEL_FAST 1

static size_t lz4_bound(size_t size) {
    return size > LZ4_MAX_INPUT_SIZE ? SIZE_MAX : (size_t)LZ4_compressBound((int)size);
}

static ktk_status lz4_compress(struct codec_scratch *scratch, int level, const uint8_t *data,
                               size_t size, uint8_t *out, size_t *out_size, ktk_error *err) {
    int capacity = *out_size > INT_MAX ? INT_MAX : (int)*out_size;
    int written;

    (void)scratch;
    if (level < LEVEL_FAST || level > LZ4HC_CLEVEL_MAX) {
        return ktk_error_set(err, KTK_E_INVALID, "LZ4_RAW has levels %d to %d, not %d", LEVEL_FAST,
                             LZ4HC_CLEVEL_MAX, level);
    }
    if (size > LZ4_MAX_INPUT_SIZE) {
        return ktk_error_set(err, KTK_E_LIMIT, "LZ4_RAW cannot compress %zu bytes at once", size);
    }
    written = level == LEVEL_FAST
                  ? LZ4_compress_default((const char *)data, (char *)out, (int)size, capacity)
                  : LZ4_compress_HC((const char *)data, (char *)out, (int)size, capacity, level);
    if (written <= 0) {
        return ktk_error_set(err, KTK_E_INTERNAL, "LZ4_RAW output does not fit into %zu bytes",
                             *out_size);
    }
    *out_size = (size_t)written;
    ktki_foreign_wrote(out, *out_size);
    return KTK_OK;
}

/* Decompress one LZ4 block into at most `capacity` bytes. */
static bool decompress_block(const uint8_t *data, size_t size, uint8_t *out, size_t capacity,
                             size_t *written) {
    int result;

    if (size > INT_MAX) {
        return false;
    }
    result = LZ4_decompress_safe((const char *)data, (char *)out, (int)size,
                                 capacity > INT_MAX ? INT_MAX : (int)capacity);
    if (result < 0) {
        return false;
    }
    *written = (size_t)result;
    ktki_foreign_wrote(out, *written);
    return true;
}

static bool decompress_bare(const uint8_t *data, size_t size, uint8_t *out, size_t out_size) {
    size_t written;

    return decompress_block(data, size, out, out_size, &written) && written == out_size;
}

static ktk_status lz4_decompress(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                 uint8_t *out, size_t out_size, ktk_error *err) {
    (void)scratch;
    if (!decompress_bare(data, size, out, out_size)) {
        return ktk_error_set(err, KTK_E_CORRUPT, "LZ4_RAW data are damaged or not of %zu bytes",
                             out_size);
    }
    return KTK_OK;
}

const struct codec ktki_codec_lz4_raw = {
    .name = "LZ4_RAW",
    .level_default = LEVEL_FAST,
    .bound = lz4_bound,
    .compress = lz4_compress,
    .decompress = lz4_decompress,
};

/* ---- what stands in files under the number of LZ4 ---- */

static bool read_u32be(struct cursor *cursor, uint32_t *out) {
    uint32_t value;

    if (!ktki_cursor_u32le(cursor, &value)) {
        return false;
    }
    *out = __builtin_bswap32(value);
    return true;
}

/* Hadoop's stream: blocks of the size they have uncompressed and then pieces, each an LZ4 block
 * behind its compressed size, until that many bytes are there. Sizes are big-endian. */
static bool decompress_hadoop(struct cursor in, uint8_t *out, size_t out_size) {
    while (!ktki_cursor_is_done(&in)) {
        uint32_t block_size;
        if (!read_u32be(&in, &block_size) || block_size > out_size) {
            return false;
        }
        out_size -= block_size;
        for (size_t left = block_size, written; left > 0; left -= written) {
            uint32_t size;
            const uint8_t *data;
            if (!read_u32be(&in, &size) || !ktki_cursor_bytes(&in, size, &data) ||
                !decompress_block(data, size, out, left, &written) || written == 0) {
                return false;
            }
            out += written;
        }
    }
    return out_size == 0;
}

/* Writers disagreed on what LZ4 means, which is why the format has LZ4_RAW now: those of Hadoop
 * wrote its stream, old parquet-cpp a bare block. Nothing in the file tells which it is, but hardly
 * a bare block passes for a stream. */
static ktk_status lz4_hadoop_decompress(struct codec_scratch *scratch, const uint8_t *data,
                                        size_t size, uint8_t *out, size_t out_size,
                                        ktk_error *err) {
    (void)scratch;
    if (!decompress_hadoop(ktki_cursor(data, size), out, out_size) &&
        !decompress_bare(data, size, out, out_size)) {
        return ktk_error_set(err, KTK_E_CORRUPT,
                             "LZ4 data are damaged or not of %zu bytes, as a Hadoop stream and as "
                             "a bare block",
                             out_size);
    }
    return KTK_OK;
}

const struct codec ktki_codec_lz4_hadoop = {
    .name = "LZ4",
    .decompress = lz4_hadoop_decompress,
};
