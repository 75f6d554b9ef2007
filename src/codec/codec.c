#include "codec/codec.h"

#include <string.h>

#include "codec/codecs.h"

struct known_codec {
    const char *name;
    const struct codec *codec; /* NULL: not built in */
};

static const struct known_codec known_codecs[] = {
    [CODEC_NONE] = {"UNCOMPRESSED", &ktki_codec_none},
    [CODEC_SNAPPY] = {"SNAPPY", &ktki_codec_snappy},
    [CODEC_GZIP] = {"GZIP", &ktki_codec_gzip},
    [CODEC_LZO] = {"LZO", NULL},
    [CODEC_BROTLI] = {"BROTLI", &ktki_codec_brotli},
    [CODEC_LZ4_HADOOP] = {"LZ4", &ktki_codec_lz4_hadoop},
    [CODEC_ZSTD] = {"ZSTD", &ktki_codec_zstd},
    [CODEC_LZ4_RAW] = {"LZ4_RAW", &ktki_codec_lz4_raw},
};

#define KNOWN_COUNT ((int32_t)(sizeof(known_codecs) / sizeof(known_codecs[0])))

ktk_status ktki_codec_find(const struct codec **out, int32_t id, ktk_error *err) {
    if (id < 0 || id >= KNOWN_COUNT) {
        return ktk_error_set(err, KTK_E_CORRUPT, "compression codec number %d is unknown", id);
    }
    if (known_codecs[id].codec == NULL) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "compression codec %s is not supported; rewrite the file with SNAPPY, "
                             "ZSTD or GZIP",
                             known_codecs[id].name);
    }
    *out = known_codecs[id].codec;
    return KTK_OK;
}

const char *ktki_codec_name(int32_t id) {
    return id >= 0 && id < KNOWN_COUNT ? known_codecs[id].name : "UNKNOWN";
}

void ktki_codec_scratch_init(struct codec_scratch *scratch, const ktk_allocator *allocator) {
    memset(scratch, 0, sizeof(*scratch));
    scratch->allocator = allocator;
}

void ktki_codec_scratch_clear(struct codec_scratch *scratch) {
    for (int32_t id = 0; id < KNOWN_COUNT; id++) {
        if (scratch->compressor[id] != NULL) {
            known_codecs[id].codec->free_compressor(scratch->compressor[id]);
        }
        if (scratch->decompressor[id] != NULL) {
            known_codecs[id].codec->free_decompressor(scratch->decompressor[id]);
        }
    }
    ktki_codec_scratch_init(scratch, scratch->allocator);
}
