/* The ceiling that speeds are compared with. */
#include "backend/cpu/cpu.h"
#include "base/log.h"

enum { ROUNDS = 16384, PIECES_A_THREAD = 8 }; /* a piece takes a quarter of a millisecond at 100 GFLOP/s */

typedef struct peak_job {
    const el_cpu *cpu;
} peak_job;

static void run_piece(void *argument, size_t begin, size_t end, int thread)
{
    const peak_job *job = argument;
    (void)thread;
    real sink = 0;
    job->cpu->k.multiply_adds(&sink, (end - begin) * ROUNDS);
}

double EL_REAL(el_cpu_peak)(el_backend *be, double seconds)
{
    peak_job job = {el_cpu_of(be)};
    const size_t pieces = (size_t)el_pool_threads(be->pool) * PIECES_A_THREAD;
    const double start = el_now();
    double now = start, done = 0;
    while (now - start < seconds) {
        el_parallel_for(be->pool, pieces, 1, run_piece, &job);
        done += (double)pieces * ROUNDS * EL_PEAK_FLOPS;
        now = el_now();
    }
    return now > start ? done / (now - start) * 1e-9 : 0;
}
