/* Owns what is kept of each window until its question is answered. */
#include "tasks/qa_decode.h"

#include "base/mem.h"
#include "base/status.h"

struct el_qa_results {
    const el_qa_set *set;
    el_nbest_rules rules;
    bool joint;
    el_window_place *places; /* [n_windows] of the set's windows */
    el_window_best *windows; /* [n_windows] */
};

static electra_status check(const el_nbest_rules *rules, electra_error *err)
{
    if (rules->beam == 0 || rules->beam > EL_QA_BEAM || rules->n_best == 0 || rules->n_best > EL_NBEST_MOST ||
        rules->max_answer == 0) {
        return el_fail(err, ELECTRA_MISUSE, "answers",
                       "a beam of %zu, %zu answers of up to %zu pieces: the first two are from 1 to %d, the last at "
                       "least 1",
                       rules->beam, rules->n_best, rules->max_answer, EL_QA_BEAM);
    }
    return ELECTRA_OK;
}

electra_status el_qa_results_create(el_qa_results **out, const el_qa_set *set, const el_nbest_rules *rules, bool joint,
                                    electra_error *err)
{
    *out = NULL;
    const el_nbest_rules usual = el_nbest_rules_default();
    rules = rules ? rules : &usual;
    EL_TRY(check(rules, err));
    el_qa_results *r = el_alloc(1, sizeof *r);
    if (!r) {
        return el_fail_memory(err, "answers", sizeof *r);
    }
    r->set = set;
    r->rules = *rules;
    r->joint = joint;
    r->places = el_alloc(set->n_windows, sizeof *r->places);
    r->windows = el_alloc(set->n_windows, sizeof *r->windows);
    if (!r->places || !r->windows) {
        el_qa_results_free(r);
        return el_fail_memory(err, "answers", set->n_windows * sizeof *r->windows);
    }
    for (size_t w = 0; w < set->n_windows; w++) {
        r->places[w] = set->windows[w].place;
    }
    *out = r;
    return ELECTRA_OK;
}

void el_qa_results_free(el_qa_results *r)
{
    if (!r) {
        return;
    }
    el_free(r->places);
    el_free(r->windows);
    el_free(r);
}

static el_window_view view_of(const el_qa_results *r, size_t window)
{
    const el_qa_question *q = &r->set->questions[r->set->windows[window].question];
    const el_qa_context *context = &r->set->contexts[q->context];
    return (el_window_view){.windows = r->places + q->first_window,
                            .n_windows = q->n_windows,
                            .w = window - q->first_window,
                            .context = q->n + 2,
                            .text = context->text,
                            .spans = r->set->context_spans + context->first};
}

void el_qa_take_spans(el_qa_results *r, size_t window, const float *logits)
{
    const el_window_view view = view_of(r, window);
    el_nbest_spans(&r->windows[window], &r->rules, &view, logits);
}

void el_qa_take_joint(el_qa_results *r, size_t window, const el_joint_answers *answers)
{
    const el_window_view view = view_of(r, window);
    el_nbest_joint(&r->windows[window], &r->rules, &view, answers);
}

void el_qa_answer(const el_qa_results *r, size_t question, el_question_best *out)
{
    const el_qa_question *q = &r->set->questions[question];
    const el_qa_context *context = &r->set->contexts[q->context];
    el_nbest_join(out, &r->rules, r->windows + q->first_window, q->n_windows, r->joint, context->text,
                  r->set->context_spans + context->first);
}

electra_text el_qa_final(const el_question_best *best, double threshold)
{
    static const electra_text NOTHING = {"", 0};
    return best->n == 0 || best->null_odds > threshold ? NOTHING : best->answers[0].text;
}
