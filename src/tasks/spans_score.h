/* Precision, recall and F1 of spans that are written as a label for each word (IOB1, IOB2, BIOES): named entities,
 * chunks.
 *
 *     el_span_scorer *s = NULL;
 *     EL_TRY(el_span_scorer_create(&s, EL_SPANS_SEQEVAL, err));
 *     for each sentence: el_span_scorer_add(s, gold, predicted, n_words, err)
 *     el_span_scores scores;
 *     el_span_scorer_finish(s, &scores, err);      as often as you like
 *     el_span_scorer_free(s);
 *
 * A predicted span is right if a gold one has the same first word, last word and type. Any sequence of labels has
 * spans, also a broken one such as I- after O: what they are is where the two references differ.
 *
 * tests/golden/test_metrics.c compares with seqeval 1.2.2 and with conlleval.pl of 2004 (tools/gen_metrics.py). */
#ifndef EL_TASKS_SPANS_SCORE_H
#define EL_TASKS_SPANS_SCORE_H

#include "tasks/metrics.h"

/* Both let a span begin at B, at I or E after O and wherever the type changes, and end before whatever begins the next
 * one and before O; so a type change inside I- begins a new span, and IOB1 and IOB2 are read alike. With the labels
 * O, B-, I- alone their numbers are the same. */
typedef enum el_span_rules {
    EL_SPANS_SEQEVAL,  /* Python's seqeval, default mode: E and S end a span, B and S begin one; so BIOES is understood.
                          A  label's first character is its tag; what follows, without a dash, its type */
    EL_SPANS_CONLLEVAL /* The CoNLL shared tasks' conlleval.pl: S is unknown to it, so that neighbours S-X S-X are one
                          span, B after E begins none (they are one span, too), and "[", "]" are spans of one word.
                          What stands before a label's first dash is its tag. With BIOES labels use the other one */
} el_span_rules;

typedef struct el_span_count {
    const char *type; /* of all types together: NULL */
    uint64_t gold, predicted, right;
    el_score score;
} el_span_count;

typedef struct el_span_scores {
    el_span_count all;          /* micro average: what the shared tasks report */
    const el_span_count *types; /* [n_types] those of which there is a span, by name */
    size_t n_types;
    el_score macro; /* mean over the types; 0 without any */
    uint64_t n_words, n_right_words;
    double accuracy; /* share of words whose label is right, whatever it is; NaN without words */
} el_span_scores;

typedef struct el_span_scorer el_span_scorer;

electra_status el_span_scorer_create(el_span_scorer **out, el_span_rules rules, electra_error *err);
void el_span_scorer_free(el_span_scorer *scorer); /* accepts NULL */

/* Count a sentence. gold, predicted: [n] labels, copied where needed; an empty one counts as O. Gold labels may be
 * unknown to the model. A gold one that is NULL is not told: the word is not counted, and no span, gold or predicted,
 * is in it or goes on behind it. Fails with ELECTRA_NO_RESOURCE only; the scorer is of no use then but to be freed. */
electra_status el_span_scorer_add(el_span_scorer *scorer, const char *const *gold, const char *const *predicted,
                                  size_t n, electra_error *err);

/* The scores so far. *out is borrowed from the scorer until it is next used. Fails with ELECTRA_NO_RESOURCE only. */
electra_status el_span_scorer_finish(el_span_scorer *scorer, el_span_scores *out, electra_error *err);

#endif
