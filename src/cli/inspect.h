/* The subjects of electra inspect; one file inspect_*.c each. A subject that finds something wrong says so through err
 * and prints no answer. */
#ifndef EL_CLI_INSPECT_H
#define EL_CLI_INSPECT_H

#include "options.h"

/* A data folder: what it holds, and `examples` examples as text. Fails if a checksum or count is wrong. */
electra_status inspect_data(const cli_common *common, const char *folder, size_t examples, electra_error *err);

/* A model directory: kind, sizes, costs, tokenizer. Fails if it is not sound. */
electra_status inspect_model(const cli_common *common, const char *folder, electra_error *err);

/* What a pre-training pair of a preset would be and cost; zeros stand for the preset's own values. */
typedef struct inspect_size_values {
    const char *size;
    long vocab_size, batch, max_length;
} inspect_size_values;
electra_status inspect_size(const cli_common *common, const inspect_size_values *values, electra_error *err);

/* A training run: how far it came. Fails if one of its files is damaged. */
electra_status inspect_run(const cli_common *common, const char *folder, electra_error *err);

#endif
