/* report.html and the TensorBoard events of a run, kept up to date while it trains.
 *
 *     cli_curves curves = cli_curves_of(options.output, &common->runtime);
 *     ... at each line of metrics.jsonl: cli_curves_follow(&curves);
 *     cli_curves_draw(&curves);      at the end */
#ifndef EL_CLI_CURVES_H
#define EL_CLI_CURVES_H

#include <electra/types.h>
#include <time.h>

typedef struct cli_curves {
    const char *run; /* folder; borrowed, like the runtime */
    const electra_runtime *runtime;
    time_t drawn;
    bool failed; /* said once, then left alone: a report is not worth a run */
} cli_curves;

cli_curves cli_curves_of(const char *run, const electra_runtime *runtime);
void cli_curves_draw(cli_curves *curves);
/* With --verbose: a line of metrics in words. */
void cli_curves_tell(const cli_curves *curves, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Draw if it was long ago. */
void cli_curves_follow(cli_curves *curves);

#endif
