/* Classes of words: texts -> windows that overlap -> probabilities of each token -> entities (entities.h). */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "infer/entities.h"
#include "infer/session.h"
#include "text/utf8.h"

electra_tag_options electra_tag_options_default(void)
{
    return (electra_tag_options){.struct_size = sizeof(electra_tag_options), .aggregation = ELECTRA_GROUP_TOKENS};
}

/* Probabilities of a window's tokens. */
static void take(electra_session *s, const el_window *window, size_t slot, const float *logits)
{
    (void)slot;
    const size_t n = s->labels;
    float *scores = (float *)s->values.items + window->result;
    for (size_t t = 0; t < window->n; t++, logits += n, scores += n) {
        double most = (double)logits[0];
        for (size_t i = 1; i < n; i++) {
            most = (double)logits[i] > most ? (double)logits[i] : most;
        }
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += exp((double)logits[i] - most);
        }
        for (size_t i = 0; i < n; i++) {
            scores[i] = (float)(exp((double)logits[i] - most) / sum);
        }
    }
}

static const el_task TASK = {el_session_forward_tags, EL_ROWS_TOKENS, take};

/* ---- entities ---------------------------------------------------------------------------------------------------- */

/* Token t of a window. It goes on with a word if its piece is not as long as what it stands for, which is true of
 * pieces with "##"; [UNK] always begins one (formats.md 7.3). `offset`: tokens of the text before the window. */
static el_tag_token token_at(const electra_session *s, const el_window *window, size_t t, size_t offset)
{
    const electra_tokenizer *tokenizer = electra_model_tokenizer(s->model);
    const size_t at = window->first + t;
    const uint32_t id = ((const uint32_t *)s->ids.items)[at];
    el_tag_token token = {.span = ((const electra_span *)s->spans.items)[at],
                          .index = offset + t,
                          .scores = (const float *)s->values.items + window->result + t * s->labels};
    if (id == electra_tokenizer_specials(tokenizer).unk) {
        token.piece = el_slice(&s->slices, token.span);
        return token;
    }
    const char *piece = electra_tokenizer_token(tokenizer, id);
    token.piece = (electra_text){piece, strlen(piece)};
    const uint8_t *bytes = (const uint8_t *)piece;
    token.continues = el_utf8_count(bytes, bytes + token.piece.bytes) != token.span.end - token.span.start;
    return token;
}

static electra_status end_text(electra_session *s, const el_part *part, size_t stride, const el_tag_scheme *scheme,
                               electra_error *err)
{
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    const uint32_t *words = s->words.items;
    const size_t before = s->entities->found.n;
    size_t offset = 0;
    for (size_t w = 0; w < part->n; w++) {
        for (size_t t = 0; t < windows[w].n; t++) {
            if (words[windows[w].first + t] != ELECTRA_NO_WORD) {
                const el_tag_token token = token_at(s, &windows[w], t, offset);
                EL_TRY(el_entities_add_token(s->entities, &token, err));
            }
        }
        EL_TRY(el_entities_end_window(s->entities, scheme, err));
        offset += windows[w].n - 2 - stride;
    }
    if (part->n > 1) {
        el_entities_end_text(s->entities, before);
    }
    return ELECTRA_OK;
}

/* Only now does the buffer of words stay where it is. */
static electra_status point(electra_session *s, electra_tagging *out, size_t n, electra_aggregation aggregation,
                            electra_error *err)
{
    const el_entity *found = s->entities->found.items;
    const size_t n_found = s->entities->found.n;
    electra_entity *results = el_growing_room(&s->results, n_found, sizeof *results, "the entities of a call", err);
    if (!results) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < n_found; i++) {
        const char *label = electra_model_label(s->model, found[i].label);
        results[i] = (electra_entity){.label = aggregation == ELECTRA_TOKENS ? label : el_entity_group_name(label),
                                      .score = (float)found[i].score,
                                      .index = found[i].index,
                                      .span = found[i].span,
                                      .word = {s->entities->words.text + found[i].word, found[i].word_bytes}};
    }
    for (size_t i = 0; i < n; i++) {
        out[i].entities = results;
        results += out[i].n;
    }
    return ELECTRA_OK;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static bool is_ignored(const char *label, const electra_tag_options *o)
{
    static const char *const OUTSIDE[] = {"O"};
    const char *const *ignored = o->ignored_labels ? o->ignored_labels : OUTSIDE;
    const size_t n = o->ignored_labels ? o->n_ignored : 1;
    const char *name = o->aggregation == ELECTRA_TOKENS ? label : el_entity_group_name(label);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, ignored[i]) == 0) {
            return true;
        }
    }
    return false;
}

static electra_status prepare(electra_session *s, const electra_tag_options *o, el_tag_scheme *scheme,
                              electra_error *err)
{
    if (!s->entities) {
        EL_TRY(el_entities_create(&s->entities, err));
    }
    el_entities_begin(s->entities);
    const char **labels = el_growing_room(&s->label_names, s->labels, sizeof *labels, "the labels", err);
    bool *ignored = el_growing_room(&s->label_ignored, s->labels, sizeof *ignored, "the labels", err);
    if (!labels || !ignored) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < s->labels; i++) {
        labels[i] = electra_model_label(s->model, i);
        ignored[i] = is_ignored(labels[i], o);
    }
    *scheme = (el_tag_scheme){labels, ignored, s->labels, o->aggregation};
    return ELECTRA_OK;
}

static electra_status add_texts(electra_session *s, const electra_text *texts, size_t n, size_t stride,
                                electra_error *err)
{
    el_session_begin(s);
    for (size_t i = 0; i < n; i++) {
        const el_encode_request request = {
            .first = texts[i], .max_length = s->longest, .windows = !s->truncate, .stride = s->truncate ? 0 : stride};
        electra_encoding encoding;
        EL_TRY(el_session_encode(s, &request, &encoding, err));
        EL_TRY(el_session_add(s, &encoding, s->labels, true, err));
    }
    return el_session_compute(s, &TASK, err);
}

electra_status electra_session_tag(electra_session *session, const electra_text *texts, size_t n,
                                   const electra_tag_options *options, electra_tagging *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (texts && out), "electra_session_tag", err));
    electra_tag_options o = electra_tag_options_default();
    el_options_take(&o, options, sizeof o);
    EL_TRY(el_session_check_kind(session, ELECTRA_MODEL_TAGGER, "labelling words", err));
    if (o.aggregation > ELECTRA_WORD_MAX) {
        return el_fail(err, ELECTRA_MISUSE, "aggregation", "there is no aggregation %d", (int)o.aggregation);
    }
    const size_t room = session->longest - 2;
    const size_t stride = o.stride ? o.stride : room / 4;
    if (stride >= room) {
        return el_fail(err, ELECTRA_MISUSE, "stride",
                       "windows cannot share %zu tokens: they have room for %zu tokens of a text", stride, room);
    }
    el_tag_scheme scheme;
    EL_TRY(prepare(session, &o, &scheme, err));
    EL_TRY(add_texts(session, texts, n, stride, err));
    const el_part *parts = session->parts.items;
    for (size_t i = 0; i < n; i++) {
        const size_t before = session->entities->found.n;
        EL_TRY(el_slices_begin(&session->slices, texts[i], err));
        EL_TRY(end_text(session, &parts[i], stride, &scheme, err));
        out[i].n = session->entities->found.n - before;
    }
    return point(session, out, n, o.aggregation, err);
}
