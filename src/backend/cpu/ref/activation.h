/* The activations of one number and their derivatives, shared by the plain kernels. Formulas: el_activation. */
#ifndef EL_BACKEND_CPU_REF_ACTIVATION_H
#define EL_BACKEND_CPU_REF_ACTIVATION_H

#include "backend/backend.h"
#include "backend/cpu/real.h"

#define EL_SQRT_HALF      ((real)0.70710678118654752440) /* 1 / sqrt(2) */
#define EL_INV_SQRT_2PI   ((real)0.39894228040143267794) /* 1 / sqrt(2 pi) */
#define EL_SQRT_2_OVER_PI ((real)0.79788456080286535588) /* sqrt(2 / pi) */
#define EL_GELU_CUBIC     ((real)0.044715)

static inline real el_sigmoid(real x)
{
    return 1 / (1 + real_exp(-x));
}

static inline real el_gelu(real x)
{
    return x * (1 + real_erf(x * EL_SQRT_HALF)) / 2;
}

/* Phi(x) + x phi(x) */
static inline real el_gelu_slope(real x)
{
    return (1 + real_erf(x * EL_SQRT_HALF)) / 2 + x * EL_INV_SQRT_2PI * real_exp(-x * x / 2);
}

static inline real el_gelu_tanh(real x)
{
    return x * (1 + real_tanh(EL_SQRT_2_OVER_PI * (x + EL_GELU_CUBIC * x * x * x))) / 2;
}

static inline real el_gelu_tanh_slope(real x)
{
    const real t = real_tanh(EL_SQRT_2_OVER_PI * (x + EL_GELU_CUBIC * x * x * x));
    return (1 + t) / 2 + x * (1 - t * t) / 2 * EL_SQRT_2_OVER_PI * (1 + 3 * EL_GELU_CUBIC * x * x);
}

static inline real el_relu(real x)
{
    return x > 0 ? x : 0;
}

static inline real el_relu_slope(real x)
{
    return x > 0 ? 1 : 0;
}

static inline real el_tanh_slope(real x)
{
    const real t = real_tanh(x);
    return 1 - t * t;
}

static inline real el_silu(real x)
{
    return x / (1 + real_exp(-x));
}

static inline real el_silu_slope(real x)
{
    const real s = el_sigmoid(x);
    return s * (1 + x * (1 - s));
}

#endif
