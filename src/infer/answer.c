/* Questions answered from a context: windows -> start and end probabilities -> spans -> answers (spans.h). Models with
 * the published head go on in answer_joint.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "infer/answer.h"
#include "infer/spans.h"

enum {
    PAIR_SPECIALS = 3,
    MOST_DEFAULT_LENGTH = 384,
    MOST_DEFAULT_STRIDE = 128,
    FURTHER_SPANS = 10,
    MOST_EXPONENT = 700
};

electra_answer_options electra_answer_options_default(void)
{
    return (electra_answer_options){.struct_size = sizeof(electra_answer_options),
                                    .top_k = 1,
                                    .max_answer = 15,
                                    .align_to_words = true,
                                    .null_threshold = (double)NAN};
}

/* Start and end logits of a window's tokens. */
static void take(electra_session *s, const el_window *window, size_t slot, const float *logits)
{
    (void)slot;
    el_session_keep(s, window, 2 * window->n, logits);
}

static const el_task TASK = {el_session_forward_tags, EL_ROWS_TOKENS, take};

static bool is_joint(const electra_session *s)
{
    return electra_model_kind_of(s->model) == ELECTRA_MODEL_JOINT_QA;
}

/* ---- windows --------------------------------------------------------------------------------------------------- */

electra_status el_answer_encode(electra_session *s, const electra_question *q, size_t max_length, size_t stride,
                                electra_encoding *out, electra_error *err)
{
    const el_encode_request request = {.first = q->question,
                                       .second = {q->context.bytes ? q->context.text : "", q->context.bytes},
                                       .max_length = max_length,
                                       .truncation = ELECTRA_ONLY_SECOND,
                                       .windows = true,
                                       .stride = stride};
    return el_session_encode(s, &request, out, err);
}

electra_status el_answer_room(electra_session *s, const electra_question *q, size_t number, size_t max_length,
                              size_t *room, electra_error *err)
{
    electra_encoding alone;
    EL_TRY(el_session_encode(s, &(el_encode_request){.first = q->question}, &alone, err));
    const size_t question = alone.windows[0].n - 2;
    if (question + PAIR_SPECIALS >= max_length) {
        char where[64];
        (void)snprintf(where, sizeof where, "question %zu", number + 1);
        return el_fail(err, ELECTRA_INVALID, where,
                       "the question has %zu tokens, which leaves no room for its context in a window of %zu; ask "
                       "something shorter",
                       question, max_length);
    }
    *room = max_length - PAIR_SPECIALS - question;
    return ELECTRA_OK;
}

static electra_status add_question(electra_session *s, const electra_question *q, size_t number,
                                   const electra_answer_options *o, electra_error *err)
{
    size_t room = 0;
    EL_TRY(el_answer_room(s, q, number, o->max_length, &room, err));
    size_t stride = o->stride;
    if (!stride) {
        stride = o->max_length / 2 < MOST_DEFAULT_STRIDE ? o->max_length / 2 : MOST_DEFAULT_STRIDE;
        stride = stride < room ? stride : room / 2;
    }
    electra_encoding encoding;
    EL_TRY(el_answer_encode(s, q, o->max_length, stride, &encoding, err));
    return el_session_add(s, &encoding, 2, true, err);
}

/* ---- one window -> spans --------------------------------------------------------------------------------------- */

bool el_answer_is_context(const electra_session *s, const el_window *window, size_t t)
{
    return ((const uint32_t *)s->types.items)[window->first + t] == 1 &&
           ((const uint32_t *)s->words.items)[window->first + t] != ELECTRA_NO_WORD;
}

/* Probabilities over the context and every [CLS], wherever it comes from (formats.md 7.4). Answers are looked for in
 * the context only: a [CLS] typed in the question takes its share of the probability, but is no place for an answer. */
static void find_probabilities(electra_session *s, const el_window *window)
{
    const uint32_t cls = electra_tokenizer_specials(electra_model_tokenizer(s->model)).cls;
    const float *logits = (const float *)s->values.items + window->result;
    const uint32_t *ids = (const uint32_t *)s->ids.items + window->first;
    for (size_t t = 0; t < window->n; t++) {
        const bool counts = el_answer_is_context(s, window, t) || ids[t] == cls;
        s->start[t] = counts ? (double)logits[2 * t] : EL_SPANS_NOWHERE;
        s->end[t] = counts ? (double)logits[2 * t + 1] : EL_SPANS_NOWHERE;
    }
    el_spans_softmax(s->start, window->n);
    el_spans_softmax(s->end, window->n);
}

/* From the first to the last token of the words of tokens `from` and `to`, as far as they lie in this window. */
static electra_span widen(const electra_session *s, const el_window *window, size_t from, size_t to)
{
    const uint32_t *words = (const uint32_t *)s->words.items + window->first;
    const electra_span *spans = (const electra_span *)s->spans.items + window->first;
    while (from > 0 && el_answer_is_context(s, window, from - 1) && words[from - 1] == words[from]) {
        from--;
    }
    while (to + 1 < window->n && el_answer_is_context(s, window, to + 1) && words[to + 1] == words[to]) {
        to++;
    }
    return (electra_span){spans[from].start, spans[to].end};
}

static electra_status add_spans(electra_session *s, const el_window *window, const electra_answer_options *o,
                                double *none, electra_error *err)
{
    find_probabilities(s, window);
    *none = s->start[0] * s->end[0] < *none ? s->start[0] * s->end[0] : *none;
    for (size_t t = 0; t < window->n; t++) {
        if (!el_answer_is_context(s, window, t)) {
            s->start[t] = s->end[t] = 0;
        }
    }
    size_t most = o->align_to_words ? 2 * o->top_k + FURTHER_SPANS : o->top_k;
    most = most < window->n * window->n ? most : window->n * window->n;
    s->ranked.n = 0;
    el_best best = {.items = el_growing_room(&s->ranked, most, sizeof(el_ranked), "the spans of a window", err),
                    .most = most};
    if (!best.items) {
        return ELECTRA_NO_RESOURCE;
    }
    el_spans_best(&best, s->start, s->end, window->n, o->max_answer);
    el_best_sort(&best);
    const electra_span *spans = (const electra_span *)s->spans.items + window->first;
    for (size_t i = 0; i < best.n; i++) {
        const size_t from = best.items[i].item / window->n;
        const size_t to = best.items[i].item % window->n;
        const electra_span span =
            o->align_to_words ? widen(s, window, from, to) : (electra_span){spans[from].start, spans[to].end};
        EL_TRY(el_spans_add(s->answers, best.items[i].score, span, el_slice(&s->slices, span), err));
    }
    return ELECTRA_OK;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static electra_status answer_question(electra_session *s, const el_part *part, const electra_question *q,
                                      const electra_answer_options *o, electra_answers *out, electra_error *err)
{
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    EL_TRY(el_slices_begin(&s->slices, q->context, err));
    el_spans_begin(s->answers);
    double none = 1;
    for (size_t w = 0; w < part->n; w++) {
        EL_TRY(add_spans(s, &windows[w], o, &none, err));
    }
    if (o->allow_none) { /* the ratio of two products of probabilities is exp of the difference of their logits */
        const electra_text nothing = {s->slices.text.text, 0};
        EL_TRY(el_spans_add(s->answers, none * exp(fmin(-o->null_threshold, MOST_EXPONENT)), (electra_span){0, 0},
                            nothing, err));
    }
    size_t n;
    EL_TRY(el_spans_rank(s->answers, o->top_k, &n, err));
    electra_answer *results = el_growing_room(&s->results, n, sizeof *results, "the answers of a call", err);
    if (!results) {
        return ELECTRA_NO_RESOURCE;
    }
    const el_ranked *ranked = s->answers->ranked.items;
    const el_span_answer *answers = s->answers->answers.items;
    for (size_t i = 0; i < n; i++) {
        const el_span_answer *a = &answers[ranked[i].item];
        results[i] = (electra_answer){(float)(o->allow_none && !a->text.bytes ? none : a->score), a->span, a->text};
    }
    s->results.n += n;
    *out = (electra_answers){.n = n, .windows = part->n};
    return ELECTRA_OK;
}

static electra_status check(const electra_session *s, electra_answer_options *o, electra_error *err)
{
    if (!is_joint(s)) {
        EL_TRY(el_session_check_kind(s, ELECTRA_MODEL_SPANS, "answering questions", err));
    }
    if (o->top_k == 0 || o->max_answer == 0) {
        return el_fail(err, ELECTRA_MISUSE, o->top_k ? "max_answer" : "top_k", "must be at least 1");
    }
    if (isnan(o->null_threshold)) {
        o->null_threshold = electra_model_null_threshold(s->model);
    }
    const size_t most = s->longest < MOST_DEFAULT_LENGTH ? s->longest : MOST_DEFAULT_LENGTH;
    o->max_length = !o->max_length ? most : o->max_length < s->longest ? o->max_length : s->longest;
    o->top_k = o->top_k < SIZE_MAX / 4 ? o->top_k : SIZE_MAX / 4;
    return ELECTRA_OK;
}

void el_answer_hand_out(const electra_session *s, electra_answers *out, size_t n)
{
    const electra_answer *results = s->results.items;
    for (size_t i = 0; i < n; i++) {
        out[i].answers = results;
        results = out[i].n ? results + out[i].n : results;
    }
}

electra_status electra_session_answer(electra_session *session, const electra_question *questions, size_t n,
                                      const electra_answer_options *options, electra_answers *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (questions && out), "electra_session_answer", err));
    electra_answer_options o = electra_answer_options_default();
    el_options_take(&o, options, sizeof o);
    EL_TRY(check(session, &o, err));
    if (is_joint(session)) {
        return el_answer_jointly(session, questions, n, &o, out, err);
    }
    if (!session->answers) {
        EL_TRY(el_spans_create(&session->answers, err));
    }
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        EL_TRY(add_question(session, &questions[i], i, &o, err));
    }
    EL_TRY(el_session_compute(session, &TASK, err));
    const el_part *parts = session->parts.items;
    for (size_t i = 0; i < n; i++) {
        EL_TRY(answer_question(session, &parts[i], &questions[i], &o, &out[i], err));
    }
    el_answer_hand_out(session, out, n);
    return ELECTRA_OK;
}
