/* What a run (train.h, finetune.h) looks like: curves for a browser and events for TensorBoard. Both are made from the
 * run's files (metrics.jsonl, settings.json, results.json) alone, at any time, also while it trains. */
#ifndef ELECTRA_REPORT_H
#define ELECTRA_REPORT_H

#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct electra_report_options {
    size_t struct_size;
    electra_runtime runtime;
    const char *const *runs; /* folders of runs; several are drawn over each other */
    size_t n_runs;
    const char *output; /* the HTML file; NULL: report.html in the run's folder, if it is only one */
} electra_report_options;

ELECTRA_API electra_report_options electra_report_options_default(void);

/* One self-contained file that needs no network. Fails with ELECTRA_MISUSE without runs or for runs of pre-training and
 * of fine-tuning together, or for several without an output, ELECTRA_INVALID for a folder that is no run or for broken
 * files of one, ELECTRA_FAILED if it cannot be written (an old report stays). */
ELECTRA_API electra_status electra_report_write(const electra_report_options *options, electra_error *err);

/* Bring <run>/tensorboard/ up to date with <run>/metrics.jsonl: what is missing is appended, what does not belong there
 * (a torn record, steps that a resumed run made anew) is cut off first. Of fine-tuning each trial has a folder of its
 * own in it, trial-1, trial-2, ... */
ELECTRA_API electra_status electra_report_events(const char *run, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
