#define KERNELS_NAME ktki_kernels_base
#define KERNELS_TEXT "base"
#include "parquet/kernels_body.h"
