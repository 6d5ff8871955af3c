/* The discriminator's head: for each token, dense H -> H, activation, dense H -> 1: the logit of "this token was
 * replaced" (electra.md 1.4). */
#ifndef EL_MODEL_DISCRIMINATOR_H
#define EL_MODEL_DISCRIMINATOR_H

#include "model/params.h"
#include "model/plan.h"

typedef struct el_discriminator_tape {
    el_tensor pre;    /* [T, H] before the activation; absent without keep */
    el_tensor inner;  /* [T, H] */
    el_tensor logits; /* [T, 1] */
    el_tensor loss;   /* [T, 1] */
} el_discriminator_tape;

typedef struct el_discriminator_scratch {
    el_tensor dlogits; /* [T, 1] */
    el_tensor dpre;    /* [T, H] */
} el_discriminator_scratch;

void el_discriminator_plan(el_discriminator_tape *tape, const el_network *network, size_t tokens, bool keep,
                           el_plan *plan);
void el_discriminator_scratch_plan(el_discriminator_scratch *scratch, const el_network *network, size_t tokens,
                                   el_plan *plan);

/* hidden [T, H] -> tape->logits. */
void el_discriminator_fwd(const el_network *network, el_weights theta, el_discriminator_tape *tape, el_tensor hidden);

/* tape->loss from tape->logits and labels [T]. */
void el_discriminator_losses(el_backend *be, el_discriminator_tape *tape, const uint32_t *labels);

/* Gradient of scale * sum of the losses: dhidden [T, H] is written, parameters are added to. */
void el_discriminator_bwd(const el_network *network, el_weights theta, el_weights gradient,
                          const el_discriminator_tape *tape, el_tensor dhidden, el_tensor hidden,
                          const uint32_t *labels, double scale, el_discriminator_scratch *scratch);

#endif
