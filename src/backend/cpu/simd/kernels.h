/* The fast kernels of one level, as backend/cpu/kernels.h describes each; table.c puts them into their slots. */
#ifndef EL_BACKEND_CPU_SIMD_KERNELS_H
#define EL_BACKEND_CPU_SIMD_KERNELS_H

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/simd.h"

size_t EL_SIMD(el_gemm_scratch)(size_t m, size_t n, size_t k);
void EL_SIMD(el_gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end,
                      void *scratch);

#endif
