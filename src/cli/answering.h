/* What the commands that answer line by line share: a model, a session, lines in, JSON or words out.
 *
 *     typedef struct detect_values { cli_answer_values answer; double threshold; } detect_values;
 *     static const cli_option OPTIONS[] = {CLI_MODEL_OPTION("a discriminator's directory"), CLI_INPUT_OPTIONS, ...};
 *     typedef struct job { cli_answering a; ... } job;
 *     return cli_answer(&(cli_answerer){"detecting", check, answer}, &v->answer, arguments, &job.a, err);
 */
#ifndef EL_CLI_ANSWERING_H
#define EL_CLI_ANSWERING_H

#include "texts.h"

/* First in the values of such a command. */
typedef struct cli_answer_values {
    const char *model;
    int format;
    const char *text_column, *pair_column, *separator;
    long max_length;
    bool truncate;
} cli_answer_values;

#define CLI_MODEL_OPTION(text)                                                                                         \
    {                                                                                                                  \
        "model", 'm', CLI_STRING, offsetof(cli_answer_values, model), "DIR", .required = true, .help = (text)          \
    }
#define CLI_FORMAT_OPTION(text)                                                                                        \
    {                                                                                                                  \
        "format", 0, CLI_CHOICE, offsetof(cli_answer_values, format), "KIND", .choices = CLI_FORMAT_CHOICES,           \
                                                                              .help = (text)                           \
    }
#define CLI_TEXT_COLUMN_OPTION                                                                                         \
    {                                                                                                                  \
        "text-column", 0, CLI_STRING, offsetof(cli_answer_values, text_column), "COLUMN",                              \
            .help = "tsv, csv: its number from 1, or its name in the first line, which is no text then (default: 1); " \
                    "jsonl: the name of a member"                                                                      \
    }
#define CLI_SEPARATOR_OPTION                                                                                           \
    {                                                                                                                  \
        "separator", 0, CLI_STRING, offsetof(cli_answer_values, separator), "CHAR",                                    \
            .help = "with --format csv: between cells (default: a comma)"                                              \
    }
#define CLI_PAIR_COLUMN_OPTION(text)                                                                                   \
    {                                                                                                                  \
        "pair-column", 0, CLI_STRING, offsetof(cli_answer_values, pair_column), "COLUMN", .help = (text)               \
    }
#define CLI_MAX_LENGTH_OPTION(text)                                                                                    \
    {                                                                                                                  \
        "max-length", 0, CLI_INTEGER, offsetof(cli_answer_values, max_length), "N", .least = 0, .most = 1e6,           \
                                                                                    .help = (text)                     \
    }
#define CLI_TRUNCATE_OPTION                                                                                            \
    {                                                                                                                  \
        "truncate", 0, CLI_FLAG, offsetof(cli_answer_values, truncate),                                                \
            .help = "cut longer texts at their end instead, with a warning"                                            \
    }

/* First in a command's own struct; cli_answer fills it. */
typedef struct cli_answering {
    const cli_common *common;
    FILE *out;
    const electra_model *model;
    electra_session *session;
    bool as_json; /* asked for, or nobody is looking */
    bool color;
    size_t n_texts, n_truncated;
} cli_answering;

typedef struct cli_answerer {
    const char *stage; /* for the progress line: "detecting" */
    /* Model and session are there: refuse what does not fit, before anything is read, and set the shape of the lines
     * (CLI_SHAPE_TEXT as it comes). */
    electra_status (*check)(cli_answering *a, cli_shape *shape, electra_error *err);
    /* Ask, then print the answers of a batch of lines (see cli_answer_fn). */
    electra_status (*answer)(cli_answering *a, const cli_batch *batch, electra_error *err);
} cli_answerer;

electra_status cli_answer(const cli_answerer *answerer, const cli_common *common, const cli_answer_values *values,
                          const cli_list *files, cli_answering *a, electra_error *err);

/* ---- for printing ------------------------------------------------------------------------------------------------ */

/* A number with as many digits as make it come back the same, at least six where there are as many; null if it is none.
 */
void cli_print_score(FILE *out, float score);

/* {"NAME": and ,"NAME": with a score or a text behind it. */
void cli_print_score_member(FILE *out, const char *before, const char *name, float score);
void cli_print_text_member(FILE *out, const char *before, const char *name, electra_text text);

#endif
