/* Owns the joining of tokens to words and of words to entities. */
#include "infer/entities.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* A token, or a word: with one label, before neighbours are joined. */
typedef struct unit {
    size_t label;
    double score;
    size_t index;
    electra_span span;
    electra_text word; /* of a word: text is NULL until all are there, and `at` says where it will be */
    size_t at;
} unit;

electra_status el_entities_create(el_entities **out, electra_error *err)
{
    *out = el_alloc(1, sizeof **out);
    return *out ? ELECTRA_OK : el_fail_memory(err, "entities", sizeof **out);
}

void el_entities_free(el_entities *e)
{
    if (!e) {
        return;
    }
    el_free(e->found.items);
    el_free(e->tokens.items);
    el_free(e->units.items);
    el_text_buffer_clear(&e->words);
    el_text_buffer_clear(&e->unit_words);
    el_free(e);
}

void el_entities_begin(el_entities *e)
{
    e->found.n = e->words.n = 0;
    e->tokens.n = e->units.n = e->unit_words.n = 0;
}

electra_status el_entities_add_token(el_entities *e, const el_tag_token *token, electra_error *err)
{
    el_tag_token *room = el_growing_room(&e->tokens, 1, sizeof *room, "the tokens of a window", err);
    if (!room) {
        return ELECTRA_NO_RESOURCE;
    }
    *room = *token;
    e->tokens.n++;
    return ELECTRA_OK;
}

/* ---- tokens -> units ------------------------------------------------------------------------------------------- */

static size_t best_label(const float *scores, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

static void decide_by(unit *u, const el_tag_token *token, size_t n_labels)
{
    u->label = best_label(token->scores, n_labels);
    u->score = (double)token->scores[u->label];
}

/* The token whose highest score is the highest of the word; the first of equal ones. */
static void decide_by_max(unit *u, const el_tag_token *tokens, size_t n, size_t n_labels)
{
    decide_by(u, &tokens[0], n_labels);
    for (size_t i = 1; i < n; i++) {
        const size_t label = best_label(tokens[i].scores, n_labels);
        if ((double)tokens[i].scores[label] > u->score) {
            decide_by(u, &tokens[i], n_labels);
        }
    }
}

static void decide_by_average(unit *u, const el_tag_token *tokens, size_t n, size_t n_labels)
{
    for (size_t label = 0; label < n_labels; label++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)tokens[i].scores[label];
        }
        if (label == 0 || sum / (double)n > u->score) {
            u->label = label;
            u->score = sum / (double)n;
        }
    }
}

static electra_status add_word(el_entities *e, const el_tag_token *tokens, size_t n, const el_tag_scheme *scheme,
                               electra_error *err)
{
    unit *u = el_growing_room(&e->units, 1, sizeof *u, "the words of a window", err);
    if (!u) {
        return ELECTRA_NO_RESOURCE;
    }
    *u =
        (unit){.index = tokens[0].index, .span = {tokens[0].span.start, tokens[n - 1].span.end}, .at = e->unit_words.n};
    switch (scheme->aggregation) {
    case ELECTRA_WORD_AVERAGE: decide_by_average(u, tokens, n, scheme->n_labels); break;
    case ELECTRA_WORD_MAX: decide_by_max(u, tokens, n, scheme->n_labels); break;
    default: decide_by(u, &tokens[0], scheme->n_labels); break;
    }
    for (size_t i = 0; i < n; i++) {
        EL_TRY(el_decode_piece(&e->unit_words, tokens[i].piece.text, tokens[i].piece.bytes, i == 0, err));
    }
    u->word.bytes = e->unit_words.n - u->at;
    e->units.n++;
    return ELECTRA_OK;
}

static electra_status make_words(el_entities *e, const el_tag_scheme *scheme, electra_error *err)
{
    const el_tag_token *tokens = e->tokens.items;
    for (size_t first = 0; first < e->tokens.n;) {
        size_t n = 1;
        while (first + n < e->tokens.n && tokens[first + n].continues) {
            n++;
        }
        EL_TRY(add_word(e, &tokens[first], n, scheme, err));
        first += n;
    }
    unit *units = e->units.items; /* only now does the buffer stay where it is */
    for (size_t i = 0; i < e->units.n; i++) {
        units[i].word.text = e->unit_words.text + units[i].at;
    }
    return ELECTRA_OK;
}

static electra_status make_units(el_entities *e, const el_tag_scheme *scheme, electra_error *err)
{
    if (scheme->aggregation != ELECTRA_TOKENS && scheme->aggregation != ELECTRA_GROUP_TOKENS) {
        return make_words(e, scheme, err);
    }
    unit *units = el_growing_room(&e->units, e->tokens.n, sizeof *units, "the tokens of a window", err);
    if (!units) {
        return ELECTRA_NO_RESOURCE;
    }
    const el_tag_token *tokens = e->tokens.items;
    for (size_t i = 0; i < e->tokens.n; i++) {
        units[i] = (unit){.index = tokens[i].index, .span = tokens[i].span, .word = tokens[i].piece};
        decide_by(&units[i], &tokens[i], scheme->n_labels);
    }
    e->units.n = e->tokens.n;
    return ELECTRA_OK;
}

/* ---- units -> entities ------------------------------------------------------------------------------------------- */

const char *el_entity_group_name(const char *label)
{
    const char *dash = strchr(label, '-');
    return dash ? dash + 1 : label;
}

/* What must be equal for two neighbours to be joined. */
static const char *tag_of(const char *label, bool *begins)
{
    *begins = label[0] == 'B' && label[1] == '-';
    return *begins || (label[0] == 'I' && label[1] == '-') ? label + 2 : label;
}

static bool joins(const el_tag_scheme *scheme, size_t before, size_t label)
{
    bool begins;
    const char *last = tag_of(scheme->labels[before], &begins);
    const char *tag = tag_of(scheme->labels[label], &begins);
    return !begins && strcmp(last, tag) == 0;
}

/* n units as one entity. */
static electra_status add_entity(el_entities *e, const unit *units, size_t n, const el_tag_scheme *scheme,
                                 electra_error *err)
{
    if (scheme->ignored[units[0].label]) {
        return ELECTRA_OK;
    }
    el_entity *entity = el_growing_room(&e->found, 1, sizeof *entity, "the entities of a text", err);
    if (!entity) {
        return ELECTRA_NO_RESOURCE;
    }
    *entity = (el_entity){.label = units[0].label,
                          .index = units[0].index,
                          .span = {units[0].span.start, units[n - 1].span.end},
                          .word = e->words.n};
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += units[i].score;
        if (scheme->aggregation == ELECTRA_TOKENS) {
            EL_TRY(el_text_buffer_add(&e->words, units[i].word.text, units[i].word.bytes, err));
        } else {
            EL_TRY(el_decode_piece(&e->words, units[i].word.text, units[i].word.bytes, i == 0, err));
        }
    }
    entity->score = sum / (double)n;
    entity->word_bytes = e->words.n - entity->word;
    e->found.n++;
    return ELECTRA_OK;
}

electra_status el_entities_end_window(el_entities *e, const el_tag_scheme *scheme, electra_error *err)
{
    e->units.n = e->unit_words.n = 0;
    EL_TRY(make_units(e, scheme, err));
    const unit *units = e->units.items;
    for (size_t first = 0; first < e->units.n;) {
        size_t n = 1;
        while (scheme->aggregation != ELECTRA_TOKENS && first + n < e->units.n &&
               joins(scheme, units[first + n - 1].label, units[first + n].label)) {
            n++;
        }
        EL_TRY(add_entity(e, &units[first], n, scheme, err));
        first += n;
    }
    e->tokens.n = 0;
    return ELECTRA_OK;
}

/* ---- windows that overlap ---------------------------------------------------------------------------------------- */

/* By their start, equal ones as they came. Those of each window are in order, so little has to move. */
static void sort_by_start(el_entity *entities, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const el_entity moved = entities[i];
        size_t to = i;
        for (; to > 0 && entities[to - 1].span.start > moved.span.start; to--) {
            entities[to] = entities[to - 1];
        }
        entities[to] = moved;
    }
}

static bool is_preferred(const el_entity *a, const el_entity *b)
{
    const uint32_t length_a = a->span.end - a->span.start;
    const uint32_t length_b = b->span.end - b->span.start;
    return length_a > length_b || (length_a == length_b && a->score > b->score);
}

void el_entities_end_text(el_entities *e, size_t first)
{
    el_entity *entities = (el_entity *)e->found.items + first;
    const size_t n = e->found.n - first;
    if (n == 0) {
        return;
    }
    sort_by_start(entities, n);
    size_t last = 0;
    for (size_t i = 1; i < n; i++) {
        if (entities[i].span.start >= entities[last].span.end) {
            entities[++last] = entities[i];
        } else if (is_preferred(&entities[i], &entities[last])) {
            entities[last] = entities[i];
        }
    }
    e->found.n = first + last + 1;
}
