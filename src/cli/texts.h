/* Texts from files or stdin in batches, for the commands that answer each text on its own (detect, fill). */
#ifndef EL_CLI_TEXTS_H
#define EL_CLI_TEXTS_H

#include "records.h"

/* Where a text stands, for messages. */
typedef struct cli_place {
    const char *file;
    uint64_t line; /* from 1 */
} cli_place;

typedef struct cli_text_batch {
    const electra_text *texts; /* [n] */
    const cli_place *places;   /* [n] */
    size_t n;
} cli_text_batch;

/* Answers all texts of a batch, in order. */
typedef electra_status cli_answer_fn(void *user, const cli_text_batch *batch, electra_error *err);

/* Read all files (none: stdin; "-" is stdin too) and answer their lines: what is there is answered at once, so a line
 * typed at a terminal is answered before the next. Pairs of texts are refused. `stage` is the word for the progress
 * line. */
electra_status cli_answer_texts(const cli_common *common, cli_record_format *format, const cli_list *files,
                                const char *stage, cli_answer_fn *answer, void *user, electra_error *err);

/* The options --format and --text-column for a command whose values begin with a cli_text_values. */
typedef struct cli_text_values {
    int format;
    const char *text_column;
} cli_text_values;
#define CLI_TEXT_OPTIONS                                                                                               \
    {"format",                                                                                                         \
     0,                                                                                                                \
     CLI_CHOICE,                                                                                                       \
     offsetof(cli_text_values, format),                                                                                \
     "KIND",                                                                                                           \
     .choices = CLI_FORMAT_CHOICES,                                                                                    \
     .help = "of the input: a line a text, columns between tabs, or JSON objects with \"text\""},                      \
    {                                                                                                                  \
        "text-column", 0, CLI_STRING, offsetof(cli_text_values, text_column), "COLUMN",                                \
            .help = "with --format tsv: number from 1, or name in the first line"                                      \
    }

/* A probability with as many digits as make it come back the same, at least six where there are as many. */
void cli_print_score(FILE *out, float score);

#endif
