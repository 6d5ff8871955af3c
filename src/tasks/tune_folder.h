/* The folder of a run of fine-tuning: "current" holds the weights of the running trial's best evaluation, "best" those
 * of the best trial, each as a model directory NAME and predictions NAME.jsonl for every task; in the end they move to
 * where the caller expects the model. */
#ifndef EL_TASKS_TUNE_FOLDER_H
#define EL_TASKS_TUNE_FOLDER_H

#include "tasks/subject.h"
#include "train/run_folder.h"

typedef struct el_tune_folder {
    el_run_folder run; /* its result is results.json */
    char *current, *best;
} el_tune_folder;

/* Names only, as el_run_folder_name; folder: zeroed, to be closed in any case. Then el_run_folder_open(&folder.run). */
electra_status el_tune_folder_name(el_tune_folder *folder, const char *path, bool is_run, electra_error *err);
void el_tune_folder_close(el_tune_folder *folder); /* accepts a zeroed one */

/* <folder>/<name><ending>, to be freed with el_free. */
electra_status el_tune_path(char **out, const char *folder, const char *name, const char *ending, electra_error *err);

/* What is current is the best. */
electra_status el_tune_folder_promote(const el_tune_folder *folder, electra_error *err);

/* The best weights and predictions of n tasks to their places: of one task the folder itself, of several a folder of
 * each one's name. What a killed run has moved already is left alone. */
electra_status el_tune_folder_publish(const el_tune_folder *folder, const el_subject *subjects, size_t n,
                                      electra_error *err);

/* Where a task's model is published; to be freed with el_free. */
electra_status el_tune_folder_model(char **out, const el_tune_folder *folder, const el_subject *subject, size_t n,
                                    electra_error *err);

/* Remove what only a run that goes on needs. */
electra_status el_tune_folder_tidy(const el_tune_folder *folder, electra_error *err);

#endif
