/* Finds the command, runs it, and turns what it came to into words and an exit code. */
#include "exit_codes.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "progress.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const cli_command *find_command(const char *name)
{
    for (const cli_command *const *command = cli_commands; *command; ++command) {
        if (strcmp((*command)->name, name) == 0) {
            return *command;
        }
    }
    return NULL;
}

/* ---- words for errors -----------------------------------------------------------------------------------------------
 */

static bool asks_for(const char *option, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; ++i) {
        if (strcmp(argv[i], option) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a message names the place: as a word or path, or at the beginning of one, not within a word. */
static bool names_place(const char *message, const char *where)
{
    const size_t length = strlen(where);
    for (const char *at = strstr(message, where); at; at = strstr(at + 1, where)) {
        const bool begins = at == message || strchr(" '\"(", at[-1]);
        if (begins && !isalnum((unsigned char)at[length])) {
            return true;
        }
    }
    return false;
}

/* An empty message is a failure that needs no words. */
static int report_error(const electra_error *err, const char *command, bool json, bool color)
{
    if (err->message[0] == '\0') {
        return (int)err->status;
    }
    if (json) {
        fprintf(stderr, "{\"error\":{\"code\":%d,\"message\":", (int)err->status);
        cli_print_json_string(stderr, err->message, strlen(err->message));
        fputs(",\"where\":", stderr);
        cli_print_json_string(stderr, err->where, strlen(err->where));
        fputs("}}\n", stderr);
        return (int)err->status;
    }
    /* messages about files name them themselves; those about options and commands do not */
    const bool named = err->where[0] == '\0' ||
                       (err->status != ELECTRA_MISUSE && err->where[0] != '-' && names_place(err->message, err->where));
    fprintf(stderr, "%selectra:%s %s%s%s\n", color ? "\033[31m" : "", color ? "\033[0m" : "", named ? "" : err->where,
            named ? "" : ": ", err->message);
    if (err->status == ELECTRA_MISUSE) {
        fprintf(stderr, "see 'electra %s%s--help'\n", command, *command ? " " : "");
    }
    return (int)err->status;
}

static int misuse(const char *where, const char *message, bool json)
{
    electra_error err = {0};
    cli_fail(&err, ELECTRA_MISUSE, where, "%s", message);
    return report_error(&err, "", json, false);
}

static int unknown_command(const char *name, bool json)
{
    const char *names[64] = {0};
    size_t n = 0;
    for (; cli_commands[n] && n < sizeof names / sizeof names[0]; ++n) {
        names[n] = cli_commands[n]->name;
    }
    const char *nearest = cli_nearest(name, names, n);
    char message[200];
    if (name[0] == '-') {
        snprintf(message, sizeof message, "options come after the command: electra COMMAND [options]");
    } else if (nearest) {
        snprintf(message, sizeof message, "no such command; did you mean '%s'?", nearest);
    } else {
        snprintf(message, sizeof message, "no such command");
    }
    return misuse(name, message, json);
}

/* ---- running --------------------------------------------------------------------------------------------------------
 */

/* Close the answers' stream and report the first thing that went wrong. */
static int finish(FILE *out, electra_status status, electra_error *err, const char *command, bool json, bool color)
{
    electra_error write_error = {0};
    electra_status written = cli_output_close(out, &write_error);
    if (status == ELECTRA_OK && written != ELECTRA_OK) {
        return report_error(&write_error, command, json, color);
    }
    if (status == ELECTRA_OK) {
        return ELECTRA_OK;
    }
    err->status = status; /* the exit code is what the command returned, whatever it wrote into err */
    return report_error(err, command, json, color);
}

/* The library calls its settings as they stand in its structs; the user knows them by their options. */
static void name_option(const cli_command *command, electra_error *err)
{
    char name[sizeof err->where];
    snprintf(name, sizeof name, "%s", err->where);
    for (char *c = name; *c; ++c) {
        *c = *c == '_' ? '-' : *c;
    }
    for (const cli_option *option = command->options; option && option->name; ++option) {
        if (strcmp(option->name, name) == 0) {
            snprintf(err->where, sizeof err->where, "--%s", option->name);
        }
    }
}

static electra_status run(const cli_command *command, const cli_common *common, const void *values,
                          const cli_list *arguments, electra_error *err)
{
    electra_status status = command->run(common, values, arguments, err);
    if (status != ELECTRA_OK && err->message[0] == '\0' && !ferror(common->out)) {
        cli_fail(err, status, err->where, "%s", electra_status_name(status));
    }
    if (status == ELECTRA_MISUSE) {
        name_option(command, err);
    }
    return status;
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

/* With --verbose: what the command took. */
static void tell_cost(const cli_common *common, const struct timespec *begin)
{
    struct timespec end;
    struct rusage used;
    char line[160];
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    (void)getrusage(RUSAGE_SELF, &used);
    snprintf(line, sizeof line, "%.2f s, %.2f s of processor time, at most %.0f MB of memory",
             (double)(end.tv_sec - begin->tv_sec) + 1e-9 * (double)(end.tv_nsec - begin->tv_nsec),
             seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime), 1.024e-3 * (double)used.ru_maxrss);
    common->runtime.log(common->runtime.log_user, ELECTRA_LOG_DEBUG, line);
}

static int run_command(const cli_command *command, int argc, char **argv, FILE *out, bool json)
{
    electra_error err = {0};
    cli_common common = {.out = out};
    cli_progress progress = {0};
    cli_list arguments = {0};
    bool help_asked = false;
    electra_status status;
    void *values = calloc(1, command->values_size + 1);
    if (!values) {
        status = cli_fail(&err, ELECTRA_NO_RESOURCE, NULL, "out of memory for the options");
        return finish(out, status, &err, command->name, json, false);
    }
    status = cli_parse(command, argc, argv, &common, values, &arguments, &help_asked, &err);
    if (help_asked) {
        cli_print_help(out, command);
    } else if (status == ELECTRA_OK) {
        cli_interrupt_install(common.quiet);
        cli_progress_wire(&progress, &common);
        struct timespec begin;
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        status = run(command, &common, values, &arguments, &err);
        tell_cost(&common, &begin);
        cli_progress_end(&progress);
    }
    int code = finish(out, status, &err, command->name, json, common.color_stderr);
    cli_values_clear(command, values, &arguments);
    free(values);
    return code;
}

/* electra help [COMMAND | --man]. */
static int run_help(int argc, char **argv, FILE *out, bool json)
{
    electra_error err = {0};
    if (argc > 1) {
        fclose(out);
        return misuse("help", "takes one command: electra help COMMAND", json);
    }
    const char *topic = argc == 1 ? argv[0] : NULL;
    const cli_command *command = topic ? find_command(topic) : NULL;
    if (command) {
        cli_print_help(out, command);
    } else if (topic && strcmp(topic, "--man") == 0) {
        cli_print_man(out);
    } else if (!topic || strcmp(topic, "--help") == 0 || strcmp(topic, "-h") == 0 || strcmp(topic, "help") == 0) {
        cli_print_overview(out);
    } else {
        fclose(out);
        return unknown_command(topic, json);
    }
    return finish(out, ELECTRA_OK, &err, "", json, false);
}

int cli_main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, noticed there */
    bool json = asks_for("--json", argc, argv);
    FILE *out = cli_output_open();
    if (!out) {
        electra_error err = {0};
        cli_fail(&err, ELECTRA_NO_RESOURCE, NULL, "out of memory for the output");
        return report_error(&err, "", json, false);
    }
    electra_error err = {0};
    const char *name = argc > 1 ? argv[1] : NULL;
    const cli_command *command = name ? find_command(name) : NULL;
    if (command) {
        return run_command(command, argc - 2, argv + 2, out, json);
    }
    if (!name) {
        fclose(out);
        cli_print_overview(stderr);
        return ELECTRA_MISUSE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        fprintf(out, "electra %s\n", electra_version());
        return finish(out, ELECTRA_OK, &err, "", json, false);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return run_help(argc - 2, argv + 2, out, json);
    }
    fclose(out);
    return unknown_command(name, json);
}
