/* A vector of floats, so that each fast kernel is written once. The files of this folder are compiled once for each
 * level: with AVX2 and FMA (8 lanes), with AVX-512 (16 lanes), and for the tests with 16 lanes made of two AVX2
 * registers, which checks what depends on the number of lanes on machines without AVX-512.
 *
 *     vec sum = v_zero();
 *     size_t i = 0;
 *     for (; i + LANES <= n; i += LANES) sum = v_add(sum, v_load(x + i));
 *     if (i < n) sum = v_add(sum, v_load_first(x + i, n - i)); // missing lanes are 0, their memory is not touched
 *
 * v_min, v_max and comparisons: a lane with a not-a-number gives the second operand (v_min, v_max) or false. */
#ifndef EL_BACKEND_CPU_SIMD_SIMD_H
#define EL_BACKEND_CPU_SIMD_SIMD_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMD_INLINE static inline __attribute__((always_inline, unused))

/* The next loop has few turns, known when its function is inlined: none of it may remain, so that arrays of vectors
 * become registers. */
#if defined(__clang__)
#define UNROLL      _Pragma("clang loop unroll(full)")
#define UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
#else
#define UNROLL_BY_4 _Pragma("GCC unroll 4")
#define UNROLL      _Pragma("GCC unroll 16")
#endif

#if defined(EL_SIMD_PAIR)
#include "backend/cpu/simd/simd_pair.h"
#elif defined(__AVX512F__)
#include "backend/cpu/simd/simd_avx512.h"
#else
#include "backend/cpu/simd/simd_avx2.h"
#endif

/* Ask for the cache line at x, which may be any address. */
SIMD_INLINE void v_prefetch(const float *x)
{
    _mm_prefetch((const char *)x, _MM_HINT_T0);
}

/* Elements i ... of n: a whole vector, or the first n - i lanes with zeros behind. */
SIMD_INLINE vec v_load_upto(const float *x, size_t i, size_t n)
{
    return n - i >= LANES ? v_load(x + i) : v_load_first(x + i, n - i);
}

SIMD_INLINE void v_store_upto(float *x, size_t i, size_t n, vec v)
{
    if (n - i >= LANES) {
        v_store(x + i, v);
    } else {
        v_store_first(x + i, n - i, v);
    }
}

/* a lane by lane: 0, 1, 2, ... plus first. */
SIMD_INLINE vint v_iota(uint32_t first)
{
    return vi_add(vi_lane_numbers(), vi_set1(first));
}

#endif
