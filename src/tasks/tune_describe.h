/* Fine-tuning in words and lines: what is going to be learned, said before it begins, and lines of metrics.jsonl. */
#ifndef EL_TASKS_TUNE_DESCRIBE_H
#define EL_TASKS_TUNE_DESCRIBE_H

#include "base/json.h"
#include "tasks/subject.h"
#include "tasks/tuner.h"

/* Examples, classes and their balance, lengths, what was cut, unknown tokens; warnings where something looks wrong. */
void el_tune_describe(const electra_runtime *rt, const el_subject *subject);

/* The run: parameters, steps, rates, memory. */
void el_tune_describe_run(const electra_runtime *rt, const el_tuner *tuner, const electra_finetune_options *set,
                          uint64_t steps, size_t units, const char *backend, int threads);

/* One line of an evaluation. */
void el_tune_log_scores(const electra_runtime *rt, const electra_finetune_metrics *line);

/* The object of a line; NULL when out of memory. */
json_t *el_tune_line_json(const electra_finetune_metrics *line);

#endif
