/* Owns the masked-LM head. ELECTRA's activation is gelu whatever the encoder's is, as in the Hugging Face class that
 * loads our files (formats.md 1.5); BERT's is the encoder's. */
#include "model/masked_lm.h"

#include <assert.h>

static el_activation activation_of(const el_network *network)
{
    return network->config.family == EL_FAMILY_BERT ? network->config.activation : EL_ACT_GELU;
}

void el_masked_lm_plan(el_masked_lm_tape *tape, const el_network *network, size_t n_slots, bool keep, el_plan *plan)
{
    const size_t e = network->config.embedding_size;
    tape->slots = el_plan_tensor(plan, n_slots, network->config.hidden_size);
    tape->pre = keep ? el_plan_tensor(plan, n_slots, e) : EL_ABSENT;
    tape->sum = el_plan_tensor(plan, n_slots, e);
    tape->stats = el_plan_tensor(plan, n_slots, 2);
    tape->normed = el_plan_tensor(plan, n_slots, e);
    tape->loss = el_plan_tensor(plan, n_slots, 1);
    tape->lse = el_plan_tensor(plan, n_slots, 1);
}

void el_masked_lm_scratch_plan(el_masked_lm_scratch *scratch, const el_network *network, size_t n_slots, el_plan *plan)
{
    scratch->d = el_plan_tensor(plan, n_slots, network->config.embedding_size);
    scratch->dslots = el_plan_tensor(plan, n_slots, network->config.hidden_size);
}

void el_masked_lm_transform(const el_network *network, el_weights theta, el_masked_lm_tape *tape, el_tensor hidden,
                            const uint32_t *slots)
{
    assert(network->head_config.kind == EL_HEAD_MASKED_LM);
    el_backend *be = theta.be;
    const size_t head = network->head;
    const el_dropout none = {0};
    el_tensor x = hidden;
    if (slots) {
        x = tape->slots;
        be->ops->gather_rows(be, x, hidden, slots);
    }
    be->ops->linear_fwd(be, tape->sum, x, el_weights_at(theta, head + EL_P_MLM_W),
                        el_weights_at(theta, head + EL_P_MLM_B), activation_of(network), tape->pre);
    be->ops->norm_fwd(be, tape->normed, tape->sum, tape->stats, tape->sum, EL_ABSENT, &none, NULL,
                      el_weights_at(theta, head + EL_P_MLM_GAMMA), el_weights_at(theta, head + EL_P_MLM_BETA),
                      network->config.layer_norm_eps);
}

void el_masked_lm_fwd(const el_network *network, el_weights theta, el_masked_lm_tape *tape, el_tensor hidden,
                      const el_layout *layout, const uint32_t *slots, const uint32_t *targets,
                      const el_sampling *sampling, uint32_t *best, uint32_t *sampled)
{
    el_masked_lm_transform(network, theta, tape, hidden, slots);
    theta.be->ops->masked_lm_fwd(theta.be, tape->loss, tape->lse, best, sampled, tape->normed,
                                 el_weights_at(theta, network->embeddings + EL_P_WORD),
                                 el_weights_at(theta, network->head + EL_P_MLM_OUTPUT_B), targets, slots, layout,
                                 sampling);
}

void el_masked_lm_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_masked_lm_tape *tape,
                      el_tensor dhidden, const uint32_t *slots, const uint32_t *targets, double scale,
                      el_masked_lm_scratch *scratch)
{
    el_backend *be = theta.be;
    const size_t head = network->head, word = network->embeddings + EL_P_WORD;
    const el_tensor d = scratch->d;
    be->ops->masked_lm_bwd(be, d, el_weights_at(gradient, word), el_weights_at(gradient, head + EL_P_MLM_OUTPUT_B),
                           tape->normed, el_weights_at(theta, word), el_weights_at(theta, head + EL_P_MLM_OUTPUT_B),
                           tape->lse, targets, scale);
    be->ops->norm_bwd(be, d, el_weights_at(gradient, head + EL_P_MLM_GAMMA),
                      el_weights_at(gradient, head + EL_P_MLM_BETA), d, tape->sum, tape->stats,
                      el_weights_at(theta, head + EL_P_MLM_GAMMA));
    be->ops->act_bwd(be, d, d, tape->pre, activation_of(network));
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, head + EL_P_MLM_W),
                                el_weights_at(gradient, head + EL_P_MLM_B), d, tape->slots);
    be->ops->linear_bwd_input(be, scratch->dslots, d, el_weights_at(theta, head + EL_P_MLM_W), false, EL_ACT_LINEAR,
                              EL_ABSENT);
    be->ops->zero(be, dhidden);
    be->ops->scatter_add_rows(be, dhidden, scratch->dslots, slots);
}

void el_masked_lm_logits(const el_network *network, el_weights theta, const el_masked_lm_tape *tape, el_tensor logits)
{
    theta.be->ops->masked_lm_logits(theta.be, logits, tape->normed,
                                    el_weights_at(theta, network->embeddings + EL_P_WORD),
                                    el_weights_at(theta, network->head + EL_P_MLM_OUTPUT_B));
}
