/* electra bench tokenize: through the same functions that everybody else uses. */
#include <electra/bench.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { MOST_ROUNDS = 1000, LEAST_ROUNDS = 3 };
static const double PEAK_SECONDS = 0.1; /* of each measurement of the peak */

typedef struct text {
    char *bytes;
    size_t n;
} text;

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static electra_status read_all(text *out, const char *path, electra_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return cli_fail(err, ELECTRA_INVALID, path, "the file cannot be opened");
    }
    size_t capacity = 0;
    for (;;) {
        if (out->n == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 20;
            char *grown = realloc(out->bytes, capacity);
            if (!grown) {
                (void)fclose(file);
                return cli_fail(err, ELECTRA_NO_RESOURCE, path, "the text does not fit into memory");
            }
            out->bytes = grown;
        }
        const size_t got = fread(out->bytes + out->n, 1, capacity - out->n, file);
        out->n += got;
        if (got == 0) {
            break;
        }
    }
    const bool failed = ferror(file) != 0;
    (void)fclose(file);
    return failed ? cli_fail(err, ELECTRA_INVALID, path, "the file cannot be read") : ELECTRA_OK;
}

/* All lines of the text; *tokens is how many came out. */
static electra_status encode_all(electra_encoder *encoder, const text *t, electra_ids *ids, size_t *tokens,
                                 electra_error *err)
{
    *tokens = 0;
    for (const char *line = t->bytes, *end = t->bytes + t->n; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        ids->n = 0;
        const electra_status status = electra_encoder_append(encoder, line, (size_t)(stop - line), ids, err);
        if (status != ELECTRA_OK) {
            return status;
        }
        *tokens += ids->n;
        line = stop + 1;
    }
    return ELECTRA_OK;
}

typedef struct rounds {
    double seconds[MOST_ROUNDS];
    size_t n, tokens;
    double peak_gflops; /* of one thread, before and after the rounds: how fast the machine was meanwhile */
} rounds;

/* cold: the word cache is emptied before each round. */
static electra_status measure(rounds *r, electra_encoder *encoder, const text *t, bool cold, double seconds,
                              electra_error *err)
{
    electra_ids ids = {0};
    double before, after = 0;
    electra_status status = electra_bench_peak_gflops(&before, 1, PEAK_SECONDS, err);
    const double start = now();
    while (status == ELECTRA_OK && r->n < MOST_ROUNDS && (r->n < LEAST_ROUNDS || now() - start < seconds)) {
        if (cold) {
            electra_encoder_forget(encoder);
        }
        const double begin = now();
        status = encode_all(encoder, t, &ids, &r->tokens, err);
        r->seconds[r->n++] = now() - begin;
    }
    electra_ids_free(&ids);
    if (status == ELECTRA_OK) {
        status = electra_bench_peak_gflops(&after, 1, PEAK_SECONDS, err);
        r->peak_gflops = (before + after) / 2;
    }
    return status;
}

static void print_rounds(const cli_common *common, const bench_values *v, const text *t, rounds *r, bool cold)
{
    const double median = bench_quantile(r->seconds, r->n, 0.5), last = bench_quantile(r->seconds, r->n, 0.99);
    const double rate = median > 0 ? (double)r->tokens / median : 0;
    const char *cache = cold ? "cold" : "warm";
    if (common->json) {
        fprintf(common->out, "{\"name\":\"tokenize\",\"settings\":{\"input\":");
        cli_print_json_string(common->out, v->input, strlen(v->input));
        fprintf(common->out,
                ",\"cache\":\"%s\",\"threads\":1},\"tokens\":%zu,\"bytes\":%zu,\"tokens_per_second\":%.0f,"
                "\"megabytes_per_second\":%.2f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"peak_gflops\":%.2f,\"peak_rss_mb\":%.1f}\n",
                cache, r->tokens, t->n, rate, (double)t->n * 1e-6 / median, median * 1e3, last * 1e3, r->peak_gflops,
                electra_bench_peak_rss_mb());
    } else {
        fprintf(common->out, "tokenize, %s cache: %.2f M tokens/s, %.1f MB/s (%zu tokens, median of %zu rounds); multiply-add peak "
                "of one thread %.1f GFLOP/s\n",
                cache, rate * 1e-6, (double)t->n * 1e-6 / median, r->tokens, r->n, r->peak_gflops);
    }
}

static electra_status run_rounds(const cli_common *common, const bench_values *v, electra_encoder *encoder,
                                 const text *t, electra_error *err)
{
    const double seconds = (v->seconds > 0 ? v->seconds : 20) / 2;
    for (int cold = 1; cold >= 0; cold--) {
        rounds r = {.n = 0};
        const electra_status status = measure(&r, encoder, t, cold != 0, seconds, err);
        if (status != ELECTRA_OK) {
            return status;
        }
        print_rounds(common, v, t, &r, cold != 0);
    }
    return ELECTRA_OK;
}

electra_status bench_tokenize(const cli_common *common, const bench_values *v, electra_error *err)
{
    if (!v->vocab || !v->input) {
        return cli_fail(err, ELECTRA_MISUSE, v->vocab ? "--input" : "--vocab", "tokenize needs --vocab and --input");
    }
    text t = {0};
    electra_tokenizer *tokenizer = NULL;
    electra_encoder *encoder = NULL;
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.runtime = common->runtime;
    electra_status status = electra_tokenizer_load(&tokenizer, v->vocab, &options, err);
    if (status == ELECTRA_OK) {
        status = electra_encoder_create(&encoder, tokenizer, err);
    }
    if (status == ELECTRA_OK) {
        status = read_all(&t, v->input, err);
    }
    if (status == ELECTRA_OK && t.n == 0) {
        status = cli_fail(err, ELECTRA_INVALID, v->input, "the file is empty");
    }
    if (status == ELECTRA_OK) {
        status = run_rounds(common, v, encoder, &t, err);
    }
    electra_encoder_free(encoder);
    electra_tokenizer_free(tokenizer);
    free(t.bytes);
    return status;
}
