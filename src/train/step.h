/* One training step of a generator and a discriminator: it owns the parameters, their gradients and both moments (one
 * block each) and all memory that a step needs, which is laid out when it is created; nothing is allocated afterwards.
 *
 *     el_step *step;
 *     EL_TRY(el_step_create(&step, be, &pair, &settings, &limits, err));
 *     EL_TRY(el_step_initialise(step, seed, err));             // or fill EL_BLOCK_THETA from a model
 *     for (uint64_t s = 0; s < steps; s++) {
 *         el_step_begin(step, s, n_tokens, n_slots);           // of the whole batch: the losses' denominators
 *         for each micro-batch: el_step_add(step, &batch);     // forward, corruption, backward
 *         el_step_finish(step, el_schedule_rate(&schedule, s), &result);   // clip, update
 *     }
 *     el_step_free(step);
 *
 * Random numbers are keyed by (seed, purpose, step number, layout.sequence, layout.position), so neither micro-batches
 * nor threads nor stopping and going on change what is dropped or drawn. Used by one thread at a time. */
#ifndef EL_TRAIN_STEP_H
#define EL_TRAIN_STEP_H

#include "data/batch.h"
#include "model/params.h"
#include "train/learner.h"

typedef struct el_step_settings {
    double generator_weight;
    double discriminator_weight;
    double temperature;   /* of the samples, not of the loss */
    bool forbid_target;   /* never sample the right token */
    bool average_samples; /* the released system's treatment of a token drawn twice (electra.md 4.2) */
    el_learner_settings learner;
    uint64_t seed;
} el_step_settings;

/* Weights 1 and 50, temperature 1, clipping at 1, the published optimiser, seed 42. */
el_step_settings el_step_settings_default(void);

/* The largest micro-batch (also of an evaluation) that will be given. */
typedef struct el_step_limits {
    size_t tokens;    /* T of all its sequences */
    size_t sequences; /* B */
    size_t longest;   /* L; at most the networks' max_positions */
    size_t slots;     /* M */
} el_step_limits;

/* Memory in bytes, known without allocating anything. The backend's own workspace is not in it. */
typedef struct el_step_memory {
    size_t parameters;  /* parameters, gradients and two moments */
    size_t activations; /* everything else of a step */
} el_step_memory;
electra_status el_step_memory_of(el_step_memory *out, const el_pretrain_config *config, const el_step_limits *limits,
                                 size_t element_size, electra_error *err);

typedef struct el_step el_step;

/* be is borrowed and must outlive the step; its workspace is reserved here, so one backend serves one step at a time.
 * All blocks start at zero. ELECTRA_INVALID if the configuration makes no sense, ELECTRA_MISUSE if a limit is 0 or
 * longer than the position table, ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_step_create(el_step **out, el_backend *be, const el_pretrain_config *config,
                              const el_step_settings *settings, const el_step_limits *limits, electra_error *err);
void el_step_free(el_step *step); /* accepts NULL */

/* Starting values (electra.md 1.3); moments to zero. */
electra_status el_step_initialise(el_step *step, uint64_t seed, electra_error *err);

const el_params *el_step_params(const el_step *step);
const el_network *el_step_network(const el_step *step, el_owner role); /* generator or discriminator */
el_backend *el_step_backend(const el_step *step);

/* Its blocks; a checkpoint is made of them. */
el_learner *el_step_learner(el_step *step);
/* One of them. The gradient is complete between the last add and finish. */
el_weights el_step_block(const el_step *step, el_block block);

typedef struct el_step_result {
    double generator_loss;     /* mean over slots */
    double discriminator_loss; /* mean over tokens */
    double loss;               /* weighted sum of both */
    double gradient_norm;      /* before clipping */
    size_t n_tokens, n_slots;  /* of the whole batch */
    size_t n_replaced;         /* tokens whose label is 1 */
    bool applied;              /* false: a loss or the norm was not finite; parameters and moments are as they were */
} el_step_result;

/* Start step `number` (0, 1, ...): gradients to zero. n_tokens, n_slots: sums over the whole batch, all its
 * micro-batches (and machines) together. */
void el_step_begin(el_step *step, uint64_t number, size_t n_tokens, size_t n_slots);

/* One micro-batch, within the limits. Its arrays are only read, during the call. A batch without slots trains the
 * discriminator alone. */
void el_step_add(el_step *step, const el_batch *batch);

/* The same with the generator's samples given and not drawn; sampled: [M] in the backend's memory. For tests. */
void el_step_add_given(el_step *step, const el_batch *batch, const uint32_t *sampled);

/* Clip and update with this learning rate, unless something is not finite. Bias correction counts `number` + 1
 * updates. */
void el_step_finish(el_step *step, double rate, el_step_result *result);

/* begin, add for each of `n` micro-batches, finish. */
void el_step_run(el_step *step, uint64_t number, const el_batch *batches, size_t n, double rate,
                 el_step_result *result);

/* ---- evaluation -----------------------------------------------------------------------------------------------------
 */

/* Sums over any number of batches; zero it first. */
typedef struct el_evaluation {
    size_t n_slots;
    size_t n_best_right;    /* slots whose likeliest token is the right one */
    size_t n_sampled_right; /* slots whose drawn token is the right one */
    double slot_loss;       /* sum; perplexity is exp(slot_loss / n_slots) */
    size_t n_tokens;
    size_t n_replaced;
    double token_loss; /* sum */
} el_evaluation;

/* Forward only, dropout off. key names the samples (el_rng_key(seed, EL_RNG_HELDOUT, 0, 1) and layout.sequence counted
 * over all held-out sequences make them the same each time). logits, labels: [T] host memory for this batch's verdicts
 * and truth, or NULL: what AUC, precision and recall are computed from. Not between begin and finish. */
void el_step_evaluate(el_step *step, const el_batch *batch, uint64_t key, el_evaluation *sums, float *logits,
                      uint32_t *labels);

#endif
