/* Owns the search for spans and the merging of answers of one text. */
#include "infer/spans.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/chars.h"
#include "text/utf8.h"

/* ---- spans of a window ------------------------------------------------------------------------------------------- */

void el_spans_softmax(double *x, size_t n)
{
    double most = x[0];
    for (size_t i = 1; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = exp(x[i] - most);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++) {
        x[i] /= sum;
    }
}

void el_spans_best(el_best *best, const double *start, const double *end, size_t n, size_t max_answer)
{
    for (size_t s = 0; s < n; s++) {
        if (!(start[s] > 0)) {
            continue;
        }
        const size_t beyond = max_answer < n - s ? s + max_answer : n;
        for (size_t e = s; e < beyond; e++) {
            if (end[e] > 0) {
                el_best_offer(best, start[s] * end[e], s * n + e);
            }
        }
    }
}

/* ---- texts without case ------------------------------------------------------------------------------------------ */

/* A text, read in lower case. */
typedef struct lower_reader {
    const uint8_t *p, *end;
    uint32_t pending; /* second character of the last lower case; 0: none */
} lower_reader;

static lower_reader read_lower(electra_text text)
{
    const uint8_t *p = (const uint8_t *)text.text;
    return (lower_reader){p, p + text.bytes, 0};
}

/* The next character; UINT32_MAX at the end. */
static uint32_t next_lower(lower_reader *r)
{
    if (r->pending) {
        const uint32_t c = r->pending;
        r->pending = 0;
        return c;
    }
    if (r->p >= r->end) {
        return UINT32_MAX;
    }
    const uint32_t c = el_utf8_next(&r->p, r->end);
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    }
    uint32_t lower[2];
    r->pending = el_char_lower(c, lower) == 2 ? lower[1] : 0;
    return lower[0];
}

/* FNV-1a over the characters. */
static uint64_t hash_lower(electra_text text)
{
    uint64_t hash = 0xCBF29CE484222325;
    lower_reader r = read_lower(text);
    for (uint32_t c = next_lower(&r); c != UINT32_MAX; c = next_lower(&r)) {
        hash = (hash ^ c) * 0x100000001B3;
    }
    return hash ^ hash >> 32;
}

static bool equal_lower(electra_text a, electra_text b)
{
    lower_reader x = read_lower(a);
    lower_reader y = read_lower(b);
    for (;;) {
        const uint32_t c = next_lower(&x);
        if (c != next_lower(&y)) {
            return false;
        }
        if (c == UINT32_MAX) {
            return true;
        }
    }
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

electra_status el_spans_create(el_spans **out, electra_error *err)
{
    *out = el_alloc(1, sizeof **out);
    return *out ? ELECTRA_OK : el_fail_memory(err, "answers", sizeof **out);
}

void el_spans_free(el_spans *a)
{
    if (!a) {
        return;
    }
    el_free(a->answers.items);
    el_free(a->slots.items);
    el_free(a->ranked.items);
    el_free(a);
}

void el_spans_begin(el_spans *a)
{
    a->answers.n = 0;
    if (a->slots.n) {
        memset(a->slots.items, 0, a->slots.n * sizeof(uint32_t));
    }
}

/* The slot of a text: where its answer is, or where it would go. */
static uint32_t *find_slot(const el_spans *a, electra_text text, uint64_t hash)
{
    uint32_t *slots = a->slots.items;
    const el_span_answer *answers = a->answers.items;
    const size_t mask = a->slots.n - 1;
    size_t i = (size_t)hash & mask;
    while (slots[i] && (answers[slots[i] - 1].hash != hash || !equal_lower(answers[slots[i] - 1].text, text))) {
        i = (i + 1) & mask;
    }
    return &slots[i];
}

/* Twice as many slots, a power of two, filled anew. */
static electra_status grow_slots(el_spans *a, electra_error *err)
{
    enum { FIRST_SLOTS = 256 };
    const size_t n = a->slots.n ? 2 * a->slots.n : FIRST_SLOTS;
    if (!el_growing_room(&a->slots, n - a->slots.n, sizeof(uint32_t), "the answers to a question", err)) {
        return ELECTRA_NO_RESOURCE;
    }
    a->slots.n = n;
    memset(a->slots.items, 0, n * sizeof(uint32_t));
    const el_span_answer *answers = a->answers.items;
    for (size_t i = 0; i < a->answers.n; i++) {
        *find_slot(a, answers[i].text, answers[i].hash) = (uint32_t)i + 1;
    }
    return ELECTRA_OK;
}

electra_status el_spans_add(el_spans *a, double score, electra_span span, electra_text text, electra_error *err)
{
    if (2 * (a->answers.n + 1) > a->slots.n) {
        EL_TRY(grow_slots(a, err));
    }
    const uint64_t hash = hash_lower(text);
    uint32_t *slot = find_slot(a, text, hash);
    if (*slot) {
        ((el_span_answer *)a->answers.items)[*slot - 1].score += score;
        return ELECTRA_OK;
    }
    el_span_answer *answer = el_growing_room(&a->answers, 1, sizeof *answer, "the answers to a question", err);
    if (!answer) {
        return ELECTRA_NO_RESOURCE;
    }
    *answer = (el_span_answer){score, span, text, hash};
    *slot = (uint32_t)++a->answers.n;
    return ELECTRA_OK;
}

electra_status el_spans_rank(el_spans *a, size_t top_k, size_t *n, electra_error *err)
{
    *n = a->answers.n < top_k ? a->answers.n : top_k;
    a->ranked.n = 0;
    el_best best = {.items = el_growing_room(&a->ranked, *n, sizeof *best.items, "the answers to a question", err),
                    .most = *n};
    if (!best.items) {
        return ELECTRA_NO_RESOURCE;
    }
    const el_span_answer *answers = a->answers.items;
    for (size_t i = 0; i < a->answers.n; i++) {
        el_best_offer(&best, answers[i].score, i);
    }
    el_best_sort(&best);
    return ELECTRA_OK;
}
