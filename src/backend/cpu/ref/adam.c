/* Plain C: Adam with decoupled weight decay (electra.md 6.1). */
#include "backend/cpu/ref/ref.h"

void EL_REAL(el_ref_adam)(real *parameter, real *m, real *v, const real *gradient, size_t n, const el_adam *settings)
{
    const real beta1 = (real)settings->beta1, rest1 = (real)(1 - settings->beta1);
    const real beta2 = (real)settings->beta2, rest2 = (real)(1 - settings->beta2);
    const real correction1 = (real)settings->correction1, correction2 = (real)settings->correction2;
    const real epsilon = (real)settings->epsilon, scale = (real)settings->scale;
    const real rate = (real)settings->rate, decay = (real)settings->decay;
    for (size_t i = 0; i < n; i++) {
        const real g = scale * gradient[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * (g * g);
        const real update = m[i] / correction1 / (real_sqrt(v[i] / correction2) + epsilon);
        parameter[i] -= rate * (update + decay * parameter[i]);
    }
}
