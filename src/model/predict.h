/* Forward passes alone, with no memory for gradients: hidden states, verdicts of a discriminator, logits of a masked-LM
 * head and of the heads of tasks. What answers and held-out checks are made of.
 *
 *     el_predictor *p;
 *     EL_TRY(el_predictor_create(&p, be, &network, &limits, err));
 *     el_tensor logits = el_predictor_replaced(p, theta, &layout, ids, types);
 *     be->ops->download_f32(be, out, logits.data, layout.n_tokens);
 *
 * Results lie in the backend's memory and stay until the predictor's next call. */
#ifndef EL_MODEL_PREDICT_H
#define EL_MODEL_PREDICT_H

#include "model/joint_qa.h"

typedef struct el_predictor el_predictor;

typedef struct el_predict_limits {
    size_t tokens;    /* T of one call */
    size_t sequences; /* B */
    size_t longest;   /* L; at most the network's max_positions */
    size_t slots;     /* M of el_predictor_masked; 0 if it is never called */
} el_predict_limits;

/* be is borrowed; its workspace is reserved here, so one backend serves one predictor (or training step) at a time.
 * ELECTRA_MISUSE if a limit makes no sense, ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_predictor_create(el_predictor **out, el_backend *be, const el_network *network,
                                   const el_predict_limits *limits, electra_error *err);
void el_predictor_free(el_predictor *predictor); /* accepts NULL */

/* theta: a block of the table that the network was built with. ids, types: [T] in the backend's memory, every id below
 * V and every type below n_types. */

/* Last hidden state: [T, H]. */
el_tensor el_predictor_hidden(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                              const uint32_t *types);
/* For each token the logit of "replaced": [T, 1]. The network has a discriminator's head. */
el_tensor el_predictor_replaced(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                                const uint32_t *types);
/* For each of M tokens the logits of the whole vocabulary: [M, V]. slots: [M] in the backend's memory. The network has
 * a masked-LM head. */
el_tensor el_predictor_masked(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                              const uint32_t *types, const uint32_t *slots, size_t n_slots);
/* Logits of a head that reads [CLS], for each sequence: [B, C]; EL_HEAD_CLASSIFIER, or EL_HEAD_CHOICE with C = 1. */
el_tensor el_predictor_classes(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                               const uint32_t *types);
/* Logits of a head that reads every token: [T, C]; EL_HEAD_TAGGER, or EL_HEAD_SPANS with C = 2 (start, end). */
el_tensor el_predictor_tags(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                            const uint32_t *types);
/* The search for answers with EL_HEAD_JOINT_QA, for each sequence: out: [B], host memory, or NULL for none. Returns the
 * logits of "impossible": [B, 1]. */
el_tensor el_predictor_answers(el_predictor *predictor, el_weights theta, const el_layout *layout, const uint32_t *ids,
                               const uint32_t *types, el_joint_answers *out);
/* Sum of the sequences' losses (joint_qa.h), for the batch of the last el_predictor_answers, once. */
double el_predictor_answers_loss(el_predictor *predictor, el_weights theta, const el_layout *layout,
                                 const uint32_t *types, const el_joint_qa_targets *targets);

#endif
