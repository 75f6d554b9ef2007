#include "base/error.h"
#include "parquet/encoders.h"

/* ---- sizes in front, then the bytes ---- */

ktk_status ktki_encode_delta_length_begin(struct value_encoder *encoder, ktk_error *err) {
    (void)err;
    ktki_delta_encoder_begin(&encoder->sizes, encoder->out, sizeof(uint32_t), encoder->count);
    return KTK_OK;
}

ktk_status ktki_encode_delta_length(struct value_encoder *encoder, const struct value_block *block,
                                    ktk_error *err) {
    struct buffer *bytes = &encoder->bytes;
    uint64_t size = 0;
    uint8_t *at;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_delta_encode(&encoder->sizes, block->sizes, block->count, err));
    for (size_t i = 0; i < block->count; i++) {
        size += block->sizes[i];
    }
    KTKI_TRY(ktki_buffer_reserve(bytes, (size_t)size, err));
    if (size > 0) {
        at = bytes->data + bytes->size;
        for (size_t i = 0; i < block->count; i++) {
            ktki_copy_bytes(at, block->starts[i], block->sizes[i]);
            at += block->sizes[i];
        }
        bytes->size += (size_t)size;
    }
out:
    return status;
}

ktk_status ktki_encode_delta_length_finish(struct value_encoder *encoder, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_delta_encoder_finish(&encoder->sizes, err));
    KTKI_TRY(ktki_buffer_append(encoder->out, encoder->bytes.data, encoder->bytes.size, err));
out:
    return status;
}

/* ---- without what a value has in common with the one before ---- */

ktk_status ktki_encode_delta_text_begin(struct value_encoder *encoder, ktk_error *err) {
    (void)err;
    ktki_delta_encoder_begin(&encoder->numbers, encoder->out, sizeof(uint32_t), encoder->count);
    ktki_delta_encoder_begin(&encoder->sizes, &encoder->size_bytes, sizeof(uint32_t),
                             encoder->count);
    return KTK_OK;
}

static uint32_t common_size(struct value_bytes a, struct value_bytes b) {
    uint32_t size_max = a.size < b.size ? a.size : b.size;
    uint32_t size = 0;

    while (size + sizeof(uint64_t) <= size_max) {
        uint64_t x;
        uint64_t y;
        memcpy(&x, a.data + size, sizeof(x));
        memcpy(&y, b.data + size, sizeof(y));
        if (x != y) {
            return size + (uint32_t)__builtin_ctzll(x ^ y) / 8;
        }
        size += sizeof(uint64_t);
    }
    while (size < size_max && a.data[size] == b.data[size]) {
        size++;
    }
    return size;
}

/* The block may be gone when the next one comes. */
static ktk_status keep_last(struct value_encoder *encoder, struct value_bytes value,
                            ktk_error *err) {
    encoder->last.size = 0;
    return ktki_buffer_append(&encoder->last, value.data, value.size, err);
}

ktk_status ktki_encode_delta_text(struct value_encoder *encoder, const struct value_block *block,
                                  ktk_error *err) {
    struct value_bytes last = {encoder->last.data, (uint32_t)encoder->last.size};
    uint32_t prefixes[VALUE_BLOCK_MAX];
    uint32_t sizes[VALUE_BLOCK_MAX];
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < block->count; i++) {
        struct value_bytes value = ktki_block_bytes(block, i, encoder->width);
        prefixes[i] = common_size(last, value);
        sizes[i] = value.size - prefixes[i];
        KTKI_TRY(ktki_buffer_append(&encoder->bytes, value.data + prefixes[i], sizes[i], err));
        last = value;
    }
    KTKI_TRY(ktki_delta_encode(&encoder->numbers, prefixes, block->count, err));
    KTKI_TRY(ktki_delta_encode(&encoder->sizes, sizes, block->count, err));
    KTKI_TRY(keep_last(encoder, last, err));
out:
    return status;
}

ktk_status ktki_encode_delta_text_finish(struct value_encoder *encoder, ktk_error *err) {
    struct buffer *out = encoder->out;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_delta_encoder_finish(&encoder->numbers, err));
    KTKI_TRY(ktki_delta_encoder_finish(&encoder->sizes, err));
    KTKI_TRY(ktki_buffer_append(out, encoder->size_bytes.data, encoder->size_bytes.size, err));
    KTKI_TRY(ktki_buffer_append(out, encoder->bytes.data, encoder->bytes.size, err));
out:
    return status;
}
