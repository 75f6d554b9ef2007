#include "parquet/levels_bit_packed.h"

#include "base/error.h"

/* Longest header of a run: a varint of 64 bits. */
#define RUN_HEADER_MAX 10

static uint8_t *put_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Numbers whose highest bit comes first, from the highest bit of each byte on, become numbers whose
 * lowest bit comes first. `out` is zero. */
static void reverse_bits(const uint8_t *from, size_t count, unsigned width, uint8_t *out) {
    for (size_t i = 0; i < count; i++) {
        for (unsigned j = 0; j < width; j++) {
            size_t in_bit = i * width + (width - 1 - j);
            size_t out_bit = i * width + j;
            unsigned bit = from[in_bit / 8] >> (7 - in_bit % 8) & 1;
            out[out_bit / 8] = (uint8_t)(out[out_bit / 8] | bit << out_bit % 8);
        }
    }
}

ktk_status ktki_levels_bit_packed(struct cursor *page, int32_t level_max, int64_t count,
                                  struct read_scratch *scratch, struct scratch_block *block,
                                  struct cursor *out, ktk_error *err) {
    unsigned width = 32 - (unsigned)__builtin_clz((unsigned)level_max);
    size_t groups = ((size_t)count + 7) / 8;
    const uint8_t *packed;
    uint8_t *at;
    ktk_status status = KTK_OK;

    if (!ktki_cursor_bytes(page, ((size_t)count * width + 7) / 8, &packed)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "levels end behind their page");
    }
    KTKI_TRY(ktki_scratch_reserve(scratch, block, RUN_HEADER_MAX + groups * width, err));
    at = put_varint(block->data, (uint64_t)groups << 1 | 1);
    memset(at, 0, groups * width);
    reverse_bits(packed, (size_t)count, width, at);
    *out = ktki_cursor(block->data, (size_t)(at - block->data) + groups * width);
out:
    return status;
}
