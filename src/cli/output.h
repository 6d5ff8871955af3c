/* The stream that answers go to: stdout, remembering why a write failed. */
#ifndef EL_CLI_OUTPUT_H
#define EL_CLI_OUTPUT_H

#include "options.h"

/* NULL when out of memory. There is one stdout, so there is one such stream. */
FILE *cli_output_open(void);

/* Called before answers reach a terminal, so that progress can clear its line; NULL: nothing is. */
void cli_output_before_write(void (*clear)(void *user), void *user);

/* Flushes and closes; fails if any answer could not be written. A closed pipe leaves an empty message: whoever closed
 * it knows. */
electra_status cli_output_close(FILE *out, electra_error *err);

#endif
