/* Plain C: the loss of a yes-or-no answer from its logit, in the form that never overflows (electra.md 4.4). */
#include "backend/cpu/ref/activation.h"
#include "backend/cpu/ref/ref.h"

void EL_REAL(el_ref_binary_loss_fwd)(real *loss, const real *logits, const uint32_t *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const real s = logits[i];
        loss[i] = (s > 0 ? s : 0) - s * (real)labels[i] + real_log1p(real_exp(-real_fabs(s)));
    }
}

void EL_REAL(el_ref_binary_loss_bwd)(real *dlogits, const real *logits, const uint32_t *labels, real scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dlogits[i] = scale * (el_sigmoid(logits[i]) - (real)labels[i]);
    }
}
