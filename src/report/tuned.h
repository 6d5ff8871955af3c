/* A run of fine-tuning: the lines of its metrics.jsonl, and what report.html makes of it, a curve for each trial and what
 * the trials came to.
 *
 * Trials look like runs of pre-training: {"name", "finished", "training": {"step": [..], "loss": [..], ..}, "heldout":
 * {"step": [..], "accuracy": [..], ..}, "warnings": [{"step", "text"}]}. With several tasks the scores of one are named
 * "task: accuracy". Beside them one {"name", "finished", "settings", "results"} for each folder. */
#ifndef EL_REPORT_TUNED_H
#define EL_REPORT_TUNED_H

#include "base/json.h"

/* Whether the settings.json or results.json of a run's folder says that it fine-tunes; false too for no folder. */
bool el_tuned_is(const json_t *settings, const char *folder);

/* A line of metrics.jsonl; lasts until the visitor returns. */
typedef struct el_tuned_line {
    size_t trial, step;
    const char *warning; /* NULL: the line has numbers */
    const char *task;    /* NULL: the numbers are of training */
    const json_t *dev;   /* of an evaluation: the task's scores */
    const json_t *all;   /* the object itself */
} el_tuned_line;

typedef electra_status el_tuned_visit(void *user, const el_tuned_line *line, electra_error *err);

/* Visit the lines of a run, which come trial by trial, until a visit fails. ELECTRA_INVALID for a folder without
 * metrics.jsonl, and for broken lines. */
electra_status el_tuned_lines(const char *folder, el_tuned_visit *visit, void *user, electra_error *err);

/* Append the folder's trials to `runs` and its own object to `folders`. name: of the folder, for the reader; settings:
 * its settings.json or null. several: trials of other folders are in the list too, so their names say which they are
 * of. ELECTRA_INVALID for a folder without metrics.jsonl, and for files that are broken. */
electra_status el_tuned_describe(json_t *runs, json_t *folders, const char *folder, const char *name, json_t *settings,
                                 bool several, electra_error *err);

#endif
