/* One step of fine-tuning: an encoder with a head for each of one or more tasks, all its memory, forward, backward and
 * update. What src/train/step.h is for pre-training.
 *
 *     el_tuner *tuner = NULL;
 *     EL_TRY(el_tuner_create(&tuner, be, &config, tasks, n_tasks, &settings, err));
 *     EL_TRY(el_tuner_begin(tuner, dir, seed, err));                      weights of a pre-trained model, fresh heads
 *     for (uint64_t s = 0; s < steps; s++) {
 *         el_tuner_step(tuner, s, units, n, el_schedule_rate(&schedule, s), &result);
 *     }
 *     EL_TRY(el_tuner_save(tuner, task, folder, &labels, tokenizer, err));
 *     el_tuner_free(tuner);
 *
 * The loss of a batch is the mean over its units' losses: of each task the mean over its parts (heads.h), weighted with
 * the task's share of the units. With `sum` it is their sum, as in the released code (electra.md 9.1); the loss that is
 * reported stays the mean.
 *
 * Random numbers are keyed by (seed, purpose, step, place within the batch), so neither micro-batches nor threads nor
 * stopping and going on change anything. Nothing is allocated in a step. One thread at a time. */
#ifndef EL_TASKS_TUNER_H
#define EL_TASKS_TUNER_H

#include "interop/model_dir.h"
#include "tasks/feed.h"
#include "train/learner.h"

typedef struct el_tuner_task {
    const el_features *features; /* to learn from; must outlive the tuner */
    el_head_config head;
    el_number_scale scale; /* REGRESS */
} el_tuner_task;

typedef struct el_tuner_settings {
    el_learner_settings learner;
    size_t batch;       /* most units of a step */
    size_t micro_batch; /* most units computed at once; 0: as many as fit in half a gigabyte */
    bool sum;
    bool glorot; /* heads start as in the released code, not as in transformers */
} el_tuner_settings;

typedef struct el_tuner el_tuner;

/* config: of the encoder, with the dropout of fine-tuning. ELECTRA_MISUSE: sequences are longer than its positions. */
electra_status el_tuner_create(el_tuner **out, el_backend *be, const el_model_config *config,
                               const el_tuner_task *tasks, size_t n_tasks, const el_tuner_settings *settings,
                               electra_error *err);
void el_tuner_free(el_tuner *tuner); /* accepts NULL */

/* Start a trial: the encoder of `dir`, heads drawn anew, moments zero, dropout of that seed. with_head: the head is
 * taken from there too (one task only, of the same kind and labels). ELECTRA_INVALID as el_model_dir_read. */
electra_status el_tuner_begin(el_tuner *tuner, const el_model_dir *dir, bool with_head, uint64_t seed,
                              electra_error *err);

/* Go on with a trial of that seed, whose blocks were filled from a checkpoint. */
void el_tuner_seed(el_tuner *tuner, uint64_t seed);

el_learner *el_tuner_learner(el_tuner *tuner);
const el_network *el_tuner_network(const el_tuner *tuner, size_t task);
const el_params *el_tuner_params(const el_tuner *tuner);
/* Bytes of everything but the backend's workspace. */
size_t el_tuner_bytes(const el_tuner *tuner);

/* A unit of a task's features. */
typedef struct el_tuner_unit {
    uint32_t task;
    size_t unit;
} el_tuner_unit;

typedef struct el_tuner_result {
    double loss; /* mean, see above */
    double gradient_norm;
    size_t n_tokens;
    bool applied; /* false: something was not finite, and nothing was changed */
} el_tuner_result;

/* units: [n], n <= batch. number: of the step, 0, 1, ... */
void el_tuner_step(el_tuner *tuner, uint64_t number, const el_tuner_unit *units, size_t n, double rate,
                   el_tuner_result *result);

/* One task's network as a model directory that speaks in the numbers of the task's files. */
electra_status el_tuner_save(const el_tuner *tuner, size_t task, const char *folder, const el_labels *labels,
                             const electra_tokenizer *tokenizer, electra_error *err);

#endif
