/* electra bench infer. */
#include <electra/bench.h>
#include <electra/model.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static const char *const SIZES[] = {"tiny", "mini", "small", "base", "large"};

/* ---- from exec to the first answer ----------------------------------------------------------------------------- */

enum { STARTS = 7 };

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Start this program with a command and a line of text; the milliseconds until the first byte of an answer, or a
 * negative number if there was none. */
static double start_once(const char *command, const char *model, const char *threads)
{
    char *arguments[] = {(char *)"electra", (char *)(uintptr_t)command, (char *)"--model", (char *)(uintptr_t)model,
                         (char *)"--threads", (char *)(uintptr_t)threads, (char *)"--quiet", NULL};
    int in[2], out[2];
    if (pipe(in) != 0) {
        return -1;
    }
    if (pipe(out) != 0) {
        (void)close(in[0]);
        (void)close(in[1]);
        return -1;
    }
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        (void)posix_spawn_file_actions_addclose(&actions, in[i]);
        (void)posix_spawn_file_actions_addclose(&actions, out[i]);
    }
    static const char TEXT[] = "the quick brown [MASK] jumps over the lazy dog .\n";
    const bool sent = write(in[1], TEXT, sizeof TEXT - 1) == (ssize_t)(sizeof TEXT - 1);
    (void)close(in[1]);
    pid_t child;
    const double start = now_ms();
    const bool started = sent && posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ) == 0;
    (void)close(in[0]);
    (void)close(out[1]);
    char piece[256];
    double ms = -1;
    if (started) {
        if (read(out[0], piece, sizeof piece) > 0) {
            ms = now_ms() - start;
        }
        while (read(out[0], piece, sizeof piece) > 0) {
        }
        int status;
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            ms = -1;
        }
    }
    (void)close(out[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    return ms;
}

/* The median of a few starts; negative if this kind of model is not asked about a line of text, or has no vocabulary. */
static double first_answer(const char *model, int threads, const char *kind)
{
    static const struct {
        const char *kind, *command;
    } COMMANDS[] = {{"discriminator", "detect"}, {"generator", "fill"}, {"encoder", "embed"}, {"classifier", "predict"},
                    {"tagger", "predict"}};
    char number[16];
    double ms[STARTS];
    (void)snprintf(number, sizeof number, "%d", threads);
    for (size_t c = 0; c < sizeof COMMANDS / sizeof *COMMANDS; c++) {
        if (strcmp(kind, COMMANDS[c].kind) != 0) {
            continue;
        }
        for (size_t i = 0; i < STARTS; i++) {
            ms[i] = start_once(COMMANDS[c].command, model, number);
            if (ms[i] < 0) {
                return -1;
            }
        }
        return bench_quantile(ms, STARTS, 0.5);
    }
    return -1;
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

static void print_json(FILE *out, const bench_values *v, const electra_bench_infer_result *r, double start_ms)
{
    fputs("{\"name\":\"infer\",\"settings\":{", out);
    if (v->model) {
        fputs("\"model\":", out);
        cli_print_json_string(out, v->model, strlen(v->model));
    } else {
        fprintf(out, "\"size\":\"%s\"", SIZES[v->size]);
    }
    fprintf(out,
            ",\"kind\":\"%s\",\"dtype\":\"%s\",\"batch\":%ld,\"length\":%ld,\"threads\":%d,\"level\":\"%s\"},"
            "\"calls\":%zu,",
            r->kind, r->dtype, v->batch, v->max_length, r->threads, r->level, r->calls);
    fprintf(out,
            "\"tokens_per_second\":%.1f,\"sequences_per_second\":%.2f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
            "\"gflop_per_call\":%.4f,\"gflops\":%.2f,\"peak_gflops\":%.2f,\"share_of_peak\":%.4f,"
            "\"peak_rss_mb\":%.1f",
            r->tokens_per_second, r->sequences_per_second, r->p50_ms, r->p99_ms, r->gflop_per_call, r->gflops,
            r->peak_gflops, r->share_of_peak, r->peak_rss_mb);
    if (v->model && v->dtype == 0) {
        fprintf(out, ",\"load_ms\":%.2f", r->load_ms);
    }
    if (start_ms >= 0) {
        fprintf(out, ",\"first_answer_ms\":%.2f", start_ms);
    }
    if (r->n_operators) {
        bench_operators_json(out, r->operators, r->n_operators);
    }
    fputs("}\n", out);
}

static void print_text(FILE *out, const bench_values *v, const electra_bench_infer_result *r, double start_ms)
{
    fprintf(out, "infer %s (%s, %s), %ld x %ld tokens, %d thread%s, %s, median of %zu calls\n",
            v->model ? v->model : SIZES[v->size], r->kind, r->dtype, v->batch, v->max_length, r->threads,
            r->threads == 1 ? "" : "s", r->level, r->calls);
    fprintf(out, "%.3f ms (99 %%: %.3f ms), %.1f sequences/s, %.0f tokens/s\n", r->p50_ms, r->p99_ms,
            r->sequences_per_second, r->tokens_per_second);
    fprintf(out, "%.1f GFLOP/s of needed work (%.3f GFLOP a call), %.1f %% of the peak of %.1f GFLOP/s\n", r->gflops,
            r->gflop_per_call, 100 * r->share_of_peak, r->peak_gflops);
    fprintf(out, "peak memory %.0f MB\n", r->peak_rss_mb);
    if (v->model && v->dtype == 0) {
        fprintf(out, "opened in %.1f ms", r->load_ms);
        if (start_ms >= 0) {
            fprintf(out, "; %.1f ms from starting the program to its first answer (median of %d)", start_ms, STARTS);
        }
        fputc('\n', out);
    }
    if (r->n_operators) {
        bench_operators_text(out, r->operators, r->n_operators);
    }
}

electra_status bench_infer(const cli_common *common, const bench_values *v, electra_error *err)
{
    electra_bench_infer_options options = electra_bench_infer_options_default();
    electra_bench_infer_result result;
    options.runtime = common->runtime;
    options.model = v->model;
    options.size = v->size;
    options.int8 = v->dtype == 1;
    options.batch = v->batch;
    options.length = v->max_length;
    options.calls = v->steps;
    options.seconds = v->seconds > 0 ? v->seconds : options.seconds;
    options.operators = common->verbose;
    const electra_status status = electra_bench_infer(&options, &result, err);
    if (status == ELECTRA_OK) {
        const double start_ms = v->model && v->dtype == 0 ? first_answer(v->model, result.threads, result.kind) : -1;
        (common->json ? print_json : print_text)(common->out, v, &result, start_ms);
    }
    return status;
}
