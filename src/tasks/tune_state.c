/* Owns the table of el_tune_state. */
#include "tasks/tune_state.h"

/* clang-format off */
#define COUNT(name) EL_STATE_COUNT(el_tune_state, name)
#define NUMBER(name) EL_STATE_NUMBER(el_tune_state, name)
/* clang-format on */
static const el_state_field FIELDS[] = {COUNT(step),
                                        COUNT(trial),
                                        COUNT(trial_step),
                                        NUMBER(seconds),
                                        COUNT(metrics_bytes),
                                        NUMBER(best),
                                        NUMBER(best_loss),
                                        COUNT(stale),
                                        COUNT(over),
                                        COUNT(collapsed),
                                        COUNT(unjudged),
                                        COUNT(skipped_in_a_row),
                                        NUMBER(work_seconds),
                                        COUNT(work_examples),
                                        COUNT(interval_steps),
                                        NUMBER(interval_seconds),
                                        COUNT(interval_examples),
                                        COUNT(interval_tokens),
                                        NUMBER(interval_rate),
                                        NUMBER(interval_loss),
                                        NUMBER(interval_norm)};
const el_state_table el_tune_state_table = {FIELDS, sizeof FIELDS / sizeof FIELDS[0]};
