/* simd.h with AVX2 and FMA: 8 lanes, masks are vectors of all ones or zeros. */
#ifndef EL_BACKEND_CPU_SIMD_SIMD_AVX2_H
#define EL_BACKEND_CPU_SIMD_SIMD_AVX2_H

#define SIMD_LANES 8
enum { LANES = SIMD_LANES };
#define EL_SIMD(name) name##_avx2

typedef __m256 vec;
typedef __m256i vint;
typedef __m256 vmask;

SIMD_INLINE vec v_zero(void)
{
    return _mm256_setzero_ps();
}
SIMD_INLINE vec v_set1(float x)
{
    return _mm256_set1_ps(x);
}
SIMD_INLINE vec v_load(const float *x)
{
    return _mm256_loadu_ps(x);
}
SIMD_INLINE void v_store(float *x, vec v)
{
    _mm256_storeu_ps(x, v);
}
SIMD_INLINE vint vi_set1(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}
SIMD_INLINE vint vi_lane_numbers(void)
{
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}
SIMD_INLINE vint vi_first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), vi_lane_numbers());
}
/* n: 0 ... LANES */
SIMD_INLINE vec v_load_first(const float *x, size_t n)
{
    return _mm256_maskload_ps(x, vi_first(n));
}
SIMD_INLINE void v_store_first(float *x, size_t n, vec v)
{
    _mm256_maskstore_ps(x, vi_first(n), v);
}
SIMD_INLINE vec v_keep_first(vec a, size_t n) /* zeros behind */
{
    return _mm256_and_ps(a, _mm256_castsi256_ps(vi_first(n)));
}

SIMD_INLINE vec v_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
SIMD_INLINE vec v_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
SIMD_INLINE vec v_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
SIMD_INLINE vec v_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}
SIMD_INLINE vec v_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}
SIMD_INLINE vec v_fma(vec a, vec b, vec c) /* a b + c */
{
    return _mm256_fmadd_ps(a, b, c);
}
SIMD_INLINE vec v_fnma(vec a, vec b, vec c) /* c - a b */
{
    return _mm256_fnmadd_ps(a, b, c);
}
SIMD_INLINE vec v_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}
SIMD_INLINE vec v_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}
SIMD_INLINE vec v_round(vec a) /* to the nearest integer, ties to even */
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
SIMD_INLINE vec v_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
SIMD_INLINE vec v_copysign(vec magnitude, vec sign) /* magnitude >= 0 */
{
    return _mm256_or_ps(magnitude, _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
}
SIMD_INLINE vmask v_less(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
SIMD_INLINE vmask v_equal(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
SIMD_INLINE bool v_any(vmask m)
{
    return _mm256_movemask_ps(m) != 0;
}
SIMD_INLINE vec v_select(vmask m, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, m);
}

SIMD_INLINE vint vi_load(const uint32_t *x)
{
    return _mm256_loadu_si256((const __m256i *)x);
}
SIMD_INLINE vint vi_load_first(const uint32_t *x, size_t n)
{
    return _mm256_maskload_epi32((const int *)x, vi_first(n));
}
SIMD_INLINE vint vi_add(vint a, vint b)
{
    return _mm256_add_epi32(a, b);
}
SIMD_INLINE vint vi_sub(vint a, vint b)
{
    return _mm256_sub_epi32(a, b);
}
SIMD_INLINE vint vi_mul(vint a, vint b) /* low 32 bits */
{
    return _mm256_mullo_epi32(a, b);
}
SIMD_INLINE vint vi_xor(vint a, vint b)
{
    return _mm256_xor_si256(a, b);
}
#define vi_shift_right(a, bits) _mm256_srli_epi32(a, bits)
#define vi_shift_left(a, bits)  _mm256_slli_epi32(a, bits)
#define vi_halve(a)             _mm256_srai_epi32(a, 1) /* signed, rounded down */
/* a < b, unsigned */
SIMD_INLINE vmask vi_less(vint a, vint b)
{
    const vint top = _mm256_set1_epi32((int)0x80000000u);
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, top), _mm256_xor_si256(a, top)));
}
SIMD_INLINE vint v_to_int(vec a) /* rounded to the nearest */
{
    return _mm256_cvtps_epi32(a);
}
SIMD_INLINE vec vi_to_float(vint a) /* signed */
{
    return _mm256_cvtepi32_ps(a);
}
SIMD_INLINE vec vi_as_float(vint a) /* the bits */
{
    return _mm256_castsi256_ps(a);
}

/* The lanes added pairwise in halves: (0+4, 1+5, ...), then again; the order is part of the level. */
SIMD_INLINE float v_sum(vec a)
{
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
SIMD_INLINE float v_largest(vec a)
{
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
/* A sum of floats that is kept in double. */
typedef struct vdouble {
    __m256d low, high;
} vdouble;

SIMD_INLINE vdouble vd_zero(void)
{
    return (vdouble){_mm256_setzero_pd(), _mm256_setzero_pd()};
}
SIMD_INLINE vdouble vd_add(vdouble sum, vec a)
{
    return (vdouble){_mm256_add_pd(sum.low, _mm256_cvtps_pd(_mm256_castps256_ps128(a))),
                     _mm256_add_pd(sum.high, _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)))};
}
SIMD_INLINE vdouble vd_add_square(vdouble sum, vec a)
{
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
    const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
    return (vdouble){_mm256_fmadd_pd(low, low, sum.low), _mm256_fmadd_pd(high, high, sum.high)};
}
SIMD_INLINE double vd_sum(vdouble sum)
{
    const __m256d four = _mm256_add_pd(sum.low, sum.high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* Rows of LANES x LANES floats become columns. */
SIMD_INLINE void v_transpose(vec r[LANES])
{
    vec t[LANES];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
    UNROLL
    for (int i = 0; i < 8; i++) {
        r[i] = t[i];
    }
}

#endif
