/* Any bytes as a Parquet file. */
#include "parquet_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_parquet_file(data, size);
    return 0;
}
