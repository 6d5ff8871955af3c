/* Numbers of a training run in words and as JSON, the same for pretrain and inspect --run. */
#ifndef EL_CLI_DESCRIBE_RUN_H
#define EL_CLI_DESCRIBE_RUN_H

#include "options.h"

/* How long it trained, and what the last evaluation on held-out text found. */
void describe_metrics(FILE *out, bool finished, const electra_metrics *metrics);

/* The members of an object, beginning with "step". */
void describe_metrics_json(FILE *out, const electra_metrics *metrics);

/* What the trials of fine-tuning came to, and where the model is. */
void describe_trials(FILE *out, const electra_finetune_result *result);
void describe_trials_json(FILE *out, const electra_finetune_result *result);

#endif
