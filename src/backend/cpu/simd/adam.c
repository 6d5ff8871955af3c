/* Adam with decoupled weight decay (electra.md 6.1). */
#include "backend/cpu/simd/kernels.h"

typedef struct factors {
    vec beta1, rest1, beta2, rest2, correction1, correction2, epsilon, scale, rate, decay;
} factors;

SIMD_INLINE void update(float *parameter, float *m, float *v, const float *gradient, size_t i, size_t n,
                        const factors *f)
{
    const vec g = v_mul(f->scale, v_load_upto(gradient, i, n));
    const vec m_new = v_fma(f->beta1, v_load_upto(m, i, n), v_mul(f->rest1, g));
    const vec v_new = v_fma(f->beta2, v_load_upto(v, i, n), v_mul(f->rest2, v_mul(g, g)));
    const vec root = v_add(v_sqrt(v_div(v_new, f->correction2)), f->epsilon);
    const vec p = v_load_upto(parameter, i, n);
    const vec change = v_fma(f->decay, p, v_div(v_div(m_new, f->correction1), root));
    v_store_upto(m, i, n, m_new);
    v_store_upto(v, i, n, v_new);
    v_store_upto(parameter, i, n, v_fnma(f->rate, change, p));
}

void EL_SIMD(el_adam)(float *parameter, float *m, float *v, const float *gradient, size_t n, const el_adam *settings)
{
    const factors f = {.beta1 = v_set1((float)settings->beta1),
                       .rest1 = v_set1((float)(1 - settings->beta1)),
                       .beta2 = v_set1((float)settings->beta2),
                       .rest2 = v_set1((float)(1 - settings->beta2)),
                       .correction1 = v_set1((float)settings->correction1),
                       .correction2 = v_set1((float)settings->correction2),
                       .epsilon = v_set1((float)settings->epsilon),
                       .scale = v_set1((float)settings->scale),
                       .rate = v_set1((float)settings->rate),
                       .decay = v_set1((float)settings->decay)};
    for (size_t i = 0; i < n; i += LANES) {
        update(parameter, m, v, gradient, i, n, &f);
    }
}
