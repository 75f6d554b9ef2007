#define KERNELS_NAME ktki_kernels_avx2
#define KERNELS_TEXT "avx2"
#include "parquet/kernels_body.h"
