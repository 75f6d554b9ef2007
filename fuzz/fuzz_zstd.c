/* Any bytes as ZSTD data. */
#include "codec_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_codec(CODEC_ZSTD, data, size);
    return 0;
}
