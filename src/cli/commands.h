/* The commands, one cmd_*.c each. */
#ifndef EL_CLI_COMMANDS_H
#define EL_CLI_COMMANDS_H

#include "options.h"

/* text -> vocabulary -> ids */
extern const cli_command cli_vocab;
extern const cli_command cli_tokenize;

/* corpus -> shards */
extern const cli_command cli_prepare;

/* training */
extern const cli_command cli_pretrain;
extern const cli_command cli_finetune;
extern const cli_command cli_evaluate;

/* answers */
extern const cli_command cli_predict;
extern const cli_command cli_embed;
extern const cli_command cli_detect;
extern const cli_command cli_fill;

/* other forms of a model */
extern const cli_command cli_quantize;
extern const cli_command cli_convert;

/* looking */
extern const cli_command cli_inspect;
extern const cli_command cli_report;

/* speed */
extern const cli_command cli_bench;

#endif
