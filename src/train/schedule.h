/* The learning rate of a step (electra.md 6.3): warm-up and decay are multiplied, so the first update has rate 0 and
 * the peak is never quite reached. */
#ifndef EL_TRAIN_SCHEDULE_H
#define EL_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef struct el_schedule {
    double peak;
    double power;   /* of the decay; 1 is linear */
    uint64_t total; /* T: the rate is 0 from here on */
    double warmup;  /* W in steps, a share of T may be no whole number; 0: none */
} el_schedule;

/* peak * (1 - min(s, T) / T)^power * min(1, s / W) for step s = 0, 1, ... */
double el_schedule_rate(const el_schedule *schedule, uint64_t step);

/* The same where the end is a time and not a step (--hours): peak * (1 - elapsed)^power * min(1, s / W), with
 * elapsed = seconds trained / seconds allowed, held to 0 ... 1. `total` is not read. */
double el_schedule_rate_elapsed(const el_schedule *schedule, uint64_t step, double elapsed);

#endif
