/* The two halves of training a vocabulary: vocab_train.c counts words, vocab_merge.c learns tokens from the counts. */
#ifndef EL_TEXT_VOCAB_TRAIN_H
#define EL_TEXT_VOCAB_TRAIN_H

#include <electra/tokenizer.h>

#include "text/strings.h"

typedef struct el_merge_settings {
    size_t size, min_frequency, limit_alphabet;
    /* The "##" characters that get their ids first, in this order; the others follow in code point order. The
     * reference gives them out in the order of a hash table, so a test that wants its vocabulary must say which order
     * it was. NULL and 0 otherwise. */
    const uint32_t *continuation_order;
    size_t n_continuation_order;
    const electra_runtime *runtime; /* log, progress */
} el_merge_settings;

/* Append to `tokens`, which holds the special tokens, the alphabet and then merged pairs until there are `size`
 * tokens or no pair is frequent enough.
 * words: normalised words with their counts, in any order. */
electra_status el_vocab_merge(el_strings *tokens, const el_strings *words, const el_merge_settings *settings,
                              electra_error *err);

/* For tests: train as electra_vocab_trainer_train, with a continuation order. */
electra_status el_vocab_trainer_train(electra_vocab_trainer *trainer, const uint32_t *continuation_order, size_t n,
                                      electra_error *err);

#endif
