/* Classes of texts and pairs: [CLS] -> logits -> scores -> ranking. */
#include <math.h>

#include "base/status.h"
#include "infer/session.h"

electra_classify_options electra_classify_options_default(void)
{
    return (electra_classify_options){.struct_size = sizeof(electra_classify_options)};
}

static void take(electra_session *s, const el_window *window, size_t slot, const float *logits)
{
    (void)slot;
    el_session_keep(s, window, s->labels, logits);
}

static const el_task TASK = {el_session_forward_classes, EL_ROWS_SEQUENCE, take};

/* formats.md 7.2. */
static electra_score_function choose_function(const electra_model *model)
{
    switch (electra_model_problem(model)) {
    case ELECTRA_PROBLEM_REGRESSION: return ELECTRA_SCORES_NONE;
    case ELECTRA_PROBLEM_MULTI_LABEL: return ELECTRA_SCORES_SIGMOID;
    default: return electra_model_label_count(model) == 1 ? ELECTRA_SCORES_SIGMOID : ELECTRA_SCORES_SOFTMAX;
    }
}

static double score_of(const float *logits, size_t n, size_t i, electra_score_function function)
{
    const double x = (double)logits[i];
    if (function == ELECTRA_SCORES_NONE) {
        return x;
    }
    if (function == ELECTRA_SCORES_SIGMOID) {
        return 1 / (1 + exp(-x));
    }
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        sum += exp((double)logits[k] - x);
    }
    return 1 / sum;
}

/* The k best labels by logit, which ranks as the scores do. */
static void rank(electra_session *s, const float *logits, electra_score_function function, electra_label_score *out,
                 size_t k)
{
    el_best best = {.items = s->ranked.items, .most = k};
    for (size_t i = 0; i < s->labels; i++) {
        el_best_offer(&best, (double)logits[i], i);
    }
    el_best_sort(&best);
    for (size_t i = 0; i < k; i++) {
        const size_t label = best.items[i].item;
        out[i] = (electra_label_score){.index = label,
                                       .label = electra_model_label(s->model, label),
                                       .score = (float)score_of(logits, s->labels, label, function)};
    }
}

static electra_status answer(electra_session *s, size_t n, const electra_classify_options *o,
                             electra_classification *out, electra_error *err)
{
    const size_t k = o->top_k && o->top_k < s->labels ? o->top_k : s->labels;
    const electra_score_function function =
        o->function == ELECTRA_SCORES_AUTO ? choose_function(s->model) : o->function;
    electra_label_score *results = el_growing_room(&s->results, n * k, sizeof *results, "the classes of texts", err);
    if (!results || !el_growing_room(&s->ranked, k, sizeof(el_ranked), "the classes of texts", err)) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < n; i++) {
        rank(s, (const float *)s->values.items + i * s->labels, function, results + i * k, k);
        out[i] = (electra_classification){k, results + i * k};
    }
    return ELECTRA_OK;
}

electra_status electra_session_classify(electra_session *session, const electra_text *texts, const electra_text *pairs,
                                        size_t n, const electra_classify_options *options, electra_classification *out,
                                        electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (texts && out), "electra_session_classify", err));
    electra_classify_options o = electra_classify_options_default();
    el_options_take(&o, options, sizeof o);
    EL_TRY(el_session_check_kind(session, ELECTRA_MODEL_CLASSIFIER, "classifying texts", err));
    if (o.function > ELECTRA_SCORES_NONE) {
        return el_fail(err, ELECTRA_MISUSE, "function", "there is no score function %d", (int)o.function);
    }
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        const bool is_pair = pairs && pairs[i].bytes;
        const el_encode_request request = {
            .first = texts[i], .second = is_pair ? pairs[i] : (electra_text){0}, .max_length = session->longest};
        electra_encoding encoding;
        EL_TRY(el_session_encode(session, &request, &encoding, err));
        EL_TRY(el_session_add(session, &encoding, session->labels, false, err));
    }
    EL_TRY(el_session_compute(session, &TASK, err));
    return answer(session, n, &o, out, err);
}
