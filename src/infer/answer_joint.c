/* Questions answered by the published head (model/joint_qa.h) and the published rules (nbest.h): windows -> likely
 * starts and ends -> answers. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "infer/answer.h"
#include "infer/nbest.h"
#include "text/utf8.h"

enum { MOST_QUESTION = 64, STEP = 128 /* tokens from window to window */ };

static void take(electra_session *s, const el_window *window, size_t slot, const float *logit)
{
    (void)slot;
    (void)logit; /* of "impossible", which stands beside the places */
    ((el_joint_answers *)s->found.items)[window->result] = s->joint[s->n_joint++];
}

static const el_task TASK = {el_session_forward_joint, EL_ROWS_SEQUENCE, take};

/* ---- windows --------------------------------------------------------------------------------------------------- */

/* The question's first tokens. */
static electra_status cut_question(electra_session *s, electra_text *question, size_t max_length, electra_error *err)
{
    const size_t most = el_question_pieces(MOST_QUESTION, max_length);
    electra_encoding alone;
    EL_TRY(el_session_encode(s, &(el_encode_request){.first = *question}, &alone, err));
    if (alone.windows[0].n - 2 > most) {
        const uint32_t end = alone.windows[0].offsets[most].end; /* behind [CLS] */
        EL_TRY(el_slices_begin(&s->slices, *question, err));
        *question = el_slice(&s->slices, (electra_span){0, end});
    }
    return ELECTRA_OK;
}

static electra_status add_question(electra_session *s, const electra_question *asked, size_t number,
                                   const electra_answer_options *o, electra_error *err)
{
    electra_question q = *asked;
    size_t room = 0;
    EL_TRY(cut_question(s, &q.question, o->max_length, err));
    EL_TRY(el_answer_room(s, &q, number, o->max_length, &room, err));
    const size_t stride = o->stride ? o->stride : room > STEP ? room - STEP : 0;
    electra_encoding encoding;
    EL_TRY(el_answer_encode(s, &q, o->max_length, stride, &encoding, err));
    const size_t first = s->windows.n;
    EL_TRY(el_session_add(s, &encoding, 0, false, err));
    const size_t n = s->windows.n - first;
    if (!el_growing_room(&s->found, n, sizeof(el_joint_answers), "the answers of windows", err)) {
        return ELECTRA_NO_RESOURCE;
    }
    el_window *windows = (el_window *)s->windows.items + first;
    for (size_t w = 0; w < n; w++) {
        windows[w].result = s->found.n++;
        windows[w].before = w * (room - stride);
    }
    return ELECTRA_OK;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Token of a window that is its first of the context (its last [SEP] if there is none), and how many there are. */
static size_t find_context(const electra_session *s, const el_window *window, size_t *n)
{
    size_t t = 0;
    while (t + 1 < window->n && !el_answer_is_context(s, window, t)) {
        t++;
    }
    *n = window->n - 1 - t;
    return t;
}

/* Tokens of a word that a piece of the context is part of: all of it. */
static void widen(electra_span *pieces, const uint32_t *words, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        pieces[i].start = words[i] == words[i - 1] ? pieces[i - 1].start : pieces[i].start;
    }
    for (size_t i = n; i-- > 1;) {
        pieces[i - 1].end = words[i - 1] == words[i] ? pieces[i].end : pieces[i - 1].end;
    }
}

/* The tokens of the whole context as bytes of it, and where each window stands among them. */
static electra_status list_pieces(electra_session *s, const el_part *part, bool align, electra_error *err)
{
    static const char WHAT[] = "the tokens of a context";
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    const size_t most = windows[part->n - 1].before + windows[part->n - 1].n;
    s->places.n = s->bests.n = s->pieces.n = s->piece_words.n = 0;
    el_window_place *places = el_growing_room(&s->places, part->n, sizeof *places, WHAT, err);
    electra_span *pieces = places ? el_growing_room(&s->pieces, most, sizeof *pieces, WHAT, err) : NULL;
    uint32_t *words = pieces ? el_growing_room(&s->piece_words, most, sizeof *words, WHAT, err) : NULL;
    if (!words || !el_growing_room(&s->bests, part->n, sizeof(el_window_best), WHAT, err)) {
        return ELECTRA_NO_RESOURCE;
    }
    size_t n = 0, total = 0;
    for (size_t w = 0; w < part->n; w++) {
        const size_t at = windows[w].first + find_context(s, &windows[w], &n);
        places[w] = (el_window_place){(uint32_t)windows[w].before, (uint32_t)n};
        memcpy(pieces + windows[w].before, (const electra_span *)s->spans.items + at, n * sizeof *pieces);
        memcpy(words + windows[w].before, (const uint32_t *)s->words.items + at, n * sizeof *words);
        total = windows[w].before + n;
    }
    if (align) {
        widen(pieces, words, total);
    }
    for (size_t i = 0; i < total; i++) {
        const electra_text text = el_slice(&s->slices, pieces[i]);
        pieces[i].start = (uint32_t)(text.text - s->slices.text.text);
        pieces[i].end = pieces[i].start + (uint32_t)text.bytes;
    }
    return ELECTRA_OK;
}

static void decode(electra_session *s, const el_part *part, const el_nbest_rules *rules, el_question_best *out)
{
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    el_window_best *bests = s->bests.items;
    for (size_t w = 0; w < part->n; w++) {
        size_t n;
        const el_window_view view = {.windows = s->places.items,
                                     .n_windows = part->n,
                                     .w = w,
                                     .context = find_context(s, &windows[w], &n),
                                     .text = s->slices.text,
                                     .spans = s->pieces.items};
        el_nbest_joint(&bests[w], rules, &view, (const el_joint_answers *)s->found.items + windows[w].result);
    }
    el_nbest_join(out, rules, bests, part->n, true, s->slices.text, s->pieces.items);
}

/* Best first; "no answer" before all others if its odds exceed the threshold, otherwise behind the best one where its
 * probability puts it. */
static size_t list_answers(const electra_session *s, const el_question_best *best, const electra_answer_options *o,
                           electra_answer *out)
{
    const uint8_t *text = (const uint8_t *)s->slices.text.text;
    const double none = o->allow_none ? 1 / (1 + exp(-best->null_odds)) : 0;
    const bool first = best->n == 0 || best->null_odds > o->null_threshold;
    bool listed = !o->allow_none;
    size_t n = 0;
    for (size_t i = 0; i <= best->n && n < o->top_k; i++) {
        const double score = i < best->n ? (1 - none) * best->answers[i].probability : -1;
        if (!listed && (i == 0 ? first : none > score)) {
            out[n++] = (electra_answer){(float)none, {0, 0}, {s->slices.text.text, 0}};
            listed = true;
        }
        if (i < best->n && n < o->top_k) {
            const electra_span bytes = best->answers[i].span;
            const uint32_t start = (uint32_t)el_utf8_count(text, text + bytes.start);
            const uint32_t length = (uint32_t)el_utf8_count(text + bytes.start, text + bytes.end);
            out[n++] = (electra_answer){(float)score, {start, start + length}, best->answers[i].text};
        }
    }
    return n;
}

static electra_status answer_question(electra_session *s, const el_part *part, const electra_question *q,
                                      const electra_answer_options *o, electra_answers *out, electra_error *err)
{
    el_nbest_rules rules = el_nbest_rules_default();
    rules.max_answer = o->max_answer;
    el_question_best best;
    EL_TRY(el_slices_begin(&s->slices, q->context, err));
    EL_TRY(list_pieces(s, part, o->align_to_words, err));
    decode(s, part, &rules, &best);
    electra_answer *results =
        el_growing_room(&s->results, EL_NBEST_MOST + 1, sizeof *results, "the answers of a call", err);
    if (!results) {
        return ELECTRA_NO_RESOURCE;
    }
    *out = (electra_answers){.n = list_answers(s, &best, o, results), .windows = part->n};
    s->results.n += out->n;
    return ELECTRA_OK;
}

electra_status el_answer_jointly(electra_session *s, const electra_question *questions, size_t n,
                                 const electra_answer_options *o, electra_answers *out, electra_error *err)
{
    el_session_begin(s);
    for (size_t i = 0; i < n; i++) {
        EL_TRY(add_question(s, &questions[i], i, o, err));
    }
    EL_TRY(el_session_compute(s, &TASK, err));
    const el_part *parts = s->parts.items;
    for (size_t i = 0; i < n; i++) {
        EL_TRY(answer_question(s, &parts[i], &questions[i], o, &out[i], err));
    }
    el_answer_hand_out(s, out, n);
    return ELECTRA_OK;
}
