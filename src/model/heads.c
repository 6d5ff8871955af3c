/* Owns the heads of tasks, forward and backward. */
#include "model/heads.h"

#include <assert.h>

/* ---- which parts a head has ------------------------------------------------------------------------------------- */

typedef struct head_parts {
    double first_dropout, last_dropout;
    el_activation activation; /* of the dense layer */
} head_parts;

static head_parts parts_of(const el_network *network)
{
    const el_head_config *head = &network->head_config;
    const bool bert = network->config.family == EL_FAMILY_BERT;
    switch (head->kind) {
    case EL_HEAD_CLASSIFIER:
        return bert ? (head_parts){0, head->dropout, EL_ACT_TANH}
                    : (head_parts){head->dropout, head->dropout, EL_ACT_GELU};
    case EL_HEAD_CHOICE:
        return bert ? (head_parts){0, head->dropout, EL_ACT_TANH}
                    : (head_parts){head->summary_first_dropout, head->summary_last_dropout, head->summary_activation};
    case EL_HEAD_TAGGER: return (head_parts){head->dropout, 0, EL_ACT_LINEAR};
    case EL_HEAD_SPANS:
    case EL_HEAD_NONE:
    case EL_HEAD_MASKED_LM:
    case EL_HEAD_DISCRIMINATOR:
    case EL_HEAD_JOINT_QA: break;
    }
    return (head_parts){0, 0, EL_ACT_LINEAR};
}

static bool is_joint(const el_network *network)
{
    return network->head_config.kind == EL_HEAD_JOINT_QA;
}

static bool reads_first(const el_network *network)
{
    return el_head_reads_first(network->head_config.kind);
}

size_t el_head_rows(const el_network *network, const el_layout *layout)
{
    return reads_first(network) ? layout->n_sequences : layout->n_tokens;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void el_head_plan(el_head_tape *tape, const el_network *network, size_t tokens, size_t sequences, bool keep,
                  el_plan *plan)
{
    if (is_joint(network)) {
        el_joint_qa_plan(&tape->joint, network, tokens, sequences, plan);
        tape->logits = tape->joint.start;
        tape->loss = tape->joint.loss;
        return;
    }
    const bool first = reads_first(network);
    const size_t rows = first ? sequences : tokens, h = network->config.hidden_size;
    const size_t outputs = el_head_outputs(&network->head_config);
    tape->input = first || keep ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->pre = network->dense != EL_NO_PARAM && keep ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->inner = first ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->logits = el_plan_tensor(plan, rows, outputs);
    tape->loss = keep ? el_plan_tensor(plan, rows, outputs) : EL_ABSENT;
}

void el_head_scratch_plan(el_head_scratch *scratch, const el_network *network, size_t tokens, size_t sequences,
                          el_plan *plan)
{
    if (is_joint(network)) {
        el_joint_qa_scratch_plan(&scratch->joint, network, tokens, sequences, plan);
        return;
    }
    const bool first = reads_first(network);
    const size_t h = network->config.hidden_size;
    scratch->dlogits = el_plan_tensor(plan, first ? sequences : tokens, el_head_outputs(&network->head_config));
    scratch->dinner = first ? el_plan_tensor(plan, sequences, h) : EL_ABSENT;
    scratch->dgathered = first ? el_plan_tensor(plan, sequences, h) : EL_ABSENT;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* x = dropout(x) or, backwards, the gradient of that; rows of heads that read [CLS] are first tokens. */
static void drop(const el_network *network, el_backend *be, el_tensor y, el_tensor x, el_dropout_site site, double rate,
                 const el_pass *pass)
{
    const el_dropout dropout = el_dropout_keyed(network, pass, site, 0, rate);
    be->ops->dropout(be, y, x, &dropout, pass->layout, reads_first(network) ? pass->layout->starts : NULL);
}

/* u: what forward left, or the hidden states. */
static el_tensor head_input(const el_network *network, const el_head_tape *tape, el_tensor hidden, const el_pass *pass)
{
    const bool drops = pass->train && parts_of(network).first_dropout > 0;
    return reads_first(network) || drops ? tape->input : hidden;
}

void el_head_fwd(const el_network *network, el_weights theta, el_head_tape *tape, el_tensor hidden, const el_pass *pass)
{
    assert(el_head_outputs(&network->head_config) > 0);
    if (is_joint(network)) {
        el_joint_qa_fwd(network, theta, &tape->joint, hidden, pass);
        return;
    }
    el_backend *be = theta.be;
    const head_parts parts = parts_of(network);
    el_tensor x = head_input(network, tape, hidden, pass);
    if (reads_first(network)) {
        if (hidden.rows == pass->layout->n_tokens) {
            be->ops->gather_rows(be, x, hidden, pass->layout->starts);
        } else {
            assert(!pass->train && hidden.rows == pass->layout->n_sequences);
            x = hidden;
        }
        drop(network, be, x, x, EL_SITE_HEAD_INPUT, parts.first_dropout, pass);
        if (network->dense != EL_NO_PARAM) {
            be->ops->linear_fwd(be, tape->inner, x, el_weights_at(theta, network->dense + EL_P_DENSE_W),
                                el_weights_at(theta, network->dense + EL_P_DENSE_B), parts.activation, tape->pre);
        } else {
            be->ops->act_fwd(be, tape->inner, x, parts.activation);
        }
        x = tape->inner;
        drop(network, be, x, x, EL_SITE_HEAD_INNER, parts.last_dropout, pass);
    } else if (x.data != hidden.data) {
        drop(network, be, x, hidden, EL_SITE_HEAD_INPUT, parts.first_dropout, pass);
    }
    be->ops->linear_fwd(be, tape->logits, x, el_weights_at(theta, network->head + EL_P_OUTPUT_W),
                        el_weights_at(theta, network->head + EL_P_OUTPUT_B), EL_ACT_LINEAR, EL_ABSENT);
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Logits as the operators of a loss want them: one column, in which the classes of a row follow one another, where
 * those are what is compared. */
static el_tensor seen_by(const el_head_targets *targets, el_tensor logits)
{
    const bool columns = targets->kind == EL_LOSS_SPANS || targets->kind == EL_LOSS_NUMBERS;
    return columns ? logits : el_tensor_of(logits.data, logits.rows * logits.cols, 1);
}

/* Groups that a softmax runs over, and how many; *starts NULL if they are the rows. */
static size_t groups_of(const el_head_targets *targets, const el_layout *layout, size_t rows, const uint32_t **starts)
{
    switch (targets->kind) {
    case EL_LOSS_SPANS: *starts = layout->starts; return layout->n_sequences;
    case EL_LOSS_CHOICES: *starts = targets->questions; return targets->n_questions;
    case EL_LOSS_CLASSES:
    case EL_LOSS_LABELS:
    case EL_LOSS_NUMBERS:
    case EL_LOSS_ANSWERS: break;
    }
    *starts = NULL;
    return rows;
}

el_tensor el_head_losses(el_backend *be, el_head_tape *tape, const el_head_targets *targets, const el_layout *layout)
{
    if (targets->kind == EL_LOSS_ANSWERS) {
        return el_joint_qa_losses(be, &tape->joint, &targets->answers, layout);
    }
    const el_tensor logits = seen_by(targets, tape->logits);
    const uint32_t *starts;
    const size_t groups = groups_of(targets, layout, tape->logits.rows, &starts);
    el_tensor loss = el_tensor_of(tape->loss.data, logits.rows, logits.cols);
    switch (targets->kind) {
    case EL_LOSS_LABELS: be->ops->binary_loss_fwd(be, loss, logits, targets->labels); break;
    case EL_LOSS_NUMBERS: be->ops->squared_loss_fwd(be, loss, logits, targets->numbers); break;
    case EL_LOSS_CLASSES:
    case EL_LOSS_SPANS:
    case EL_LOSS_CHOICES:
        loss.rows = groups;
        be->ops->softmax_loss_fwd(be, loss, logits, starts, targets->labels);
        break;
    case EL_LOSS_ANSWERS: break;
    }
    return loss;
}

static void losses_bwd(el_backend *be, el_tensor dlogits, const el_head_tape *tape, const el_head_targets *targets,
                       const el_layout *layout, double scale)
{
    const el_tensor logits = seen_by(targets, tape->logits), d = seen_by(targets, dlogits);
    const uint32_t *starts;
    const size_t groups = groups_of(targets, layout, tape->logits.rows, &starts);
    switch (targets->kind) {
    case EL_LOSS_LABELS: be->ops->binary_loss_bwd(be, d, logits, targets->labels, scale); break;
    case EL_LOSS_NUMBERS: be->ops->squared_loss_bwd(be, d, logits, targets->numbers, scale); break;
    case EL_LOSS_CLASSES:
    case EL_LOSS_SPANS:
    case EL_LOSS_CHOICES: be->ops->softmax_loss_bwd(be, d, logits, starts, targets->labels, groups, scale); break;
    case EL_LOSS_ANSWERS: break;
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* scratch->dinner: gradient of v -> dhidden, through the dense layer and the gathering. */
static void first_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_head_tape *tape,
                      el_tensor dhidden, const el_pass *pass, el_head_scratch *scratch)
{
    el_backend *be = theta.be;
    const head_parts parts = parts_of(network);
    const el_tensor d = scratch->dinner;
    el_tensor dinput = d;
    drop(network, be, d, d, EL_SITE_HEAD_INNER, parts.last_dropout, pass);
    if (network->dense == EL_NO_PARAM) {
        be->ops->act_bwd(be, d, d, tape->input, parts.activation);
    } else {
        if (parts.activation != EL_ACT_LINEAR) {
            be->ops->act_bwd(be, d, d, tape->pre, parts.activation);
        }
        be->ops->linear_bwd_weights(be, el_weights_at(gradient, network->dense + EL_P_DENSE_W),
                                    el_weights_at(gradient, network->dense + EL_P_DENSE_B), d, tape->input);
        dinput = scratch->dgathered;
        be->ops->linear_bwd_input(be, dinput, d, el_weights_at(theta, network->dense + EL_P_DENSE_W), false,
                                  EL_ACT_LINEAR, EL_ABSENT);
    }
    drop(network, be, dinput, dinput, EL_SITE_HEAD_INPUT, parts.first_dropout, pass);
    be->ops->zero(be, dhidden);
    be->ops->scatter_add_rows(be, dhidden, dinput, pass->layout->starts);
}

void el_head_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_head_tape *tape,
                 el_tensor dhidden, el_tensor hidden, const el_head_targets *targets, double scale, const el_pass *pass,
                 el_head_scratch *scratch)
{
    if (targets->kind == EL_LOSS_ANSWERS) {
        el_joint_qa_bwd(network, theta, gradient, &tape->joint, dhidden, hidden, &targets->answers, scale, pass,
                        &scratch->joint);
        return;
    }
    el_backend *be = theta.be;
    const bool first = reads_first(network);
    const el_tensor w = el_weights_at(theta, network->head + EL_P_OUTPUT_W);
    losses_bwd(be, scratch->dlogits, tape, targets, pass->layout, scale);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, network->head + EL_P_OUTPUT_W),
                                el_weights_at(gradient, network->head + EL_P_OUTPUT_B), scratch->dlogits,
                                first ? tape->inner : head_input(network, tape, hidden, pass));
    const el_tensor d = first ? scratch->dinner : dhidden;
    be->ops->linear_bwd_input(be, d, scratch->dlogits, w, false, EL_ACT_LINEAR, EL_ABSENT);
    if (first) {
        first_bwd(network, theta, gradient, tape, dhidden, pass, scratch);
    } else {
        drop(network, be, d, d, EL_SITE_HEAD_INPUT, parts_of(network).first_dropout, pass);
    }
}
