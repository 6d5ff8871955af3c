/* Examples of a task -> sequences of tokens that the model reads, tokenized once and kept.
 *
 *     el_features *f = NULL;
 *     EL_TRY(el_features_create(&f, examples, tokenizer, &settings, err));   examples must outlive it
 *     for (size_t u = 0; u < f->n_units; u++) {
 *         for (size_t s = el_features_first(f, u); s < el_features_first(f, u + 1); s++) {
 *             uint32_t ids[f->longest];
 *             el_sequence sequence = el_features_sequence(f, s, ids);         for el_pack_add
 *         }
 *     }
 *     el_features_free(f);
 *
 * A unit is what a batch counts: a text or pair, a part of a sentence to be tagged, a window of a question, a prompt
 * with its choices. A unit is one sequence, but that of a choice, which has one a choice.
 *
 *     kind                  sequences
 *     classify, multilabel  [CLS] text [SEP], or [CLS] text [SEP] pair [SEP]; too long a text is cut at its end, of a
 *     and regress           pair the longer one first
 *     tag                   [CLS] words [SEP], each word tokenized by itself. A sentence that is too long goes on in
 *                           further sequences, cut between words (with `google` the rest is left out, and all types are
 *                           1: electra.md 9.3)
 *     answer                windows: qa_features.h
 *     choice                [CLS] prompt [SEP] choice [SEP]
 *
 * Never changes once made; any number of threads may read it. */
#ifndef EL_TASKS_FEATURES_H
#define EL_TASKS_FEATURES_H

#include "tasks/qa_features.h"

typedef struct el_features_settings {
    size_t max_length; /* tokens of a sequence, [CLS] and [SEP] included; 8 or more */
    size_t doc_stride; /* ANSWER: context tokens from window to window */
    bool both_orders;  /* pairs appear a second time with their texts exchanged, behind all others. In el_features: and
                          there are some */
    bool one_segment;  /* the model knows one type of token only */
    bool train;        /* examples that cannot teach anything are left out: those without a label */
    bool google;       /* the published system's treatment of sentences, see above, and of pairs (electra.md 9.2) */
} el_features_settings;

/* One sequence; not of ANSWER. */
typedef struct el_feature {
    size_t first;     /* of its tokens in ids */
    uint32_t n;       /* tokens */
    uint32_t n_first; /* those of type 0 */
    uint32_t example;
    uint32_t word, n_words; /* TAG: words of the example that it holds */
    size_t place;           /* TAG: of the first of them in places */
} el_feature;

typedef struct el_features {
    const el_examples *examples; /* borrowed */
    el_features_settings settings;
    uint32_t *ids;
    el_feature *list; /* [n] */
    size_t n;
    uint32_t *places; /* TAG: the token within its sequence that is a word's first piece */
    size_t *units;    /* [n_units + 1] first sequence of each; NULL: a unit is a sequence */
    size_t n_units;
    el_qa_set *qa; /* ANSWER: everything about the sequences is here */

    size_t longest;   /* tokens of the longest sequence */
    size_t most;      /* sequences of the largest unit */
    size_t n_tokens;  /* of all sequences */
    size_t n_unknown; /* of them [UNK] */
    size_t n_cut;     /* examples that are not there in full (TAG: that needed more than one sequence) */
    size_t n_left;    /* examples left out, see `train` */
} el_features;

/* ELECTRA_INVALID: nothing is left to train on, or a text of 4 GiB. ELECTRA_MISUSE: max_length below 8.
 * ELECTRA_NO_RESOURCE. */
electra_status el_features_create(el_features **out, const el_examples *examples, const electra_tokenizer *tokenizer,
                                  const el_features_settings *settings, electra_error *err);
void el_features_free(el_features *features); /* accepts NULL */

size_t el_features_first(const el_features *features, size_t unit);
/* The example that a unit belongs to. */
size_t el_features_example(const el_features *features, size_t unit);

/* TAG: where the units of one sentence end that begins with this one: a long sentence has several. */
size_t el_features_sentence_end(const el_features *features, size_t unit);

size_t el_features_length(const el_features *features, size_t sequence);
/* ids: [el_features_length], which the result may borrow. `number` is left 0. */
el_sequence el_features_sequence(const el_features *features, size_t sequence, uint32_t *ids);

/* Of everything that is learned: tokens, their types, and what is right about them. */
uint64_t el_features_hash(const el_features *features);

/* Lengths of the sequences: the q-th quantile (0 ... 1) in tokens. ELECTRA_NO_RESOURCE. */
electra_status el_features_quantiles(const el_features *features, const double *q, double *out, size_t n,
                                     electra_error *err);

#endif
