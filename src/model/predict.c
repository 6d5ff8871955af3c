/* Owns forward passes outside training: one set of buffers for the largest call. */
#include "model/predict.h"

#include <assert.h>

#include "base/status.h"
#include "model/discriminator.h"
#include "model/heads.h"
#include "model/limits.h"
#include "model/masked_lm.h"

struct el_predictor {
    el_backend *be;
    el_network network;
    el_predict_limits limits;
    el_plan plan; /* over memory of the backend */
    el_encoder_tape encoder;
    el_masked_lm_tape masked_lm;
    el_discriminator_tape discriminator;
    el_head_tape head;
    el_joint_qa_room room; /* EL_HEAD_JOINT_QA */
    el_tensor answered;    /* hidden states of the last search */
    el_tensor logits;      /* [M, V] */
};

static void lay_out(el_predictor *p, el_plan *plan, size_t tokens, size_t sequences, size_t slots)
{
    el_arena_reset(&plan->arena, 0);
    el_encoder_plan(&p->encoder, &p->network, tokens, false, plan);
    if (p->network.head_config.kind == EL_HEAD_DISCRIMINATOR) {
        el_discriminator_plan(&p->discriminator, &p->network, tokens, false, plan);
    } else if (p->network.head_config.kind == EL_HEAD_MASKED_LM) {
        el_masked_lm_plan(&p->masked_lm, &p->network, slots, false, plan);
        p->logits = el_plan_tensor(plan, slots, p->network.config.vocab_size);
    } else if (el_head_outputs(&p->network.head_config) > 0) {
        el_head_plan(&p->head, &p->network, tokens, sequences, false, plan);
    }
}

static electra_status allocate(el_predictor *p, electra_error *err)
{
    const el_model_config *c = &p->network.config;
    p->encoder.layers = el_alloc(c->n_layers, sizeof *p->encoder.layers);
    if (!p->encoder.layers) {
        return el_fail_memory(err, "the layers of a forward pass", c->n_layers * sizeof *p->encoder.layers);
    }
    el_plan count = {.element_size = p->be->element_size};
    lay_out(p, &count, p->limits.tokens, p->limits.sequences, p->limits.slots);
    p->plan = (el_plan){.element_size = p->be->element_size};
    p->plan.arena.base = p->be->ops->alloc(p->be, count.arena.peak);
    if (!p->plan.arena.base) {
        return el_fail_memory(err, "the activations of a forward pass", count.arena.peak);
    }
    p->plan.arena.capacity = count.arena.peak;
    if (p->network.head_config.kind == EL_HEAD_JOINT_QA) {
        EL_TRY(el_joint_qa_room_make(&p->room, p->limits.tokens, p->limits.sequences, err));
    }
    el_limits limits = el_network_limits(c, p->limits.tokens, p->limits.sequences, p->limits.longest, p->limits.slots);
    return p->be->ops->reserve(p->be, &limits, err);
}

electra_status el_predictor_create(el_predictor **out, el_backend *be, const el_network *network,
                                   const el_predict_limits *limits, electra_error *err)
{
    *out = NULL;
    EL_TRY(el_limits_check(&network->config, limits->tokens, limits->sequences, limits->longest, err));
    el_predictor *p = el_alloc(1, sizeof *p);
    if (!p) {
        return el_fail_memory(err, "a forward pass", sizeof *p);
    }
    p->be = be;
    p->network = *network;
    p->limits = *limits;
    const electra_status status = allocate(p, err);
    if (status != ELECTRA_OK) {
        el_predictor_free(p);
        return status;
    }
    *out = p;
    return ELECTRA_OK;
}

void el_predictor_free(el_predictor *p)
{
    if (!p) {
        return;
    }
    if (p->plan.arena.base) {
        p->be->ops->free(p->be, p->plan.arena.base);
    }
    el_joint_qa_room_clear(&p->room);
    el_free(p->encoder.layers);
    el_free(p);
}

static el_pass prepare(el_predictor *p, const el_layout *layout, const uint32_t *ids, const uint32_t *types,
                       size_t n_slots)
{
    assert(layout->n_tokens <= p->limits.tokens && layout->n_sequences <= p->limits.sequences &&
           layout->longest <= p->limits.longest && n_slots <= p->limits.slots);
    lay_out(p, &p->plan, layout->n_tokens, layout->n_sequences, n_slots);
    return (el_pass){.layout = layout, .ids = ids, .types = types};
}

el_tensor el_predictor_hidden(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                              const uint32_t *types)
{
    const el_pass pass = prepare(p, layout, ids, types, 0);
    return el_encoder_fwd(&p->network, theta, &p->encoder, &pass);
}

el_tensor el_predictor_replaced(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                                const uint32_t *types)
{
    const el_tensor hidden = el_predictor_hidden(p, theta, layout, ids, types);
    el_discriminator_fwd(&p->network, theta, &p->discriminator, hidden);
    return p->discriminator.logits;
}

el_tensor el_predictor_masked(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                              const uint32_t *types, const uint32_t *slots, size_t n_slots)
{
    const el_pass pass = prepare(p, layout, ids, types, n_slots);
    if (n_slots > 0 && n_slots <= layout->n_tokens) {
        const el_tensor rows = el_encoder_rows_fwd(&p->network, theta, &p->encoder, &pass, slots, n_slots);
        el_masked_lm_transform(&p->network, theta, &p->masked_lm, rows, NULL);
    } else {
        const el_tensor hidden = el_encoder_fwd(&p->network, theta, &p->encoder, &pass);
        el_masked_lm_transform(&p->network, theta, &p->masked_lm, hidden, slots);
    }
    el_masked_lm_logits(&p->network, theta, &p->masked_lm, p->logits);
    return p->logits;
}

el_tensor el_predictor_classes(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                               const uint32_t *types)
{
    assert(el_head_reads_first(p->network.head_config.kind));
    const el_pass pass = prepare(p, layout, ids, types, 0);
    const el_tensor first =
        el_encoder_rows_fwd(&p->network, theta, &p->encoder, &pass, layout->starts, layout->n_sequences);
    el_head_fwd(&p->network, theta, &p->head, first, &pass);
    return p->head.logits;
}

el_tensor el_predictor_tags(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                            const uint32_t *types)
{
    assert(!el_head_reads_first(p->network.head_config.kind));
    const el_pass pass = prepare(p, layout, ids, types, 0);
    const el_tensor hidden = el_encoder_fwd(&p->network, theta, &p->encoder, &pass);
    el_head_fwd(&p->network, theta, &p->head, hidden, &pass);
    return p->head.logits;
}

el_tensor el_predictor_answers(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *ids,
                               const uint32_t *types, el_joint_answers *out)
{
    assert(p->network.head_config.kind == EL_HEAD_JOINT_QA);
    const el_pass pass = prepare(p, layout, ids, types, 0);
    const el_tensor hidden = p->answered = el_encoder_fwd(&p->network, theta, &p->encoder, &pass);
    el_head_fwd(&p->network, theta, &p->head, hidden, &pass);
    if (out) {
        el_joint_qa_answers(&p->network, theta, &p->head.joint, hidden, &pass, &p->room, out);
    }
    return p->head.joint.impossible;
}

double el_predictor_answers_loss(el_predictor *p, el_weights theta, const el_layout *layout, const uint32_t *types,
                                 const el_joint_qa_targets *targets)
{
    assert(p->answered.rows == layout->n_tokens);
    const el_pass pass = {.layout = layout, .types = types};
    el_joint_qa_ends(&p->network, theta, &p->head.joint, p->answered, targets->rows, &pass);
    p->answered = EL_ABSENT; /* the ends took the place of what they were made of */
    return EL_QA_LOSS_SHARE * p->be->ops->sum(p->be, el_joint_qa_losses(p->be, &p->head.joint, targets, layout));
}
