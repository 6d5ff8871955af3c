/* electra bench pretrain. */
#include <electra/bench.h>

#include "bench.h"

static const char *const SIZES[] = {"tiny", "mini", "small", "base", "large"};

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
        bench_operators_json(out, r->operators, r->n_operators);
    }
    fputs("}\n", out);
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
        bench_operators_text(out, r->operators, r->n_operators);
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
