#include "parquet/value_encode.h"

#include <assert.h>

#include "base/error.h"
#include "parquet/encoders.h"
#include "parquet/kernels.h"

void ktki_encoder_init(struct value_encoder *encoder, const ktk_allocator *allocator) {
    *encoder = (struct value_encoder){.kernels = ktki_kernels()};
    ktki_buffer_init(&encoder->size_bytes, allocator, 0);
    ktki_buffer_init(&encoder->bytes, allocator, 0);
    ktki_buffer_init(&encoder->last, allocator, 0);
}

void ktki_encoder_clear(struct value_encoder *encoder) {
    ktki_buffer_clear(&encoder->size_bytes);
    ktki_buffer_clear(&encoder->bytes);
    ktki_buffer_clear(&encoder->last);
}

/* ---- short rows of the table ---- */

static ktk_status encode_plain(struct value_encoder *encoder, const struct value_block *block,
                               ktk_error *err) {
    return ktki_plain_encode(encoder->out, encoder->type, encoder->width, block, &encoder->pending,
                             err);
}

static ktk_status finish_plain(struct value_encoder *encoder, ktk_error *err) {
    return ktki_plain_flush(encoder->out, &encoder->pending, err);
}

static ktk_status begin_delta(struct value_encoder *encoder, ktk_error *err) {
    (void)err;
    ktki_delta_encoder_begin(&encoder->numbers, encoder->out, encoder->width, encoder->count);
    return KTK_OK;
}

static ktk_status encode_delta(struct value_encoder *encoder, const struct value_block *block,
                               ktk_error *err) {
    return ktki_delta_encode(&encoder->numbers, block->fixed, block->count, err);
}

static ktk_status finish_delta(struct value_encoder *encoder, ktk_error *err) {
    return ktki_delta_encoder_finish(&encoder->numbers, err);
}

/* ---- the table ---- */

#define BIT(type) (UINT32_C(1) << (type))
#define INTEGERS (BIT(PQ_INT32) | BIT(PQ_INT64))
#define FLOATS (BIT(PQ_FLOAT) | BIT(PQ_DOUBLE))

static const struct value_encoding encodings[PQ_ENCODING_COUNT] = {
    [PQ_PLAIN] = {UINT32_MAX, NULL, encode_plain, finish_plain},
    [PQ_RLE] = {BIT(PQ_BOOLEAN), NULL, ktki_encode_bits, ktki_encode_bits_finish},
    [PQ_DELTA_BINARY_PACKED] = {INTEGERS, begin_delta, encode_delta, finish_delta},
    [PQ_DELTA_LENGTH_BYTE_ARRAY] = {BIT(PQ_BYTE_ARRAY), ktki_encode_delta_length_begin,
                                    ktki_encode_delta_length, ktki_encode_delta_length_finish},
    [PQ_DELTA_BYTE_ARRAY] = {BIT(PQ_BYTE_ARRAY) | BIT(PQ_FIXED_LEN_BYTE_ARRAY),
                             ktki_encode_delta_text_begin, ktki_encode_delta_text,
                             ktki_encode_delta_text_finish},
    [PQ_BYTE_STREAM_SPLIT] = {INTEGERS | FLOATS | BIT(PQ_FIXED_LEN_BYTE_ARRAY),
                              ktki_encode_split_begin, ktki_encode_split, NULL},
};

bool ktki_encoding_fits(enum parquet_encoding encoding, enum parquet_type type) {
    return (size_t)encoding < PQ_ENCODING_COUNT && (encodings[encoding].types & BIT(type)) != 0;
}

ktk_status ktki_encoder_begin(struct value_encoder *encoder, enum parquet_encoding encoding,
                              enum parquet_type type, size_t width, size_t count,
                              struct buffer *out, ktk_error *err) {
    assert(ktki_encoding_fits(encoding, type));
    encoder->encoding = &encodings[encoding];
    encoder->out = out;
    encoder->type = type;
    encoder->width = width;
    encoder->count = count;
    encoder->done = 0;
    encoder->start = out->size;
    encoder->pending = (struct plain_bits){0, 0};
    encoder->size_bytes.size = 0;
    encoder->bytes.size = 0;
    encoder->last.size = 0;
    return encoder->encoding->begin == NULL ? KTK_OK : encoder->encoding->begin(encoder, err);
}

ktk_status ktki_encoder_add(struct value_encoder *encoder, const struct value_block *block,
                            ktk_error *err) {
    ktk_status status = KTK_OK;

    if (block->count > 0) {
        KTKI_TRY(encoder->encoding->add(encoder, block, err));
        encoder->done += block->count;
    }
out:
    return status;
}

ktk_status ktki_encoder_finish(struct value_encoder *encoder, ktk_error *err) {
    assert(encoder->done == encoder->count);
    return encoder->encoding->finish == NULL ? KTK_OK : encoder->encoding->finish(encoder, err);
}
