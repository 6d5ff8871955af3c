/* Owns the blocks of a table that is trained. The update's arithmetic is the optimiser's. */
#include "train/learner.h"

#include <math.h>

#include "base/status.h"

electra_status el_learner_create(el_learner *l, el_backend *be, const el_params *params, size_t n_layers,
                                 const el_learner_settings *settings, electra_error *err)
{
    *l = (el_learner){.be = be, .params = params, .n_layers = n_layers, .settings = *settings};
    const size_t bytes = params->elements * be->element_size;
    for (int i = 0; i < EL_N_BLOCKS; i++) {
        l->blocks[i] = be->ops->alloc(be, bytes);
        if (!l->blocks[i]) {
            return el_fail_memory(err, "parameters, gradients and moments", EL_N_BLOCKS * bytes);
        }
    }
    return ELECTRA_OK;
}

void el_learner_clear(el_learner *l)
{
    for (int i = 0; i < EL_N_BLOCKS; i++) {
        if (l->blocks[i]) {
            l->be->ops->free(l->be, l->blocks[i]);
        }
    }
    *l = (el_learner){0};
}

el_weights el_learner_block(const el_learner *l, el_block block)
{
    return el_weights_of(l->be, l->params, l->blocks[block]);
}

static void zero(el_learner *l, el_block block)
{
    l->be->ops->zero(l->be, el_weights_all(el_learner_block(l, block)));
}

void el_learner_forget(el_learner *l)
{
    zero(l, EL_BLOCK_FIRST_MOMENT);
    zero(l, EL_BLOCK_SECOND_MOMENT);
}

electra_status el_learner_initialise(el_learner *l, uint64_t seed, electra_error *err)
{
    EL_TRY(el_params_initialise(l->params, l->be, l->blocks[EL_BLOCK_THETA], seed, err));
    el_learner_forget(l);
    return ELECTRA_OK;
}

void el_learner_begin(el_learner *l)
{
    zero(l, EL_BLOCK_GRADIENT);
}

bool el_learner_finish(el_learner *l, double loss, double rate, uint64_t update, double *norm)
{
    const el_weights gradient = el_learner_block(l, EL_BLOCK_GRADIENT);
    *norm = el_gradient_norm(gradient);
    if (!isfinite(loss) || !isfinite(*norm)) {
        return false;
    }
    el_optimizer_update(el_learner_block(l, EL_BLOCK_THETA), el_learner_block(l, EL_BLOCK_FIRST_MOMENT),
                        el_learner_block(l, EL_BLOCK_SECOND_MOMENT), gradient, &l->settings.optimizer, l->n_layers,
                        rate, el_clip_scale(*norm, l->settings.clip_norm), update);
    return true;
}
