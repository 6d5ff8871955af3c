/* One formatted line to the caller's log callback, and progress that knows when to speak. */
#ifndef EL_BASE_LOG_H
#define EL_BASE_LOG_H

#include <electra/types.h>

/* Send one line. rt may be NULL or have no callback: then nothing happens. Lines are cut at 1,000 bytes. */
void el_log(const electra_runtime *rt, electra_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Report progress; true if the caller asks to stop. rt may be NULL or have no callback. */
bool el_progress(const electra_runtime *rt, const electra_progress *progress);

/* Monotonic time in seconds. */
double el_now(void);

#endif
