/* exp, erf and tanh of a vector, to be fused with what stands around them. Polynomials of our own, minimax in the
 * relative error (tools/gen_polynomials.py). The errors below are the worst of 70 million floats, every 61st of all
 * (tools/measure_math.c, AVX2). */
#ifndef EL_BACKEND_CPU_SIMD_MATH_H
#define EL_BACKEND_CPU_SIMD_MATH_H

#include "backend/cpu/simd/simd.h"

/* e^x to 1.0 ulp; below -104 it is 0, above 88.73 infinity, denormal results are right to half of the smallest.
 * A not-a-number stays one. x = n log 2 + r with |r| <= log(2) / 2; 2^n is made in two factors, so that neither
 * overflows where the result does not. */
SIMD_INLINE vec v_exp(vec x)
{
    x = v_max(v_set1(-105.0F), v_min(v_set1(90.0F), x));
    const vec n = v_round(v_mul(x, v_set1(0x1.715476p+0F)));
    vec r = v_fnma(n, v_set1(0x1.62e4p-1F), x); /* 15 bits of log 2, so that n times them is exact */
    r = v_fnma(n, v_set1(0x1.7f7d1cp-20F), r);  /* the rest of log 2 */
    vec p = v_set1(1.3814613140190131e-3F);
    p = v_fma(p, r, v_set1(8.368709822203828e-3F));
    p = v_fma(p, r, v_set1(4.166838736220409e-2F));
    p = v_fma(p, r, v_set1(0.16666520689870967F));
    p = v_fma(p, r, v_set1(0.49999993451716157F));
    p = v_fma(v_mul(r, r), p, r);
    p = v_add(p, v_set1(1.0F));
    const vint exponent = v_to_int(n);
    const vint half = vi_halve(exponent);
    const vint bias = vi_set1(127);
    const vec scale_a = vi_as_float(vi_shift_left(vi_add(half, bias), 23));
    const vec scale_b = vi_as_float(vi_shift_left(vi_add(vi_sub(exponent, half), bias), 23));
    return v_mul(v_mul(p, scale_a), scale_b);
}

/* erf(x): x times a polynomial in x^2, shifted so that its coefficients stay small; from 3.85 on the float nearest to
 * erf is 1. Worst 3.5 ulp (near 0.03). A not-a-number gives 1 or -1: the callers multiply by x.
 * For n vectors at once, n known where it is inlined: the chain of operations is long, and several side by side keep
 * the machine busy. */
SIMD_INLINE void v_erf_of(vec *x, size_t n)
{
    static const float C[] = {0.36728480972194816F,    -0.1833013799877504F,    0.13621244835924637F,
                              -0.11038966453452242F,   0.09080559972147235F,    -0.07313756836724412F,
                              0.05646879737401925F,    -0.04131554432683164F,   0.028261127335403473F,
                              -0.01781845172850786F,   0.010843906723924929F,   -0.0067190511514490705F,
                              0.0033620710483575826F,  -0.0009797044941013805F, 0.0005763147839613634F,
                              -0.0006580935260558867F, 0.0002446301720327767F};
    vec a[4], u[4], p[4];
    UNROLL
    for (size_t j = 0; j < n; j++) {
        a[j] = v_min(v_abs(x[j]), v_set1(3.85F));
        u[j] = v_fma(v_mul(a[j], a[j]), v_set1((float)(2.0 / (3.85 * 3.85))), v_set1(-1.0F));
        p[j] = v_set1(C[16]);
    }
    UNROLL
    for (int i = 15; i >= 0; i--) {
        const vec c = v_set1(C[i]);
        UNROLL
        for (size_t j = 0; j < n; j++) {
            p[j] = v_fma(p[j], u[j], c);
        }
    }
    UNROLL
    for (size_t j = 0; j < n; j++) {
        x[j] = v_copysign(v_min(v_mul(a[j], p[j]), v_set1(1.0F)), x[j]);
    }
}

SIMD_INLINE vec v_erf(vec x)
{
    v_erf_of(&x, 1);
    return x;
}

/* tanh(x) to 1.3 ulp: a polynomial up to 0.65, then 1 - 2 / (e^2|x| + 1), which is 1 from 9.1 on. */
SIMD_INLINE vec v_tanh(vec x)
{
    const vec a = v_abs(x);
    const vec square = v_mul(x, x);
    vec p = v_set1(-5.528633979261098e-3F);
    p = v_fma(p, square, v_set1(2.0483316504441986e-2F));
    p = v_fma(p, square, v_set1(-5.3692968219288324e-2F));
    p = v_fma(p, square, v_set1(0.1333089976418475F));
    p = v_fma(p, square, v_set1(-0.33333262882434705F));
    const vec small = v_fma(v_mul(p, square), x, x);
    const vec e = v_exp(v_add(a, a));
    const vec large = v_sub(v_set1(1.0F), v_div(v_set1(2.0F), v_add(e, v_set1(1.0F))));
    return v_select(v_less(a, v_set1(0.65F)), small, v_copysign(large, x));
}

#endif
