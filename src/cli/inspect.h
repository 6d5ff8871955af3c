/* The subjects of electra inspect; one file inspect_*.c each. A subject that finds something wrong says so through err
 * and prints no answer. */
#ifndef EL_CLI_INSPECT_H
#define EL_CLI_INSPECT_H

#include "options.h"

/* A data folder: what it holds, and `examples` examples as text. Fails if a checksum or count is wrong. */
electra_status inspect_data(const cli_common *common, const char *folder, size_t examples, electra_error *err);

#endif
