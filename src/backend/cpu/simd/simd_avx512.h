/* simd.h with AVX-512 (F, BW, VL, DQ): 16 lanes, masks are bits. */
#ifndef EL_BACKEND_CPU_SIMD_SIMD_AVX512_H
#define EL_BACKEND_CPU_SIMD_SIMD_AVX512_H

#define SIMD_LANES 16
enum { LANES = SIMD_LANES };
#define EL_SIMD(name) name##_avx512

typedef __m512 vec;
typedef __m512i vint;
typedef __mmask16 vmask;

SIMD_INLINE vec v_zero(void)
{
    return _mm512_setzero_ps();
}
SIMD_INLINE vec v_set1(float x)
{
    return _mm512_set1_ps(x);
}
SIMD_INLINE vec v_load(const float *x)
{
    return _mm512_loadu_ps(x);
}
SIMD_INLINE void v_store(float *x, vec v)
{
    _mm512_storeu_ps(x, v);
}
SIMD_INLINE vint vi_set1(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}
SIMD_INLINE vint vi_lane_numbers(void)
{
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
SIMD_INLINE vmask v_first(size_t n)
{
    return (vmask)((1u << n) - 1);
}
/* n: 0 ... LANES */
SIMD_INLINE vec v_load_first(const float *x, size_t n)
{
    return _mm512_maskz_loadu_ps(v_first(n), x);
}
SIMD_INLINE void v_store_first(float *x, size_t n, vec v)
{
    _mm512_mask_storeu_ps(x, v_first(n), v);
}
SIMD_INLINE vec v_keep_first(vec a, size_t n) /* zeros behind */
{
    return _mm512_maskz_mov_ps(v_first(n), a);
}

SIMD_INLINE vec v_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
SIMD_INLINE vec v_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
SIMD_INLINE vec v_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
SIMD_INLINE vec v_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
SIMD_INLINE vec v_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}
SIMD_INLINE vec v_fma(vec a, vec b, vec c) /* a b + c */
{
    return _mm512_fmadd_ps(a, b, c);
}
SIMD_INLINE vec v_fnma(vec a, vec b, vec c) /* c - a b */
{
    return _mm512_fnmadd_ps(a, b, c);
}
SIMD_INLINE vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}
SIMD_INLINE vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}
/* Without optimisation gcc makes this intrinsic a macro whose mask of ones it then warns about. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
SIMD_INLINE vec v_round(vec a) /* to the nearest integer, ties to even */
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#pragma GCC diagnostic pop
SIMD_INLINE vec v_abs(vec a)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0F), a);
}
SIMD_INLINE vec v_copysign(vec magnitude, vec sign) /* magnitude >= 0 */
{
    return _mm512_or_ps(magnitude, _mm512_and_ps(_mm512_set1_ps(-0.0F), sign));
}
SIMD_INLINE vmask v_less(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
SIMD_INLINE vmask v_equal(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
SIMD_INLINE bool v_any(vmask m)
{
    return m != 0;
}
SIMD_INLINE vec v_select(vmask m, vec yes, vec no)
{
    return _mm512_mask_blend_ps(m, no, yes);
}

SIMD_INLINE vint vi_load(const uint32_t *x)
{
    return _mm512_loadu_si512(x);
}
SIMD_INLINE vint vi_load_first(const uint32_t *x, size_t n)
{
    return _mm512_maskz_loadu_epi32(v_first(n), x);
}
SIMD_INLINE vint vi_add(vint a, vint b)
{
    return _mm512_add_epi32(a, b);
}
SIMD_INLINE vint vi_sub(vint a, vint b)
{
    return _mm512_sub_epi32(a, b);
}
SIMD_INLINE vint vi_mul(vint a, vint b) /* low 32 bits */
{
    return _mm512_mullo_epi32(a, b);
}
SIMD_INLINE vint vi_xor(vint a, vint b)
{
    return _mm512_xor_si512(a, b);
}
#define vi_shift_right(a, bits) _mm512_srli_epi32(a, bits)
#define vi_shift_left(a, bits)  _mm512_slli_epi32(a, bits)
#define vi_halve(a)             _mm512_srai_epi32(a, 1) /* signed, rounded down */
/* a < b, unsigned */
SIMD_INLINE vmask vi_less(vint a, vint b)
{
    return _mm512_cmplt_epu32_mask(a, b);
}
SIMD_INLINE vint v_to_int(vec a) /* rounded to the nearest */
{
    return _mm512_cvtps_epi32(a);
}
SIMD_INLINE vec vi_to_float(vint a) /* signed */
{
    return _mm512_cvtepi32_ps(a);
}
SIMD_INLINE vec vi_as_float(vint a) /* the bits */
{
    return _mm512_castsi512_ps(a);
}

/* The lanes added pairwise in halves; the order is part of the level. */
SIMD_INLINE float v_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}
SIMD_INLINE float v_largest(vec a)
{
    return _mm512_reduce_max_ps(a);
}

/* A sum of floats that is kept in double. */
typedef struct vdouble {
    __m512d low, high;
} vdouble;

SIMD_INLINE vdouble vd_zero(void)
{
    return (vdouble){_mm512_setzero_pd(), _mm512_setzero_pd()};
}
SIMD_INLINE vdouble vd_add(vdouble sum, vec a)
{
    return (vdouble){_mm512_add_pd(sum.low, _mm512_cvtps_pd(_mm512_castps512_ps256(a))),
                     _mm512_add_pd(sum.high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)))};
}
SIMD_INLINE vdouble vd_add_square(vdouble sum, vec a)
{
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
    return (vdouble){_mm512_fmadd_pd(low, low, sum.low), _mm512_fmadd_pd(high, high, sum.high)};
}
SIMD_INLINE double vd_sum(vdouble sum)
{
    return _mm512_reduce_add_pd(_mm512_add_pd(sum.low, sum.high));
}

/* Rows of LANES x LANES floats become columns: blocks of 4 x 4 within each quarter of a register, then the quarters. */
SIMD_INLINE void v_transpose(vec r[LANES])
{
    vec t[LANES];
    UNROLL
    for (int i = 0; i < 16; i += 4) {
        const vec a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        const vec c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    /* t[4g + c], quarter q: column 4q + c of rows 4g ... 4g + 3 */
    UNROLL
    for (int c = 0; c < 4; c++) {
        const vec a = _mm512_shuffle_f32x4(t[c], t[4 + c], 0x88), b = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0x88);
        const vec d = _mm512_shuffle_f32x4(t[c], t[4 + c], 0xdd), e = _mm512_shuffle_f32x4(t[8 + c], t[12 + c], 0xdd);
        r[c] = _mm512_shuffle_f32x4(a, b, 0x88);
        r[8 + c] = _mm512_shuffle_f32x4(a, b, 0xdd);
        r[4 + c] = _mm512_shuffle_f32x4(d, e, 0x88);
        r[12 + c] = _mm512_shuffle_f32x4(d, e, 0xdd);
    }
}

#endif
