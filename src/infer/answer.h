/* What the two ways to answer questions share (answer.c, answer_joint.c). */
#ifndef EL_INFER_ANSWER_H
#define EL_INFER_ANSWER_H

#include "infer/session.h"

/* All windows of a question's context, each with the whole question; stride: tokens shared. */
electra_status el_answer_encode(electra_session *session, const electra_question *question, size_t max_length,
                                size_t stride, electra_encoding *out, electra_error *err);
/* Tokens of the context for which the question leaves room; ELECTRA_INVALID if none. number: of the question, from 0.
 */
electra_status el_answer_room(electra_session *session, const electra_question *question, size_t number,
                              size_t max_length, size_t *room, electra_error *err);

/* true if token t of a window is one of the context. */
bool el_answer_is_context(const electra_session *session, const el_window *window, size_t t);

/* Let the answers, whose numbers are known, point to the session's results, which do not move any more. */
void el_answer_hand_out(const electra_session *session, electra_answers *out, size_t n);

/* electra_session_answer of a model with EL_HEAD_JOINT_QA; options are checked and complete. */
electra_status el_answer_jointly(electra_session *session, const electra_question *questions, size_t n,
                                 const electra_answer_options *options, electra_answers *out, electra_error *err);

#endif
