/* Filling masks: texts -> windows around their masks -> the likeliest tokens of each masked position.
 *
 * A text that fits is one window with all its masks (as many as are computed at once); in a longer one each mask gets
 * the window in whose middle it stands. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "infer/session.h"

electra_fill_options electra_fill_options_default(void)
{
    return (electra_fill_options){.struct_size = sizeof(electra_fill_options), .top_k = 5};
}

/* ---- candidates ------------------------------------------------------------------------------------------------ */

static el_tensor forward(electra_session *s, const el_batch *batch)
{
    return el_predictor_masked(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids,
                               batch->types, batch->slots, batch->n_slots);
}

static void rank(el_best *best, const electra_fill_options *o, const float *logits, size_t vocabulary)
{
    if (!o->targets) {
        for (size_t id = 0; id < vocabulary; id++) {
            el_best_offer(best, (double)logits[id], id);
        }
    } else {
        for (size_t i = 0; i < o->n_targets; i++) {
            el_best_offer(best, (double)logits[o->targets[i]], o->targets[i]);
        }
    }
    el_best_sort(best);
}

/* The candidates of one blank (window->result + slot) from the logits of its position: [V]. Probabilities are those
 * over the whole vocabulary. */
static void take(electra_session *s, const el_window *window, size_t slot, const float *logits)
{
    const electra_tokenizer *tokenizer = electra_model_tokenizer(s->model);
    const size_t vocabulary = el_model_network(s->model)->config.vocab_size;
    const electra_blank *blank = (const electra_blank *)s->results.items + window->result + slot;
    electra_candidate *candidates = (electra_candidate *)s->candidates.items + (window->result + slot) * blank->n;
    el_best best = {.items = s->ranked.items, .most = blank->n};
    rank(&best, s->fill, logits, vocabulary);
    double most = (double)logits[0];
    for (size_t id = 1; id < vocabulary; id++) {
        most = (double)logits[id] > most ? (double)logits[id] : most;
    }
    double sum = 0;
    for (size_t id = 0; id < vocabulary; id++) {
        sum += exp((double)logits[id] - most);
    }
    for (size_t i = 0; i < blank->n; i++) {
        const uint32_t id = (uint32_t)best.items[i].item;
        const char *token = electra_tokenizer_token(tokenizer, id);
        candidates[i] =
            (electra_candidate){.id = id,
                                .token = token ? token : "", /* rows of the model beyond the vocabulary have no token */
                                .score = (float)(exp(best.items[i].score - most) / sum)};
    }
}

static const el_task TASK = {forward, EL_ROWS_SLOTS, take};

/* ---- windows --------------------------------------------------------------------------------------------------- */

/* Ask for the blanks first ... first+n-1 in a window over the tokens begin ... end-1 (counted behind [CLS]). */
static electra_status add_window(electra_session *s, const electra_window *text, size_t begin, size_t end, size_t first,
                                 size_t n, electra_error *err)
{
    el_window *window = el_session_add_range(s, text, begin, end, err);
    uint32_t *slots = el_growing_room(&s->slots, n, sizeof *slots, "the masks of a text", err);
    if (!window || !slots) {
        return ELECTRA_NO_RESOURCE;
    }
    const electra_blank *blanks = (const electra_blank *)s->results.items + first;
    for (size_t i = 0; i < n; i++) {
        slots[i] = (uint32_t)(blanks[i].index - begin);
    }
    s->slots.n += n;
    window->n_slots = n;
    window->result = first;
    return ELECTRA_OK;
}

static electra_status add_windows(electra_session *s, const electra_window *text, size_t first, size_t n_blanks,
                                  electra_error *err)
{
    const size_t n = text->n - 2;
    const size_t room = s->longest - 2;
    const size_t most = n <= room ? EL_SESSION_MOST_SLOTS : 1;
    for (size_t done = 0; done < n_blanks;) {
        const size_t count = n_blanks - done < most ? n_blanks - done : most;
        size_t begin = 0;
        if (n > room) {
            const size_t at = ((const electra_blank *)s->results.items)[first + done].index - 1;
            begin = at > room / 2 ? at - room / 2 : 0;
            begin = begin < n - room ? begin : n - room;
        }
        EL_TRY(add_window(s, text, begin, n <= room ? n : begin + room, first + done, count, err));
        done += count;
    }
    return ELECTRA_OK;
}

/* ---- texts ----------------------------------------------------------------------------------------------------- */

/* One blank a [MASK], with room for its candidates: those of blank b begin at b * top_k. */
static electra_status list_blanks(electra_session *s, const electra_window *text, size_t top_k, electra_error *err)
{
    const uint32_t mask = electra_tokenizer_specials(electra_model_tokenizer(s->model)).mask;
    for (size_t i = 1; i + 1 < text->n; i++) {
        if (text->ids[i] != mask) {
            continue;
        }
        electra_blank *blank = el_growing_room(&s->results, 1, sizeof *blank, "the masks of a text", err);
        if (!blank ||
            !el_growing_room(&s->candidates, top_k, sizeof(electra_candidate), "the candidates of a mask", err)) {
            return ELECTRA_NO_RESOURCE;
        }
        *blank = (electra_blank){.index = i, .span = text->offsets[i], .n = top_k};
        s->results.n++;
        s->candidates.n += top_k;
    }
    return ELECTRA_OK;
}

static electra_status add_text(electra_session *s, const electra_text *text, size_t top_k, electra_filling *out,
                               electra_error *err)
{
    electra_encoding encoding;
    EL_TRY(el_session_encode(s, &(el_encode_request){.first = *text, .max_length = s->truncate ? s->longest : 0},
                             &encoding, err));
    const electra_window *window = &encoding.windows[0];
    uint32_t *ids = el_growing_room(&s->text_ids, window->n, sizeof *ids, "the tokens of a text", err);
    if (!ids) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(ids, window->ids, window->n * sizeof *ids);
    s->text_ids.n += window->n;
    const size_t first = s->results.n;
    EL_TRY(list_blanks(s, window, top_k, err));
    *out = (electra_filling){.n_ids = window->n, .n = s->results.n - first};
    return add_windows(s, window, first, out->n, err);
}

/* Only now do the arrays stay where they are. */
static void point(electra_session *s, electra_filling *out, size_t n)
{
    const uint32_t *ids = s->text_ids.items;
    electra_blank *blanks = s->results.items;
    const electra_candidate *candidates = s->candidates.items;
    for (size_t b = 0; b < s->results.n; b++) {
        blanks[b].candidates = candidates + b * blanks[b].n;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].ids = ids;
        out[i].blanks = blanks;
        ids += out[i].n_ids;
        blanks = out[i].n ? blanks + out[i].n : blanks;
    }
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

/* The same target twice would be two candidates. */
static electra_status check_targets(const electra_session *s, const electra_fill_options *o, electra_error *err)
{
    const size_t vocabulary = el_model_network(s->model)->config.vocab_size;
    for (size_t i = 0; i < o->n_targets; i++) {
        if (o->targets[i] >= vocabulary) {
            return el_fail(err, ELECTRA_MISUSE, "targets", "target %zu is %u, but the vocabulary has %zu tokens", i,
                           o->targets[i], vocabulary);
        }
        for (size_t k = 0; k < i; k++) {
            if (o->targets[k] == o->targets[i]) {
                return el_fail(err, ELECTRA_MISUSE, "targets", "targets %zu and %zu are the same token, %u", k, i,
                               o->targets[i]);
            }
        }
    }
    return o->n_targets ? ELECTRA_OK : el_fail(err, ELECTRA_MISUSE, "targets", "there is no target");
}

static electra_status check(const electra_session *s, const electra_fill_options *o, electra_error *err)
{
    EL_TRY(el_session_check_kind(s, ELECTRA_MODEL_GENERATOR, "filling [MASK]", err));
    const char *folder = el_model_folder(s->model);
    if (electra_tokenizer_specials(electra_model_tokenizer(s->model)).mask == ELECTRA_NO_TOKEN) {
        return el_fail(err, ELECTRA_MISUSE, folder, "the vocabulary of %s has no [MASK]", folder);
    }
    if (o->top_k == 0) {
        return el_fail(err, ELECTRA_MISUSE, "top_k", "at least one candidate must be asked for");
    }
    return o->targets ? check_targets(s, o, err) : ELECTRA_OK;
}

electra_status electra_session_fill(electra_session *session, const electra_text *texts, size_t n,
                                    const electra_fill_options *options, electra_filling *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (texts && out), "electra_session_fill", err));
    electra_fill_options o = electra_fill_options_default();
    el_options_take(&o, options, sizeof o);
    EL_TRY(check(session, &o, err));
    const size_t most = o.targets ? o.n_targets : el_model_network(session->model)->config.vocab_size;
    const size_t top_k = o.top_k < most ? o.top_k : most;
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        EL_TRY(add_text(session, &texts[i], top_k, &out[i], err));
    }
    if (!el_growing_room(&session->ranked, top_k, sizeof(el_ranked), "the candidates of a mask", err)) {
        return ELECTRA_NO_RESOURCE;
    }
    session->fill = &o;
    const electra_status status = el_session_compute(session, &TASK, err);
    session->fill = NULL;
    if (status == ELECTRA_OK) {
        point(session, out, n);
    }
    return status;
}

electra_status electra_session_target(electra_session *session, const char *word, uint32_t *out, bool *whole,
                                      electra_error *err)
{
    EL_TRY(el_session_check_call(session, word && out, "electra_session_target", err));
    *out = electra_tokenizer_id(electra_model_tokenizer(session->model), word);
    if (whole) {
        *whole = *out != ELECTRA_NO_TOKEN;
    }
    if (*out == ELECTRA_NO_TOKEN) {
        electra_encoding encoding;
        electra_encode_options options = electra_encode_options_default();
        options.no_special = true;
        EL_TRY(electra_encoder_encode(session->encoder, word, strlen(word), NULL, 0, &options, &encoding, err));
        *out = encoding.windows[0].n ? encoding.windows[0].ids[0] : ELECTRA_NO_TOKEN;
    }
    return ELECTRA_OK;
}

electra_status electra_session_filled_text(const electra_session *session, const electra_filling *filling, size_t blank,
                                           size_t candidate, char **out, electra_error *err)
{
    if (!session || !filling || !out || blank >= filling->n || candidate >= filling->blanks[blank].n) {
        return el_fail(err, ELECTRA_MISUSE, "electra_session_filled_text", "there is no such blank or candidate");
    }
    *out = NULL;
    uint32_t *ids = el_alloc(filling->n_ids, sizeof *ids);
    if (!ids) {
        return el_fail_memory(err, "a filled text", filling->n_ids * sizeof *ids);
    }
    memcpy(ids, filling->ids, filling->n_ids * sizeof *ids);
    ids[filling->blanks[blank].index] = filling->blanks[blank].candidates[candidate].id;
    const electra_status status = electra_tokenizer_decode(electra_model_tokenizer(session->model), ids, filling->n_ids,
                                                           filling->n == 1, out, NULL, err);
    el_free(ids);
    return status;
}
