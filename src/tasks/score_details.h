/* What a report shows beside the scores of a task: objects for results.json, to be merged into the task's own.
 *
 *     "confusion": {"labels": [..], "counts": [[..], ..]}     row: the right class, column: the predicted one
 *     "classes":   {"name": {"precision", "recall", "f1", "gold", "predicted", "right"}, ..}   labels, each by itself
 *     "types":     the same of spans by their type
 *     "scatter":   [[right, predicted], ..]
 *
 * Each function returns a new object, NULL when out of memory. */
#ifndef EL_TASKS_SCORE_DETAILS_H
#define EL_TASKS_SCORE_DETAILS_H

#include "base/json.h"
#include "tasks/examples.h"
#include "tasks/metrics.h"
#include "tasks/spans_score.h"

/* "confusion"; of more classes than a page can show "classes". labels NULL: classes are called by their numbers. */
json_t *el_details_confusion(const el_confusion *c, const el_label_set *labels);

/* "classes". gold, predicted: [n, n_labels], whether a label holds. */
json_t *el_details_labels(const bool *gold, const bool *predicted, size_t n, size_t n_labels,
                          const el_label_set *labels);

/* "types". */
json_t *el_details_spans(const el_span_scores *scores);

/* "scatter": evenly chosen ones of many points. gold, predicted: [n]. */
json_t *el_details_numbers(const double *gold, const double *predicted, size_t n);

#endif
