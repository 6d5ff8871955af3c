/* What a run of fine-tuning is given: settings, labelled examples of one or more tasks, a model directory.
 *
 *     el_tune_inputs in = {0};
 *     EL_TRY(el_tune_inputs_open(&in, options, err));            everything is read and checked; no file is written
 *     EL_TRY(el_tune_inputs_tuner(&tuner, &in, be, err));
 *     el_tune_inputs_close(&in); */
#ifndef EL_TASKS_TUNE_INPUTS_H
#define EL_TASKS_TUNE_INPUTS_H

#include "tasks/scores.h"
#include "tasks/tune_settings.h"
#include "tasks/tuner.h"

typedef struct el_tune_inputs {
    el_tune_settings settings; /* every one of them is filled in; el_tune_settings_bind comes later */
    el_subject *subjects;      /* [n] with their features for training and, where there is one, of the dev set */
    size_t n;
    el_labels labels[ELECTRA_MOST_TASKS]; /* [n] */
    el_model_dir *dir;
    electra_tokenizer *tokenizer;
    bool with_head; /* the model's own head was made for this very task, and is gone on with */
} el_tune_inputs;

/* Read all, and say in the log what there is to learn from. in: zeroed; to be closed in any case. options: must outlive
 * it. ELECTRA_MISUSE, ELECTRA_INVALID as el_tune_settings_open, el_subjects_create, el_model_dir_open. */
electra_status el_tune_inputs_open(el_tune_inputs *in, const electra_finetune_options *options, electra_error *err);
void el_tune_inputs_close(el_tune_inputs *in); /* accepts a zeroed one */

/* Whether every task has a dev set, so that weights can be judged. */
bool el_tune_inputs_have_dev(const el_tune_inputs *in);

/* The tuner that the settings ask for; `in` must outlive it. */
electra_status el_tune_inputs_tuner(el_tuner **out, const el_tune_inputs *in, el_backend *be, electra_error *err);

/* Of all examples. */
uint64_t el_tune_inputs_hash(const el_tune_inputs *in);

#endif
