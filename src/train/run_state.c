/* Owns the table of el_run_state. */
#include "train/run_state.h"

#define COUNT(name)  EL_STATE_COUNT(el_run_state, name)
#define NUMBER(name) EL_STATE_NUMBER(el_run_state, name)

static const el_state_field FIELDS[] = {
    COUNT(step),
    NUMBER(seconds),
    COUNT(tokens),
    COUNT(skipped),
    COUNT(skipped_in_a_row),
    COUNT(metrics_bytes),
    COUNT(evaluations),
    COUNT(interval_steps),
    NUMBER(interval_seconds),
    COUNT(interval_tokens),
    COUNT(interval_slots),
    COUNT(interval_replaced),
    NUMBER(interval_rate),
    NUMBER(interval_loss),
    NUMBER(interval_generator_loss),
    NUMBER(interval_discriminator_loss),
    NUMBER(interval_norm),
};

const el_state_table el_run_state_table = {FIELDS, sizeof FIELDS / sizeof FIELDS[0]};
