#include "train/schedule.h"

#include <math.h>

static double warmed(const el_schedule *schedule, uint64_t step, double remaining)
{
    const double decayed = schedule->peak * pow(remaining, schedule->power);
    return (double)step < schedule->warmup ? decayed * ((double)step / schedule->warmup) : decayed;
}

double el_schedule_rate(const el_schedule *schedule, uint64_t step)
{
    if (step >= schedule->total) {
        return 0.0;
    }
    return warmed(schedule, step, 1.0 - (double)step / (double)schedule->total);
}

double el_schedule_rate_elapsed(const el_schedule *schedule, uint64_t step, double elapsed)
{
    return elapsed < 1.0 ? warmed(schedule, step, 1.0 - fmax(elapsed, 0.0)) : 0.0;
}
