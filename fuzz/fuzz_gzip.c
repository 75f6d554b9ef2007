/* Any bytes as GZIP data, of one member or more. */
#include "codec_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_codec(CODEC_GZIP, data, size);
    return 0;
}
