/* Plain C: losses of task heads. */
#include "backend/cpu/ref/ref.h"

/* The largest logit, and log sum exp of their distances to it. */
static real largest_and_log_sum(const real *logits, size_t n, size_t stride, real *log_sum)
{
    real largest = logits[0];
    for (size_t i = 1; i < n; i++) {
        largest = logits[i * stride] > largest ? logits[i * stride] : largest;
    }
    real sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += real_exp(logits[i * stride] - largest);
    }
    *log_sum = real_log(sum);
    return largest;
}

real EL_REAL(el_ref_softmax_loss_fwd)(const real *logits, size_t n, size_t stride, size_t target)
{
    real log_sum;
    const real largest = largest_and_log_sum(logits, n, stride, &log_sum);
    return log_sum - (logits[target * stride] - largest);
}

void EL_REAL(el_ref_softmax_loss_bwd)(real *dlogits, const real *logits, size_t n, size_t stride, size_t target,
                                      real scale)
{
    real log_sum;
    const real largest = largest_and_log_sum(logits, n, stride, &log_sum);
    for (size_t i = 0; i < n; i++) {
        const real p = real_exp(logits[i * stride] - largest - log_sum);
        dlogits[i * stride] = scale * (p - (real)(i == target));
    }
}

void EL_REAL(el_ref_squared_loss_fwd)(real *loss, const real *x, const real *target, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        loss[i] = (x[i] - target[i]) * (x[i] - target[i]);
    }
}

void EL_REAL(el_ref_squared_loss_bwd)(real *dx, const real *x, const real *target, real scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dx[i] = scale * 2 * (x[i] - target[i]);
    }
}
