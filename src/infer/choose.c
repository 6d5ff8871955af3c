/* Multiple choice: each choice with its prompt is one sequence with one logit; a softmax over those of a prompt. */
#include <math.h>

#include "base/status.h"
#include "infer/session.h"

static void take(electra_session *s, const el_window *window, size_t slot, const float *logits)
{
    (void)slot;
    el_session_keep(s, window, 1, logits);
}

static const el_task TASK = {el_session_forward_classes, EL_ROWS_SEQUENCE, take};

static electra_status add_prompt(electra_session *s, const electra_choices *prompt, electra_error *err)
{
    const size_t before = s->n_truncated;
    for (size_t i = 0; i < prompt->n; i++) {
        const electra_text choice = prompt->choices[i];
        const el_encode_request request = {.first = prompt->prompt,
                                           .second = {choice.bytes ? choice.text : "", choice.bytes},
                                           .max_length = s->longest};
        electra_encoding encoding;
        EL_TRY(el_session_encode(s, &request, &encoding, err));
        EL_TRY(el_session_add(s, &encoding, 1, false, err));
    }
    s->n_truncated = before + (s->n_truncated > before); /* prompts are counted, not choices */
    return ELECTRA_OK;
}

/* The choices of one prompt, best first, from their logits. */
static void rank(electra_session *s, const float *logits, electra_choice *out, size_t n)
{
    el_best best = {.items = s->ranked.items, .most = n};
    for (size_t i = 0; i < n; i++) {
        el_best_offer(&best, (double)logits[i], i);
    }
    el_best_sort(&best);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp(best.items[i].score - best.items[0].score);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (electra_choice){best.items[i].item, (float)(exp(best.items[i].score - best.items[0].score) / sum)};
    }
}

static electra_status answer(electra_session *s, const electra_choices *prompts, size_t n, electra_chosen *out,
                             electra_error *err)
{
    size_t all = 0;
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        all += prompts[i].n;
        most = prompts[i].n > most ? prompts[i].n : most;
    }
    electra_choice *results = el_growing_room(&s->results, all, sizeof *results, "the choices of a call", err);
    if (!results || !el_growing_room(&s->ranked, most, sizeof(el_ranked), "the choices of a call", err)) {
        return ELECTRA_NO_RESOURCE;
    }
    const float *logits = s->values.items;
    for (size_t i = 0; i < n; i++) {
        rank(s, logits, results, prompts[i].n);
        out[i] = (electra_chosen){prompts[i].n, results};
        logits += prompts[i].n;
        results += prompts[i].n;
    }
    return ELECTRA_OK;
}

electra_status electra_session_choose(electra_session *session, const electra_choices *prompts, size_t n,
                                      electra_chosen *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (prompts && out), "electra_session_choose", err));
    EL_TRY(el_session_check_kind(session, ELECTRA_MODEL_CHOICE, "choosing among answers", err));
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        if (prompts[i].n == 0 || !prompts[i].choices) {
            return el_fail(err, ELECTRA_MISUSE, "choices", "prompt %zu of %zu has no choices", i + 1, n);
        }
        EL_TRY(add_prompt(session, &prompts[i], err));
    }
    EL_TRY(el_session_compute(session, &TASK, err));
    return answer(session, prompts, n, out, err);
}
