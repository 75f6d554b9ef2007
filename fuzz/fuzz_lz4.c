/* Any bytes as LZ4 data, as what each of the two numbers of the format means. */
#include "codec_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_codec(CODEC_LZ4_RAW, data, size);
    read_codec(CODEC_LZ4_HADOOP, data, size);
    return 0;
}
