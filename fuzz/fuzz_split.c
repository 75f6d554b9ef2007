/* Streams joined are the values whose bytes they are, and split again they are the streams, at
 * every level. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "parquet/kernels.h"

static void check_level(const uint8_t *data, size_t width, size_t count, size_t stride,
                        const struct kernels *kernels) {
    size_t size = count == 0 ? 0 : (width - 1) * stride + count;
    uint8_t *values = malloc(count * width + 1);
    uint8_t *again = malloc(size + 1);

    FUZZ_ASSERT(values != NULL && again != NULL);
    kernels->join_streams(data, stride, count, width, values);
    memcpy(again, data, size);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < width; k++) {
            FUZZ_ASSERT(values[i * width + k] == data[k * stride + i]);
            again[k * stride + i] = (uint8_t)~data[k * stride + i];
        }
    }
    kernels->split_streams(values, count, width, stride, again);
    FUZZ_ASSERT(memcmp(again, data, size) == 0);
    free(values);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t width;
    size_t stride;
    size_t gap;

    if (size < 2) {
        return 0;
    }
    width = data[0] % 40 + (size_t)1;
    gap = data[1] % 20;
    stride = (size - 2) / width;
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        if (ktki_kernels_of_level(level) != NULL) {
            check_level(data + 2, width, stride > gap ? stride - gap : stride, stride,
                        ktki_kernels_of_level(level));
        }
    }
    return 0;
}
