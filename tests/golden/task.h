/* What case types with a task's head share: a model directory, batches of one or many steps, what their logits are
 * compared with, and one run of a step. */
#ifndef GOLDEN_TASK_H
#define GOLDEN_TASK_H

#include "data/batch.h"
#include "golden/case.h"
#include "interop/model_dir.h"
#include "model/task.h"

typedef struct golden_task {
    golden_case *c;
    el_backend *be;
    el_model_dir *dir;
    el_params params;
    el_network network;
    void *theta, *gradient;
    el_task task;
    el_plan plan;
    float *numbers; /* room for the largest tensor that is compared */
    /* batches as stored: [n_steps, B, S] and [n_steps, B] */
    size_t n_steps, n_sequences, width;
    uint32_t *ids, *types, *mask, *lengths;
    /* targets as stored: [n_steps, n_stored] of one of them */
    size_t n_stored;
    uint32_t *stored_labels;
    float *stored_numbers;
    /* the step that was laid out */
    size_t step;
    el_pack *pack;
    const el_batch *batch;
    el_head_targets targets;
    size_t n_parts;
    uint32_t *host;      /* [n_stored] */
    void *target_memory; /* of the backend: the labels or numbers of a step */
    uint32_t *questions; /* likewise: starts of the questions */
} golden_task;

/* Open the model of a case and its batches, which have a leading axis of n_steps unless n_steps is 0 (one batch). With
 * targets if the case has any. false with a problem noted; golden_task_close in any case. */
bool golden_task_open(golden_task *t, golden_case *c, el_pool *pool, size_t n_steps, bool with_targets);
void golden_task_close(golden_task *t);

/* The stored weights, once more. */
bool golden_task_load_weights(golden_task *t);

/* Lay out the batch and the targets of a step. */
bool golden_task_lay_out(golden_task *t, size_t step, bool with_targets);

/* Forward and, with targets, the loss (a mean over its parts) and its gradient, added to the gradient block. */
double golden_task_run(golden_task *t, bool with_targets);

el_weights golden_task_theta(const golden_task *t);
el_weights golden_task_gradient(const golden_task *t);

/* Compare a whole tensor; the rows of a packed batch with padded ones. */
void golden_task_compare(golden_task *t, const char *name, el_tensor x);
void golden_task_compare_tokens(golden_task *t, const char *name, el_tensor x);

#endif
