/* Numbers of windows -> answers to their questions, by the rules of infer/nbest.h (electra.md 9.4).
 *
 *     el_qa_results *results = NULL;
 *     EL_TRY(el_qa_results_create(&results, set, &rules, false, err));
 *     for each window, in any order:
 *         el_qa_take_spans(results, w, logits);           EL_HEAD_SPANS
 *         el_qa_take_joint(results, w, &answers);         EL_HEAD_JOINT_QA
 *     for (size_t q = 0; q < set->n_questions; q++) {
 *         el_question_best best;
 *         el_qa_answer(results, q, &best);
 *         ... el_qa_final(&best, threshold) ...
 *     }
 *     el_qa_results_free(results);
 *
 * A window keeps its 20 best: 336 bytes. Different windows may be taken by different threads at a time. */
#ifndef EL_TASKS_QA_DECODE_H
#define EL_TASKS_QA_DECODE_H

#include "tasks/qa_features.h"

/* Of null odds: beyond it a question counts as unanswerable (SQuAD 2.0, --compat google). */
#define EL_QA_GOOGLE_THRESHOLD (-2.75)

typedef struct el_qa_results el_qa_results;

/* set: must outlive them. rules: NULL for the defaults. joint: which head the numbers come from. */
electra_status el_qa_results_create(el_qa_results **out, const el_qa_set *set, const el_nbest_rules *rules, bool joint,
                                    electra_error *err);
void el_qa_results_free(el_qa_results *results); /* accepts NULL */

/* logits: [el_qa_window_length, 2] start and end. */
void el_qa_take_spans(el_qa_results *results, size_t window, const float *logits);
void el_qa_take_joint(el_qa_results *results, size_t window, const el_joint_answers *answers);

/* When all windows of the question were taken. Texts are borrowed from the examples. */
void el_qa_answer(const el_qa_results *results, size_t question, el_question_best *out);

/* The answer: empty if null_odds > threshold, otherwise the best (empty if there is none). SQuAD 1.1 and MRQA, where
 * every question has one: threshold INFINITY. SQuAD 2.0's own scorer wants the text with INFINITY and null_odds beside
 * it; threshold: the best one on the dev set, or EL_QA_GOOGLE_THRESHOLD. */
electra_text el_qa_final(const el_question_best *best, double threshold);

#endif
