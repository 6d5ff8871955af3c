/* What a data folder holds, in words and as JSON: the answer of inspect --data and the summary of prepare. */
#ifndef EL_CLI_DESCRIBE_DATA_H
#define EL_CLI_DESCRIBE_DATA_H

#include "options.h"

/* A few lines for a person. */
void describe_data_words(FILE *out, const electra_data_summary *summary);

/* Members of a JSON object, without its braces: "max_length":128,... */
void describe_data_members(FILE *out, const electra_data_summary *summary);

#endif
