/**
 * Encoding the values of a data page, block by block, other than as dictionary indices.
 *
 * What an encoding does is a row of a table; which physical types it may have is, too.
 */
#ifndef KTKI_PARQUET_VALUE_ENCODE_H
#define KTKI_PARQUET_VALUE_ENCODE_H

#include "parquet/encode_delta.h"
#include "parquet/plain_encode.h"

struct value_encoding;
struct kernels;

/** Kept with its memory from page to page. */
struct value_encoder {
    const struct value_encoding *encoding;
    const struct kernels *kernels;
    struct buffer *out;
    enum parquet_type type;
    size_t width; /* of a fixed-width value */
    size_t count; /* values of the page */
    /* What the encodings need between blocks. */
    size_t done;               /* values */
    size_t start;              /* of the values in `out` */
    struct plain_bits pending; /* bits that do not fill a byte yet */
    struct delta_encoder numbers;
    struct delta_encoder sizes;
    struct buffer size_bytes; /* encoded sizes */
    struct buffer bytes;      /* what follows the sizes; bits */
    struct buffer last;       /* the last value */
};

/** Nothing is allocated yet. */
void ktki_encoder_init(struct value_encoder *encoder, const ktk_allocator *allocator);
void ktki_encoder_clear(struct value_encoder *encoder);

/** Whether values of a physical type may have an encoding. */
bool ktki_encoding_fits(enum parquet_encoding encoding, enum parquet_type type);

/** Begin a page of `count` values, which are appended to `out`. The encoding must fit. */
ktk_status ktki_encoder_begin(struct value_encoder *encoder, enum parquet_encoding encoding,
                              enum parquet_type type, size_t width, size_t count,
                              struct buffer *out, ktk_error *err);
ktk_status ktki_encoder_add(struct value_encoder *encoder, const struct value_block *block,
                            ktk_error *err);
/** All values have come. */
ktk_status ktki_encoder_finish(struct value_encoder *encoder, ktk_error *err);

#endif
