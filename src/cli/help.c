/* Help, overview and man page, all from the tables in options.h. */
#include "exit_codes.h"
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 80,       /* columns of a help text */
    HELP_COLUMN = 28, /* where an option's description begins */
    TEXT_SIZE = 1024, /* bytes for the longest description of an option */
};

/* ---- wrapping -------------------------------------------------------------------------------------------------------
 */

/* The words of text[0..length) from column `at` on, further lines indented by `indent`. Ends with a line end. */
static void print_wrapped(FILE *out, const char *text, size_t length, size_t at, size_t indent)
{
    const char *end = text + length;
    bool line_empty = true;
    while (text < end) {
        const char *word_end = memchr(text, ' ', (size_t)(end - text));
        size_t n = (size_t)((word_end ? word_end : end) - text);
        if (!line_empty && at + 1 + n > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            line_empty = true;
        }
        fprintf(out, "%s%.*s", line_empty ? "" : " ", (int)n, text);
        at += n + !line_empty;
        line_empty = false;
        text += n + (word_end != NULL);
    }
    fputc('\n', out);
}

/* Line by line; a line that begins with a space is printed as it is. */
static void print_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (text[0] == ' ') {
            fprintf(out, "%.*s\n", (int)length, text);
        } else {
            print_wrapped(out, text, length, 0, 0);
        }
        text += length + (text[length] == '\n');
    }
}

/* ---- describing an option -------------------------------------------------------------------------------------------
 */

static const char *value_name(const cli_option *option)
{
    if (option->kind == CLI_FLAG) {
        return NULL;
    }
    if (option->value_name) {
        return option->value_name;
    }
    return option->choices ? option->choices : "VALUE";
}

/* "--size N", "--input PATH..." */
static void name_option(const cli_option *option, char *text, size_t size, bool default_on)
{
    const char *name = value_name(option);
    snprintf(text, size, "--%s%s%s%s%s", default_on ? "no-" : "", option->name, name ? " " : "", name ? name : "",
             option->kind == CLI_LIST ? "..." : "");
}

static void name_choice(const char *choices, int index, char *text, size_t size)
{
    for (; index > 0; --index) {
        choices += strcspn(choices, "|");
        choices += *choices == '|';
    }
    snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* What the value is when the option is not given; empty if that says nothing (0 or less, NULL, off). */
static void name_default(const cli_option *option, const unsigned char *values, char *text, size_t size)
{
    const void *value = values + option->offset;
    text[0] = '\0';
    if (option->required) {
        return;
    }
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_LIST: break;
    case CLI_STRING: {
        const char *string = *(const char *const *)value;
        snprintf(text, size, "%s", string ? string : "");
        break;
    }
    case CLI_INTEGER:
        if (*(const long *)value > 0) {
            snprintf(text, size, "%ld", *(const long *)value);
        }
        break;
    case CLI_REAL:
        if (*(const double *)value > 0) {
            snprintf(text, size, "%.6g", *(const double *)value);
        }
        break;
    case CLI_CHOICE:
        if (*(const int *)value >= 0) {
            name_choice(option->choices, *(const int *)value, text, size);
        }
        break;
    }
}

/* Which values there are; empty if any will do, or if the option's name shows them. */
static void name_range(const cli_option *option, char *text, size_t size)
{
    text[0] = '\0';
    if (option->kind == CLI_CHOICE && option->value_name) {
        snprintf(text, size, "%s", option->choices);
        return;
    }
    if ((option->kind != CLI_INTEGER && option->kind != CLI_REAL) || (option->least == 0 && option->most == 0)) {
        return;
    }
    if (option->most < option->least || isinf(option->most)) {
        snprintf(text, size, "at least %.15g", option->least);
    } else {
        snprintf(text, size, "%.15g to %.15g", option->least, option->most);
    }
}

/* The help sentence with "(required; 1 to 5; default: 3)". */
static void describe_option(const cli_option *option, const unsigned char *values, char *text, size_t size)
{
    char range[160], preset[160];
    name_range(option, range, sizeof range);
    name_default(option, values, preset, sizeof preset);
    const char *required = option->required ? "required" : "";
    bool any = *required || *range || *preset;
    snprintf(text, size, "%s%s%s%s%s%s%s%s%s", option->help ? option->help : "", any ? " (" : "", required,
             *required && *range ? "; " : "", range, (*required || *range) && *preset ? "; " : "",
             *preset ? "default: " : "", preset, any ? ")" : "");
}

/* Values with a command's defaults, for describing them; free() them. Aligned for any option's type. */
static unsigned char *default_values(const cli_command *command)
{
    unsigned char *values = calloc(1, command->values_size + sizeof(long double));
    if (values && command->set_defaults) {
        command->set_defaults(values);
    }
    return values;
}

static bool default_on(const cli_option *option, const unsigned char *values)
{
    return option->kind == CLI_FLAG && *(const bool *)(values + option->offset);
}

/* ---- help -----------------------------------------------------------------------------------------------------------
 */

static void print_options(FILE *out, const cli_option *options, const unsigned char *values)
{
    for (; options && options->name; ++options) {
        char name[160], text[TEXT_SIZE], letter[8] = "    ";
        bool on = default_on(options, values);
        name_option(options, name, sizeof name, on);
        describe_option(options, values, text, sizeof text);
        if (options->short_name && !on) {
            snprintf(letter, sizeof letter, "-%c, ", options->short_name);
        }
        int length = fprintf(out, "  %s%s", letter, name);
        if (length + 2 > HELP_COLUMN) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
        } else {
            fprintf(out, "%*s", HELP_COLUMN - length, "");
        }
        print_wrapped(out, text, strlen(text), HELP_COLUMN, HELP_COLUMN);
    }
}

static void print_exit_codes(FILE *out)
{
    fprintf(out, "\nExit codes:\n");
    for (size_t i = 0; i < CLI_EXIT_CODE_COUNT; ++i) {
        fprintf(out, "  %3d  %s\n", (int)CLI_EXIT_CODES[i].status, CLI_EXIT_CODES[i].meaning);
    }
}

/* "electra vocab --input PATH... --output FILE [options] [FILE...]" */
static void usage_of(const cli_command *command, char *text, size_t size)
{
    int n = snprintf(text, size, "electra %s", command->name);
    for (const cli_option *option = command->options; option && option->name; ++option) {
        if (option->required && n > 0 && (size_t)n < size) {
            char name[160];
            name_option(option, name, sizeof name, false);
            n += snprintf(text + n, size - (size_t)n, " %s", name);
        }
    }
    if (n > 0 && (size_t)n < size) {
        snprintf(text + n, size - (size_t)n, " [options]%s%s", command->arguments ? " " : "",
                 command->arguments ? command->arguments : "");
    }
}

static void print_examples(FILE *out, const char *examples)
{
    while (*examples) {
        size_t length = strcspn(examples, "\n");
        fprintf(out, "  %.*s\n", (int)length, examples);
        examples += length + (examples[length] == '\n');
    }
}

void cli_print_help(FILE *out, const cli_command *command)
{
    char usage[TEXT_SIZE];
    usage_of(command, usage, sizeof usage);
    fprintf(out, "electra %s: %s\n\nUsage: ", command->name, command->summary);
    print_wrapped(out, usage, strlen(usage), strlen("Usage: "), strlen("Usage: "));
    if (command->help) {
        fputc('\n', out);
        print_paragraphs(out, command->help);
    }
    unsigned char *values = default_values(command);
    if (values && command->options && command->options->name) {
        fprintf(out, "\nOptions:\n");
        print_options(out, command->options, values);
    }
    free(values);
    _Alignas(max_align_t) unsigned char common[CLI_COMMON_VALUES_SIZE];
    cli_common_defaults(common);
    fprintf(out, "\nOptions of every command:\n");
    print_options(out, cli_common_options, common);
    if (command->examples) {
        fprintf(out, "\nExamples:\n");
        print_examples(out, command->examples);
    }
    print_exit_codes(out);
}

void cli_print_overview(FILE *out)
{
    fprintf(out,
            "electra %s: from raw text to a trained ELECTRA model\n\n"
            "Usage: electra COMMAND [options]\n\nCommands:\n",
            electra_version());
    for (const cli_command *const *command = cli_commands; *command; ++command) {
        fprintf(out, "  %-12s%s\n", (*command)->name, (*command)->summary);
    }
    fprintf(out, "\n'electra COMMAND --help' and 'electra help COMMAND' tell more about one;\n"
                 "'electra --version' prints the version.\n");
    print_exit_codes(out);
}

/* ---- the man page ---------------------------------------------------------------------------------------------------
 */

/* Text of troff: backslashes and dashes escaped, no line begins with a request. */
static void print_troff(FILE *out, const char *text, size_t length)
{
    bool line_begins = true;
    for (size_t i = 0; i < length; ++i) {
        char c = text[i];
        if (line_begins && (c == '.' || c == '\'')) {
            fputs("\\&", out);
        }
        if (c == '\\') {
            fputs("\\e", out);
        } else if (c == '-') {
            fputs("\\-", out);
        } else {
            fputc(c, out);
        }
        line_begins = c == '\n';
    }
}

static void print_man_options(FILE *out, const cli_option *options, const unsigned char *values)
{
    for (; options && options->name; ++options) {
        char name[160], text[TEXT_SIZE];
        bool on = default_on(options, values);
        name_option(options, name, sizeof name, on);
        describe_option(options, values, text, sizeof text);
        fputs(".TP\n.B ", out);
        if (options->short_name && !on) {
            fprintf(out, "\\-%c, ", options->short_name);
        }
        print_troff(out, name, strlen(name));
        fputc('\n', out);
        print_troff(out, text, strlen(text));
        fputc('\n', out);
    }
}

static void print_man_paragraphs(FILE *out, const char *text)
{
    bool verbatim = false;
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool indented = text[0] == ' ';
        if (indented != verbatim) {
            fputs(indented ? ".nf\n" : ".fi\n", out);
            verbatim = indented;
        }
        if (length == 0) {
            fputs(".PP\n", out);
        } else {
            print_troff(out, text, length);
            fputc('\n', out);
            fputs(verbatim ? "" : ".br\n", out);
        }
        text += length + (text[length] == '\n');
    }
    fputs(verbatim ? ".fi\n" : "", out);
}

static void print_man_command(FILE *out, const cli_command *command)
{
    char usage[TEXT_SIZE];
    usage_of(command, usage, sizeof usage);
    fprintf(out, ".SS %s: ", command->name);
    print_troff(out, command->summary, strlen(command->summary));
    fputs("\n.B ", out);
    print_troff(out, usage, strlen(usage));
    fputs("\n.PP\n", out);
    if (command->help) {
        print_man_paragraphs(out, command->help);
    }
    unsigned char *values = default_values(command);
    if (values) {
        print_man_options(out, command->options, values);
    }
    free(values);
    if (command->examples) {
        fputs(".PP\nExamples:\n.nf\n", out);
        print_troff(out, command->examples, strlen(command->examples));
        fputs(".fi\n", out);
    }
}

void cli_print_man(FILE *out)
{
    fprintf(out,
            ".TH ELECTRA 1 \"\" \"electra %s\" \"User Commands\"\n"
            ".SH NAME\nelectra \\- from raw text to a trained ELECTRA model\n"
            ".SH SYNOPSIS\n.B electra\n.I COMMAND\n[options]\n.br\n.B electra help\n[\\fICOMMAND\\fR]\n.br\n"
            ".B electra \\-\\-version\n.SH DESCRIPTION\n"
            "Answers go to standard output and nothing else does; progress, warnings and errors go to standard\n"
            "error. A dash as the name of a file stands for standard input or output.\n.SH COMMANDS\n",
            electra_version());
    for (const cli_command *const *command = cli_commands; *command; ++command) {
        print_man_command(out, *command);
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    _Alignas(max_align_t) unsigned char common[CLI_COMMON_VALUES_SIZE];
    cli_common_defaults(common);
    print_man_options(out, cli_common_options, common);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < CLI_EXIT_CODE_COUNT; ++i) {
        fprintf(out, ".TP\n.B %d\n%s\n", (int)CLI_EXIT_CODES[i].status, CLI_EXIT_CODES[i].meaning);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf set to anything, no colors unless \\-\\-color always asks for them.\n"
          ".TP\n.B ELECTRA_CPU\nref, avx2 or avx512: use no instructions beyond these.\n"
          ".SH SIGNALS\nThe first Ctrl\\-C (SIGINT, SIGTERM) asks a job to save what it has and stop with exit code "
          "130;\n"
          "the second stops at once.\n",
          out);
}
