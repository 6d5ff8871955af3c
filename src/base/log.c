/* The library's only way to say anything while a job runs. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void el_log(const electra_runtime *rt, electra_log_level level, const char *format, ...)
{
    if (!rt || !rt->log) {
        return;
    }
    char line[1001];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    rt->log(rt->log_user, level, line);
}

bool el_progress(const electra_runtime *rt, const electra_progress *progress)
{
    return rt && rt->progress && rt->progress(rt->progress_user, progress);
}

double el_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
