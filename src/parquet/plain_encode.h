/** PLAIN encoding of blocks of values. */
#ifndef KTKI_PARQUET_PLAIN_ENCODE_H
#define KTKI_PARQUET_PLAIN_ENCODE_H

#include "base/buffer.h"
#include "parquet/metadata.h"
#include "parquet/value_block.h"

/** Bits that do not fill a byte yet; all zero at the start of a page. */
struct plain_bits {
    uint8_t bits;
    unsigned count;
};

/**
 * Append the values of a block of the physical type; `width` is that of one fixed-width value.
 * `pending` carries the bits of PQ_BOOLEAN from block to block.
 */
ktk_status ktki_plain_encode(struct buffer *out, enum parquet_type type, size_t width,
                             const struct value_block *block, struct plain_bits *pending,
                             ktk_error *err);

/** Append the bits that are left at the end of a page. */
ktk_status ktki_plain_flush(struct buffer *out, struct plain_bits *pending, ktk_error *err);

/** Bytes that the values of a block take. */
size_t ktki_plain_size(enum parquet_type type, size_t width, const struct value_block *block);

/** Copy a short piece of bytes: the usual length of texts, for which a call is dear. */
static inline void ktki_copy_bytes(uint8_t *to, const uint8_t *from, size_t size) {
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t head;
        uint64_t tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + size - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + size - 8, &tail, 8);
    } else if (size >= 4) {
        uint32_t head;
        uint32_t tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + size - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + size - 4, &tail, 4);
    } else {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
        }
    }
}

#endif
