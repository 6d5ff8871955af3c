/* A run of fine-tuning as report.html wants it: a curve for each trial, and what the trials came to.
 *
 * Trials look like runs of pre-training: {"name", "finished", "training": {"step": [..], "loss": [..], ..}, "heldout":
 * {"step": [..], "accuracy": [..], ..}, "warnings": [{"step", "text"}]}. With several tasks the scores of one are named
 * "task: accuracy". Beside them one {"name", "finished", "settings", "results"} for each folder. */
#ifndef EL_REPORT_TUNED_H
#define EL_REPORT_TUNED_H

#include "base/json.h"

/* Whether the settings.json or results.json of a run's folder says that it fine-tunes; false too for no folder. */
bool el_tuned_is(const json_t *settings, const char *folder);

/* Append the folder's trials to `runs` and its own object to `folders`. name: of the folder, for the reader; settings:
 * its settings.json or null. several: trials of other folders are in the list too, so their names say which they are
 * of. ELECTRA_INVALID for a folder without metrics.jsonl, and for files that are broken. */
electra_status el_tuned_describe(json_t *runs, json_t *folders, const char *folder, const char *name, json_t *settings,
                                 bool several, electra_error *err);

#endif
