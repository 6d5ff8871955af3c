/* Case types head and bert: a model with the head of a task on one batch. head: logits, loss and every gradient; bert:
 * every hidden state, what the pooler makes of [CLS], and logits. */
#include <stdio.h>

#include "golden/task.h"

enum { NAME_BYTES = 192 };

/* A column of the logits of all tokens. */
static void compare_column(golden_task *t, const char *name, size_t column)
{
    const el_tensor logits = t->task.head.logits;
    t->be->ops->download_f32(t->be, t->numbers, logits.data, logits.rows * logits.cols);
    for (size_t i = 0; i < logits.rows; i++) {
        t->numbers[i] = t->numbers[i * logits.cols + column];
    }
    golden_compare_packed(t->c, name, t->numbers, 1, t->lengths, t->n_sequences, t->width);
}

static void compare_logits(golden_task *t)
{
    switch (t->network.head_config.kind) {
    case EL_HEAD_SPANS:
        compare_column(t, "start_logits", 0);
        compare_column(t, "end_logits", 1);
        break;
    case EL_HEAD_TAGGER: golden_task_compare_tokens(t, "logits", t->task.head.logits); break;
    default: golden_task_compare(t, "logits", t->task.head.logits); break;
    }
}

void golden_run_head(golden_case *c, el_pool *pool)
{
    golden_task t;
    if (!golden_task_open(&t, c, pool, 0, true) || !golden_task_lay_out(&t, 0, true)) {
        golden_problem(c, "the case cannot be set up");
    } else {
        const float loss = (float)golden_task_run(&t, true);
        compare_logits(&t);
        golden_compare(c, "loss", &loss, 1);
        for (size_t i = 0; i < t.params.count; i++) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, "gradient.%s", t.params.list[i].name);
            golden_task_compare(&t, name, el_weights_at(golden_task_gradient(&t), i));
        }
    }
    golden_task_close(&t);
}

void golden_run_bert(golden_case *c, el_pool *pool)
{
    golden_task t;
    if (!golden_task_open(&t, c, pool, 0, false) || !golden_task_lay_out(&t, 0, false)) {
        golden_problem(c, "the case cannot be set up");
    } else {
        golden_task_run(&t, false);
        golden_task_compare_tokens(&t, "hidden.0", t.task.encoder.entry);
        for (size_t i = 0; i < t.network.config.n_layers; i++) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, "hidden.%zu", i + 1);
            golden_task_compare_tokens(&t, name, t.task.encoder.layers[i].out);
        }
        golden_task_compare(&t, "pooled", t.task.head.inner);
        compare_logits(&t);
    }
    golden_task_close(&t);
}
