/* The frame of the program with commands made for testing it: every kind of option, every exit code, answers without
 * end, a job that waits for Ctrl-C. The snapshots in snapshots/frame_*.txt run it as "electra-frame". */
#include "options.h"

#include <string.h>
#include <time.h>

/* ---- echo: what was parsed ------------------------------------------------------------------------------------------
 */

typedef struct echo_values {
    cli_list inputs;
    const char *output;
    long size;
    double rate;
    int documents;
    bool cased, shuffle;
} echo_values;

static const cli_option ECHO_OPTIONS[] = {
    {"input", 'i', CLI_LIST, offsetof(echo_values, inputs), "PATH", .required = true, .help = "files or folders"},
    {"output", 'o', CLI_STRING, offsetof(echo_values, output), "FILE",
     .help = "where to write; a sentence that is long enough to be wrapped, because it goes on well beyond the width "
             "of one line"},
    {"size", 0, CLI_INTEGER, offsetof(echo_values, size), "N", .least = 5, .most = 1e6, .help = "how many"},
    {"rate", 0, CLI_REAL, offsetof(echo_values, rate), "X", .least = 0, .most = 1, .help = "how much of it"},
    {"documents", 0, CLI_CHOICE, offsetof(echo_values, documents), .choices = "blank|file|line",
     .help = "what separates documents"},
    {"cased", 0, CLI_FLAG, offsetof(echo_values, cased), .help = "keep upper case"},
    {"shuffle", 0, CLI_FLAG, offsetof(echo_values, shuffle), .help = "leave the order as it is"},
    CLI_END,
};

static void echo_defaults(void *values)
{
    *(echo_values *)values = (echo_values){.size = 30522, .rate = 0.15, .shuffle = true};
}

static void print_list(FILE *out, const char *name, const cli_list *list)
{
    fprintf(out, "%s:", name);
    for (size_t i = 0; i < list->n; ++i) {
        fprintf(out, " <%s>", list->items[i]);
    }
    fputc('\n', out);
}

static electra_status echo_run(const cli_common *common, const void *values, const cli_list *arguments,
                               electra_error *err)
{
    (void)err;
    const echo_values *v = values;
    print_list(common->out, "input", &v->inputs);
    print_list(common->out, "arguments", arguments);
    fprintf(common->out, "output: %s\nsize: %ld\nrate: %g\ndocuments: %d\ncased: %d\nshuffle: %d\n",
            v->output ? v->output : "none", v->size, v->rate, v->documents, v->cased, v->shuffle);
    fprintf(common->out, "threads: %d\nseed: %llu%s\ndevice: %s\njson: %d\nquiet: %d\nverbose: %d\ncolor: %d\n",
            common->runtime.threads, (unsigned long long)common->seed, common->seed_given ? " (given)" : "",
            common->device, common->json, common->quiet, common->verbose, common->color_stdout);
    return ELECTRA_OK;
}

static const cli_command ECHO = {.name = "echo",
                                 .summary = "print what was parsed",
                                 .arguments = "[FILE...]",
                                 .options = ECHO_OPTIONS,
                                 .values_size = sizeof(echo_values),
                                 .set_defaults = echo_defaults,
                                 .run = echo_run,
                                 .help = "Prints every value, one a line.\n\n  a line that is kept as it is\n",
                                 .examples = "electra echo --input a b --size 10\n"};

/* ---- fail: end with a status ----------------------------------------------------------------------------------------
 */

typedef struct fail_values {
    long status;
    bool silent;
} fail_values;

static const cli_option FAIL_OPTIONS[] = {
    {"status", 0, CLI_INTEGER, offsetof(fail_values, status), "N", .required = true, .help = "which"},
    {"silent", 0, CLI_FLAG, offsetof(fail_values, silent), .help = "without words of its own"},
    CLI_END,
};

static electra_status fail_run(const cli_common *common, const void *values, const cli_list *arguments,
                               electra_error *err)
{
    (void)arguments;
    const fail_values *v = values;
    electra_status status = (electra_status)v->status;
    common->runtime.log(common->runtime.log_user, ELECTRA_LOG_DEBUG, "a detail");
    common->runtime.log(common->runtime.log_user, ELECTRA_LOG_INFO, "a line");
    common->runtime.log(common->runtime.log_user, ELECTRA_LOG_WARNING, "something is odd");
    return v->silent ? status : cli_fail(err, status, "some \"file\"", "line\none and \xff\x80");
}

static const cli_command FAIL = {.name = "fail",
                                 .summary = "end with a status",
                                 .options = FAIL_OPTIONS,
                                 .values_size = sizeof(fail_values),
                                 .run = fail_run,
                                 .examples = "electra fail --status 3\n"};

/* ---- lines: answers without end -------------------------------------------------------------------------------------
 */

static electra_status lines_run(const cli_common *common, const void *values, const cli_list *arguments,
                                electra_error *err)
{
    (void)values;
    (void)arguments;
    for (;;) {
        fprintf(common->out, "a line\n");
        electra_status status = cli_check_output(common, err);
        if (status != ELECTRA_OK) {
            return status;
        }
    }
}

static const cli_command LINES = {
    .name = "lines", .summary = "answer without end", .run = lines_run, .examples = "electra lines\n"};

/* ---- wait: a job --------------------------------------------------------------------------------------------------
 */

typedef struct wait_values {
    double seconds;
    bool deaf;
} wait_values;

static const cli_option WAIT_OPTIONS[] = {
    {"seconds", 0, CLI_REAL, offsetof(wait_values, seconds), "S", .least = 0, .most = 1e9, .help = "how long"},
    {"deaf", 0, CLI_FLAG, offsetof(wait_values, deaf), .help = "do not stop when asked to"},
    CLI_END,
};

static void wait_defaults(void *values)
{
    ((wait_values *)values)->seconds = 100;
}

static electra_status wait_run(const cli_common *common, const void *values, const cli_list *arguments,
                               electra_error *err)
{
    (void)arguments;
    const wait_values *v = values;
    const double tick = 0.02;
    for (double now = 0; now < v->seconds; now += tick) {
        nanosleep(&(struct timespec){.tv_nsec = (long)(tick * 1e9)}, NULL);
        const electra_progress progress = {.stage = "waiting",
                                           .unit = "steps",
                                           .done = now * 1000,
                                           .total = v->seconds * 1000,
                                           .seconds = now,
                                           .note = "loss 6.12"};
        bool stop = common->runtime.progress(common->runtime.progress_user, &progress);
        if (now == 0) {
            fprintf(common->out, "working\n");
            fflush(common->out);
        }
        if (stop && !v->deaf) {
            fprintf(common->out, "saved\n");
            return cli_fail(err, ELECTRA_INTERRUPTED, NULL, "interrupted after %.0f steps; run it again to go on", 0.0);
        }
    }
    fprintf(common->out, "done\n");
    return ELECTRA_OK;
}

static const cli_command WAIT = {.name = "wait",
                                 .summary = "wait for Ctrl-C",
                                 .options = WAIT_OPTIONS,
                                 .values_size = sizeof(wait_values),
                                 .set_defaults = wait_defaults,
                                 .run = wait_run,
                                 .examples = "electra wait --seconds 3\n"};

const cli_command *const cli_commands[] = {&ECHO, &FAIL, &LINES, &WAIT, NULL};

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
