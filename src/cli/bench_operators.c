/* The table of operators of electra bench pretrain and infer. */
#include "bench.h"

void bench_operators_json(FILE *out, const electra_bench_operator *operators, size_t n)
{
    fputs(",\"operators\":[", out);
    for (size_t i = 0; i < n; i++) {
        const electra_bench_operator *o = &operators[i];
        fprintf(out, "%s{\"name\":\"%s\",\"calls\":%.0f,\"ms\":%.3f,\"gflops\":%.1f}", i ? "," : "", o->name, o->calls,
                o->seconds * 1e3, o->gflops);
    }
    fputs("]", out);
}

void bench_operators_text(FILE *out, const electra_bench_operator *operators, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        total += operators[i].seconds;
    }
    fprintf(out, "\n%-20s %7s %9s %7s %9s\n", "operator", "calls", "ms", "share", "GFLOP/s");
    for (size_t i = 0; i < n; i++) {
        const electra_bench_operator *o = &operators[i];
        fprintf(out, "%-20s %7.0f %9.3f %5.1f %%", o->name, o->calls, o->seconds * 1e3, 100 * o->seconds / total);
        if (o->gflops > 0) {
            fprintf(out, " %9.1f", o->gflops);
        }
        fputc('\n', out);
    }
}
