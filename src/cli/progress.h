/* Log lines and progress of a job on stderr: on a terminal one line redrawn a few times a second, elsewhere a plain
 * line now and then. Nothing under --quiet. */
#ifndef EL_CLI_PROGRESS_H
#define EL_CLI_PROGRESS_H

#include "options.h"

typedef struct cli_progress {
    bool terminal, quiet, verbose, color;
    bool drawn;        /* a line stands on the terminal */
    char stage[64];    /* the stage that the numbers below are about */
    double first_done; /* where it was when it was first seen: a resumed job does not begin at 0 */
    double first_seconds;
    double shown_seconds; /* of the last line */
} cli_progress;

/* Puts the callbacks into common->runtime; progress must outlive it. */
void cli_progress_wire(cli_progress *progress, cli_common *common);

/* Takes the line off the terminal. */
void cli_progress_end(cli_progress *progress);

/* "merging 1,200/5,000 words 24 %, 310 words/s, 0:12 left, note". Exposed for the tests. */
void cli_progress_line(char *text, size_t size, const cli_progress *progress, const electra_progress *now);

#endif
