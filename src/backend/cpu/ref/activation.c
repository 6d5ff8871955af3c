/* Plain C: activations of many numbers. The choice is made once a call, so that each loop stays simple. */
#include "backend/cpu/ref/activation.h"

#include <string.h>

#include "backend/cpu/ref/ref.h"

#define FORWARD(act)                                                                                                   \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        y[i] = act(x[i]);                                                                                              \
    }

#define BACKWARD(slope)                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        dx[i] = dy[i] * slope(x[i]);                                                                                   \
    }

void EL_REAL(el_ref_act_fwd)(real *y, const real *x, size_t n, el_activation act)
{
    switch (act) {
    case EL_ACT_LINEAR:
        if (y != x) {
            memcpy(y, x, n * sizeof *y);
        }
        return;
    case EL_ACT_GELU: FORWARD(el_gelu); return;
    case EL_ACT_GELU_TANH: FORWARD(el_gelu_tanh); return;
    case EL_ACT_RELU: FORWARD(el_relu); return;
    case EL_ACT_TANH: FORWARD(real_tanh); return;
    case EL_ACT_SILU: FORWARD(el_silu); return;
    }
}

void EL_REAL(el_ref_act_bwd)(real *dx, const real *dy, const real *x, size_t n, el_activation act)
{
    switch (act) {
    case EL_ACT_LINEAR:
        if (dx != dy) {
            memcpy(dx, dy, n * sizeof *dx);
        }
        return;
    case EL_ACT_GELU: BACKWARD(el_gelu_slope); return;
    case EL_ACT_GELU_TANH: BACKWARD(el_gelu_tanh_slope); return;
    case EL_ACT_RELU: BACKWARD(el_relu_slope); return;
    case EL_ACT_TANH: BACKWARD(el_tanh_slope); return;
    case EL_ACT_SILU: BACKWARD(el_silu_slope); return;
    }
}
