/* Owns the discriminator's head and its binary cross-entropy. */
#include "model/discriminator.h"

#include <assert.h>

void el_discriminator_plan(el_discriminator_tape *tape, const el_network *network, size_t tokens, bool keep,
                           el_plan *plan)
{
    const size_t h = network->config.hidden_size;
    tape->pre = keep ? el_plan_tensor(plan, tokens, h) : EL_ABSENT;
    tape->inner = el_plan_tensor(plan, tokens, h);
    tape->logits = el_plan_tensor(plan, tokens, 1);
    tape->loss = el_plan_tensor(plan, tokens, 1);
}

void el_discriminator_scratch_plan(el_discriminator_scratch *scratch, const el_network *network, size_t tokens,
                                   el_plan *plan)
{
    scratch->dlogits = el_plan_tensor(plan, tokens, 1);
    scratch->dpre = el_plan_tensor(plan, tokens, network->config.hidden_size);
}

void el_discriminator_fwd(const el_network *network, el_weights theta, el_discriminator_tape *tape, el_tensor hidden)
{
    assert(network->head_config.kind == EL_HEAD_DISCRIMINATOR);
    el_backend *be = theta.be;
    const size_t head = network->head;
    be->ops->linear_fwd(be, tape->inner, hidden, el_weights_at(theta, head + EL_P_DISC_W),
                        el_weights_at(theta, head + EL_P_DISC_B), network->config.activation, tape->pre);
    be->ops->linear_fwd(be, tape->logits, tape->inner, el_weights_at(theta, head + EL_P_DISC_OUTPUT_W),
                        el_weights_at(theta, head + EL_P_DISC_OUTPUT_B), EL_ACT_LINEAR, EL_ABSENT);
}

void el_discriminator_losses(el_backend *be, el_discriminator_tape *tape, const uint32_t *labels)
{
    be->ops->binary_loss_fwd(be, tape->loss, tape->logits, labels);
}

void el_discriminator_bwd(const el_network *network, el_weights theta, el_weights gradient,
                          const el_discriminator_tape *tape, el_tensor dhidden, el_tensor hidden,
                          const uint32_t *labels, double scale, el_discriminator_scratch *scratch)
{
    el_backend *be = theta.be;
    const size_t head = network->head;
    be->ops->binary_loss_bwd(be, scratch->dlogits, tape->logits, labels, scale);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, head + EL_P_DISC_OUTPUT_W),
                                el_weights_at(gradient, head + EL_P_DISC_OUTPUT_B), scratch->dlogits, tape->inner);
    be->ops->linear_bwd_input(be, scratch->dpre, scratch->dlogits, el_weights_at(theta, head + EL_P_DISC_OUTPUT_W),
                              false, network->config.activation, tape->pre);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, head + EL_P_DISC_W),
                                el_weights_at(gradient, head + EL_P_DISC_B), scratch->dpre, hidden);
    be->ops->linear_bwd_input(be, dhidden, scratch->dpre, el_weights_at(theta, head + EL_P_DISC_W), false,
                              EL_ACT_LINEAR, EL_ABSENT);
}
