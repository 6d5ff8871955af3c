/* A network with a task's head on one micro-batch: forward, losses, backward. What el_objective is for pre-training;
 * fine-tuning is made of it.
 *
 *     el_task task;
 *     EL_TRY(el_task_init(&task, &network, err));
 *     el_task_plan(&task, tokens, sequences, true, &plan);            // counts, or cuts from the plan's arena
 *     loss += el_task_run(&task, theta, gradient, &pass, &targets, 1.0 / n_parts_of_the_batch);
 *     el_task_clear(&task); */
#ifndef EL_MODEL_TASK_H
#define EL_MODEL_TASK_H

#include "model/heads.h"

typedef struct el_task {
    const el_network *network;
    el_encoder_tape encoder;
    el_encoder_scratch encoder_scratch;
    el_head_tape head; /* its logits are the answer of the last run */
    el_head_scratch head_scratch;
} el_task;

/* Room for the tape's list of layers. The network is borrowed. ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_task_init(el_task *task, const el_network *network, electra_error *err);
void el_task_clear(el_task *task); /* accepts a zeroed one */

/* Cut everything from the plan's arena for T tokens in B sequences; train: with what backward passes need. */
void el_task_plan(el_task *task, size_t tokens, size_t sequences, bool train, el_plan *plan);

/* Forward, then backward: adds the gradient of scale * sum of the parts' losses to the block `gradient`. Returns the
 * sum of the parts' losses (heads.h), not scaled. With gradient.data NULL forward alone, and with targets NULL no
 * losses either (0). */
double el_task_run(el_task *task, el_weights theta, el_weights gradient, const el_pass *pass,
                   const el_head_targets *targets, double scale);

/* Forward alone and the search for answers, with EL_HEAD_JOINT_QA: out: [B], host memory. */
void el_task_answers(el_task *task, el_weights theta, const el_pass *pass, el_joint_qa_room *room,
                     el_joint_answers *out);

#endif
