/* Owns drawing a run's report while it trains. */
#include "curves.h"

#include <electra/report.h>
#include <stdarg.h>
#include <stdio.h>

enum { REPORT_SECONDS = 20 };

cli_curves cli_curves_of(const char *run, const electra_runtime *runtime)
{
    return (cli_curves){.run = run, .runtime = runtime, .drawn = time(NULL)};
}

void cli_curves_draw(cli_curves *c)
{
    electra_error err = {0};
    electra_report_options options = electra_report_options_default();
    options.runs = &c->run;
    options.n_runs = 1;
    electra_status status = electra_report_write(&options, &err);
    if (status == ELECTRA_OK) {
        status = electra_report_events(c->run, &err);
    }
    if (status != ELECTRA_OK && !c->failed) {
        char line[1000];
        snprintf(line, sizeof line, "the report could not be written: %s", err.message);
        c->runtime->log(c->runtime->log_user, ELECTRA_LOG_WARNING, line);
        c->failed = true;
    }
    c->drawn = time(NULL);
}

void cli_curves_tell(const cli_curves *c, const char *format, ...)
{
    char line[1200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    c->runtime->log(c->runtime->log_user, ELECTRA_LOG_DEBUG, line);
}

void cli_curves_follow(cli_curves *c)
{
    if (time(NULL) - c->drawn >= REPORT_SECONDS) {
        cli_curves_draw(c);
    }
}
