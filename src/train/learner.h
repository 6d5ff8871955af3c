/* What every kind of training owns: parameters, their gradients and both moments, one block each of one layout, and
 * what happens to them at the end of a step. Pre-training (step.h) and fine-tuning differ in what adds to the gradient.
 *
 *     el_learner learner = {0};
 *     EL_TRY(el_learner_create(&learner, be, &params, n_layers, &settings, err));
 *     EL_TRY(el_learner_initialise(&learner, seed, err));            // or fill EL_BLOCK_THETA from a model
 *     for (uint64_t s = 0; s < steps; s++) {
 *         el_learner_begin(&learner);                                // gradients to zero
 *         ... backward passes add to EL_BLOCK_GRADIENT ...
 *         applied = el_learner_finish(&learner, loss, el_schedule_rate(&schedule, s), s + 1, &norm);
 *     }
 *     el_learner_clear(&learner); */
#ifndef EL_TRAIN_LEARNER_H
#define EL_TRAIN_LEARNER_H

#include "train/optimizer.h"

typedef enum el_block {
    EL_BLOCK_THETA,
    EL_BLOCK_GRADIENT,
    EL_BLOCK_FIRST_MOMENT,
    EL_BLOCK_SECOND_MOMENT,
    EL_N_BLOCKS
} el_block;

typedef struct el_learner_settings {
    double clip_norm; /* largest gradient norm; 0: no clipping */
    el_optimizer_settings optimizer;
} el_learner_settings;

typedef struct el_learner {
    el_backend *be;
    const el_params *params;
    size_t n_layers; /* that the table's depths were made for */
    el_learner_settings settings;
    void *blocks[EL_N_BLOCKS]; /* by el_block; of the backend */
} el_learner;

/* Fill a zeroed one: all blocks are there, and zero. be and params are borrowed. ELECTRA_NO_RESOURCE. */
electra_status el_learner_create(el_learner *learner, el_backend *be, const el_params *params, size_t n_layers,
                                 const el_learner_settings *settings, electra_error *err);
void el_learner_clear(el_learner *learner); /* accepts a zeroed one */

/* A whole block, for loading, saving, looking at and summing over machines; memory of the backend (download it). */
el_weights el_learner_block(const el_learner *learner, el_block block);

/* Moments to zero: the optimiser begins afresh. */
void el_learner_forget(el_learner *learner);
/* Starting values (electra.md 1.3), and moments to zero. */
electra_status el_learner_initialise(el_learner *learner, uint64_t seed, electra_error *err);

/* Gradients to zero. */
void el_learner_begin(el_learner *learner);

/* Clip and update with this rate; false, and nothing is changed, if the loss or the gradient is not finite. norm: of
 * the gradient before clipping. update: 1 for the first one ever, 2, ...; read for bias correction only. */
bool el_learner_finish(el_learner *learner, double loss, double rate, uint64_t update, double *norm);

#endif
