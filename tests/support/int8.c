#include "support/int8.h"

#ifdef __x86_64__

#define EL_SIMD_PAIR
#include "backend/cpu/simd/vnni/int8.c"

void test_fill_vnni_pair(el_kernels *k)
{
    k->int8_gemm = multiply_panels;
}

#endif
