/* Where a run of fine-tuning stands, as its checkpoints store it. */
#ifndef EL_TASKS_TUNE_STATE_H
#define EL_TASKS_TUNE_STATE_H

#include "train/checkpoint.h"

#define EL_TUNE_NO_SCORE (-1e300) /* below every score */
#define EL_TUNE_NO_LOSS  1e300    /* above every loss */

typedef struct el_tune_state {
    double step;       /* of all trials */
    double trial;      /* 0, 1, ... */
    double trial_step; /* steps made in it, skipped ones included */
    double seconds;    /* of the trial */
    double metrics_bytes;
    double best;      /* score of the trial; EL_TUNE_NO_SCORE: none yet */
    double best_loss; /* on the dev set, of the same weights */
    double stale;     /* evaluations since then */
    double over;      /* 1: the trial stopped early */
    double collapsed; /* the best weights give one answer to everything: a bit for each task */
    double unjudged;  /* 1: stopped while the weights were being evaluated, which is to be done again */
    double skipped_in_a_row;
    double work_seconds, work_examples; /* of steps alone */

    /* sums since the last line of metrics.jsonl */
    double interval_steps, interval_seconds, interval_examples, interval_tokens;
    double interval_rate, interval_loss, interval_norm;
} el_tune_state;

extern const el_state_table el_tune_state_table;

#endif
