/* Plain C: rows of logits over a piece of the vocabulary. */
#include "backend/cpu/ref/ref.h"

el_logit_stats EL_REAL(el_ref_logit_stats)(const real *logits, size_t n)
{
    el_logit_stats stats = {-INFINITY, 0, 0};
    for (size_t j = 0; j < n; j++) {
        if (logits[j] > stats.max) {
            stats.max = logits[j];
            stats.best = (uint32_t)j;
        }
    }
    for (size_t j = 0; j < n; j++) {
        stats.sum += real_exp(logits[j] - stats.max);
    }
    return stats;
}

void EL_REAL(el_ref_logit_gradient)(real *z, size_t n, real lse, real scale)
{
    for (size_t j = 0; j < n; j++) {
        z[j] = scale * real_exp(z[j] - lse);
    }
}
