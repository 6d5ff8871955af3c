/* Questions with their contexts -> windows that the model reads: [CLS] question [SEP] part of the context [SEP]
 * (electra.md 9.4, "Windows" and "Target").
 *
 *     el_qa_set *set = NULL;
 *     EL_TRY(el_qa_set_create(&set, examples, tokenizer, &settings, err));     examples must outlive it
 *     for (size_t w = 0; w < set->n_windows; w++) {
 *         uint32_t ids[L];
 *         el_sequence sequence = el_qa_sequence(set, w, ids);                   for el_pack_add
 *         el_qa_target target = el_qa_window_target(set, w);
 *     }
 *     el_qa_set_free(set);
 *
 * A question is cut to its first max_question pieces (and to two thirds of a window); the room for the context is L -
 * |question| - 3. Windows start at context piece 0, step, 2 step, ... until one reaches the end, so that neighbours
 * share room - step pieces. The published system says "stride 128" for what is `step` here; electra_encoder's "stride"
 * is the pieces shared. The same rule holds with and without `--compat google`. A context without a piece has one
 * window.
 *
 * Where a piece stands in the context is known from the tokenizer, so that an answer is always a slice of the context
 * as it was given, from the first byte of its first piece to the last of its last; nothing is put together from pieces.
 *
 * Memory: a context's pieces are kept once for all consecutive questions about it, and what a window holds is copied
 * together when it is asked for. A set never changes once made; any number of threads may read it. */
#ifndef EL_TASKS_QA_FEATURES_H
#define EL_TASKS_QA_FEATURES_H

#include <electra/tokenizer.h>

#include "data/batch.h"
#include "infer/nbest.h"
#include "tasks/examples.h"

typedef struct el_qa_settings {
    size_t max_length;   /* L: pieces of a window, special tokens included; 8 or more */
    size_t max_question; /* 64 */
    size_t step;         /* 128 */
    bool train;          /* questions whose answer is not found are left out: there is nothing to learn from them */
} el_qa_settings;

el_qa_settings el_qa_settings_default(void); /* 512, 64, 128, false */

/* A context, tokenized. */
typedef struct el_qa_context {
    electra_text text; /* borrowed from the examples */
    size_t first;      /* of its pieces in context_ids and context_spans */
    uint32_t n;        /* pieces */
} el_qa_context;

#define EL_QA_NOWHERE UINT32_MAX

typedef struct el_qa_question {
    uint32_t example; /* index in the examples */
    uint32_t context; /* index in contexts */
    size_t first;     /* of its pieces in question_ids */
    uint32_t n;       /* pieces, after cutting */
    uint32_t first_window, n_windows;
    uint32_t from, to; /* pieces of the context that hold the first right answer, both included; EL_QA_NOWHERE: none is
                          told, or it was not found, or there is none */
    bool impossible;   /* said to have no answer */
} el_qa_question;

/* Pieces first ... first + place.n - 1 of the question's context. */
typedef struct el_qa_window {
    uint32_t question;
    el_window_place place;
} el_qa_window;

/* Why a question was left out, or has no target. */
typedef enum el_qa_reason {
    EL_QA_NONE_GIVEN,  /* not said to be impossible, and no answer is given */
    EL_QA_EMPTY,       /* the answer has no visible character */
    EL_QA_NOT_THERE,   /* the answer stands nowhere in the context */
    EL_QA_NOT_IN_TOKEN /* the answer consists of characters that the tokenizer drops */
} el_qa_reason;

/* "the answer does not stand in the context". */
const char *el_qa_reason_text(el_qa_reason reason);

typedef struct el_qa_lost {
    uint32_t example;
    el_qa_reason reason;
} el_qa_lost;

typedef struct el_qa_set {
    const el_examples *examples; /* borrowed */
    el_qa_settings settings;
    electra_special_ids specials;

    el_qa_context *contexts;
    size_t n_contexts;
    uint32_t *context_ids;
    electra_span *context_spans; /* bytes (not code points) of the context's text */
    uint32_t *question_ids;

    el_qa_question *questions; /* [n_questions] in the order of the examples */
    size_t n_questions;
    el_qa_window *windows; /* [n_windows] in the order of the questions */
    size_t n_windows;
    size_t longest;   /* pieces of the longest window */
    size_t n_pieces;  /* of questions, and of each context once */
    size_t n_unknown; /* of them [UNK] */

    el_qa_lost *lost; /* [n_lost] questions without a target that were to have one. With `train` they are not among the
                         questions; otherwise their windows have EL_NO_TARGET */
    size_t n_lost;
    size_t n_moved;  /* answers that were found elsewhere than at their place */
    size_t n_cut;    /* questions that were cut */
    size_t n_broken; /* answers of which no window holds all pieces, so that all its windows say [CLS] */
} el_qa_set;

/* examples: of EL_TASK_ANSWER. An answer stands at `start` code points of the context if it does but for white space
 * (any run of it equals any other) and byte order marks, or else but for case; if not there, the occurrence nearest to
 * its place is taken (of two equally near the earlier one; the first if no place is told), with its own case if it has
 * one.
 * ELECTRA_MISUSE: max_length below 8, a step or max_question of 0. ELECTRA_INVALID: a text of 4 GiB, or more pieces or
 * windows than 32 bits count. ELECTRA_NO_RESOURCE: out of memory. */
electra_status el_qa_set_create(el_qa_set **out, const el_examples *examples, const electra_tokenizer *tokenizer,
                                const el_qa_settings *settings, electra_error *err);
void el_qa_set_free(el_qa_set *set); /* accepts NULL */

/* Pieces of a window, special tokens included; at most set->longest. */
size_t el_qa_window_length(const el_qa_set *set, size_t window);

/* Write the window's ids ([el_qa_window_length], the caller's, which the sequence borrows). Types follow from
 * first_length; `number` is left 0. */
el_sequence el_qa_sequence(const el_qa_set *set, size_t window, uint32_t *ids);

/* Places within the window. A window that lacks a part of the answer, and every window of an impossible question, has
 * 0, 0: [CLS]. EL_NO_TARGET twice if the answer is not known. */
typedef struct el_qa_target {
    uint32_t start, end;
    uint32_t impossible; /* 1: the question is (not the window) */
} el_qa_target;

el_qa_target el_qa_window_target(const el_qa_set *set, size_t window);

#endif
