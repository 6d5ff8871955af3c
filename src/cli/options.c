/* Parsing by table: argv -> the command's struct of values and the common options. Help is in help.c. */
#include "options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- common options -------------------------------------------------------------------------------------------------
 */

typedef enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_choice;

typedef struct common_values {
    long threads, seed;
    const char *device;
    bool json, quiet, verbose, help;
    int color;
} common_values;

static_assert(sizeof(common_values) <= CLI_COMMON_VALUES_SIZE, "room for the common values");

const cli_option cli_common_options[] = {
    {"threads", 0, CLI_INTEGER, offsetof(common_values, threads), "N", .least = 1, .most = 1024,
     .help = "how many threads work; one for each core unless given"},
    {"seed", 0, CLI_INTEGER, offsetof(common_values, seed), "N", .least = 0, .most = INFINITY,
     .help = "where random numbers begin; the same seed gives the same result"},
    {"device", 0, CLI_STRING, offsetof(common_values, device), "NAME", .help = "cpu or cuda[:N]"},
    {"json", 0, CLI_FLAG, offsetof(common_values, json), .help = "answers and errors as JSON, one document a line"},
    {"quiet", 'q', CLI_FLAG, offsetof(common_values, quiet),
     .help = "no progress and no warnings; answers and errors only"},
    {"verbose", 'v', CLI_FLAG, offsetof(common_values, verbose),
     .help = "tell more: of training each line of numbers, at the end time and memory"},
    {"color", 0, CLI_CHOICE, offsetof(common_values, color), .choices = "auto|always|never",
     .help = "colored words; auto: on a terminal, unless NO_COLOR is set"},
    {"help", 'h', CLI_FLAG, offsetof(common_values, help), .help = "show this text"},
    CLI_END,
};

void cli_common_defaults(void *values)
{
    *(common_values *)values = (common_values){.seed = 42, .device = "cpu"};
}

static bool color_on(int choice, FILE *stream)
{
    if (choice != COLOR_AUTO) {
        return choice == COLOR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(stream)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

/* "cpu", or "cuda" with an optional ":N". */
static electra_status check_device(const char *device, electra_error *err)
{
    if (strcmp(device, "cpu") == 0) {
        return ELECTRA_OK;
    }
    if (strncmp(device, "cuda", 4) == 0) {
        const char *rest = device + 4;
        size_t digits = rest[0] == ':' ? strspn(rest + 1, "0123456789") : 0;
        if (rest[0] == '\0' || (digits > 0 && digits <= 3 && rest[1 + digits] == '\0')) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, "--device",
                            "'%s' is not there: this build of electra runs on the processor only; use --device cpu",
                            device);
        }
    }
    return cli_fail(err, ELECTRA_MISUSE, "--device", "'%s' is not a device: expected cpu, cuda or cuda:N", device);
}

static electra_status apply_common(const common_values *values, cli_common *common, electra_error *err)
{
    if (values->quiet && values->verbose) {
        return cli_fail(err, ELECTRA_MISUSE, "--quiet", "--quiet and --verbose contradict each other");
    }
    common->runtime.threads = (int)values->threads;
    common->seed = (uint64_t)values->seed;
    common->device = values->device;
    common->json = values->json;
    common->quiet = values->quiet;
    common->verbose = values->verbose;
    common->color_stdout = color_on(values->color, stdout) && !values->json;
    common->color_stderr = color_on(values->color, stderr) && !values->json;
    return check_device(values->device, err);
}

/* ---- errors and nearest words ---------------------------------------------------------------------------------------
 */

electra_status cli_fail(electra_error *err, electra_status status, const char *where, const char *format, ...)
{
    if (err) {
        err->status = status;
        snprintf(err->where, sizeof err->where, "%s", where ? where : "");
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) between two words of less than MOST_LETTERS letters. */
enum { MOST_LETTERS = 40 };
static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n >= MOST_LETTERS || m >= MOST_LETTERS) {
        return SIZE_MAX;
    }
    size_t d[MOST_LETTERS][MOST_LETTERS];
    for (size_t i = 0; i <= n; ++i) {
        d[i][0] = i;
    }
    for (size_t j = 0; j <= m; ++j) {
        d[0][j] = j;
    }
    for (size_t i = 1; i <= n; ++i) {
        for (size_t j = 1; j <= m; ++j) {
            d[i][j] = least_of(least_of(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = least_of(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[n][m];
}

/* What other programs call options and values that have another name here. */
static const struct {
    const char *theirs, *ours;
} OTHER_NAMES[] = {
    {"lr", "learning-rate"},
    {"output-dir", "output"},
    {"out", "output"},
    {"model-name-or-path", "model"},
    {"train-file", "train"},
    {"validation-file", "dev"},
    {"validation", "dev"},
    {"valid", "dev"},
    {"test-file", "test"},
    {"bs", "batch"},
    {"num-train-epochs", "epochs"},
    {"max-seq-length", "max-length"},
    {"seq-length", "max-length"},
    {"sequence-length", "max-length"},
    {"gradient-clip", "clip"},
    {"max-grad-norm", "clip"},
    {"wd", "weight-decay"},
    {"target-column", "label-column"},
    {"delimiter", "separator"},
    {"vocab-size", "size"},
    {"file", "input"},
    {"classification", "classify"},
    {"sentiment", "classify"},
    {"regression", "regress"},
    {"ner", "tag"},
    {"pos", "tag"},
    {"token-classification", "tag"},
    {"question-answering", "qa"},
    {"multiple-choice", "choice"},
    {"nli", "pair"},
    {"txt", "text"},
    {"json-lines", "jsonl"},
    {"ndjson", "jsonl"},
};

static const char *other_name(const char *word, const char *const *candidates, size_t n)
{
    for (size_t i = 0; i < sizeof OTHER_NAMES / sizeof *OTHER_NAMES; ++i) {
        for (size_t k = 0; k < n && strcmp(word, OTHER_NAMES[i].theirs) == 0; ++k) {
            if (strcmp(candidates[k], OTHER_NAMES[i].ours) == 0) {
                return candidates[k];
            }
        }
    }
    return NULL;
}

/* One is the beginning of the other: --max for --max-length, --batch-size for --batch. */
static bool is_beginning(const char *word, const char *candidate)
{
    const size_t n = strlen(word), m = strlen(candidate);
    return (n >= 3 && strncmp(word, candidate, n) == 0) || (m >= 3 && n > m && strncmp(word, candidate, m) == 0);
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = other_name(word, candidates, n);
    if (best) {
        return best;
    }
    size_t length = strlen(word), best_distance = length > 8 ? 3 : length > 3 ? 2 : 1; /* edits that are still a slip */
    for (size_t i = 0; i < n; ++i) {
        size_t distance = edit_distance(word, candidates[i]);
        if (is_beginning(word, candidates[i])) {
            distance = least_of(distance, 1);
        }
        if (distance < best_distance + (best == NULL)) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

/* ---- the parser -----------------------------------------------------------------------------------------------------
 */

typedef struct parser {
    const cli_command *command;
    int argc, at; /* at: the next argument */
    char **argv;
    void *values;
    common_values common;
    bool *given; /* for each option of the command */
    bool *seed_given;
    cli_list *arguments;
    electra_error *err;
} parser;

static size_t count_options(const cli_option *options)
{
    size_t n = 0;
    while (options && options[n].name) {
        ++n;
    }
    return n;
}

/* An argument that cannot be the value of a list or a positional argument; "-" stands for stdin and stdout. */
static bool looks_like_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0';
}

static void describe_range(const cli_option *option, char *text, size_t size)
{
    if (option->least == 0 && option->most == 0) {
        text[0] = '\0';
    } else if (option->most < option->least || isinf(option->most)) {
        snprintf(text, size, " of at least %.15g", option->least);
    } else {
        snprintf(text, size, " from %.15g to %.15g", option->least, option->most);
    }
}

static bool in_range(const cli_option *option, double value)
{
    if (option->least == 0 && option->most == 0) {
        return true;
    }
    return value >= option->least && (option->most < option->least || value <= option->most);
}

/* 1000, 10^6, 10^9 for k, M, G; 1 for nothing; 0 for anything else. */
static long suffix_factor(const char *text)
{
    static const struct {
        const char *text;
        long factor;
    } SUFFIXES[] = {{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000}};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; ++i) {
        if (strcmp(text, SUFFIXES[i].text) == 0) {
            return SUFFIXES[i].factor;
        }
    }
    return 0;
}

static bool read_integer(const char *text, long *out)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    long factor = suffix_factor(end);
    bool whole = end != text && !isspace((unsigned char)text[0]) && errno == 0 && factor != 0;
    return whole && !__builtin_mul_overflow(value, factor, out);
}

static bool read_real(const char *text, double *out)
{
    if (text[0] == '\0' || !strchr("0123456789+-.", text[0]) || strpbrk(text, "xXnN")) { /* no hexadecimal, no nan */
        return false;
    }
    char *end;
    double value = strtod(text, &end);
    long factor = suffix_factor(end);
    *out = value * (double)factor;
    return end != text && factor != 0 && isfinite(*out);
}

/* The index of `text` among "a|b|c", or -1. */
static int find_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int index = 0;
    for (const char *at = choices; *at; ++index) {
        size_t n = strcspn(at, "|");
        if (n == length && memcmp(at, text, n) == 0) {
            return index;
        }
        at += n + (at[n] == '|');
    }
    return -1;
}

static electra_status add_to_list(parser *p, cli_list *list, const char *text)
{
    if (!list->items) {
        list->items = calloc((size_t)p->argc + 1, sizeof *list->items); /* more than argc values cannot come */
        if (!list->items) {
            return cli_fail(p->err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %d arguments", p->argc);
        }
    }
    list->items[list->n++] = text;
    return ELECTRA_OK;
}

/* The struct that an option's offset counts from. */
static unsigned char *base_of(parser *p, const cli_option *option)
{
    size_t n = count_options(cli_common_options);
    bool common = option >= cli_common_options && option < cli_common_options + n;
    return common ? (unsigned char *)&p->common : p->values;
}

/* ", did you mean 'regress'?", or nothing. */
static void suggest_choice(const char *choices, const char *text, char *words, size_t size)
{
    enum { MOST_CHOICES = 32 };
    char names[MOST_CHOICES][MOST_LETTERS];
    const char *pointers[MOST_CHOICES];
    size_t n = 0;
    for (const char *at = choices; *at && n < MOST_CHOICES; ++n) {
        const size_t length = strcspn(at, "|");
        snprintf(names[n], sizeof names[n], "%.*s", (int)length, at);
        pointers[n] = names[n];
        at += length + (at[length] == '|');
    }
    const char *nearest = cli_nearest(text, pointers, n);
    snprintf(words, size, nearest ? "; did you mean '%s'?" : "%s", nearest ? nearest : "");
}

static electra_status store_value(parser *p, const cli_option *option, const char *shown, const char *text)
{
    void *value = base_of(p, option) + option->offset;
    char range[80];
    describe_range(option, range, sizeof range);
    switch (option->kind) {
    case CLI_FLAG: break;
    case CLI_STRING: *(const char **)value = text; return ELECTRA_OK;
    case CLI_LIST: return add_to_list(p, value, text);
    case CLI_INTEGER:
        if (!read_integer(text, value) || !in_range(option, (double)*(long *)value)) {
            return cli_fail(p->err, ELECTRA_MISUSE, shown, "'%s' is not a whole number%s", text, range);
        }
        return ELECTRA_OK;
    case CLI_REAL:
        if (!read_real(text, value) || !in_range(option, *(double *)value)) {
            return cli_fail(p->err, ELECTRA_MISUSE, shown, "'%s' is not a number%s", text, range);
        }
        return ELECTRA_OK;
    case CLI_CHOICE: {
        int index = find_choice(option->choices, text);
        if (index < 0) {
            char hint[MOST_LETTERS + 20];
            suggest_choice(option->choices, text, hint, sizeof hint);
            return cli_fail(p->err, ELECTRA_MISUSE, shown, "'%s' is none of %s%s", text, option->choices, hint);
        }
        *(int *)value = index;
        return ELECTRA_OK;
    }
    }
    return cli_fail(p->err, ELECTRA_MISUSE, shown, "takes no value, got '%s'", text);
}

static void mark_given(parser *p, const cli_option *option)
{
    if (base_of(p, option) != (unsigned char *)&p->common) {
        p->given[option - p->command->options] = true;
    } else if (strcmp(option->name, "seed") == 0) {
        *p->seed_given = true;
    }
}

/* The values that follow an option: one, or for a list all up to the next option. */
static electra_status take_values(parser *p, const cli_option *option, const char *shown, const char *attached)
{
    if (attached) {
        return store_value(p, option, shown, attached);
    }
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
    bool a_value = next && (option->kind == CLI_LIST ? !looks_like_option(next) : strncmp(next, "--", 2) != 0);
    if (!a_value) {
        const char *name = option->value_name ? option->value_name : option->choices;
        return cli_fail(p->err, ELECTRA_MISUSE, shown, "needs a value: %s %s%s", shown, name ? name : "VALUE",
                        next ? "" : " (the command line ends here)");
    }
    do {
        electra_status status = store_value(p, option, shown, p->argv[p->at++]);
        if (status != ELECTRA_OK) {
            return status;
        }
    } while (option->kind == CLI_LIST && p->at < p->argc && !looks_like_option(p->argv[p->at]));
    return ELECTRA_OK;
}

static const cli_option *find_long(const cli_option *options, const char *name, size_t length)
{
    for (; options && options->name; ++options) {
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0) {
            return options;
        }
    }
    return NULL;
}

static const cli_option *find_short(const cli_option *options, char letter)
{
    for (; options && options->name; ++options) {
        if (options->short_name == letter) {
            return options;
        }
    }
    return NULL;
}

static electra_status fail_unknown(parser *p, const char *text)
{
    size_t n_own = count_options(p->command->options), n_common = count_options(cli_common_options);
    const char **names = calloc(n_own + n_common + 1, sizeof *names);
    const char *nearest = NULL;
    char name[MOST_LETTERS];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    if (names && text[0] == '-' && text[1] == '-') {
        for (size_t i = 0; i < n_own + n_common; ++i) {
            names[i] = i < n_own ? p->command->options[i].name : cli_common_options[i - n_own].name;
        }
        nearest = cli_nearest(name + 2, names, n_own + n_common);
    }
    free(names);
    if (nearest) {
        return cli_fail(p->err, ELECTRA_MISUSE, text, "unknown option; did you mean --%s?", nearest);
    }
    return cli_fail(p->err, ELECTRA_MISUSE, text, "unknown option of 'electra %s'", p->command->name);
}

/* --name, --name=value, --no-name. */
static electra_status parse_long(parser *p, const char *text)
{
    const char *name = text + 2;
    size_t length = strcspn(name, "=");
    const char *attached = name[length] == '=' ? name + length + 1 : NULL;
    const cli_option *option = find_long(p->command->options, name, length);
    option = option ? option : find_long(cli_common_options, name, length);
    bool on = true;
    if (!option && length > 3 && strncmp(name, "no-", 3) == 0) {
        option = find_long(p->command->options, name + 3, length - 3);
        option = option ? option : find_long(cli_common_options, name + 3, length - 3);
        option = option && option->kind == CLI_FLAG ? option : NULL;
        on = false;
    }
    if (!option) {
        return fail_unknown(p, text);
    }
    char shown[80];
    snprintf(shown, sizeof shown, "--%.*s", (int)length, name);
    mark_given(p, option);
    if (option->kind == CLI_FLAG && !attached) {
        *(bool *)(base_of(p, option) + option->offset) = on;
        return ELECTRA_OK;
    }
    return take_values(p, option, shown, attached);
}

/* -n, -n value, -nvalue. */
static electra_status parse_short(parser *p, const char *text)
{
    const cli_option *option = find_short(p->command->options, text[1]);
    option = option ? option : find_short(cli_common_options, text[1]);
    if (!option) {
        return fail_unknown(p, text);
    }
    const char *attached = text[2] ? text + 2 : NULL;
    char shown[3] = {'-', text[1], '\0'};
    mark_given(p, option);
    if (option->kind == CLI_FLAG && !attached) {
        *(bool *)(base_of(p, option) + option->offset) = true;
        return ELECTRA_OK;
    }
    return take_values(p, option, shown, attached);
}

static electra_status parse_all(parser *p)
{
    bool options_over = false;
    while (p->at < p->argc) {
        const char *text = p->argv[p->at++];
        electra_status status;
        if (options_over || !looks_like_option(text)) {
            status = add_to_list(p, p->arguments, text);
        } else if (strcmp(text, "--") == 0) {
            options_over = true;
            status = ELECTRA_OK;
        } else {
            status = text[1] == '-' ? parse_long(p, text) : parse_short(p, text);
        }
        if (status != ELECTRA_OK) {
            return status;
        }
    }
    return ELECTRA_OK;
}

static electra_status check_complete(const parser *p)
{
    size_t n = count_options(p->command->options);
    for (size_t i = 0; i < n; ++i) {
        const cli_option *option = &p->command->options[i];
        if (option->required && !p->given[i]) {
            char shown[80];
            snprintf(shown, sizeof shown, "--%s", option->name);
            return cli_fail(p->err, ELECTRA_MISUSE, shown, "is required: %s", option->help ? option->help : "");
        }
    }
    if (p->arguments->n > 0 && !p->command->arguments) {
        return cli_fail(p->err, ELECTRA_MISUSE, p->arguments->items[0],
                        "'electra %s' takes no argument without an option", p->command->name);
    }
    return ELECTRA_OK;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; ++i) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

electra_status cli_parse(const cli_command *command, int argc, char **argv, cli_common *common, void *values,
                         cli_list *arguments, bool *help_asked, electra_error *err)
{
    memset(values, 0, command->values_size);
    *arguments = (cli_list){0};
    if (command->set_defaults) {
        command->set_defaults(values);
    }
    *help_asked = asks_for_help(argc, argv);
    if (*help_asked) {
        return ELECTRA_OK;
    }
    parser p = {.command = command, .argc = argc, .argv = argv, .values = values, .arguments = arguments, .err = err};
    cli_common_defaults(&p.common);
    common->seed_given = false;
    p.seed_given = &common->seed_given;
    p.given = calloc(count_options(command->options) + 1, sizeof *p.given);
    if (!p.given) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for the options");
    }
    electra_status status = parse_all(&p);
    if (status == ELECTRA_OK) {
        status = apply_common(&p.common, common, err);
    }
    if (status == ELECTRA_OK) {
        status = check_complete(&p);
    }
    free(p.given);
    return status;
}

void cli_values_clear(const cli_command *command, void *values, cli_list *arguments)
{
    for (const cli_option *option = command->options; option && option->name; ++option) {
        if (option->kind == CLI_LIST) {
            cli_list *list = (void *)((unsigned char *)values + option->offset);
            free(list->items);
            *list = (cli_list){0};
        }
    }
    free(arguments->items);
    *arguments = (cli_list){0};
}
