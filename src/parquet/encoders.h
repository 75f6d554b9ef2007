/** The rows of the table of value encoders, for value_encode.c alone. */
#ifndef KTKI_PARQUET_ENCODERS_H
#define KTKI_PARQUET_ENCODERS_H

#include "parquet/value_encode.h"

/** `begin` and `finish` may be NULL: nothing to do. */
struct value_encoding {
    uint32_t types; /* bits of the physical types that it fits */
    ktk_status (*begin)(struct value_encoder *encoder, ktk_error *err);
    ktk_status (*add)(struct value_encoder *encoder, const struct value_block *block,
                      ktk_error *err);
    ktk_status (*finish)(struct value_encoder *encoder, ktk_error *err);
};

/** A value of BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY, however the block has it. */
struct value_bytes {
    const uint8_t *data;
    uint32_t size;
};

static inline struct value_bytes ktki_block_bytes(const struct value_block *block, size_t index,
                                                  size_t width) {
    return block->fixed != NULL
               ? (struct value_bytes){block->fixed + index * width, (uint32_t)width}
               : (struct value_bytes){block->starts[index], block->sizes[index]};
}

ktk_status ktki_encode_bits(struct value_encoder *encoder, const struct value_block *block,
                            ktk_error *err);
ktk_status ktki_encode_bits_finish(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_delta_length_begin(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_delta_length(struct value_encoder *encoder, const struct value_block *block,
                                    ktk_error *err);
ktk_status ktki_encode_delta_length_finish(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_delta_text_begin(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_delta_text(struct value_encoder *encoder, const struct value_block *block,
                                  ktk_error *err);
ktk_status ktki_encode_delta_text_finish(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_split_begin(struct value_encoder *encoder, ktk_error *err);
ktk_status ktki_encode_split(struct value_encoder *encoder, const struct value_block *block,
                             ktk_error *err);

#endif
