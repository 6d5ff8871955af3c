/* Replaced-token detection: texts -> windows -> one probability a token.
 *
 * A text that does not fit is covered by windows that overlap by half. Of two windows that hold a token the one in
 * which it stands farther from the edges decides, so the border lies in the middle of their overlap. */
#include <math.h>

#include "base/status.h"
#include "infer/session.h"

static el_tensor forward(electra_session *s, const el_batch *batch)
{
    return el_predictor_replaced(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids,
                                 batch->types);
}

/* Hand the window's numbers to the tokens that it decides. */
static void take(electra_session *s, const el_window *w, size_t slot, const float *logits)
{
    (void)slot;
    electra_token_score *scores = (electra_token_score *)s->results.items + w->result;
    const float *logit = logits + 1 + w->skip;
    for (size_t i = 0; i < w->decides; i++) {
        scores[i].score = (float)(1 / (1 + exp(-(double)logit[i])));
    }
}

static const el_task TASK = {forward, EL_ROWS_TOKENS, take};

/* A window over the tokens begin ... end-1 of a text of which it decides from ... to-1. first: the result of the text's
 * first token. */
static electra_status add_window(electra_session *s, const electra_window *text, size_t first, size_t begin, size_t end,
                                 size_t from, size_t to, electra_error *err)
{
    el_window *window = el_session_add_range(s, text, begin, end, err);
    if (!window) {
        return ELECTRA_NO_RESOURCE;
    }
    window->result = first + from;
    window->skip = from - begin;
    window->decides = to - from;
    return ELECTRA_OK;
}

static electra_status add_windows(electra_session *s, const electra_window *text, size_t first, electra_error *err)
{
    const size_t n = text->n - 2;
    const size_t room = s->longest - 2;
    if (n <= room) {
        return add_window(s, text, first, 0, n, 0, n, err);
    }
    const size_t step = room - room / 2;
    size_t decided = 0;
    for (size_t begin = 0; decided < n; begin += step) {
        begin = begin < n - room ? begin : n - room; /* the last window is as long as the others */
        const size_t end = begin + room;
        const size_t next = begin + step < n - room ? begin + step : n - room;
        const size_t to = end == n ? n : (next + end) / 2;
        EL_TRY(add_window(s, text, first, begin, end, decided, to, err));
        decided = to;
    }
    return ELECTRA_OK;
}

/* Results for all tokens between [CLS] and [SEP], scores to come. */
static electra_status list_tokens(electra_session *s, const electra_window *text, electra_error *err)
{
    const electra_tokenizer *tokenizer = electra_model_tokenizer(s->model);
    const size_t n = text->n - 2;
    electra_token_score *scores = el_growing_room(&s->results, n, sizeof *scores, "the tokens of a text", err);
    if (!scores) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t id = text->ids[i + 1];
        scores[i] = (electra_token_score){
            .id = id, .span = text->offsets[i + 1], .token = electra_tokenizer_token(tokenizer, id)};
    }
    s->results.n += n;
    return ELECTRA_OK;
}

static electra_status add_text(electra_session *s, const electra_text *text, size_t *n, electra_error *err)
{
    electra_encoding encoding;
    EL_TRY(el_session_encode(s, &(el_encode_request){.first = *text, .max_length = s->truncate ? s->longest : 0},
                             &encoding, err));
    const size_t first = s->results.n;
    EL_TRY(list_tokens(s, &encoding.windows[0], err));
    *n = s->results.n - first;
    return *n ? add_windows(s, &encoding.windows[0], first, err) : ELECTRA_OK;
}

electra_status electra_session_detect(electra_session *session, const electra_text *texts, size_t n,
                                      electra_detection *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (texts && out), "electra_session_detect", err));
    EL_TRY(el_session_check_kind(session, ELECTRA_MODEL_DISCRIMINATOR, "finding replaced tokens", err));
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        EL_TRY(add_text(session, &texts[i], &out[i].n, err));
    }
    EL_TRY(el_session_compute(session, &TASK, err));
    const electra_token_score *scores = session->results.items; /* only now does the array stay where it is */
    for (size_t i = 0; i < n; i++) {
        out[i].tokens = scores;
        scores = out[i].n ? scores + out[i].n : scores;
    }
    return ELECTRA_OK;
}
