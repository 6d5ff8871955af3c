/* What a run (train.h) looks like: curves for a browser, events for TensorBoard. Both are made from the run's
 * metrics.jsonl and settings.json alone, at any time, also while it trains. */
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
    const char *output; /* the HTML file; NULL: report.html in the first run's folder */
} electra_report_options;

ELECTRA_API electra_report_options electra_report_options_default(void);

/* One self-contained file that needs no network. Fails with ELECTRA_MISUSE without runs, ELECTRA_INVALID for a folder
 * that is no run or a broken metrics.jsonl, ELECTRA_FAILED if it cannot be written (an old report stays). */
ELECTRA_API electra_status electra_report_write(const electra_report_options *options, electra_error *err);

/* Bring <run>/tensorboard/ up to date with <run>/metrics.jsonl: what is missing is appended, what does not belong
 * there (a torn record, steps that a resumed run made anew) is cut off first. */
ELECTRA_API electra_status electra_report_events(const char *run, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
