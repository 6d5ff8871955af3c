/* Labelled tokens -> entities: Hugging Face's aggregation strategies (formats.md 7.3). Knows nothing of networks.
 *
 *     el_entities_begin(e);                                    a call
 *     for each text, for each of its windows:
 *         el_entities_add_token(e, &token, err) ...            its tokens, [CLS] and [SEP] left out
 *         el_entities_end_window(e, &scheme, err);
 *     ... then per text: el_entities_end_text(e, first)        entities of windows that overlap are resolved
 *     e->found, e->words */
#ifndef EL_INFER_ENTITIES_H
#define EL_INFER_ENTITIES_H

#include <electra/infer.h>

#include "infer/growing.h"
#include "text/decode.h"

typedef struct el_tag_token {
    electra_text piece; /* of the vocabulary; an unknown word as it stands in the text */
    electra_span span;
    size_t index;
    bool continues;      /* the word of the token before */
    const float *scores; /* [n_labels] probabilities */
} el_tag_token;

typedef struct el_tag_scheme {
    const char *const *labels; /* [n_labels] */
    const bool *ignored;       /* [n_labels] entities of that label are left out */
    size_t n_labels;
    electra_aggregation aggregation;
} el_tag_scheme;

typedef struct el_entity {
    size_t label; /* of its first member */
    double score;
    size_t index;
    electra_span span;
    size_t word, word_bytes; /* in el_entities.words */
} el_entity;

typedef struct el_entities {
    el_growing found; /* el_entity, of the call so far */
    el_text_buffer words;
    /* the window at hand */
    el_growing tokens; /* el_tag_token */
    el_growing units;  /* what is joined: tokens or words */
    el_text_buffer unit_words;
} el_entities;

electra_status el_entities_create(el_entities **out, electra_error *err);
void el_entities_free(el_entities *entities); /* accepts NULL */

void el_entities_begin(el_entities *entities);
electra_status el_entities_add_token(el_entities *entities, const el_tag_token *token, electra_error *err);
electra_status el_entities_end_window(el_entities *entities, const el_tag_scheme *scheme, electra_error *err);

/* Of the entities found[first ...], which come from windows of one text, keep one where they overlap: the longer, then
 * the one with the higher score. */
void el_entities_end_text(el_entities *entities, size_t first);

/* A label without "B-", "I-" or whatever stands before its first dash: the name of a group. */
const char *el_entity_group_name(const char *label);

#endif
