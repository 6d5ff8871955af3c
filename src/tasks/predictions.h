/* What a model says about every unit of a task's features: forward passes, no dropout, longest sequences first.
 *
 *     el_predictions *p = NULL;
 *     EL_TRY(el_predictions_make(&p, be, &network, theta, features, &settings, rt, err));
 *     ... p->logits, p->tags, p->qa; scores.h makes scores of them ...
 *     el_predictions_free(p); */
#ifndef EL_TASKS_PREDICTIONS_H
#define EL_TASKS_PREDICTIONS_H

#include "tasks/feed.h"
#include "tasks/qa_decode.h"

typedef struct el_predictions_settings {
    el_number_scale scale; /* REGRESS: what the head has learned; {0, 1} if it speaks in the file's numbers */
    size_t max_answer;     /* ANSWER: tokens */
    size_t batch_tokens;   /* computed at once; 0: 2048 */
} el_predictions_settings;

typedef struct el_predictions {
    const el_features *features; /* borrowed */
    size_t n_outputs;            /* C */
    float *logits;               /* [features->n, C]; REGRESS: numbers of the file. TAG and ANSWER: NULL */
    uint32_t *tags;              /* TAG: the likeliest label of each word, as features->places */
    el_qa_results *qa;           /* ANSWER */
    double loss;                 /* mean over the parts that have a target, REGRESS: in the file's numbers; NaN without
                                    any */
} el_predictions;

/* theta: of the network's table, in a block or packed. be: whose workspace is reserved here (el_predictor_create).
 * ELECTRA_INTERRUPTED: the runtime's progress callback asked to stop (rt NULL: it is not asked). */
electra_status el_predictions_make(el_predictions **out, el_backend *be, const el_network *network, el_weights theta,
                                   const el_features *features, const el_predictions_settings *settings,
                                   const electra_runtime *rt, electra_error *err);
void el_predictions_free(el_predictions *predictions); /* accepts NULL */

/* The example that a unit is of. */
const el_example *el_predictions_example(const el_predictions *predictions, size_t unit);

/* The likeliest of `n` logits, the first of equal ones. */
size_t el_argmax(const float *logits, size_t n);

#endif
