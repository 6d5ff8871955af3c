/* Which kernels of the table this level overwrites. */
#include "backend/cpu/simd/kernels.h"

void EL_SIMD(el_kernels_fill)(el_kernels *k)
{
    k->gemm_scratch = EL_SIMD(el_gemm_scratch);
    k->gemm = EL_SIMD(el_gemm);
}
