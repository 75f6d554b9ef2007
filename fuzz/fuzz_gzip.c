/* Any bytes as GZIP data, of one member or more, of a size that is stated or is not. */
#include "codec_reading.h"

#include "base/alloc.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer out;

    read_codec(CODEC_GZIP, data, size);
    ktki_buffer_init(&out, ktki_alloc_default(), (size_t)1 << 20);
    KTKI_IGNORE(ktki_gzip_expand(&out, data, size, NULL));
    ktki_buffer_clear(&out);
    return 0;
}
