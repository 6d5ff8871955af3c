/* electra bench kernels. */
#include <electra/bench.h>

#include "bench.h"

typedef struct table {
    FILE *out;
    bool json, headed;
} table;

static void print_row(void *user, const electra_bench_kernel *row)
{
    table *t = user;
    if (t->json) {
        fprintf(t->out,
                "{\"name\":\"kernels\",\"level\":\"%s\",\"kernel\":\"%s\",\"shape\":\"%s\",\"threads\":%d,"
                "\"p50_ms\":%.4f,\"gflops\":%.2f,\"peak_gflops\":%.2f,\"share_of_peak\":%.4f}\n",
                row->level, row->name, row->shape, row->threads, row->ms, row->gflops, row->peak_gflops,
                row->share_of_peak);
        return;
    }
    if (!t->headed) {
        fprintf(t->out, "%-11s %7s  %-20s %-26s %9s %9s %8s\n", "level", "threads", "operator", "shape", "ms",
                "GFLOP/s", "of peak");
        t->headed = true;
    }
    fprintf(t->out, "%-11s %7d  %-20s %-26s %9.3f", row->level, row->threads, row->name, row->shape, row->ms);
    if (row->gflops > 0) {
        fprintf(t->out, " %9.1f %6.1f %%", row->gflops, 100 * row->share_of_peak);
    }
    fputc('\n', t->out);
    (void)fflush(t->out);
}

electra_status bench_kernels(const cli_common *common, const bench_values *v, electra_error *err)
{
    electra_bench_kernels_options options = electra_bench_kernels_options_default();
    table t = {.out = common->out, .json = common->json};
    options.runtime = common->runtime;
    options.seconds = v->seconds > 0 ? v->seconds : options.seconds;
    return electra_bench_kernels(&options, print_row, &t, err);
}
