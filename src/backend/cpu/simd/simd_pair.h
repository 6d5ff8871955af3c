/* simd.h with 16 lanes made of two AVX2 registers, for the tests only: it checks, on a machine without AVX-512, all
 * that the kernels do differently with 16 lanes. */
#ifndef EL_BACKEND_CPU_SIMD_SIMD_PAIR_H
#define EL_BACKEND_CPU_SIMD_SIMD_PAIR_H

#define SIMD_LANES 16
enum { LANES = SIMD_LANES };
#define EL_SIMD(name) name##_pair

typedef struct vec {
    __m256 h[2];
} vec;
typedef struct vint {
    __m256i h[2];
} vint;
typedef vec vmask;

/* Both halves alike. */
#define PAIR(type, expression_0, expression_1) ((type){{expression_0, expression_1}})

SIMD_INLINE vec v_zero(void)
{
    return PAIR(vec, _mm256_setzero_ps(), _mm256_setzero_ps());
}
SIMD_INLINE vec v_set1(float x)
{
    return PAIR(vec, _mm256_set1_ps(x), _mm256_set1_ps(x));
}
SIMD_INLINE vec v_load(const float *x)
{
    return PAIR(vec, _mm256_loadu_ps(x + 8 * 0), _mm256_loadu_ps(x + 8 * 1));
}
SIMD_INLINE void v_store(float *x, vec v)
{
    _mm256_storeu_ps(x, v.h[0]);
    _mm256_storeu_ps(x + 8, v.h[1]);
}
SIMD_INLINE vint vi_set1(uint32_t x)
{
    return PAIR(vint, _mm256_set1_epi32((int)x), _mm256_set1_epi32((int)x));
}
SIMD_INLINE vint vi_lane_numbers(void)
{
    return PAIR(vint, _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * 0)),
                _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * 1)));
}
SIMD_INLINE vint vi_first(size_t n)
{
    return PAIR(vint, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), vi_lane_numbers().h[0]),
                _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), vi_lane_numbers().h[1]));
}
SIMD_INLINE vec v_load_first(const float *x, size_t n)
{
    return PAIR(vec, _mm256_maskload_ps(x + 8 * 0, vi_first(n).h[0]), _mm256_maskload_ps(x + 8 * 1, vi_first(n).h[1]));
}
SIMD_INLINE void v_store_first(float *x, size_t n, vec v)
{
    _mm256_maskstore_ps(x, vi_first(n).h[0], v.h[0]);
    _mm256_maskstore_ps(x + 8, vi_first(n).h[1], v.h[1]);
}
/* a with zeros behind its first n lanes. */
SIMD_INLINE vec v_keep_first(vec a, size_t n)
{
    return PAIR(vec, _mm256_and_ps(a.h[0], _mm256_castsi256_ps(vi_first(n).h[0])),
                _mm256_and_ps(a.h[1], _mm256_castsi256_ps(vi_first(n).h[1])));
}
SIMD_INLINE vec v_add(vec a, vec b)
{
    return PAIR(vec, _mm256_add_ps(a.h[0], b.h[0]), _mm256_add_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_sub(vec a, vec b)
{
    return PAIR(vec, _mm256_sub_ps(a.h[0], b.h[0]), _mm256_sub_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_mul(vec a, vec b)
{
    return PAIR(vec, _mm256_mul_ps(a.h[0], b.h[0]), _mm256_mul_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_div(vec a, vec b)
{
    return PAIR(vec, _mm256_div_ps(a.h[0], b.h[0]), _mm256_div_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_min(vec a, vec b)
{
    return PAIR(vec, _mm256_min_ps(a.h[0], b.h[0]), _mm256_min_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_max(vec a, vec b)
{
    return PAIR(vec, _mm256_max_ps(a.h[0], b.h[0]), _mm256_max_ps(a.h[1], b.h[1]));
}
SIMD_INLINE vec v_sqrt(vec a)
{
    return PAIR(vec, _mm256_sqrt_ps(a.h[0]), _mm256_sqrt_ps(a.h[1]));
}
SIMD_INLINE vec v_fma(vec a, vec b, vec c)
{
    return PAIR(vec, _mm256_fmadd_ps(a.h[0], b.h[0], c.h[0]), _mm256_fmadd_ps(a.h[1], b.h[1], c.h[1]));
}
SIMD_INLINE vec v_fnma(vec a, vec b, vec c)
{
    return PAIR(vec, _mm256_fnmadd_ps(a.h[0], b.h[0], c.h[0]), _mm256_fnmadd_ps(a.h[1], b.h[1], c.h[1]));
}
SIMD_INLINE vec v_round(vec a)
{
    return PAIR(vec, _mm256_round_ps(a.h[0], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_ps(a.h[1], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
SIMD_INLINE vec v_abs(vec a)
{
    return PAIR(vec, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.h[0]), _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.h[1]));
}
SIMD_INLINE vec v_copysign(vec magnitude, vec sign)
{
    return PAIR(vec, _mm256_or_ps(magnitude.h[0], _mm256_and_ps(_mm256_set1_ps(-0.0F), sign.h[0])),
                _mm256_or_ps(magnitude.h[1], _mm256_and_ps(_mm256_set1_ps(-0.0F), sign.h[1])));
}
SIMD_INLINE vmask v_less(vec a, vec b)
{
    return PAIR(vmask, _mm256_cmp_ps(a.h[0], b.h[0], _CMP_LT_OQ), _mm256_cmp_ps(a.h[1], b.h[1], _CMP_LT_OQ));
}
SIMD_INLINE vmask v_equal(vec a, vec b)
{
    return PAIR(vmask, _mm256_cmp_ps(a.h[0], b.h[0], _CMP_EQ_OQ), _mm256_cmp_ps(a.h[1], b.h[1], _CMP_EQ_OQ));
}
SIMD_INLINE bool v_any(vmask m)
{
    return (_mm256_movemask_ps(m.h[0]) | _mm256_movemask_ps(m.h[1])) != 0;
}
SIMD_INLINE vec v_select(vmask m, vec yes, vec no)
{
    return PAIR(vec, _mm256_blendv_ps(no.h[0], yes.h[0], m.h[0]), _mm256_blendv_ps(no.h[1], yes.h[1], m.h[1]));
}
SIMD_INLINE vint vi_load(const uint32_t *x)
{
    return PAIR(vint, _mm256_loadu_si256((const __m256i *)(x + 8 * 0)),
                _mm256_loadu_si256((const __m256i *)(x + 8 * 1)));
}
SIMD_INLINE vint vi_load_first(const uint32_t *x, size_t n)
{
    return PAIR(vint, _mm256_maskload_epi32((const int *)(x + 8 * 0), vi_first(n).h[0]),
                _mm256_maskload_epi32((const int *)(x + 8 * 1), vi_first(n).h[1]));
}
SIMD_INLINE vint vi_add(vint a, vint b)
{
    return PAIR(vint, _mm256_add_epi32(a.h[0], b.h[0]), _mm256_add_epi32(a.h[1], b.h[1]));
}
SIMD_INLINE vint vi_sub(vint a, vint b)
{
    return PAIR(vint, _mm256_sub_epi32(a.h[0], b.h[0]), _mm256_sub_epi32(a.h[1], b.h[1]));
}
SIMD_INLINE vint vi_mul(vint a, vint b)
{
    return PAIR(vint, _mm256_mullo_epi32(a.h[0], b.h[0]), _mm256_mullo_epi32(a.h[1], b.h[1]));
}
SIMD_INLINE vint vi_xor(vint a, vint b)
{
    return PAIR(vint, _mm256_xor_si256(a.h[0], b.h[0]), _mm256_xor_si256(a.h[1], b.h[1]));
}
SIMD_INLINE vint vi_shift_right(vint a, int bits)
{
    return PAIR(vint, _mm256_srli_epi32(a.h[0], bits), _mm256_srli_epi32(a.h[1], bits));
}
SIMD_INLINE vint vi_shift_left(vint a, int bits)
{
    return PAIR(vint, _mm256_slli_epi32(a.h[0], bits), _mm256_slli_epi32(a.h[1], bits));
}
SIMD_INLINE vint vi_halve(vint a)
{
    return PAIR(vint, _mm256_srai_epi32(a.h[0], 1), _mm256_srai_epi32(a.h[1], 1));
}
SIMD_INLINE __m256 vi_less_half(__m256i a, __m256i b)
{
    const __m256i top = _mm256_set1_epi32((int)0x80000000u);
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, top), _mm256_xor_si256(a, top)));
}
SIMD_INLINE vmask vi_less(vint a, vint b)
{
    return PAIR(vmask, vi_less_half(a.h[0], b.h[0]), vi_less_half(a.h[1], b.h[1]));
}
SIMD_INLINE vint v_to_int(vec a)
{
    return PAIR(vint, _mm256_cvtps_epi32(a.h[0]), _mm256_cvtps_epi32(a.h[1]));
}
SIMD_INLINE vec vi_to_float(vint a)
{
    return PAIR(vec, _mm256_cvtepi32_ps(a.h[0]), _mm256_cvtepi32_ps(a.h[1]));
}
SIMD_INLINE vec vi_as_float(vint a)
{
    return PAIR(vec, _mm256_castsi256_ps(a.h[0]), _mm256_castsi256_ps(a.h[1]));
}

SIMD_INLINE float v_sum(vec a)
{
    float x[LANES];
    v_store(x, a);
    for (int n = 8; n > 0; n /= 2) {
        for (int i = 0; i < n; i++) {
            x[i] += x[i + n];
        }
    }
    return x[0];
}
SIMD_INLINE float v_largest(vec a)
{
    float x[LANES];
    v_store(x, a);
    for (int i = 1; i < LANES; i++) {
        x[0] = x[i] > x[0] ? x[i] : x[0];
    }
    return x[0];
}

typedef struct vdouble {
    double x[LANES];
} vdouble;

SIMD_INLINE vdouble vd_zero(void)
{
    return (vdouble){{0}};
}
SIMD_INLINE vdouble vd_add(vdouble sum, vec a)
{
    float x[LANES];
    v_store(x, a);
    for (int i = 0; i < LANES; i++) {
        sum.x[i] += (double)x[i];
    }
    return sum;
}
SIMD_INLINE vdouble vd_add_square(vdouble sum, vec a)
{
    float x[LANES];
    v_store(x, a);
    for (int i = 0; i < LANES; i++) {
        sum.x[i] += (double)x[i] * (double)x[i];
    }
    return sum;
}
SIMD_INLINE double vd_sum(vdouble sum)
{
    double total = 0;
    for (int i = 0; i < LANES; i++) {
        total += sum.x[i];
    }
    return total;
}

SIMD_INLINE void v_transpose(vec r[LANES])
{
    float from[LANES][LANES], to[LANES][LANES];
    for (int i = 0; i < LANES; i++) {
        v_store(from[i], r[i]);
    }
    for (int i = 0; i < LANES; i++) {
        for (int j = 0; j < LANES; j++) {
            to[j][i] = from[i][j];
        }
    }
    for (int i = 0; i < LANES; i++) {
        r[i] = v_load(to[i]);
    }
}

#endif
