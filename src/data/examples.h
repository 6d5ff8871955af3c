/* Sentences of documents -> examples of one or two segments (electra.md 2.2, its slips corrected or, under google,
 * kept).
 *
 * Corrected: an example is filled up to its length, and what does not fit goes on into the next one, so no token is
 * lost and the order of the text is kept; an example never spans two documents. Kept: one example in ten has a single
 * segment; one in twenty is short, of a length that is uniform over 5 ... max_length; the first segment ends with a
 * sentence near the middle, if one does; a sentence is one line of the text. Choices depend on the seed and on the
 * numbers of document and example only. */
#ifndef EL_DATA_EXAMPLES_H
#define EL_DATA_EXAMPLES_H

#include <electra/types.h>

/* Receives an example: n > 0 tokens, the first `first` of them in segment A, without special tokens. */
typedef electra_status el_example_fn(void *user, const uint32_t *ids, size_t n, size_t first, electra_error *err);

typedef struct el_example_builder_settings {
    size_t max_length; /* with [CLS] and [SEP], at least ELECTRA_SHORTEST_MAX_LENGTH */
    uint64_t seed;
    bool google;
    el_example_fn *give;
    void *user;
} el_example_builder_settings;

typedef struct el_example_builder el_example_builder;

electra_status el_example_builder_create(el_example_builder **out, const el_example_builder_settings *settings,
                                         electra_error *err);
void el_example_builder_free(el_example_builder *examples); /* accepts NULL */

/* A document is: begin, any number of sentences, end. Sentences may have any length, and none. Failures
 * are those of `give`, and of memory. */
void el_example_builder_begin(el_example_builder *examples, uint64_t document);
electra_status el_example_builder_add(el_example_builder *examples, const uint32_t *ids, size_t n, electra_error *err);
electra_status el_example_builder_end(el_example_builder *examples, electra_error *err);

#endif
