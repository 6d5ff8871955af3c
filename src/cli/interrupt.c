#include "interrupt.h"

#include "exit_codes.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Set by the handler, so they cannot live anywhere but here. */
static volatile sig_atomic_t asked, a_job_looks, silent;

static void on_signal(int number)
{
    (void)number;
    if (asked || !a_job_looks) {
        _exit(ELECTRA_INTERRUPTED);
    }
    asked = 1;
    static const char WORDS[] = "\nstopping: what is due is being saved; press Ctrl-C again to stop at once\n";
    if (!silent && write(STDERR_FILENO, WORDS, sizeof WORDS - 1) < 0) {
        return; /* nobody to tell */
    }
}

/* A signal that is ignored from outside (a job in the background of a script) stays ignored. */
static void listen_to(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN) {
        return;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; /* the job stops at its next report, not in the middle of reading a file */
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void cli_interrupt_install(bool quiet)
{
    silent = quiet;
    listen_to(SIGINT);
    listen_to(SIGTERM);
}

bool cli_interrupt_asked(void)
{
    a_job_looks = 1;
    return asked;
}
