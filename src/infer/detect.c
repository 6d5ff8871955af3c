/* Replaced-token detection: texts -> windows -> packs -> one probability a token.
 *
 * A text that does not fit is covered by windows that overlap by half. Of two windows that hold a token the one in
 * which it stands farther from the edges decides, so the border lies in the middle of their overlap. */
#include <assert.h>
#include <math.h>

#include "base/status.h"
#include "infer/session.h"

/* Compute the pack and hand each window's numbers to the tokens that it decides. */
static void compute(electra_session *s)
{
    if (s->n_pieces == 0) {
        return;
    }
    const el_batch *batch = el_pack_finish(s->pack);
    const el_tensor logits = el_predictor_replaced(s->predictor, el_model_weights(s->model, s->be), &batch->layout,
                                                   batch->ids, batch->types);
    s->be->ops->download_f32(s->be, s->numbers, logits.data, s->n_packed);
    electra_token_score *scores = s->scores.items;
    for (size_t p = 0; p < s->n_pieces; p++) {
        const el_piece *piece = &s->pieces[p];
        const float *logit = s->numbers + piece->place + 1 + piece->skip;
        for (size_t i = 0; i < piece->n; i++) {
            scores[piece->first + i].score = (float)(1 / (1 + exp(-(double)logit[i])));
        }
    }
    el_session_reset(s);
}

/* A window over the tokens begin ... end-1 of a text of which it decides from ... to-1. */
static void add_window(electra_session *s, const electra_window *text, size_t first, size_t begin, size_t end,
                       size_t from, size_t to)
{
    size_t place = s->n_packed;
    if (!el_session_add(s, text, begin, end, NULL, 0)) {
        compute(s);
        place = 0;
        const bool fits = el_session_add(s, text, begin, end, NULL, 0);
        assert(fits && "an empty pack holds any window");
        (void)fits;
    }
    s->pieces[s->n_pieces++] = (el_piece){.place = place, .first = first + from, .skip = from - begin, .n = to - from};
}

/* first: the result of the text's first token. */
static void add_text(electra_session *s, const electra_window *text, size_t first)
{
    const size_t n = text->n - 2;
    const size_t room = s->longest - 2;
    if (n <= room) {
        add_window(s, text, first, 0, n, 0, n);
        return;
    }
    const size_t step = room - room / 2;
    size_t decided = 0;
    for (size_t begin = 0; decided < n; begin += step) {
        begin = begin < n - room ? begin : n - room; /* the last window is as long as the others */
        const size_t end = begin + room;
        const size_t next = begin + step < n - room ? begin + step : n - room;
        const size_t to = end == n ? n : (next + end) / 2;
        add_window(s, text, first, begin, end, decided, to);
        decided = to;
    }
}

/* Results for all tokens between [CLS] and [SEP], scores to come. */
static electra_status list_tokens(electra_session *s, const electra_window *text, electra_error *err)
{
    const electra_tokenizer *tokenizer = electra_model_tokenizer(s->model);
    const size_t n = text->n - 2;
    electra_token_score *scores = el_growing_room(&s->scores, n, sizeof *scores, "the tokens of a text", err);
    if (!scores) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t id = text->ids[i + 1];
        scores[i] = (electra_token_score){
            .id = id, .span = text->offsets[i + 1], .token = electra_tokenizer_token(tokenizer, id)};
    }
    s->scores.n += n;
    return ELECTRA_OK;
}

static electra_status check_kind(const electra_session *s, electra_error *err)
{
    const electra_model_kind kind = electra_model_kind_of(s->model);
    if (kind == ELECTRA_MODEL_DISCRIMINATOR) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_MISUSE, el_model_folder(s->model),
                   "%s is %s %s; finding replaced tokens needs a discriminator%s", el_model_folder(s->model),
                   kind == ELECTRA_MODEL_ENCODER ? "an" : "a", electra_model_kind_name(kind),
                   kind == ELECTRA_MODEL_GENERATOR ? " (this one fills [MASK]: electra fill)" : "");
}

electra_status electra_session_detect(electra_session *session, const electra_text *texts, size_t n,
                                      electra_detection *out, electra_error *err)
{
    if (!session || (n && (!texts || !out))) {
        return el_fail(err, ELECTRA_MISUSE, "electra_session_detect", "session, texts and out must be given");
    }
    EL_TRY(check_kind(session, err));
    session->scores.n = 0;
    el_session_reset(session);
    for (size_t i = 0; i < n; i++) {
        electra_window text;
        EL_TRY(el_session_encode(session, &texts[i], &text, err));
        const size_t first = session->scores.n;
        EL_TRY(list_tokens(session, &text, err));
        out[i].n = session->scores.n - first;
        if (out[i].n) {
            add_text(session, &text, first);
        }
    }
    compute(session);
    const electra_token_score *scores = session->scores.items; /* only now does the array stay where it is */
    for (size_t i = 0; i < n; i++) {
        out[i].tokens = scores;
        scores += out[i].n;
    }
    return ELECTRA_OK;
}
