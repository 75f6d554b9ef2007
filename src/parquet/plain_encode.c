#include "parquet/plain_encode.h"

#include "base/error.h"

typedef ktk_status (*encode_fn)(struct buffer *out, size_t width, const struct value_block *block,
                                struct plain_bits *pending, ktk_error *err);
typedef size_t (*size_fn)(size_t width, const struct value_block *block);

static size_t size_fixed(size_t width, const struct value_block *block) {
    return block->count * width;
}

static ktk_status encode_fixed(struct buffer *out, size_t width, const struct value_block *block,
                               struct plain_bits *pending, ktk_error *err) {
    (void)pending;
    return ktki_buffer_append(out, block->fixed, block->count * width, err);
}

static size_t size_bool(size_t width, const struct value_block *block) {
    (void)width;
    return (block->count + 7) / 8;
}

/* Eight bytes of 0 or 1, first value lowest, as the bits of one byte: the product brings bit 0 of
 * byte i to bit 56 + i, and no other bits come near. */
static uint8_t pack_bytes(const uint8_t *bytes) {
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return (uint8_t)(word * UINT64_C(0x0102040810204080) >> 56);
}

static ktk_status encode_bool(struct buffer *out, size_t width, const struct value_block *block,
                              struct plain_bits *pending, ktk_error *err) {
    size_t i = 0;
    uint8_t *at;
    ktk_status status = ktki_buffer_reserve(out, block->count / 8 + 1, err);

    (void)width;
    if (status != KTK_OK) {
        return status;
    }
    at = out->data + out->size;
    while (i < block->count) {
        if (pending->count == 0 && block->count - i >= 8) {
            *at++ = pack_bytes(block->fixed + i);
            i += 8;
            continue;
        }
        pending->bits |= (uint8_t)(block->fixed[i++] << pending->count++);
        if (pending->count == 8) {
            *at++ = pending->bits;
            *pending = (struct plain_bits){0, 0};
        }
    }
    out->size = (size_t)(at - out->data);
    return KTK_OK;
}

static size_t sum_of_sizes(const struct value_block *block) {
    uint64_t sum = 0;

    for (size_t i = 0; i < block->count; i++) {
        sum += block->sizes[i];
    }
    return (size_t)sum;
}

static size_t size_prefixed(size_t width, const struct value_block *block) {
    (void)width;
    return sum_of_sizes(block) + block->count * sizeof(uint32_t);
}

/* Texts are mostly short: a copy of fixed size, which may take more than the text, needs neither a
 * call nor a guess at its length. */
#define COPY_STEP ((size_t)32)

static ktk_status encode_prefixed(struct buffer *out, size_t width, const struct value_block *block,
                                  struct plain_bits *pending, ktk_error *err) {
    uint8_t *at;
    ktk_status status = ktki_buffer_reserve(out, size_prefixed(width, block) + COPY_STEP, err);

    (void)pending;
    if (status != KTK_OK) {
        return status;
    }
    at = out->data + out->size;
    for (size_t i = 0; i < block->count; i++) {
        uint32_t size = block->sizes[i];

        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
        if ((uintptr_t)block->starts[i] + COPY_STEP <= (uintptr_t)block->end) {
            memcpy(at, block->starts[i], COPY_STEP);
            if (size > COPY_STEP) {
                memcpy(at + COPY_STEP, block->starts[i] + COPY_STEP, size - COPY_STEP);
            }
        } else {
            ktki_copy_bytes(at, block->starts[i], size);
        }
        at += size;
    }
    out->size = (size_t)(at - out->data);
    return KTK_OK;
}

static size_t size_sized(size_t width, const struct value_block *block) {
    return block->fixed != NULL ? size_fixed(width, block) : sum_of_sizes(block);
}

/* FIXED_LEN_BYTE_ARRAY comes as numbers (decimals) or as pieces of bytes, all of the width. */
static ktk_status encode_sized(struct buffer *out, size_t width, const struct value_block *block,
                               struct plain_bits *pending, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (block->fixed != NULL) {
        return encode_fixed(out, width, block, pending, err);
    }
    for (size_t i = 0; i < block->count && status == KTK_OK; i++) {
        status = ktki_buffer_append(out, block->starts[i], block->sizes[i], err);
    }
    return status;
}

struct plain_kernel {
    encode_fn encode;
    size_fn size;
};

static const struct plain_kernel kernels[PQ_TYPE_COUNT] = {
    [PQ_BOOLEAN] = {encode_bool, size_bool},
    [PQ_INT32] = {encode_fixed, size_fixed},
    [PQ_INT64] = {encode_fixed, size_fixed},
    [PQ_INT96] = {encode_fixed, size_fixed},
    [PQ_FLOAT] = {encode_fixed, size_fixed},
    [PQ_DOUBLE] = {encode_fixed, size_fixed},
    [PQ_BYTE_ARRAY] = {encode_prefixed, size_prefixed},
    [PQ_FIXED_LEN_BYTE_ARRAY] = {encode_sized, size_sized},
};

ktk_status ktki_plain_encode(struct buffer *out, enum parquet_type type, size_t width,
                             const struct value_block *block, struct plain_bits *pending,
                             ktk_error *err) {
    return block->count == 0 ? KTK_OK : kernels[type].encode(out, width, block, pending, err);
}

ktk_status ktki_plain_flush(struct buffer *out, struct plain_bits *pending, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (pending->count > 0) {
        status = ktki_buffer_append_byte(out, pending->bits, err);
        *pending = (struct plain_bits){0, 0};
    }
    return status;
}

size_t ktki_plain_size(enum parquet_type type, size_t width, const struct value_block *block) {
    return block->count == 0 ? 0 : kernels[type].size(width, block);
}
