/* Numbers of a training run in words and as JSON, the same for pretrain and inspect --run. */
#ifndef EL_CLI_DESCRIBE_RUN_H
#define EL_CLI_DESCRIBE_RUN_H

#include "options.h"

/* How long it trained, and what the last evaluation on held-out text found. */
void describe_metrics(FILE *out, bool finished, const electra_metrics *metrics);

/* The members of an object, beginning with "step". */
void describe_metrics_json(FILE *out, const electra_metrics *metrics);

/* What the trials of fine-tuning came to. JSON: an object without its end. */
void describe_trials(FILE *out, const electra_finetune_result *result);
void describe_trials_json(FILE *out, const electra_finetune_result *result);
/* Where a finished run has the model of its i-th task. */
void describe_model_path(char *path, size_t size, const electra_finetune_result *result, size_t i);

/* How far a run of fine-tuning came that is not finished. JSON: further members of an object. */
void describe_standing(FILE *out, const electra_finetune_standing *standing);
void describe_standing_json(FILE *out, const electra_finetune_standing *standing);

#endif
