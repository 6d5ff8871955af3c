/* Ctrl-C. A job that looks (through its progress callback) is asked to save and stop by the first SIGINT or SIGTERM;
 * the second, or the first while no job has looked yet, ends the program at once. Both exit with 130. */
#ifndef EL_CLI_INTERRUPT_H
#define EL_CLI_INTERRUPT_H

#include <stdbool.h>

/* quiet: say nothing when the first signal comes. */
void cli_interrupt_install(bool quiet);

/* Has a signal come? From the first call on, a signal waits for the next. */
bool cli_interrupt_asked(void);

#endif
