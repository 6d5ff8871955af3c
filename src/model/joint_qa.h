/* The head of the published system for questions (electra.md 9.4), EL_HEAD_JOINT_QA: where the answer starts, where it
 * ends given its start, and whether there is none. h: hidden states, I = inner width, sums over one sequence's tokens
 * t; an answer's places are tokens of type 1 and the first token, and 1000 is taken from the logits of all others.
 *
 *     start[t] = w_s . h_t + b_s                                    p = softmax(start)
 *     end[t | i] = w_e . gelu(W_i h_i + W_t h_t + b) + b_e          i: the start
 *     impossible = w_u . gelu(W_c h_0 + W_a sum_t p_t h_t + b') + b_u
 *
 * The published kernels over the concatenations (h_i, h_t) and (h_0, feature) are the halves W_i, W_t and W_c, W_a, so
 * that W_t h_t is computed once for all starts. There is no dropout.
 *
 *     training                                        prediction
 *     el_joint_qa_fwd                                 el_joint_qa_fwd
 *     el_joint_qa_ends       of the right starts      el_joint_qa_answers    of the EL_QA_BEAM likeliest starts
 *     el_joint_qa_losses
 *     el_joint_qa_bwd
 *
 * heads.h and task.h call these; the other heads of tasks: heads.h. */
#ifndef EL_MODEL_JOINT_QA_H
#define EL_MODEL_JOINT_QA_H

#include "model/encoder.h"

enum { EL_QA_BEAM = 20 /* starts, and ends of each, that are looked at in prediction */ };

/* The most likely places of an answer in one sequence, likeliest first; of equally likely ones the earlier. */
typedef struct el_joint_answers {
    size_t n;                      /* starts, and ends of each start: EL_QA_BEAM, or the tokens of a shorter sequence */
    float impossible;              /* logit: the larger, the less is there an answer */
    uint32_t start[EL_QA_BEAM];    /* place within the sequence */
    float start_score[EL_QA_BEAM]; /* log p(start) */
    uint32_t end[EL_QA_BEAM][EL_QA_BEAM];
    float end_score[EL_QA_BEAM][EL_QA_BEAM]; /* log p(end | start) */
} el_joint_answers;

typedef struct el_joint_qa_tape {
    el_tensor start;             /* [T, 1] logits */
    el_tensor token;             /* [T, I] W_t h_t; behind el_joint_qa_ends what the gelu reads */
    el_tensor inner;             /* [T, I] what it gives */
    el_tensor from_hidden, from; /* [B, H] h_i; [B, I] W_i h_i + b */
    el_tensor end;               /* [T, 1] logits given the start */
    el_tensor p;                 /* [T, 1] */
    el_tensor first, feature;    /* [B, H] h_0, sum_t p_t h_t */
    el_tensor doubt_pre, doubt;  /* [B, I] before and behind the second gelu */
    el_tensor impossible;        /* [B, 1] logits */
    el_tensor loss;              /* [3B, 1]: of the starts, the ends, the impossibles */
    uint32_t *rows;              /* [B] starts of one turn of prediction, in the backend's memory */
} el_joint_qa_tape;

typedef struct el_joint_qa_scratch {
    el_tensor dstart, dend;        /* [T, 1] */
    el_tensor dinner;              /* [T, I] */
    el_tensor dfrom, dfrom_hidden; /* [B, I], [B, H] */
    el_tensor dimpossible, ddoubt; /* [B, 1], [B, I] */
    el_tensor dfirst, dfeature;    /* [B, H] */
} el_joint_qa_scratch;

/* What the logits are compared with, in the backend's memory. */
typedef struct el_joint_qa_targets {
    const uint32_t *start;      /* [B] places in the sequence, or EL_NO_TARGET */
    const uint32_t *end;        /* [B] likewise */
    const uint32_t *impossible; /* [B] 0 or 1 */
    const uint32_t *rows;       /* [B] token of the batch at which the answer starts: layout.starts[s] + start[s]; with
                                   EL_NO_TARGET the first one of the sequence */
} el_joint_qa_targets;

/* Nothing is larger for the sake of the backward pass. */
void el_joint_qa_plan(el_joint_qa_tape *tape, const el_network *network, size_t tokens, size_t sequences,
                      el_plan *plan);
void el_joint_qa_scratch_plan(el_joint_qa_scratch *scratch, const el_network *network, size_t tokens, size_t sequences,
                              el_plan *plan);

/* hidden [T, H] -> start, token, impossible. */
void el_joint_qa_fwd(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                     const el_pass *pass);
/* -> end, given the starts `rows` as in the targets. Once behind each el_joint_qa_fwd. */
void el_joint_qa_ends(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                      const uint32_t *rows, const el_pass *pass);

/* The loss of a sequence is EL_QA_LOSS_SHARE times the sum of its three numbers in tape->loss, which is returned:
 * cross-entropy of the start, of the end, and binary cross-entropy of "impossible". (CE + CE) / 2 + BCE / 2 as
 * published.
 */
#define EL_QA_LOSS_SHARE 0.5
el_tensor el_joint_qa_losses(el_backend *be, el_joint_qa_tape *tape, const el_joint_qa_targets *targets,
                             const el_layout *layout);

/* Gradient of scale * sum of the sequences' losses: dhidden [T, H] is written, parameters are added to. */
void el_joint_qa_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_joint_qa_tape *tape,
                     el_tensor dhidden, el_tensor hidden, const el_joint_qa_targets *targets, double scale,
                     const el_pass *pass, el_joint_qa_scratch *scratch);

/* ---- prediction ------------------------------------------------------------------------------------------------- */

/* Host memory that a prediction needs. */
typedef struct el_joint_qa_room {
    float *logits;    /* [T] */
    uint32_t *starts; /* [B + 1] */
    uint32_t *rows;   /* [B] */
} el_joint_qa_room;

/* For at most so many tokens and sequences at once. Fill a zeroed one. ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_joint_qa_room_make(el_joint_qa_room *room, size_t tokens, size_t sequences, electra_error *err);
void el_joint_qa_room_clear(el_joint_qa_room *room); /* accepts a zeroed one */

/* out: [B], host memory. Behind el_joint_qa_fwd, whose `token` stays. Costs about EL_QA_BEAM * T * I gelus. */
void el_joint_qa_answers(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                         const el_pass *pass, el_joint_qa_room *room, el_joint_answers *out);

#endif
