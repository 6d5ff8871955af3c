/* Where a pre-training run stands, as its checkpoints store it. */
#ifndef EL_TRAIN_RUN_STATE_H
#define EL_TRAIN_RUN_STATE_H

#include "train/checkpoint.h"

typedef struct el_run_state {
    double step; /* steps made, skipped ones included */
    double seconds;
    double tokens;
    double skipped;          /* steps whose loss or gradient was not finite */
    double skipped_in_a_row; /* up to now */
    double metrics_bytes;    /* of metrics.jsonl that belong to it */
    double evaluations;      /* made */

    /* sums since the last line of metrics.jsonl */
    double interval_steps; /* that were not skipped */
    double interval_seconds, interval_tokens, interval_slots, interval_replaced;
    double interval_rate, interval_loss, interval_generator_loss, interval_discriminator_loss, interval_norm;
} el_run_state;

extern const el_state_table el_run_state_table;

#endif
