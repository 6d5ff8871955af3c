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
 * with p = classifier_dropout. A tape without `keep` serves forward alone. */
#ifndef EL_MODEL_HEADS_H
#define EL_MODEL_HEADS_H

#include "model/encoder.h"

typedef struct el_head_tape {
    el_tensor input;  /* [rows, H] u; absent if that is the hidden states themselves */
    el_tensor pre;    /* [B, H] before the activation; absent without keep or dense layer */
    el_tensor inner;  /* [B, H] v; absent if that is u */
    el_tensor logits; /* [rows, C] */
} el_head_tape;

/* Rows of the logits: B for heads that read [CLS], T for the others. */
size_t el_head_rows(const el_network *network, const el_layout *layout);

void el_head_plan(el_head_tape *tape, const el_network *network, size_t tokens, size_t sequences, bool keep,
                  el_plan *plan);

/* hidden [T, H] -> tape->logits. */
void el_head_fwd(const el_network *network, el_weights theta, el_head_tape *tape, el_tensor hidden,
                 const el_pass *pass);

#endif
