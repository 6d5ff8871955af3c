/* One table a command: parsing, usage, --help, the man page and the check of values are all made from it.
 *
 *     typedef struct vocab_options { cli_list inputs; const char *output; long size; bool cased; } vocab_options;
 *     static const cli_option OPTIONS[] = {
 *         {"input", 'i', CLI_LIST, offsetof(vocab_options, inputs), "PATH", .required = true, .help = "files or
 * folders"},
 *         {"size", 0, CLI_INTEGER, offsetof(vocab_options, size), "N", .least = 1, .most = 1e6, .help = "..."},
 *         CLI_END
 *     };
 *     const cli_command cli_vocab = {
 *         .name = "vocab", .summary = "train a WordPiece vocabulary", .options = OPTIONS,
 *         .values_size = sizeof(vocab_options), .set_defaults = set_defaults, .run = run, .help = "paragraphs",
 *         .examples = "electra vocab --input texts --output vocab.txt\n" };
 *
 * Then declare cli_vocab in commands.h and add it to the table in main.c.
 *
 * Options common to all commands (--threads, --seed, --device, --json, --quiet, --verbose, --color, --help) are not
 * in the command's table; their values arrive in cli_common.
 *
 * What a user may write: --name value, --name=value, -n value, -nvalue; a value that begins with two dashes only as
 * --name=--value; "--" ends the options. The last of a repeated option counts, lists grow. */
#ifndef EL_CLI_OPTIONS_H
#define EL_CLI_OPTIONS_H

#include <electra/electra.h>
#include <stdio.h>

typedef enum cli_kind {
    CLI_FLAG,    /* bool: --name, and --no-name for the contrary */
    CLI_STRING,  /* const char *, borrowed from argv */
    CLI_INTEGER, /* long: the whole text must be a number between least and most; suffixes k, M, G are powers of 1000 */
    CLI_REAL,    /* double, likewise */
    CLI_CHOICE,  /* int: index into `choices`, a text like "blank|file|line" */
    CLI_LIST     /* cli_list: may be given several times, each time with one or more values up to the next option */
} cli_kind;

typedef struct cli_list {
    const char **items; /* borrowed from argv; the array belongs to the parser */
    size_t n;
} cli_list;

typedef struct cli_option {
    const char *name; /* without the dashes */
    char short_name;  /* 0: none */
    cli_kind kind;
    size_t offset;          /* of the value in the command's struct */
    const char *value_name; /* in the help: "FILE", "N"; NULL for flags, and for choices, which show themselves */
    const char *choices;    /* for CLI_CHOICE */
    double least, most;     /* for numbers; both 0: no limit; most < least or infinite: no upper limit */
    bool required;
    const char *help; /* one sentence without a full stop; range and default value are appended by the help itself
                         (a default of 0 or less, or NULL, is not: say what it means) */
} cli_option;

#define CLI_END                                                                                                        \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* The values of the common options, and where answers and words go. */
typedef struct cli_common {
    electra_runtime runtime; /* threads, log and progress already wired to stderr, Ctrl-C and --quiet/--verbose */
    uint64_t seed;
    bool seed_given;
    const char *device;
    bool json, quiet, verbose;
    bool color_stdout, color_stderr; /* --color, NO_COLOR and isatty worked out; color_stdout never with --json */
    FILE *out;                       /* answers; write nothing to stdout itself */
} cli_common;

typedef struct cli_command {
    const char *name;
    const char *summary;   /* a few words, for the list of commands */
    const char *arguments; /* in the usage line: "[FILE...]"; NULL: the command takes no positional arguments */
    const char *help;      /* paragraphs below the usage line; lines are wrapped, those that begin with a space kept */
    const char *examples;  /* whole command lines, one a line */
    const cli_option *options; /* ends with CLI_END */
    size_t values_size;
    void (*set_defaults)(void *values); /* may be NULL: all zero */
    /* arguments: what was not an option. Returns a status and, unless it is ELECTRA_OK, has filled *err. */
    electra_status (*run)(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err);
} cli_command;

/* All commands in the order of the overview, NULL at the end (main.c). */
extern const cli_command *const cli_commands[];

/* ---- for the commands -----------------------------------------------------------------------------------------------
 */

/* Fill err and return status, so that `return cli_fail(...)` is one line. where: file or option; may be NULL. */
electra_status cli_fail(electra_error *err, electra_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Call it in loops that answer line by line: fails as soon as an answer could not be written (a full disk, a closed
 * pipe), so that no work is done for nobody. Main looks once more at the end. */
electra_status cli_check_output(const cli_common *common, electra_error *err);

/* `bytes` bytes of text as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void cli_print_json_string(FILE *out, const char *text, size_t bytes);

/* ---- for main.c and the tests ---------------------------------------------------------------------------------------
 */

/* The whole program, given the table cli_commands: returns the exit code. */
int cli_main(int argc, char **argv);

/* Parse argv (after the command's name) into values (zeroed and defaulted here), common (runtime.threads and the
 * options; callbacks and out are left alone) and arguments. Fails with ELECTRA_MISUSE and a message that shows the bad
 * value and, for an unknown option, the nearest known one; with ELECTRA_NO_RESOURCE for a device that is not there.
 * *help_asked: --help was seen, and nothing else looked at. Call cli_values_clear in any case. */
electra_status cli_parse(const cli_command *command, int argc, char **argv, cli_common *common, void *values,
                         cli_list *arguments, bool *help_asked, electra_error *err);

/* Frees the arrays of lists. */
void cli_values_clear(const cli_command *command, void *values, cli_list *arguments);

/* The options that all commands have, for help; ends with CLI_END. Its defaults: cli_common_defaults. */
extern const cli_option cli_common_options[];
enum { CLI_COMMON_VALUES_SIZE = 128 }; /* bytes, at least; enough for cli_common_defaults */
void cli_common_defaults(void *values);

/* The one of `candidates` that a slip of the finger could have turned into `word`, or NULL. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t n);

void cli_print_help(FILE *out, const cli_command *command);
void cli_print_overview(FILE *out);
void cli_print_man(FILE *out); /* the man page, troff */

#endif
