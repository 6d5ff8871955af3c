/* The activations of one vector and their derivatives, shared by the kernels. Formulas: el_activation. */
#ifndef EL_BACKEND_CPU_SIMD_ACTIVATION_H
#define EL_BACKEND_CPU_SIMD_ACTIVATION_H

#include "backend/backend.h"
#include "backend/cpu/simd/math.h"

#define SQRT_HALF      0.70710678118654752440F /* 1 / sqrt(2) */
#define INV_SQRT_2PI   0.39894228040143267794F /* 1 / sqrt(2 pi) */
#define SQRT_2_OVER_PI 0.79788456080286535588F /* sqrt(2 / pi) */
#define GELU_CUBIC     0.044715F

SIMD_INLINE vec v_sigmoid(vec x)
{
    return v_div(v_set1(1.0F), v_add(v_set1(1.0F), v_exp(v_sub(v_zero(), x))));
}

SIMD_INLINE vec v_gelu(vec x)
{
    const vec half = v_mul(x, v_set1(0.5F));
    return v_fma(half, v_erf(v_mul(x, v_set1(SQRT_HALF))), half);
}

/* Phi(x) + x phi(x) */
SIMD_INLINE vec v_gelu_slope(vec x)
{
    const vec half = v_set1(0.5F);
    const vec cdf = v_fma(half, v_erf(v_mul(x, v_set1(SQRT_HALF))), half);
    const vec density = v_exp(v_mul(v_mul(x, x), v_set1(-0.5F)));
    return v_fma(v_mul(x, v_set1(INV_SQRT_2PI)), density, cdf);
}

SIMD_INLINE vec v_gelu_tanh_inner(vec x)
{
    const vec cubic = v_fma(v_mul(v_mul(x, x), v_set1(GELU_CUBIC)), x, x);
    return v_tanh(v_mul(cubic, v_set1(SQRT_2_OVER_PI)));
}

SIMD_INLINE vec v_gelu_tanh(vec x)
{
    const vec half = v_mul(x, v_set1(0.5F));
    return v_fma(half, v_gelu_tanh_inner(x), half);
}

SIMD_INLINE vec v_gelu_tanh_slope(vec x)
{
    const vec one = v_set1(1.0F), half = v_set1(0.5F);
    const vec t = v_gelu_tanh_inner(x);
    const vec inner_slope = v_mul(v_fma(v_mul(x, x), v_set1(3 * GELU_CUBIC), one), v_set1(SQRT_2_OVER_PI));
    const vec change = v_mul(v_mul(x, half), v_mul(v_fnma(t, t, one), inner_slope));
    return v_add(v_fma(half, t, half), change);
}

SIMD_INLINE vec v_activation(vec x, el_activation act)
{
    switch (act) {
    case EL_ACT_LINEAR: return x;
    case EL_ACT_GELU: return v_gelu(x);
    case EL_ACT_GELU_TANH: return v_gelu_tanh(x);
    case EL_ACT_RELU: return v_select(v_less(v_zero(), x), x, v_zero());
    case EL_ACT_TANH: return v_tanh(x);
    case EL_ACT_SILU: return v_mul(x, v_sigmoid(x));
    }
    return x;
}

/* The same of four vectors. */
SIMD_INLINE void v_activation_of_4(vec x[4], el_activation act)
{
    if (act != EL_ACT_GELU) {
        UNROLL
        for (size_t j = 0; j < 4; j++) {
            x[j] = v_activation(x[j], act);
        }
        return;
    }
    vec erf[4];
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        erf[j] = v_mul(x[j], v_set1(SQRT_HALF));
    }
    v_erf_of(erf, 4);
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        const vec half = v_mul(x[j], v_set1(0.5F));
        x[j] = v_fma(half, erf[j], half);
    }
}

SIMD_INLINE vec v_activation_slope(vec x, el_activation act)
{
    const vec one = v_set1(1.0F);
    switch (act) {
    case EL_ACT_LINEAR: return one;
    case EL_ACT_GELU: return v_gelu_slope(x);
    case EL_ACT_GELU_TANH: return v_gelu_tanh_slope(x);
    case EL_ACT_RELU: return v_select(v_less(v_zero(), x), one, v_zero());
    case EL_ACT_TANH: {
        const vec t = v_tanh(x);
        return v_fnma(t, t, one);
    }
    case EL_ACT_SILU: {
        const vec s = v_sigmoid(x);
        return v_mul(s, v_fma(x, v_sub(one, s), one));
    }
    }
    return one;
}

/* A loop of the activations' kind for each of them, so that the choice is made once and not for each vector:
 * BODY(act) with act a constant. */
#define FOR_ACTIVATION(act, BODY)                                                                                      \
    switch (act) {                                                                                                     \
    case EL_ACT_LINEAR: BODY(EL_ACT_LINEAR); break;                                                                    \
    case EL_ACT_GELU: BODY(EL_ACT_GELU); break;                                                                        \
    case EL_ACT_GELU_TANH: BODY(EL_ACT_GELU_TANH); break;                                                              \
    case EL_ACT_RELU: BODY(EL_ACT_RELU); break;                                                                        \
    case EL_ACT_TANH: BODY(EL_ACT_TANH); break;                                                                        \
    case EL_ACT_SILU: BODY(EL_ACT_SILU); break;                                                                        \
    }

#endif
