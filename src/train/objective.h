/* Replaced token detection on one micro-batch (electra.md 4 and 7.1): the generator reads masked text and predicts the
 * slots, its samples replace them, the discriminator tells for each token whether it was replaced. No gradient passes
 * through the samples, so the generator finishes its backward pass before the discriminator starts, and both use the
 * same memory. */
#ifndef EL_TRAIN_OBJECTIVE_H
#define EL_TRAIN_OBJECTIVE_H

#include "data/batch.h"
#include "model/discriminator.h"
#include "model/encoder.h"
#include "model/losses.h"
#include "model/masked_lm.h"

typedef struct el_objective {
    const el_network *generator, *discriminator;
    /* survive from one network to the other */
    uint32_t *best;      /* [M] */
    uint32_t *sampled;   /* [M] */
    uint32_t *corrupted; /* [T] */
    uint32_t *labels;    /* [T] */
    struct {
        el_encoder_tape encoder;
        el_encoder_scratch scratch;
        el_masked_lm_tape head;
        el_masked_lm_scratch head_scratch;
    } g;
    struct {
        el_encoder_tape encoder;
        el_encoder_scratch scratch;
        el_discriminator_tape head;
        el_discriminator_scratch head_scratch;
    } d; /* lies where g lay */
} el_objective;

/* Room for the tapes' lists of layers. The networks are borrowed. ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_objective_init(el_objective *o, const el_network *generator, const el_network *discriminator,
                                 electra_error *err);
void el_objective_clear(el_objective *o); /* accepts a zeroed one */

/* Cut everything from the plan's arena for T tokens and M slots; train: with what backward passes need. */
void el_objective_plan(el_objective *o, size_t tokens, size_t slots, bool train, el_plan *plan);

/* How the pair is run. */
typedef struct el_objective_pass {
    const el_batch *batch;
    el_weights theta, gradient; /* gradient is not touched unless train */
    bool train;
    uint64_t seed, step; /* of dropout */
    el_sampling sampling;
    bool average_samples;
    const uint32_t *given; /* [M] samples to take instead of drawing, or NULL */
    bool want_best;        /* fill o->best */
} el_objective_pass;

/* Forward, and backward if train. Adds to losses. Afterwards o->d.head.logits, o->labels, o->sampled (unless given) and
 * o->best hold what they should. */
void el_objective_run(el_objective *o, const el_objective_pass *pass, el_losses *losses);

#endif
