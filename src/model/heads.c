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
    case EL_HEAD_DISCRIMINATOR: break;
    }
    return (head_parts){0, 0, EL_ACT_LINEAR};
}

/* true if [CLS] passes through more than its last layer. */
static bool has_inner(const el_network *network)
{
    return network->dense != EL_NO_PARAM || parts_of(network).activation != EL_ACT_LINEAR;
}

size_t el_head_rows(const el_network *network, const el_layout *layout)
{
    return el_head_reads_first(network->head_config.kind) ? layout->n_sequences : layout->n_tokens;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void el_head_plan(el_head_tape *tape, const el_network *network, size_t tokens, size_t sequences, bool keep,
                  el_plan *plan)
{
    const bool first = el_head_reads_first(network->head_config.kind);
    const size_t rows = first ? sequences : tokens, h = network->config.hidden_size;
    tape->input = first || keep ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->pre = network->dense != EL_NO_PARAM && keep ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->inner = has_inner(network) ? el_plan_tensor(plan, rows, h) : EL_ABSENT;
    tape->logits = el_plan_tensor(plan, rows, el_head_outputs(&network->head_config));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

void el_head_fwd(const el_network *network, el_weights theta, el_head_tape *tape, el_tensor hidden, const el_pass *pass)
{
    assert(el_head_outputs(&network->head_config) > 0);
    el_backend *be = theta.be;
    const head_parts parts = parts_of(network);
    el_tensor x = hidden;
    if (el_head_reads_first(network->head_config.kind)) {
        be->ops->gather_rows(be, tape->input, hidden, pass->layout->starts);
        x = tape->input;
    }
    if (network->dense != EL_NO_PARAM) {
        be->ops->linear_fwd(be, tape->inner, x, el_weights_at(theta, network->dense + EL_P_DENSE_W),
                            el_weights_at(theta, network->dense + EL_P_DENSE_B), parts.activation, tape->pre);
        x = tape->inner;
    } else if (has_inner(network)) {
        be->ops->act_fwd(be, tape->inner, x, parts.activation);
        x = tape->inner;
    }
    be->ops->linear_fwd(be, tape->logits, x, el_weights_at(theta, network->head + EL_P_OUTPUT_W),
                        el_weights_at(theta, network->head + EL_P_OUTPUT_B), EL_ACT_LINEAR, EL_ABSENT);
}
