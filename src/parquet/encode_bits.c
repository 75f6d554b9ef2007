#include "base/error.h"
#include "parquet/encoders.h"
#include "parquet/rle_encode.h"

ktk_status ktki_encode_bits(struct value_encoder *encoder, const struct value_block *block,
                            ktk_error *err) {
    return ktki_plain_encode(&encoder->bytes, PQ_BOOLEAN, encoder->width, block, &encoder->pending,
                             err);
}

/* The runs, with their size in front of them. */
ktk_status ktki_encode_bits_finish(struct value_encoder *encoder, ktk_error *err) {
    struct buffer *out = encoder->out;
    size_t start = out->size;
    uint32_t size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_plain_flush(&encoder->bytes, &encoder->pending, err));
    KTKI_TRY(ktki_buffer_append_zeros(out, sizeof(size), err));
    KTKI_TRY(ktki_rle_encode_bits(out, encoder->bytes.data, encoder->count, err));
    size = (uint32_t)(out->size - start - sizeof(size));
    memcpy(out->data + start, &size, sizeof(size));
out:
    return status;
}
