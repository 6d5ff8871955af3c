/* Owns the order of work within a micro-batch. */
#include "train/objective.h"

#include "base/status.h"

electra_status el_objective_init(el_objective *o, const el_network *generator, const el_network *discriminator,
                                 electra_error *err)
{
    *o = (el_objective){.generator = generator, .discriminator = discriminator};
    const size_t bytes = sizeof(el_layer_tape);
    o->g.encoder.layers = el_alloc(generator->config.n_layers, bytes);
    o->d.encoder.layers = el_alloc(discriminator->config.n_layers, bytes);
    if (!o->g.encoder.layers || !o->d.encoder.layers) {
        el_objective_clear(o);
        return el_fail_memory(err, "the lists of layers", bytes * discriminator->config.n_layers);
    }
    return ELECTRA_OK;
}

void el_objective_clear(el_objective *o)
{
    el_free(o->g.encoder.layers);
    el_free(o->d.encoder.layers);
    *o = (el_objective){0};
}

void el_objective_plan(el_objective *o, size_t tokens, size_t slots, bool train, el_plan *plan)
{
    el_arena_reset(&plan->arena, 0);
    o->best = el_plan_indices(plan, slots);
    o->sampled = el_plan_indices(plan, slots);
    o->corrupted = el_plan_indices(plan, tokens);
    o->labels = el_plan_indices(plan, tokens);
    const size_t mark = plan->arena.used;
    el_encoder_plan(&o->g.encoder, o->generator, tokens, train, plan);
    el_masked_lm_plan(&o->g.head, o->generator, slots, true, plan);
    if (train) {
        el_masked_lm_scratch_plan(&o->g.head_scratch, o->generator, slots, plan);
        el_encoder_scratch_plan(&o->g.scratch, o->generator, tokens, plan);
    }
    el_arena_reset(&plan->arena, mark);
    el_encoder_plan(&o->d.encoder, o->discriminator, tokens, train, plan);
    el_discriminator_plan(&o->d.head, o->discriminator, tokens, train, plan);
    if (train) {
        el_discriminator_scratch_plan(&o->d.head_scratch, o->discriminator, tokens, plan);
        el_encoder_scratch_plan(&o->d.scratch, o->discriminator, tokens, plan);
    }
}

/* Masked text -> losses at the slots, samples; backward. */
static void run_generator(el_objective *o, const el_objective_pass *p, el_losses *losses)
{
    const el_batch *b = p->batch;
    const el_pass pass = {&b->layout, b->masked_ids, b->types, p->train, p->seed, p->step};
    const el_tensor hidden = el_encoder_fwd(o->generator, p->theta, &o->g.encoder, &pass);
    el_masked_lm_fwd(o->generator, p->theta, &o->g.head, hidden, &b->layout, b->slots, b->targets,
                     p->given ? NULL : &p->sampling, p->want_best ? o->best : NULL, p->given ? NULL : o->sampled);
    losses->slot_sum += p->theta.be->ops->sum(p->theta.be, o->g.head.loss);
    if (p->train) {
        el_masked_lm_bwd(o->generator, p->theta, p->gradient, &o->g.head, o->g.scratch.d, b->slots, b->targets,
                         el_losses_slot_scale(losses), &o->g.head_scratch);
        el_encoder_bwd(o->generator, p->theta, p->gradient, &o->g.encoder, &pass, &o->g.scratch);
    }
}

/* Corrupted text -> losses at all tokens; backward. */
static void run_discriminator(el_objective *o, const el_objective_pass *p, el_losses *losses)
{
    const el_batch *b = p->batch;
    const el_pass pass = {&b->layout, o->corrupted, b->types, p->train, p->seed, p->step};
    const el_tensor hidden = el_encoder_fwd(o->discriminator, p->theta, &o->d.encoder, &pass);
    el_discriminator_fwd(o->discriminator, p->theta, &o->d.head, hidden);
    el_discriminator_losses(p->theta.be, &o->d.head, o->labels);
    losses->token_sum += p->theta.be->ops->sum(p->theta.be, o->d.head.loss);
    if (p->train) {
        el_discriminator_bwd(o->discriminator, p->theta, p->gradient, &o->d.head, o->d.scratch.d, hidden, o->labels,
                             el_losses_token_scale(losses), &o->d.head_scratch);
        el_encoder_bwd(o->discriminator, p->theta, p->gradient, &o->d.encoder, &pass, &o->d.scratch);
    }
}

void el_objective_run(el_objective *o, const el_objective_pass *pass, el_losses *losses)
{
    const el_batch *b = pass->batch;
    el_backend *be = pass->theta.be;
    if (b->n_slots) {
        run_generator(o, pass, losses);
    }
    be->ops->corrupt(be, o->corrupted, o->labels, b->ids, b->layout.n_tokens, b->slots,
                     pass->given ? pass->given : o->sampled, b->n_slots, pass->average_samples);
    run_discriminator(o, pass, losses);
}
