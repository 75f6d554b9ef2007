#include "base/checked.h"
#include "base/error.h"
#include "parquet/encoders.h"
#include "parquet/kernels.h"

/* All values of the page share the streams, whose places depend on how many there are. */
ktk_status ktki_encode_split_begin(struct value_encoder *encoder, ktk_error *err) {
    size_t size;
    ktk_status status = KTK_OK;

    if (!ktki_mul_size(encoder->count, encoder->width, &size)) {
        KTKI_FAIL(err, KTK_E_LIMIT, "%zu values do not fit in memory", encoder->count);
    }
    KTKI_TRY(ktki_buffer_reserve(encoder->out, size, err));
    encoder->out->size += size;
out:
    return status;
}

ktk_status ktki_encode_split(struct value_encoder *encoder, const struct value_block *block,
                             ktk_error *err) {
    uint8_t *streams = encoder->out->data + encoder->start + encoder->done;

    (void)err;
    if (block->fixed != NULL) {
        encoder->kernels->split_streams(block->fixed, block->count, encoder->width, encoder->count,
                                        streams);
        return KTK_OK;
    }
    for (size_t i = 0; i < block->count; i++) {
        for (size_t k = 0; k < encoder->width; k++) {
            streams[k * encoder->count + i] = block->starts[i][k];
        }
    }
    return KTK_OK;
}
