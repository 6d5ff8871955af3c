/* Owns the order of work within a micro-batch of a task. */
#include "model/task.h"

#include "base/mem.h"
#include "base/status.h"

electra_status el_task_init(el_task *task, const el_network *network, electra_error *err)
{
    *task = (el_task){.network = network};
    const size_t n = network->config.n_layers;
    task->encoder.layers = el_alloc(n, sizeof *task->encoder.layers);
    return task->encoder.layers ? ELECTRA_OK
                                : el_fail_memory(err, "the list of layers", n * sizeof *task->encoder.layers);
}

void el_task_clear(el_task *task)
{
    el_free(task->encoder.layers);
    *task = (el_task){0};
}

void el_task_plan(el_task *task, size_t tokens, size_t sequences, bool train, el_plan *plan)
{
    el_arena_reset(&plan->arena, 0);
    el_encoder_plan(&task->encoder, task->network, tokens, train, plan);
    el_head_plan(&task->head, task->network, tokens, sequences, train, plan);
    if (train) {
        el_head_scratch_plan(&task->head_scratch, task->network, tokens, sequences, plan);
        el_encoder_scratch_plan(&task->encoder_scratch, task->network, tokens, plan);
    }
}

double el_task_run(el_task *task, el_weights theta, el_weights gradient, const el_pass *pass,
                   const el_head_targets *targets, double scale)
{
    const el_network *network = task->network;
    const el_tensor hidden = el_encoder_fwd(network, theta, &task->encoder, pass);
    el_head_fwd(network, theta, &task->head, hidden, pass);
    if (!targets) {
        return 0;
    }
    if (targets->kind == EL_LOSS_ANSWERS) {
        el_joint_qa_ends(network, theta, &task->head.joint, hidden, targets->answers.rows, pass);
    }
    const double sum = el_head_loss_share(targets->kind) *
                       theta.be->ops->sum(theta.be, el_head_losses(theta.be, &task->head, targets, pass->layout));
    if (gradient.data) {
        el_head_bwd(network, theta, gradient, &task->head, task->encoder_scratch.d, hidden, targets, scale, pass,
                    &task->head_scratch);
        el_encoder_bwd(network, theta, gradient, &task->encoder, pass, &task->encoder_scratch);
    }
    return sum;
}

void el_task_answers(el_task *task, el_weights theta, const el_pass *pass, el_joint_qa_room *room,
                     el_joint_answers *out)
{
    const el_tensor hidden = el_encoder_fwd(task->network, theta, &task->encoder, pass);
    el_head_fwd(task->network, theta, &task->head, hidden, pass);
    el_joint_qa_answers(task->network, theta, &task->head.joint, hidden, pass, room, out);
}
