/* The head of the published system for questions (electra.md 9.4), EL_HEAD_JOINT_QA: where the answer starts, where it
 * ends given its start, and whether there is none. The other heads of tasks: heads.h. */
#ifndef EL_MODEL_JOINT_QA_H
#define EL_MODEL_JOINT_QA_H

#include <stddef.h>
#include <stdint.h>

enum { EL_QA_BEAM = 20 /* starts, and ends of each, that are looked at in prediction */ };

/* The most likely places of an answer in one sequence, likeliest first; of equally likely ones the earlier. */
typedef struct el_joint_answers {
    size_t n;                      /* starts, and ends of each start: EL_QA_BEAM, or the tokens of a shorter sequence */
    float impossible;              /* logit: the larger, the less is there an answer */
    uint32_t start[EL_QA_BEAM];    /* place within the sequence */
    float start_score[EL_QA_BEAM]; /* log p(start) */
    uint32_t end[EL_QA_BEAM][EL_QA_BEAM];
    float end_score[EL_QA_BEAM][EL_QA_BEAM]; /* log p(end | start) */
} el_joint_answers;

#endif
