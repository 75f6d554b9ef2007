#include "parquet/rle_encode.h"

#include <assert.h>

#include "base/error.h"
#include "parquet/kernels.h"

/* Bit-packed runs hold a multiple of this many values. */
#define GROUP 8

#define VARINT_SIZE_MAX ((size_t)5) /* headers have 32 bits */
#define VALUE_SIZE_MAX ((size_t)4)

/* So that the header of a run fits 32 bits. */
#define RUN_MAX KTKI_RLE_COUNT_MAX

unsigned ktki_bit_width(uint32_t value_max) {
    return value_max == 0 ? 0 : 32 - (unsigned)__builtin_clz(value_max);
}

static uint8_t *put_varint(uint8_t *at, uint32_t value) {
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_run(uint8_t *at, uint32_t value, size_t count, unsigned width) {
    at = put_varint(at, (uint32_t)(count << 1));
    for (unsigned bits = 0; bits < width; bits += 8) {
        *at++ = (uint8_t)(value >> bits);
    }
    return at;
}

/* The values of a literal run: all groups but a last one that is not full are packed from where
 * they lie, that one is filled up with zeros. */
static uint8_t *put_literals(uint8_t *at, const uint32_t *values, size_t count, unsigned width) {
    size_t whole = count / GROUP * GROUP;

    if (count == 0) {
        return at;
    }
    at = put_varint(at, (uint32_t)((count + GROUP - 1) / GROUP << 1 | 1));
    at = ktki_kernels()->pack(values, whole, width, at);
    if (whole < count) {
        uint32_t last[GROUP] = {0};
        memcpy(last, values + whole, (count - whole) * sizeof(*values));
        at = ktki_kernels()->pack(last, GROUP, width, at);
    }
    return at;
}

/* A run costs its header and value, and the header of the literals behind it: from how many values
 * on it is smaller than bits. At least a group, since literals before it end with one. */
static size_t run_min(unsigned width) {
    size_t cost_bits = 8 * (2 + ((size_t)width + 7) / 8);
    size_t count = cost_bits / width + 1;

    return count < GROUP ? GROUP : count;
}

/* Branch-free, since most groups are mixed at an unpredictable place. */
static bool is_uniform(const uint32_t *group) {
    uint32_t difference = 0;

    for (size_t i = 1; i < GROUP; i++) {
        difference |= group[i] ^ group[0];
    }
    return difference == 0;
}

static size_t run_length(const uint32_t *values, size_t count) {
    size_t length = 1;

    while (length < count && values[length] == values[0]) {
        length++;
    }
    return length;
}

/* Bytes that `count` values take at most. Runs replace at least as many bytes as they and a short
 * literal header take; longer headers belong to literals of 64 groups and more. */
static size_t size_bound(size_t count, unsigned width) {
    size_t groups = (count + GROUP - 1) / GROUP;

    return groups * width + groups / 32 + 2 * (VARINT_SIZE_MAX + VALUE_SIZE_MAX);
}

ktk_status ktki_rle_encode_run(struct buffer *out, uint32_t value, size_t count, unsigned width,
                               ktk_error *err) {
    ktk_status status = ktki_buffer_reserve(out, VARINT_SIZE_MAX + VALUE_SIZE_MAX, err);

    assert(count <= RUN_MAX);
    if (status == KTK_OK && count > 0) {
        out->size = (size_t)(put_run(out->data + out->size, value, count, width) - out->data);
    }
    return status;
}

ktk_status ktki_rle_encode(struct buffer *out, const uint32_t *values, size_t count, unsigned width,
                           ktk_error *err) {
    size_t literal = 0; /* first value that is not written yet */
    size_t at = 0;
    size_t needed;
    uint8_t *end;
    ktk_status status = KTK_OK;

    assert(width <= 32 && count <= RUN_MAX);
    if (width == 0 || count == 0) {
        return ktki_rle_encode_run(out, 0, count, 0, err);
    }
    KTKI_TRY(ktki_buffer_reserve(out, size_bound(count, width) + KERNEL_SLACK, err));
    needed = run_min(width);
    end = out->data + out->size;
    while (at + GROUP <= count) {
        size_t run = is_uniform(values + at) ? run_length(values + at, count - at) : 0;

        if (run < needed) {
            at += GROUP;
            continue;
        }
        end = put_literals(end, values + literal, at - literal, width);
        end = put_run(end, values[at], run, width);
        at += run;
        literal = at;
    }
    end = put_literals(end, values + literal, count - literal, width);
    assert((size_t)(end - out->data) <= out->capacity);
    out->size = (size_t)(end - out->data);
out:
    return status;
}

/* Bytes of 0x00 or 0xFF from which on a run of single bits is worth its headers. */
#define BIT_RUN_BYTES_MIN 4

/* Length of the stretch of bytes equal to the first, if that is all 0 or all 1; else 0. */
static size_t uniform_bytes(const uint8_t *bytes, size_t size) {
    size_t length = 1;

    if (bytes[0] != 0 && bytes[0] != 0xFF) {
        return 0;
    }
    while (length < size && bytes[length] == bytes[0]) {
        length++;
    }
    return length;
}

/* Packed single bits are a bitmap: literals are copied. */
static uint8_t *put_literal_bytes(uint8_t *at, const uint8_t *bytes, size_t size) {
    if (size > 0) {
        at = put_varint(at, (uint32_t)(size << 1 | 1));
        memcpy(at, bytes, size);
        at += size;
    }
    return at;
}

/* Give the bits behind the last value a fixed content, one that does not end a run. */
static void pad_last_byte(uint8_t *bits, size_t count) {
    uint8_t mask = (uint8_t)((1u << count % GROUP) - 1);
    uint8_t *last = bits + count / GROUP;

    if (mask != 0) {
        *last = (*last & mask) == mask ? 0xFF : *last & mask;
    }
}

ktk_status ktki_rle_encode_bits(struct buffer *out, uint8_t *bits, size_t count, ktk_error *err) {
    size_t size = (count + GROUP - 1) / GROUP;
    size_t literal = 0;
    size_t at = 0;
    uint8_t *end;
    ktk_status status = KTK_OK;

    assert(count <= RUN_MAX);
    if (count == 0) {
        goto out; /* there may be no memory to look at */
    }
    KTKI_TRY(ktki_buffer_reserve(out, size_bound(count, 1), err));
    pad_last_byte(bits, count);
    end = out->data + out->size;
    while (at < size) {
        size_t run = uniform_bytes(bits + at, size - at);

        if (run < BIT_RUN_BYTES_MIN) {
            at++;
            continue;
        }
        end = put_literal_bytes(end, bits + literal, at - literal);
        end = put_run(end, bits[at] & 1,
                      (at + run) * GROUP < count ? run * GROUP : count - at * GROUP, 1);
        at += run;
        literal = at;
    }
    end = put_literal_bytes(end, bits + literal, size - literal);
    assert((size_t)(end - out->data) <= out->capacity);
    out->size = (size_t)(end - out->data);
out:
    return status;
}
