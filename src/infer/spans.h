/* Start and end probabilities -> spans -> answers: Hugging Face's rules of version 4 (formats.md 7.4). Knows nothing of
 * networks.
 *
 *     el_spans_begin(a);                                          a question
 *     for each window: el_spans_softmax, el_spans_best, el_spans_add for each of the best
 *     el_spans_rank(a, top_k, err)                                a->ranked, best first */
#ifndef EL_INFER_SPANS_H
#define EL_INFER_SPANS_H

#include <electra/infer.h>

#include "infer/best.h"
#include "infer/growing.h"

/* exp(x - max) / sum in place: n logits, those of positions that do not count being EL_SPANS_NOWHERE. */
void el_spans_softmax(double *x, size_t n);
#define EL_SPANS_NOWHERE (-10000.0)

/* Offer the spans s <= e < s + max_answer of positive score start[s] * end[e] to `best`, as item s * n + e. */
void el_spans_best(el_best *best, const double *start, const double *end, size_t n, size_t max_answer);

typedef struct el_span_answer {
    double score;      /* of all spans of this text */
    electra_span span; /* of the first of them */
    electra_text text;
    uint64_t hash; /* of the text in lower case */
} el_span_answer;

typedef struct el_spans {
    el_growing answers; /* el_span_answer, of the question at hand */
    el_growing slots;   /* uint32_t: number of an answer + 1, by hash; at most half full */
    el_growing ranked;  /* el_ranked */
} el_spans;

electra_status el_spans_create(el_spans **out, electra_error *err);
void el_spans_free(el_spans *spans); /* accepts NULL */

void el_spans_begin(el_spans *spans);
/* Add to the score of the answer with this text (case is ignored), or list it. text: borrowed until the question is
 * done. */
electra_status el_spans_add(el_spans *spans, double score, electra_span span, electra_text text, electra_error *err);

/* Rank the answers; *n: how many, at most top_k; their numbers stand in spans->ranked, best first. */
electra_status el_spans_rank(el_spans *spans, size_t top_k, size_t *n, electra_error *err);

#endif
