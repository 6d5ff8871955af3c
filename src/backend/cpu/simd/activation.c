/* Activations of many numbers. */
#include "backend/cpu/simd/activation.h"

#include "backend/cpu/simd/kernels.h"

#define FORWARD(act)                                                                                                   \
    for (size_t i = 0; i < n; i += LANES) {                                                                            \
        v_store_upto(y, i, n, v_activation(v_load_upto(x, i, n), act));                                                \
    }

#define BACKWARD(act)                                                                                                  \
    for (size_t i = 0; i < n; i += LANES) {                                                                            \
        v_store_upto(dx, i, n, v_mul(v_load_upto(dy, i, n), v_activation_slope(v_load_upto(x, i, n), act)));           \
    }

void EL_SIMD(el_act_fwd)(float *y, const float *x, size_t n, el_activation act)
{
    FOR_ACTIVATION(act, FORWARD)
}

void EL_SIMD(el_act_bwd)(float *dx, const float *dy, const float *x, size_t n, el_activation act)
{
    FOR_ACTIVATION(act, BACKWARD)
}
