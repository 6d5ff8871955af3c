/* Predictions and what is right -> the official numbers of the task, and what a report shows beside them.
 *
 *     el_scoring s;
 *     EL_TRY(el_scoring_make(&s, &subject, predictions, NAN, err));
 *     s.scores.list[0]                             the main metric; higher is better
 *     EL_TRY(el_scoring_write(path, predictions, s.threshold, err));   one JSON object an example
 *     el_scoring_clear(&s);
 *
 *     kind        scores, the main one of own files first
 *     classify    accuracy, matthews, f1 (of class 1 of two; macro otherwise), macro_f1
 *     multilabel  micro_f1, macro_f1, exact
 *     regress     spearman, pearson, mean_squared_error
 *     tag         f1, precision, recall, accuracy; of labels without B- and I- accuracy alone
 *     answer      f1, exact; where questions may have no answer also the official scorer's best_f1, best_exact, their
 *                 thresholds, and the parts HasAns_*, NoAns_*
 *     choice      accuracy
 *
 * and of all "loss". Undefined ones (metrics.h) are left out. */
#ifndef EL_TASKS_SCORES_H
#define EL_TASKS_SCORES_H

#include "base/json.h"
#include "tasks/predictions.h"
#include "tasks/subject.h"

typedef struct el_scoring {
    electra_scores scores;
    bool collapsed;   /* one answer for everything, where several are right */
    double threshold; /* ANSWER: null odds above it mean "no answer" */
    json_t *details;  /* score_details.h; empty where there is nothing to show */
} el_scoring;

/* predictions: over features of the subject's examples. threshold: NAN for the one that is best for F1. */
electra_status el_scoring_make(el_scoring *out, const el_subject *subject, const el_predictions *predictions,
                               double threshold, electra_error *err);
void el_scoring_clear(el_scoring *scoring); /* accepts a zeroed one */

double el_scores_main(const electra_scores *scores);
/* An object of all of them. NULL when out of memory. */
json_t *el_scores_json(const electra_scores *scores);

/* Predictions as JSON lines: {"line": 7, "label": .., "prediction": .., "scores": {..}} and the like. Atomic. */
electra_status el_scoring_write(const char *path, const el_predictions *predictions, double threshold,
                                electra_error *err);

/* Whether there can be a submission for the task: ELECTRA_MISUSE if it is none of GLUE's, ELECTRA_INVALID if no test
 * file was found. */
electra_status el_submission_check(const el_subject *subject, electra_error *err);

/* Predictions in the format of the GLUE site: <folder>/<the task's file name>, "index<TAB>prediction". ELECTRA_MISUSE:
 * the task is none of GLUE's. ELECTRA_INVALID: rows were passed over, so that the numbers of the others are not known.
 * Atomic. */
electra_status el_submission_write(const char *folder, const el_subject *subject, const el_predictions *predictions,
                                   electra_error *err);

#endif
