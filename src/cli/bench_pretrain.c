/* electra bench pretrain. */
#include <electra/bench.h>

#include "bench.h"

static const char *const SIZES[] = {"tiny", "mini", "small", "base", "large"};

static void print_operators_json(FILE *out, const electra_bench_pretrain_result *r)
{
    fputs(",\"operators\":[", out);
    for (size_t i = 0; i < r->n_operators; i++) {
        const electra_bench_operator *o = &r->operators[i];
        fprintf(out, "%s{\"name\":\"%s\",\"calls\":%.0f,\"ms\":%.3f,\"gflops\":%.1f}", i ? "," : "", o->name, o->calls,
                o->seconds * 1e3, o->gflops);
    }
    fputs("]", out);
}

static void print_json(FILE *out, const bench_values *v, const electra_bench_pretrain_result *r)
{
    fprintf(out,
            "{\"name\":\"pretrain\",\"settings\":{\"size\":\"%s\",\"batch\":%ld,\"micro_batch\":%zu,"
            "\"max_length\":%ld,\"threads\":%d,\"level\":\"%s\"},\"steps\":%zu,",
            SIZES[v->size], v->batch, r->micro_batch, v->max_length, r->threads, r->level, r->steps);
    fprintf(out,
            "\"tokens_per_second\":%.1f,\"sequences_per_second\":%.2f,\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
            "\"gflop_per_step\":%.2f,\"gflops\":%.2f,\"peak_gflops\":%.2f,\"share_of_peak\":%.4f,"
            "\"peak_rss_mb\":%.1f",
            r->tokens_per_second, r->sequences_per_second, r->p50_ms, r->p99_ms, r->gflop_per_step, r->gflops,
            r->peak_gflops, r->share_of_peak, r->peak_rss_mb);
    if (r->n_operators) {
        print_operators_json(out, r);
    }
    fputs("}\n", out);
}

static void print_operators(FILE *out, const electra_bench_pretrain_result *r)
{
    double total = 0;
    for (size_t i = 0; i < r->n_operators; i++) {
        total += r->operators[i].seconds;
    }
    fprintf(out, "\n%-20s %7s %9s %7s %9s\n", "operator", "calls", "ms", "share", "GFLOP/s");
    for (size_t i = 0; i < r->n_operators; i++) {
        const electra_bench_operator *o = &r->operators[i];
        fprintf(out, "%-20s %7.0f %9.2f %5.1f %%", o->name, o->calls, o->seconds * 1e3, 100 * o->seconds / total);
        if (o->gflops > 0) {
            fprintf(out, " %9.1f", o->gflops);
        }
        fputc('\n', out);
    }
}

static void print_text(FILE *out, const bench_values *v, const electra_bench_pretrain_result *r)
{
    fprintf(out, "pretrain %s, %ld x %ld tokens, micro-batch %zu, %d thread%s, %s, median of %zu steps\n",
            SIZES[v->size], v->batch, v->max_length, r->micro_batch, r->threads, r->threads == 1 ? "" : "s", r->level,
            r->steps);
    fprintf(out, "%.0f tokens/s, %.2f sequences/s, a step %.0f ms (99 %%: %.0f ms)\n", r->tokens_per_second,
            r->sequences_per_second, r->p50_ms, r->p99_ms);
    fprintf(out, "%.1f GFLOP/s of needed work (%.1f GFLOP a step), %.1f %% of the peak of %.1f GFLOP/s\n", r->gflops,
            r->gflop_per_step, 100 * r->share_of_peak, r->peak_gflops);
    fprintf(out, "peak memory %.0f MB\n", r->peak_rss_mb);
    if (r->n_operators) {
        print_operators(out, r);
    }
}

electra_status bench_pretrain(const cli_common *common, const bench_values *v, electra_error *err)
{
    electra_bench_pretrain_options options = electra_bench_pretrain_options_default();
    electra_bench_pretrain_result result;
    options.runtime = common->runtime;
    options.size = v->size;
    options.batch = v->batch;
    options.micro_batch = v->micro_batch;
    options.max_length = v->max_length;
    options.steps = v->steps;
    options.seconds = v->seconds > 0 ? v->seconds : options.seconds;
    options.operators = common->verbose;
    const electra_status status = electra_bench_pretrain(&options, &result, err);
    if (status == ELECTRA_OK) {
        (common->json ? print_json : print_text)(common->out, v, &result);
    }
    return status;
}
