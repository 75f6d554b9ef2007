/* What the target of a codec does with its input: two bytes are the size that the rest is said to
 * have uncompressed; the codec writes nothing beyond it, and reads back what it wrote of the
 * rest. */
#ifndef KTK_FUZZ_CODEC_READING_H
#define KTK_FUZZ_CODEC_READING_H

#include "fuzz.h"

#include <string.h>

#include "base/context.h"
#include "codec/codec.h"

static void decompress(const struct codec *codec, struct codec_scratch *scratch,
                       const uint8_t *data, size_t size, size_t out_size) {
    uint8_t *out = malloc(out_size + 1);
    ktk_error err;
    ktk_status status;

    FUZZ_ASSERT(out != NULL);
    out[out_size] = 0x5A;
    status = codec->decompress(scratch, data, size, out, out_size, &err);
    FUZZ_ASSERT(status == KTK_OK || status == KTK_E_CORRUPT);
    FUZZ_ASSERT(out[out_size] == 0x5A);
    free(out);
}

static void round_trip(const struct codec *codec, struct codec_scratch *scratch,
                       const uint8_t *data, size_t size) {
    size_t packed_size = codec->bound(size);
    uint8_t *packed = malloc(packed_size + 1);
    uint8_t *plain = malloc(size + 1);
    ktk_error err;

    FUZZ_ASSERT(packed != NULL && plain != NULL);
    FUZZ_ASSERT(codec->compress(scratch, codec->level_default, data, size, packed, &packed_size,
                                &err) == KTK_OK);
    FUZZ_ASSERT(codec->decompress(scratch, packed, packed_size, plain, size, &err) == KTK_OK);
    FUZZ_ASSERT(memcmp(plain, data, size) == 0);
    free(packed);
    free(plain);
}

static void read_codec(enum codec_id id, const uint8_t *data, size_t size) {
    const struct codec *codec = NULL;
    ktk_context *context = NULL;
    struct codec_scratch scratch;
    ktk_error err;

    if (size < 2) {
        return;
    }
    FUZZ_ASSERT(ktki_codec_find(&codec, (int32_t)id, &err) == KTK_OK);
    FUZZ_ASSERT(ktk_context_new(&context, NULL, &err) == KTK_OK);
    ktki_codec_scratch_init(&scratch, ktki_context_allocator(context));
    decompress(codec, &scratch, data + 2, size - 2, (size_t)data[0] | (size_t)data[1] << 8);
    if (codec->compress != NULL) {
        round_trip(codec, &scratch, data + 2, size - 2);
    }
    ktki_codec_scratch_clear(&scratch);
    ktk_context_free(context);
}

#endif
