/** The codecs that are built in; codec.c lists them in its table. */
#ifndef KTKI_CODEC_CODECS_H
#define KTKI_CODEC_CODECS_H

#include "codec/codec.h"

extern const struct codec ktki_codec_none;
extern const struct codec ktki_codec_snappy;
extern const struct codec ktki_codec_gzip;
extern const struct codec ktki_codec_brotli;
extern const struct codec ktki_codec_lz4_hadoop;
extern const struct codec ktki_codec_zstd;
extern const struct codec ktki_codec_lz4_raw;

#endif
