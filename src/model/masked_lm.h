/* The generator's head, on the chosen slots only: dense H -> E, gelu, norm, product with the word table, output bias
 * (electra.md 1.4). Logits over the vocabulary are never stored for a whole batch. */
#ifndef EL_MODEL_MASKED_LM_H
#define EL_MODEL_MASKED_LM_H

#include "model/params.h"
#include "model/plan.h"

typedef struct el_masked_lm_tape {
    el_tensor slots;  /* [M, H] hidden states of the slots */
    el_tensor pre;    /* [M, E] before gelu */
    el_tensor sum;    /* [M, E] gelu's output, what the norm reads */
    el_tensor stats;  /* [M, 2] */
    el_tensor normed; /* [M, E] */
    el_tensor loss;   /* [M, 1] */
    el_tensor lse;    /* [M, 1] */
} el_masked_lm_tape;

typedef struct el_masked_lm_scratch {
    el_tensor d;      /* [M, E] */
    el_tensor dslots; /* [M, H] */
} el_masked_lm_scratch;

void el_masked_lm_plan(el_masked_lm_tape *tape, const el_network *network, size_t n_slots, bool keep, el_plan *plan);
void el_masked_lm_scratch_plan(el_masked_lm_scratch *scratch, const el_network *network, size_t n_slots, el_plan *plan);

/* hidden [T, H] -> tape->normed, for the slots [M]. slots NULL: hidden has the slots' rows alone, [M, H]. */
void el_masked_lm_transform(const el_network *network, el_weights theta, el_masked_lm_tape *tape, el_tensor hidden,
                            const uint32_t *slots);

/* transform, then tape->loss. best, sampled: [M] or NULL; sampling may be NULL if sampled is. */
void el_masked_lm_fwd(const el_network *network, el_weights theta, el_masked_lm_tape *tape, el_tensor hidden,
                      const el_layout *layout, const uint32_t *slots, const uint32_t *targets,
                      const el_sampling *sampling, uint32_t *best, uint32_t *sampled);

/* Gradient of scale * sum of the losses: dhidden [T, H] is written (zero but at slots); parameters are added to, the
 * word table among them. */
void el_masked_lm_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_masked_lm_tape *tape,
                      el_tensor dhidden, const uint32_t *slots, const uint32_t *targets, double scale,
                      el_masked_lm_scratch *scratch);

/* After transform: logits [M, V]. */
void el_masked_lm_logits(const el_network *network, el_weights theta, const el_masked_lm_tape *tape, el_tensor logits);

#endif
