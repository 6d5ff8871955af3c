/* The worst errors of src/backend/cpu/simd/math.h against the C library in double, over every 61st float.
 *
 *     gcc -std=gnu17 -O2 -mavx2 -mfma -ffp-contract=off -Iinclude -Isrc tools/measure_math.c -lm -o /tmp/measure_math
 *     /tmp/measure_math                                        // some ten seconds */
#include "backend/cpu/simd/math.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* |got - want| in units of the last place of want. */
static double ulps(float got, double want)
{
    if (isinf((float)want)) {
        return got == (float)want ? 0 : INFINITY;
    }
    int exponent;
    (void)frexp(want, &exponent);
    const int last = exponent - 24 < -149 ? -149 : exponent - 24;
    return fabs((double)got - want) / ldexp(1, last);
}

static void look(const char *name, vec (*f)(vec), double (*exact)(double))
{
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < 0x100000000u; bits += 61) {
        const uint32_t pattern = (uint32_t)bits;
        float x, y[LANES];
        memcpy(&x, &pattern, sizeof x);
        if (isfinite(x)) {
            v_store(y, f(v_set1(x)));
            const double error = ulps(y[0], exact((double)x));
            if (error > worst) {
                worst = error;
                at = x;
            }
        }
    }
    printf("%-5s worst %.2f ulp at %.9g\n", name, worst, (double)at);
}

static vec exp_of(vec x)
{
    return v_exp(x);
}
static vec erf_of(vec x)
{
    return v_erf(x);
}
static vec tanh_of(vec x)
{
    return v_tanh(x);
}

int main(void)
{
    look("exp", exp_of, exp);
    look("erf", erf_of, erf);
    look("tanh", tanh_of, tanh);
    return 0;
}
