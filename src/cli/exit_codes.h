/* The program's exit codes: the values of electra_status, with the words that help and the man page show. */
#ifndef EL_CLI_EXIT_CODES_H
#define EL_CLI_EXIT_CODES_H

#include <electra/types.h>

typedef struct cli_exit_code {
    electra_status status;
    const char *meaning;
} cli_exit_code;

static const cli_exit_code CLI_EXIT_CODES[] = {
    {ELECTRA_OK, "done"},
    {ELECTRA_FAILED, "failed (a full disk, a diverged run, a closed pipe)"},
    {ELECTRA_MISUSE, "misuse: a command, option or value makes no sense"},
    {ELECTRA_INVALID, "input cannot be read or is not what it should be"},
    {ELECTRA_NO_RESOURCE, "out of memory, or the device is missing"},
    {ELECTRA_INTERRUPTED, "interrupted; what was due to be saved was saved"},
};

enum { CLI_EXIT_CODE_COUNT = sizeof CLI_EXIT_CODES / sizeof CLI_EXIT_CODES[0] };

#endif
