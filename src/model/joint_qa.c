/* Owns the published head for questions, forward, backward and its search. */
#include "model/joint_qa.h"

#include <assert.h>
#include <math.h>

#include "base/mem.h"
#include "base/status.h"

static el_tensor at(const el_network *network, el_weights weights, size_t row)
{
    return el_weights_at(weights, network->head + row);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void el_joint_qa_plan(el_joint_qa_tape *tape, const el_network *network, size_t tokens, size_t sequences, el_plan *plan)
{
    const size_t h = network->config.hidden_size, inner = network->head_config.inner;
    tape->start = el_plan_tensor(plan, tokens, 1);
    tape->token = el_plan_tensor(plan, tokens, inner);
    tape->inner = el_plan_tensor(plan, tokens, inner);
    tape->from_hidden = el_plan_tensor(plan, sequences, h);
    tape->from = el_plan_tensor(plan, sequences, inner);
    tape->end = el_plan_tensor(plan, tokens, 1);
    tape->p = el_plan_tensor(plan, tokens, 1);
    tape->first = el_plan_tensor(plan, sequences, h);
    tape->feature = el_plan_tensor(plan, sequences, h);
    tape->doubt_pre = el_plan_tensor(plan, sequences, inner);
    tape->doubt = el_plan_tensor(plan, sequences, inner);
    tape->impossible = el_plan_tensor(plan, sequences, 1);
    tape->loss = el_plan_tensor(plan, 3 * sequences, 1);
    tape->rows = el_plan_indices(plan, sequences);
}

void el_joint_qa_scratch_plan(el_joint_qa_scratch *scratch, const el_network *network, size_t tokens, size_t sequences,
                              el_plan *plan)
{
    const size_t h = network->config.hidden_size, inner = network->head_config.inner;
    scratch->dstart = el_plan_tensor(plan, tokens, 1);
    scratch->dend = el_plan_tensor(plan, tokens, 1);
    scratch->dinner = el_plan_tensor(plan, tokens, inner);
    scratch->dfrom = el_plan_tensor(plan, sequences, inner);
    scratch->dfrom_hidden = el_plan_tensor(plan, sequences, h);
    scratch->dimpossible = el_plan_tensor(plan, sequences, 1);
    scratch->ddoubt = el_plan_tensor(plan, sequences, inner);
    scratch->dfirst = el_plan_tensor(plan, sequences, h);
    scratch->dfeature = el_plan_tensor(plan, sequences, h);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static void impossible_fwd(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                           const el_pass *pass)
{
    el_backend *be = theta.be;
    be->ops->gather_rows(be, tape->first, hidden, pass->layout->starts);
    be->ops->softmax_pool_fwd(be, tape->feature, tape->p, hidden, tape->start, pass->layout);
    be->ops->linear_fwd(be, tape->doubt_pre, tape->first, at(network, theta, EL_P_QA_DOUBT_FIRST_W),
                        at(network, theta, EL_P_QA_DOUBT_B), EL_ACT_LINEAR, EL_ABSENT);
    be->ops->linear_fwd(be, tape->doubt, tape->feature, at(network, theta, EL_P_QA_DOUBT_FEATURE_W), EL_ABSENT,
                        EL_ACT_LINEAR, EL_ABSENT);
    be->ops->add(be, tape->doubt_pre, tape->doubt);
    be->ops->act_fwd(be, tape->doubt, tape->doubt_pre, EL_ACT_GELU);
    be->ops->linear_fwd(be, tape->impossible, tape->doubt, at(network, theta, EL_P_QA_DOUBT_OUTPUT_W),
                        at(network, theta, EL_P_QA_DOUBT_OUTPUT_B), EL_ACT_LINEAR, EL_ABSENT);
}

void el_joint_qa_fwd(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                     const el_pass *pass)
{
    el_backend *be = theta.be;
    be->ops->linear_fwd(be, tape->start, hidden, at(network, theta, EL_P_QA_START_W),
                        at(network, theta, EL_P_QA_START_B), EL_ACT_LINEAR, EL_ABSENT);
    be->ops->answer_mask(be, tape->start, pass->types, pass->layout);
    be->ops->linear_fwd(be, tape->token, hidden, at(network, theta, EL_P_QA_END_TOKEN_W), EL_ABSENT, EL_ACT_LINEAR,
                        EL_ABSENT);
    impossible_fwd(network, theta, tape, hidden, pass);
}

/* pre: W_t h_t, to which the start's share is added; inner may be the same memory. */
static void ends_fwd(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor pre,
                     el_tensor hidden, const uint32_t *rows, const el_pass *pass)
{
    el_backend *be = theta.be;
    be->ops->gather_rows(be, tape->from_hidden, hidden, rows);
    be->ops->linear_fwd(be, tape->from, tape->from_hidden, at(network, theta, EL_P_QA_END_START_W),
                        at(network, theta, EL_P_QA_END_B), EL_ACT_LINEAR, EL_ABSENT);
    be->ops->spread_add(be, pre, tape->from, pass->layout);
    be->ops->act_fwd(be, tape->inner, pre, EL_ACT_GELU);
    be->ops->linear_fwd(be, tape->end, tape->inner, at(network, theta, EL_P_QA_END_OUTPUT_W),
                        at(network, theta, EL_P_QA_END_OUTPUT_B), EL_ACT_LINEAR, EL_ABSENT);
    be->ops->answer_mask(be, tape->end, pass->types, pass->layout);
}

void el_joint_qa_ends(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                      const uint32_t *rows, const el_pass *pass)
{
    ends_fwd(network, theta, tape, tape->token, hidden, rows, pass);
}

el_tensor el_joint_qa_losses(el_backend *be, el_joint_qa_tape *tape, const el_joint_qa_targets *targets,
                             const el_layout *layout)
{
    const size_t n = layout->n_sequences;
    const el_tensor start = el_tensor_rows(be, tape->loss, 0, n), end = el_tensor_rows(be, tape->loss, n, n);
    be->ops->softmax_loss_fwd(be, start, tape->start, layout->starts, targets->start);
    be->ops->softmax_loss_fwd(be, end, tape->end, layout->starts, targets->end);
    be->ops->binary_loss_fwd(be, el_tensor_rows(be, tape->loss, 2 * n, n), tape->impossible, targets->impossible);
    return tape->loss;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* scratch->dend -> dhidden, written. */
static void ends_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_joint_qa_tape *tape,
                     el_tensor dhidden, el_tensor hidden, const el_joint_qa_targets *targets, const el_pass *pass,
                     el_joint_qa_scratch *scratch)
{
    el_backend *be = theta.be;
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_END_OUTPUT_W),
                                at(network, gradient, EL_P_QA_END_OUTPUT_B), scratch->dend, tape->inner);
    be->ops->linear_bwd_input(be, scratch->dinner, scratch->dend, at(network, theta, EL_P_QA_END_OUTPUT_W), false,
                              EL_ACT_GELU, tape->token);
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_END_TOKEN_W), EL_ABSENT, scratch->dinner, hidden);
    be->ops->linear_bwd_input(be, dhidden, scratch->dinner, at(network, theta, EL_P_QA_END_TOKEN_W), false,
                              EL_ACT_LINEAR, EL_ABSENT);
    be->ops->spread_bwd(be, scratch->dfrom, scratch->dinner, pass->layout);
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_END_START_W), at(network, gradient, EL_P_QA_END_B),
                                scratch->dfrom, tape->from_hidden);
    be->ops->linear_bwd_input(be, scratch->dfrom_hidden, scratch->dfrom, at(network, theta, EL_P_QA_END_START_W), false,
                              EL_ACT_LINEAR, EL_ABSENT);
    be->ops->scatter_add_rows(be, dhidden, scratch->dfrom_hidden, targets->rows);
}

/* scratch->dimpossible -> dhidden and dstart, added to. */
static void impossible_bwd(const el_network *network, el_weights theta, el_weights gradient,
                           const el_joint_qa_tape *tape, el_tensor dhidden, el_tensor hidden, const el_pass *pass,
                           el_joint_qa_scratch *scratch)
{
    el_backend *be = theta.be;
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_DOUBT_OUTPUT_W),
                                at(network, gradient, EL_P_QA_DOUBT_OUTPUT_B), scratch->dimpossible, tape->doubt);
    be->ops->linear_bwd_input(be, scratch->ddoubt, scratch->dimpossible, at(network, theta, EL_P_QA_DOUBT_OUTPUT_W),
                              false, EL_ACT_GELU, tape->doubt_pre);
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_DOUBT_FIRST_W),
                                at(network, gradient, EL_P_QA_DOUBT_B), scratch->ddoubt, tape->first);
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_DOUBT_FEATURE_W), EL_ABSENT, scratch->ddoubt,
                                tape->feature);
    be->ops->linear_bwd_input(be, scratch->dfirst, scratch->ddoubt, at(network, theta, EL_P_QA_DOUBT_FIRST_W), false,
                              EL_ACT_LINEAR, EL_ABSENT);
    be->ops->linear_bwd_input(be, scratch->dfeature, scratch->ddoubt, at(network, theta, EL_P_QA_DOUBT_FEATURE_W),
                              false, EL_ACT_LINEAR, EL_ABSENT);
    be->ops->scatter_add_rows(be, dhidden, scratch->dfirst, pass->layout->starts);
    be->ops->softmax_pool_bwd(be, dhidden, scratch->dstart, scratch->dfeature, hidden, tape->p, tape->feature,
                              pass->layout);
}

void el_joint_qa_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_joint_qa_tape *tape,
                     el_tensor dhidden, el_tensor hidden, const el_joint_qa_targets *targets, double scale,
                     const el_pass *pass, el_joint_qa_scratch *scratch)
{
    el_backend *be = theta.be;
    const el_layout *layout = pass->layout;
    const double share = EL_QA_LOSS_SHARE * scale;
    be->ops->softmax_loss_bwd(be, scratch->dstart, tape->start, layout->starts, targets->start, layout->n_sequences,
                              share);
    be->ops->softmax_loss_bwd(be, scratch->dend, tape->end, layout->starts, targets->end, layout->n_sequences, share);
    be->ops->binary_loss_bwd(be, scratch->dimpossible, tape->impossible, targets->impossible, share);
    ends_bwd(network, theta, gradient, tape, dhidden, hidden, targets, pass, scratch);
    impossible_bwd(network, theta, gradient, tape, dhidden, hidden, pass, scratch);
    be->ops->linear_bwd_weights(be, at(network, gradient, EL_P_QA_START_W), at(network, gradient, EL_P_QA_START_B),
                                scratch->dstart, hidden);
    be->ops->linear_bwd_input(be, dhidden, scratch->dstart, at(network, theta, EL_P_QA_START_W), true, EL_ACT_LINEAR,
                              EL_ABSENT);
}

/* ---- prediction -------------------------------------------------------------------------------------------------- */

electra_status el_joint_qa_room_make(el_joint_qa_room *room, size_t tokens, size_t sequences, electra_error *err)
{
    room->logits = el_alloc(tokens, sizeof *room->logits);
    room->starts = el_alloc(sequences + 1, sizeof *room->starts);
    room->rows = el_alloc(sequences, sizeof *room->rows);
    if (!room->logits || !room->starts || !room->rows) {
        el_joint_qa_room_clear(room);
        return el_fail_memory(err, "the search for answers", tokens * sizeof *room->logits);
    }
    return ELECTRA_OK;
}

void el_joint_qa_room_clear(el_joint_qa_room *room)
{
    el_free(room->logits);
    el_free(room->starts);
    el_free(room->rows);
    *room = (el_joint_qa_room){0};
}

/* The `most` largest of n logits as log-probabilities, largest first, of equal ones the earlier. */
static void find_likeliest(uint32_t *places, float *scores, size_t most, const float *logits, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (found == most && !(logits[i] > logits[places[most - 1]])) {
            continue;
        }
        size_t k = found < most ? found++ : most - 1;
        for (; k > 0 && logits[i] > logits[places[k - 1]]; k--) {
            places[k] = places[k - 1];
        }
        places[k] = (uint32_t)i;
    }
    const double largest = (double)logits[places[0]];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - largest);
    }
    for (size_t k = 0; k < found; k++) {
        scores[k] = (float)((double)logits[places[k]] - largest - log(sum));
    }
}

static size_t length_of(const el_joint_qa_room *room, size_t s)
{
    return room->starts[s + 1] - room->starts[s];
}

static void take_starts(el_backend *be, const el_joint_qa_tape *tape, const el_layout *layout, el_joint_qa_room *room,
                        el_joint_answers *out)
{
    const size_t n = layout->n_sequences;
    be->ops->download_bytes(be, room->starts, layout->starts, (n + 1) * sizeof *room->starts);
    be->ops->download_f32(be, room->logits, tape->impossible.data, n);
    for (size_t s = 0; s < n; s++) {
        out[s].impossible = room->logits[s];
        out[s].n = length_of(room, s) < EL_QA_BEAM ? length_of(room, s) : EL_QA_BEAM;
    }
    be->ops->download_f32(be, room->logits, tape->start.data, layout->n_tokens);
    for (size_t s = 0; s < n; s++) {
        find_likeliest(out[s].start, out[s].start_score, out[s].n, room->logits + room->starts[s], length_of(room, s));
    }
}

void el_joint_qa_answers(const el_network *network, el_weights theta, el_joint_qa_tape *tape, el_tensor hidden,
                         const el_pass *pass, el_joint_qa_room *room, el_joint_answers *out)
{
    el_backend *be = theta.be;
    const el_layout *layout = pass->layout;
    take_starts(be, tape, layout, room, out);
    for (size_t k = 0; k < EL_QA_BEAM && k < layout->longest; k++) { /* the k-th start of every sequence at a time */
        for (size_t s = 0; s < layout->n_sequences; s++) {
            room->rows[s] = room->starts[s] + (k < out[s].n ? out[s].start[k] : 0);
        }
        be->ops->upload_bytes(be, tape->rows, room->rows, layout->n_sequences * sizeof *room->rows);
        be->ops->copy(be, tape->inner, tape->token);
        ends_fwd(network, theta, tape, tape->inner, hidden, tape->rows, pass);
        be->ops->download_f32(be, room->logits, tape->end.data, layout->n_tokens);
        for (size_t s = 0; s < layout->n_sequences; s++) {
            if (k < out[s].n) {
                find_likeliest(out[s].end[k], out[s].end_score[k], out[s].n, room->logits + room->starts[s],
                               length_of(room, s));
            }
        }
    }
}
