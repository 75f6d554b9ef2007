#include "parquet/kernels.h"

enum width_class ktki_width_class(size_t width) {
    switch (width) {
    case 1:
        return WIDTH_1;
    case 2:
        return WIDTH_2;
    case 4:
        return WIDTH_4;
    case 8:
        return WIDTH_8;
    case 16:
        return WIDTH_16;
    case 32:
        return WIDTH_32;
    default:
        return WIDTH_ANY;
    }
}

const struct kernels *ktki_kernels_of_level(int level) {
    switch (level) {
    case 0:
        return &ktki_kernels_base;
#if defined(KTKI_KERNELS_X86)
    case 1:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
                       __builtin_cpu_supports("fma")
                   ? &ktki_kernels_avx2
                   : NULL;
    case 2:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512cd")
                   ? &ktki_kernels_avx512
                   : NULL;
#endif
    default:
        return NULL;
    }
}

const struct kernels *ktki_kernels(void) {
    for (int level = KERNEL_LEVELS - 1; level > 0; level--) {
        const struct kernels *kernels = ktki_kernels_of_level(level);
        if (kernels != NULL) {
            return kernels;
        }
    }
    return &ktki_kernels_base;
}
