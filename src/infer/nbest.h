/* Numbers of a question's windows -> its best answers, one for each text, and how likely it has none: the rules of the
 * published system (electra.md 9.4, "Decoding"). Knows nothing of networks. (spans.h holds Hugging Face's other rules,
 * which electra_session_answer follows for heads of theirs.)
 *
 *     for each window, in any order: el_nbest_spans or el_nbest_joint      its candidates: el_window_best
 *     for each question: el_nbest_join                                     those of its windows -> n best
 *
 * A window's 20 best distinct texts are all that the 20 best of the question can need of it, so that nothing else of a
 * window is kept. Nothing here allocates or fails. Scores that are no finite numbers make no answer.
 *
 * Order: higher scores first; of equal ones the earlier window, then the earlier start, then the earlier end. */
#ifndef EL_INFER_NBEST_H
#define EL_INFER_NBEST_H

#include <electra/infer.h>

#include "model/joint_qa.h"

typedef struct el_nbest_rules {
    size_t beam;       /* starts and ends of a window that are looked at; at most EL_QA_BEAM */
    size_t n_best;     /* answers with distinct texts; at most EL_NBEST_MOST */
    size_t max_answer; /* pieces of an answer */
} el_nbest_rules;

enum { EL_NBEST_MOST = 20 };

el_nbest_rules el_nbest_rules_default(void); /* 20, 20, 30 */

/* Pieces of a question that are read: its first max_question, but no more than leave its context a third of a window of
 * max_length (8 or more). */
static inline size_t el_question_pieces(size_t max_question, size_t max_length)
{
    const size_t share = (max_length - 3) * 2 / 3;
    return max_question < share ? max_question : share;
}

/* What part of a context a window holds: pieces first ... first + n - 1. */
typedef struct el_window_place {
    uint32_t first, n;
} el_window_place;

/* true if window w of a question is the one that sees most around a piece of the context, and so answers for it: the
 * largest min(pieces of the context to its left, to its right) + 0.01 * place.n; of equal ones the first. */
bool el_window_owns(const el_window_place *windows, size_t n_windows, size_t w, uint32_t piece);

/* What is asked of a window's context. */
typedef struct el_window_view {
    const el_window_place *windows; /* [n_windows] of the question */
    size_t n_windows, w;
    size_t context; /* token of the window that is its first piece of the context */
    electra_text text;
    const electra_span *spans; /* bytes of the text, for the pieces of the whole context */
} el_window_view;

/* An answer: pieces from ... to (included) of the context. */
typedef struct el_candidate {
    double score;
    uint32_t from, to;
} el_candidate;

typedef struct el_window_best {
    double none; /* plain spans: start + end of [CLS]; joint head: the logit of "impossible" */
    size_t n;
    el_candidate list[EL_NBEST_MOST]; /* [n] best first, texts distinct */
} el_window_best;

/* logits: [tokens of the window, 2] start and end, of EL_HEAD_SPANS. The `beam` best starts and ends among
 * its pieces of the context. Score: start + end. */
void el_nbest_spans(el_window_best *out, const el_nbest_rules *rules, const el_window_view *view, const float *logits);
/* Of EL_HEAD_JOINT_QA. Score: log p(start) + log p(end | start). */
void el_nbest_joint(el_window_best *out, const el_nbest_rules *rules, const el_window_view *view,
                    const el_joint_answers *answers);

typedef struct el_ranked_answer {
    electra_text text; /* a slice of the context */
    electra_span span; /* bytes of the context */
    double score;
    double probability; /* softmax over the scores of the answers listed */
} el_ranked_answer;

typedef struct el_question_best {
    size_t n; /* 0: no pair of places made an answer (an empty context) */
    el_ranked_answer answers[EL_NBEST_MOST];
    double score_null; /* least `none` of the windows */
    double null_odds;  /* the larger, the more likely is it that there is no answer: score_null with a joint head,
                          score_null - score of the best answer (0 without any) with plain spans */
} el_question_best;

/* windows: [n_windows] as el_nbest_... left them, in the order of the context; joint: which of the two it was. text,
 * spans: as in el_window_view. */
void el_nbest_join(el_question_best *out, const el_nbest_rules *rules, const el_window_best *windows, size_t n_windows,
                   bool joint, electra_text text, const electra_span *spans);

#endif
