/* Products of 8-bit integers with AVX-512 VNNI: vpdpbusd adds four products of unsigned and signed bytes to 32 bits
 * without saturation, so panels with misfits need no other way. Machines without it test what surrounds the instruction
 * with 16 lanes made of two AVX2 registers (tests/ops). */
#include <string.h>

#include "backend/cpu/simd/int8_tile.h"

SIMD_INLINE vint add_dot_products(vint sum, vint x, vint b)
{
#ifdef EL_SIMD_PAIR
    for (int i = 0; i < 2; i++) {
        const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(b.h[i], 8), 8), odd = _mm256_srai_epi16(b.h[i], 8);
        const __m256i low = _mm256_and_si256(x.h[i], _mm256_set1_epi16(255)), high = _mm256_srli_epi16(x.h[i], 8);
        const __m256i both = _mm256_add_epi32(_mm256_madd_epi16(low, even), _mm256_madd_epi16(high, odd));
        sum.h[i] = _mm256_add_epi32(sum.h[i], both);
    }
    return sum;
#else
    return _mm512_dpbusd_epi32(sum, x, b);
#endif
}

SIMD_INLINE void sum_rows(size_t rows, vint sum[][VECTORS], const uint8_t *a, const int8_t *b, size_t depth)
{
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = vi_set1(0);
    }
    for (size_t k = 0; k < depth; k += 4, b += 4 * EL_INT8_COLS) {
        const vint column = vi_load((const uint32_t *)(const void *)b);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            uint32_t four;
            memcpy(&four, a + i * depth + k, sizeof four);
            sum[i][0] = add_dot_products(sum[i][0], vi_set1(four), column);
        }
    }
}

#define TILE(rows)                                                                                                     \
    {                                                                                                                  \
        vint sum[rows][VECTORS];                                                                                       \
        sum_rows(rows, sum, a, b, job->depth);                                                                         \
        finish_tile(job, row, rows, first, sum);                                                                       \
    }

static void do_tile(const el_int8_gemm *job, size_t row, size_t rows, size_t first)
{
    const uint8_t *a = job->a + row * job->depth;
    const int8_t *b = job->b + first * job->depth;
    FOR_ROWS(rows, TILE)
}

static void multiply_panels(const el_int8_gemm *job, size_t panel_begin, size_t panel_end)
{
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
        for (size_t row = 0, rows; row < job->m; row += rows) {
            rows = next_rows(job->m - row);
            do_tile(job, row, rows, panel * EL_INT8_COLS);
            activate_tile(job, row, rows, panel * EL_INT8_COLS);
        }
    }
}

#ifndef EL_SIMD_PAIR
void el_kernels_fill_vnni(el_kernels *k)
{
    k->int8_gemm = multiply_panels;
}
#endif
