/* Owns the published rules for answers to questions. */
#include "infer/nbest.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "infer/best.h"

el_nbest_rules el_nbest_rules_default(void)
{
    return (el_nbest_rules){.beam = EL_QA_BEAM, .n_best = EL_NBEST_MOST, .max_answer = 30};
}

/* ---- which window answers for a piece ------------------------------------------------------------------------------
 */

/* A hundred times the rule's score: whole numbers tie exactly. 0: the piece is not there. */
static uint64_t context_around(el_window_place w, uint32_t piece)
{
    if (piece < w.first || piece - w.first >= w.n) {
        return 0;
    }
    const uint64_t left = piece - w.first;
    const uint64_t right = w.n - 1 - left;
    return 100 * (left < right ? left : right) + w.n;
}

bool el_window_owns(const el_window_place *windows, size_t n_windows, size_t w, uint32_t piece)
{
    const uint64_t own = context_around(windows[w], piece);
    for (size_t i = 0; i < n_windows; i++) {
        const uint64_t other = context_around(windows[i], piece);
        if (other > own || (other == own && i < w)) {
            return false;
        }
    }
    return own > 0;
}

/* ---- a list of the best with distinct texts ------------------------------------------------------------------------
 */

typedef struct answer_list {
    el_candidate *items; /* [most] the first n are filled, best first */
    size_t n, most;
    electra_text text;
    const electra_span *spans;
} answer_list;

/* Marks that normalisation puts into another order may let a piece end before it starts. */
static electra_span span_of(const answer_list *list, const el_candidate *c)
{
    const uint32_t start = list->spans[c->from].start;
    const uint32_t end = list->spans[c->to].end;
    return (electra_span){start, end > start ? end : start};
}

static bool same_text(const answer_list *list, const el_candidate *a, const el_candidate *b)
{
    const electra_span x = span_of(list, a), y = span_of(list, b);
    const size_t bytes = x.end - x.start;
    return bytes == y.end - y.start && memcmp(list->text.text + x.start, list->text.text + y.start, bytes) == 0;
}

/* Insert `c` in front of those that it goes before, and take the worse one of the same text, or else the last, out. */
static void offer(answer_list *list, const el_candidate *c, bool (*before)(const el_candidate *, const el_candidate *))
{
    if (list->most == 0 || (list->n == list->most && !before(c, &list->items[list->n - 1]))) {
        return;
    }
    size_t at = 0;
    for (; at < list->n && !before(c, &list->items[at]); at++) {
        if (same_text(list, c, &list->items[at])) {
            return;
        }
    }
    size_t out = at;
    while (out < list->n && !same_text(list, c, &list->items[out])) {
        out++;
    }
    if (out == list->n && list->n < list->most) {
        list->n++;
    } else if (out == list->n) {
        out--;
    }
    memmove(&list->items[at + 1], &list->items[at], (out - at) * sizeof *list->items);
    list->items[at] = *c;
}

static bool before_in_window(const el_candidate *a, const el_candidate *b)
{
    if (a->score != b->score) {
        return a->score > b->score;
    }
    return a->from != b->from ? a->from < b->from : a->to < b->to;
}

/* Windows come in their order, so what is there already goes first. */
static bool before_in_question(const el_candidate *a, const el_candidate *b)
{
    return a->score > b->score;
}

/* ---- a window ------------------------------------------------------------------------------------------------------
 */

static answer_list begin_window(el_window_best *out, const el_nbest_rules *rules, const el_window_view *view)
{
    assert(rules->n_best <= EL_NBEST_MOST && rules->beam <= EL_QA_BEAM);
    memset(out, 0, sizeof *out);
    return (answer_list){.items = out->list, .most = rules->n_best, .text = view->text, .spans = view->spans};
}

/* The piece of the context at a token of the window; false: the token is none. */
static bool piece_at(const el_window_view *view, size_t token, uint32_t *piece)
{
    const el_window_place place = view->windows[view->w];
    *piece = (uint32_t)(place.first + token - view->context);
    return token >= view->context && token - view->context < place.n;
}

static bool starts_here(const el_window_view *view, size_t token, uint32_t *piece)
{
    return piece_at(view, token, piece) && el_window_owns(view->windows, view->n_windows, view->w, *piece);
}

/* A pair of places, if it makes an answer. from: where starts_here. */
static void offer_pair(answer_list *list, const el_nbest_rules *rules, const el_window_view *view, uint32_t from,
                       size_t end, double score)
{
    uint32_t to;
    if (piece_at(view, end, &to) && to >= from && to - from < rules->max_answer && isfinite(score)) {
        offer(list, &(el_candidate){score, from, to}, before_in_window);
    }
}

/* The best of the window's pieces of the context by one column of logits. */
static el_best best_places(el_ranked *room, const el_nbest_rules *rules, const el_window_view *view,
                           const float *logits)
{
    el_best best = {.items = room, .most = rules->beam};
    for (size_t i = 0; i < view->windows[view->w].n; i++) {
        const size_t token = view->context + i;
        if (isfinite(logits[2 * token])) {
            el_best_offer(&best, (double)logits[2 * token], token);
        }
    }
    el_best_sort(&best);
    return best;
}

void el_nbest_spans(el_window_best *out, const el_nbest_rules *rules, const el_window_view *view, const float *logits)
{
    answer_list list = begin_window(out, rules, view);
    el_ranked start_room[EL_QA_BEAM], end_room[EL_QA_BEAM];
    const el_best starts = best_places(start_room, rules, view, logits);
    const el_best ends = best_places(end_room, rules, view, logits + 1);
    for (size_t s = 0; s < starts.n; s++) {
        uint32_t from;
        if (!starts_here(view, starts.items[s].item, &from)) {
            continue;
        }
        for (size_t e = 0; e < ends.n; e++) {
            offer_pair(&list, rules, view, from, ends.items[e].item, starts.items[s].score + ends.items[e].score);
        }
    }
    out->n = list.n;
    out->none = (double)logits[0] + (double)logits[1];
}

void el_nbest_joint(el_window_best *out, const el_nbest_rules *rules, const el_window_view *view,
                    const el_joint_answers *answers)
{
    answer_list list = begin_window(out, rules, view);
    const size_t beam = answers->n < rules->beam ? answers->n : rules->beam;
    for (size_t s = 0; s < beam; s++) {
        uint32_t from;
        if (!starts_here(view, answers->start[s], &from)) {
            continue;
        }
        for (size_t e = 0; e < beam; e++) {
            const double score = (double)answers->start_score[s] + (double)answers->end_score[s][e];
            offer_pair(&list, rules, view, from, answers->end[s][e], score);
        }
    }
    out->n = list.n;
    out->none = (double)answers->impossible;
}

/* ---- a question ----------------------------------------------------------------------------------------------------
 */

static void find_probabilities(el_question_best *q)
{
    double sum = 0;
    for (size_t i = 0; i < q->n; i++) {
        q->answers[i].probability = exp(q->answers[i].score - q->answers[0].score);
        sum += q->answers[i].probability;
    }
    for (size_t i = 0; i < q->n; i++) {
        q->answers[i].probability /= sum;
    }
}

void el_nbest_join(el_question_best *out, const el_nbest_rules *rules, const el_window_best *windows, size_t n_windows,
                   bool joint, electra_text text, const electra_span *spans)
{
    assert(rules->n_best <= EL_NBEST_MOST && n_windows > 0);
    memset(out, 0, sizeof *out);
    el_candidate room[EL_NBEST_MOST];
    answer_list list = {.items = room, .most = rules->n_best, .text = text, .spans = spans};
    out->score_null = windows[0].none;
    for (size_t w = 0; w < n_windows; w++) {
        out->score_null = windows[w].none < out->score_null ? windows[w].none : out->score_null;
        for (size_t i = 0; i < windows[w].n; i++) {
            offer(&list, &windows[w].list[i], before_in_question);
        }
    }
    out->n = list.n;
    for (size_t i = 0; i < list.n; i++) {
        const electra_span span = span_of(&list, &room[i]);
        out->answers[i] = (el_ranked_answer){
            .text = {text.text + span.start, span.end - span.start}, .span = span, .score = room[i].score};
    }
    find_probabilities(out);
    const double best = out->n ? out->answers[0].score : 0;
    out->null_odds = joint ? out->score_null : out->score_null - best;
}
