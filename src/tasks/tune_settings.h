/* The settings of fine-tuning: what the caller gave, what the run's folder recorded, what the recipe says; in this
 * order. Rows and files are the business of train/setting_table.h. */
#ifndef EL_TASKS_TUNE_SETTINGS_H
#define EL_TASKS_TUNE_SETTINGS_H

#include <electra/finetune.h>

#include "base/json.h"
#include "model/config.h"
#include "tasks/subject.h"

#define EL_TUNE_FORMAT "electra-finetune-1" /* of settings.json */

/* Hashes of what paths lead to: they are free to change, this is not. */
typedef struct el_tune_content {
    uint64_t examples, weights; /* weights: that training starts with */
} el_tune_content;

typedef struct el_tune_settings {
    electra_finetune_options given; /* everything in force; texts borrowed from the caller's options or `recorded` */
    json_t *recorded;               /* settings.json as it was found; NULL: a new run */
    el_tune_content content;
    json_t *dev_hashes; /* by the names of tasks, those of their dev examples; NULL: none is noted */
    uint64_t hash;      /* of every setting that changes what is learned, and of the content */
} el_tune_settings;

/* Check each given value, read <output>/settings.json if it is there and take from it what is not given. settings:
 * zeroed; to be cleared in any case. ELECTRA_MISUSE, ELECTRA_INVALID. */
electra_status el_tune_settings_open(el_tune_settings *settings, const electra_finetune_options *options,
                                     electra_error *err);

/* The recipe for what is still open (electra.md 8.2; docs/FINETUNE.md): by encoder, tasks and compat. ELECTRA_MISUSE:
 * max_length is more than the encoder's positions. */
electra_status el_tune_settings_fill(el_tune_settings *settings, const el_model_config *encoder,
                                     const el_subject *subjects, size_t n_subjects, electra_error *err);

/* Now with the content: ELECTRA_MISUSE with all differences if the run was begun with other settings. */
electra_status el_tune_settings_bind(el_tune_settings *settings, el_tune_content content, electra_error *err);

/* What a task's dev examples are, to be recorded for el_tune_settings_recall; nothing is refused because of it. */
electra_status el_tune_settings_note_dev(el_tune_settings *settings, const char *task, uint64_t examples_hash,
                                         electra_error *err);

/* Paths are recorded as they are from any working directory. */
electra_status el_tune_settings_save(const el_tune_settings *settings, electra_error *err);
void el_tune_settings_clear(el_tune_settings *settings); /* accepts a zeroed one */

/* The run that made a model. */
typedef struct el_tune_recalled {
    json_t *recorded; /* its settings.json, whose texts options borrow; NULL: no run of fine-tuning made the model */
    bool examples;    /* none are given, so that those of the run are scored */
    double dev_share; /* of the training examples, which a run without a dev file held out by its seed; 0: none */
    uint64_t seed;
} el_tune_recalled;

/* What a model was trained with, for whoever scores it: fills what `options` leaves open from the settings.json of the
 * run that made `options->model` (in that folder or, of a run with several tasks, the one above it): the task or, of
 * own files, their kind and columns; lengths, compat; where no examples are given, the run's files. A task, kind or
 * format that is given means other examples, and their columns then are the caller's business. run: zeroed; to be
 * cleared in any case. */
electra_status el_tune_settings_recall(electra_evaluate_options *options, el_tune_recalled *run, electra_error *err);
void el_tune_recalled_clear(el_tune_recalled *run); /* accepts a zeroed one */

/* Whether these are the dev examples that the run had for the task, as far as it was recorded. */
bool el_tune_recalled_dev_is(const el_tune_recalled *run, const char *task, uint64_t examples_hash);

#endif
