/* What all answers share: a session's backend, forward pass, encoder, and the windows of a call.
 *
 *     el_session_begin(s);
 *     for each text: el_session_encode(...), el_session_add(...)    windows, in the order of the texts
 *     el_session_compute(s, &TASK, err)                             longest first; TASK.take gets each one's numbers
 *     ... in the order of the texts: what was taken -> answers
 *
 * Arrays grow with a call and are kept, so that a call of sizes seen before allocates nothing. */
#ifndef EL_INFER_SESSION_H
#define EL_INFER_SESSION_H

#include <electra/infer.h>

#include "data/batch.h"
#include "infer/best.h"
#include "infer/growing.h"
#include "infer/slices.h"
#include "interop/model.h"
#include "model/predict.h"

enum { EL_SESSION_MOST_SLOTS = 32 }; /* masked positions computed at once: their logits over the vocabulary are kept */

/* One sequence of a call. */
typedef struct el_window {
    size_t first;         /* of its tokens in the session's arrays */
    size_t n;             /* tokens, [CLS] and [SEP] included */
    size_t slot, n_slots; /* its masked positions in the session's array of them */
    size_t result;        /* where its numbers go: the task's own count */
    size_t skip,
        decides;   /* detect: tokens behind [CLS] that it leaves to the window before, and those that it decides */
    size_t before; /* joint head: tokens of the context before its first */
} el_window;

/* The windows of one text. */
typedef struct el_part {
    size_t first, n;
} el_part;

/* What of the pack's numbers belongs to a window. */
typedef enum el_rows {
    EL_ROWS_TOKENS,   /* a row a token */
    EL_ROWS_FIRST,    /* a row a token, of which that of [CLS] is asked for */
    EL_ROWS_SEQUENCE, /* a row a sequence */
    EL_ROWS_SLOTS     /* a row a slot; taken one by one */
} el_rows;

/* What the model computes, by its head. */
el_tensor el_session_forward_classes(electra_session *s, const el_batch *batch);
el_tensor el_session_forward_tags(electra_session *s, const el_batch *batch);
el_tensor el_session_forward_joint(electra_session *s, const el_batch *batch); /* and fills s->joint */

typedef struct el_task {
    el_tensor (*forward)(electra_session *s, const el_batch *batch);
    el_rows rows;
    /* rows: n rows as said above; slot: the number of the slot within the window. Cannot fail. */
    void (*take)(electra_session *s, const el_window *window, size_t slot, const float *rows);
} el_task;

struct electra_session {
    const electra_model *model;
    el_pool *pool;
    el_backend *be;
    el_predictor *predictor;
    electra_encoder *encoder;
    el_pack *pack;
    size_t longest;   /* tokens of a sequence */
    bool truncate;    /* longer texts are cut, not covered by windows */
    bool one_segment; /* all that the model knows: a pair looks like one text to it */
    size_t labels;    /* columns of the head of a task; 0 if the model has none */

    /* scratch of a fixed size */
    float *numbers;          /* one window's or one slot's, on the host */
    size_t *counts;          /* [longest + 2] for sorting windows by length */
    double *start, *end;     /* [longest] probabilities of a window's tokens; spans only */
    el_joint_answers *joint; /* [sequences of a pack] joint head only; as many as n_joint were taken */
    size_t n_joint;

    /* the windows of a call */
    el_growing ids, types, words; /* uint32_t, one a token */
    el_growing spans;             /* electra_span, one a token */
    el_growing windows;           /* el_window */
    el_growing parts;             /* el_part, one a text (or question, or choice) */
    el_growing slots;             /* uint32_t, positions within their window */
    el_growing order;             /* size_t: windows, longest first */
    size_t n_truncated;

    /* results of a call; each task uses some of them */
    el_growing values;                /* float: whatever a task takes from its windows */
    el_growing results;               /* the structs that the answers point to */
    el_growing text_ids;              /* uint32_t, fill: texts as tokens, whole */
    el_growing candidates;            /* electra_candidate */
    const electra_fill_options *fill; /* while it computes */
    el_growing ranked;                /* el_ranked: room for an el_best */
    el_slices slices;                 /* of the text at hand */
    el_growing label_names;           /* const char *, tag: the model's labels */
    el_growing label_ignored;         /* bool, tag: which of them are left out */
    struct el_entities *entities;     /* tag (entities.h); made when the first question comes */
    struct el_spans *answers;         /* answer (spans.h); likewise */
    el_growing found;                 /* el_joint_answers, joint head: one a window */
    el_growing pieces;                /* electra_span, joint head: the context's tokens in bytes */
    el_growing piece_words;           /* uint32_t, their words */
    el_growing places, bests;         /* el_window_place, el_window_best, joint head: windows of a question */
};

/* Forget the last call. */
void el_session_begin(electra_session *session);

typedef struct el_encode_request {
    electra_text first, second; /* second.text NULL: a single text */
    size_t max_length;          /* 0: no limit */
    electra_truncation truncation;
    bool windows; /* cover what is cut off */
    size_t stride;
} el_encode_request;

/* Encode a text or a pair; windows are borrowed from the encoder until the next call. What was cut is counted. */
electra_status el_session_encode(electra_session *session, const el_encode_request *request, electra_encoding *out,
                                 electra_error *err);

/* List a window: [CLS], the tokens begin ... end-1 (counted behind [CLS]) of an encoded one, and its last [SEP]. NULL
 * when out of memory; otherwise valid until the next one is listed. */
el_window *el_session_add_range(electra_session *session, const electra_window *encoded, size_t begin, size_t end,
                                electra_error *err);
/* List all windows of an encoding, whole, as one part. result: n_results for each token (per_token) or window, counted
 * on in session->values, for which room is made. */
electra_status el_session_add(electra_session *session, const electra_encoding *encoding, size_t n_results,
                              bool per_token, electra_error *err);

/* Compute all windows. */
electra_status el_session_compute(electra_session *session, const el_task *task, electra_error *err);

/* Copy `n` numbers to their place in session->values: what most tasks take. */
void el_session_keep(electra_session *session, const el_window *window, size_t n, const float *numbers);

/* ELECTRA_MISUSE unless the model is of that kind. asked: "finding replaced tokens". */
electra_status el_session_check_kind(const electra_session *session, electra_model_kind kind, const char *asked,
                                     electra_error *err);

/* ELECTRA_MISUSE for `function` if a pointer is missing. */
electra_status el_session_check_call(const electra_session *session, bool complete, const char *function,
                                     electra_error *err);

/* Copy the caller's options over the defaults, as many bytes as the caller's version of the struct has. */
void el_options_take(void *options, const void *given, size_t size);

#endif
