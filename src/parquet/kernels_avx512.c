#define KERNELS_NAME ktki_kernels_avx512
#define KERNELS_TEXT "avx512"
#include "parquet/kernels_body.h"
