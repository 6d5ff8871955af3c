/* results.json of fine-tuning: every trial of every task, and what they come to.
 *
 *     {"task": "rte", "kind": "classify", "metric": "accuracy", "train_examples": .., "dev_examples": .., "labels":
 * [..], "trials": [{"trial": 1, "seed": 42, "best_step": .., "best_epoch": .., "steps": .., "seconds": ..,
 *                  "examples_per_second": .., "collapsed": false, "dev": {"accuracy": .., "loss": ..}}, ..],
 *      "best_trial": 1, "mean": {..}, "median": {..}, "std": {..}, "confusion": {"labels": .., "counts": ..},
 *      "finished": true, "model": .., "format": ..}
 *
 * "confusion", "classes", "types" or "scatter" (score_details.h) are the best trial's. With several tasks all that is one task's stands
 * in an object of "tasks": [..]. */
#ifndef EL_TASKS_TUNE_RESULTS_H
#define EL_TASKS_TUNE_RESULTS_H

#include "tasks/scores.h"

/* A trial as it stood at its best evaluation. */
typedef struct el_tune_record {
    double trial, seed, best_step, best_epoch, steps, seconds, examples_per_second;
    double score;  /* mean of the tasks' main metrics; NaN where nothing could be evaluated */
    json_t *tasks; /* [n] of each task {"dev": {..}, "collapsed": .., "threshold": .., "details": {..}} */
} el_tune_record;

typedef struct el_tune_results {
    json_t *all;
    char *path;
} el_tune_results;

/* Read the file if it is there, otherwise begin with no trials. results: zeroed; to be cleared in any case. */
electra_status el_tune_results_open(el_tune_results *results, const char *path, const char *model,
                                    const el_subject *subjects, size_t n, electra_error *err);
void el_tune_results_clear(el_tune_results *results); /* accepts a zeroed one */

size_t el_tune_results_trials(const el_tune_results *results);
double el_tune_results_seconds(const el_tune_results *results); /* of all trials */
bool el_tune_results_finished(const el_tune_results *results);
/* The best score so far: -INFINITY before the first trial. */
double el_tune_results_best(const el_tune_results *results);

/* Add a trial and save. metrics_bytes: of metrics.jsonl up to now. */
electra_status el_tune_results_add(el_tune_results *results, const el_tune_record *record, double metrics_bytes,
                                   electra_error *err);
double el_tune_results_metrics_bytes(const el_tune_results *results);
electra_status el_tune_results_finish(el_tune_results *results, bool finished, electra_error *err);

/* Means and the like of the main metrics. */
void el_tune_results_summarize(const el_tune_results *results, electra_finetune_result *out);

/* {"dev": {..}, ..} of a scoring; NULL when out of memory. */
json_t *el_tune_task_record(const el_scoring *scoring);

/* A record as a file, for a trial that is stopped and gone on with. */
electra_status el_tune_record_save(const el_tune_record *record, const char *path, electra_error *err);
electra_status el_tune_record_load(el_tune_record *record, const char *path, electra_error *err);
void el_tune_record_clear(el_tune_record *record); /* accepts a zeroed one */

#endif
