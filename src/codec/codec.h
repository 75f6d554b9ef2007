/** Compression codecs behind one table. */
#ifndef KTKI_CODEC_CODEC_H
#define KTKI_CODEC_CODEC_H

#include <kartothek/error.h>
#include <kartothek/sys/alloc.h>
#include <stdint.h>

#include "base/buffer.h"

/** Numbers of parquet.thrift CompressionCodec. */
enum codec_id {
    CODEC_NONE = 0,
    CODEC_SNAPPY = 1,
    CODEC_GZIP = 2,
    CODEC_LZO = 3,
    CODEC_BROTLI = 4,
    CODEC_LZ4_HADOOP = 5, /* read only: see lz4.c */
    CODEC_ZSTD = 6,
    CODEC_LZ4_RAW = 7
};

/** Reusable state of one thread (e.g. a zstd context); made on first use. The codec libraries keep
 * theirs on the C heap: they offer no allocator of one context. */
struct codec_scratch {
    const ktk_allocator *allocator;
    void *compressor[8]; /* by codec id */
    void *decompressor[8];
};

struct codec {
    const char *name; /* "SNAPPY" */
    int level_default;
    /** Bytes that `size` bytes may grow to. NULL, as is `compress`: only read. */
    size_t (*bound)(size_t size);
    /** `*out_size`: capacity in, bytes written out. */
    ktk_status (*compress)(struct codec_scratch *scratch, int level, const uint8_t *data,
                           size_t size, uint8_t *out, size_t *out_size, ktk_error *err);
    /** Must produce exactly `out_size` bytes, else KTK_E_CORRUPT. */
    ktk_status (*decompress)(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                             uint8_t *out, size_t out_size, ktk_error *err);
    /** The same for the first `wanted` of `out_size` bytes: those behind them may be anything, and
     * damage there is not seen. NULL: all has to be decompressed. */
    ktk_status (*decompress_start)(struct codec_scratch *scratch, const uint8_t *data, size_t size,
                                   uint8_t *out, size_t out_size, size_t wanted, ktk_error *err);
    void (*free_compressor)(void *state);
    void (*free_decompressor)(void *state);
};

/** KTK_E_UNSUPPORTED, with the codec's name, for one that is known but not built in; KTK_E_CORRUPT
 * for an unknown number. */
ktk_status ktki_codec_find(const struct codec **out, int32_t id, ktk_error *err);

/** Name of a codec number, "CODEC 9" style names excluded: "UNKNOWN". Never NULL. */
const char *ktki_codec_name(int32_t id);

/** Bytes that the first frame of ZSTD data says it holds; other codecs leave that to the format
 * around them. KTK_E_CORRUPT for what is no frame, KTK_E_UNSUPPORTED for one that does not say. */
ktk_status ktki_zstd_content_size(const uint8_t *data, size_t size, uint64_t *out, ktk_error *err);

/** ZSTD data of one frame or more that are decompressed piece by piece. Zeroed, it may be cleared.
 */
struct zstd_stream {
    const uint8_t *data;
    size_t size;
    size_t at;    /* behind what was taken in */
    bool is_open; /* within a frame */
    void *context;
};

/** `data` must outlive the stream. */
ktk_status ktki_zstd_stream_init(struct zstd_stream *out, const uint8_t *data, size_t size,
                                 ktk_error *err);

/** The next bytes, up to `room` of them; `*read` is less only at the end. KTK_E_CORRUPT for damaged
 * data. Takes memory for the window of a frame, which its content bounds. */
ktk_status ktki_zstd_stream_read(struct zstd_stream *stream, uint8_t *out, size_t room,
                                 size_t *read, ktk_error *err);
void ktki_zstd_stream_clear(struct zstd_stream *stream);

/**
 * Append what a GZIP file holds, of one member or more; zeros may follow the last. Unlike
 * `decompress` it needs no size: the bound of the buffer is the only one.
 *
 * @return KTK_E_CORRUPT for damaged data, KTK_E_LIMIT beyond the bound of the buffer.
 */
ktk_status ktki_gzip_expand(struct buffer *out, const uint8_t *data, size_t size, ktk_error *err);

void ktki_codec_scratch_init(struct codec_scratch *scratch, const ktk_allocator *allocator);
void ktki_codec_scratch_clear(struct codec_scratch *scratch);

#endif
