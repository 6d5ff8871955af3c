/* The heads of tasks: classifier, tagger, spans, choice, of ELECTRA and of BERT (formats.md 1.5). All of them are one
 * shape with parts left out:
 *
 *     rows x          [CLS] of each sequence (classifier, choice), or every token (tagger, spans)
 *     u = dropout(x)
 *     v = dropout(act(W u + b))       without the dense layer dropout(act(u))
 *     logits = W' v + b'              [rows, C]
 *
 *                         dense layer                 act                    dropouts
 *     ELECTRA classifier  classifier.dense            gelu, always           p, p
 *     ELECTRA choice      sequence_summary or none    summary_activation     summary_first, summary_last
 *     BERT classifier     pooler                      tanh                   none, p
 *     BERT choice         pooler                      tanh                   none, p
 *     tagger              none                        none                   p, none
 *     spans               none                        none                   none
 *
 * with p = classifier_dropout. A tape without `keep` serves forward alone.
 *
 * EL_HEAD_JOINT_QA is a shape of its own (joint_qa.h): el_head_fwd gives the logits of starts and of "impossible",
 * those of ends follow when a start is chosen. */
#ifndef EL_MODEL_HEADS_H
#define EL_MODEL_HEADS_H

#include "model/joint_qa.h"

typedef struct el_head_tape {
    el_joint_qa_tape joint; /* of EL_HEAD_JOINT_QA alone, whose starts are `logits` below */
    el_tensor input;        /* [rows, H] u; absent if that is the hidden states themselves */
    el_tensor pre;          /* [B, H] before the activation; absent without keep or dense layer */
    el_tensor inner;        /* [B, H] v; absent for heads of tokens */
    el_tensor logits;       /* [rows, C] */
    el_tensor loss;         /* room for [rows, C]; absent without keep */
} el_head_tape;

/* Room of the backward pass. */
typedef struct el_head_scratch {
    el_joint_qa_scratch joint;
    el_tensor dlogits;   /* [rows, C] */
    el_tensor dinner;    /* [B, H]; absent for heads of tokens */
    el_tensor dgathered; /* likewise */
} el_head_scratch;

/* Rows of the logits: B for heads that read [CLS], T for the others. */
size_t el_head_rows(const el_network *network, const el_layout *layout);

void el_head_plan(el_head_tape *tape, const el_network *network, size_t tokens, size_t sequences, bool keep,
                  el_plan *plan);
void el_head_scratch_plan(el_head_scratch *scratch, const el_network *network, size_t tokens, size_t sequences,
                          el_plan *plan);

/* hidden [T, H] -> tape->logits. Not in training, a head that reads [CLS] also takes those tokens' rows alone: [B, H].
 */
void el_head_fwd(const el_network *network, el_weights theta, el_head_tape *tape, el_tensor hidden,
                 const el_pass *pass);

/* ---- losses ---------------------------------------------------------------------------------------------------------
 * Each is a mean over its parts, of a whole batch however it is cut: parts are summed here, and the caller divides by
 * their number. */

typedef enum el_head_loss {
    EL_LOSS_CLASSES, /* one class a row: cross-entropy; a part is a row with a label */
    EL_LOSS_LABELS,  /* each of C labels holds or not: binary cross-entropy; a part is a label of a row */
    EL_LOSS_NUMBERS, /* C numbers: squared distance; a part is a number of a row */
    EL_LOSS_SPANS,   /* start and end, by cross-entropy over the tokens of the sequence; a part is a start or an end */
    EL_LOSS_CHOICES, /* one of a question's sequences, by cross-entropy over them; a part is a question */
    EL_LOSS_ANSWERS  /* EL_HEAD_JOINT_QA: start, end and "impossible" (el_joint_qa_losses); a part is a sequence */
} el_head_loss;

/* What the logits of a batch are compared with, in the backend's memory. EL_NO_TARGET in place of a class, a start, an
 * end or a choice: no part. */
typedef struct el_head_targets {
    el_head_loss kind;
    const uint32_t *labels;    /* CLASSES [rows]; LABELS [rows, C] of 0 and 1; SPANS [B, 2] places in the sequence;
                                  CHOICES [n_questions] */
    el_tensor numbers;         /* NUMBERS [rows, C] */
    const uint32_t *questions; /* CHOICES [n_questions + 1] first sequence of each question; the last entry is B */
    size_t n_questions;
    el_joint_qa_targets answers; /* ANSWERS */
} el_head_targets;

/* What the sum of the numbers of el_head_losses is multiplied by to be that of the parts' losses. */
static inline double el_head_loss_share(el_head_loss kind)
{
    return kind == EL_LOSS_ANSWERS ? EL_QA_LOSS_SHARE : 1;
}

/* The parts' losses, in tape->loss's memory, for ops->sum. After el_head_fwd (and el_joint_qa_ends), on a tape with
 * keep. */
el_tensor el_head_losses(el_backend *be, el_head_tape *tape, const el_head_targets *targets, const el_layout *layout);

/* Gradient of scale * sum of the parts' losses: dhidden [T, H] is written, parameters are added to. */
void el_head_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_head_tape *tape,
                 el_tensor dhidden, el_tensor hidden, const el_head_targets *targets, double scale, const el_pass *pass,
                 el_head_scratch *scratch);

#endif
