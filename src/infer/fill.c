/* Filling masks: texts -> windows around their masks -> packs -> the likeliest tokens of each masked position.
 *
 * A text that fits is one window with all its masks; in a longer one each mask gets the window in whose middle it
 * stands. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "infer/session.h"

/* ---- candidates ------------------------------------------------------------------------------------------------ */

/* Whether a comes before b: the larger logit (waiting in `score`), the smaller id among equals. */
static bool is_better(const electra_candidate *a, const electra_candidate *b)
{
    return a->score > b->score || (!(b->score > a->score) && a->id < b->id);
}

/* A heap of n whose root is the worst: let the item at i sink to its place. */
static void sink(electra_candidate *heap, size_t n, size_t i)
{
    for (;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
            worst = is_better(&heap[worst], &heap[child]) ? child : worst;
        }
        if (worst == i) {
            return;
        }
        const electra_candidate item = heap[i];
        heap[i] = heap[worst];
        heap[worst] = item;
        i = worst;
    }
}

/* The k best of V logits, best first; k <= V. */
static void best_logits(electra_candidate *best, size_t k, const float *logits, size_t vocabulary)
{
    for (size_t id = 0; id < k; id++) {
        best[id] = (electra_candidate){.id = (uint32_t)id, .score = logits[id]};
    }
    for (size_t i = k; i-- > 0;) {
        sink(best, k, i);
    }
    for (size_t id = k; id < vocabulary; id++) {
        if (logits[id] > best[0].score) { /* an equal one has a larger id and is worse */
            best[0] = (electra_candidate){.id = (uint32_t)id, .score = logits[id]};
            sink(best, k, 0);
        }
    }
    for (size_t n = k; n-- > 1;) {
        const electra_candidate worst = best[0];
        best[0] = best[n];
        best[n] = worst;
        sink(best, n, 0);
    }
}

/* The candidates of one blank from the logits of its position: [V]. */
static void rank(electra_session *s, size_t blank, const float *logits)
{
    const electra_tokenizer *tokenizer = electra_model_tokenizer(s->model);
    const size_t vocabulary = el_model_network(s->model)->config.vocab_size;
    const size_t k = ((const electra_blank *)s->blanks.items)[blank].n;
    electra_candidate *best = (electra_candidate *)s->candidates.items + blank * k;
    best_logits(best, k, logits, vocabulary);
    const double most = (double)best[0].score;
    double sum = 0;
    for (size_t id = 0; id < vocabulary; id++) {
        sum += exp((double)logits[id] - most);
    }
    for (size_t i = 0; i < k; i++) {
        const char *token = electra_tokenizer_token(tokenizer, best[i].id);
        best[i].token = token ? token : ""; /* rows of the model beyond the vocabulary have no token */
        best[i].score = (float)(exp((double)best[i].score - most) / sum);
    }
}

static void compute(electra_session *s)
{
    if (s->n_waiting) {
        const size_t vocabulary = el_model_network(s->model)->config.vocab_size;
        const el_batch *batch = el_pack_finish(s->pack);
        const el_tensor logits = el_predictor_masked(s->predictor, el_model_weights(s->model, s->be), &batch->layout,
                                                     batch->ids, batch->types, batch->slots, batch->n_slots);
        s->be->ops->download_f32(s->be, s->numbers, logits.data, s->n_waiting * vocabulary);
        for (size_t i = 0; i < s->n_waiting; i++) {
            rank(s, s->waiting[i], s->numbers + i * vocabulary);
        }
    }
    el_session_reset(s);
}

/* ---- windows --------------------------------------------------------------------------------------------------- */

/* Ask for the blanks first ... first+n-1 in a window over the tokens begin ... end-1 (counted behind [CLS]). */
static void add_window(electra_session *s, const electra_window *text, size_t begin, size_t end, size_t first, size_t n)
{
    const electra_blank *blanks = (const electra_blank *)s->blanks.items + first;
    uint32_t slots[EL_SESSION_MOST_SLOTS];
    for (size_t i = 0; i < n; i++) {
        slots[i] = (uint32_t)(blanks[i].index - begin);
    }
    if (!el_session_add(s, text, begin, end, slots, n)) {
        compute(s);
        const bool fits = el_session_add(s, text, begin, end, slots, n);
        assert(fits && "an empty pack holds any window");
        (void)fits;
    }
    for (size_t i = 0; i < n; i++) {
        s->waiting[s->n_waiting++] = first + i;
    }
}

static void add_windows(electra_session *s, const electra_window *text, size_t first, size_t n_blanks)
{
    const size_t n = text->n - 2;
    const size_t room = s->longest - 2;
    const size_t most = n <= room ? EL_SESSION_MOST_SLOTS : 1;
    for (size_t done = 0; done < n_blanks;) {
        const size_t count = n_blanks - done < most ? n_blanks - done : most;
        size_t begin = 0;
        if (n > room) {
            const size_t at = ((const electra_blank *)s->blanks.items)[first + done].index - 1;
            begin = at > room / 2 ? at - room / 2 : 0;
            begin = begin < n - room ? begin : n - room;
        }
        add_window(s, text, begin, n <= room ? n : begin + room, first + done, count);
        done += count;
    }
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
        electra_blank *blank = el_growing_room(&s->blanks, 1, sizeof *blank, "the masks of a text", err);
        if (!blank ||
            !el_growing_room(&s->candidates, top_k, sizeof(electra_candidate), "the candidates of a mask", err)) {
            return ELECTRA_NO_RESOURCE;
        }
        *blank = (electra_blank){.index = i, .span = text->offsets[i], .n = top_k};
        s->blanks.n++;
        s->candidates.n += top_k;
    }
    return ELECTRA_OK;
}

static electra_status add_text(electra_session *s, const electra_text *text, size_t top_k, electra_filling *out,
                               electra_error *err)
{
    electra_window window;
    EL_TRY(el_session_encode(s, text, &window, err));
    uint32_t *ids = el_growing_room(&s->ids, window.n, sizeof *ids, "the tokens of a text", err);
    if (!ids) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(ids, window.ids, window.n * sizeof *ids);
    s->ids.n += window.n;
    const size_t first = s->blanks.n;
    EL_TRY(list_blanks(s, &window, top_k, err));
    *out = (electra_filling){.n_ids = window.n, .n = s->blanks.n - first};
    add_windows(s, &window, first, out->n);
    return ELECTRA_OK;
}

/* Only now do the arrays stay where they are. */
static void point(electra_session *s, electra_filling *out, size_t n)
{
    const uint32_t *ids = s->ids.items;
    electra_blank *blanks = s->blanks.items;
    const electra_candidate *candidates = s->candidates.items;
    for (size_t b = 0; b < s->blanks.n; b++) {
        blanks[b].candidates = candidates + b * blanks[b].n;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].ids = ids;
        out[i].blanks = blanks;
        ids += out[i].n_ids;
        blanks = out[i].n ? blanks + out[i].n : blanks;
    }
}

static electra_status check(const electra_session *s, size_t top_k, electra_error *err)
{
    const electra_model_kind kind = electra_model_kind_of(s->model);
    const char *folder = el_model_folder(s->model);
    if (kind != ELECTRA_MODEL_GENERATOR) {
        return el_fail(err, ELECTRA_MISUSE, folder, "%s is %s %s; filling [MASK] needs a generator%s", folder,
                       kind == ELECTRA_MODEL_ENCODER ? "an" : "a", electra_model_kind_name(kind),
                       kind == ELECTRA_MODEL_DISCRIMINATOR ? " (this one finds replaced tokens: electra detect)" : "");
    }
    if (electra_tokenizer_specials(electra_model_tokenizer(s->model)).mask == ELECTRA_NO_TOKEN) {
        return el_fail(err, ELECTRA_MISUSE, folder, "the vocabulary of %s has no [MASK]", folder);
    }
    if (top_k == 0) {
        return el_fail(err, ELECTRA_MISUSE, "top_k", "at least one candidate must be asked for");
    }
    return ELECTRA_OK;
}

electra_status electra_session_fill(electra_session *session, const electra_text *texts, size_t n, size_t top_k,
                                    electra_filling *out, electra_error *err)
{
    if (!session || (n && (!texts || !out))) {
        return el_fail(err, ELECTRA_MISUSE, "electra_session_fill", "session, texts and out must be given");
    }
    EL_TRY(check(session, top_k, err));
    const size_t vocabulary = el_model_network(session->model)->config.vocab_size;
    session->ids.n = session->blanks.n = session->candidates.n = 0;
    el_session_reset(session);
    for (size_t i = 0; i < n; i++) {
        EL_TRY(add_text(session, &texts[i], top_k < vocabulary ? top_k : vocabulary, &out[i], err));
    }
    compute(session);
    point(session, out, n);
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
