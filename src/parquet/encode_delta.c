#include "parquet/encode_delta.h"

#include "base/error.h"

#define MINIBLOCKS 4
#define MINIBLOCK (DELTA_BLOCK / MINIBLOCKS)

#define VARINT_SIZE_MAX 10

/* Bytes that a block takes at most, and a word that the last number may be written with. */
#define BLOCK_SIZE_MAX (VARINT_SIZE_MAX + MINIBLOCKS + DELTA_BLOCK * sizeof(uint64_t))

static uint8_t *put_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_zigzag(uint8_t *at, int64_t value) {
    return put_varint(at, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

/* A number of the encoder's width with its sign. */
static int64_t with_sign(const struct delta_encoder *encoder, uint64_t value) {
    return encoder->is_narrow ? (int32_t)(uint32_t)value : (int64_t)value;
}

void ktki_delta_encoder_begin(struct delta_encoder *encoder, struct buffer *out, size_t width,
                              size_t count) {
    encoder->out = out;
    encoder->is_narrow = width == sizeof(uint32_t);
    encoder->is_begun = false;
    encoder->count = count;
    encoder->last = 0;
    encoder->delta_count = 0;
}

static ktk_status put_header(struct delta_encoder *encoder, uint64_t first, ktk_error *err) {
    struct buffer *out = encoder->out;
    uint8_t *at;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_reserve(out, (size_t)4 * VARINT_SIZE_MAX, err));
    at = put_varint(out->data + out->size, DELTA_BLOCK);
    at = put_varint(at, MINIBLOCKS);
    at = put_varint(at, encoder->count);
    at = put_zigzag(at, with_sign(encoder, first));
    out->size = (size_t)(at - out->data);
    encoder->last = first;
    encoder->is_begun = true;
out:
    return status;
}

/* The numbers of a miniblock, `width` bits each, lowest first. */
static uint8_t *put_packed(uint8_t *at, const uint64_t *numbers, unsigned width) {
    uint64_t word = 0;
    unsigned used = 0;

    if (width == 0) {
        return at;
    }
    for (size_t i = 0; i < MINIBLOCK; i++) {
        word |= numbers[i] << used;
        used += width;
        if (used >= 64) {
            memcpy(at, &word, sizeof(word));
            at += sizeof(word);
            used -= 64;
            word = used == 0 ? 0 : numbers[i] >> (width - used);
        }
    }
    memcpy(at, &word, used / 8); /* 32 numbers fill words of 32 bits */
    return at + used / 8;
}

static ktk_status put_block(struct delta_encoder *encoder, ktk_error *err) {
    struct buffer *out = encoder->out;
    uint64_t *deltas = encoder->deltas;
    size_t count = encoder->delta_count;
    uint64_t mask = encoder->is_narrow ? UINT32_MAX : UINT64_MAX;
    int64_t least = with_sign(encoder, deltas[0]);
    uint8_t *widths;
    uint8_t *at;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_reserve(out, BLOCK_SIZE_MAX, err));
    for (size_t i = 1; i < count; i++) {
        int64_t delta = with_sign(encoder, deltas[i]);
        least = delta < least ? delta : least;
    }
    for (size_t i = 0; i < count; i++) {
        deltas[i] = (deltas[i] - (uint64_t)least) & mask;
    }
    memset(deltas + count, 0, (DELTA_BLOCK - count) * sizeof(*deltas));
    widths = put_zigzag(out->data + out->size, least);
    at = widths + MINIBLOCKS;
    for (size_t i = 0; i < MINIBLOCKS; i++) {
        uint64_t seen = 0;
        unsigned width;
        for (size_t j = 0; j < MINIBLOCK; j++) {
            seen |= deltas[i * MINIBLOCK + j];
        }
        width = seen == 0 ? 0 : 64 - (unsigned)__builtin_clzll(seen);
        widths[i] = (uint8_t)width;
        at = put_packed(at, deltas + i * MINIBLOCK, width);
    }
    out->size = (size_t)(at - out->data);
    encoder->delta_count = 0;
out:
    return status;
}

static uint64_t number_at(const struct delta_encoder *encoder, const uint8_t *numbers, size_t i) {
    uint32_t narrow;
    uint64_t wide;

    if (encoder->is_narrow) {
        memcpy(&narrow, numbers + i * sizeof(narrow), sizeof(narrow));
        return narrow;
    }
    memcpy(&wide, numbers + i * sizeof(wide), sizeof(wide));
    return wide;
}

ktk_status ktki_delta_encode(struct delta_encoder *encoder, const void *numbers, size_t count,
                             ktk_error *err) {
    size_t i = 0;
    ktk_status status = KTK_OK;

    if (count > 0 && !encoder->is_begun) {
        KTKI_TRY(put_header(encoder, number_at(encoder, numbers, i++), err));
    }
    for (; i < count; i++) {
        uint64_t number = number_at(encoder, numbers, i);
        encoder->deltas[encoder->delta_count++] = number - encoder->last;
        encoder->last = number;
        if (encoder->delta_count == DELTA_BLOCK) {
            KTKI_TRY(put_block(encoder, err));
        }
    }
out:
    return status;
}

ktk_status ktki_delta_encoder_finish(struct delta_encoder *encoder, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (!encoder->is_begun) {
        KTKI_TRY(put_header(encoder, 0, err));
    }
    if (encoder->delta_count > 0) {
        KTKI_TRY(put_block(encoder, err));
    }
out:
    return status;
}
